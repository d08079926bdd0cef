"""Which process of several that share a trace says how it went: the one that has the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbtrace.store.database import Database


def has_root(database: Database, trace_id: str, process: str) -> bool:
    """Return whether another process has, or had, the root of a trace in the same store.

    Parameters
    ----------
    database : Database
        Of the store.
    trace_id : str
        ``"tr-"`` and 32 hex digits.
    process : str
        Name of the journal of the process that asks, which has a part of the trace.

    Returns
    -------
    bool
        Whether the trace's state, times and name are another's business.
    """
    with database.reading() as connection:
        found = connection.execute(
            "SELECT 1 FROM traces WHERE trace_id = ? AND (process IS NOT NULL AND process != ?"
            " OR EXISTS (SELECT 1 FROM spans WHERE trace = traces.id AND parent_id IS NULL))",
            (trace_id, process),
        ).fetchone()
    return found is not None
