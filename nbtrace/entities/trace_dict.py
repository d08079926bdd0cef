"""Traces from MLflow's dictionaries and from spans, and MLflow's row of a trace.

In MLflow's v2 form the spans carry OpenTelemetry's trace id while the trace is known under its
request id; here a trace has one id, the one it is known under where that is ``tr-<32 hex>``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities.constant import SpanAttributeKey, TraceTagKey
from nbtrace.entities.identifiers import is_trace_id, normalize_trace_id
from nbtrace.entities.preview import request_preview, response_preview
from nbtrace.entities.span_dict import span_from_dict
from nbtrace.entities.trace import Trace
from nbtrace.entities.trace_data import TraceData
from nbtrace.entities.trace_info import TraceInfo
from nbtrace.entities.trace_location import TraceLocation
from nbtrace.entities.trace_state import TraceState
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbtrace.entities.span import Span

NANOSECONDS_PER_MILLISECOND = 1_000_000

MLFLOW_COLUMNS = (
    "trace_id",
    "trace",
    "client_request_id",
    "state",
    "request_time",
    "execution_duration",
    "request",
    "response",
    "trace_metadata",
    "tags",
    "spans",
    "assessments",
)


def trace_from_dict(data: Mapping[str, Any]) -> Trace:
    """Return the trace of MLflow's dictionary, see `Trace.from_dict`."""
    if not hasattr(data, "get") or "info" not in data or "data" not in data:
        message = "a trace's dictionary has the keys 'info' and 'data'"
        if hasattr(data, "get") and ("resourceSpans" in data or "resource_spans" in data):
            message += "; this one is OTLP/JSON, which Trace.from_otlp reads"
        raise NbtraceError.invalid(message)
    info = TraceInfo.from_dict(data["info"])
    items = (data["data"] or {}).get("spans") or ()
    info.trace_id = normalize_trace_id(info.trace_id)
    known = info.trace_id if is_trace_id(info.trace_id) else None
    spans = []
    for item in items:
        span = span_from_dict(item, known)
        # An id of another form gives way to OpenTelemetry's, the same for all spans.
        known = span.trace_id
        spans.append(span)
    if known is not None:
        info.trace_id = known
    for assessment in info.assessments:
        if assessment.trace_id is not None:
            assessment.trace_id = info.trace_id
    trace = Trace(info, TraceData(spans))
    if "request_id" in data["info"]:
        _fill_previews(trace)
    return trace


def trace_from_spans(spans: Iterable[Span], experiment_id: str = "0") -> Trace:
    """Return the trace that spans make up, see `Trace.from_spans`."""
    ordered = sorted(spans, key=lambda span: span.start_time_ns)
    identifiers = {span.trace_id for span in ordered}
    if len(identifiers) != 1:
        message = (
            f"expected the spans of one trace, got those of {len(identifiers)}; "
            "group them by span.trace_id first"
        )
        raise NbtraceError.invalid(message)
    data = TraceData(ordered)
    root = data.root or ordered[0]
    info = TraceInfo(
        root.trace_id,
        TraceLocation.from_experiment_id(experiment_id),
        ordered[0].start_time_ns // NANOSECONDS_PER_MILLISECOND,
        TraceState.IN_PROGRESS
        if root.end_time_ns is None
        else TraceState.from_status_code(root.status.status_code),
        execution_duration=None
        if root.duration_ns is None
        else root.duration_ns // NANOSECONDS_PER_MILLISECOND,
        tags=_tags_of(root),
    )
    trace = Trace(info, data)
    _fill_previews(trace)
    return trace


def _tags_of(root: Span) -> dict[str, str]:
    attributes = root.raw_attributes
    prefix = SpanAttributeKey.TRACE_TAG_PREFIX
    tags = {
        key[len(prefix) :]: str(value)
        for key, value in attributes.items()
        if key.startswith(prefix) and value is not None
    }
    for key, tag in (
        (SpanAttributeKey.SESSION_ID, TraceTagKey.SESSION),
        (SpanAttributeKey.USER_ID, TraceTagKey.USER),
    ):
        value = attributes.get(key)
        if value is not None:
            tags.setdefault(tag, str(value))
    tags.setdefault(TraceTagKey.TRACE_NAME, root.name)
    return tags


def _fill_previews(trace: Trace) -> None:
    root = trace.data.root
    if root is None:
        return
    if trace.info.request_preview is None:
        trace.info.request_preview = request_preview(root.inputs, trace.data.request)
    if trace.info.response_preview is None:
        trace.info.response_preview = response_preview(root.outputs, trace.data.response)


def mlflow_row(trace: Trace) -> dict[str, Any]:
    """Return MLflow's row of a trace, its columns being `MLFLOW_COLUMNS`."""
    info = trace.info
    root = trace.data.root
    return {
        "trace_id": info.trace_id,
        "trace": trace.to_json(),
        "client_request_id": info.client_request_id,
        "state": info.state,
        "request_time": info.request_time,
        "execution_duration": info.execution_duration,
        "request": None if root is None else root.inputs,
        "response": None if root is None else root.outputs,
        "trace_metadata": info.trace_metadata,
        "tags": dict(info.tags),
        "spans": [span.to_dict() for span in trace.data.spans],
        "assessments": [item.to_dictionary() for item in info.assessments],
    }
