"""Spans: MLflow's faces of the stored attributes, immutability, MLflow's dictionaries."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbtrace.entities import Link, Span, SpanEvent, SpanStatus, SpanStatusCode, SpanType
from nbtrace.entities.constant import JSON_ATTRIBUTE_KEYS
from nbtrace.entities.json_text import dumps, loads
from nbtrace.entities.span import SPAN_KINDS
from nbtrace.entities.span_dict import plain
from nbtrace.entities.span_status import SpanLogLevel
from nbtrace.exceptions import NbtraceError

TRACE_ID = "tr-" + "0a" * 16
SPAN_ID = "0b" * 8


def make_span(**fields):
    return Span(
        **{
            "trace_id": TRACE_ID,
            "span_id": SPAN_ID,
            "name": "ask",
            "start_time_ns": 1_000,
            "end_time_ns": 3_000,
            **fields,
        }
    )


any_text = st.text(st.characters(exclude_categories=()))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
attribute_maps = st.dictionaries(any_text, values, max_size=5)
hexadecimal = lambda digits: st.text("0123456789abcdef", min_size=digits, max_size=digits)  # noqa: E731
trace_ids = hexadecimal(32).map(lambda text: "tr-" + text)
span_ids = hexadecimal(16)
nanoseconds = st.integers(1, 2**63)
reserved = st.dictionaries(
    st.sampled_from(sorted(JSON_ATTRIBUTE_KEYS - {"mlflow.traceRequestId"})),
    values.map(dumps),
    max_size=4,
)
spans = st.builds(
    Span,
    trace_id=trace_ids,
    span_id=span_ids,
    parent_id=st.none() | span_ids,
    name=any_text,
    start_time_ns=nanoseconds,
    end_time_ns=st.none() | nanoseconds,
    status=st.builds(SpanStatus, st.sampled_from(list(SpanStatusCode)), any_text),
    attributes=st.builds(lambda own, theirs: {**own, **theirs}, attribute_maps, reserved),
    events=st.lists(st.builds(SpanEvent, any_text, nanoseconds, attribute_maps), max_size=2),
    links=st.lists(st.builds(Link, trace_ids, span_ids, attribute_maps), max_size=2),
    kind=st.sampled_from(SPAN_KINDS),
)


def facts(span):
    return repr([getattr(span, slot) for slot in Span.__slots__])


@given(spans)
@example(make_span(attributes={"x": 2**64, "y": [-(2**70)], "n": float("nan"), "s": "\ud800"}))
def test_a_span_comes_back_from_its_v3_dictionary(span):
    assert facts(Span.from_dict(span.to_dict())) == facts(span)
    assert facts(Span.from_dict(loads(dumps(span.to_dict())))) == facts(span)


@given(spans)
def test_every_attribute_of_the_v3_dictionary_is_json_text(span):
    for key, text in span.to_dict()["attributes"].items():
        found = json.loads(text)
        if key != "mlflow.traceRequestId":
            assert repr(found) == repr(span.get_attribute(key))


def test_the_v3_dictionary_is_mlflows():
    span = make_span(
        span_id="333ec1091303c9d9",
        parent_id=SPAN_ID,
        status=SpanStatus("ERROR", "ValueError: no"),
        attributes={"mlflow.spanType": '"LLM"', "mlflow.spanInputs": '{"a":1}', "n": 1, "s": "1"},
        events=[SpanEvent("retry", 2_000, {"attempt": 2, "data": b"ab"})],
        links=[Link(TRACE_ID, SPAN_ID, {"k": "v"})],
    )
    assert span.to_dict() == {
        "trace_id": "CgoKCgoKCgoKCgoKCgoKCg==",
        "span_id": "Mz7BCRMDydk=",
        "parent_span_id": "CwsLCwsLCws=",
        "name": "ask",
        "start_time_unix_nano": 1_000,
        "end_time_unix_nano": 3_000,
        "events": [
            {
                "name": "retry",
                "time_unix_nano": 2_000,
                "attributes": {"attempt": 2, "data": "YWI="},
            }
        ],
        "status": {"code": "STATUS_CODE_ERROR", "message": "ValueError: no"},
        "attributes": {
            "mlflow.spanType": '"LLM"',
            "mlflow.spanInputs": '{"a":1}',
            "n": "1",
            "s": '"1"',
            "mlflow.traceRequestId": f'"{TRACE_ID}"',
        },
        "links": [{"trace_id": TRACE_ID, "span_id": SPAN_ID, "attributes": {"k": "v"}}],
    }


def test_spans_of_mlflow_itself_are_read():
    path = Path(__file__).parent / "fixtures" / "mlflow.json"
    for case in json.loads(path.read_text())["cases"].values():
        for data in case["data"]["spans"]:
            span = Span.from_dict(data)
            assert span.trace_id == case["info"]["trace_id"]
            theirs = {key: json.loads(text) for key, text in data["attributes"].items()}
            assert {**span.attributes, "mlflow.traceRequestId": span.trace_id} == theirs
            assert span.inputs == theirs["mlflow.spanInputs"]
            assert span.outputs == theirs.get("mlflow.spanOutputs")
            assert span.span_type == theirs["mlflow.spanType"]
            assert span.model_name == theirs.get("mlflow.llm.model")
            assert span.llm_cost == theirs.get("mlflow.llm.cost")
            assert span.status.status_code.value in data["status"]["code"]
            back = span.to_dict()
            back["attributes"] = {k: json.loads(v) for k, v in back["attributes"].items()}
            assert back == {**data, "attributes": theirs}


def test_the_v2_dictionary_is_read():
    span = Span.from_dict(
        {
            "name": "ask",
            "context": {"span_id": "0xb0b0b0b0b0b0b0b", "trace_id": "0x" + "0c" * 16},
            "parent_id": None,
            "start_time": 1_000,
            "end_time": 3_000,
            "status_code": "OK",
            "status_message": "",
            "attributes": {
                "mlflow.traceRequestId": f'"{TRACE_ID}"',
                "mlflow.spanType": '"TOOL"',
                "k": '"v"',
            },
            "events": [{"name": "e", "timestamp": 5, "attributes": {"a": 1}}],
        }
    )
    assert span == make_span(
        status=SpanStatus("OK"),
        attributes={"mlflow.spanType": '"TOOL"', "k": "v"},
        events=[SpanEvent("e", 5, {"a": 1})],
    )


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"trace_id": "?", "span_id": "?"},
        {"traceId": "0a" * 16},
        {"context": {}},
        {**make_span().to_dict(), "status": {"code": "STATUS_CODE_MAYBE"}},
        {**make_span().to_dict(), "start_time_unix_nano": "soon"},
    ],
)
def test_what_is_not_a_span_says_so(data):
    with pytest.raises(NbtraceError, match=r"span|status code"):
        Span.from_dict(data)


def test_a_span_with_ids_of_another_form_cannot_leave():
    with pytest.raises(NbtraceError, match="32 hexadecimal digits"):
        make_span(trace_id="abc").to_dict()
    with pytest.raises(NbtraceError, match="16 hexadecimal digits"):
        make_span(span_id="abc").to_dict()


def test_reserved_attributes_are_decoded_and_others_are_as_stored():
    stored = {
        "mlflow.spanInputs": '{"question":"why?"}',
        "mlflow.spanOutputs": "[1,2]",
        "mlflow.spanType": '"RETRIEVER"',
        "mlflow.spanDescription": '"what it does"',
        "mlflow.spanLogLevel": "30",
        "mlflow.llm.model": '"m"',
        "mlflow.llm.cost": '{"total_cost":0.5}',
        "text": '{"looks":"like JSON"}',
        "data": b"ab",
    }
    span = make_span(attributes=stored)
    assert span.raw_attributes == stored
    assert span.inputs == {"question": "why?"}
    assert span.outputs == [1, 2]
    assert span.span_type == SpanType.RETRIEVER
    assert span.description == "what it does"
    assert span.log_level is SpanLogLevel.WARNING
    assert span.model_name == "m"
    assert span.llm_cost == {"total_cost": 0.5}
    assert span.attributes["text"] == span.get_attribute("text") == '{"looks":"like JSON"}'
    assert span.attributes["data"] == b"ab"
    assert span.attributes["mlflow.spanOutputs"] == [1, 2]
    assert span.get_attribute("missing") is None
    assert span.get_attribute("mlflow.traceRequestId") == TRACE_ID


def test_what_was_not_set_has_a_default():
    span = Span(trace_id=TRACE_ID, span_id=SPAN_ID, name="ask", start_time_ns=1)
    assert span.inputs is span.outputs is None
    assert span.span_type == "UNKNOWN"
    assert span.log_level is span.description is span.model_name is span.llm_cost is None
    assert span.status == SpanStatus("UNSET")
    assert span.end_time_ns is span.duration_ns is span.parent_id is None
    assert span.kind == "INTERNAL"
    assert not span.incomplete


def test_reserved_keys_with_foreign_values_do_no_harm():
    span = make_span(
        attributes={
            "mlflow.spanType": "LLM",
            "mlflow.spanInputs": "{broken",
            "mlflow.spanLogLevel": '"loud"',
            "mlflow.llm.cost": "0.5",
            "mlflow.llm.model": 7,
        }
    )
    assert span.span_type == "LLM"
    assert span.inputs == "{broken"
    assert span.log_level is None
    assert span.llm_cost is None
    assert span.model_name == "7"
    for text in span.to_dict()["attributes"].values():
        json.loads(text)


def test_what_a_reader_changes_no_other_reader_sees():
    span = make_span(
        attributes={"mlflow.spanInputs": '{"a":[1]}'}, events=[SpanEvent("e", 1)], links=[]
    )
    span.inputs["a"].append(2)
    span.attributes["new"] = 1
    span.events.clear()
    span.links.append(Link(TRACE_ID, SPAN_ID))
    assert span.inputs == {"a": [1]}
    assert list(span.raw_attributes) == ["mlflow.spanInputs"]
    assert len(span.events) == 1
    assert span.links == []
    with pytest.raises(AttributeError):
        span.name = "other"


def test_spans_copy_pickle_and_compare():
    span = make_span(attributes={"a": [1]}, events=[SpanEvent("e", 1)])
    assert pickle.loads(pickle.dumps(span)) == copy.deepcopy(span) == copy.copy(span) == span
    assert hash(span) == hash(copy.deepcopy(span))
    other = span.replace(name="other")
    assert other.name == "other"
    assert other != span
    assert span != "span"
    assert repr(span).startswith("Span(name='ask', trace_id='tr-0a")


def test_a_span_is_not_a_dict():
    with pytest.raises(TypeError, match=r"span\.inputs"):
        make_span()["inputs"]
    with pytest.raises(TypeError, match="attributes"):
        list(make_span())


def test_an_exception_becomes_an_event():
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError

    def fail(error):
        raise error

    for error, message in (
        (ValueError("no"), "no"),
        (MuteError(), "<the message could not be read>"),
    ):
        with pytest.raises(type(error)) as caught:
            fail(error)
        event = SpanEvent.from_exception(caught.value)
        assert event.name == "exception"
        assert event.attributes["exception.type"] == type(error).__name__
        assert event.attributes["exception.message"] == message
        assert "in fail" in event.attributes["exception.stacktrace"]


def test_status_and_level_say_what_they_take():
    assert SpanStatus("OK").status_code is SpanStatusCode.OK
    with pytest.raises(NbtraceError, match="UNSET, OK, ERROR"):
        SpanStatus("FINE")
    assert SpanLogLevel.from_value("20") is SpanLogLevel.from_value(20) is SpanLogLevel.INFO
    with pytest.raises(NbtraceError, match="CRITICAL"):
        SpanLogLevel.from_value("loud")


def test_plain_has_no_bytes():
    assert plain({"a": [b"ab", (1,)]}) == {"a": ["YWI=", [1]]}
