"""Traces as the rows of a table."""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from nbtrace.entities.constant import STANDARD_TAG_KEYS, TraceTagKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.search.running import Run

__all__ = ["ListedTrace", "listed_traces"]

_COLUMNS = (
    "t.id, t.trace_id, t.experiment_id, t.request_time, t.execution_duration, t.state, t.name,"
    " t.span_count, t.error_count, t.total_tokens, t.input_tokens, t.output_tokens, t.cost,"
    " t.request_preview, t.response_preview, t.tags, t.metadata"
)


class ListedTrace(NamedTuple):
    """A trace as a row of a table.

    Attributes
    ----------
    trace_id : str
        ``"tr-"`` and 32 hex digits.
    experiment_id : str
        Its experiment.
    request_time : int
        Start in milliseconds since the epoch.
    duration : int or None
        Milliseconds, ``None`` while it is open.
    state : str
        ``"OK"``, ``"ERROR"``, ``"IN_PROGRESS"`` or ``"STATE_UNSPECIFIED"``.
    name : str or None
        Its name.
    spans, errors : int
        How many spans it has, and how many of them failed.
    tokens, input_tokens, output_tokens : int or None
        ``None`` when unknown.
    cost : float or None
        US dollars, ``None`` when unknown.
    session, user : str or None
        As tagged.
    request_preview, response_preview : str or None
        At most 1,000 characters each.
    tags, metadata : dict of str to str
        As `search_traces` shows them.

    Examples
    --------
    >>> ListedTrace("tr-1", "0", 5, None, "OK", None, 0, 0).tags
    {}
    """

    trace_id: str
    experiment_id: str
    request_time: int
    duration: int | None
    state: str
    name: str | None
    spans: int
    errors: int
    tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    session: str | None = None
    user: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    tags: dict[str, str] = {}  # noqa: RUF012 - never changed
    metadata: dict[str, str] = {}  # noqa: RUF012 - never changed


def listed_traces(run: Run, keys: Sequence[int]) -> list[ListedTrace]:
    """Return traces by their keys.

    Parameters
    ----------
    run : Run
        Reads the database.
    keys : sequence of int
        ``traces.id``.

    Returns
    -------
    list of ListedTrace
        In the order of the keys; a trace that is gone is left out.
    """
    if not len(keys):
        return []
    found = {
        row[0]: row
        for row in run.rows(
            f"SELECT {_COLUMNS} FROM traces t WHERE t.id IN (SELECT value FROM json_each(?))",
            (orjson.dumps(list(keys)).decode(),),
        )
    }
    return [_listed(found[key]) for key in keys if key in found]


def _listed(row: tuple[Any, ...]) -> ListedTrace:
    tags: dict[str, str] = orjson.loads(row[15])
    metadata: dict[str, str] = orjson.loads(row[16])
    standard = {key: value for key, value in tags.items() if key in STANDARD_TAG_KEYS}
    people = (tags.get(TraceTagKey.SESSION), tags.get(TraceTagKey.USER))
    return ListedTrace._make((*row[1:13], *people, *row[13:15], tags, metadata | standard))
