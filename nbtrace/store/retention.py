"""Freeing what is no longer wanted: rows, span files, attachments and text together.

Everything goes through the trash. A batch of traces is first marked as being freed, then loses its
files, then its rows and its words in the index, so that whoever is interrupted anywhere leaves
nothing that the next run does not find: a row outlives its files and never the other way round.
"""

# ruff: noqa: S608 - the text is made of tables of ours; values are bound
from __future__ import annotations

import contextlib
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.store.attachments import (
    attachment_files,
    half_written,
    lost_directories,
    remove_attachments,
)
from nbtrace.store.removal import remove_parts
from nbtrace.store.text_index import forget_words, renew_terms
from nbtrace.store.trash import BEING_FREED, TRASHED_TABLES, move_to_trash

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbtrace.store.store import Store

__all__ = ["Freed", "collect_garbage", "free_old_trash"]

# Traces of one transaction: other processes wait for some 50 ms.
TRACES_AT_ONCE = 200
# How long a deleted trace can be restored when nobody runs gc.
TRASH_DAYS = 7
DAY_MS = 86_400_000
# The database file is made smaller when so much of it is empty.
EMPTY_SHARE = 0.2


@dataclass(slots=True)
class Freed:
    """What was freed, or would be.

    Attributes
    ----------
    traces : int
        Traces.
    files : int
        Span files and attachments.
    file_bytes : int
        Their size, as far as it is known (not that of objects in a remote store).

    Examples
    --------
    >>> Freed().traces
    0
    """

    traces: int = 0
    files: int = 0
    file_bytes: int = 0


def collect_garbage(  # noqa: PLR0913 - what a person can ask for
    store: Store,
    *,
    older_than_ms: float | None = None,
    keep_tags: Mapping[str, str] | None = None,
    dry_run: bool = False,
    now_ms: int | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> Freed:
    """Free every deleted trace and, if asked, old ones.

    Parameters
    ----------
    store : Store
        Whose.
    older_than_ms : float, optional
        Finished traces that began longer ago than so many milliseconds are deleted first.
    keep_tags : mapping of str to str, optional
        Of these, those with one of these tags stay.
    dry_run : bool
        Whether only to say what would be freed.
    now_ms : int, optional
        What age counts from, in milliseconds since the epoch; now by default.
    progress : callable, optional
        Called with the number of traces done and the number of all.

    Returns
    -------
    Freed
        What was freed, or would be.

    Raises
    ------
    StoreUnavailable
        If the database cannot be written.
    """
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    old = _old(store, now, older_than_ms, keep_tags or {})
    with store.database.reading() as connection:
        trashed = [row[0] for row in connection.execute("SELECT id FROM trash_traces")]
    freed = Freed()
    total = len(old) + len(trashed)
    for table, keys in (("trash_traces", trashed), ("traces", old)):
        for place in range(0, len(keys), TRACES_AT_ONCE):
            some = keys[place : place + TRACES_AT_ONCE]
            if dry_run:
                _look_at(store, table, some, freed)
            else:
                if table == "traces":
                    with store.database.transaction() as connection:
                        move_to_trash(connection, _still_old(connection, some, keep_tags or {}))
                _free(store, some, freed)
            if progress is not None:
                progress(len(some), total)
    _free_lost_attachments(store, freed, remove=not dry_run)
    if freed.traces and not dry_run:
        renew_terms(store)
        _shrink(store)
    return freed


def free_old_trash(store: Store, *, now_ms: int | None = None) -> int:
    """Free some of the traces that were deleted more than a week ago.

    Parameters
    ----------
    store : Store
        Whose.
    now_ms : int, optional
        What age counts from; now by default.

    Returns
    -------
    int
        How many were freed; 0 when none is left.

    Raises
    ------
    StoreUnavailable
        If the database cannot be written.
    """
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    with store.database.reading() as connection:
        keys = [
            row[0]
            for row in connection.execute(
                "SELECT id FROM trash_traces WHERE deleted_at <= ? LIMIT ?",
                (now - TRASH_DAYS * DAY_MS, TRACES_AT_ONCE // 4),
            )
        ]
    freed = Freed()
    if keys:
        _free(store, keys, freed)
    return freed.traces


def _old(
    store: Store, now: int, older_than_ms: float | None, keep_tags: Mapping[str, str]
) -> list[int]:
    if older_than_ms is None:
        return []
    with store.database.reading() as connection:
        keys = [
            row[0]
            for row in connection.execute(
                "SELECT id FROM traces WHERE request_time < ? AND process IS NULL"
                " ORDER BY request_time, id",
                (now - older_than_ms,),
            )
        ]
        return _still_old(connection, keys, keep_tags)


def _still_old(
    connection: sqlite3.Connection, keys: Sequence[int], keep_tags: Mapping[str, str]
) -> list[int]:
    """Leave out what is kept, also if its tag was set since the keys were listed."""
    kept: set[int] = set()
    for key, value in keep_tags.items():
        kept |= {
            row[0]
            for row in connection.execute(
                "SELECT trace FROM trace_tags WHERE key = ? AND value = ?", (key, value)
            )
        }
    return [key for key in keys if key not in kept]


_PLACE = "trace_id, experiment_id, request_time, parts"


def _look_at(store: Store, table: str, keys: Sequence[int], freed: Freed) -> None:
    with store.database.reading() as connection:
        rows = connection.execute(
            f"SELECT {_PLACE} FROM {table} WHERE id IN (SELECT value FROM json_each(?))",
            (orjson.dumps(list(keys)).decode(),),
        ).fetchall()
    for row in rows:
        _files(store, row, freed, remove=False)
        freed.traces += 1


def _free(store: Store, keys: Sequence[int], freed: Freed) -> None:
    listed = orjson.dumps(list(keys)).decode()
    where = "trace IN (SELECT value FROM json_each(?))"
    with store.database.transaction() as connection:
        marked = "WHERE id IN (SELECT value FROM json_each(?))"
        found = connection.execute(
            f"SELECT {_PLACE}, id FROM trash_traces {marked}", (listed,)
        ).fetchall()
        # From here on it cannot be restored.
        connection.execute(
            f"UPDATE trash_traces SET deleted_at = ? {marked}", (BEING_FREED, listed)
        )
    listed = orjson.dumps([row[-1] for row in found]).decode()
    for row in found:
        _files(store, row[:-1], freed, remove=True)
    with store.database.transaction() as connection:
        forget_words(connection, "trash_span_texts", where, (listed,))
        for table in TRASHED_TABLES:
            connection.execute(f"DELETE FROM trash_{table} WHERE {where}", (listed,))
        connection.execute(f"DELETE FROM text_pending WHERE {where}", (listed,))
        connection.execute(f"DELETE FROM trash_traces {marked}", (listed,))
    freed.traces += len(found)


def _files(store: Store, row: tuple[str, str, int, str], freed: Freed, *, remove: bool) -> None:
    trace_id, experiment_id, request_time, parts = row
    # A process that did not know the trace's experiment wrote to its own.
    for location in dict.fromkeys(map(store.span_location, (experiment_id, "0"))):
        files, size = remove_parts(
            location, trace_id, request_time, orjson.loads(parts), remove=remove
        )
        freed.files += files
        freed.file_bytes += size
    _attachments(store, trace_id, freed, remove=remove)


def _attachments(store: Store, trace_id: str, freed: Freed, *, remove: bool) -> None:
    count, size = attachment_files(store.directory, trace_id)
    freed.files += count
    freed.file_bytes += size
    if remove:
        remove_attachments(store.directory, trace_id)


def _free_lost_attachments(store: Store, freed: Freed, *, remove: bool) -> None:
    """Free the attachments of traces that the store does not know."""
    for trace_id in lost_directories(store.directory):
        with store.database.reading() as connection:
            (known,) = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM traces WHERE trace_id = ?)"
                " OR EXISTS (SELECT 1 FROM trash_traces WHERE trace_id = ?)",
                (trace_id, trace_id),
            ).fetchone()
        if not known:
            _attachments(store, trace_id, freed, remove=remove)
    for path in half_written(store.directory):
        freed.files += 1
        freed.file_bytes += path.stat().st_size
        if remove:
            path.unlink(missing_ok=True)


def _shrink(store: Store) -> None:
    """Give the disk back what the database no longer needs, if nobody else is using it."""
    with store.database.reading() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (empty,) = connection.execute("PRAGMA freelist_count").fetchone()
        # Another process may be reading; the space is used again by what comes.
        with contextlib.suppress(sqlite3.OperationalError):
            if empty > EMPTY_SHARE * pages:
                connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
