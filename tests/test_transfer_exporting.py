"""Export to files and to receivers, real ones on this machine."""

from __future__ import annotations

import gzip
import io
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

import nbtrace
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import decode_traces_data
from nbtrace.store.store import Store
from nbtrace.transfer import batches, exporting, http, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Sink(BaseHTTPRequestHandler):
    requests: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []
    answers: ClassVar[list[tuple[int, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.append((self.path, dict(self.headers), body))
        status, headers, answer = self.answers.pop(0) if self.answers else (200, {}, b"")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the address of a receiver that answers what ``Sink.answers`` says."""
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.01)
    Sink.requests.clear()
    Sink.answers.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def record(count: int = 1, children: int = 1) -> None:
    for number in range(count):
        with nbtrace.start_span(f"trace {number}"):
            for _ in range(children):
                with nbtrace.start_span("child"):
                    pass


def test_lines_are_whole_documents_newest_first(tmp_path: Path) -> None:
    record(3)
    nbtrace.export_traces("name != 'trace 1'", to=tmp_path / "t.jsonl")
    lines = (tmp_path / "t.jsonl").read_bytes().splitlines()
    names = [decode_traces_data(line)[0].name for line in lines]
    assert names == ["trace 2", "trace 0"]
    assert os.name == "nt" or (tmp_path / "t.jsonl").stat().st_mode & 0o777 == 0o600


def test_one_document_is_valid_also_when_empty(tmp_path: Path) -> None:
    file = tmp_path / "t.json"
    assert nbtrace.export_traces(to=file).traces == 0
    assert orjson.loads(file.read_bytes()) == {"resourceSpans": []}
    record(2)
    nbtrace.export_traces(to=file)
    assert len(decode_traces_data(file.read_bytes())) == 4


def test_more_than_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PAGE_TRACES", 2)
    record(5)
    assert nbtrace.export_traces(to=tmp_path / "t.jsonl").traces == 5
    assert nbtrace.export_traces(to=tmp_path / "t.jsonl", max_results=3).traces == 3


def test_traces_can_be_given(tmp_path: Path) -> None:
    record(2)
    traces = nbtrace.search_traces(return_type="list")
    assert nbtrace.export_traces(traces[0], to=tmp_path / "t.jsonl").traces == 1
    assert nbtrace.export_traces(traces, to=tmp_path / "t.jsonl").traces == 2


def test_an_open_file() -> None:
    record()
    file = io.BytesIO()
    nbtrace.export_traces(to=file)
    assert len(decode_traces_data(file.getvalue())) == 2


def test_the_same_traces_make_the_same_file(tmp_path: Path) -> None:
    record()
    nbtrace.export_traces(to=tmp_path / "a.json.gz")
    nbtrace.export_traces(to=tmp_path / "b.json.gz")
    first, second = ((tmp_path / name).read_bytes() for name in ("a.json.gz", "b.json.gz"))
    assert gzip.decompress(first) == gzip.decompress(second)


def test_what_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text("old")
    with pytest.raises(NbtraceError):
        nbtrace.export_traces("no such = = filter", to=file)
    assert [item.name for item in tmp_path.iterdir()] == ["t.jsonl"]
    assert file.read_text() == "old"


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf"])
def test_a_receiver_gets_everything(sink: str, protocol: Any) -> None:
    record(2)
    result = nbtrace.export_traces(
        to=sink, protocol=protocol, headers={"x-mlflow-experiment-id": "7"}
    )
    [(path, headers, body)] = Sink.requests
    assert path == "/v1/traces"
    assert {name.lower(): value for name, value in headers.items()}["x-mlflow-experiment-id"] == "7"
    assert headers["Content-Encoding"] == "gzip"
    body = gzip.decompress(body)
    if protocol == "http/json":
        assert headers["Content-Type"] == "application/json"
        assert len(decode_traces_data(body)) == 4
    else:
        assert headers["Content-Type"] == "application/x-protobuf"
        request = ExportTraceServiceRequest.FromString(body)
        spans = [s for r in request.resource_spans for i in r.scope_spans for s in i.spans]
        assert len(spans) == 4
    assert (result.spans, result.target) == (4, f"{sink}/v1/traces")


def test_requests_are_bounded(sink: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "REQUEST_SPANS", 4)
    record(1, children=9)
    nbtrace.export_traces(to=f"{sink}/custom/path", protocol="http/json", compress=False)
    sizes = [len(decode_traces_data(body)) for _, _, body in Sink.requests]
    assert sizes == [4, 4, 2]
    assert Sink.requests[0][0] == "/custom/path"


def test_a_busy_receiver_is_asked_again(sink: str) -> None:
    record()
    Sink.answers += [(503, {}, b""), (429, {"Retry-After": "0"}, b""), (502, {}, b"")]
    assert nbtrace.export_traces(to=sink).rejected == 0
    assert len(Sink.requests) == 4


def test_one_that_stays_busy(sink: str) -> None:
    record()
    Sink.answers += [(503, {}, b"full")] * 2
    with pytest.raises(NbtraceError, match=r"answered 503: full \(after 1 traces; exporting again"):
        nbtrace.export_traces(to=sink, tries=2)


def test_a_refusal_is_final_and_says_why(sink: str) -> None:
    record()
    Sink.answers.append((422, {}, b"x-mlflow-experiment-id is missing"))
    with pytest.raises(NbtraceError, match="answered 422: x-mlflow-experiment-id is missing"):
        nbtrace.export_traces(to=sink)
    Sink.answers.append((415, {}, b""))
    with pytest.raises(NbtraceError, match="try protocol='http/protobuf'"):
        nbtrace.export_traces(to=sink, protocol="http/json")
    assert len(Sink.requests) == 2


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf"])
def test_partial_success_is_told(sink: str, protocol: Any) -> None:
    record()
    if protocol == "http/json":
        kind = "application/json"
        answer = b'{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}'
    else:
        kind = "application/x-protobuf"
        response = ExportTraceServiceResponse()
        response.partial_success.rejected_spans = 1
        response.partial_success.error_message = "too old"
        answer = response.SerializeToString()
    Sink.answers.append((200, {"Content-Type": kind}, answer))
    with pytest.warns(UserWarning, match="too old"):
        result = nbtrace.export_traces(to=sink, protocol=protocol)
    assert result.rejected == 1
    assert "1 were refused" in repr(result)


def test_a_receiver_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.01)
    record()
    with pytest.raises(NbtraceError, match="could not be reached in 2 tries"):
        nbtrace.export_traces(to="http://127.0.0.1:9", tries=2)


def interrupt_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the export stop as by Ctrl-C when it has read so many traces."""
    real = Store.get_spans
    left = [count]

    def get_spans(self: Store, *args: Any, **kwargs: Any) -> Any:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Store, "get_spans", get_spans)


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.pb", "t.jsonl.gz", "t.json.gz"])
def test_an_interrupted_export_to_a_file_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(exporting, "SETTLE_TRACES", 2)
    record(7)
    expected = nbtrace.export_traces(to=tmp_path / f"whole.{name}")
    with monkeypatch.context() as patched:
        interrupt_after(5, patched)
        with pytest.raises(KeyboardInterrupt):
            nbtrace.export_traces(to=tmp_path / name)
    assert not (tmp_path / name).exists()
    assert os.name == "nt" or all(file.stat().st_mode & 0o077 == 0 for file in tmp_path.glob(".*"))
    result = nbtrace.export_traces(to=tmp_path / name)
    assert (result.traces, result.resumed) == (3, 4)
    assert repr(result).endswith(", after 4 of an earlier run")
    assert expected.traces == 7
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, f"whole.{name}"])
    first, second = (nbtrace_spans(tmp_path / file_name) for file_name in (name, f"whole.{name}"))
    assert first == second
    assert nbtrace.export_traces(to=tmp_path / name).resumed == 0


def nbtrace_spans(file: Path) -> list[tuple[str, str]]:
    from nbtrace.transfer.reading import contents

    return [(found.item.trace_id, found.item.span_id) for found in contents(file)]


def test_another_question_does_not_go_on_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "SETTLE_TRACES", 1)
    record(3)
    with monkeypatch.context() as patched:
        interrupt_after(2, patched)
        with pytest.raises(KeyboardInterrupt):
            nbtrace.export_traces(to=tmp_path / "t.jsonl")
    result = nbtrace.export_traces("name = 'trace 2'", to=tmp_path / "t.jsonl")
    assert (result.traces, result.resumed) == (1, 0)
    assert len(nbtrace_spans(tmp_path / "t.jsonl")) == 2


def test_an_interrupted_export_to_a_receiver_goes_on(
    sink: str, monkeypatch: pytest.MonkeyPatch, store_directory: Path
) -> None:
    monkeypatch.setattr(exporting, "SETTLE_TRACES", 2)
    record(6)
    Sink.answers += [(200, {}, b""), (200, {}, b""), (403, {}, b"enough")]
    with pytest.raises(NbtraceError, match=r"enough \(after 6 traces; exporting again goes on"):
        nbtrace.export_traces(to=sink, protocol="http/json")
    headers = {"Authorization": "Bearer new"}
    result = nbtrace.export_traces(to=sink, protocol="http/json", headers=headers)
    assert (result.traces, result.resumed) == (2, 4)
    taken = [span.span_id for _, _, body in Sink.requests for span in decoded(body)]
    assert len(taken) == 16  # the refused request and its repetition among them
    assert len(set(taken)) == 12
    assert list((store_directory / "exports").iterdir()) == []


def decoded(body: bytes) -> Any:
    return decode_traces_data(gzip.decompress(body))


def test_an_export_may_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "SETTLE_TRACES", 1)
    record(3)
    with monkeypatch.context() as patched:
        interrupt_after(2, patched)
        with pytest.raises(KeyboardInterrupt):
            nbtrace.export_traces(to=tmp_path / "t.jsonl")
    assert nbtrace.export_traces(to=tmp_path / "t.jsonl", resume=False).traces == 3


def test_phoenix_gets_openinference_and_its_project(sink: str) -> None:
    with nbtrace.start_span("ask", span_type="CHAT_MODEL") as span:
        span.set_inputs({"messages": [{"role": "user", "content": "why?"}], "model": "gpt-4o"})
        span.set_outputs({"choices": [{"message": {"role": "assistant", "content": "because"}}]})
        nbtrace.update_current_trace(session_id="chat-7", user="ada", tags={"stage": "try"})
    nbtrace.export_traces(to=sink, receiver="phoenix", project="trials", protocol="http/json")
    [sent] = decoded(Sink.requests[0][2])
    seen = sent.raw_attributes
    assert sent.resource["openinference.project.name"] == "trials"
    assert seen["openinference.span.kind"] == "LLM"
    assert orjson.loads(seen["input.value"])["model"] == "gpt-4o"
    assert seen["input.mime_type"] == "application/json"
    assert seen["llm.input_messages.0.message.content"] == "why?"
    assert seen["llm.output_messages.0.message.role"] == "assistant"
    assert (seen["session.id"], seen["user.id"]) == ("chat-7", "ada")
    assert orjson.loads(seen["metadata"])["stage"] == "try"
    # what was recorded is there too
    assert orjson.loads(seen["mlflow.spanType"]) == "CHAT_MODEL"


def test_mlflow_gets_its_experiment(sink: str) -> None:
    record()
    nbtrace.export_traces(to=sink, receiver="mlflow", project="12")
    nbtrace.export_traces(to=sink, receiver="mlflow")
    ids = [
        {k.lower(): v for k, v in headers.items()}["x-mlflow-experiment-id"]
        for _, headers, _ in Sink.requests
    ]
    assert ids == ["12", "0"]


def test_a_page_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with nbtrace.start_span('<script>alert("x")</script>') as span:
        span.set_inputs("</script><script>alert(1)</script>")
    record(1)
    one = nbtrace.export_traces("name = 'trace 0'", to=tmp_path / "one.html")
    assert (one.traces, one.spans) == (1, 2)
    assert (tmp_path / "one.html").read_text().lower().startswith("<!doctype html>")
    nbtrace.export_traces(to=tmp_path / "all.html")
    text = (tmp_path / "all.html").read_text()
    assert "<h1>2 traces</h1>" in text
    assert ", 1 span<" in text
    assert ", 2 spans<" in text
    assert ", 0 ms" not in text
    assert "alert(" not in text.partition("srcdoc")[0].replace("&lt;script&gt;alert(", "")
    assert "<script" not in text  # all of it is inside the frames, escaped
    assert text.count('sandbox="allow-scripts"') == 2
    assert os.name == "nt" or (tmp_path / "all.html").stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(report, "MAX_TRACES", 1)
    with pytest.raises(NbtraceError, match="holds 1 traces at most; choose them"):
        nbtrace.export_traces(to=tmp_path / "more.html")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["all.html", "one.html"]


def test_misuse(tmp_path: Path) -> None:
    for to, message in (
        (tmp_path / "t.txt", "format of .* is not clear"),
        ("http://", "not the address"),
    ):
        with pytest.raises(NbtraceError, match=message):
            nbtrace.export_traces(to=to)
    with pytest.raises(NbtraceError, match="file_format takes"):
        nbtrace.export_traces(to=tmp_path / "t", file_format="csv")
    with pytest.raises(NbtraceError, match="receiver takes"):
        nbtrace.export_traces(to=tmp_path / "t.json", receiver="jaeger")
    with pytest.raises(NbtraceError, match="protocol takes"):
        nbtrace.export_traces(to="http://127.0.0.1:9", protocol="grpc")


def test_retry_after_is_seconds_or_a_date() -> None:
    assert http._retry_after("7") == 7
    assert http._retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert http._retry_after("soon") is None
    assert http._retry_after(None) is None
