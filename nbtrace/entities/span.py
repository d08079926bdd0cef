"""A finished span, as it is stored, and as MLflow shows it.

A `Span` keeps the typed attributes exactly as they were set (`Span.raw_attributes`). MLflow's
reserved keys hold JSON text, which the properties decode on each use, so that nobody can change
what another reader sees. Conversions to MLflow's dictionaries are in `span_dict.py`, to OTLP in
`nbtrace/otel/otlp.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, cast

from nbtrace.entities.constant import JSON_ATTRIBUTE_KEYS, NbtraceKey, SpanAttributeKey
from nbtrace.entities.json_text import decode
from nbtrace.entities.link import Link
from nbtrace.entities.scope import InstrumentationScope
from nbtrace.entities.span_event import SpanEvent
from nbtrace.entities.span_status import SpanLogLevel, SpanStatus, SpanStatusCode
from nbtrace.entities.span_type import SpanType
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.attachment import Attachment
    from nbtrace.entities.constant import AttributeValue

__all__ = [
    "InstrumentationScope",
    "Link",
    "Span",
    "SpanEvent",
    "SpanLogLevel",
    "SpanStatus",
    "SpanStatusCode",
    "SpanType",
]

SPAN_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")


class Span:
    """One step of a trace; immutable.

    Parameters
    ----------
    trace_id : str
        ``tr-`` and 32 hexadecimal digits.
    span_id : str
        16 hexadecimal digits.
    parent_id : str or None
        The parent's span id, None for the root.
    name : str
        What the step is called; names need not be unique.
    start_time_ns : int
        Start in nanoseconds since the epoch.
    end_time_ns : int or None
        End in nanoseconds since the epoch, None while the span is open.
    status : SpanStatus or None
        How it ended; ``UNSET`` when left out.
    attributes : dict of str to AttributeValue
        Typed values as stored: reserved keys hold JSON text.
    events : list of SpanEvent
        What happened in it, such as exceptions.
    links : list of Link
        Spans it points at.
    kind : str
        OpenTelemetry's kind, one of `SPAN_KINDS`.
    scope : InstrumentationScope or None
        The library that recorded it.
    resource : dict of str to AttributeValue, or None
        The process that recorded it.
    trace_state : str
        The W3C ``tracestate`` header.
    flags : int
        OTLP's span flags.

    Examples
    --------
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1,
    ...             end_time_ns=2, attributes={"mlflow.spanInputs": '{"question":"why?"}'})
    >>> span.inputs
    {'question': 'why?'}
    """

    __slots__ = (
        "_attributes",
        "_end_time_ns",
        "_events",
        "_flags",
        "_kind",
        "_links",
        "_name",
        "_parent_id",
        "_resource",
        "_scope",
        "_span_id",
        "_start_time_ns",
        "_status",
        "_trace_id",
        "_trace_state",
    )

    def __init__(  # noqa: PLR0913 - the fields of an OTLP span
        self,
        *,
        trace_id: str,
        span_id: str,
        name: str,
        start_time_ns: int,
        parent_id: str | None = None,
        end_time_ns: int | None = None,
        status: SpanStatus | None = None,
        attributes: dict[str, AttributeValue] | None = None,
        events: list[SpanEvent] | None = None,
        links: list[Link] | None = None,
        kind: str = "INTERNAL",
        scope: InstrumentationScope | None = None,
        resource: dict[str, AttributeValue] | None = None,
        trace_state: str = "",
        flags: int = 0,
    ) -> None:
        self._trace_id = trace_id
        self._span_id = span_id
        self._parent_id = parent_id or None
        self._name = name
        self._start_time_ns = start_time_ns
        self._end_time_ns = end_time_ns
        self._status = status or SpanStatus(SpanStatusCode.UNSET)
        self._attributes = {} if attributes is None else attributes
        self._events = events or []
        self._links = links or []
        self._kind = kind
        self._scope = scope
        self._resource = resource
        self._trace_state = trace_state
        self._flags = flags

    @property
    def trace_id(self) -> str:
        """``tr-`` and 32 hexadecimal digits."""
        return self._trace_id

    @property
    def request_id(self) -> str:
        """MLflow 2's name for `trace_id`."""
        return self._trace_id

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits."""
        return self._span_id

    @property
    def parent_id(self) -> str | None:
        """The parent's span id, None for the root."""
        return self._parent_id

    @property
    def name(self) -> str:
        """What the step is called."""
        return self._name

    @property
    def start_time_ns(self) -> int:
        """Start in nanoseconds since the epoch."""
        return self._start_time_ns

    @property
    def end_time_ns(self) -> int | None:
        """End in nanoseconds since the epoch, None while the span is open."""
        return self._end_time_ns

    @property
    def duration_ns(self) -> int | None:
        """Nanoseconds from start to end, None while the span is open."""
        end = self._end_time_ns
        return None if end is None else end - self._start_time_ns

    @property
    def status(self) -> SpanStatus:
        """How the span ended."""
        return self._status

    @property
    def kind(self) -> str:
        """OpenTelemetry's kind, one of `SPAN_KINDS`."""
        return self._kind

    @property
    def scope(self) -> InstrumentationScope | None:
        """The library that recorded the span."""
        return self._scope

    @property
    def resource(self) -> Mapping[str, AttributeValue] | None:
        """The process that recorded the span; do not change it, spans share it."""
        return self._resource

    @property
    def trace_state(self) -> str:
        """The W3C ``tracestate`` header."""
        return self._trace_state

    @property
    def flags(self) -> int:
        """OTLP's span flags."""
        return self._flags

    @property
    def events(self) -> list[SpanEvent]:
        """What happened in the span, in order."""
        return list(self._events)

    @property
    def links(self) -> list[Link]:
        """The spans this one points at."""
        return list(self._links)

    @property
    def raw_attributes(self) -> Mapping[str, AttributeValue]:
        """The typed values as stored; reserved keys hold JSON text. Do not change it."""
        return self._attributes

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes as MLflow shows them: the reserved keys decoded."""
        return {
            key: decode(value) if key in JSON_ATTRIBUTE_KEYS else value
            for key, value in self._attributes.items()
        }

    def get_attribute(self, key: str) -> Any:
        """Return one attribute, decoded where its key is reserved.

        Parameters
        ----------
        key : str
            Name of the attribute.

        Returns
        -------
        object
            Its value, None when it is not set.

        Examples
        --------
        >>> Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1,
        ...      attributes={"mlflow.spanType": '"LLM"'}).get_attribute("mlflow.spanType")
        'LLM'
        """
        value = self._attributes.get(key)
        if value is not None and key in JSON_ATTRIBUTE_KEYS:
            return decode(value)
        if value is None and key == SpanAttributeKey.REQUEST_ID:
            return self._trace_id
        return value

    @property
    def inputs(self) -> Any:
        """The decoded inputs, None when there are none."""
        return self.get_attribute(SpanAttributeKey.INPUTS)

    @property
    def outputs(self) -> Any:
        """The decoded outputs, None when there are none."""
        return self.get_attribute(SpanAttributeKey.OUTPUTS)

    @property
    def span_type(self) -> str:
        """What kind of step it is, see `SpanType`; ``"UNKNOWN"`` when it was not said."""
        value = self.get_attribute(SpanAttributeKey.SPAN_TYPE)
        return SpanType.UNKNOWN if value is None else str(value)

    @property
    def log_level(self) -> SpanLogLevel | None:
        """How much the span matters, None when it was not said."""
        value = self.get_attribute(SpanAttributeKey.LOG_LEVEL)
        try:
            return None if value is None else SpanLogLevel.from_value(value)
        except NbtraceError:
            return None

    @property
    def description(self) -> str | None:
        """What the person who traced it wrote about it."""
        value = self.get_attribute(SpanAttributeKey.DESCRIPTION)
        return None if value is None else str(value)

    @property
    def model_name(self) -> str | None:
        """The model that answered, under MLflow's key."""
        value = self.get_attribute(SpanAttributeKey.MODEL)
        return None if value is None else str(value)

    @property
    def llm_cost(self) -> dict[str, float] | None:
        """``input_cost``, ``output_cost`` and ``total_cost`` in US dollars, None when unknown."""
        value = self.get_attribute(SpanAttributeKey.LLM_COST)
        return value if isinstance(value, dict) else None

    @property
    def incomplete(self) -> bool:
        """Whether the span never ended by itself."""
        return bool(self._attributes.get(NbtraceKey.INCOMPLETE))

    def to_dict(self) -> dict[str, Any]:
        """Return MLflow's v3 dictionary: base64 ids, attribute values as JSON text.

        Returns
        -------
        dict
            What a real MLflow's ``Span.from_dict`` reads, without resource and scope.

        Examples
        --------
        >>> Span(trace_id="tr-" + "0a" * 16, span_id="333ec1091303c9d9", name="ask",
        ...      start_time_ns=1).to_dict()["span_id"]
        'Mz7BCRMDydk='
        """
        from nbtrace.entities.span_dict import span_to_dict

        return span_to_dict(self)

    @property
    def attachments(self) -> list[Attachment]:
        """The pictures, sound and files that it refers to, as far as the store has them."""
        return cast("list[Attachment]", import_module("nbtrace.attachments").attachments_of(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Span:
        """Return the span of an MLflow dictionary, v3 or v2.

        Parameters
        ----------
        data : Mapping
            What `to_dict`, or MLflow's, returned.

        Returns
        -------
        Span
            The span.

        Raises
        ------
        NbtraceError
            When the dictionary is not a span.

        Examples
        --------
        >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1)
        >>> Span.from_dict(span.to_dict()) == span
        True
        """
        from nbtrace.entities.span_dict import span_from_dict

        return span_from_dict(data)

    def replace(self, **changes: Any) -> Span:
        """Return a copy with some fields changed.

        Parameters
        ----------
        **changes : object
            Constructor arguments.

        Returns
        -------
        Span
            The changed copy; mutable parts that did not change are shared.

        Examples
        --------
        >>> Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask",
        ...      start_time_ns=1).replace(end_time_ns=3).duration_ns
        2
        """
        return Span(**{slot[1:]: getattr(self, slot) for slot in Span.__slots__} | changes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Span):
            return NotImplemented
        return all(getattr(self, slot) == getattr(other, slot) for slot in Span.__slots__)

    def __hash__(self) -> int:
        return hash((self._trace_id, self._span_id))

    def __repr__(self) -> str:
        return (
            f"Span(name={self._name!r}, trace_id={self._trace_id!r}, span_id={self._span_id!r}, "
            f"parent_id={self._parent_id!r})"
        )

    def __getitem__(self, key: object) -> NoReturn:
        raise TypeError(f"a Span is not a dict: use span.{key}, or span.get_attribute({key!r})")

    def __iter__(self) -> NoReturn:
        raise TypeError("a Span cannot be iterated; span.attributes is a dict")


def __getattr__(name: str) -> Any:  # MLflow has these two here as well
    if name in {"LiveSpan", "NoOpSpan"}:
        return getattr(import_module("nbtrace.entities"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
