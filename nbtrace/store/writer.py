"""The background writer: from the journal to span files and database rows, in batches.

One daemon thread a process. It sleeps until a trace is submitted, waits a moment for company, then
writes each trace's new spans as one part file and all traces' rows in one transaction, and only
then lets go of the journal's records: killed at any point, the next process finds everything. While
traces are open it also wakes a few times a second to let the recorder look after them (``tick``).
Where no thread can be started the same is done at once, in ``submit``.

What fails (a full disk, a read-only directory) stays queued and is tried again, without holding up
traces that can be written; the journal keeps the records meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as SUPPRESS_KEY
from opentelemetry.context import Context, attach

from nbtrace.otel import importing
from nbtrace.store.errors import StoreUnavailable
from nbtrace.store.serializer import Serializer
from nbtrace.store.span_files import is_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbtrace.store.journal import Journal
    from nbtrace.store.scopes import ScopeTable
    from nbtrace.store.serializer import SerializedTrace
    from nbtrace.store.store import Store
    from nbtrace.store.trace_update import PendingTrace, TraceUpdate

logger = logging.getLogger("nbtrace")

# Traces that end together are written together: a transaction costs more than a row.
GATHER_SECONDS = 0.01
# How often open traces are looked after; the promise is about spans open for a second.
TICK_SECONDS = 0.25
# Rows of one transaction: short enough that another process never waits long for the database.
BATCH_TRACES = 500
# After a failure, how long until the next try.
RETRY_SECONDS = 2.0
# When nothing has come for so long, the text of what was written is made searchable, in slices of
# some 20 ms with a pause after each: it must not take time from whoever uses the machine.
QUIET_SECONDS = 2.0
SLICE_PAUSE_SECONDS = 0.1
# A batch that has so much to write is written before more of it is read into memory.
BATCH_BYTES = 8 << 20


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
        self._process = process
        self._serializer = Serializer(store, journal, scopes, process)
        self._standard_tags = standard_tags
        self._tick = tick
        self.ticking = False
        self._queue: deque[PendingTrace] = deque()
        # what of the batch in hand is not on disk yet
        self._unwritten: dict[int, PendingTrace] = {}
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
        with importing.held():
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
        import sqlite3  # on the writer's thread, and not when nbtrace is imported

        left: list[PendingTrace] = []
        try:
            while self._queue:
                batch = self._unwritten
                batch.clear()
                while self._queue and len(batch) < BATCH_TRACES:
                    pending = self._queue.popleft()
                    batch[id(pending)] = pending
                size = len(batch)
                try:
                    self._write(list(batch.values()))
                    if not left:
                        self.problem = None
                except (OSError, sqlite3.Error, StoreUnavailable) as error:
                    self.problem = error
                    left += batch.values()
                    if len(batch) == size:  # nothing can be written now, so the rest waits as well
                        return
        finally:
            # at the end, so that what can never be written does not stand in the way of the others
            self._queue.extend(left)

    def _write(self, batch: Sequence[PendingTrace]) -> None:
        # once a batch: the git commit may have changed, and finding it reads files
        tags = self._standard_tags()
        ready: list[SerializedTrace] = []
        size = 0
        failure: Exception | None = None
        for pending in batch:
            try:
                ready.append(self._serializer.serialize(pending, tags))
            except (OSError, StoreUnavailable):
                self._keep(ready)
                raise
            except Exception:
                # A defect must not take the other traces along; the journal keeps this one.
                logger.exception("nbtrace could not write a trace")
                continue
            size += sum(len(data) for _, data in ready[-1].files)
            if size >= BATCH_BYTES:
                failure = self._keep(ready) or failure
                ready, size = [], 0
        failure = self._keep(ready) or failure
        if failure is not None:
            raise failure

    def _keep(self, ready: Sequence[SerializedTrace]) -> Exception | None:
        """Put traces on disk, first their files; return what kept some of them from being written.

        One after the other: a second thread for the files gains nothing, since each of a file's
        four system calls would wait for the GIL.
        """
        done: list[SerializedTrace] = []
        failure: Exception | None = None
        unreachable: set[str] = set()
        for item in ready:
            if item.row.experiment_id in unreachable:
                continue
            try:
                item.write_files()
            except (OSError, StoreUnavailable) as error:
                failure = error
                if is_remote(item.files[0][0]):  # each further try might wait for a minute
                    unreachable.add(item.row.experiment_id)
            else:
                done.append(item)
        self._commit(done)
        return failure

    def _commit(self, done: Sequence[SerializedTrace]) -> None:
        """Write the rows of traces whose files are written, and let go of their records."""
        if done:
            self._store.database.upsert_traces([item.row for item in done], process=self._process)
            self._text_pause = QUIET_SECONDS
        needless: list[int] = []
        for item in done:
            update = item.update
            if update.final:
                needless += update.held
                needless += update.positions
            else:
                self._renew_held(update)
                needless += set(update.positions).difference(update.held)
            item.pending.written(update, item.parts)
            self._unwritten.pop(id(item.pending), None)
            if update.more:
                self._queue.append(item.pending)
        self._journal.release(needless)

    def _renew_held(self, update: TraceUpdate) -> None:
        """Move what has been held since an earlier write out of old segments of the journal.

        So a trace that stays open keeps no more than one segment from being used again.
        """
        if update.held:
            new = set(update.positions)
            renewed = self._journal.renewed
            update.held[:] = [item if item in new else renewed(item) for item in update.held]
