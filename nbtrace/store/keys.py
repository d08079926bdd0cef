"""The key of a trace in the database, or the error that says there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    import sqlite3

    from nbtrace.store.database import Database

__all__ = ["trace_key"]


def trace_key(connection: sqlite3.Connection, database: Database, trace_id: str) -> int:
    """Return the key of a trace (``traces.id``).

    Parameters
    ----------
    connection : sqlite3.Connection
        To the database.
    database : Database
        Named in the error.
    trace_id : str
        ``"tr-"`` and 32 hex digits.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace.
    """
    row = connection.execute("SELECT id FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
    if row is None:
        raise NbtraceError.no_trace(trace_id, database.path.parent)
    key: int = row[0]
    return key
