"""Imports of what other tools export: Phoenix, Langfuse, Jaeger; zstd; what is dropped is told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import nbtrace
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.conventions import view
from nbtrace.transfer.reading import contents

if TYPE_CHECKING:
    from pathlib import Path

TRACE = "0a" * 16
HEX = f"tr-{TRACE}"


def only(result: Any) -> Any:
    [trace_id] = result.trace_ids
    assert result.problems == []
    return nbtrace.get_trace(trace_id)


# Phoenix


def phoenix_rest() -> dict[str, Any]:
    return {
        "data": [
            {
                "id": "U3Bhbjox",
                "name": "chat",
                "context": {"trace_id": TRACE, "span_id": "0b" * 8},
                "span_kind": "LLM",
                "parent_id": "0c" * 8,
                "start_time": "2026-11-22T21:10:54.975047+00:00",
                "end_time": "2026-11-22T21:10:54.975196+00:00",
                "status_code": "ERROR",
                "status_message": "no",
                "attributes": {
                    "llm.model_name": "gpt-4o",
                    "llm.token_count.prompt": 12,
                    "llm.token_count.completion": 5,
                    "llm.input_messages.0.message.role": "user",
                    "llm.input_messages.0.message.content": "why?",
                    "input.value": "why?",
                    "input.mime_type": "text/plain",
                },
                "events": [
                    {
                        "name": "exception",
                        "timestamp": "2026-11-22T21:10:54.975100+00:00",
                        "attributes": {"exception.message": "no"},
                    }
                ],
            },
            {
                "name": "find",
                "context": {"trace_id": TRACE, "span_id": "0c" * 8},
                "span_kind": "RETRIEVER",
                "parent_id": None,
                "start_time": "2026-11-22T21:10:54.975000+00:00",
                "end_time": "2026-11-22T21:10:54.976000+00:00",
                "status_code": "OK",
                "status_message": "",
                "attributes": {
                    "retrieval.documents.0.document.content": "Paris",
                    "retrieval.documents.0.document.metadata.doc_uri": "a.md",
                    "session.id": "chat-7",
                },
                "events": [],
            },
        ],
        "next_cursor": None,
    }


def check_phoenix(trace: Any) -> None:
    spans = {span.name: span for span in trace.data.spans}
    chat, find = spans["chat"], spans["find"]
    assert (chat.parent_id, find.parent_id) == (find.span_id, None)
    assert chat.start_time_ns == 1795381854_975047000
    assert (str(chat.status.status_code.value), chat.status.description) == ("ERROR", "no")
    assert chat.events[0].attributes["exception.message"] == "no"
    seen = view(chat)
    assert (seen.type, seen.model, seen.usage.input) == ("CHAT_MODEL", "gpt-4o", 12)
    assert seen.input_messages[0].text == "why?"
    [document] = view(find).documents
    assert (document.page_content, document.metadata) == ("Paris", {"doc_uri": "a.md"})
    assert trace.info.tags["mlflow.trace.session"] == "chat-7"
    assert trace.info.state == "OK"


def test_phoenix_rest_json(tmp_path: Path) -> None:
    file = tmp_path / "spans.json"
    file.write_bytes(orjson.dumps(phoenix_rest()))
    check_phoenix(only(nbtrace.import_traces(file)))


def test_phoenix_spans_dataframe() -> None:
    import pandas as pd

    frame = pd.DataFrame(
        [
            {
                "context.trace_id": row["context"]["trace_id"],
                "context.span_id": row["context"]["span_id"],
                **{key: row[key] for key in ("name", "span_kind", "parent_id", "events")},
                **{key: row[key] for key in ("status_code", "status_message")},
                "start_time": pd.Timestamp(row["start_time"]),
                "end_time": pd.Timestamp(row["end_time"]),
                **{f"attributes.{key}": value for key, value in row["attributes"].items()},
            }
            for row in phoenix_rest()["data"]
        ]
    )
    # nested as Phoenix nests it, and numbers that are floats because other rows have none
    frame["attributes.llm.input_messages"] = [
        [{"message.role": "user", "message.content": "why?"}],
        None,
    ]
    frame = frame.drop(
        columns=[
            name for name in frame.columns if name.startswith("attributes.llm.input_messages.")
        ]
    )
    assert math.isnan(frame["attributes.llm.token_count.prompt"][1])
    check_phoenix(only(nbtrace.import_traces(frame)))


def test_what_is_wrong_in_phoenix_rows_is_named() -> None:
    document = phoenix_rest()
    document["data"][0]["start_time"] = "yesterday"
    with pytest.raises(NbtraceError, match=r"data\[0\]\.start_time must be a moment"):
        nbtrace.import_traces(document)
    result = nbtrace.import_traces(document, on_error="skip")
    assert (result.spans, len(result.problems)) == (1, 1)


# Langfuse


def langfuse() -> dict[str, Any]:
    return {
        "id": "9f1c2d3e-0000-4000-8000-00000000000a",
        "name": "answer",
        "timestamp": "2026-11-22T12:00:00.000Z",
        "input": {"question": "why?"},
        "output": "because",
        "sessionId": "chat-7",
        "userId": "ada",
        "tags": ["prod"],
        "observations": [
            {
                "id": "obs-2",
                "traceId": "9f1c2d3e-0000-4000-8000-00000000000a",
                "type": "GENERATION",
                "name": "chat",
                "parentObservationId": "obs-1",
                "startTime": "2026-11-22T12:00:00.100Z",
                "endTime": "2026-11-22T12:00:00.900Z",
                "model": "gpt-4o",
                "modelParameters": {"temperature": 0.2},
                "input": [{"role": "user", "content": "why?"}],
                "output": {"role": "assistant", "content": "because"},
                "usageDetails": {"input": 12, "output": 5, "total": 17},
                "costDetails": {"input": 0.1, "output": 0.2, "total": 0.3},
                "level": "DEFAULT",
            },
            {
                "id": "obs-1",
                "traceId": "9f1c2d3e-0000-4000-8000-00000000000a",
                "type": "SPAN",
                "name": "step",
                "parentObservationId": None,
                "startTime": "2026-11-22T12:00:00.000Z",
                "endTime": "2026-11-22T12:00:01.000Z",
                "level": "ERROR",
                "statusMessage": "broke",
            },
        ],
        "scores": [
            {
                "name": "useful",
                "value": 1,
                "dataType": "BOOLEAN",
                "source": "ANNOTATION",
                "comment": "yes",
                "observationId": "obs-2",
                "timestamp": "2026-11-22T13:00:00.000Z",
            }
        ],
    }


def check_langfuse(trace: Any) -> None:
    assert trace.info.trace_id == "tr-9f1c2d3e00004000800000000000000a"
    tags = trace.info.tags
    assert (tags["mlflow.trace.session"], tags["mlflow.trace.user"]) == ("chat-7", "ada")
    assert tags["mlflow.traceName"] == "answer"
    spans = {span.name: span for span in trace.data.spans}
    chat = spans["chat"]
    assert chat.parent_id == spans["step"].span_id
    seen = view(chat)
    assert (seen.type, seen.model, seen.usage.total, seen.cost) == ("CHAT_MODEL", "gpt-4o", 17, 0.3)
    assert chat.inputs == [{"role": "user", "content": "why?"}]
    assert spans["step"].status.description == "broke"


def test_langfuse_trace_with_its_observations() -> None:
    trace = only(nbtrace.import_traces(langfuse()))
    check_langfuse(trace)
    assert trace.info.tags["prod"] == "true"
    [score] = trace.info.assessments
    assert (score.name, score.value, score.rationale) == ("useful", True, "yes")
    assert score.source.source_type == "HUMAN"
    assert score.span_id == next(s.span_id for s in trace.data.spans if s.name == "chat")


def test_langfuse_lines_in_snake_case_beside_each_other(tmp_path: Path) -> None:
    whole = langfuse()
    observations, scores = whole.pop("observations"), whole.pop("scores")
    rows = [whole, *observations, *({**s, "traceId": whole["id"], "id": "s1"} for s in scores)]
    lines = [orjson.dumps({snake(key): value for key, value in row.items()}) for row in rows]
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(reversed(lines)) + b"\n")
    trace = only(nbtrace.import_traces(tmp_path / "rows.jsonl"))
    check_langfuse(trace)
    assert len(trace.info.assessments) == 1


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def test_langfuse_without_one_root_gets_one() -> None:
    whole = langfuse()
    for observation in whole["observations"]:
        observation["parentObservationId"] = None
    trace = only(nbtrace.import_traces(whole))
    [root] = [span for span in trace.data.spans if span.parent_id is None]
    assert (root.name, root.inputs, root.outputs) == ("answer", {"question": "why?"}, "because")
    assert len(trace.data.spans) == 3


def test_what_is_wrong_in_langfuse_rows_is_named() -> None:
    whole = langfuse()
    whole["observations"][0]["startTime"] = 7
    with pytest.raises(NbtraceError, match=r"observations\[0\]: startTime must be a moment"):
        nbtrace.import_traces(whole)


# Jaeger


def jaeger() -> dict[str, Any]:
    return {
        "data": [
            {
                "traceID": "a" * 16,
                "spans": [
                    {
                        "traceID": "a" * 16,
                        "spanID": "b" * 16,
                        "operationName": "GET /",
                        "references": [],
                        "startTime": 1_700_000_000_000_001,
                        "duration": 2500,
                        "tags": [
                            {"key": "span.kind", "type": "string", "value": "server"},
                            {"key": "otel.status_code", "type": "string", "value": "ERROR"},
                            {"key": "otel.scope.name", "type": "string", "value": "app"},
                            {"key": "http.status_code", "type": "int64", "value": 500},
                        ],
                        "logs": [
                            {
                                "timestamp": 1_700_000_000_000_002,
                                "fields": [
                                    {"key": "event", "type": "string", "value": "exception"},
                                    {"key": "exception.message", "type": "string", "value": "no"},
                                ],
                            }
                        ],
                        "processID": "p1",
                    },
                    {
                        "traceID": "a" * 16,
                        "spanID": "c" * 16,
                        "operationName": "query",
                        "references": [
                            {"refType": "CHILD_OF", "traceID": "a" * 16, "spanID": "b" * 16},
                            {"refType": "FOLLOWS_FROM", "traceID": "d" * 32, "spanID": "e" * 16},
                        ],
                        "startTime": 1_700_000_000_000_010,
                        "duration": 5,
                        "processID": "p1",
                    },
                ],
                "processes": {
                    "p1": {
                        "serviceName": "shop",
                        "tags": [{"key": "host", "type": "string", "value": "a"}],
                    }
                },
            }
        ]
    }


def test_jaeger() -> None:
    trace = only(nbtrace.import_traces(jaeger()))
    assert trace.info.trace_id == "tr-" + "0" * 16 + "a" * 16
    root, child = trace.data.spans
    assert (root.kind, root.name, root.scope.name) == ("SERVER", "GET /", "app")
    assert root.start_time_ns == 1_700_000_000_000_001_000
    assert root.duration_ns == 2_500_000
    assert root.status.status_code.value == "ERROR"
    assert root.raw_attributes == {"http.status_code": 500}
    assert root.resource == {"service.name": "shop", "host": "a"}
    assert (root.events[0].name, dict(root.events[0].attributes)) == (
        "exception",
        {"exception.message": "no"},
    )
    assert child.parent_id == root.span_id
    assert child.links[0].trace_id == "tr-" + "d" * 32


def test_what_is_wrong_in_jaeger_spans_is_named() -> None:
    document = jaeger()
    document["data"][0]["spans"][1]["startTime"] = "soon"
    with pytest.raises(NbtraceError, match=r"data\[0\]\.spans\[1\]: startTime must be a number"):
        nbtrace.import_traces(document)


# MLflow


def test_mlflow_dataframe_of_json_text() -> None:
    import pandas as pd

    with nbtrace.start_span("ask", span_type="AGENT") as span:
        span.set_inputs({"q": 1})
    text = nbtrace.get_trace(span.trace_id).to_json()
    nbtrace.delete_traces("0", trace_ids=[span.trace_id])
    text = text.replace(span.trace_id, "tr-" + "ab" * 16)
    frame = pd.DataFrame({"trace_id": ["x"], "trace": [text]})
    assert len(nbtrace.import_traces(frame).trace_ids) == 1


# All


def otlp(**fields: Any) -> dict[str, Any]:
    span = {"traceId": TRACE, "spanId": "0b" * 8, "name": "a", "startTimeUnixNano": "5", **fields}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


@pytest.mark.parametrize("frames", [1, 2])
def test_zstd(tmp_path: Path, frames: int) -> None:
    packer = zstandard.ZstdCompressor()
    lines = [orjson.dumps(otlp(spanId=f"{n + 1:016x}")) + b"\n" for n in range(frames)]
    (tmp_path / "t.jsonl.zst").write_bytes(b"".join(map(packer.compress, lines)))
    assert nbtrace.import_traces(tmp_path / "t.jsonl.zst").spans == frames
    with pytest.raises(NbtraceError, match="damaged zstd"):
        nbtrace.import_traces(packer.compress(lines[0])[:4] + b"\xff" * 9)


def test_what_its_recorder_dropped_is_kept() -> None:
    document = otlp(droppedAttributesCount=3, droppedEventsCount=2, droppedLinksCount=1)
    trace = only(nbtrace.import_traces(document))
    assert trace.data.spans[0].raw_attributes == {
        "otel.dropped_attributes_count": 3,
        "otel.dropped_events_count": 2,
        "otel.dropped_links_count": 1,
    }


def test_dropped_counts_of_protobuf() -> None:
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    data = TracesData()
    span = data.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = b"\x0a" * 16, b"\x0b" * 8
    span.start_time_unix_nano, span.dropped_events_count = 5, 4
    trace = only(nbtrace.import_traces(data.SerializeToString()))
    assert trace.data.spans[0].raw_attributes == {"otel.dropped_events_count": 4}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("traceId", "xyz"),
        ("spanId", 7),
        ("startTimeUnixNano", "soon"),
        ("endTimeUnixNano", [5]),
        ("attributes", [{"key": "k", "value": {"intValue": "many"}}]),
        ("events", [{"timeUnixNano": "x"}]),
        ("links", 5),
    ],
)
def test_an_error_names_file_line_and_field(tmp_path: Path, field: str, value: Any) -> None:
    file = tmp_path / "t.jsonl"
    good = otlp(spanId="0c" * 8)
    file.write_bytes(orjson.dumps(good) + b"\n" + orjson.dumps(otlp(**{field: value})) + b"\n")
    place = rf"t\.jsonl: line 2: resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[0\]\.{field}: "
    with pytest.raises(NbtraceError, match=place):
        nbtrace.import_traces(file)
    result = nbtrace.import_traces(file, on_error="skip")
    assert (result.spans, len(result.problems)) == (1, 1)


def test_a_damaged_document_over_several_lines_is_one_problem(tmp_path: Path) -> None:
    text = orjson.dumps(otlp(), option=orjson.OPT_INDENT_2)
    (tmp_path / "t.json").write_bytes(text[:-20])
    result = nbtrace.import_traces(tmp_path / "t.json", on_error="skip")
    [problem] = result.problems
    assert "t.json: this is not JSON (" in problem
    assert "line" in problem


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@st.composite
def bent(draw: st.DrawFn) -> Any:
    """Return an export of one of the tools with one value exchanged for anything."""
    document = draw(st.sampled_from([phoenix_rest, langfuse, jaeger]))()
    holder: Any = document
    for _ in range(draw(st.integers(1, 6))):
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if not isinstance(holder[key], dict | list) or not draw(st.booleans()):
            holder[key] = draw(JSON)
            break
        holder = holder[key]
    return document


@given(bent())
@settings(max_examples=300, deadline=None)
def test_a_bent_export_is_read_or_refused_but_never_breaks(document: Any) -> None:
    for found in contents(document):
        if isinstance(found.item, NbtraceError):
            assert found.item.message
