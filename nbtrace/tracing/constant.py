"""MLflow's place for the reserved keys; they are defined in ``nbtrace.entities.constant``."""

from __future__ import annotations

from nbtrace.entities.constant import (
    NO_OP_SPAN_TRACE_ID,
    CostKey,
    SpanAttributeKey,
    TokenUsageKey,
    TraceMetadataKey,
    TraceTagKey,
)

__all__ = [
    "NO_OP_SPAN_TRACE_ID",
    "CostKey",
    "SpanAttributeKey",
    "TokenUsageKey",
    "TraceMetadataKey",
    "TraceTagKey",
]
