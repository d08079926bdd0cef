"""The recorder: what one process keeps to record traces.

It joins the journal, the table of scopes, the background writer and the traces that are open. There
is one a process, made at the first span; the child of a fork makes its own and leaves its parent's
alone. Everything here but ``began`` and ``finished`` is off the hot path.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING

from nbtrace.store import current_store
from nbtrace.store.errors import StoreUnavailable
from nbtrace.store.journal import Journal
from nbtrace.store.location import make_private_directory, prepare_directory
from nbtrace.store.locks import ACTIVE_NAME, LOCK_NAME, try_lock, unlock
from nbtrace.store.scopes import ScopeTable
from nbtrace.store.writer import Writer
from nbtrace.tracing import environment
from nbtrace.tracing.sources import Sources
from nbtrace.tracing.span_data import time_ns
from nbtrace.tracing.span_ids import seed_ids

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace.store.store import Store
    from nbtrace.tracing.active import ActiveTrace

logger = logging.getLogger("nbtrace")

NS_PER_SECOND = 1_000_000_000
# Spans open for this long are journalled as they stand. It is half of the second that is promised
# (DESIGN, promise 1), since the writer looks four times a second, and later beside busy threads.
OPEN_NS = NS_PER_SECOND // 2
LOCK_TRIES = 100
LOCK_SECONDS = 0.002
# Traces that can still take a library's late span: of a thread or a stream that outlives its cell.
ENDED_TRACES = 256


class Recorder:
    """Everything this process needs to record traces.

    Parameters
    ----------
    store : Store
        Where the traces go.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.experiment_id = environment.active_experiment_id(store)
        self.process = f"{os.getpid()}-{os.urandom(4).hex()}"
        self.lock_handle: int | None = None
        self.problem: Exception | None = None
        directory = self._open_directory()
        self.directory = directory
        self.journal = Journal(directory, mapped=environment.mapping_is_safe(store.directory))
        scopes = ScopeTable(directory, environment.own_scope())
        self.sources = Sources(scopes)
        self.traces: dict[str, ActiveTrace] = {}
        self.ended: dict[str, ActiveTrace] = {}
        self.writer = Writer(
            store,
            self.journal,
            scopes,
            self.process,
            standard_tags=environment.standard_tags,
            tick=self.tick,
        )
        self._warned = False

    def _open_directory(self) -> Path | None:
        directory = self.store.directory / ACTIVE_NAME / self.process
        try:
            prepare_directory(self.store.directory)
            make_private_directory(directory.parent)
            directory.mkdir(mode=0o700)
            self.lock_handle = _own_lock(directory / LOCK_NAME)
            if self.lock_handle is not None:
                # A lock file with text in it has an owner; an empty one may be about to get one.
                os.write(self.lock_handle, str(os.getpid()).encode())
            return directory
        except (OSError, StoreUnavailable) as error:
            self.problem = error
            return None

    # From the hot path

    def began(self, trace: ActiveTrace) -> None:
        """Take note of a trace that has begun."""
        self.traces[trace.hex] = trace
        if not self.writer.ticking:
            self.writer.keep_ticking()

    def find(self, hex_id: str) -> ActiveTrace | None:
        """Return a trace of this process that is open, or ended lately, by its 32 hex digits."""
        trace = self.traces.get(hex_id)
        if trace is None:
            trace = self.ended.get(hex_id)
            if trace is not None:
                self.traces[hex_id] = trace
        return trace

    def forget(self, trace: ActiveTrace) -> None:
        """Let go of a trace that is wholly on disk, but for late spans of libraries."""
        if self.traces.pop(trace.hex, None) is not None:
            self.ended[trace.hex] = trace
            while len(self.ended) > ENDED_TRACES:
                self.ended.pop(next(iter(self.ended)), None)

    def _forget_complete(self) -> None:
        for trace in list(self.traces.values()):
            if trace.complete:
                self.forget(trace)

    def finished(self, trace: ActiveTrace) -> None:
        """Take note of a trace whose root has ended."""
        last_trace.set(trace.trace_id)
        LastTrace.trace_id = trace.trace_id
        self.submit(trace)

    def submit(self, trace: ActiveTrace) -> None:
        """Have a trace written soon."""
        if not trace.queued:
            trace.queued = True
            self.writer.submit(trace)

    # From the writer's thread

    def tick(self) -> bool:
        """Look after the open traces; return whether there are any."""
        self._forget_complete()
        now = time_ns()
        for trace in list(self.traces.values()):
            if trace.has_much_to_write or self._was_left(trace, now):
                self.submit(trace)
            if now - trace.start_time < OPEN_NS:
                continue
            if not trace.announced:
                trace.announce()
            for span_id, span in list(trace.open.items()):
                if span_id not in trace.snapshotted and now - span.start_time >= OPEN_NS:
                    trace.snapshotted.add(span_id)
                    if span is not trace.root:
                        trace.keep_open(span)
            if not trace.row_written and not trace.finished:
                self.submit(trace)
        return bool(self.traces)

    def _was_left(self, trace: ActiveTrace, now: int) -> bool:
        """Return whether a finished trace waits for a writer that does not know of it."""
        if trace.open or not trace.finished or self.writer.problem is not None:
            return False
        # a Ctrl-C struck while the trace was handed over
        trace.queued = trace.queued and now - trace.stop_time < OPEN_NS
        return not trace.queued

    # Anywhere

    def flush(self, timeout: float | None = None, *, durable: bool = False) -> bool:
        """Wait until every finished trace is on disk.

        Parameters
        ----------
        timeout : float, optional
            Seconds.
        durable : bool
            Whether to wait until it would survive a power cut as well.

        Returns
        -------
        bool
            False when something could not be written; a warning has said why.
        """
        done = self.writer.flush(timeout)
        self._forget_complete()
        # children of a fork leave through os._exit, without a chance to write
        recover_dead(self.store, other_than=self.process)
        if durable:
            with contextlib.suppress(OSError):
                self.journal.sync()
            self.store.sync()
        self.warn()
        return done

    @property
    def unwritable(self) -> str | None:
        """Why the store cannot be written, None when all is well."""
        problem = self.problem or self.journal.problem or self.writer.problem
        return None if problem is None else str(problem)

    def warn(self) -> None:
        """Say once, on the caller's thread, that the store cannot be written."""
        problem = self.unwritable
        if problem is None or self._warned:
            return
        self._warned = True
        message = (
            f"nbtrace cannot write to {self.store.directory}: {problem}. Traces of this process "
            "are kept in memory, up to a limit. Free space, or set NBTRACE_DIR to a directory that "
            "can be written and restart."
        )
        _tell(message)

    def span_location(self, experiment_id: str) -> str | Path:
        """Return where the span files of an experiment are."""
        return self.store.span_location(experiment_id)

    def close(self) -> None:
        """End what is open, write it, and remove the journal when all of it is on disk."""
        for trace in list(self.traces.values()):
            trace.close()
            self.writer.submit(trace)
        self.writer.close()
        empty = self.journal.pending == 0
        self.journal.close(delete=empty)
        for trace in [*self.traces.values(), *self.ended.values()]:
            trace.outlive_recorder()
        if self.lock_handle is not None:
            unlock(self.lock_handle)
        if self.directory is not None and empty:
            remove_journal(self.directory)
        self.warn()

    def abandon(self) -> list[ActiveTrace]:
        """In the child of a fork: let go of everything, touch nothing; return the open traces."""
        self.journal.abandon()
        if self.lock_handle is not None:
            unlock(self.lock_handle)
        return list(self.traces.values())


def _tell(message: str) -> None:
    try:
        warnings.warn(message, stacklevel=4)
    except Warning:  # warnings turned into errors must not reach traced code
        print(message, file=sys.stderr)  # noqa: T201 - in its stead


def _own_lock(path: Path) -> int | None:
    """Take the lock of this process's own journal."""
    # Another process that looks for dead journals may hold it for the moment it takes to see that
    # this one is new. Without it a living journal would be taken for a dead one.
    for _ in range(LOCK_TRIES):
        handle = try_lock(path)
        if handle is not None:
            return handle
        time.sleep(LOCK_SECONDS)
    return None


def recover_dead(store: Store, *, other_than: str | None = None) -> None:
    """Bring the journals of dead processes into the store, as far as there are any."""
    # imported here: most processes find none
    try:
        names = os.listdir(store.directory / ACTIVE_NAME)  # noqa: PTH208 - names are enough
    except OSError:
        names = []
    if any(name != other_than for name in names):
        from nbtrace.store.recovery import recover

        recover(store, other_than=other_than)


def remove_journal(directory: Path) -> None:
    """Delete the directory of a journal whose records are all in span files."""
    for path in directory.glob("*"):
        with contextlib.suppress(OSError):
            path.unlink()
    with contextlib.suppress(OSError):
        directory.rmdir()


class LastTrace:
    """The last finished trace of the process."""

    trace_id: str | None = None


class _LastOfThread(threading.local):
    trace_id: str | None = None

    def set(self, trace_id: str) -> None:
        self.trace_id = trace_id


last_trace = _LastOfThread()

_recorder: Recorder | None = None
_making = threading.RLock()
# Why there is no recorder, as far as it has been said.
_told: set[str] = set()


def current_recorder() -> Recorder:
    """Return the process's recorder, making it at the first call."""
    recorder = _recorder
    return recorder if recorder is not None else _make()


def available_recorder() -> Recorder | None:
    """Return the process's recorder; None where there can be no store, of which one warning tells.

    Traced code runs on there, as if tracing were off.
    """
    recorder = _recorder
    if recorder is not None:
        return recorder
    try:
        return _make()
    except StoreUnavailable as error:
        tell_once(error)
        return None


def tell_once(error: StoreUnavailable) -> None:
    """Say why there can be no store, unless it has been said."""
    if error.message not in _told:
        _told.add(error.message)
        _tell(f"nothing is traced: {error}")


def existing_recorder() -> Recorder | None:
    """Return the process's recorder when there is one."""
    return _recorder


def _make() -> Recorder:
    global _recorder  # noqa: PLW0603 - one a process, replaced in the child of a fork
    with _making:
        if _recorder is None:
            _recorder = Recorder(current_store())
            recover_dead(_recorder.store, other_than=_recorder.process)
        return _recorder


def reset_recorder() -> None:
    """Close the recorder; the next span makes another. For tests and ``tracing.reset``."""
    global _recorder
    with _making:
        recorder, _recorder = _recorder, None
    if recorder is not None:
        recorder.close()


def _at_exit() -> None:
    # Handlers that were registered before nbtrace's run after it: what they trace goes to another
    # journal, which the next process brings into the store.
    try:
        reset_recorder()
    except Exception:
        logger.debug("nbtrace could not close its journal", exc_info=True)


def _in_child() -> None:
    global _recorder, _making  # noqa: PLW0603 - see _make
    _making = threading.RLock()
    recorder, _recorder = _recorder, None
    seed_ids()
    if recorder is None:
        return
    try:
        traces = recorder.abandon()
        if traces:
            own = current_recorder()
            for trace in traces:
                trace.move_to(own)
    except Exception:
        logger.debug("nbtrace could not set up the child of a fork", exc_info=True)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
