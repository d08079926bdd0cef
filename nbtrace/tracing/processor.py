"""Spans of somebody else's SDK provider, recorded as nbtrace's own are.

``SpanProcessor`` has the methods an SDK's provider calls, and inherits nothing, since nbtrace does
not need the SDK. A foreign span is registered when it starts, so that a running cell shows it and a
crash does not lose it, and is encoded, redacted and journalled when it ends. Its attributes stay as
they came, under whatever convention.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

import orjson

from nbtrace.entities.timestamps import as_nanoseconds
from nbtrace.otel.dropped import counts_of
from nbtrace.otel.otlp import encode_attributes
from nbtrace.store.plain_spans import KNOWN_REMOTE, REMOTE
from nbtrace.tracing.context import is_suppressed
from nbtrace.tracing.current import get_current
from nbtrace.tracing.recorder import available_recorder
from nbtrace.tracing.redaction import redact_text
from nbtrace.tracing.span_data import ERROR, shown_name, time_ns
from nbtrace.tracing.starting import new_trace, switch
from nbtrace.tracing.values import encode_each

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import SpanContext

    from nbtrace.tracing.active import ActiveTrace
    from nbtrace.tracing.open_span import OpenSpan

logger = logging.getLogger("nbtrace")

_KINDS = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
_STATUS = {"UNSET": 0, "OK": 1, "ERROR": 2}


class ForeignSpan:
    """A span of another provider, as a trace of nbtrace's holds it while it is open."""

    __slots__ = ("scope", "span", "trace")

    def __init__(self, trace: ActiveTrace, span: Any, scope: int) -> None:
        self.trace = trace
        self.span = span
        self.scope = scope

    @property
    def name(self) -> str:
        """Its name so far."""
        return shown_name(self.span.name)

    @property
    def parent_id(self) -> str | None:
        """The parent's span id, None for a root."""
        parent = self.span.parent
        return None if parent is None or not parent.is_valid else f"{parent.span_id:016x}"

    @property
    def start_time(self) -> int:
        """Nanoseconds since the epoch."""
        return as_nanoseconds(self.span.start_time) or 0

    @property
    def end_time(self) -> int | None:
        """Nanoseconds since the epoch, None while it is open."""
        end = self.span.end_time
        return None if end is None else as_nanoseconds(end) or self.start_time

    def line(self) -> bytes:
        """Return the span as one OTLP/JSON object, redacted."""
        span = self.span
        context = span.get_span_context()
        encoded: dict[str, Any] = {
            "traceId": f"{context.trace_id:032x}",
            "spanId": f"{context.span_id:016x}",
        }
        if context.trace_state:
            encoded["traceState"] = redact_text(context.trace_state.to_header())
        parent_id = self.parent_id
        if parent_id is not None:
            encoded["parentSpanId"] = parent_id
        encoded["flags"] = REMOTE if getattr(span.parent, "is_remote", False) else KNOWN_REMOTE
        encoded["name"] = self.name
        encoded["kind"] = _KINDS.get(getattr(span.kind, "name", ""), 1)
        encoded["startTimeUnixNano"] = str(self.start_time)
        if self.end_time is not None:
            encoded["endTimeUnixNano"] = str(self.end_time)
        attributes = _redacted(span.attributes, self.trace)
        for kind in ("attributes", "events", "links"):
            if dropped := getattr(span, f"dropped_{kind}", 0):
                attributes[f"otel.dropped_{kind}_count"] = dropped
        encoded["attributes"] = encode_attributes(attributes)
        encoded |= counts_of(attributes)
        if span.events:
            encoded["events"] = [
                {
                    "timeUnixNano": str(as_nanoseconds(event.timestamp) or 0),
                    "name": shown_name(event.name),
                    **_attributes_of(event, self.trace),
                }
                for event in span.events
            ]
        if span.links:
            encoded["links"] = [
                {**_pointer(link.context), **_attributes_of(link, self.trace)}
                for link in span.links
            ]
        status = span.status
        encoded["status"] = {"code": _STATUS.get(status.status_code.name, 0)}
        if status.description:
            encoded["status"]["message"] = redact_text(_clean(status.description))
        line: bytes = orjson.dumps(encoded)
        return line


def _attributes_of(part: Any, trace: ActiveTrace) -> dict[str, Any]:
    """Return the attributes of an event or a link, and how many were left out."""
    dropped = getattr(part, "dropped_attributes", 0)
    counts = {"droppedAttributesCount": dropped} if dropped else {}
    return {"attributes": encode_attributes(_redacted(part.attributes, trace)), **counts}


def _pointer(context: SpanContext) -> dict[str, Any]:
    """Return what a link points to."""
    pointer: dict[str, Any] = {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "flags": (REMOTE if context.is_remote else KNOWN_REMOTE) | context.trace_flags,
    }
    if context.trace_state:
        pointer["traceState"] = redact_text(context.trace_state.to_header())
    return pointer


def _clean(text: Any) -> str:
    return str(text).encode("utf-8", "replace").decode()


def _redacted(attributes: Mapping[str, Any] | None, trace: ActiveTrace) -> dict[str, Any]:
    """Return attributes of a foreign span, bounded and redacted."""
    return encode_each(
        {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in dict(attributes or {}).items()
        },
        trace,
    )


class SpanProcessor:
    """Listens to an SDK's TracerProvider; nothing of it raises."""

    def __init__(self) -> None:
        self._since = time_ns()

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Register a span that has started."""
        try:
            self._start(span, parent_context)
        except Exception:
            logger.debug("nbtrace could not register a span", exc_info=True)

    def _start(self, span: Any, parent_context: Any) -> None:
        current = get_current() if parent_context is None else parent_context
        if not switch.on or is_suppressed(current):
            return
        self._register(span)

    @staticmethod
    def _register(span: Any) -> None:
        context = span.get_span_context()
        if not context.is_valid or not context.trace_flags.sampled:
            return
        recorder = available_recorder()
        if recorder is None:
            return
        hex_id = f"{context.trace_id:032x}"
        trace = recorder.find(hex_id)
        begins = trace is None
        if trace is None:
            trace = new_trace(recorder, hex_id)
        elif not trace.announced:
            trace.announce()
        number = recorder.sources.number(span.instrumentation_scope, span.resource)
        foreign = cast("OpenSpan", ForeignSpan(trace, span, number))
        trace.open[f"{context.span_id:016x}"] = foreign
        if begins:
            trace.begin(foreign)
        elif trace.owned and span.parent is None and trace.root is not foreign:
            # Its children were seen before it: it had started before anybody listened.
            trace.root = foreign

    def _on_ending(self, span: Any) -> None:
        """Do nothing: later processors may still change the span."""

    def on_end(self, span: Any) -> None:
        """Keep a span that has ended."""
        try:
            self._end(span)
        except Exception:
            logger.warning("nbtrace could not record the span %r", span.name, exc_info=True)

    def _end(self, span: Any) -> None:
        if 0 < (as_nanoseconds(span.start_time) or 0) < self._since and switch.on:
            self._register(span)
        context = span.get_span_context()
        recorder = available_recorder()
        trace = None if recorder is None else recorder.find(f"{context.trace_id:032x}")
        if trace is None:
            return
        foreign = trace.open.pop(f"{context.span_id:016x}", None)
        if not isinstance(foreign, ForeignSpan):
            return
        foreign.span = span
        trace.keep(foreign.scope, foreign.line())
        if trace.root is foreign:
            failed = _STATUS.get(span.status.status_code.name, 0) == ERROR
            trace.finish(failed, foreign.start_time, foreign.end_time or foreign.start_time)

    def shutdown(self) -> None:
        """Write what is left."""
        self.force_flush()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until what has ended is on disk."""
        recorder = available_recorder()
        return recorder is None or recorder.flush(timeout_millis / 1_000)
