"""Sessions: the traces of one conversation together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.entities.constant import TraceTagKey
from nbtrace.entities.session import Session
from nbtrace.search.fetching import fetch
from nbtrace.search.query import Query
from nbtrace.search.syntax import Condition, Field
from nbtrace.search.traces import (
    MAX_RESULTS,
    check_limit,
    experiment_ids,
    extra_conditions,
    load_traces,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from nbtrace.store.store import Store

__all__ = ["search_sessions"]

# Traces looked at for the sessions they belong to.
TRACES_AT_ONCE = 1_000

_SESSION = Field("tag", TraceTagKey.SESSION, "text")


def search_sessions(  # noqa: PLR0913 - MLflow's parameters
    store: Store,
    *,
    max_results: int = 100,
    run_id: str | None = None,
    model_id: str | None = None,
    include_spans: bool = True,
    locations: Sequence[str] | None = None,
) -> list[Session]:
    """Return the newest sessions with their traces.

    Parameters
    ----------
    store : Store
        Where to look.
    max_results : int
        Number of sessions, from 1 to 50,000.
    run_id, model_id : str or None
        Only the traces of this run or model.
    include_spans : bool
        Whether to read the span files.
    locations : sequence of str or None
        Ids or names of experiments; all of the store without.

    Returns
    -------
    list of Session
        By their latest trace, newest first.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a number that cannot work.
    """
    check_limit(max_results)
    ids = experiment_ids(store, locations)
    extra = extra_conditions(None, run_id, model_id)
    found = []
    with store.database.reading() as connection:
        # The traces of sessions newest first, until enough sessions have been seen.
        query = Query(None, ids, extra=(*extra, Condition(_SESSION, "IS NOT NULL")))
        names: dict[str, None] = {}
        place: tuple[object, ...] | None = None
        while len(names) < max_results:
            rows = query.page(connection, TRACES_AT_ONCE, place)
            if not rows:
                break
            place = rows[-1]
            for key in _sessions_of(connection, [row[-1] for row in rows]):
                names.setdefault(key)
                if len(names) == max_results:
                    break
        for name in names:
            members = Query(
                None, ids, ["timestamp ASC"], extra=(*extra, Condition(_SESSION, "=", name))
            )
            found.append([row[-1] for row in members.page(connection, MAX_RESULTS)])
    return [Session(load_traces(store, keys, include_spans=include_spans)[0]) for keys in found]


def _sessions_of(connection: sqlite3.Connection, keys: Sequence[int]) -> list[str]:
    """Return the session of each trace, in the order of the keys."""
    rows = fetch(
        connection,
        "SELECT t.id, j.atom FROM traces t, json_each(t.tags) j"
        " WHERE t.id IN (SELECT value FROM json_each(?)) AND j.key = ?",
        ("[" + ",".join(map(str, keys)) + "]", TraceTagKey.SESSION),
    )
    sessions = dict(rows)
    return [sessions[key] for key in keys if key in sessions]
