"""Round trips, and what others wrote, brought into a store."""

from __future__ import annotations

import gzip
import json
import threading
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import orjson
import pytest

import nbtrace
from nbtrace.entities import Span, Trace
from nbtrace.entities.resource import Resource, schema_url_of
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import decode_traces_data, encode_traces_data
from nbtrace.store import current_store
from nbtrace.transfer import importing
from nbtrace.transfer.protobuf import encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRACE_ID = "tr-" + "0a" * 16


def span(number: int, *, parent: int | None = None, **fields: Any) -> Span:
    return Span(
        trace_id=fields.pop("trace_id", TRACE_ID),
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=fields.pop("name", f"step {number}"),
        start_time_ns=1_700_000_000_000_000_000 + number,
        end_time_ns=1_700_000_001_000_000_000,
        **fields,
    )


def document(*spans: Span) -> dict[str, Any]:
    return encode_traces_data(spans or (span(1), span(2, parent=1)))


def chat(number: int, tokens: int, **fields: Any) -> Span:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": tokens,
        "gen_ai.usage.output_tokens": 1,
        "gen_ai.response.id": str(number),
    }
    return span(number, parent=1, attributes=attributes, **fields)


def recorded() -> Trace:
    defaults = nbtrace.context(session_id="s1", user="ada", tags={"stage": "try"})
    with defaults, nbtrace.start_span("ask", span_type="AGENT") as root:
        root.set_inputs({"messages": [{"role": "user", "content": "hi"}]})
        with nbtrace.start_span("child") as child:
            child.set_attribute("mixed", [1, 2.5, True, None, {"a": b"x"}])
            child.add_event(nbtrace.entities.SpanEvent("noted", attributes={"n": 1}))
        nbtrace.update_current_trace(metadata={"kept": "yes"}, client_request_id="r1")
    nbtrace.set_trace_tag(root.trace_id, "late", "1")
    nbtrace.log_feedback(trace_id=root.trace_id, name="good", value=True)
    trace = nbtrace.get_trace(root.trace_id)
    assert trace is not None
    return trace


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.json", "a.pb", "a.jsonl.gz", "a.json.gz", "a.pb.gz"]
)
def test_a_round_trip_loses_nothing(tmp_path: Path, name: str) -> None:
    before = recorded()
    file = tmp_path / name
    result = nbtrace.export_traces(to=file)
    assert (result.traces, result.spans) == (1, 2)
    assert file.read_bytes()[:2] == b"\x1f\x8b" or not name.endswith(".gz")
    nbtrace.set_tracking_uri(tmp_path / "other")
    result = nbtrace.import_traces(file)
    assert (result.trace_ids, result.spans, result.problems) == ([before.trace_id], 2, [])
    after = nbtrace.get_trace(before.trace_id)
    assert after.data == before.data
    assert after.info.to_dict() == before.info.to_dict()
    for condition in ("tags.late = '1'", "session = 's1'", "span.name = 'child'"):
        assert nbtrace.count_traces(condition) == 1


def test_what_is_brought_in_twice_is_there_once() -> None:
    for _ in range(2):
        nbtrace.import_traces(document())
    directory = current_store().directory / "traces"
    assert len(list(directory.rglob("*.json"))) == 1
    trace = nbtrace.get_trace(TRACE_ID)
    assert [item.name for item in trace.data.spans] == ["step 1", "step 2"]
    assert nbtrace.search_traces()["span_count"].to_list() == [2]


def test_spans_in_several_files_make_one_trace_counted_once() -> None:
    nbtrace.import_traces(document(chat(2, 10)))
    nbtrace.import_traces(document(span(1, name="root")))
    nbtrace.import_traces(document(chat(3, 5)))
    nbtrace.import_traces(document(chat(3, 5)))
    trace = nbtrace.get_trace(TRACE_ID)
    assert trace.info.token_usage["input_tokens"] == 15
    assert trace.info.tags["mlflow.traceName"] == "root"
    assert len(trace.data.spans) == 3
    assert nbtrace.count_traces("name = 'root'") == 1


def test_a_file_larger_than_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "WINDOW_SPANS", 3)
    items = [span(1, name="root"), *(span(number, parent=1) for number in range(2, 11))]
    lines = b"\n".join(orjson.dumps(document(item)) for item in reversed(items))
    (tmp_path / "t.jsonl").write_bytes(lines)
    result = nbtrace.import_traces(tmp_path / "t.jsonl")
    assert repr(result) == "10 spans of 1 trace"
    trace = nbtrace.get_trace(TRACE_ID)
    assert (len(trace.data.spans), trace.info.tags["mlflow.traceName"]) == (10, "root")


def test_a_new_trace_goes_to_the_experiment() -> None:
    nbtrace.import_traces(document(), experiment="from outside")
    found = nbtrace.get_experiment_by_name("from outside")
    assert nbtrace.get_trace(TRACE_ID).info.experiment_id == found.experiment_id


@pytest.mark.parametrize(
    "pack",
    [
        lambda data: data,
        orjson.dumps,
        lambda data: b"\xef\xbb\xbf" + orjson.dumps(data),
        lambda data: json.dumps(data, indent=2).encode(),
        lambda data: gzip.compress(orjson.dumps(data)),
        encode,
        lambda data: gzip.compress(encode(data)),
        lambda data: [data],
        lambda data: Trace.from_spans(decode_traces_data(data)),
    ],
    ids=["dict", "bytes", "bom", "indented", "gzip", "protobuf", "packed", "list", "trace"],
)
def test_forms(pack: Callable[[dict[str, Any]], Any]) -> None:
    assert nbtrace.import_traces(pack(document())).spans == 2
    assert len(nbtrace.get_trace(TRACE_ID).data.spans) == 2


def test_mlflow_json_and_frames() -> None:
    before = recorded()
    frame = nbtrace.search_traces()
    text = before.to_json()
    nbtrace.set_tracking_uri(current_store().directory.parent / "second")
    assert nbtrace.import_traces(json.loads(text)).trace_ids == [before.trace_id]
    after = nbtrace.get_trace(before.trace_id)
    assert after.info.to_dict() == before.info.to_dict()
    assert [item.inputs for item in after.data.spans] == [item.inputs for item in before.data.spans]
    nbtrace.set_tracking_uri(current_store().directory.parent / "third")
    assert nbtrace.import_traces(frame).trace_ids == [before.trace_id]
    assert nbtrace.import_traces({"traces": [json.loads(text)]}).spans == 2


def test_a_directory_of_span_files() -> None:
    before = recorded()
    parts = current_store().directory / "traces"
    nbtrace.set_tracking_uri(current_store().directory.parent / "second")
    nbtrace.import_traces(parts)
    assert nbtrace.get_trace(before.trace_id).data == before.data


def test_an_address() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/t.json" else 404)
            self.end_headers()
            self.wfile.write(orjson.dumps(document()))

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert nbtrace.import_traces(f"{address}/t.json").spans == 2
        with pytest.raises(NbtraceError, match="404"):
            nbtrace.import_traces(f"{address}/other")
        server.shutdown()


def test_secrets_are_not_kept() -> None:
    secret = "sk-proj-" + "a1B2c3D4" * 6
    bad = span(1, name=f"call {secret}", attributes={"input.value": f'{{"api_key": "{secret}"}}'})
    bad = Span(**{**fields_of(bad), "resource": {"token": secret}})
    nbtrace.import_traces(document(bad))
    nbtrace.flush()
    for file in current_store().directory.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes()


def fields_of(item: Span) -> dict[str, Any]:
    return {
        "trace_id": item.trace_id,
        "span_id": item.span_id,
        "name": item.name,
        "start_time_ns": item.start_time_ns,
        "end_time_ns": item.end_time_ns,
        "attributes": dict(item.raw_attributes),
    }


BAD_SPAN = {"traceId": "xyz", "spanId": "01" * 8, "startTimeUnixNano": "1"}


def with_bad_span() -> dict[str, Any]:
    data = document()
    data["resourceSpans"][0]["scopeSpans"][0]["spans"].insert(1, BAD_SPAN)
    return data


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (with_bad_span(), r"resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[1\]\.traceId: .*xyz"),
        (b'{"resourceSpans": [{"scopeSpans": 5}]}', r"resourceSpans\[0\]\.scopeSpans: expected"),
        (b'{"resourceSpans": [7]}', r"resourceSpans\[0\]: expected an object"),
        (orjson.dumps(document()) + b"\n{broken\n", "line 2: this is not JSON"),
        (b'{"a": 1}', "neither an OTLP/JSON document"),
        (b"[1]", "neither an OTLP/JSON document"),
        (b"hello\n", r"this is text, but not JSON; it begins with 'hello\\n'"),
        (b"\x89PNG\r\n", "this is not JSON, and not OTLP in protobuf form"),
        (b"\x1f\x8bxx", "damaged gzip"),
        ([{"info": {}, "data": {}}], r"\[0\]"),
        (3, "reads a path, an address"),
    ],
)
def test_an_error_names_the_place_and_nothing_is_written(source: Any, message: str) -> None:
    with pytest.raises(NbtraceError, match=message):
        nbtrace.import_traces(source)
    assert nbtrace.count_traces() == 0


def test_what_is_sound_is_brought_in_when_asked() -> None:
    result = nbtrace.import_traces(with_bad_span(), on_error="skip")
    assert result.spans == 2
    assert "spans[1]" in result.problems[0]
    assert "1 could not be read" in repr(result)


@pytest.mark.parametrize("name", ["traces.jsonl", "traces.json", "traces.pb"])
def test_schemas_and_scopes_survive_import_store_and_export(tmp_path: Path, name: str) -> None:
    data = document()
    group = data["resourceSpans"][0]
    group["resource"] = {"attributes": [{"key": "k", "value": {"stringValue": "v"}}]}
    group["schemaUrl"] = "https://opentelemetry.io/schemas/1.37.0"
    inner = group["scopeSpans"][0]
    pairs = [{"key": "of", "value": {"stringValue": "scope"}}]
    inner["scope"] = {"name": "lib", "version": "1", "attributes": pairs}
    inner["schemaUrl"] = "https://opentelemetry.io/schemas/1.36.0"
    for item in inner["spans"]:
        item["droppedAttributesCount"] = 3
    nbtrace.import_traces(data)
    trace = nbtrace.get_trace(TRACE_ID)
    assert trace is not None
    for found in trace.data.spans:
        assert found.resource == Resource({"k": "v"})
        assert schema_url_of(found.resource) == group["schemaUrl"]
        assert found.scope == ("lib", "1", inner["schemaUrl"], {"of": "scope"})
    nbtrace.export_traces(to=tmp_path / name)
    nbtrace.set_tracking_uri(str(tmp_path / "other"))
    nbtrace.import_traces(tmp_path / name)
    [part] = (current_store().directory / "traces").rglob("*.json")
    [again] = orjson.loads(part.read_bytes())["resourceSpans"]
    [inside] = again["scopeSpans"]
    assert (again["resource"], again["schemaUrl"]) == (group["resource"], group["schemaUrl"])
    assert (inside["scope"], inside["schemaUrl"]) == (inner["scope"], inner["schemaUrl"])
    assert [item["droppedAttributesCount"] for item in inside["spans"]] == [3, 3]


def test_secrets_in_scopes_and_schemas_are_redacted() -> None:
    data = document()
    group = data["resourceSpans"][0]
    group["schemaUrl"] = "https://ada:hunter22@a.example/1"
    inner = group["scopeSpans"][0]
    pairs = [{"key": "api_key", "value": {"stringValue": "hunter22"}}]
    inner["scope"] = {"name": "lib", "attributes": pairs}
    inner["schemaUrl"] = "https://ada:hunter22@a.example/2"
    nbtrace.import_traces(data)
    [part] = (current_store().directory / "traces").rglob("*.json")
    assert "a.example/2" in part.read_text()
    assert "hunter22" not in part.read_text()


def test_the_result_says_what_was_here_before_and_what_was_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert repr(nbtrace.import_traces(tmp_path / "empty.jsonl")) == (
        "0 spans of 0 traces: there are none in it"
    )
    one, other = document(), document()
    for span in other["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        span["traceId"] = "0c" * 16
    assert repr(nbtrace.import_traces(one)) == "2 spans of 1 trace"
    again = nbtrace.import_traces([one, other])
    assert again.known == 1
    assert repr(again) == "4 spans of 2 traces, 1 of which were here before"
    assert repr(nbtrace.import_traces(one)) == "2 spans of 1 trace, which was here before"


@pytest.mark.parametrize(
    "call",
    [
        lambda path: nbtrace.search_traces("stat = 'OK'"),
        lambda path: nbtrace.export_traces("stat = 'OK'", to=path / "a.jsonl"),
        lambda path: nbtrace.export_traces(to="http://127.0.0.1:9", tries=1),
        lambda path: nbtrace.export_traces(to="http://127.0.0.1:9", tries=1, receiver="mlflow"),
        lambda path: nbtrace.export_traces(to=path / "file" / "a.jsonl"),
        lambda path: nbtrace.import_traces("http://127.0.0.1:9/traces.json"),
        lambda path: nbtrace.import_traces(b"\x1f\x8bxx"),
        lambda path: nbtrace.import_traces(path / "none.json"),
    ],
)
def test_a_mistake_is_told_once(tmp_path: Path, call: Callable[[Path], Any]) -> None:
    with nbtrace.start_span("a"):
        pass
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(NbtraceError) as told:
        call(tmp_path)
    # A notebook keeps the whole of what is printed.
    text = "".join(traceback.format_exception(told.value))
    assert text.count("Traceback (most recent call last)") == 1


def test_misuse(tmp_path: Path) -> None:
    with pytest.raises(NbtraceError, match="there is no file"):
        nbtrace.import_traces(tmp_path / "none.json")
    with pytest.raises(NbtraceError, match=r"holds no \.json"):
        nbtrace.import_traces(tmp_path)
    with pytest.raises(NbtraceError, match="on_error takes"):
        nbtrace.import_traces({}, on_error="ignore")
    with pytest.raises(NbtraceError, match="experiment must be a name"):
        nbtrace.import_traces({}, experiment=" ")


@pytest.mark.parametrize(
    "carried", ["{", "[]", '{"tags": 3, "added": 4, "assessments": 5}', '{"assessments": [{}]}']
)
def test_a_carried_attribute_of_somebody_else_does_no_harm(carried: str) -> None:
    nbtrace.import_traces(document(span(1, attributes={"nbtrace.trace": carried})))
    assert nbtrace.get_trace(TRACE_ID) is not None
