"""The MLflow face of a span: what ``start_span``, ``trace`` and ``get_current_active_span`` give.

A ``LiveSpan`` holds nothing but the record, so that both faces always agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.config import options
from nbtrace.entities import Link, Span, SpanEvent, SpanLogLevel, SpanStatus, SpanStatusCode
from nbtrace.entities.checks import checked_mapping, checked_nanoseconds
from nbtrace.entities.constant import JSON_ATTRIBUTE_KEYS, SpanAttributeKey
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import decode_span
from nbtrace.store.plain_spans import INPUTS_KEY, OUTPUTS_KEY, TYPE_KEY
from nbtrace.tracing.redaction import redact_text
from nbtrace.tracing.span_data import ERROR, OK, UNSET
from nbtrace.tracing.span_processors import span_processors
from nbtrace.tracing.values import encode_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.constant import AttributeValue
    from nbtrace.tracing.record import SpanRecord

_CODES = {SpanStatusCode.UNSET: UNSET, SpanStatusCode.OK: OK, SpanStatusCode.ERROR: ERROR}
_NAMES = (SpanStatusCode.UNSET, SpanStatusCode.OK, SpanStatusCode.ERROR)


class LiveSpan(Span):
    """A span that is being recorded.

    Parameters
    ----------
    record : SpanRecord
        The record it shows.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("step", span_type="CHAIN") as span:
    ...     span.set_inputs({"question": "why?"})
    """

    __slots__ = ("record",)

    def __init__(self, record: SpanRecord) -> None:  # the parent's fields stay in the record
        self.record = record

    # Reading

    def to_immutable_span(self) -> Span:
        """Return the span as it stands, unaffected by what follows."""
        record = self.record
        return decode_span(
            orjson.loads(record.line()), **record.trace.recorder.sources[record.scope]._asdict()
        )

    @property
    def trace_id(self) -> str:
        """``tr-`` and 32 hexadecimal digits."""
        return "tr-" + self.record.trace.hex

    @property
    def request_id(self) -> str:
        """MLflow 2's name for ``trace_id``."""
        return self.trace_id

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits."""
        return self.record.span_id

    @property
    def parent_id(self) -> str | None:
        """The parent's span id, None for the root."""
        return self.record.parent_id

    @property
    def name(self) -> str:
        """What the step is called."""
        return self.record.name

    @property
    def start_time_ns(self) -> int:
        """Start in nanoseconds since the epoch."""
        return self.record.start_time

    @property
    def end_time_ns(self) -> int | None:
        """End in nanoseconds since the epoch, None while the span is open."""
        return self.record.end_time

    @property
    def duration_ns(self) -> int | None:
        """Nanoseconds from start to end, None while the span is open."""
        end = self.record.end_time
        return None if end is None else end - self.record.start_time

    @property
    def status(self) -> SpanStatus:
        """The status so far."""
        record = self.record
        return SpanStatus(_NAMES[record.status_code], record.status_message or "")

    @property
    def kind(self) -> str:
        """OpenTelemetry's kind."""
        return self.record.kind.name

    @property
    def scope(self) -> Any:
        """The library that records the span."""
        return self.record.instrumentation_scope

    @property
    def resource(self) -> Any:
        """The process that records the span."""
        return self.record.resource

    @property
    def trace_state(self) -> str:
        """The W3C ``tracestate`` header: none."""
        return ""

    @property
    def flags(self) -> int:
        """OTLP's span flags: none."""
        return 0

    @property
    def events(self) -> list[SpanEvent]:
        """The events so far."""
        return self.to_immutable_span().events

    @property
    def links(self) -> list[Link]:
        """The links so far."""
        return self.to_immutable_span().links

    @property
    def raw_attributes(self) -> Mapping[str, AttributeValue]:
        """The typed values as they will be stored."""
        return self.record.attributes

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes as MLflow shows them: the reserved keys decoded."""
        return self.to_immutable_span().attributes

    def get_attribute(self, key: str) -> Any:
        """Return one attribute, decoded where its key is reserved.

        Parameters
        ----------
        key : str
            Name of the attribute.
        """
        return self.to_immutable_span().get_attribute(key)

    @property
    def incomplete(self) -> bool:
        """Whether the span was closed because nothing else would have."""
        return bool((self.record.extra or {}).get("nbtrace.incomplete"))

    # Writing

    def set_inputs(self, inputs: Any) -> None:
        """Record the inputs: a snapshot, bounded and redacted.

        Parameters
        ----------
        inputs : object
            Anything; what is not JSON is described.
        """
        record = self.record
        if record.end_time is None and options.capture_content:
            record.inputs = encode_json(inputs, record.trace)
            trace = record.trace
            if trace.snapshotted or trace.root is record:
                trace.refresh(record)

    def set_outputs(self, outputs: Any) -> None:
        """Record the outputs: a snapshot, bounded and redacted.

        Parameters
        ----------
        outputs : object
            Anything; what is not JSON is described.
        """
        record = self.record
        if record.end_time is None and options.capture_content:
            record.outputs = encode_json(outputs, record.trace)

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute, typed as it is; MLflow's reserved keys become JSON text.

        Parameters
        ----------
        key : str
            Its name.
        value : object
            str, bool, int, float, bytes, None, lists and dicts of them keep their types; anything
            else becomes JSON text.
        """
        record = self.record
        if record.end_time is not None:
            return
        if key in JSON_ATTRIBUTE_KEYS:
            if key == INPUTS_KEY:
                self.set_inputs(value)
            elif key == OUTPUTS_KEY:
                self.set_outputs(value)
            elif key == TYPE_KEY:
                record.span_type = str(value)
            else:
                record.put(key, encode_json(value, record.trace))
            return
        record.put(str(key), value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set several attributes.

        Parameters
        ----------
        attributes : mapping
            Names and values.
        """
        for key, value in checked_mapping("attributes", attributes).items():
            self.set_attribute(key, value)

    def set_span_type(self, span_type: str) -> None:
        """Set the kind of step.

        Parameters
        ----------
        span_type : str
            A ``SpanType``, or any other word.
        """
        if self.record.end_time is None:
            self.record.span_type = str(span_type)

    def set_description(self, description: str) -> None:
        """Say in words what the step does."""
        self.set_attribute(SpanAttributeKey.DESCRIPTION, str(description))

    def set_log_level(self, level: SpanLogLevel | int | str) -> None:
        """Say how much the span matters.

        Raises
        ------
        NbtraceError
            For a level that does not exist.
        """
        self.set_attribute(SpanAttributeKey.LOG_LEVEL, int(SpanLogLevel.from_value(level)))

    def set_status(self, status: SpanStatus | SpanStatusCode | str) -> None:
        """Set the status.

        Parameters
        ----------
        status : SpanStatus, SpanStatusCode or str
            ``"OK"``, ``"ERROR"`` or ``"UNSET"``.

        Raises
        ------
        NbtraceError
            For another word.
        """
        if not isinstance(status, SpanStatus):
            try:
                status = SpanStatus(SpanStatusCode(status))
            except ValueError:
                msg = f"status must be 'OK', 'ERROR' or 'UNSET', got {status!r}"
                raise NbtraceError.invalid(msg) from None
        record = self.record
        if record.end_time is None:
            record.status_code = _CODES[SpanStatusCode(status.status_code)]
            record.status_message = redact_text(status.description) if status.description else None

    def add_event(self, event: SpanEvent) -> None:
        """Add an event.

        Parameters
        ----------
        event : SpanEvent
            Its time in nanoseconds since the epoch.
        """
        if not hasattr(event, "name") or not hasattr(event, "attributes"):
            msg = f"add_event takes a SpanEvent(name, attributes=...), got {type(event).__name__}"
            raise NbtraceError.invalid(msg)
        if self.record.end_time is None:
            attributes = checked_mapping("the attributes of an event", event.attributes)
            self.record.put_event(event.name, attributes, getattr(event, "timestamp", None))

    def add_link(self, link: Link) -> None:
        """Add a link to another span.

        Parameters
        ----------
        link : Link
            Trace id (``tr-`` or bare hex) and span id.
        """
        ids = getattr(link, "trace_id", None), getattr(link, "span_id", None)
        if not (isinstance(ids[0], str) and isinstance(ids[1], str)):
            msg = f"a link is a Link(trace_id=..., span_id=...), both texts; got {link!r}"
            raise NbtraceError.invalid(msg)
        if self.record.end_time is None:
            attributes = checked_mapping("the attributes of a link", link.attributes)
            state, flags = getattr(link, "trace_state", ""), getattr(link, "flags", 0)
            hex_id = ids[0].removeprefix("tr-")
            self.record.put_link(hex_id, ids[1], attributes, state, flags)

    def record_exception(self, exception: BaseException | str) -> None:
        """Record an exception and set the status to ERROR.

        Parameters
        ----------
        exception : BaseException or str
            What was raised, or a message.
        """
        error = exception if isinstance(exception, BaseException) else Exception(exception)
        if self.record.end_time is None:
            self.record.fail(error)

    def end(
        self,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: SpanStatus | SpanStatusCode | str | None = None,
        end_time_ns: int | None = None,
    ) -> None:
        """End the span; a second end changes nothing.

        Parameters
        ----------
        outputs : object, optional
            Set first, if given.
        attributes : mapping, optional
            Set first, if given.
        status : SpanStatus, SpanStatusCode or str, optional
            Set first, if given; a status never set becomes OK.
        end_time_ns : int, optional
            Nanoseconds since the epoch; now by default.
        """
        record = self.record
        if record.end_time is not None:
            return
        end_time = checked_nanoseconds("end_time_ns", end_time_ns)
        if attributes:
            self.set_attributes(attributes)
        if outputs is not None:
            self.set_outputs(outputs)
        if status is not None:
            self.set_status(status)
        finish(record, end_time)

    def to_dict(self) -> dict[str, Any]:
        """Return MLflow's v3 dictionary of the span as it stands."""
        return self.to_immutable_span().to_dict()

    def replace(self, **changes: Any) -> Span:
        """Return an immutable copy with some fields changed."""
        return self.to_immutable_span().replace(**changes)

    def __eq__(self, other: object) -> bool:
        """Return whether both show the same record."""
        return isinstance(other, LiveSpan) and other.record is self.record

    def __hash__(self) -> int:
        """Return a hash that goes with equality."""
        return hash(self.record.span_id)

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]:
        """Pickle and copy as the immutable span."""
        return Span.from_dict, (self.to_dict(),)

    def __repr__(self) -> str:
        """Return name and ids."""
        return f"LiveSpan(name={self.name!r}, trace_id={self.trace_id!r}, span_id={self.span_id!r})"


def finish(record: SpanRecord, end_time: int | None = None) -> None:
    """End a span of nbtrace's own: the processors see it, and a status never set becomes OK."""
    if record.end_time is not None:
        return
    if record.status_code == UNSET:
        record.status_code = OK
    if span_processors.functions:
        span_processors.run(LiveSpan(record))
    record.finish(end_time)
