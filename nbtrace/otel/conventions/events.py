"""Log records that belong to spans.

Some instrumentors send the content of messages as log records (OpenTelemetry's "events") instead of
attributes. `merge_log_events` makes them events of their spans, where the GenAI view reads them and
the tree shows them. The stored attributes of the spans stay as they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities import SpanEvent
from nbtrace.otel.conventions.genai import EVENT_CONTENT
from nbtrace.otel.conventions.reading import count, json_safe, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbtrace.entities import Span
    from nbtrace.otel.conventions.reading import Attributes

__all__ = ["extended", "merge_log_events"]


def extended(
    span: Span, *, attributes: Attributes | None = None, events: Sequence[SpanEvent] = ()
) -> Span:
    """Return a copy of a span with attributes where it had none, and further events.

    Parameters
    ----------
    span : Span
        The span; it stays as it is.
    attributes : mapping of str to AttributeValue, optional
        Attributes to add; one that the span has keeps the span's value.
    events : sequence of SpanEvent
        Events to add after its own.

    Returns
    -------
    Span
        The copy.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1)
    >>> extended(span, attributes={"n": 1}).raw_attributes
    {'n': 1}
    """
    return span.replace(
        attributes={**(attributes or {}), **span.raw_attributes}, events=[*span.events, *events]
    )


def _bare(identifier: object) -> str | None:
    found = text(identifier)
    return found.removeprefix("tr-").lower() if found else None


def _event(span: Span, log: Mapping[str, Any]) -> SpanEvent:
    attributes = dict(log["attributes"]) if isinstance(log.get("attributes"), dict) else {}
    name = text(log.get("event_name")) or text(attributes.get("event.name")) or "log"
    body = log.get("body")
    if body is not None and EVENT_CONTENT not in attributes:
        attributes[EVENT_CONTENT] = (
            body if isinstance(body, str) else orjson.dumps(json_safe(body)).decode()
        )
    moment = count(log.get("timestamp")) or count(log.get("observed_timestamp"))
    return SpanEvent(name, timestamp=moment or span.start_time_ns, attributes=attributes)


def merge_log_events(spans: Sequence[Span], logs: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Make log records events of the spans that they name.

    Parameters
    ----------
    spans : sequence of Span
        Spans of one trace or more.
    logs : iterable of mapping
        Log records with ``trace_id`` and ``span_id`` (hexadecimal), ``event_name``, ``body``,
        ``attributes`` and ``timestamp`` or ``observed_timestamp`` (nanoseconds since the epoch).

    Returns
    -------
    list of Span
        The same spans in the same order; those with log records are copies with further events.
        The body of a record is in the event's attribute ``gen_ai.event.content``, as JSON text
        unless it is a text itself. Records of other spans are left out.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1)
    >>> log = {"trace_id": "0a" * 16, "span_id": "0b" * 8, "event_name": "gen_ai.user.message",
    ...        "body": {"content": "Hi"}}
    >>> merge_log_events([span], [log])[0].events[0].attributes
    {'gen_ai.event.content': '{"content":"Hi"}'}
    """
    known = {(_bare(span.trace_id), span.span_id): span for span in spans}
    found: dict[tuple[str | None, str], list[SpanEvent]] = {}
    for log in logs:
        key = (_bare(log.get("trace_id")), _bare(log.get("span_id")) or "")
        span = known.get(key)
        if span is not None:
            found.setdefault(key, []).append(_event(span, log))
    if not found:
        return list(spans)
    return [
        extended(span, events=found[key]) if key in found else span
        for span in spans
        for key in [(_bare(span.trace_id), span.span_id)]
    ]
