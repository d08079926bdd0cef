"""Links of traces to what is not a trace: the runs they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.entities.checks import checked_items
from nbtrace.entities.identifiers import normalize_trace_id
from nbtrace.exceptions import NbtraceError
from nbtrace.store.keys import trace_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.store.database import Database

__all__ = ["link_traces_to_run"]

# MLflow's bound.
MAX_TRACES = 100


def link_traces_to_run(database: Database, trace_ids: Sequence[str], run_id: str) -> None:
    """Say that traces belong to a run, by which ``run_id = '...'`` then finds them.

    Parameters
    ----------
    database : Database
        Where the traces are.
    trace_ids : sequence of str
        At most 100.
    run_id : str
        The run.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for more than 100 or no run, ``RESOURCE_DOES_NOT_EXIST`` if one
        of the traces is not there; then none is linked.
    """
    trace_ids = list(checked_items("trace_ids", trace_ids))
    if len(trace_ids) > MAX_TRACES:
        raise NbtraceError.invalid(f"trace_ids takes a list of at most {MAX_TRACES} ids")
    if not run_id:
        raise NbtraceError.invalid("run_id must name a run")
    with database.transaction() as connection:
        for trace_id in map(normalize_trace_id, trace_ids):
            key = trace_key(connection, database, trace_id)
            connection.execute(
                "INSERT OR IGNORE INTO links (trace, kind, target) VALUES (?, 'run', ?)",
                (key, str(run_id)),
            )
