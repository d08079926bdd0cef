"""The record of one span: the data nbtrace keeps, with the face of an OpenTelemetry span.

A ``SpanRecord`` is what the OpenTelemetry context holds, so that spans of instrumented libraries
and nbtrace's own nest in each other both ways. It has the exact signatures of
``opentelemetry.trace.Span`` and the readable properties that instrumentors use. People get the
MLflow face, ``LiveSpan``, which wraps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)
from opentelemetry.trace import Span as OtelSpan

from nbtrace.entities.resource import Resource, schema_url_of
from nbtrace.entities.timestamps import as_nanoseconds
from nbtrace.otel.otlp import decode_attributes
from nbtrace.store.plain_spans import (
    FUNCTION_KEY,
    INPUTS_KEY,
    OUTPUTS_KEY,
    REMOTE,
    TYPE_KEY,
)
from nbtrace.tracing.current import attach, get_current, with_span
from nbtrace.tracing.failures import describe
from nbtrace.tracing.redaction import redact_text
from nbtrace.tracing.span_data import (
    OK,
    UNSET,
    SpanData,
    json_string,
    monotonic_ns,
    time_ns,
)
from nbtrace.tracing.span_ids import new_span_id, ready_ids
from nbtrace.tracing.w3c import flags_and_state, remote_flags

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.util.types import Attributes

    from nbtrace.tracing.active import ActiveTrace

_FLAGS = 0xFF  # of OTLP's, those that W3C defines

_CODES = (StatusCode.UNSET, StatusCode.OK, StatusCode.ERROR)


class SpanRecord(SpanData, OtelSpan):
    """One span of this process, open or ended, as OpenTelemetry sees it."""

    __slots__ = ()

    def get_span_context(self) -> SpanContext:
        """Return the ids by which other spans refer to this one."""
        context = self.context
        if context is None:
            flags, state = flags_and_state(self)
            context = self.context = SpanContext(
                int(self.trace.hex, 16),
                int(self.span_id, 16),
                is_remote=False,
                trace_flags=flags,
                trace_state=state,
            )
        return context

    def is_recording(self) -> bool:
        """Return whether the span is open."""
        return self.end_time is None

    def end(self, end_time: int | None = None) -> None:
        """End the span; a second end changes nothing."""
        self.finish(end_time)

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute of an open span."""
        if self.end_time is None:
            self.put(key if isinstance(key, str) else str(key), value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set several attributes of an open span."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        """Add an event; ``timestamp`` in nanoseconds."""
        if self.end_time is None:
            self.put_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Add a link to another span."""
        if self.end_time is not None or context is None:
            return
        state = context.trace_state.to_header() if context.trace_state else ""
        if not (context.is_valid or attributes or state):
            return
        flags = remote_flags(context) | context.trace_flags
        trace_id, span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
        self.put_link(trace_id, span_id, attributes, state, flags)

    def update_name(self, name: str) -> None:
        """Rename an open span."""
        if self.end_time is None:
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status by OpenTelemetry's rules: OK is final, UNSET is ignored."""
        if self.end_time is not None or self.status_code == OK:
            return
        if isinstance(status, Status):
            code, description = status.status_code, status.description
        else:
            code = status
        if code not in _CODES[1:]:  # what is no status changes nothing, as in the SDK
            return
        self.status_code = _CODES.index(code)
        self.status_message = (
            redact_text(description) if description and code is _CODES[2] else None
        )

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
    ) -> None:
        """Add an ``exception`` event with type, message and stack trace."""
        if self.end_time is not None:
            return
        self.put_exception(exception, attributes, timestamp, escaped=escaped)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the span, recording what was raised."""
        if error is not None and self.end_time is None:
            exception, status = self.on_error
            if exception:
                self.record_exception(error, escaped=True)
            if status:
                self.set_status(StatusCode.ERROR, describe(error))
        self.finish()

    # What instrumentors read

    @property
    def kind(self) -> SpanKind:
        """The span's kind."""
        return SpanKind(self.kind_number - 1)

    @property
    def parent(self) -> SpanContext | None:
        """The parent's ids, None for a root."""
        if self.parent_context is None and self.parent_id is not None:
            self.parent_context = SpanContext(
                int(self.trace.hex, 16),
                int(self.parent_id, 16),
                is_remote=False,
                trace_flags=self.get_span_context().trace_flags,
                trace_state=self.get_span_context().trace_state,
            )
        return self.parent_context

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes set so far."""
        values: dict[str, Any] = {}
        if self.span_type:
            values[TYPE_KEY] = json_string(self.span_type).decode()
        if self.inputs is not None:
            values[INPUTS_KEY] = self.inputs
        if self.outputs is not None:
            values[OUTPUTS_KEY] = self.outputs
        if self.function is not None:
            values[FUNCTION_KEY] = self.function
        return _as_read({**values, **(self.extra or {})})

    @property
    def events(self) -> Sequence[Any]:
        """The events so far, each with name, timestamp and attributes."""
        return [
            ReadableEvent(
                event["name"],
                int(event["timeUnixNano"]),
                _as_read(decode_attributes(event["attributes"])),
                event.get("droppedAttributesCount", 0),
            )
            for event in self.event_list or ()
        ]

    @property
    def links(self) -> Sequence[Link]:
        """The links so far."""
        return [
            Link(
                SpanContext(
                    int(link["traceId"], 16),
                    int(link["spanId"], 16),
                    is_remote=link.get("flags", REMOTE) & REMOTE == REMOTE,
                    trace_flags=TraceFlags(link.get("flags", 0) & _FLAGS),
                    trace_state=TraceState.from_header([link.get("traceState", "")]),
                ),
                _as_read(decode_attributes(link["attributes"])),
            )
            for link in self.link_list or ()
        ]

    @property
    def dropped_attributes(self) -> int:
        """How many attributes OpenTelemetry's limits took."""
        return 0 if self.losses is None else self.losses.attributes

    @property
    def dropped_events(self) -> int:
        """How many events the limits took."""
        return 0 if self.losses is None else self.losses.events

    @property
    def dropped_links(self) -> int:
        """How many links the limits took."""
        return 0 if self.losses is None else self.losses.links

    @property
    def status(self) -> Status:
        """The status."""
        return Status(_CODES[self.status_code], self.status_message)

    @property
    def resource(self) -> ReadableResource:
        """The resource of the process."""
        resource = self.trace.recorder.sources[self.scope].resource
        return ReadableResource(_as_read(resource or {}), schema_url_of(resource))

    @property
    def instrumentation_scope(self) -> Any:
        """The library that made the span."""
        return self.trace.recorder.sources[self.scope].scope


_new: Callable[[type[SpanRecord]], SpanRecord] = object.__new__


def new_record(
    trace: ActiveTrace,
    name: str,
    span_type: str,
    parent_id: str | None,
    start_time: int | None = None,
) -> SpanRecord:
    """Return a span that begins now, or at a given time; it is not among the trace's open ones yet.

    It is no constructor, since that of a Python class costs as much as all it does.
    """
    record = _new(SpanRecord)
    record.trace = trace
    record.name = name
    record.span_type = span_type
    record.parent_id = parent_id
    try:
        record.span_id = ready_ids.pop()
    except IndexError:
        record.span_id = new_span_id()
    record.inputs = record.outputs = record.end_time = None
    record.function = record.details = None
    record.status_code = UNSET
    # The clock is read late, so that nbtrace's own work is not part of the span.
    if start_time is None or (moment := as_nanoseconds(start_time)) is None:
        record.mono = monotonic_ns()
        record.start_time = time_ns()
    else:
        record.mono = None
        record.start_time = moment
    return record


class ReadableResource(Resource):
    """A resource as instrumentors read it: a mapping, and the SDK's ``attributes``."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]  # dict's is None, the SDK's can be hashed
        """Let exporters group spans by it."""
        return hash(frozenset(self))

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The mapping itself."""
        return self


def _as_read(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as the SDK's spans show them: sequences are tuples."""
    return {key: _tuples(value) for key, value in attributes.items()}


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    return _as_read(value) if isinstance(value, dict) else value


class ReadableEvent:
    """An event as instrumentors read it."""

    __slots__ = ("attributes", "dropped_attributes", "name", "timestamp")

    def __init__(
        self, name: str, timestamp: int, attributes: Mapping[str, Any], dropped_attributes: int
    ) -> None:
        self.name = name
        self.timestamp = timestamp
        self.attributes = attributes
        self.dropped_attributes = dropped_attributes


def activate(record: OtelSpan) -> tuple[Context, Context]:
    """Make a span the current one.

    Returns
    -------
    tuple of Context
        What was current before, and what is now: the arguments of ``context.leave``.
    """
    previous = get_current()
    current = with_span(previous, record)
    attach(current)
    return previous, current
