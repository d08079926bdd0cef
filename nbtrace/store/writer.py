"""The background writer: from the journal to span files and database rows, in batches.

One daemon thread a process. It sleeps until a trace is submitted, waits a moment for company, then
writes each trace's new spans as one part file and all traces' rows in one transaction, and only
then lets go of the journal's records: killed at any point, the next process finds everything. While
traces are open it also wakes a few times a second to let the recorder look after them (``tick``).
Where no thread can be started the same is done at once, in ``submit``.

What fails (a full disk, a read-only directory) stays queued and is tried again; the journal keeps
the records meanwhile.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as SUPPRESS_KEY
from opentelemetry.context import Context, attach

from nbtrace.entities.constant import TraceTagKey
from nbtrace.store.errors import StoreUnavailable
from nbtrace.store.journal import SPAN
from nbtrace.store.rows import TraceRow
from nbtrace.store.span_files import write_part

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator, Sequence

    from nbtrace.store.indexing import SpanIndexer
    from nbtrace.store.journal import Journal
    from nbtrace.store.rows import SpanRow
    from nbtrace.store.scopes import ScopeTable
    from nbtrace.store.store import Store

logger = logging.getLogger("nbtrace")

# Traces that end together are written together: a transaction costs more than a row.
GATHER_SECONDS = 0.01
# How often open traces are looked after; the promise is about spans open for a second.
TICK_SECONDS = 0.25
# Rows of one transaction: short enough that another process never waits long for the database.
BATCH_TRACES = 200
# After a failure, how long until the next try.
RETRY_SECONDS = 2.0
# When nothing has come for so long, the text of what was written is made searchable, in slices of
# some 20 ms with a pause after each: it must not take time from whoever uses the machine.
QUIET_SECONDS = 2.0
SLICE_PAUSE_SECONDS = 0.1
# A part is closed at this size: what one reader has to load, and one POST has to carry.
PART_BYTES = 8 << 20


@dataclass(slots=True)
class TraceUpdate:
    """What is new of one trace since it was last written.

    Attributes
    ----------
    owned : bool
        Whether this process has the root; others leave state and times alone.
    request_time, execution_duration : int
        Milliseconds; the duration is None while the trace is open.
    state : str or None
        None while the trace is open.
    tags : dict
        Tags not written yet.
    root : tuple of int and bytes, or None
        Scope number and line of the root while it is open, for name and preview.
    positions : array
        Journal positions of the records not written yet.
    open_spans : list of tuple of int and bytes
        Scope number and line of each span that outlives its finished trace.
    first : bool
        Whether the trace has no row of this process yet.
    final : bool
        Whether the trace has finished. Until then the journal keeps what only a crash would need:
        the open spans and the trace's own record.
    more : bool
        Whether there is more to write than one update should hold in memory.
    held : list of int
        Positions kept in the journal by earlier updates, and then by this one.
    remote_parent : bool
        Whether the first span of this process has its parent in another one.
    """

    trace_id: str
    owned: bool
    experiment_id: str
    request_time: int
    execution_duration: int | None
    state: str | None
    name: str | None
    client_request_id: str | None
    request_preview: str | None
    response_preview: str | None
    tags: dict[str, str]
    deleted_tags: set[str]
    metadata: dict[str, str]
    root: tuple[int, bytes] | None
    positions: array[int]
    open_spans: list[tuple[int, bytes]]
    first: bool
    final: bool
    more: bool
    held: list[int]
    remote_parent: bool = False


class PendingTrace(Protocol):
    """A trace that has something to write.

    Attributes
    ----------
    indexer : SpanIndexer or None
        What the writer remembers of the spans it has written; None before the first.
    """

    indexer: SpanIndexer | None

    def take(self) -> TraceUpdate:
        """Return what is new."""

    def written(self, update: TraceUpdate, parts: Sequence[str]) -> None:
        """Note that an update is on disk, its spans in the named parts."""


@dataclass(slots=True)
class _Written:
    pending: PendingTrace
    update: TraceUpdate
    parts: list[str]
    row: TraceRow = field(repr=False)


class Writer:
    """Writes what is submitted, in its own thread.

    Parameters
    ----------
    store : Store
        Where to.
    journal : Journal
        Where the records are.
    scopes : ScopeTable
        The meaning of the records' scope numbers.
    process : str
        Name of the journal, part of the names of later parts.
    standard_tags : callable
        Returns the tags that every trace of this process has.
    tick : callable
        Called a few times a second while ``ticking``; returns whether to go on.
    """

    def __init__(  # noqa: PLR0913 - what it joins
        self,
        store: Store,
        journal: Journal,
        scopes: ScopeTable,
        process: str,
        *,
        standard_tags: Callable[[], dict[str, str]],
        tick: Callable[[], bool],
    ) -> None:
        self.problem: Exception | None = None
        self._store = store
        self._journal = journal
        self._scopes = scopes
        self._process = process
        self._standard_tags = standard_tags
        self._tags: dict[str, str] = {}
        self._tick = tick
        self.ticking = False
        self._parts = 0
        self._queue: deque[PendingTrace] = deque()
        self._flushing: deque[threading.Event] = deque()
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._closed = False
        self._working = threading.RLock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._threadless = False
        self._text_pause: float | None = None

    # Any thread

    def submit(self, pending: PendingTrace) -> None:
        """Ask for a trace to be written soon."""
        self._queue.append(pending)
        if not self._wake.is_set():
            self._wake.set()
            self._ensure_thread()
        if self._threadless:
            self._write_all()

    def keep_ticking(self) -> None:
        """Ask for ``tick`` to be called until it returns False."""
        if not self.ticking:
            self.ticking = True
            self._ensure_thread()
            self._wake.set()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was submitted is on disk.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        bool
            False when the time was up or the store cannot be written.
        """
        if not self._queue and not self._working_now():
            return self.problem is None
        self._ensure_thread()
        thread = self._thread
        if self._threadless or thread is None or thread is threading.current_thread():
            self._write_all()
            return self.problem is None
        done = threading.Event()
        self._flushing.append(done)
        self._urgent.set()
        self._wake.set()
        deadline = None if timeout is None else time.monotonic() + timeout
        while not done.wait(0.5 if deadline is None else min(0.5, deadline - time.monotonic())):
            if not thread.is_alive():
                self._write_all()
                break
            if deadline is not None and time.monotonic() >= deadline:
                return False
        return self.problem is None and not self._queue

    def close(self) -> None:
        """Write what is left and end the thread."""
        self._closed = True
        self._urgent.set()
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=10)
        self._write_all()

    def _working_now(self) -> bool:
        if self._working.acquire(blocking=False):
            self._working.release()
            return False
        return True

    def _ensure_thread(self) -> None:
        thread = self._thread
        if self._threadless or self._closed or (thread is not None and thread.is_alive()):
            return
        with self._starting:
            thread = self._thread
            if thread is not None and thread.is_alive():
                return
            thread = threading.Thread(target=self._run, name="nbtrace-writer", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # Pyodide, or an interpreter that is shutting down
                self._threadless = True
                return
            self._thread = thread

    # The thread

    def _run(self) -> None:
        # nbtrace's own SQL must not be traced by an instrumentor of sqlite3.
        attach(Context({SUPPRESS_KEY: True}))
        while not self._closed:
            self._wake.wait(TICK_SECONDS if self.ticking else self._text_pause)
            if self._text_pause is not None and not (self.ticking or self._wake.is_set()):
                self._work_on_text()
            if self._wake.is_set():
                self._urgent.wait(GATHER_SECONDS)
                self._wake.clear()
                self._urgent.clear()
                self._write_all()
                if self.problem is not None and self._queue and not self._closed:
                    self._urgent.wait(RETRY_SECONDS)
                    self._wake.set()
            if self.ticking:
                # off before the look, so that a trace that begins meanwhile switches it on again
                self.ticking = False
                try:
                    if self._tick():
                        self.ticking = True
                except Exception:
                    self.ticking = True
                    logger.debug("the look at open traces failed", exc_info=True)

    def _work_on_text(self) -> None:
        """Do a slice of what makes text searchable, then of emptying the trash of last week."""
        self._text_pause = None
        from nbtrace.store.retention import free_old_trash
        from nbtrace.store.text_index import index_pending, read_pending

        try:
            if (
                read_pending(self._store)
                or index_pending(self._store)
                or free_old_trash(self._store)
            ):
                self._text_pause = SLICE_PAUSE_SECONDS
        except Exception:
            logger.debug("text could not be made searchable yet", exc_info=True)

    def _write_all(self) -> None:
        with self._working:
            waiting = [self._flushing.popleft() for _ in range(len(self._flushing))]
            try:
                self._drain()
            except Exception as error:
                # A defect here must neither reach the traced code nor stop later traces.
                logger.exception("nbtrace could not write traces")
                self.problem = error
            finally:
                for event in waiting:
                    event.set()

    def _drain(self) -> None:
        while self._queue:
            batch: dict[int, PendingTrace] = {}
            while self._queue and len(batch) < BATCH_TRACES:
                pending = self._queue.popleft()
                batch[id(pending)] = pending
            try:
                self._write(list(batch.values()))
                self.problem = None
            except (OSError, sqlite3.Error, StoreUnavailable) as error:
                self.problem = error
                self._queue.extendleft(reversed(batch.values()))
                return

    def _write(self, batch: Sequence[PendingTrace]) -> None:
        # once a batch: the git commit may have changed, and finding it reads files
        self._tags = self._standard_tags()
        done: list[_Written] = []
        failure: Exception | None = None
        for pending in batch:
            try:
                done.append(self._write_files(pending))
            except (OSError, StoreUnavailable) as error:
                failure = error
                break
            except Exception:
                # A defect must not take the other traces along; the journal keeps this one.
                logger.exception("nbtrace could not write a trace")
        if done:
            self._store.database.upsert_traces([item.row for item in done])
            self._text_pause = QUIET_SECONDS
        for item in done:
            item.pending.written(item.update, item.parts)
            self._release(item.update)
            if item.update.more:
                self._queue.append(item.pending)
        if failure is not None:
            raise failure

    def _write_files(self, pending: PendingTrace) -> _Written:
        update = pending.take()
        groups: list[dict[int, list[bytes]]] = []
        size = PART_BYTES
        for scope, line in self._lines(update):
            if size >= PART_BYTES:
                groups.append({})
                size = 0
            groups[-1].setdefault(scope, []).append(line)
            size += len(line)
        # on the writer's thread, and not when nbtrace is imported
        from nbtrace.store.indexing import SpanIndexer

        indexer = pending.indexer
        if indexer is None:
            indexer = pending.indexer = SpanIndexer()
        rows: list[SpanRow] = []
        parts: list[str] = []
        for number, lines in enumerate(groups):
            part = self._part_name(update, number)
            places = write_part(
                self._store.span_location(update.experiment_id),
                update.trace_id,
                update.request_time,
                part,
                [(*self._scopes[scope], group) for scope, group in lines.items()],
            )
            parts.append(part)
            for (scope, group), group_places in zip(lines.items(), places, strict=True):
                library = self._scopes[scope][1]
                for line, (offset, length) in zip(group, group_places, strict=True):
                    rows.append(indexer.row(line, number, offset, length, library))
        if not groups and update.root is not None:
            indexer.see_root(orjson.loads(update.root[1]))
        return _Written(pending, update, parts, self._row(update, indexer, rows, parts))

    def _release(self, update: TraceUpdate) -> None:
        if update.final:
            self._journal.release(update.held)
            self._journal.release(update.positions)
        else:
            held = set(update.held)
            self._journal.release(item for item in update.positions if item not in held)

    def _lines(self, update: TraceUpdate) -> Iterator[tuple[int, bytes]]:
        read = self._journal.read
        for position in update.positions:
            kind, scope, line = read(position)
            if kind == SPAN:
                yield scope, line
            elif not update.final:
                update.held.append(position)
        yield from update.open_spans

    def _part_name(self, update: TraceUpdate, number: int) -> str:
        # The name of the first part is the root's: two processes must not write the same file.
        if update.owned and update.first and number == 0 and not update.remote_parent:
            return ""
        self._parts += 1
        return f"{self._process}-{self._parts}"

    def _row(
        self, update: TraceUpdate, indexer: SpanIndexer, rows: list[SpanRow], parts: list[str]
    ) -> TraceRow:
        tags = dict(update.tags)
        metadata = dict(update.metadata)
        request, response = indexer.previews()
        # The process with the root says what the trace is called and how long it took.
        owned = update.owned and not (update.remote_parent and self._has_root(update.trace_id))
        if update.first and owned:
            tags = {**self._tags, **tags}
        named = owned and TraceTagKey.TRACE_NAME not in update.deleted_tags
        if named and update.name:
            tags[TraceTagKey.TRACE_NAME] = update.name
        totals: dict[str, Any] = indexer.totals()
        metadata.update(indexer.usage_metadata(totals))
        return TraceRow(
            trace_id=update.trace_id,
            experiment_id=update.experiment_id,
            request_time=update.request_time,
            execution_duration=update.execution_duration if owned else None,
            state=update.state if owned and update.state else "IN_PROGRESS",
            name=update.name if named else None,
            client_request_id=update.client_request_id,
            request_preview=update.request_preview or request,
            response_preview=update.response_preview or response,
            tags=tags,
            deleted_tags=update.deleted_tags,
            metadata=metadata,
            spans=rows,
            parts=parts,
            process=self._process if owned and not update.state else None,
            **totals,
        )

    def _has_root(self, trace_id: str) -> bool:
        with self._store.database.reading() as connection:
            found = connection.execute(
                "SELECT 1 FROM traces WHERE trace_id = ? AND (process IS NOT NULL AND process != ?"
                " OR EXISTS (SELECT 1 FROM spans WHERE trace = traces.id AND parent_id IS NULL))",
                (trace_id, self._process),
            ).fetchone()
        return found is not None
