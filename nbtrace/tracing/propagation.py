"""Traces across HTTP: headers for a request, and the other end that joins the trace.

The headers are W3C's ``traceparent``, ``tracestate`` and ``baggage``, so that the other end may be
anything that speaks OpenTelemetry. Session and user go along as baggage.
"""

from __future__ import annotations

import logging
import urllib.parse
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceState

from nbtrace.entities.checks import checked_mapping
from nbtrace.entities.constant import SpanAttributeKey, TraceTagKey
from nbtrace.tracing.context import context as trace_context
from nbtrace.tracing.context import current_defaults
from nbtrace.tracing.current import SPAN_KEY, attach, get_current
from nbtrace.tracing.processes import format_traceparent, parse_traceparent
from nbtrace.tracing.spans import current_trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger = logging.getLogger("nbtrace")

_CARRIED = (
    (SpanAttributeKey.SESSION_ID, TraceTagKey.SESSION),
    (SpanAttributeKey.USER_ID, TraceTagKey.USER),
)
# W3C's bounds; what is longer is somebody's mistake.
MAX_BAGGAGE_CHARACTERS = 8_192
MAX_BAGGAGE_ENTRIES = 180


def get_tracing_context_headers_for_http_request() -> dict[str, str]:
    """Return the headers that let a server's spans join the trace that is active here.

    Returns
    -------
    dict of str to str
        ``traceparent``, and ``tracestate`` and ``baggage`` where there is something to say; empty
        without an active span, of which a warning tells.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("call"):
    ...     headers = nbtrace.tracing.get_tracing_context_headers_for_http_request()
    >>> list(headers)
    ['traceparent']
    """
    span: Any = get_current().get(SPAN_KEY)
    found = span.get_span_context() if span is not None else None
    if found is None or not found.is_valid:
        logger.warning("there is no active span whose context could be sent; call this inside one")
        return {}
    headers = {"traceparent": format_traceparent(found)}
    if found.trace_state:
        headers["tracestate"] = found.trace_state.to_header()
    entries = {str(key): str(value) for key, value in baggage.get_all().items()}
    trace = current_trace()
    tags = dict(current_defaults().tags) if trace is None else dict(trace.tags)
    entries |= {key: tags[tag] for key, tag in _CARRIED if tag in tags}
    text = ",".join(
        f"{urllib.parse.quote(key, safe='.-_')}={urllib.parse.quote(value)}"
        for key, value in list(entries.items())[:MAX_BAGGAGE_ENTRIES]
    )
    if text and len(text) <= MAX_BAGGAGE_CHARACTERS:
        headers["baggage"] = text
    return headers


@contextmanager
def set_tracing_context_from_http_request_headers(headers: Mapping[str, str]) -> Iterator[None]:
    """Join the trace that a request came from, for what is traced inside the block.

    Parameters
    ----------
    headers : mapping of str to str
        The request's headers, in any case of letters. Without a usable ``traceparent`` the block
        runs as if there were none, of which a warning tells.

    Examples
    --------
    >>> import nbtrace
    >>> headers = {"traceparent": "00-" + "0a" * 16 + "-" + "0b" * 8 + "-01"}
    >>> with nbtrace.tracing.set_tracing_context_from_http_request_headers(headers):
    ...     with nbtrace.start_span("handle") as span:
    ...         span.trace_id
    'tr-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a'
    """
    given = checked_mapping("headers", headers)
    lower = {str(key).lower(): str(value) for key, value in given.items()}
    parent = parse_traceparent(lower.get("traceparent", ""))
    if parent is None:
        logger.warning("the request has no usable traceparent header; its spans begin a new trace")
        yield
        return
    parent = SpanContext(
        parent.trace_id,
        parent.span_id,
        is_remote=True,
        trace_flags=parent.trace_flags,
        trace_state=TraceState.from_header([lower.get("tracestate", "")]),
    )
    entries = _entries(lower.get("baggage", ""))
    previous = get_current()
    joined = Context({**previous, SPAN_KEY: NonRecordingSpan(parent)})
    for key, value in entries.items():
        joined = baggage.set_baggage(key, value, joined)
    attach(joined)
    try:
        with trace_context(
            session_id=entries.get(SpanAttributeKey.SESSION_ID),
            user=entries.get(SpanAttributeKey.USER_ID),
        ):
            yield
    finally:
        attach(previous)


def _entries(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in text[:MAX_BAGGAGE_CHARACTERS].split(",")[:MAX_BAGGAGE_ENTRIES]:
        key, equals, value = item.partition(";")[0].partition("=")
        if equals and key.strip():
            found[urllib.parse.unquote(key.strip())] = urllib.parse.unquote(value.strip())
    return found
