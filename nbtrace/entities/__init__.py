"""The words: traces, spans and what belongs to them, as plain data.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrace.entities.assessment import (
        Assessment,
        AssessmentError,
        AssessmentSource,
        AssessmentSourceType,
        Expectation,
        ExpectationValue,
        Feedback,
        FeedbackValue,
        IssueReference,
    )
    from nbtrace.entities.constant import AttributeValue
    from nbtrace.entities.document import Document
    from nbtrace.entities.experiment import Experiment
    from nbtrace.entities.link import Link
    from nbtrace.entities.paged_list import PagedList
    from nbtrace.entities.scope import InstrumentationScope
    from nbtrace.entities.session import Session
    from nbtrace.entities.span import Span
    from nbtrace.entities.span_event import SpanEvent
    from nbtrace.entities.span_status import SpanLogLevel, SpanStatus, SpanStatusCode
    from nbtrace.entities.span_type import SpanType
    from nbtrace.entities.trace import Trace
    from nbtrace.entities.trace_data import TraceData
    from nbtrace.entities.trace_info import TraceInfo
    from nbtrace.entities.trace_location import (
        MlflowExperimentLocation,
        TraceLocation,
        TraceLocationType,
    )
    from nbtrace.entities.trace_state import TraceState
    from nbtrace.entities.view_type import ViewType
    from nbtrace.tracing.live_span import LiveSpan
    from nbtrace.tracing.no_op_span import NoOpSpan

_MODULES = {
    "Assessment": "assessment",
    "AssessmentError": "assessment",
    "AssessmentSource": "assessment",
    "AssessmentSourceType": "assessment",
    "AttributeValue": "constant",
    "Document": "document",
    "Expectation": "assessment",
    "ExpectationValue": "assessment",
    "Experiment": "experiment",
    "Feedback": "assessment",
    "FeedbackValue": "assessment",
    "InstrumentationScope": "scope",
    "IssueReference": "assessment",
    "Link": "link",
    "MlflowExperimentLocation": "trace_location",
    "PagedList": "paged_list",
    "Session": "session",
    "Span": "span",
    "SpanEvent": "span_event",
    "SpanLogLevel": "span_status",
    "SpanStatus": "span_status",
    "SpanStatusCode": "span_status",
    "SpanType": "span_type",
    "Trace": "trace",
    "TraceData": "trace_data",
    "TraceInfo": "trace_info",
    "TraceLocation": "trace_location",
    "TraceLocationType": "trace_location",
    "TraceState": "trace_state",
    "ViewType": "view_type",
}
# They record, so they live where recording does; MLflow has them here.
_RECORDING = {"LiveSpan": "live_span", "NoOpSpan": "no_op_span"}

__all__ = [
    "Assessment",
    "AssessmentError",
    "AssessmentSource",
    "AssessmentSourceType",
    "AttributeValue",
    "Document",
    "Expectation",
    "ExpectationValue",
    "Experiment",
    "Feedback",
    "FeedbackValue",
    "InstrumentationScope",
    "IssueReference",
    "Link",
    "LiveSpan",
    "MlflowExperimentLocation",
    "NoOpSpan",
    "PagedList",
    "Session",
    "Span",
    "SpanEvent",
    "SpanLogLevel",
    "SpanStatus",
    "SpanStatusCode",
    "SpanType",
    "Trace",
    "TraceData",
    "TraceInfo",
    "TraceLocation",
    "TraceLocationType",
    "TraceState",
    "ViewType",
]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if name in _RECORDING:
        return _recording(name)
    if module is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def _recording(name: str) -> Any:
    return getattr(import_module(f"nbtrace.tracing.{_RECORDING[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
