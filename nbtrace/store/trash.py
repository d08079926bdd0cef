"""Deleting traces, and bringing them back.

A deleted trace's rows move to the trash tables in one transaction, its span files stay where they
are; no search and no look-up sees it any more, and a late span does not bring it back. `restore`
moves the rows back. What is to be freed for good is marked first (`deleted_at` 0) and can then no
longer be restored; `nbtrace.store.retention` does that.
"""

# ruff: noqa: S608 - the text is made of tables and columns of ours; values are bound
from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities.checks import checked_items, checked_whole_number
from nbtrace.entities.identifiers import normalize_trace_id
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from nbtrace.store.database import Database

__all__ = ["BEING_FREED", "TRASHED_TABLES", "delete_traces", "move_to_trash", "restore_traces"]

# What `deleted_at` says of a trace whose files may be gone already.
BEING_FREED = 0
# The tables whose rows belong to a trace by their column `trace`; each has a twin trash_<table>.
TRASHED_TABLES = (
    "spans",
    "trace_tags",
    "trace_metadata",
    "span_values",
    "assessments",
    "links",
    "span_texts",
)
# Tables without an index by trace: their rows are found by what is in the trace's other rows.
_INDEX_TABLES = ("trace_tags", "trace_metadata", "span_values")
# A list of keys travels as one parameter; SQLite takes some megabytes, this is far below.
KEYS_AT_ONCE = 10_000


def delete_traces(  # noqa: PLR0913 - MLflow's parameters
    database: Database,
    experiment_id: str,
    max_timestamp_millis: int | None = None,
    max_traces: int | None = None,
    trace_ids: Sequence[str] | None = None,
    *,
    now_ms: int | None = None,
) -> int:
    """Move traces to the trash, all in one transaction.

    Parameters
    ----------
    database : Database
        Where they are.
    experiment_id : str
        Only traces of this experiment.
    max_timestamp_millis : int, optional
        Those that began then or earlier, in milliseconds since the epoch.
    max_traces : int, optional
        Together with `max_timestamp_millis`: so many at most, the oldest first.
    trace_ids : sequence of str, optional
        Those with these ids, instead of by time.
    now_ms : int, optional
        The time of deletion, now by default.

    Returns
    -------
    int
        How many were deleted; ids that are not there do not count.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` unless exactly one of time and ids is given.
    """
    if max_timestamp_millis is None and not trace_ids:
        message = "Either `max_timestamp_millis` or `trace_ids` must be specified."
        raise NbtraceError.invalid(message)
    if max_timestamp_millis is not None and trace_ids:
        message = "Only one of `max_timestamp_millis` and `trace_ids` can be specified."
        raise NbtraceError.invalid(message)
    if trace_ids and max_traces is not None:
        message = "`max_traces` can't be specified if `trace_ids` is specified."
        raise NbtraceError.invalid(message)
    # SQLite would take a text for later than every time, and every trace would go.
    if max_timestamp_millis is not None:
        max_timestamp_millis = checked_whole_number("max_timestamp_millis", max_timestamp_millis)
    if max_traces is not None and checked_whole_number("max_traces", max_traces) <= 0:
        message = f"`max_traces` must be a positive integer, received {max_traces}."
        raise NbtraceError.invalid(message)
    checked_items("trace_ids", trace_ids)
    with database.transaction() as connection:
        if trace_ids:
            found = connection.execute(
                "SELECT id FROM traces WHERE experiment_id = ?"
                " AND trace_id IN (SELECT value FROM json_each(?))",
                (str(experiment_id), _listed(map(normalize_trace_id, trace_ids))),
            )
        else:
            found = connection.execute(
                "SELECT id FROM traces WHERE experiment_id = ? AND request_time <= ?"
                " ORDER BY request_time, id LIMIT ?",
                (
                    str(experiment_id),
                    max_timestamp_millis,
                    -1 if max_traces is None else max_traces,
                ),
            )
        keys = [row[0] for row in found]
        move_to_trash(connection, keys, now_ms)
    return len(keys)


def move_to_trash(
    connection: sqlite3.Connection, keys: Sequence[int], now_ms: int | None = None
) -> None:
    """Move the rows of traces to the trash.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    keys : sequence of int
        ``traces.id``.
    now_ms : int, optional
        The time of deletion, now by default.
    """
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    for some in _chunks(keys):
        listed = _listed(some)
        index_rows = _index_rows(connection, listed)
        for table in TRASHED_TABLES:
            if table in _INDEX_TABLES:
                rows = index_rows[table]
                connection.executemany(
                    f"INSERT OR REPLACE INTO trash_{table} VALUES (?, ?, ?, ?, {now})", rows
                )
                first = "field" if table == "span_values" else "key"
                connection.executemany(
                    f"DELETE FROM {table} WHERE {first} = ? AND value = ? AND request_time = ?"
                    " AND trace = ?",
                    rows,
                )
                continue
            where = "trace IN (SELECT value FROM json_each(?))"
            connection.execute(
                f"INSERT OR REPLACE INTO trash_{table} SELECT *, ? FROM {table} WHERE {where}",
                (now, listed),
            )
            connection.execute(f"DELETE FROM {table} WHERE {where}", (listed,))
        where = "id IN (SELECT value FROM json_each(?))"
        connection.execute(
            f"INSERT OR REPLACE INTO trash_traces SELECT *, ? FROM traces WHERE {where}",
            (now, listed),
        )
        connection.execute(f"DELETE FROM traces WHERE {where}", (listed,))


def _index_rows(connection: sqlite3.Connection, listed: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return the index rows of traces, from the rows that they were made from."""
    found: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _INDEX_TABLES}
    times: dict[int, int] = {}
    for key, request_time, tags, metadata in connection.execute(
        "SELECT id, request_time, tags, metadata FROM traces"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (listed,),
    ):
        times[key] = request_time
        for table, text in (("trace_tags", tags), ("trace_metadata", metadata)):
            found[table] += [(*item, request_time, key) for item in orjson.loads(text).items()]
    for field in ("name", "type", "status"):
        found["span_values"] += [
            (field, value, times[key], key)
            for key, value in connection.execute(
                f"SELECT DISTINCT trace, {field} FROM spans"
                " WHERE trace IN (SELECT value FROM json_each(?))",
                (listed,),
            )
        ]
    return found


def restore_traces(database: Database, trace_ids: Sequence[str]) -> int:
    """Bring deleted traces back, all in one transaction.

    Parameters
    ----------
    database : Database
        Where they were.
    trace_ids : sequence of str
        Their ids.

    Returns
    -------
    int
        How many came back. One that is freed for good, or whose id is in use again, does not.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` if the ids are no list.
    """
    checked_items("trace_ids", trace_ids)
    with database.transaction() as connection:
        keys = [
            row[0]
            for row in connection.execute(
                "SELECT id FROM trash_traces WHERE deleted_at != ?"
                " AND trace_id IN (SELECT value FROM json_each(?))"
                " AND trace_id NOT IN (SELECT trace_id FROM traces)",
                (BEING_FREED, _listed(map(normalize_trace_id, trace_ids))),
            )
        ]
        for some in _chunks(keys):
            listed = _listed(some)
            for table in ("traces", *TRASHED_TABLES):
                columns = ", ".join(
                    row[1] for row in connection.execute(f"PRAGMA table_info({table})")
                )
                column = "id" if table == "traces" else "trace"
                where = f"{column} IN (SELECT value FROM json_each(?))"
                connection.execute(
                    f"INSERT INTO {table} ({columns}) SELECT {columns} FROM trash_{table}"
                    f" WHERE {where}",
                    (listed,),
                )
                connection.execute(f"DELETE FROM trash_{table} WHERE {where}", (listed,))
    return len(keys)


def _listed(values: Iterable[Any]) -> str:
    return orjson.dumps(list(values)).decode()


def _chunks(keys: Sequence[int]) -> Iterable[Sequence[int]]:
    return (keys[place : place + KEYS_AT_ONCE] for place in range(0, len(keys), KEYS_AT_ONCE))
