"""What a process that died left behind, brought into the store.

Each recording process has a directory under ``active/`` with a lock that dies with it, its journal
and its table of scopes. Where the lock can be taken the process is gone: its finished spans become
parts of their traces, its open spans are closed as incomplete, and a trace whose root it had
becomes ERROR, tagged ``nbtrace.recovered``. One process at a time recovers a store; others that
open it meanwhile wait for it, since what they look for may be in those journals. Everything is an
upsert, so that one killed in the middle does no harm. A journal whose lock is held is never
touched.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities.constant import NbtraceKey, TraceTagKey
from nbtrace.store.errors import StoreUnavailable
from nbtrace.store.locks import ACTIVE_NAME, LOCK_NAME, try_lock, unlock
from nbtrace.store.ownership import has_root
from nbtrace.store.rows import SpanRow, TraceRow
from nbtrace.store.scopes import read_scopes
from nbtrace.store.segments import OPEN, TRACE, read_segment, segments_in_order
from nbtrace.store.span_files import write_part

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace.store.scopes import ScopeTable
    from nbtrace.store.segments import Record
    from nbtrace.store.store import Store

logger = logging.getLogger("nbtrace")

# A process makes its directory a moment before it has the lock; one this old had its chance.
GRACE_SECONDS = 60.0
# Held by the process that recovers; in the store's directory, where no journal is looked for.
RECOVERY_LOCK_NAME = "recovery.lock"
# A journal of 100,000 spans takes about a second; after this a search goes on without the rest.
WAIT_SECONDS = 10.0
_ERROR = 2
_DIED = "the process ended before the span did"
# What of a trace's record says where its span files are.
_PLACE = ("experiment_id", "request_time")


@dataclass(slots=True)
class _Left:
    """What a journal holds of one trace."""

    lines: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    open: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    record: dict[str, Any] | None = None


def recover(store: Store, *, other_than: str | None = None) -> int:
    """Bring the journals of dead processes into the store.

    Parameters
    ----------
    store : Store
        The store to look after.
    other_than : str, optional
        Name of this process's own journal.

    Returns
    -------
    int
        Number of traces that were recovered.
    """
    lock = _wait_for_others(store.directory / RECOVERY_LOCK_NAME)
    try:
        directories = sorted((store.directory / ACTIVE_NAME).iterdir())
        return sum(
            _recover_one(store, directory)
            for directory in directories
            if directory.name != other_than
        )
    except OSError:
        return 0
    finally:
        if lock is not None:
            unlock(lock)


def _wait_for_others(path: Path) -> int | None:
    """Return the lock of the process that recovers, None where it cannot be had in time."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            lock = try_lock(path)
        except OSError:  # a read-only store, which nobody recovers
            return None
        if lock is not None or time.monotonic() > end:
            return lock
        time.sleep(0.02)


def _recover_one(store: Store, directory: Path) -> int:
    path = directory / LOCK_NAME
    handle: int | None = None
    try:
        if not path.exists() and time.time() - directory.stat().st_mtime < GRACE_SECONDS:
            return 0
        handle = try_lock(path)
        if handle is None:
            return 0
        if path.stat().st_size == 0 and time.time() - path.stat().st_mtime < GRACE_SECONDS:
            return 0
        count = _recover_journal(store, directory)
        _close_rows(store, directory.name)
        for left in directory.glob("*"):
            if left.name != LOCK_NAME:
                left.unlink()
        unlock(handle)
        handle = None
        path.unlink(missing_ok=True)
        directory.rmdir()
        return count
    except (OSError, sqlite3.Error, StoreUnavailable):
        # A read-only store is recovered by whoever can write it.
        logger.debug("the journal %s could not be recovered", directory.name, exc_info=True)
        return 0
    finally:
        if handle is not None:
            unlock(handle)


def _recover_journal(store: Store, directory: Path) -> int:
    scopes = read_scopes(directory)
    traces: dict[str, _Left] = {}
    for segment in segments_in_order(directory):
        for record in read_segment(segment):
            with contextlib.suppress(orjson.JSONDecodeError, KeyError):
                _sort_in(traces, record)
    rows: list[TraceRow] = []
    for trace_id, left in traces.items():
        _forget_stored(store, trace_id, left)
        row = _write(store, directory.name, trace_id, left, scopes)
        if row is not None:
            rows.append(row)
    if rows:
        store.database.upsert_traces(rows, process=directory.name)
    return len(rows)


def _forget_stored(store: Store, trace_id: str, left: _Left) -> None:
    """Leave out what is in the database, of a trace that was wholly written before the end.

    Its records lay in a segment with others that were still needed. Others may have changed its
    tags or deleted it since, which must not be undone.
    """
    with store.database.reading() as connection:
        deleted = connection.execute(
            "SELECT 1 FROM trash_traces WHERE trace_id = ?", (trace_id,)
        ).fetchone()
        stored = connection.execute(
            "SELECT id, state FROM traces WHERE trace_id = ?", (trace_id,)
        ).fetchone()
        if deleted is not None:
            left.lines.clear()
            left.open.clear()
        elif stored is None:
            return
        else:
            ended = connection.execute(
                "SELECT span_id FROM spans WHERE trace = ? AND end_ns IS NOT NULL", stored[:1]
            )
            for (span_id,) in ended:
                left.lines.pop(span_id, None)
                left.open.pop(span_id, None)
            if stored[1] == "IN_PROGRESS":
                return
    if left.record is not None:
        left.record = (
            {key: left.record[key] for key in _PLACE if key in left.record}
            if left.lines or left.open
            else None
        )


def _sort_in(traces: dict[str, _Left], record: Record) -> None:
    line = record.line
    value = orjson.loads(line or record.payload)
    if record.kind == TRACE:
        traces.setdefault(value["trace_id"], _Left()).record = value
        return
    left = traces.setdefault("tr-" + value["traceId"], _Left())
    if line is not None:
        left.lines[value["spanId"]] = (record.scope, line)
        left.open.pop(value["spanId"], None)
    elif record.kind == OPEN and value["spanId"] not in left.lines:
        left.open[value["spanId"]] = (record.scope, record.payload)


def _write(
    store: Store, process: str, trace_id: str, left: _Left, scopes: ScopeTable
) -> TraceRow | None:
    record = left.record or {}
    # Of a trace that came by a `traceparent` the process with the root decides, if it is here.
    owned = bool(record.get("owned")) and not (
        record.get("remote_parent") and has_root(store.database, trace_id, process)
    )
    finished = record.get("state") is not None
    lines: dict[int, list[bytes]] = {}
    last = 0
    for scope, line in left.lines.values():
        lines.setdefault(scope, []).append(line)
    for scope, line in left.open.values():
        lines.setdefault(scope, []).append(_incomplete(line))
    if not lines and not record:
        return None
    request_time = record.get("request_time") or _earliest(lines) // 1_000_000
    experiment_id = record.get("experiment_id", "0")
    from nbtrace.store.indexing import SpanIndexer

    indexer = SpanIndexer()
    rows: list[SpanRow] = []
    part = f"{process}-recovered"
    if lines:
        places = write_part(
            store.span_location(experiment_id),
            trace_id,
            request_time,
            part,
            [scopes.group(scope, group) for scope, group in lines.items()],
        )
        for (scope, group), group_places in zip(lines.items(), places, strict=True):
            library = scopes.group(scope).scope
            for line, (offset, length) in zip(group, group_places, strict=True):
                row = indexer.row(line, 0, offset, length, library)
                last = max(last, row.end_ns or row.start_ns)
                rows.append(row)
    request, response = indexer.previews()
    tags: dict[str, str] = dict(record.get("tags") or {})
    named = TraceTagKey.TRACE_NAME not in (record.get("deleted_tags") or ())
    if owned and named and record.get("name"):
        tags[TraceTagKey.TRACE_NAME] = record["name"]
    died = owned and not finished
    if died:
        tags[NbtraceKey.RECOVERED] = "true"
    totals = indexer.totals()
    return TraceRow(
        trace_id=trace_id,
        experiment_id=experiment_id,
        request_time=request_time,
        execution_duration=max(0, last // 1_000_000 - request_time)
        if died
        else record.get("execution_duration"),
        state="ERROR" if died else record.get("state") or "IN_PROGRESS",
        name=(record.get("name") if named else None) or None,
        client_request_id=record.get("client_request_id"),
        request_preview=record.get("request_preview") or request,
        response_preview=record.get("response_preview") or response,
        tags=tags,
        deleted_tags=set(record.get("deleted_tags") or ()),
        metadata={**(record.get("metadata") or {}), **indexer.usage_metadata(totals)},
        spans=rows,
        parts=[part] if rows else [],
        process=None,
        **totals,
    )


def _earliest(lines: dict[int, list[bytes]]) -> int:
    return min(
        int(orjson.loads(line)["startTimeUnixNano"]) for group in lines.values() for line in group
    )


def _incomplete(line: bytes) -> bytes:
    """Mark the line of a span that never ended."""
    span = orjson.loads(line)
    span.setdefault("attributes", []).append(
        {"key": NbtraceKey.INCOMPLETE, "value": {"boolValue": True}}
    )
    span["status"] = {"code": _ERROR, "message": _DIED}
    encoded: bytes = orjson.dumps(span)
    return encoded


def _close_rows(store: Store, process: str) -> None:
    """Turn rows that the process left open to ERROR, where its journal had nothing of them."""
    with store.database.transaction() as connection:
        open_rows = connection.execute(
            "SELECT trace_id, experiment_id, request_time FROM traces"
            " WHERE process = ? AND state = 'IN_PROGRESS'",
            (process,),
        ).fetchall()
    if open_rows:
        store.database.upsert_traces(
            [
                TraceRow(
                    trace_id=trace_id,
                    experiment_id=experiment_id,
                    request_time=request_time,
                    state="ERROR",
                    tags={NbtraceKey.RECOVERED: "true"},
                )
                for trace_id, experiment_id, request_time in open_rows
            ],
            process=process,
        )
