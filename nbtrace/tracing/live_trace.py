"""Reading a trace while it is recorded: what the widget of a running cell and ``get_trace`` ask.

The ended spans are in span files and in the journal, the open ones in memory; reading them never
waits for the traced code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from nbtrace.entities.constant import STANDARD_TAG_KEYS, TraceTagKey
from nbtrace.otel.otlp import decode_span
from nbtrace.store.span_files import part_path

if TYPE_CHECKING:
    from array import array
    from contextlib import AbstractContextManager

    from nbtrace.entities import Span, Trace, TraceInfo
    from nbtrace.store.journal import Journal
    from nbtrace.tracing.open_span import OpenSpan
    from nbtrace.tracing.recorder import Recorder

NS_PER_MS = 1_000_000


class LiveTrace:
    """The reading side of an ``ActiveTrace``, which keeps the fields that are named here."""

    __slots__ = ()

    recorder: Recorder
    journal: Journal
    lock: AbstractContextManager[bool]
    experiment_id: str
    finished: bool
    start_time: int
    open: dict[str, OpenSpan]
    positions: array[int]
    taken: int
    # which positions went into which parts
    parts: list[tuple[int, int, tuple[str, ...]]]
    tags: dict[str, str]
    deleted_tags: set[str]
    metadata: dict[str, str]
    client_request_id: str | None
    request_preview: str | None
    response_preview: str | None

    @property
    def trace_id(self) -> str:
        """The id as people see it, ``tr-`` and 32 hex digits."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """Name of the root span."""
        raise NotImplementedError

    @property
    def duration(self) -> int:
        """Milliseconds from the root's start to its end."""
        raise NotImplementedError

    def final_state(self) -> str:
        """Return OK or ERROR."""
        raise NotImplementedError

    def changes(self, cursor: int) -> tuple[int, list[Span]]:
        """Return the spans that ended since a cursor, and all that are open.

        Parameters
        ----------
        cursor : int
            0, or what the last call returned.

        Returns
        -------
        tuple of int and list of Span
            The next cursor and the spans; an open span has no ``end_time_ns``.
        """
        end = len(self.positions)
        spans: dict[str, Span] = {}
        for span in self._ended(cursor, end):
            spans[span.span_id] = span
        for open_span in list(self.open.values()):
            span = self._decode(open_span.scope, open_span.line())
            spans.setdefault(span.span_id, span)
        return end, list(spans.values())

    def _ended(self, start: int, end: int) -> list[Span]:
        from nbtrace.store.span_file_reader import read_part

        spans: list[Span] = []
        for _ in range(2):  # again when the writer moved records to a file meanwhile
            spans.clear()
            try:
                with self.lock:
                    parts, taken = list(self.parts), self.taken
                for first, last, names in parts:
                    if last > start and first < end:
                        for name in names:
                            spans += read_part(self._path(name))
                for index in range(max(start, taken), end):
                    record = self.journal.read(self.positions[index])
                    line = record.line
                    if line is not None:
                        spans.append(self._decode(record.scope, line))
            except (KeyError, OSError, ValueError):
                continue
            break
        return spans

    def _path(self, part: str) -> str:
        location = self.recorder.span_location(self.experiment_id)
        return part_path(location, self.trace_id, self.start_time // NS_PER_MS, part)

    def _decode(self, scope: int, line: bytes) -> Span:
        return decode_span(orjson.loads(line), **self.recorder.sources[scope]._asdict())

    def span(self, span_id: str) -> Span | None:
        """Return one span by its id, open or ended; None when there is none."""
        open_span = self.open.get(span_id)
        if open_span is not None:
            return self._decode(open_span.scope, open_span.line())
        needle = f'"spanId":"{span_id}"'.encode()
        for index in range(len(self.positions) - 1, self.taken - 1, -1):
            try:
                record = self.journal.read(self.positions[index])
            except (KeyError, ValueError):
                break
            line = record.line
            if line is not None and needle in line[:100]:
                return self._decode(record.scope, line)
        return self.recorder.store.get_span(self.trace_id, span_id)

    def info(self) -> TraceInfo:
        """Return the TraceInfo as it stands."""
        from nbtrace.entities import TraceInfo, TraceLocation, TraceState

        with self.lock:
            named = TraceTagKey.TRACE_NAME not in self.deleted_tags
            tags = {**({TraceTagKey.TRACE_NAME: self.name} if named else {}), **self.tags}
            metadata = {k: v for k, v in self.metadata.items() if k not in STANDARD_TAG_KEYS}
        return TraceInfo(
            trace_id=self.trace_id,
            trace_location=TraceLocation.from_experiment_id(self.experiment_id),
            request_time=self.start_time // NS_PER_MS,
            state=TraceState(self.final_state() if self.finished else "IN_PROGRESS"),
            execution_duration=self.duration if self.finished else None,
            request_preview=self.request_preview,
            response_preview=self.response_preview,
            client_request_id=self.client_request_id,
            trace_metadata=metadata,
            tags=tags,
        )

    def to_trace(self) -> Trace:
        """Return the trace as it stands: what has ended and what is open."""
        from nbtrace.entities import Trace, TraceData

        _, spans = self.changes(0)
        spans.sort(key=lambda span: (span.start_time_ns, span.parent_id is not None))
        return Trace(info=self.info(), data=TraceData(spans=spans))
