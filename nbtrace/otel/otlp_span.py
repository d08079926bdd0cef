"""One span to and from its OTLP/JSON object, and the resource and scope around it.

The rules that hold for the whole format are told in `nbtrace/otel/otlp.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities.identifiers import (
    SPAN_HEX_DIGITS,
    hex_of,
    is_hex,
    normalize_span_id,
    normalize_trace_id,
)
from nbtrace.entities.link import Link
from nbtrace.entities.resource import Resource
from nbtrace.entities.scope import InstrumentationScope
from nbtrace.entities.span import SPAN_KINDS, Span
from nbtrace.entities.span_event import SpanEvent
from nbtrace.entities.span_status import SpanStatus, SpanStatusCode
from nbtrace.entities.text import clean_text
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.any_value import decode_attributes, encode_attributes
from nbtrace.otel.dropped import counts_of, with_counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.constant import AttributeValue

# OTLP keeps times as fixed64.
_TIME_LIMIT = 2**64
_KIND_NUMBERS = {name: number for number, name in enumerate(SPAN_KINDS)}
_STATUS_NUMBERS = {"OK": 1, "ERROR": 2}
_STATUS_CODES: dict[object, SpanStatusCode] = {
    1: SpanStatusCode.OK,
    2: SpanStatusCode.ERROR,
    "STATUS_CODE_OK": SpanStatusCode.OK,
    "STATUS_CODE_ERROR": SpanStatusCode.ERROR,
}


def encode_span(span: Span) -> dict[str, Any]:
    """Return the OTLP/JSON object of a span.

    Parameters
    ----------
    span : Span
        Any span; its resource and scope belong around it, see `encode_traces_data`.

    Returns
    -------
    dict
        What ``orjson.dumps`` turns into a line of a span file.

    Raises
    ------
    NbtraceError
        When the trace id is not hexadecimal.

    Examples
    --------
    >>> encode_span(Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask",
    ...                  start_time_ns=1, end_time_ns=2))["endTimeUnixNano"]
    '2'
    """
    data: dict[str, Any] = {"traceId": hex_of(span.trace_id), "spanId": span.span_id}
    if span.trace_state:
        data["traceState"] = clean_text(span.trace_state)
    if span.parent_id is not None:
        data["parentSpanId"] = span.parent_id
    if span.flags:
        data["flags"] = span.flags
    data["name"] = clean_text(span.name)
    kind = _KIND_NUMBERS.get(span.kind, 1)
    if kind:
        data["kind"] = kind
    data["startTimeUnixNano"] = str(span.start_time_ns)
    if span.end_time_ns is not None:
        data["endTimeUnixNano"] = str(span.end_time_ns)
    if span.raw_attributes:
        data["attributes"] = encode_attributes(span.raw_attributes)
        data |= counts_of(span.raw_attributes)
    if events := span.events:
        data["events"] = [_encode_event(event) for event in events]
    if links := span.links:
        data["links"] = [_encode_link(link) for link in links]
    if status := _encode_status(span.status):
        data["status"] = status
    return data


def _encode_status(status: SpanStatus) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if status.description:
        data["message"] = clean_text(status.description)
    code = _STATUS_NUMBERS.get(status.status_code)
    if code:
        data["code"] = code
    return data


def _encode_event(event: SpanEvent) -> dict[str, Any]:
    data: dict[str, Any] = {
        "timeUnixNano": str(event.timestamp),
        "name": clean_text(event.name),
    }
    if event.attributes:
        data["attributes"] = encode_attributes(event.attributes)
        data |= counts_of(event.attributes)
    return data


def _encode_link(link: Link) -> dict[str, Any]:
    data: dict[str, Any] = {"traceId": hex_of(link.trace_id), "spanId": link.span_id}
    if link.trace_state:
        data["traceState"] = clean_text(link.trace_state)
    if link.flags:
        data["flags"] = link.flags
    if link.attributes:
        data["attributes"] = encode_attributes(link.attributes)
        data |= counts_of(link.attributes)
    return data


def encode_resource(resource: Mapping[str, AttributeValue] | None) -> dict[str, Any]:
    """Return the OTLP/JSON object of a resource; its schema URL belongs beside it.

    Examples
    --------
    >>> encode_resource({"service.name": "demo"})
    {'attributes': [{'key': 'service.name', 'value': {'stringValue': 'demo'}}]}
    """
    return {"attributes": encode_attributes(resource)} if resource else {}


def decode_resource(data: Mapping[str, Any] | None, schema_url: str = "") -> Resource | None:
    """Return the resource of an OTLP/JSON object, None where there is none.

    Examples
    --------
    >>> decode_resource({})
    {}
    """
    if data is None and not schema_url:
        return None
    return Resource(decode_attributes((data or {}).get("attributes")), schema_url)


def encode_scope(scope: InstrumentationScope | None) -> dict[str, Any]:
    """Return the OTLP/JSON object of a scope; its schema URL belongs beside it.

    Examples
    --------
    >>> encode_scope(InstrumentationScope("nbtrace", "1"))
    {'name': 'nbtrace', 'version': '1'}
    """
    data: dict[str, Any] = {}
    if scope is not None:
        if scope.name:
            data["name"] = clean_text(scope.name)
        if scope.version:
            data["version"] = clean_text(scope.version)
        if scope.attributes:
            data["attributes"] = encode_attributes(scope.attributes)
    return data


def decode_scope(
    data: Mapping[str, Any] | None, schema_url: str = ""
) -> InstrumentationScope | None:
    """Return the scope of an OTLP/JSON object, None where there is none.

    Examples
    --------
    >>> decode_scope({"name": "nbtrace"}).name
    'nbtrace'
    """
    if data is None:
        return InstrumentationScope(schema_url=schema_url) if schema_url else None
    return InstrumentationScope(
        data.get("name") or "",
        data.get("version") or "",
        schema_url,
        decode_attributes(data.get("attributes")) or None,
    )


def decode_span(
    data: Mapping[str, Any],
    *,
    resource: dict[str, AttributeValue] | None = None,
    scope: InstrumentationScope | None = None,
) -> Span:
    """Return the span of an OTLP/JSON object.

    Parameters
    ----------
    data : Mapping
        The span object.
    resource : dict, optional
        Attributes of the resource around it.
    scope : InstrumentationScope, optional
        The scope around it.

    Returns
    -------
    Span
        The span.

    Raises
    ------
    NbtraceError
        When the object is not a span.

    Examples
    --------
    >>> decode_span({"traceId": "0a" * 16, "spanId": "0b" * 8, "startTimeUnixNano": "1"}).trace_id
    'tr-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a'
    """
    try:
        return _read_span(data, resource, scope)
    except Exception as error:
        message = f"this is not an OTLP/JSON span ({type(error).__name__}: {error})"
        raise NbtraceError.invalid(message) from None


def _read_span(
    data: Mapping[str, Any],
    resource: dict[str, AttributeValue] | None,
    scope: InstrumentationScope | None,
) -> Span:
    if "trace_id" in data:
        data = _lower_camel(data)
    get = data.get
    end = get("endTimeUnixNano")
    parent = get("parentSpanId")
    status = get("status")
    events = get("events")
    links = get("links")
    kind = get("kind", 0)
    return Span(
        trace_id=hex_to_trace_id(data["traceId"]),
        span_id=_span_id(data["spanId"]),
        parent_id=_span_id(parent) if parent else None,
        name=get("name") or "",
        start_time_ns=_time(get("startTimeUnixNano") or 0),
        # Zero is protobuf's way of saying nothing: the span is open.
        end_time_ns=(_time(end) or None) if end else None,
        status=_read_status(status) if status else None,
        attributes=with_counts(decode_attributes(get("attributes")), data),
        events=[_read_event(event) for event in events] if events else None,
        links=[_read_link(link) for link in links] if links else None,
        kind=_read_kind(kind),
        scope=scope,
        resource=resource,
        trace_state=get("traceState") or "",
        flags=int(get("flags") or 0),
    )


def hex_to_trace_id(text: str) -> str:
    """Return the trace id of OTLP's hex, or of base64 as plain protobuf JSON has it.

    Raises
    ------
    NbtraceError
        When the text is neither.

    Examples
    --------
    >>> hex_to_trace_id("0A" * 16)
    'tr-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a'
    """
    return "tr-" + hex_of(text)


def _span_id(text: str) -> str:
    if is_hex(text, SPAN_HEX_DIGITS):
        return text
    identifier = normalize_span_id(text)
    if not is_hex(identifier, SPAN_HEX_DIGITS):
        message = f"a span id is 16 hexadecimal digits; got {text!r}"
        raise NbtraceError.invalid(message)
    return identifier


def _read_kind(kind: object) -> str:
    if isinstance(kind, str):
        kind = _KIND_NUMBERS.get(kind.removeprefix("SPAN_KIND_"), 0)
    return SPAN_KINDS[kind] if isinstance(kind, int) and 0 <= kind < len(SPAN_KINDS) else "INTERNAL"


def _time(value: Any) -> int:
    """Return nanoseconds since the epoch, which OTLP/JSON writes as text."""
    time = int(value)
    if not 0 <= time < _TIME_LIMIT:
        message = f"{value!r:.80} is no time in nanoseconds since 1970"
        raise NbtraceError.invalid(message)
    return time


def _read_status(data: Mapping[str, Any]) -> SpanStatus:
    code = _STATUS_CODES.get(data.get("code"), SpanStatusCode.UNSET)
    return SpanStatus(code, data.get("message") or "")


def _read_event(data: Mapping[str, Any]) -> SpanEvent:
    if "time_unix_nano" in data:
        data = _lower_camel(data)
    return SpanEvent(
        data.get("name") or "",
        int(data.get("timeUnixNano") or 0),
        with_counts(decode_attributes(data.get("attributes")), data),
    )


def _read_link(data: Mapping[str, Any]) -> Link:
    if "trace_id" in data:
        data = _lower_camel(data)
    return Link(
        normalize_trace_id(data.get("traceId") or ""),
        normalize_span_id(data.get("spanId") or ""),
        with_counts(decode_attributes(data.get("attributes")), data),
        trace_state=data.get("traceState") or "",
        flags=int(data.get("flags") or 0),
    )


def _lower_camel(data: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in data.items():
        head, *tail = key.split("_")
        result[head + "".join(word.capitalize() for word in tail)] = value
    return result
