"""Attachments on the way out, where they are inline, and in, where they are files again."""

from __future__ import annotations

import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from media_samples import base64_of, data_url, png, wav

import nbtrace
from nbtrace.entities import Trace
from nbtrace.entities.attachment import references_in
from nbtrace.store import current_store, reset_store
from nbtrace.store.attachments import attachment_files, trace_directory
from nbtrace.transfer import media
from nbtrace.transfer.media import content_of

MESSAGES = [
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": data_url(png())}}]}
]


def recorded(calls=3):
    with nbtrace.start_span("ask", span_type="AGENT") as root:
        for _ in range(calls):
            with nbtrace.start_span("call", span_type="CHAT_MODEL") as span:
                span.set_inputs({"messages": MESSAGES})
                span.set_outputs({"sound": base64_of(wav()), "blob": png()})
        root.add_event(nbtrace.entities.SpanEvent("seen", attributes={"a": data_url(png())}))
    return nbtrace.get_trace(root.trace_id)


@pytest.fixture
def another_store(monkeypatch, tmp_path):
    """Return what goes on in an empty store."""

    def go_on():
        nbtrace.tracing.reset()
        reset_store()
        monkeypatch.setenv("NBTRACE_DIR", str(tmp_path / "another"))

    return go_on


def spans_of(trace):
    return [
        (dict(span.raw_attributes), [dict(event.attributes) for event in span.events])
        for span in trace.data.spans
    ]


@pytest.mark.parametrize("name", ["traces.jsonl", "traces.json.gz", "traces.pb"])
def test_a_copy_in_another_store_is_the_same(name, tmp_path, another_store):
    trace = recorded()
    nbtrace.export_traces(to=tmp_path / name)
    another_store()
    nbtrace.import_traces(tmp_path / name)
    copy = nbtrace.get_trace(trace.info.trace_id)
    assert spans_of(copy) == spans_of(trace)
    assert [one.content_bytes for one in copy.data.spans[1].attachments] == [png(), wav()]
    assert attachment_files(current_store().directory, copy.info.trace_id)[0] == 2


def test_a_file_holds_what_was_recorded(tmp_path):
    recorded(calls=1)
    nbtrace.export_traces(to=tmp_path / "traces.jsonl")
    text = (tmp_path / "traces.jsonl").read_text()
    assert "mlflow-attachment" not in text
    assert data_url(png()) in text
    assert base64_of(wav()) in text


def test_a_long_conversation_holds_each_picture_once(tmp_path, monkeypatch, another_store):
    monkeypatch.setattr(media, "REPEATED_BYTES", 300_000)
    trace = recorded(calls=20)
    nbtrace.export_traces(to=tmp_path / "traces.jsonl")
    text = (tmp_path / "traces.jsonl").read_text()
    assert 2 < text.count(base64_of(png())) < 8
    another_store()
    nbtrace.import_traces(tmp_path / "traces.jsonl")
    assert spans_of(nbtrace.get_trace(trace.info.trace_id)) == spans_of(trace)


@pytest.fixture
def listener():
    """Return a receiver that keeps what it was sent as it came."""
    documents = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            documents.append(gzip.decompress(body).decode())
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", documents
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_receiver_gets_the_content(listener):
    url, documents = listener
    recorded(calls=1)
    nbtrace.export_traces(to=url, protocol="http/json")
    assert data_url(png()) in documents[0]
    assert "mlflow-attachment" not in documents[0]


def test_live_forwarding_brings_the_content(listener):
    url, documents = listener
    nbtrace.forward(url, protocol="http/json")
    recorded(calls=1)
    nbtrace.flush()
    deadline = time.monotonic() + 20
    while not documents and time.monotonic() < deadline:
        time.sleep(0.05)
    nbtrace.stop_forwarding()
    assert data_url(png()) in "".join(documents)


def test_what_is_too_large_for_a_request_stays_a_reference():
    trace = recorded(calls=1)
    sent = content_of(trace, current_store().directory, most_bytes=20_000)
    text = str(spans_of(sent))
    assert base64_of(wav()) in text
    assert base64_of(png()) not in text
    assert spans_of(trace)[0][1][0]["a"] == sent.data.spans[0].events[0].attributes["a"]


def test_no_text_brings_out_what_belongs_to_another_trace():
    other = recorded(calls=1)
    reference = references_in(spans_of(other)[1][0])[0]
    with nbtrace.start_span("look") as span:
        span.set_outputs(f"as in {reference}")
    trace = nbtrace.get_trace(span.trace_id)
    assert spans_of(content_of(trace, current_store().directory)) == spans_of(trace)


def test_what_others_sent_inline_becomes_an_attachment():
    span = {
        "traceId": "0a" * 16,
        "spanId": "0b" * 8,
        "name": "chat",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        "attributes": [
            {"key": "input.value", "value": {"stringValue": json.dumps(MESSAGES)}},
            {"key": "api_key", "value": {"stringValue": data_url(wav(), "audio/wav")}},
        ],
    }
    nbtrace.import_traces({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    [found] = nbtrace.get_trace("0a" * 16).data.spans
    assert [one.content_bytes for one in found.attachments] == [png()]
    assert found.raw_attributes["api_key"] == "[REDACTED]"
    assert attachment_files(current_store().directory, "tr-" + "0a" * 16)[0] == 1


def test_a_trace_added_to_another_brings_its_attachments():
    far = recorded()
    with nbtrace.start_span("caller") as near:
        nbtrace.add_trace(far.to_dict())
    nbtrace.flush()
    [path] = [trace_directory(current_store().directory, far.info.trace_id)]
    for file in path.iterdir():
        file.unlink()
    trace = nbtrace.get_trace(near.trace_id)
    assert isinstance(trace, Trace)
    [call, *_] = trace.search_spans(name="call")
    assert [one.content_bytes for one in call.attachments] == [png(), wav()]
