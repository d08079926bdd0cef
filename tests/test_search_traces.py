"""Pages of traces, DataFrames and sessions out of a real store."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbtrace import finding
from nbtrace.entities import Span, SpanStatus, SpanStatusCode, Trace
from nbtrace.exceptions import INVALID_PARAMETER_VALUE, NbtraceError
from nbtrace.otel.otlp import encode_span
from nbtrace.search import traces
from nbtrace.search.extract import parse_extract_field
from nbtrace.search.frame import MLFLOW_COLUMNS, TRACE_COLUMNS, spans_frame, to_pandas
from nbtrace.search.paging import decode_token, encode_token
from nbtrace.search.traces import count_traces, search_traces
from nbtrace.store import current_store
from nbtrace.store.rows import SpanRow, TraceRow
from nbtrace.store.span_files import part_path, write_part

if TYPE_CHECKING:
    from nbtrace.store.store import Store

START = 1_700_000_000_000
TEXT = "str" if int(pd.__version__.split(".")[0]) > 2 else "object"


def span(index: int, place: int, name: str, parent: int | None = None, **attributes: Any) -> Span:
    start = (START + index * 1000) * 1_000_000 + place * 1_000_000
    return Span(
        trace_id=f"tr-{index:032x}",
        span_id=f"{place + 1:016x}",
        parent_id=None if parent is None else f"{parent + 1:016x}",
        name=name,
        start_time_ns=start,
        end_time_ns=start + (10 - place) * 1_000_000,
        status=SpanStatus(SpanStatusCode.OK),
        attributes={key: json.dumps(value) for key, value in attributes.items()},
    )


def spans_of(index: int) -> list[Span]:
    return [
        span(
            index,
            0,
            "ask",
            **{"mlflow.spanInputs": {"q": index}, "mlflow.spanOutputs": f"answer {index}"},
        ),
        span(
            index,
            1,
            "llm",
            0,
            **{
                "mlflow.spanType": "LLM",
                "mlflow.spanOutputs": {"a.b": index, "text": "t"},
                "mlflow.chat.tokenUsage": {"input_tokens": 3, "total_tokens": 5},
                "mlflow.llm.model": "gpt-4o",
            },
        ),
    ]


def add(store: Store, index: int, **changes: Any) -> None:
    spans = spans_of(index)
    lines = [orjson.dumps(encode_span(item)) for item in spans]
    location = store.span_location("0")
    places = write_part(
        location, spans[0].trace_id, START + index * 1000, "", [(b"{}", b"{}", lines)]
    )
    rows = [
        SpanRow(
            item.span_id, item.parent_id, item.name, item.span_type, "OK",
            item.start_time_ns, item.end_time_ns, 0, *place,
        )
        for item, place in zip(spans, places[0], strict=True)
    ]  # fmt: skip
    row = TraceRow(
        spans[0].trace_id,
        "0",
        START + index * 1000,
        execution_duration=10,
        state="OK",
        name="ask",
        tags={"mlflow.traceName": "ask", "number": str(index)},
        spans=rows,
        parts=[""],
        total_tokens=5,
        cost=0.25,
    )
    for name, value in changes.items():
        setattr(row, name, value)
    store.database.upsert_traces([row])


@pytest.fixture
def store() -> Store:
    store = current_store()
    for index in range(7):
        add(store, index)
    return store


def numbers(traces: list[Trace]) -> list[int]:
    return [int(trace.info.tags["number"]) for trace in traces]


def test_a_page_holds_traces_with_their_spans(store: Store) -> None:
    page = search_traces(store, max_results=2)
    assert numbers(page.traces) == [6, 5]
    assert page.traces[0].data.spans[0].inputs == {"q": 6}
    assert page.facts[page.traces[0].trace_id] == ("ask", 2, 5, 0.25)
    bare = search_traces(store, max_results=2, include_spans=False)
    assert bare.traces[0].data.spans == []


def test_pages_follow_each_other_while_traces_arrive(store: Store) -> None:
    seen: list[int] = []
    token = None
    for arriving in range(100, 104):
        page = search_traces(store, max_results=3, page_token=token, include_spans=False)
        seen += numbers(page.traces)
        token = page.token
        add(store, arriving)
        if token is None:
            break
    assert seen == [6, 5, 4, 3, 2, 1, 0]


def test_the_last_page_has_no_token(store: Store) -> None:
    assert search_traces(store, max_results=7).token is None
    assert search_traces(store, max_results=6).token is not None
    assert search_traces(store, filter_string="name = 'none'").token is None


def test_a_token_of_mlflow_is_read(store: Store) -> None:
    token = base64.b64encode(json.dumps({"offset": 4}).encode()).decode()
    assert numbers(search_traces(store, max_results=2, page_token=token).traces) == [2, 1]


def test_a_token_belongs_to_its_search(store: Store) -> None:
    token = search_traces(store, max_results=2).token
    with pytest.raises(NbtraceError, match="another search"):
        search_traces(store, max_results=2, filter_string="name = 'ask'", page_token=token)


names = st.sampled_from(["place", "offset", "search"])


@settings(max_examples=200, deadline=None)
@given(
    token=st.one_of(
        st.text(min_size=1),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(names, inner),
        ).map(lambda value: base64.b64encode(json.dumps(value).encode()).decode()),
    )
)  # fmt: skip
@example(base64.b64encode(b"[" * 100_000).decode())
@example(base64.b64encode(b'{"offset": 99999999999999999999}').decode())
@example(base64.b64encode(b'{"place": ["\\ud800", 1], "search": "d"}').decode())
def test_a_garbage_token_raises_nothing_but_nbtrace_errors(token: str) -> None:
    try:
        decode_token(token, "d", 2)
    except NbtraceError as error:
        assert error.error_code == INVALID_PARAMETER_VALUE  # noqa: PT017


@given(
    place=st.lists(
        st.one_of(
            st.none(),
            st.integers(-(2**63), 2**63 - 1),
            st.floats(allow_nan=False),
            st.text(st.characters(exclude_categories=["Cs"])),
        )
    )
)
def test_a_token_comes_back_as_it_went(place: list[Any]) -> None:
    assert decode_token(encode_token(place, "d"), "d", len(place)).place == tuple(place)


@pytest.mark.parametrize("number", [0, -1, 50_001, True, "5", 2.5, None])
def test_a_page_has_1_to_50000_traces(store: Store, number: Any) -> None:
    with pytest.raises(NbtraceError, match="for parameter 'max_results' supplied"):
        search_traces(store, max_results=number)


def test_run_and_model(store: Store) -> None:
    add(store, 8, metadata={"mlflow.sourceRun": "r1", "mlflow.modelId": "m1"})
    assert numbers(search_traces(store, run_id="r1").traces) == [8]
    assert numbers(search_traces(store, run_id="r1", filter_string="state = 'OK'").traces) == [8]
    assert numbers(search_traces(store, model_id="m1").traces) == [8]
    with pytest.raises(NbtraceError, match=r"mlflow\.sourceRun"):
        search_traces(store, run_id="r1", filter_string="metadata.`mlflow.sourceRun` = 'r1'")
    with pytest.raises(NbtraceError, match="model_id cannot be given"):
        search_traces(store, model_id="m1", filter_string="state = 'OK'")


def test_locations_are_ids_or_names(store: Store) -> None:
    other = store.create_experiment("other")
    add(store, 9, experiment_id=other)
    assert numbers(search_traces(store, locations=[other], include_spans=False).traces) == [9]
    assert numbers(search_traces(store, locations=["other"], include_spans=False).traces) == [9]
    assert count_traces(store, locations=["0"]) == 7
    assert count_traces(store, "name = 'ask'", ["0", other]) == 8
    assert count_traces(store, locations=["unknown"]) == 0
    with pytest.raises(NbtraceError, match="locations takes ids"):
        search_traces(store, locations=[None])  # type: ignore[list-item]


def test_a_data_frame_has_mlflows_columns_then_ours(store: Store) -> None:
    add(store, 10, execution_duration=None, state="IN_PROGRESS", total_tokens=None, cost=None)
    frame = finding.search_traces()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == [*MLFLOW_COLUMNS, *TRACE_COLUMNS[12:]]
    assert isinstance(frame.index, pd.RangeIndex)
    assert len(frame) == 8
    latest, before = frame.iloc[0], frame.iloc[1]
    assert latest["execution_duration"] is pd.NA
    assert latest["tokens"] is pd.NA
    assert pd.isna(latest["cost"])
    assert pd.isna(latest["duration"])
    assert before["execution_duration"] == 10
    assert before["duration"] == pd.Timedelta(milliseconds=10)
    assert before["start_time"] == pd.Timestamp(START + 6000, unit="ms", tz="UTC")
    assert before["state"] == "OK"
    assert type(before["state"]) is str
    assert before["request"] == {"q": 6}
    assert before["response"] == "answer 6"
    assert before["span_count"] == 2
    assert before["name"] == "ask"
    assert before["tags"]["number"] == "6"
    assert [item["name"] for item in before["spans"]] == ["ask", "llm"]
    assert Trace.from_json(before["trace"]).trace_id == before["trace_id"]


def test_types_are_the_same_with_and_without_rows(store: Store) -> None:
    full = finding.search_traces(return_type="pandas")
    empty = finding.search_traces(filter_string="name = 'none'", return_type="pandas")
    assert isinstance(full, pd.DataFrame)
    assert isinstance(empty, pd.DataFrame)
    assert len(empty) == 0
    expected = {
        "trace_id": TEXT,
        "trace": TEXT,
        "client_request_id": TEXT,
        "state": TEXT,
        "request_time": "int64",
        "execution_duration": "Int64",
        "request": "object",
        "response": "object",
        "trace_metadata": "object",
        "tags": "object",
        "spans": "object",
        "assessments": "object",
        "start_time": "datetime64[ms, UTC]",
        "duration": "timedelta64[ms]",
        "name": TEXT,
        "session": TEXT,
        "user": TEXT,
        "span_count": "int64",
        "tokens": "Int64",
        "cost": "float64",
    }
    assert {name: str(kind) for name, kind in full.dtypes.items()} == expected
    assert {name: str(kind) for name, kind in empty.dtypes.items()} == expected
    assert list(empty.columns) == list(expected)


def test_a_frame_of_traces_from_elsewhere_counts_their_spans(store: Store) -> None:
    frame = to_pandas([Trace.from_spans(spans_of(3))])
    assert frame.loc[0, "span_count"] == 2
    assert frame.loc[0, "name"] == "ask"


def test_fields_are_extracted(store: Store) -> None:
    fields = ["ask.inputs", "ask.inputs.q", "`llm`.outputs.`a.b`", "llm.outputs.a.b", "no.inputs"]
    with pytest.warns(FutureWarning, match="deprecated"):
        frame = finding.search_traces(max_results=1, extract_fields=fields)
    assert isinstance(frame, pd.DataFrame)
    row = frame.iloc[0]
    assert row["ask.inputs"] == {"q": 6}
    assert row["ask.inputs.q"] == 6
    assert row["llm.outputs.a.b"] == 6
    assert row["no.inputs"] is None
    with pytest.raises(NbtraceError, match="return_type='pandas'"):
        finding.search_traces(extract_fields=fields, return_type="list")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ask", "Expected dot after span name"),
        ("`ask`", "Expected dot after span name"),
        ("`ask.inputs", "Expected closing backtick"),
        ("ask.input", "Invalid field type: 'input'. Expected 'inputs' or 'outputs'."),
        ("`ask`x.inputs", "Unexpected characters after closing backtick"),
        ("ask.inputs.`a`b", "Unexpected characters after closing backtick"),
        ("ask.inputs.`a", "Expected closing backtick"),
    ],
)
def test_a_field_that_cannot_be_extracted(text: str, problem: str) -> None:
    with pytest.raises(NbtraceError) as caught:
        parse_extract_field(text)
    assert problem in caught.value.message


def test_the_public_search_returns_all_or_some(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "TRACES_AT_ONCE", 2)
    assert numbers(finding.search_traces(return_type="list")) == [6, 5, 4, 3, 2, 1, 0]
    found = finding.search_traces(
        None, "tags.number IN ('1', '2')", 1, ["timestamp"], None, None, "list"
    )
    assert isinstance(found, list)
    assert numbers(found) == [1]
    assert numbers(
        finding.search_traces(experiment_ids=["0"], max_results=1, return_type="list")
    ) == [6]
    assert finding.count_traces("tags.number = '3'") == 1
    with pytest.raises(NbtraceError, match="former name"):
        finding.search_traces(experiment_ids=["0"], locations=["0"])
    with pytest.raises(NbtraceError, match="return_type must be"):
        finding.search_traces(return_type="polars")  # type: ignore[call-overload]


def test_sessions_come_newest_first_and_hold_their_traces_oldest_first(store: Store) -> None:
    for index, session in ((20, "s1"), (21, "s2"), (22, "s1"), (23, "s3"), (24, "s2")):
        tags = {"mlflow.trace.session": session, "number": str(index)}
        add(store, index, tags=tags)
    sessions = finding.search_sessions(max_results=2)
    assert [(item.id, numbers(list(item))) for item in sessions] == [
        ("s2", [21, 24]),
        ("s3", [23]),
    ]
    assert len(sessions[0]) == 2
    assert sessions[0][0].data.spans
    assert [item.id for item in finding.search_sessions(include_spans=False)] == ["s2", "s3", "s1"]


def test_spans_as_a_frame(store: Store) -> None:
    frame = search_traces(store, max_results=1).traces[0].to_pandas()
    assert list(frame["name"]) == ["ask", "llm"]
    assert list(frame["depth"]) == [0, 1]
    assert frame.loc[0, "duration"] == pd.Timedelta(milliseconds=10)
    assert frame.loc[0, "self_time"] == pd.Timedelta(milliseconds=1)
    assert frame.loc[1, "self_time"] == pd.Timedelta(milliseconds=9)
    assert frame.loc[1, "tokens"] == 5
    assert frame.loc[1, "model"] == "gpt-4o"
    assert frame.loc[1, "outputs"] == {"a.b": 6, "text": "t"}
    assert str(frame["start_time"].dtype) == "datetime64[ns, UTC]"
    empty = spans_frame(Trace.from_spans(spans_of(1)[:1]))
    assert [str(kind) for kind in empty.dtypes] == [str(kind) for kind in frame.dtypes]


def test_depth_survives_circles_and_long_chains(store: Store) -> None:
    chain = [span(1, place, "link", place - 1 if place else None) for place in range(5000)]
    assert list(spans_frame(Trace.from_spans(chain))["depth"]) == list(range(5000))
    circle = [span(1, 0, "a", 1), span(1, 1, "b", 0)]
    assert len(spans_frame(Trace.from_spans(circle))) == 2


def test_a_trace_whose_file_is_gone_costs_its_spans_only(store: Store) -> None:
    path = part_path(store.span_location("0"), f"tr-{6:032x}", START + 6000, "")
    with open(path):  # noqa: PTH123 - it may be a URL elsewhere
        pass
    from pathlib import Path

    Path(path).unlink()
    with pytest.warns(UserWarning, match="without these spans"):
        frame = finding.search_traces(max_results=2)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame["span_count"]) == [2, 2]
    assert frame.loc[0, "spans"] == []
