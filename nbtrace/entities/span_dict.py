"""Spans to and from MLflow's dictionaries.

v3 resembles OTLP, but ids are base64 and every attribute value is JSON text. v2 has ``context``,
``start_time`` and ``status_code``, and ids as ``0x...``. nbtrace stores typed attributes, so JSON
text is made on the way out and read on the way in, except for the reserved keys, which hold it.
"""

from __future__ import annotations

import binascii
import math
from typing import TYPE_CHECKING, Any

from nbtrace.entities.constant import JSON_ATTRIBUTE_KEYS, SpanAttributeKey
from nbtrace.entities.identifiers import (
    SPAN_HEX_DIGITS,
    hex_of,
    is_hex,
    is_trace_id,
    normalize_span_id,
    normalize_trace_id,
    to_base64,
)
from nbtrace.entities.json_text import decode, dumps, is_json
from nbtrace.entities.link import Link
from nbtrace.entities.span import SPAN_KINDS, Span
from nbtrace.entities.span_event import SpanEvent
from nbtrace.entities.span_status import SpanStatus, SpanStatusCode
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.constant import AttributeValue

_STATUS_PREFIX = "STATUS_CODE_"
_DEFAULT_KIND = "INTERNAL"


def span_to_dict(span: Span) -> dict[str, Any]:
    """Return MLflow's v3 dictionary of a span.

    Parameters
    ----------
    span : Span
        Any span.

    Returns
    -------
    dict
        See `Span.to_dict`.

    Raises
    ------
    NbtraceError
        When an id is not hexadecimal.
    """
    attributes = {key: _to_json(key, value) for key, value in span.raw_attributes.items()}
    # MLflow refuses a span without it.
    attributes.setdefault(SpanAttributeKey.REQUEST_ID, dumps(span.trace_id))
    data: dict[str, Any] = {
        "trace_id": to_base64(hex_of(span.trace_id)),
        "span_id": _span_id_to_base64(span.span_id),
        "parent_span_id": None if span.parent_id is None else _span_id_to_base64(span.parent_id),
        "name": span.name,
        "start_time_unix_nano": span.start_time_ns,
        "end_time_unix_nano": span.end_time_ns,
        "events": [
            {
                "name": event.name,
                "time_unix_nano": event.timestamp,
                "attributes": {key: plain(value) for key, value in event.attributes.items()},
            }
            for event in span.events
        ],
        "status": {
            "code": _STATUS_PREFIX + span.status.status_code.value,
            "message": span.status.description,
        },
        "attributes": attributes,
        "links": [
            {
                "trace_id": link.trace_id,
                "span_id": link.span_id,
                "attributes": {key: plain(value) for key, value in link.attributes.items()},
            }
            for link in span.links
        ],
    }
    if span.kind != _DEFAULT_KIND:
        data["kind"] = span.kind
    return data


def span_from_dict(data: Mapping[str, Any], trace_id: str | None = None) -> Span:
    """Return the span of MLflow's dictionary, v3 or v2.

    Parameters
    ----------
    data : Mapping
        The dictionary.
    trace_id : str, optional
        The id of the trace the span is part of, which wins over the span's own: in the v2 form
        the two differ.

    Returns
    -------
    Span
        The span.

    Raises
    ------
    NbtraceError
        When the dictionary is not a span.
    """
    try:
        return _read_v2(data, trace_id) if "context" in data else _read_v3(data, trace_id)
    except NbtraceError:
        raise
    except Exception as error:
        message = (
            "this dictionary is not a span of MLflow's v3 or v2 form "
            f"({type(error).__name__}: {error}); OTLP/JSON is read by nbtrace.Trace.from_otlp"
        )
        raise NbtraceError.invalid(message) from None


def plain(value: AttributeValue) -> Any:
    """Return a value that JSON can hold: bytes become base64 text.

    Parameters
    ----------
    value : AttributeValue
        A typed value.

    Returns
    -------
    object
        The same without bytes.

    Examples
    --------
    >>> plain({"data": b"ab"})
    {'data': 'YWI='}
    """
    if isinstance(value, bytes):
        return binascii.b2a_base64(value, newline=False).decode()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _to_json(key: str, value: AttributeValue) -> str:
    if key in JSON_ATTRIBUTE_KEYS and isinstance(value, str) and is_json(value):
        return value
    if value is True:
        return "true"
    if isinstance(value, float) and not math.isfinite(value):
        return dumps(value)
    return dumps(plain(value))


def _read_attributes(
    attributes: Mapping[str, Any] | None, trace_id: str
) -> dict[str, AttributeValue]:
    result: dict[str, AttributeValue] = {}
    for key, value in (attributes or {}).items():
        if key in JSON_ATTRIBUTE_KEYS:
            if key == SpanAttributeKey.REQUEST_ID and decode(value) == trace_id:
                continue
            result[key] = value if isinstance(value, str) else dumps(value)
        else:
            result[key] = decode(value)
    return result


def _read_v3(data: Mapping[str, Any], trace_id: str | None) -> Span:
    identifier = trace_id or _own_trace_id(data["trace_id"], data.get("attributes"))
    end = data.get("end_time_unix_nano")
    status = data.get("status") or {}
    parent = data.get("parent_span_id")
    return Span(
        trace_id=identifier,
        span_id=normalize_span_id(data["span_id"]),
        parent_id=normalize_span_id(parent) if parent else None,
        name=data["name"],
        start_time_ns=int(data["start_time_unix_nano"]),
        end_time_ns=int(end) if end else None,
        status=SpanStatus(
            _status_code(status.get("code", SpanStatusCode.UNSET)), status.get("message") or ""
        ),
        attributes=_read_attributes(data.get("attributes"), identifier),
        events=[
            SpanEvent(
                event["name"], int(event["time_unix_nano"]), dict(event.get("attributes") or {})
            )
            for event in data.get("events") or ()
        ],
        links=_read_links(data.get("links")),
        kind=_kind(data.get("kind")),
    )


def _read_v2(data: Mapping[str, Any], trace_id: str | None) -> Span:
    context = data["context"]
    attributes = data.get("attributes")
    identifier = trace_id or _own_trace_id(context["trace_id"], attributes)
    end = data.get("end_time")
    parent = data.get("parent_id")
    return Span(
        trace_id=identifier,
        span_id=normalize_span_id(context["span_id"]),
        parent_id=normalize_span_id(parent) if parent else None,
        name=data["name"],
        start_time_ns=int(data["start_time"]),
        end_time_ns=int(end) if end else None,
        status=SpanStatus(
            _status_code(data.get("status_code", "UNSET")), data.get("status_message") or ""
        ),
        attributes=_read_attributes(attributes, identifier),
        events=[
            SpanEvent(event["name"], int(event["timestamp"]), dict(event.get("attributes") or {}))
            for event in data.get("events") or ()
        ],
        links=_read_links(data.get("links")),
        kind=_kind(data.get("kind")),
    )


def _own_trace_id(text: str, attributes: Mapping[str, Any] | None) -> str:
    # In the v2 form the trace is known under the request id, not under OpenTelemetry's id.
    request_id = decode((attributes or {}).get(SpanAttributeKey.REQUEST_ID))
    if isinstance(request_id, str) and is_trace_id(request_id):
        return request_id
    identifier = normalize_trace_id(text)
    if not is_trace_id(identifier):
        message = f"the span's trace_id is neither base64 nor hexadecimal: {text!r}"
        raise NbtraceError.invalid(message)
    return identifier


def _read_links(links: list[Mapping[str, Any]] | None) -> list[Link]:
    return [
        Link(
            normalize_trace_id(link["trace_id"]),
            normalize_span_id(link["span_id"]),
            dict(link.get("attributes") or {}),
        )
        for link in links or ()
    ]


def _status_code(code: str) -> SpanStatusCode:
    return SpanStatusCode(code.removeprefix(_STATUS_PREFIX))


def _kind(kind: object) -> str:
    if isinstance(kind, int) and 0 <= kind < len(SPAN_KINDS):
        return SPAN_KINDS[kind]
    if isinstance(kind, str):
        name = kind.removeprefix("SPAN_KIND_")
        return name if name in SPAN_KINDS else _DEFAULT_KIND
    return _DEFAULT_KIND


def _span_id_to_base64(span_id: str) -> str:
    if not is_hex(span_id, SPAN_HEX_DIGITS):
        message = f"a span id is 16 hexadecimal digits; got {span_id!r}"
        raise NbtraceError.invalid(message)
    return to_base64(span_id)
