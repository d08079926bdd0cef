"""The record of one span, which is also its OpenTelemetry face.

A ``SpanRecord`` is what the OpenTelemetry context holds, so that spans of instrumented libraries
and nbtrace's own nest in each other both ways. It has the exact signatures of
``opentelemetry.trace.Span`` and the readable properties that instrumentors use. People get the
MLflow face, ``LiveSpan``, which wraps it. Values are encoded the moment they are set; ending a span
turns the record into one line of OTLP/JSON and hands that to the trace, which journals it.

This is the hot path: a slot is cheaper than a dictionary, a template cheaper than an encoder, and
nothing here takes a lock or makes a system call.
"""

from __future__ import annotations

import logging
import random
import time
import traceback
from typing import TYPE_CHECKING, Any

import orjson
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.trace import Span as OtelSpan

from nbtrace.entities.constant import SpanAttributeKey
from nbtrace.otel.otlp import decode_attributes, encode_attributes
from nbtrace.store.journal import SPAN
from nbtrace.tracing.current import attach, get_current, with_span
from nbtrace.tracing.redaction import redact_text, without_surrogates
from nbtrace.tracing.values import encode_attribute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.util.types import Attributes

    from nbtrace.tracing.active import ActiveTrace

logger = logging.getLogger("nbtrace")

SAMPLED = TraceFlags(TraceFlags.SAMPLED)

UNSET, OK, ERROR = 0, 1, 2
_CODES = (StatusCode.UNSET, StatusCode.OK, StatusCode.ERROR)
INTERNAL = 1
# A stack deeper than this is recursion; both its ends tell the story.
STACK_FRAMES = 64
# OpenTelemetry's own default for events and links.
MAX_EVENTS = 1_000

TYPE_KEY = "mlflow.spanType"
INPUTS_KEY = "mlflow.spanInputs"
OUTPUTS_KEY = "mlflow.spanOutputs"
_INPUTS = b',{"key":"%b","value":{"stringValue":%%b}}' % INPUTS_KEY.encode()
_OUTPUTS = b',{"key":"%b","value":{"stringValue":%%b}}' % OUTPUTS_KEY.encode()
_STATUSES = (b'],"status":{}', b'],"status":{"code":1}', b'],"status":{"code":2}')
_PARENT = b'"parentSpanId":"%b",'
_END = b'"endTimeUnixNano":"%d",'
_SPAN = (
    b'{"traceId":"%b","spanId":"%b",%b"name":%b,"kind":%d,"startTimeUnixNano":"%d",%b'
    b'"attributes":[%b%b%b%b%b}'
)

dumps = orjson.dumps
time_ns = time.time_ns
monotonic_ns = time.perf_counter_ns

# Own generator: the user's random.seed() must not make ids repeat. Reseeded in the child of a fork.
ids = random.Random()  # noqa: S311 - ids need to be unique, not secret


# Ready-made span ids: making them by the hundred costs a tenth of making each when it is needed.
ready_ids: list[str] = []
_ID_BATCH = 256


def new_span_id() -> str:
    """Return a random span id, 16 hex digits, and make more ready."""
    text = ids.randbytes(8 * _ID_BATCH).hex()
    fresh = [text[start : start + 16] for start in range(0, len(text), 16)]
    ready_ids.extend(span_id for span_id in fresh if int(span_id, 16))
    return ready_ids.pop()


def seed_ids(seed: int | None = None) -> None:
    """Start the ids anew, at random or from a seed."""
    ready_ids.clear()
    ids.seed(seed)


def new_trace_id() -> str:
    """Return a random OpenTelemetry trace id, 32 hex digits, never all zero."""
    return f"{ids.getrandbits(128) or 1:032x}"


def plain_text(value: object) -> str:
    """Return a value as text that can be written as UTF-8."""
    try:
        text = str(value)
    except Exception:
        return f"<{type(value).__name__}>"
    return without_surrogates(text)


def json_string(text: str) -> bytes:
    """Return a text as a JSON string, lone surrogates replaced."""
    return dumps(plain_text(text))


def _attribute(key: str, text: str) -> bytes:
    return b'{"key":%b,"value":{"stringValue":%b}}' % (json_string(key), json_string(text))


# Names and types are a handful of words; encoding each once leaves a look-up.
_type_attributes: dict[str, bytes] = {}
_names: dict[str, bytes] = {}
# Made-up names, such as one with a number in it, must not fill the memory.
_MAX_WORDS = 1_000


def shown_name(name: object) -> str:
    """Return a name as it is kept: a URL in it may hold a password, a label a key."""
    return redact_text(plain_text(name))


def forget_names() -> None:
    """Encode names and types anew, since what is redacted in them has changed."""
    _names.clear()
    _type_attributes.clear()


def _encoded_name(name: str) -> bytes:
    text = dumps(shown_name(name))
    if len(_names) >= _MAX_WORDS:
        _names.clear()
    _names[name] = text
    return text


def _type_attribute(span_type: str) -> bytes:
    text = _attribute(TYPE_KEY, dumps(shown_name(span_type)).decode())
    if len(_type_attributes) >= _MAX_WORDS:
        _type_attributes.clear()
    _type_attributes[span_type] = text
    return text


def _without_type(line: bytes) -> bytes:
    # A library's span has no type of ours: it would hide what the library's own convention says.
    empty = b"[" + _type_attribute("")
    place = line.index(empty) + 1
    after = place + len(empty) - 1
    return line[:place] + line[after + (line[after : after + 1] == b",") :]


def function_attribute(name: str) -> tuple[str, bytes]:
    """Return a function's name as JSON text, and as the attribute that a record adds as it is."""
    text = json_string(name).decode()
    return text, b"," + _attribute(SpanAttributeKey.FUNCTION_NAME, text)


class _Details:
    """What most spans never have; made when the first of it is set."""

    __slots__ = (
        "context",
        "event_list",
        "extra",
        "kind_number",
        "link_list",
        "parent_context",
        "scope",
        "status_message",
    )

    def __init__(self) -> None:
        self.extra: dict[str, Any] | None = None
        self.event_list: list[dict[str, Any]] | None = None
        self.link_list: list[dict[str, Any]] | None = None
        self.kind_number = INTERNAL
        self.scope = 0
        self.status_message: str | None = None
        self.context: SpanContext | None = None
        self.parent_context: SpanContext | None = None


def _detail(name: str, default: Any = None) -> Any:
    """Return a property that reads and writes one field of a record's details."""

    def read(self: SpanRecord) -> Any:
        return default if self.details is None else getattr(self.details, name)

    def write(self: SpanRecord, value: Any) -> None:
        if self.details is None:
            self.details = _Details()
        setattr(self.details, name, value)

    return property(read, write)


class SpanRecord(OtelSpan):
    """One span of this process, open or ended.

    Whoever makes one puts it into the trace's ``open``: after it has all its fields, since others
    look at it from then on, and without a call between that and its own ``return``, since a Ctrl-C
    that strikes there would leave a span open that nobody can end.

    Attributes
    ----------
    trace : ActiveTrace
        The trace it belongs to.
    span_id, parent_id : str, str or None
        16 hex digits.
    start_time, end_time : int, int or None
        Nanoseconds since the epoch.
    inputs, outputs : str or None
        JSON text.
    """

    __slots__ = (
        "details",
        "end_time",
        "function",
        "inputs",
        "mono",
        "name",
        "outputs",
        "parent_id",
        "span_id",
        "span_type",
        "start_time",
        "status_code",
        "trace",
    )

    extra: dict[str, Any] | None = _detail("extra")
    event_list: list[dict[str, Any]] | None = _detail("event_list")
    link_list: list[dict[str, Any]] | None = _detail("link_list")
    kind_number: int = _detail("kind_number", INTERNAL)
    scope: int = _detail("scope", 0)
    status_message: str | None = _detail("status_message")
    context: SpanContext | None = _detail("context")
    parent_context: SpanContext | None = _detail("parent_context")

    def __init__(
        self,
        trace: ActiveTrace,
        name: str,
        span_type: str,
        parent_id: str | None,
        start_time: int | None = None,
    ) -> None:
        self.trace = trace
        self.name = name
        self.span_type = span_type
        self.parent_id = parent_id
        try:
            span_id = ready_ids.pop()
        except IndexError:
            span_id = new_span_id()
        self.span_id = span_id
        self.inputs: str | None = None
        self.outputs: str | None = None
        self.end_time: int | None = None
        self.status_code = UNSET
        # the name of a traced function, encoded when it was decorated
        self.function: tuple[str, bytes] | None = None
        self.details: _Details | None = None
        # The clock is read late, so that nbtrace's own work is not part of the span.
        if start_time is None:
            self.mono: int | None = monotonic_ns()
            self.start_time = time_ns()
        else:
            self.mono = None
            self.start_time = start_time

    def restart_clock(self) -> None:
        """Let the span begin now."""
        self.mono = monotonic_ns()
        self.start_time = time_ns()

    def now(self) -> int:
        """Return the time by this span's clock: its start and what the monotonic clock says."""
        mono = self.mono
        return time_ns() if mono is None else self.start_time + monotonic_ns() - mono

    # Ending

    def finish(self, end_time: int | None = None) -> None:
        """End the span: encode it, journal it, and finish the trace when this is its root.

        Parameters
        ----------
        end_time : int, optional
            Nanoseconds since the epoch; by default start + what the monotonic clock says.
        """
        try:
            if end_time is None:
                mono = self.mono
                end_time = time_ns() if mono is None else self.start_time + monotonic_ns() - mono
            trace = self.trace
            # Whoever takes the span out of `open` ends it: a second end, or one in the child of a
            # fork for a span of its parent, finds nothing.
            if trace.open.pop(self.span_id, None) is None:
                return
            self.end_time = end_time
            details = self.details
            try:
                line = self.line()
            except Exception:  # a name that is no text, or half a character
                line = self._plain_line()
            position = trace.append(SPAN, 0 if details is None else details.scope, line)
            if position >= 0:
                trace.positions.append(position)
            if trace.root is self:
                trace.finish(self.status_code == ERROR, self.start_time, end_time)
            elif trace.finished:
                trace.late()
        except BaseException:  # a Ctrl-C that struck here
            self._finish_again()
            raise

    def _finish_again(self) -> None:
        """End the span though its end was interrupted; what is kept twice counts once."""
        trace = self.trace
        trace.open.pop(self.span_id, None)
        if self.end_time is None:
            self.end_time = time_ns()
        trace.keep(self.scope, self.line())
        if trace.root is self:
            trace.finish(self.status_code == ERROR, self.start_time, self.end_time)

    def give_up(self, error: BaseException) -> None:
        """End the span after its own start or end was interrupted; forget it if it had no start."""
        try:
            if self.span_id in self.trace.open:
                self.fail(error)
                self.finish()
        except AttributeError:  # struck before it had all its fields, so nobody else knows of it
            return

    def line(self) -> bytes:
        """Return the span as one OTLP/JSON object; without an end while it is open."""
        inputs = self.inputs
        outputs = self.outputs
        parent_id = self.parent_id
        end_time = self.end_time
        details = self.details
        line = _SPAN % (
            self.trace.hex_bytes,
            self.span_id.encode(),
            b"" if parent_id is None else _PARENT % parent_id.encode(),
            _names.get(self.name) or _encoded_name(self.name),
            INTERNAL if details is None else details.kind_number,
            self.start_time,
            b"" if end_time is None else _END % end_time,
            _type_attributes.get(self.span_type) or _type_attribute(self.span_type),
            b"" if inputs is None else _INPUTS % dumps(inputs),
            b"" if outputs is None else _OUTPUTS % dumps(outputs),
            b"" if self.function is None else self.function[1],
            _STATUSES[self.status_code] if details is None else self._rest(details),
        )
        return line if self.span_type else _without_type(line)

    def _plain_line(self) -> bytes:
        """Return the line of a span with a name or a type that cannot be written as it is."""
        self.name = plain_text(self.name)
        self.span_type = plain_text(self.span_type)
        try:
            return self.line()
        except Exception:
            logger.warning("nbtrace could not record the values of %r", self.name, exc_info=True)
            self.inputs = self.outputs = self.details = None
            return self.line()

    def _rest(self, details: _Details) -> bytes:
        text = b"]"
        if details.extra:
            # a copy: the writer looks at open spans while their own threads set attributes
            text = b"," + dumps(encode_attributes(details.extra.copy()))[1:]
        if details.event_list:
            text += b',"events":' + dumps(details.event_list)
        if details.link_list:
            text += b',"links":' + dumps(details.link_list)
        if details.status_message is None:
            return text + _STATUSES[self.status_code][1:]
        message = json_string(details.status_message)
        return text + b',"status":{"code":%d,"message":%b}' % (self.status_code, message)

    def put(self, key: str, value: Any) -> None:
        """Keep an attribute; the three that have a slot go there."""
        if key.startswith("mlflow.span") and isinstance(value, str):
            if key == INPUTS_KEY:
                self.inputs = encode_attribute(value)
                return
            if key == OUTPUTS_KEY:
                self.outputs = encode_attribute(value)
                return
            if key == TYPE_KEY:
                self.span_type = value.strip('"')
                return
        extra = self.extra
        if extra is None:
            extra = self.extra = {}
        extra[key] = encode_attribute(value, key)

    def put_event(
        self, name: str, attributes: Mapping[str, Any] | None, time_unix: int | None
    ) -> None:
        """Keep an event, up to ``MAX_EVENTS``; further ones are counted."""
        if self.event_list is None:
            self.event_list = []
        if len(self.event_list) >= MAX_EVENTS:
            extra = self.extra = self.extra or {}
            extra["nbtrace.dropped_events"] = extra.get("nbtrace.dropped_events", 0) + 1
            return
        encoded = {
            str(key): encode_attribute(value, str(key)) for key, value in (attributes or {}).items()
        }
        self.event_list.append(
            {
                "timeUnixNano": str(time_ns() if time_unix is None else time_unix),
                "name": shown_name(name),
                "attributes": encode_attributes(encoded),
            }
        )

    def put_link(self, trace_id: str, span_id: str, attributes: Mapping[str, Any] | None) -> None:
        """Keep a link to a span given by 32 and 16 hex digits."""
        if self.link_list is None:
            self.link_list = []
        if len(self.link_list) < MAX_EVENTS:
            encoded = {
                str(key): encode_attribute(value, str(key))
                for key, value in (attributes or {}).items()
            }
            self.link_list.append(
                {"traceId": trace_id, "spanId": span_id, "attributes": encode_attributes(encoded)}
            )

    def fail(self, error: BaseException) -> None:
        """Record an exception that left the span: the event, and the status ERROR."""
        self.record_exception(error)
        self.status_code = ERROR
        self.status_message = describe(error)

    # The OpenTelemetry face

    def get_span_context(self) -> SpanContext:
        """Return the ids by which other spans refer to this one."""
        context = self.context
        if context is None:
            context = self.context = SpanContext(
                int(self.trace.hex, 16), int(self.span_id, 16), is_remote=False, trace_flags=SAMPLED
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
            self.put(key, value)

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
        if self.end_time is None:
            self.put_link(f"{context.trace_id:032x}", f"{context.span_id:016x}", attributes)

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
        if code is StatusCode.UNSET:
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
        values: dict[str, Any] = exception_attributes(exception)
        values["exception.escaped"] = str(escaped)
        values.update(attributes or {})
        self.put_event("exception", values, timestamp)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the span, recording what was raised."""
        if error is not None and self.end_time is None:
            self.fail(error)
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
                trace_flags=SAMPLED,
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
            values[SpanAttributeKey.FUNCTION_NAME] = self.function[0]
        return {**values, **(self.extra or {})}

    @property
    def events(self) -> Sequence[Any]:
        """The events so far, each with name, timestamp and attributes."""
        return [
            ReadableEvent(
                event["name"], int(event["timeUnixNano"]), decode_attributes(event["attributes"])
            )
            for event in self.event_list or ()
        ]

    @property
    def links(self) -> Sequence[Link]:
        """The links so far."""
        return [
            Link(
                SpanContext(int(link["traceId"], 16), int(link["spanId"], 16), is_remote=True),
                decode_attributes(link["attributes"]),
            )
            for link in self.link_list or ()
        ]

    @property
    def status(self) -> Status:
        """The status."""
        return Status(_CODES[self.status_code], self.status_message)

    @property
    def resource(self) -> Any:
        """The resource of the process."""
        return self.trace.recorder.resource_of(self.scope)

    @property
    def instrumentation_scope(self) -> Any:
        """The library that made the span."""
        return self.trace.recorder.scope_of(self.scope)


class ReadableEvent:
    """An event as instrumentors read it."""

    __slots__ = ("attributes", "name", "timestamp")

    def __init__(self, name: str, timestamp: int, attributes: Mapping[str, Any]) -> None:
        self.name = name
        self.timestamp = timestamp
        self.attributes = attributes


def describe(error: BaseException) -> str:
    """Return ``Type: message`` of an exception, redacted."""
    try:
        message = str(error)
    except Exception:
        message = "<str() of the exception failed>"
    return redact_text(f"{type(error).__name__}: {message}" if message else type(error).__name__)


def exception_attributes(error: BaseException) -> dict[str, Any]:
    """Return OpenTelemetry's attributes of an exception, redacted.

    Parameters
    ----------
    error : BaseException
        The exception.

    Returns
    -------
    dict
        ``exception.type``, ``exception.message``, ``exception.stacktrace``.
    """
    kind = type(error)
    try:
        message = str(error)
    except Exception:
        message = "<str() of the exception failed>"
    try:
        stack = "".join(
            traceback.TracebackException.from_exception(error, limit=-STACK_FRAMES).format()
        )
    except Exception:
        stack = "<the stack trace could not be formatted>"
    module = kind.__module__
    name = kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    return {
        "exception.type": name,
        "exception.message": redact_text(message),
        "exception.stacktrace": redact_text(stack),
    }


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
