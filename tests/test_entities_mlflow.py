"""A real MLflow reads our dictionaries, and we read its; left out where it is not installed."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path

import pytest

from nbtrace.entities import (
    Assessment,
    Expectation,
    Feedback,
    IssueReference,
    Link,
    Span,
    SpanEvent,
    SpanStatus,
    Trace,
    TraceData,
    TraceInfo,
    TraceLocation,
)

# Its import warns about packages of its own.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

TRACE_ID = "tr-" + "0a" * 16
FIXTURE = Path(__file__).parent / "fixtures" / "mlflow.json"


@pytest.fixture
def theirs():
    return importlib.import_module("mlflow.entities")


def make_trace():
    root = Span(
        trace_id=TRACE_ID,
        span_id="0b" * 8,
        name="ask",
        start_time_ns=1_795_361_692_986_598_582,
        end_time_ns=1_795_361_693_986_598_582,
        status=SpanStatus("OK"),
        attributes={
            "mlflow.spanType": '"CHAIN"',
            "mlflow.spanInputs": '{"question":"why?"}',
            "mlflow.spanOutputs": '"because"',
            "mlflow.chat.tokenUsage": '{"total_tokens":17}',
            "text": "plain",
            "count": 42,
            "ratio": 1.5,
            "nan": math.nan,
            "flag": True,
            "none": None,
            "list": [1, "a", {"z": None}],
            "large": 1 << 80,
            "surrogate": "\ud800",
        },
    )
    child = Span(
        trace_id=TRACE_ID,
        span_id="0c" * 8,
        parent_id=root.span_id,
        name="answer",
        start_time_ns=root.start_time_ns + 1,
        end_time_ns=root.end_time_ns - 1,
        status=SpanStatus("ERROR", "ValueError: no"),
        attributes={"mlflow.spanType": '"LLM"'},
        events=[
            SpanEvent.from_exception(ValueError("no")),
            SpanEvent("retry", 5, {"attempt": 2, "detail": {"a": [1, None]}}),
        ],
        links=[Link("tr-" + "0d" * 16, "0e" * 8, {"k": 1})],
    )
    info = TraceInfo(
        TRACE_ID,
        TraceLocation.from_experiment_id("3"),
        1_795_361_692_986,
        "ERROR",
        "why?",
        "because",
        "request-1",
        1_000,
        {"mlflow.trace.session": "s1", "kept": "yes"},
        {"mlflow.traceName": "ask", "color": "red"},
        [
            Feedback("correct", value=True, rationale="r", metadata={"a": "b"}, trace_id=TRACE_ID),
            Feedback("judge", error=ValueError("no"), trace_id=TRACE_ID),
            Expectation("facts", {"a": [1]}, trace_id=TRACE_ID),
            Expectation("answer", "because", trace_id=TRACE_ID),
            IssueReference("i-1", "slow", trace_id=TRACE_ID),
        ],
    )
    return Trace(info, TraceData([root, child]))


@pytest.mark.parametrize("form", ["dict", "json"])
def test_mlflow_reads_our_trace(theirs, form):
    ours = make_trace()
    read = (
        theirs.Trace.from_dict(ours.to_dict())
        if form == "dict"
        else theirs.Trace.from_json(ours.to_json())
    )
    info = read.info
    assert info.trace_id == TRACE_ID
    assert info.experiment_id == "3"
    assert info.state == "ERROR"
    assert (info.request_time, info.execution_duration) == (1_795_361_692_986, 1_000)
    assert (info.request_preview, info.response_preview) == ("why?", "because")
    assert info.client_request_id == "request-1"
    assert info.tags == ours.info.tags
    assert info.trace_metadata == {"mlflow.trace.session": "s1", "kept": "yes"}
    assert [item.to_dictionary() for item in info.assessments][:2] == [
        item.to_dictionary() for item in ours.info.assessments
    ][:2]
    # An expectation that is no scalar is JSON text, which MLflow spaces in its own way.
    assert [
        Assessment.from_dictionary(item.to_dictionary()) for item in info.assessments
    ] == ours.info.assessments
    for span, own in zip(read.data.spans, ours.data.spans, strict=True):
        assert (span.trace_id, span.span_id) == (own.trace_id, own.span_id)
        assert (span.parent_id, span.name) == (own.parent_id, own.name)
        assert (span.start_time_ns, span.end_time_ns) == (own.start_time_ns, own.end_time_ns)
        assert span.span_type == own.span_type
        assert (span.inputs, span.outputs) == (own.inputs, own.outputs)
        assert span.status.status_code.value == own.status.status_code.value
        assert span.status.description == own.status.description
        found = {k: v for k, v in span.attributes.items() if k != "mlflow.traceRequestId"}
        assert repr(found) == repr(own.attributes)
        assert [(e.name, e.timestamp, e.attributes) for e in span.events] == [
            (e.name, e.timestamp, e.attributes) for e in own.events
        ]
        assert [(x.trace_id, x.span_id, x.attributes) for x in span.links] == [
            (x.trace_id, x.span_id, x.attributes) for x in own.links
        ]


def test_our_trace_comes_back_through_mlflow(theirs):
    ours = make_trace()
    back = Trace.from_dict(theirs.Trace.from_dict(ours.to_dict()).to_dict())
    assert back.info.to_dict() == ours.info.to_dict()
    for span, own in zip(back.data.spans, ours.data.spans, strict=True):
        assert repr(span.raw_attributes) == repr(own.raw_attributes)
        assert span.events == own.events
        assert span.links == own.links
        assert span.status == own.status


def test_we_read_what_mlflow_reads(theirs):
    for case in json.loads(FIXTURE.read_text())["cases"].values():
        first = theirs.Trace.from_dict(json.loads(json.dumps(case)))
        ours = Trace.from_dict(case)
        again = theirs.Trace.from_dict(ours.to_dict())
        assert again.info.trace_metadata == first.info.trace_metadata
        assert first.info.tags.items() <= again.info.tags.items()
        for one, two, own in zip(first.data.spans, again.data.spans, ours.data.spans, strict=True):
            assert one.attributes == two.attributes
            assert one.events == two.events
            assert (own.inputs, own.outputs) == (one.inputs, one.outputs)
            assert (own.span_type, own.model_name) == (one.span_type, one.model_name)
            assert own.llm_cost == one.llm_cost
            assert own.log_level == one.log_level
