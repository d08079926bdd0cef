"""Traces and their infos: MLflow's dictionaries, the standard tags, searching spans."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbtrace import entities
from nbtrace.entities import (
    Expectation,
    Feedback,
    Span,
    SpanStatus,
    Trace,
    TraceData,
    TraceInfo,
    TraceLocation,
    TraceState,
)
from nbtrace.entities.constant import STANDARD_TAG_KEYS
from nbtrace.entities.timestamps import from_rfc3339, to_rfc3339
from nbtrace.exceptions import NbtraceError

TRACE_ID = "tr-" + "0a" * 16
FIXTURE = Path(__file__).parent / "fixtures" / "mlflow.json"

any_text = st.text(st.characters(exclude_categories=()))
# 0001 to 9999, what RFC 3339 has years for.
milliseconds = st.integers(-62_135_596_800_000, 253_402_300_799_999)
string_maps = st.dictionaries(any_text | st.sampled_from(sorted(STANDARD_TAG_KEYS)), any_text)
infos = st.builds(
    TraceInfo,
    st.just(TRACE_ID),
    st.builds(TraceLocation.from_experiment_id, st.text()),
    milliseconds,
    st.sampled_from(list(TraceState)),
    st.none() | any_text,
    st.none() | any_text,
    st.none() | any_text,
    st.none() | st.integers(0),
    string_maps,
    string_maps,
)


def make_info(**fields):
    return TraceInfo(
        **{
            "trace_id": TRACE_ID,
            "trace_location": TraceLocation.from_experiment_id("0"),
            "request_time": 1_500,
            "state": "OK",
            **fields,
        }
    )


def make_span(number, parent=None, **fields):
    return Span(
        **{
            "trace_id": TRACE_ID,
            "span_id": f"{number:016x}",
            "parent_id": None if parent is None else f"{parent:016x}",
            "name": f"step {number}",
            "start_time_ns": number * 1_000_000,
            "end_time_ns": 9_000_000,
            **fields,
        }
    )


@given(infos)
@example(make_info(trace_metadata={"mlflow.trace.session": "s"}, tags={"mlflow.trace.user": "u"}))
def test_an_info_comes_back_from_its_dictionary(info):
    assert TraceInfo.from_dict(info.to_dict()) == info


@given(infos, st.lists(st.builds(make_span, st.integers(1, 2**60), name=any_text), max_size=3))
def test_a_trace_comes_back_from_its_json(info, spans):
    trace = Trace(info, TraceData(spans))
    assert Trace.from_json(trace.to_json()) == trace
    assert Trace.from_json(trace.to_json(pretty=True)) == trace


@given(milliseconds)
def test_moments_come_back(moment):
    assert from_rfc3339(to_rfc3339(moment)) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T00:00:01.500999999Z", 1_500),
        ("1970-01-01T01:00:01.5+01:00", 1_500),
        ("1970-01-01T00:00:01", 1_000),
        (1_500, 1_500),
    ],
)
def test_moments_of_other_writers_are_read(text, moment):
    assert from_rfc3339(text) == moment


def test_the_v3_dictionary_is_mlflows():
    info = make_info(
        request_preview="in",
        response_preview="out",
        client_request_id="r-1",
        execution_duration=250,
        trace_metadata={"kept": "yes", "mlflow.trace.session": "s1"},
        tags={"mlflow.traceName": "ask", "mlflow.source.name": "a.ipynb"},
    )
    assert info.to_dict() == {
        "trace_id": TRACE_ID,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": "0"},
        },
        "request_time": "1970-01-01T00:00:01.500Z",
        "state": "OK",
        "request_preview": "in",
        "response_preview": "out",
        "client_request_id": "r-1",
        "execution_duration_ms": 250,
        "trace_metadata": {
            "kept": "yes",
            "mlflow.trace.session": "s1",
            "mlflow.source.name": "a.ipynb",
        },
        "tags": {
            "mlflow.traceName": "ask",
            "mlflow.source.name": "a.ipynb",
            "mlflow.trace.session": "s1",
        },
    }


def test_standard_keys_are_tags_whichever_way_they_were_written():
    info = make_info(
        trace_metadata={"mlflow.trace.session": "old", "mlflow.trace.user": "ada", "own": "1"},
        tags={"mlflow.trace.session": "new"},
    )
    assert info.tags == {"mlflow.trace.session": "new", "mlflow.trace.user": "ada"}
    assert info.own_metadata == {"own": "1"}
    assert info.trace_metadata == {"own": "1", **info.tags}
    assert (info.session, info.user, info.name) == ("new", "ada", None)
    info.tags["mlflow.trace.session"] = "newest"
    assert info.trace_metadata["mlflow.trace.session"] == "newest"


def test_infos_answer_to_mlflow_2():
    info = make_info(
        execution_duration=5,
        trace_metadata={
            "mlflow.trace.tokenUsage": '{"total_tokens": 17}',
            "mlflow.trace.cost": '{"total_cost": 0.5}',
        },
    )
    assert info.request_id == TRACE_ID
    assert info.experiment_id == "0"
    assert info.timestamp_ms == 1_500
    assert info.execution_time_ms == 5
    assert info.status is TraceState.OK
    assert info.request_metadata == info.trace_metadata
    assert info.token_usage == {"total_tokens": 17}
    assert info.cost == {"total_cost": 0.5}
    assert make_info().token_usage is make_info().cost is None


def test_traces_of_mlflow_itself_are_read():
    for case in json.loads(FIXTURE.read_text())["cases"].values():
        trace = Trace.from_dict(case)
        assert trace.trace_id == case["info"]["trace_id"]
        assert trace.info.experiment_id == "1"
        back = trace.to_dict()["info"]
        standard = {k: v for k, v in back["tags"].items() if k in STANDARD_TAG_KEYS}
        assert back == {**case["info"], "tags": {**case["info"]["tags"], **standard}}
        assert len(trace.data.spans) == len(case["data"]["spans"])
        assert trace.data.request == case["data"]["spans"][0]["attributes"]["mlflow.spanInputs"]
        assert Trace.from_json(trace.to_json()) == trace


def test_the_v2_form_is_read():
    attributes = {
        "mlflow.traceRequestId": f'"{TRACE_ID}"',
        "mlflow.spanInputs": '{"messages": [{"role": "user", "content": "Why?"}]}',
    }
    trace = Trace.from_dict(
        {
            "info": {
                "request_id": TRACE_ID,
                "experiment_id": "7",
                "timestamp_ms": 1_500,
                "execution_time_ms": 20,
                "status": "ERROR",
                "request_metadata": {"mlflow.source.type": "NOTEBOOK", "k": "v"},
                "tags": {"mlflow.traceName": "ask"},
            },
            "data": {
                "spans": [
                    {
                        "name": "ask",
                        "context": {"span_id": "0x1", "trace_id": "0x" + "0c" * 16},
                        "parent_id": None,
                        "start_time": 1,
                        "end_time": 2,
                        "status_code": "ERROR",
                        "status_message": "no",
                        "attributes": attributes,
                        "events": [],
                    }
                ],
                "request": "{}",
                "response": None,
            },
        }
    )
    info = trace.info
    assert (info.trace_id, info.experiment_id, info.request_time) == (TRACE_ID, "7", 1_500)
    assert (info.execution_duration, info.state) == (20, TraceState.ERROR)
    assert info.own_metadata == {"k": "v"}
    assert info.request_preview == "Why?"
    assert info.response_preview is None
    span = trace.span("0000000000000001")
    assert span is trace.root
    assert span.trace_id == TRACE_ID
    assert span.status == SpanStatus("ERROR", "no")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("0A" * 16, TRACE_ID),
        ("trace:/catalog.schema/" + "0a" * 16, TRACE_ID),
        ("0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a", TRACE_ID),
        ("a name of their own", TRACE_ID),
    ],
)
def test_other_ids_become_ours(theirs, ours):
    data = Trace(
        make_info(assessments=[Feedback(trace_id=theirs)]), TraceData([make_span(1)])
    ).to_dict()
    data["info"]["trace_id"] = theirs
    data["data"]["spans"][0]["attributes"].pop("mlflow.traceRequestId")
    trace = Trace.from_dict(data)
    assert trace.trace_id == ours
    assert trace.root.trace_id == ours
    assert trace.info.assessments[0].trace_id == ours


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ({}, "'info' and 'data'"),
        ([], "'info' and 'data'"),
        ({"resourceSpans": []}, "from_otlp"),
        ({"info": {}, "data": {}}, "trace info"),
        ({"info": {"request_id": "x"}, "data": {}}, "trace info"),
        ({"info": {**make_info().to_dict(), "state": "FINE"}, "data": {}}, "trace info"),
    ],
)
def test_what_is_not_a_trace_says_so(data, hint):
    with pytest.raises(NbtraceError, match=hint):
        Trace.from_dict(data)


def test_text_that_is_not_json_says_so():
    with pytest.raises(NbtraceError, match="not JSON"):
        Trace.from_json("{")


def test_spans_make_a_trace():
    root = make_span(1, status=SpanStatus("ERROR", "no"), attributes={"user.id": "ada"})
    trace = Trace.from_spans([make_span(2, parent=1), root], "7")
    assert trace.root is root
    assert [span.span_id for span in trace.data.spans] == [root.span_id, f"{2:016x}"]
    assert trace.info.state is TraceState.ERROR
    assert (trace.info.request_time, trace.info.execution_duration) == (1, 8)
    assert trace.info.experiment_id == "7"
    assert trace.info.user == "ada"
    open_trace = Trace.from_spans([make_span(1, end_time_ns=None)])
    assert open_trace.info.state is TraceState.IN_PROGRESS
    assert open_trace.info.execution_duration is None
    # The rest of a trace whose root is elsewhere.
    part = Trace.from_spans([make_span(3, parent=2), make_span(2, parent=1)])
    assert part.root.span_id == f"{2:016x}"


def test_spans_are_found():
    trace = Trace(
        make_info(),
        TraceData(
            [
                make_span(1, attributes={"mlflow.spanType": '"CHAIN"'}),
                make_span(2, parent=1, attributes={"mlflow.spanType": '"LLM"'}),
                make_span(3, parent=1, name="step 2"),
            ]
        ),
    )
    one, two, three = trace.data.spans
    assert trace.search_spans() == [one, two, three]
    assert trace.search_spans(span_type="LLM") == [two]
    assert trace.search_spans(name="step 2") == [two, three]
    assert trace.search_spans(name=re.compile("ep [13]")) == [one]
    assert trace.search_spans(name="step 2", span_type="UNKNOWN") == [three]
    assert trace.search_spans(span_id=two.span_id) == [two]
    assert trace.span(two.span_id) is two
    assert trace.span("missing") is None
    with pytest.raises(NbtraceError, match="pattern"):
        trace.search_spans(name=5)


def test_assessments_are_found():
    good, old = Feedback("good", value=1), Feedback("good", value=0, valid=False)
    wanted = Expectation("wanted", "x", span_id=f"{2:016x}")
    trace = Trace(make_info(assessments=[good, old, wanted]), TraceData())
    assert trace.search_assessments() == [good, wanted]
    assert trace.search_assessments(all=True) == [good, old, wanted]
    assert trace.search_assessments("good") == [good]
    assert trace.search_assessments(type="expectation") == [wanted]
    assert trace.search_assessments(span_id=f"{2:016x}") == [wanted]
    with pytest.raises(NbtraceError, match="feedback"):
        trace.search_assessments(type="issue")


def test_the_row_has_mlflows_columns():
    trace = Trace(make_info(), TraceData([make_span(1)]))
    row = trace.to_pandas_dataframe_row()
    assert list(row) == Trace.pandas_dataframe_columns()
    assert Trace.from_json(row["trace"]) == trace


def test_intermediate_outputs_are_named():
    output = {"mlflow.spanOutputs": "1"}
    spans = [make_span(1, attributes=output)]
    assert TraceData(spans).intermediate_outputs is None
    spans += [make_span(n, parent=1, name="s", attributes=output) for n in (2, 3)]
    assert TraceData(spans).intermediate_outputs == {"s_1": 1, "s_2": 1}


def test_traces_pickle_and_show_who_they_are():
    trace = Trace(make_info(), TraceData([make_span(1)]))
    assert pickle.loads(pickle.dumps(trace)) == trace
    assert repr(trace) == f"Trace(trace_id='{TRACE_ID}')"
    assert repr(trace.data) == "TraceData(1 spans)"
    assert "state=OK" in repr(trace.info)
    assert (
        trace.data.to_json_bytes()
        == json.dumps(trace.data.to_dict(), separators=(",", ":")).encode()
    )
    assert TraceData.from_dict(trace.data.to_dict()) == trace.data


def test_places_elsewhere_are_kept():
    data = {"type": "UC_SCHEMA", "uc_schema": {"catalog_name": "c", "schema_name": "s"}}
    location = TraceLocation.from_dict(data)
    assert location.to_dict() == data
    assert location.mlflow_experiment is None
    assert make_info(trace_location=location).experiment_id is None
    unknown = TraceLocation.from_dict({"type": "MOON"})
    assert unknown.type.value == "TRACE_LOCATION_TYPE_UNSPECIFIED"


def test_every_public_name_is_there():
    for name in entities.__all__:
        assert getattr(entities, name) is not None
    assert set(entities.__all__) <= set(dir(entities))
    with pytest.raises(AttributeError, match="Nothing"):
        _ = entities.Nothing


def test_importing_entities_loads_nothing_of_weight():
    code = (
        "import sys, orjson, dataclasses, typing, enum\n"
        "import nbtrace.config\n"
        "before = set(sys.modules)\n"
        "from nbtrace.entities import Span, Trace, TraceInfo\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(' '.join(sorted(new)))\n"
    )
    # In a process of its own, since this one has imported everything.
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"pydantic", "pandas", "opentelemetry", "traceback"} & set(found)
