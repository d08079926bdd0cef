"""OTLP's binary form to and from the OTLP/JSON document that the rest of nbtrace speaks.

The messages come from ``opentelemetry-proto``, which the extra ``[otlp]`` brings; it is imported
when it is first needed. The walk is by hand: protobuf's own JSON has base64 where OTLP/JSON has
hexadecimal ids, and is slower.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Iterable

_DOUBLES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def is_available() -> bool:
    """Return whether the protobuf form can be read and written."""
    try:
        _messages()
    except NbtraceError:
        return False
    return True


def _messages() -> Any:
    try:
        from opentelemetry.proto.trace.v1 import trace_pb2
    except ImportError:
        msg = "OTLP in protobuf form needs: pip install 'nbtrace[otlp]'"
        raise NbtraceError.invalid(msg) from None
    return trace_pb2


# To protobuf


def encode(document: dict[str, Any]) -> bytes:
    """Return the protobuf form of an OTLP/JSON document made by ``encode_traces_data``.

    Parameters
    ----------
    document : dict
        TracesData; an export request has the same form.

    Raises
    ------
    NbtraceError
        When ``opentelemetry-proto`` is not installed.
    """
    data = _messages().TracesData()
    for group in document["resourceSpans"]:
        resource_spans = data.resource_spans.add()
        if "resource" in group:
            resource_spans.resource.SetInParent()
            _put_attributes(resource_spans.resource, group["resource"])
        resource_spans.schema_url = group.get("schemaUrl", "")
        for inner in group["scopeSpans"]:
            scope_spans = resource_spans.scope_spans.add()
            scope_spans.schema_url = inner.get("schemaUrl", "")
            if "scope" in inner:
                scope_spans.scope.SetInParent()
                scope_spans.scope.name = inner["scope"].get("name", "")
                scope_spans.scope.version = inner["scope"].get("version", "")
                _put_attributes(scope_spans.scope, inner["scope"])
            for span in inner["spans"]:
                _put_span(scope_spans.spans.add(), span)
    encoded: bytes = data.SerializeToString()
    return encoded


def _put_span(message: Any, span: dict[str, Any]) -> None:
    message.trace_id = bytes.fromhex(span["traceId"])
    message.span_id = bytes.fromhex(span["spanId"])
    message.parent_span_id = bytes.fromhex(span.get("parentSpanId", ""))
    message.trace_state = span.get("traceState", "")
    message.flags = span.get("flags", 0)
    message.name = span.get("name", "")
    message.kind = span.get("kind", 0)
    message.start_time_unix_nano = int(span["startTimeUnixNano"])
    message.end_time_unix_nano = int(span.get("endTimeUnixNano", 0))
    message.dropped_attributes_count = span.get("droppedAttributesCount", 0)
    message.dropped_events_count = span.get("droppedEventsCount", 0)
    message.dropped_links_count = span.get("droppedLinksCount", 0)
    _put_attributes(message, span)
    for event in span.get("events", ()):
        added = message.events.add()
        added.time_unix_nano = int(event.get("timeUnixNano", 0))
        added.name = event.get("name", "")
        added.dropped_attributes_count = event.get("droppedAttributesCount", 0)
        _put_attributes(added, event)
    for link in span.get("links", ()):
        added = message.links.add()
        added.trace_id = bytes.fromhex(link.get("traceId", ""))
        added.span_id = bytes.fromhex(link.get("spanId", ""))
        added.trace_state = link.get("traceState", "")
        added.flags = link.get("flags", 0)
        added.dropped_attributes_count = link.get("droppedAttributesCount", 0)
        _put_attributes(added, link)
    if "status" in span:
        message.status.SetInParent()
        message.status.code = span["status"].get("code", 0)
        message.status.message = span["status"].get("message", "")


def _put_attributes(message: Any, holder: dict[str, Any]) -> None:
    for item in holder.get("attributes", ()):
        added = message.attributes.add()
        added.key = item["key"]
        _put_value(added.value, item["value"])


def _put_value(message: Any, value: dict[str, Any]) -> None:  # noqa: C901 - one case a type
    for kind, content in value.items():
        match kind:
            case "stringValue":
                message.string_value = content
            case "boolValue":
                message.bool_value = content
            case "intValue":
                message.int_value = int(content)
            case "doubleValue":
                is_word = isinstance(content, str)
                message.double_value = _DOUBLES[content] if is_word else content
            case "bytesValue":
                message.bytes_value = base64.b64decode(content)
            case "arrayValue":
                message.array_value.SetInParent()
                for item in content.get("values", ()):
                    _put_value(message.array_value.values.add(), item)
            case "kvlistValue":
                message.kvlist_value.SetInParent()
                for item in content.get("values", ()):
                    added = message.kvlist_value.values.add()
                    added.key = item["key"]
                    _put_value(added.value, item["value"])
            case _:  # encode_value makes no other
                pass


# From protobuf


def decode(data: bytes) -> dict[str, Any]:
    """Return the OTLP/JSON document of TracesData or an export request in protobuf form.

    Raises
    ------
    NbtraceError
        When ``opentelemetry-proto`` is not installed, or the bytes are something else.
    """
    message = _messages().TracesData()
    try:
        message.ParseFromString(data)
    except Exception:
        msg = "this is not OTLP in protobuf form: it is damaged, or something else"
        raise NbtraceError.invalid(msg) from None
    if data and not message.resource_spans:
        msg = "this is not OTLP in protobuf form: it has no resource spans"
        raise NbtraceError.invalid(msg)
    return {"resourceSpans": [_resource_spans(item) for item in message.resource_spans]}


def _resource_spans(message: Any) -> dict[str, Any]:
    group: dict[str, Any] = {}
    if message.HasField("resource"):
        group["resource"] = {"attributes": _attributes(message.resource.attributes)}
    if message.schema_url:
        group["schemaUrl"] = message.schema_url
    group["scopeSpans"] = [_scope_spans(item) for item in message.scope_spans]
    return group


def _scope_spans(message: Any) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    if message.HasField("scope"):
        inner["scope"] = {
            "name": message.scope.name,
            "version": message.scope.version,
            "attributes": _attributes(message.scope.attributes),
        }
    if message.schema_url:
        inner["schemaUrl"] = message.schema_url
    inner["spans"] = [_span(item) for item in message.spans]
    return inner


def _span(message: Any) -> dict[str, Any]:
    return {
        "traceId": message.trace_id.hex(),
        "spanId": message.span_id.hex(),
        "parentSpanId": message.parent_span_id.hex(),
        "traceState": message.trace_state,
        "flags": message.flags,
        "name": message.name,
        "kind": message.kind,
        "startTimeUnixNano": message.start_time_unix_nano,
        "endTimeUnixNano": message.end_time_unix_nano,
        "attributes": _attributes(message.attributes),
        "events": [
            {
                "timeUnixNano": event.time_unix_nano,
                "name": event.name,
                "attributes": _attributes(event.attributes),
                "droppedAttributesCount": event.dropped_attributes_count,
            }
            for event in message.events
        ],
        "links": [
            {
                "traceId": link.trace_id.hex(),
                "spanId": link.span_id.hex(),
                "traceState": link.trace_state,
                "flags": link.flags,
                "attributes": _attributes(link.attributes),
                "droppedAttributesCount": link.dropped_attributes_count,
            }
            for link in message.links
        ],
        "status": {"code": message.status.code, "message": message.status.message},
        "droppedAttributesCount": message.dropped_attributes_count,
        "droppedEventsCount": message.dropped_events_count,
        "droppedLinksCount": message.dropped_links_count,
    }


def _attributes(items: Iterable[Any]) -> list[dict[str, Any]]:
    return [{"key": item.key, "value": _value(item.value)} for item in items]


def _value(message: Any) -> dict[str, Any]:  # noqa: PLR0911 - one case a type
    match message.WhichOneof("value"):
        case "string_value":
            return {"stringValue": message.string_value}
        case "bool_value":
            return {"boolValue": message.bool_value}
        case "int_value":
            return {"intValue": message.int_value}
        case "double_value":
            return {"doubleValue": message.double_value}
        case "bytes_value":
            return {"bytesValue": base64.b64encode(message.bytes_value).decode()}
        case "array_value":
            return {"arrayValue": {"values": [_value(item) for item in message.array_value.values]}}
        case "kvlist_value":
            return {"kvlistValue": {"values": _attributes(message.kvlist_value.values)}}
        case _:
            return {}


# The receiver's answer


def encode_response(rejected: int, message: str) -> bytes:
    """Return an export response in protobuf form, empty when all is well."""
    if not rejected and not message:
        return b""
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

    response = service.ExportTraceServiceResponse()
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = message
    encoded: bytes = response.SerializeToString()
    return encoded


def decode_response(data: bytes) -> tuple[int, str]:
    """Return how many spans a receiver refused, and why."""
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

    response = service.ExportTraceServiceResponse()
    response.ParseFromString(data)
    partial = response.partial_success
    return partial.rejected_spans, partial.error_message
