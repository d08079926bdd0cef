"""Live forwarding: a thread that sends on what the queue of the store says is due.

The queue is in the store's database (`nbtrace.store.forward_queue`), written by the transaction
that stores a trace. So a receiver that is down costs nothing here, nothing is lost with the
process, and the next process that forwards to the same place goes on. Of several processes one
sends, the one that holds the destination's lock; the lock dies with its process.

A trace may reach the receiver twice only where a process died between the answer and its note of
it; receivers know spans by their ids.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbtrace.entities import Trace, TraceData
from nbtrace.entities.constant import NbtraceKey
from nbtrace.entities.figures import count
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import encode_traces_data
from nbtrace.search.traces import search_traces
from nbtrace.store.errors import StoreUnavailable, StoreWarning
from nbtrace.store.forward_queue import (
    add_sender,
    next_queued,
    queue_counts,
    remove_sender,
    requeue_refused,
    settle,
)
from nbtrace.store.location import make_private_directory
from nbtrace.store.locks import ACTIVE_NAME, try_lock, unlock
from nbtrace.transfer.batches import batches, size_of
from nbtrace.transfer.http import (
    FIRST_PAUSE_SECONDS,
    LAST_PAUSE_SECONDS,
    Refused,
    Unavailable,
    seconds_until_next_try,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nbtrace.entities import Span
    from nbtrace.store.forward_queue import QueuedTrace
    from nbtrace.store.store import Store
    from nbtrace.transfer.destination import Destination

logger = logging.getLogger("nbtrace")

# How often the queue is looked at: what "live" means to a person who watches the receiver.
POLL_SECONDS = 0.5
# How long stopping waits for a request that is under way.
STOP_SECONDS = 2.0
# Traces looked up at a time.
PAGE_TRACES = 100
LOCK_DIRECTORY = "forward"
# Answers to a wrong token or address, or of a broken receiver: forwarding anew tries these again.
REPAIRABLE = (401, 403, 404, 405, 407, 415, 421, 500, 501, 505)
# A receiver that breaks (500) may have stumbled over what it was sent: it gets that a few times
# more, and then what comes after it.
SERVER_ERROR = 500
FAULT_TRIES = 4


@dataclass(frozen=True, slots=True)
class ForwardStatus:
    """How live forwarding to one receiver stands.

    Attributes
    ----------
    endpoint : str
        Where to.
    sending : bool
        Whether this process sends; else another one does.
    waiting, sent, refused : int
        Traces of all processes that forward there: to be sent, taken, not taken.
    problem : str
        What the receiver, or the network, said last; empty when all is well.

    Examples
    --------
    >>> ForwardStatus("http://localhost:4318/v1/traces", True, 0, 3, 0, "")
    http://localhost:4318/v1/traces: 3 traces sent
    """

    endpoint: str
    sending: bool
    waiting: int
    sent: int
    refused: int
    problem: str

    def __repr__(self) -> str:
        text = f"{self.endpoint}: {count(self.sent, 'trace')} sent"
        if self.waiting:
            text += f", {self.waiting:,} waiting"
        if self.refused:
            text += f", {self.refused:,} refused"
        if not self.sending:
            text += "; another process sends them"
        return text + (f"; {self.problem}" if self.problem else "")


class Forwarder:
    """Sends the traces of one store to one receiver, until it is stopped.

    Parameters
    ----------
    store : Store
        Whose queue.
    destination : Destination
        Where to.
    process : str
        Name of this process's journal, whose traces are queued from now on.
    filter_string : str, optional
        Only traces that match are sent.
    adapt : callable
        Returns the spans of a trace as the receiver wants them.

    Attributes
    ----------
    problem : str
        What went wrong last; empty when all is well.

    Raises
    ------
    StoreUnavailable
        When the store cannot be written.
    """

    def __init__(
        self,
        store: Store,
        destination: Destination,
        *,
        process: str,
        filter_string: str | None = None,
        adapt: Callable[[Trace], list[Span]],
    ) -> None:
        self.destination = destination
        self.process = process
        self.problem = ""
        self._store = store
        self._adapt = adapt
        self._sender = destination.sender()
        self._lock: int | None = None
        self._pid = os.getpid()
        self._warned = False
        self._faults: Counter[str] = Counter()
        self._stopping = threading.Event()
        add_sender(store.database, process, destination.key, filter_string, alive=_alive(store))
        requeue_refused(store.database, destination.key, REPAIRABLE)
        # Taken here and not by the thread, so that whoever asks at once is told who sends.
        with contextlib.suppress(OSError):
            self._has_lock()
        self._thread = threading.Thread(target=self._run, name="nbtrace-forward", daemon=True)
        self._thread.start()

    def stop(self, grace: float = 0.0) -> None:
        """Send nothing more; what is queued stays for the next process.

        Parameters
        ----------
        grace : float
            Seconds that what is queued may take to leave, while the receiver answers.
        """
        if self._pid != os.getpid():
            return
        deadline = time.monotonic() + grace
        while (
            time.monotonic() < deadline
            and not self.problem
            and self._thread.is_alive()
            and self._due()
        ):
            time.sleep(0.02)
        self._stopping.set()
        # In the middle of a request it is left to end by itself.
        self._thread.join(STOP_SECONDS)
        try:
            remove_sender(self._store.database, self.process, self.destination.key)
        except StoreUnavailable as error:
            logger.debug("the end of forwarding could not be noted: %s", error)

    def status(self) -> ForwardStatus:
        """Return how it stands.

        Raises
        ------
        StoreUnavailable
            When the store cannot be read.
        """
        counts = queue_counts(self._store.database, self.destination.key)
        return ForwardStatus(
            self.destination.shown_url, self._lock is not None, *counts, self.problem
        )

    def leave_in_child(self) -> None:
        """In the child of a fork: leave the lock and the sending to the parent."""
        if self._lock is not None:
            unlock(self._lock)
            self._lock = None

    def _due(self) -> bool:
        try:
            return self._lock is not None and bool(
                next_queued(self._store.database, self.destination.key, 1)
            )
        except StoreUnavailable:
            return False

    # On the thread

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        try:
            while not self._stopping.is_set():
                try:
                    busy = self._has_lock() and self._send_some()
                    self.problem = ""
                    pause = FIRST_PAUSE_SECONDS
                    wait = 0.0 if busy else POLL_SECONDS
                except Unavailable as error:
                    self.problem = error.message
                    wait = seconds_until_next_try(error.wait, pause)
                    pause = min(pause * 2, LAST_PAUSE_SECONDS)
                except Exception as error:  # the store, for a while; the thread must go on
                    logger.debug("forwarding waits", exc_info=True)
                    self.problem = f"{type(error).__name__}: {error}"
                    wait = LAST_PAUSE_SECONDS
                self._stopping.wait(wait)
        finally:
            if self._lock is not None and self._pid == os.getpid():
                unlock(self._lock)
                self._lock = None

    def _has_lock(self) -> bool:
        if self._lock is None:
            directory = self._store.directory / LOCK_DIRECTORY
            make_private_directory(directory)
            self._lock = try_lock(directory / f"{self.destination.key}.lock")
        return self._lock is not None

    def _send_some(self) -> bool:
        """Send what is next; return whether there was anything."""
        queued = next_queued(self._store.database, self.destination.key, PAGE_TRACES)
        together: list[tuple[QueuedTrace, list[Span]]] = []
        size = 0.0
        for item in queued:
            spans = self._spans(item)
            if together and size + size_of(spans) > 1.0:
                self._send(together)
                together, size = [], 0.0
            together.append((item, spans))
            size += size_of(spans)
            if self._stopping.is_set():
                return False
        if together:
            self._send(together)
        return bool(queued)

    def _send(self, together: list[tuple[QueuedTrace, list[Span]]]) -> None:
        refused: int | None = None
        try:
            for batch in batches(span for _, spans in together for span in spans):
                answer = self._sender.attempt(self._sender.request(encode_traces_data(batch)))
                if answer.rejected or answer.message:
                    self._note(f"{answer.rejected} spans refused: {answer.message}")
        except Refused as error:
            if error.status >= SERVER_ERROR and self._may_pass(together[0][0].trace_id):
                raise Unavailable(error.message, error.status) from None
            if len(together) > 1:
                # One of them may have been the reason.
                for one in together:
                    self._send([one])
                return
            refused = error.status
            self._note(error.message)
        settle(
            self._store.database,
            self.destination.key,
            [item for item, _ in together],
            refused=refused,
        )

    def _may_pass(self, trace_id: str) -> bool:
        """Return whether a fault of the receiver's own at this trace may be over the next time."""
        self._faults[trace_id] += 1
        if self._faults[trace_id] < FAULT_TRIES:
            return True
        del self._faults[trace_id]
        return False

    def _note(self, message: str) -> None:
        logger.debug("forwarding: %s", message)
        if not self._warned:
            self._warned = True
            logger.warning(
                "%s did not take everything that nbtrace forwards (%s); the traces are kept here, "
                "and nbtrace.forwarding() counts them",
                self.destination.shown_url,
                message,
            )

    def _spans(self, item: QueuedTrace) -> list[Span]:
        """Return what is to be sent of a trace; nothing of one that is gone or not wanted."""
        new = [part for part in item.parts if part not in item.sent]
        info = self._store.get_trace_info(item.trace_id)
        if info is None or not new or not self._wanted(item):
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoreWarning)  # told of when the trace is read
            spans = list(self._new_spans(self._store.get_spans(info, parts=new)))
        return self._adapt(Trace(info, TraceData(spans))) if spans else []

    def _new_spans(self, spans: Iterable[Span]) -> Iterator[Span]:
        for span in spans:
            # One that outlives its trace comes again when it has ended.
            if span.end_time_ns is not None or NbtraceKey.INCOMPLETE in span.raw_attributes:
                yield span

    def _wanted(self, item: QueuedTrace) -> bool:
        if item.filter is None:
            return True
        try:
            page = search_traces(
                self._store,
                filter_string=f"({item.filter}) AND trace_id = '{item.trace_id}'",
                max_results=1,
                include_spans=False,
            )
        except NbtraceError as error:
            self._note(f"the filter cannot be used: {error.message}")
            return False
        return bool(page.traces)


def _alive(store: Store) -> list[str]:
    """Return the processes that write, or whose journals have still to be recovered."""
    try:
        return [path.name for path in (store.directory / ACTIVE_NAME).iterdir()]
    except OSError:
        return []


# Those of this process, by the key of their destination.
running_forwarders: dict[str, Forwarder] = {}
