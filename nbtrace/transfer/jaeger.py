"""Jaeger's JSON: ``{"data": [{"traceID", "spans", "processes"}]}``, as its UI and its API give it.

Spans may also stand by themselves, each with its process, as they do in Jaeger's own storage.

Times are microseconds, tags are typed, logs are events, and the process holds the resource. What
Jaeger keeps of OpenTelemetry in tags of its own (status, kind, scope) goes back to its place.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from nbtrace.entities import InstrumentationScope, Link, Span, SpanEvent, SpanStatus
from nbtrace.exceptions import NbtraceError
from nbtrace.transfer.plain import span_id_of, trace_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbtrace.entities.constant import AttributeValue

_NS = 1000
_STATES = frozenset({"OK", "ERROR"})


def is_jaeger(document: Mapping[str, Any]) -> bool:
    """Return whether a mapping is a trace of Jaeger's, or a span of one.

    Examples
    --------
    >>> is_jaeger({"traceID": "1", "spans": [], "processes": {}})
    True
    """
    if "traceID" not in document:
        return False
    return isinstance(document.get("spans"), list) or "spanID" in document


def jaeger_spans(trace: Mapping[str, Any]) -> Iterator[Span | NbtraceError]:
    """Yield the spans of a trace, or one span, each bad one as an error that names its place.

    Parameters
    ----------
    trace : mapping
        For which `is_jaeger` is true.
    """
    processes = trace.get("processes")
    resources: dict[str, dict[str, AttributeValue]] = {}
    spans = trace.get("spans")
    if not isinstance(spans, list):
        spans, processes = [{**trace, "processID": ""}], {"": trace.get("process")}
    for index, span in enumerate(spans):
        try:
            yield _span(span, processes if isinstance(processes, dict) else {}, resources)
        except NbtraceError as error:
            yield NbtraceError.invalid(f"spans[{index}]: {error.message}")
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            yield NbtraceError.invalid(f"spans[{index}]: {type(error).__name__}: {error}")


def _resource(process: Any) -> dict[str, AttributeValue]:
    if not isinstance(process, dict):
        return {}
    named = {"service.name": str(process.get("serviceName") or "")}
    return {**named, **_tags(process.get("tags"), "tags")}


def _span(
    data: Mapping[str, Any],
    processes: Mapping[str, Any],
    resources: dict[str, dict[str, AttributeValue]],
) -> Span:
    if not isinstance(data, dict):
        msg = f"expected an object, got {type(data).__name__}"
        raise NbtraceError.invalid(msg)
    process = str(data.get("processID", ""))
    if process not in resources:  # the spans of a process share its resource
        resources[process] = _resource(processes.get(process))
    trace_id = trace_id_of(data.get("traceID"), "traceID")
    tags = _tags(data.get("tags"), "tags")
    start = _microseconds(data, "startTime") * _NS
    parent, links = _references(data.get("references"), trace_id)
    name, version = (
        tags.pop(f"otel.scope.{part}", None) or tags.pop(f"otel.library.{part}", None) or ""
        for part in ("name", "version")
    )
    kind = str(tags.pop("span.kind", "internal")).upper()
    failed = tags.get("error") is True or tags.get("error") == "true"
    state = str(tags.pop("otel.status_code", "ERROR" if failed else "UNSET"))
    return Span(
        trace_id=trace_id,
        span_id=span_id_of(data.get("spanID"), "spanID"),
        parent_id=parent
        or (span_id_of(data["parentSpanID"], "parentSpanID") if data.get("parentSpanID") else None),
        name=str(data.get("operationName") or ""),
        start_time_ns=start,
        end_time_ns=start + _microseconds(data, "duration") * _NS,
        status=SpanStatus(
            state if state in _STATES else "UNSET",
            str(tags.pop("otel.status_description", "") or ""),
        ),
        attributes=tags,
        events=[_event(log, index) for index, log in enumerate(data.get("logs") or ())],
        links=links,
        kind=kind if kind in {"SERVER", "CLIENT", "PRODUCER", "CONSUMER"} else "INTERNAL",
        scope=InstrumentationScope(str(name), str(version)) if name or version else None,
        resource=resources[process],
    )


def _microseconds(data: Mapping[str, Any], field: str) -> int:
    value = data.get(field, 0 if field == "duration" else None)
    try:
        return int(value)
    except (TypeError, ValueError):
        msg = f"{field} must be a number of microseconds, got {value!r:.80}"
        raise NbtraceError.invalid(msg) from None


def _references(items: Any, trace_id: str) -> tuple[str | None, list[Link]]:
    parent: str | None = None
    links: list[Link] = []
    for item in items or ():
        other = trace_id_of(item.get("traceID"), "references.traceID")
        span_id = span_id_of(item.get("spanID"), "references.spanID")
        if parent is None and item.get("refType") == "CHILD_OF" and other == trace_id:
            parent = span_id
        else:
            links.append(Link(other, span_id))
    return parent, links


def _tags(items: Any, field: str) -> dict[str, AttributeValue]:
    if not isinstance(items, list | None):
        msg = f"{field} must be a list, got {type(items).__name__}"
        raise NbtraceError.invalid(msg)
    return {str(item["key"]): _value(item) for item in items or ()}


def _value(item: Mapping[str, Any]) -> AttributeValue:
    value: Any = item.get("value")
    match str(item.get("type", "")).lower():
        case "bool":
            return value if isinstance(value, bool) else str(value).lower() == "true"
        case "int64":
            return int(value)
        case "float64":
            return float(value)
        case "binary" if isinstance(value, str):
            return base64.b64decode(value)
    known: AttributeValue = value
    return known


def _event(log: Mapping[str, Any], index: int) -> SpanEvent:
    fields = _tags(log.get("fields"), f"logs[{index}].fields")
    name = fields.pop("event", None) or fields.pop("message", None) or "log"
    return SpanEvent(str(name), _microseconds(log, "timestamp") * _NS, fields)
