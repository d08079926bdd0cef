"""A row per span: which spans, and what each row says."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from search_reference import compare_spans, fill
from test_search_language import NOW, TRACES, filters

import nbtrace
from nbtrace.exceptions import NbtraceError
from nbtrace.search.explain import explain
from nbtrace.search.frame import SPAN_COLUMNS
from nbtrace.search.parser import parse
from nbtrace.search.spans import search_spans
from nbtrace.store import current_store
from nbtrace.store.errors import StoreWarning
from nbtrace.store.store import Store


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("spans") / ".nbtrace")
    fill(store.database, TRACES)
    yield store
    store.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=filters)
def test_the_same_spans_as_plain_python_finds(known, text):
    frame = search_spans(known, text, include_content=False, now_ms=NOW)
    tree = parse(text, now_ms=NOW)
    wanted = [
        (trace.trace_id, span.span_id)
        for trace in TRACES
        for span in trace.spans
        if tree is None or compare_spans(tree, span, trace, TRACES)
    ]
    found = list(zip(frame["trace_id"], frame["span_id"], strict=True))
    assert sorted(found) == sorted(wanted)
    assert len(set(found)) == len(found)


@given(size=st.integers(1, 60))
@settings(max_examples=15, deadline=None)
def test_max_results_takes_the_newest(known, size):
    whole = search_spans(known, "span.status = 'OK'", include_content=False)
    part = search_spans(known, "span.status = 'OK'", max_results=size, include_content=False)
    assert list(part["span_id"]) == list(whole["span_id"])[:size]


def test_a_row_says_what_the_span_was():
    with nbtrace.start_span("root") as root:
        root.set_inputs({"q": 1})
        with nbtrace.start_span("llm", span_type="LLM") as child:
            child.set_inputs([{"role": "user", "content": "hi"}])
            child.set_outputs("hello")
            child.set_attribute("mlflow.llm.model", "gpt-4o")
            child.set_attribute(
                "mlflow.chat.tokenUsage",
                {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
            )
    frame = nbtrace.search_spans("state = 'OK'")
    assert tuple(frame.columns) == SPAN_COLUMNS
    assert list(frame["name"]) == ["root", "llm"]
    assert list(frame["depth"]) == [0, 1]
    assert list(frame["parent_id"])[1] == root.span_id
    assert list(frame["model"])[1] == "gpt-4o"
    assert list(frame["tokens"])[1] == 7
    assert frame["cost"][1] > 0
    assert pd.isna(frame["tokens"][0])
    assert pd.isna(frame["cost"][0])
    assert frame["inputs"][0] == {"q": 1}
    assert frame["outputs"][1] == "hello"
    assert frame["self_time"][0] == frame["duration"][0] - frame["duration"][1]
    only = nbtrace.search_spans("span.type = 'LLM'")
    assert list(only["depth"]) == [1]
    assert list(only["outputs"]) == ["hello"]
    assert nbtrace.search_spans("span.name = 'nobody'").dtypes.equals(frame.iloc[:0].dtypes)


def test_many_spans_of_a_trace_are_read_from_its_file_at_once():
    with nbtrace.start_span("root"):
        for number in range(10):
            with nbtrace.start_span("step") as span:
                span.set_outputs(number)
    frame = nbtrace.search_spans("span.name = 'step'")
    assert list(frame["outputs"]) == list(range(10))
    assert list(nbtrace.search_spans("span.name = 'step'", max_results=2)["outputs"]) == [0, 1]


def test_other_conventions_have_inputs_too():
    from nbtrace.tracing import get_bridged_tracer_provider

    tracer = get_bridged_tracer_provider().get_tracer("theirs")
    with tracer.start_as_current_span("theirs") as span:
        span.set_attribute("openinference.span.kind", "TOOL")
        span.set_attribute("input.value", "what")
        span.set_attribute("output.value", "that")
    frame = nbtrace.search_spans("span.type = 'TOOL'")
    assert list(frame["inputs"]) == ["what"]
    assert list(frame["outputs"]) == ["that"]


def test_a_file_that_is_gone_costs_its_contents_only():
    with nbtrace.start_span("root") as span:
        span.set_inputs(1)
    nbtrace.flush()
    (path,) = current_store().directory.glob(f"traces/*/*/{span.trace_id}*.json")
    path.unlink()
    with pytest.warns(StoreWarning, match="without inputs"):
        frame = nbtrace.search_spans("name = 'root'")
    assert list(frame["inputs"]) == [None]
    assert list(frame["name"]) == ["root"]


def test_faults_are_told():
    with pytest.raises(NbtraceError, match="Invalid filter"):
        nbtrace.search_spans("span.nme = 'x'")
    with pytest.raises(NbtraceError, match="max_results"):
        nbtrace.search_spans(max_results=0)


def test_an_explanation(known):
    found = explain(known, "tags.model = 'x' AND NOT span.attributes.n = 5")
    assert found.sql.startswith("SELECT ")
    assert "trace_tags" in found.sql
    assert "x" in found.parameters
    assert any("USING" in step for step in found.plan)
    assert "256 characters" in found.caveats[0]
    assert "Plan:" in str(found)
    assert "Mind:" in str(found)
    assert "newest first" in explain(known, "name LIKE '%x%'").caveats[-1]
    assert explain(known, "state = 'OK'").caveats == []
    with pytest.raises(NbtraceError):
        explain(known, "nothing")


def test_the_public_explanation():
    assert nbtrace.explain("name = 'a'").parameters[0] == "a"
    assert nbtrace.explain(order_by=["cost"]).plan
