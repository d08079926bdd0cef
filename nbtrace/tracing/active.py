"""A trace that is being recorded in this process.

It knows which of its spans are open, where in the journal the ended ones lie, and what belongs to
the trace as a whole (tags, metadata, previews). The spans themselves are not kept in memory: once a
span has ended only its 8-byte position is left, and once it is in a span file not even the journal
has it. The widget of a running cell reads the trace as a ``LiveTrace``.
"""

from __future__ import annotations

import threading
from array import array
from typing import TYPE_CHECKING

import orjson

from nbtrace.entities.constant import NbtraceKey
from nbtrace.store.journal import NOT_KEPT
from nbtrace.store.segments import OPEN, SPAN, TRACE
from nbtrace.store.trace_update import TraceUpdate
from nbtrace.tracing.live_trace import NS_PER_MS, LiveTrace
from nbtrace.tracing.record import SpanRecord
from nbtrace.tracing.span_data import ERROR, plain_text, shown_name, time_ns
from nbtrace.tracing.span_ids import new_trace_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.store.attachments import TraceAttachments
    from nbtrace.store.indexing import SpanIndexer
    from nbtrace.tracing.open_span import OpenSpan
    from nbtrace.tracing.recorder import Recorder

# So many ended spans are written while the trace still runs, which bounds what a trace of any
# length needs of memory and of the journal.
UNWRITTEN_SPANS = 8_000
# And no more than so many in one go, for the same reason.
MAX_UPDATE_SPANS = 2 * UNWRITTEN_SPANS


class ActiveTrace(LiveTrace):
    """One trace of this process, from its root's start until everything of it is on disk.

    Parameters
    ----------
    recorder : Recorder
        The process's recorder.
    hex_id : str, optional
        The OpenTelemetry trace id, 32 hex digits; a new one by default.
    owned : bool
        Whether this process has the root. A part of another process's trace leaves the state and
        the times of the trace alone.
    """

    __slots__ = (
        "announced",
        "append",
        "attached",
        "client_request_id",
        "deleted_tags",
        "experiment_id",
        "failed",
        "finished",
        "has_state",
        "held",
        "hex",
        "indexer",
        "journal",
        "lock",
        "metadata",
        "open",
        "owned",
        "parts",
        "positions",
        "queued",
        "recorder",
        "request_preview",
        "response_preview",
        "root",
        "row_written",
        "snapshotted",
        "start_time",
        "state",
        "stop_time",
        "tags",
        "taken",
        "unwritten_tags",
    )

    def __init__(
        self, recorder: Recorder, hex_id: str | None = None, *, owned: bool = True
    ) -> None:
        self.recorder = recorder
        self.journal = recorder.journal
        self.append = recorder.journal.append
        self.hex = hex_id or new_trace_id()
        self.owned = owned
        self.experiment_id = recorder.experiment_id
        self.open: dict[str, OpenSpan] = {}
        self.positions = array("q")
        self.taken = 0
        self.indexer: SpanIndexer | None = None
        # records of an unfinished trace that the journal keeps though they were seen by the writer
        self.held: list[int] = []
        self.parts = []
        self.attached: TraceAttachments | None = None
        self.announced = False
        self.finished = False
        # whether a parent from outside brought a W3C `tracestate`, which all below it have
        self.has_state = False
        self.failed = False
        self.queued = False
        self.row_written = False
        self.root: OpenSpan | None = None
        self.start_time = 0
        self.stop_time = 0
        self.state: str | None = None
        self.tags: dict[str, str] = {}
        self.unwritten_tags: dict[str, str] = {}
        self.deleted_tags: set[str] = set()
        self.metadata: dict[str, str] = {}
        self.client_request_id: str | None = None
        self.request_preview: str | None = None
        self.response_preview: str | None = None
        self.snapshotted: set[str] = set()
        self.lock = threading.RLock()

    @property
    def trace_id(self) -> str:
        """The id as people see it, ``tr-`` and 32 hex digits."""
        return "tr-" + self.hex

    @property
    def name(self) -> str:
        """Name of the root span."""
        return "" if self.root is None else shown_name(self.root.name)

    @property
    def attachments(self) -> TraceAttachments:
        """Where its pictures, sound and binary data go."""
        if self.attached is None:
            # imported here: most traces have none
            from nbtrace.store.attachments import TraceAttachments

            self.attached = TraceAttachments(self.recorder.store.directory, self.trace_id)
        return self.attached

    # Capture

    def begin(self, root: OpenSpan) -> None:
        """Take the first span as the root and make the trace known to the process."""
        self.root = root
        self.start_time = root.start_time
        self.recorder.began(self)

    def announce(self) -> None:
        """Journal the open root and the trace, so that a crash cannot take their inputs."""
        self.announced = True
        self.keep_trace()
        if self.root is not None and self.root.start_time:
            self.keep_open(self.root)

    def keep(self, scope: int, line: bytes) -> None:
        """Journal a span that ended."""
        position = self.append(SPAN, scope, line)
        if position != NOT_KEPT:
            self.positions.append(position)
        if self.finished:
            self.late()

    def late(self) -> None:
        """Have a span written that ended after its trace."""
        self.recorder.submit(self)

    def keep_open(self, span: OpenSpan) -> None:
        """Journal a span as it stands, still open."""
        position = self.journal.append(OPEN, span.scope, span.line())
        if position != NOT_KEPT:
            self.positions.append(position)

    def keep_trace(self) -> None:
        """Journal what belongs to the trace as a whole."""
        record = {
            "trace_id": self.trace_id,
            "owned": self.owned,
            "remote_parent": self.root is not None and self.root.parent_id is not None,
            "experiment_id": self.experiment_id,
            "request_time": self.start_time // NS_PER_MS,
            "name": self.name,
            "tags": self.tags,
            "deleted_tags": list(self.deleted_tags),
            "metadata": self.metadata,
            "client_request_id": self.client_request_id,
            "request_preview": self.request_preview,
            "response_preview": self.response_preview,
            "state": self.final_state() if self.finished else None,
            "execution_duration": self.duration if self.finished else None,
        }
        position = self.journal.append(TRACE, 0, orjson.dumps(record))
        if position != NOT_KEPT:
            self.positions.append(position)

    def finish(self, failed: bool, start_time: int, end_time: int) -> None:  # noqa: FBT001 - hot path
        """Close the trace: its root has ended."""
        self.failed = failed
        self.start_time = start_time
        self.stop_time = end_time
        self.finished = True
        self.keep_trace()
        self.recorder.finished(self)

    def final_state(self) -> str:
        """Return OK or ERROR: what was set, else what became of the root."""
        return self.state or ("ERROR" if self.failed else "OK")

    @property
    def duration(self) -> int:
        """Milliseconds from the root's start to its end."""
        return max(0, (self.stop_time - self.start_time) // NS_PER_MS)

    def refresh(self, span: OpenSpan) -> None:
        """Journal an open span anew, whose inputs came after its first record."""
        if span is self.root:
            if self.announced:
                self.keep_open(span)
        elif self.snapshotted:
            # the next look at open spans makes the record
            self.snapshotted.discard(getattr(span, "span_id", ""))

    def close(self) -> None:
        """End what is still open as incomplete: the process is about to end."""
        for span in list(self.open.values()):
            if isinstance(span, SpanRecord):
                span.put(NbtraceKey.INCOMPLETE, value=True)
                if span.status_code == 0:
                    span.status_code = ERROR
                    span.status_message = "the process ended before the span did"
                span.finish()
        if not self.finished and self.root is not None:
            self.finish(failed=True, start_time=self.start_time, end_time=time_ns())

    def move_to(self, recorder: Recorder) -> None:
        """Go on in the child of a fork: its spans are a further part, the rest is the parent's."""
        self.recorder = recorder
        self.journal = recorder.journal
        self.append = recorder.journal.append
        self.attached = None
        # A span of the parent that ends here finds itself missing, and does nothing.
        self.open = {}
        self.positions = array("q")
        self.taken = 0
        self.indexer = None
        self.held = []
        self.parts = []
        self.owned = False
        self.finished = True
        self.announced = True
        self.queued = False
        self.root = None
        self.unwritten_tags = {}
        self.deleted_tags = set()
        self.lock = threading.RLock()
        recorder.traces[self.hex] = self

    def outlive_recorder(self) -> None:
        """Have what still comes, now that the recorder is closed, kept by the next one."""
        self.append = self._append_elsewhere

    def _append_elsewhere(self, kind: int, scope: int, payload: bytes) -> int:
        from nbtrace.tracing.recorder import current_recorder

        still_open = self.open
        self.move_to(current_recorder())
        self.open = still_open
        return self.append(kind, scope, payload)

    # The whole trace

    def set_tag(self, key: str, value: str) -> None:
        """Set a tag."""
        with self.lock:
            self.put_tag(key, value)
        self.changed()

    def put_tag(self, key: str, value: str) -> None:
        """Set a tag without journalling it yet; under the lock."""
        key, value = plain_text(key), plain_text(value)
        self.tags[key] = value
        self.unwritten_tags[key] = value
        self.deleted_tags.discard(key)

    def delete_tag(self, key: str) -> bool:
        """Delete a tag and return whether it was there."""
        with self.lock:
            found = self.tags.pop(key, None) is not None
            self.unwritten_tags.pop(key, None)
            self.deleted_tags.add(key)
        self.changed()
        return found

    def changed(self) -> None:
        """Journal the trace anew after its tags, metadata or previews changed."""
        if self.announced or self.finished:
            self.keep_trace()
        if self.finished:
            self.recorder.submit(self)

    # What the writer asks

    def take(self) -> TraceUpdate:
        """Return what has come since the last call; only the writer's thread calls it."""
        self.queued = False
        with self.lock:
            end = len(self.positions)
            if not self.finished and not self.has_much_to_write:
                end = self.taken  # the row only: a part for every look would be many small files
            more = end - self.taken > MAX_UPDATE_SPANS
            if more:
                end = self.taken + MAX_UPDATE_SPANS
            finished = self.finished and not more
            positions = self.positions[self.taken : end]
            tags = dict(self.unwritten_tags)
            deleted = set(self.deleted_tags)
        still_open = list(self.open.values()) if finished and self.open else ()
        root = self.root
        return TraceUpdate(
            trace_id=self.trace_id,
            owned=self.owned,
            experiment_id=self.experiment_id,
            request_time=self.start_time // NS_PER_MS,
            execution_duration=self.duration if finished and self.owned else None,
            state=self.final_state() if finished and self.owned else None,
            name=self.name or None,
            client_request_id=self.client_request_id,
            request_preview=self.request_preview,
            response_preview=self.response_preview,
            tags=tags,
            deleted_tags=deleted,
            metadata=dict(self.metadata),
            root=None if root is None or finished else (root.scope, root.line()),
            positions=positions,
            open_spans=[(span.scope, span.line()) for span in still_open],
            first=not self.row_written,
            final=finished,
            more=more,
            held=list(self.held),
            remote_parent=root is not None and root.parent_id is not None,
        )

    def written(self, update: TraceUpdate, parts: Sequence[str]) -> None:
        """Note that an update is on disk; the writer releases its records next."""
        with self.lock:
            self.row_written = True
            self.held = [] if update.final else update.held
            for key, value in update.tags.items():
                if self.unwritten_tags.get(key) == value:
                    del self.unwritten_tags[key]
            first = self.taken
            self.taken += len(update.positions)
            if parts:
                self.parts.append((first, self.taken, tuple(parts)))
        if self.complete:
            self.recorder.forget(self)

    @property
    def complete(self) -> bool:
        """Whether nothing of the trace is left to write."""
        return self.finished and not self.open and self.taken == len(self.positions)

    @property
    def has_much_to_write(self) -> bool:
        """Whether its ended spans should be written though it still runs."""
        return len(self.positions) - self.taken >= UNWRITTEN_SPANS
