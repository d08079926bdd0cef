"""What a span has of W3C's trace context: its flags, and the ``tracestate`` of those above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import TraceFlags

from nbtrace.store.plain_spans import KNOWN_REMOTE, REMOTE

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext, TraceState

    from nbtrace.tracing.span_data import SpanData

_RANDOM_TRACE_ID = 2  # W3C's second bit, which older versions of the API have no name for
# nbtrace's own trace ids are random.
SAMPLED = TraceFlags(TraceFlags.SAMPLED | _RANDOM_TRACE_ID)


def remote_flags(context: SpanContext | None) -> int:
    """Return OTLP's flags of a span with this parent, or of a link to it: whether it is remote."""
    return REMOTE if context is not None and context.is_remote else KNOWN_REMOTE


def flags_and_state(span: SpanData) -> tuple[TraceFlags, TraceState | None]:
    """Return the flags and the ``tracestate`` that came with the nearest parent from outside.

    A span whose parents have ended has them of the trace's root.
    """
    trace = span.trace
    kind = type(span)
    found: object = span
    while type(found) is kind:
        if found.context is not None:
            return found.context.trace_flags, found.context.trace_state
        outside = found.parent_context
        if outside is not None and (outside.is_remote or outside.trace_state):
            random = outside.trace_flags & _RANDOM_TRACE_ID
            return TraceFlags(TraceFlags.SAMPLED | random), outside.trace_state
        above = trace.open.get(found.parent_id or "")
        found = above or (trace.root if found is not trace.root else None)
    return SAMPLED, None
