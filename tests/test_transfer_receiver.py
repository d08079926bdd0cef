"""The receiver, driven over real connections."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

import nbtrace
from nbtrace.entities import Span
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import encode_traces_data
from nbtrace.store import current_store
from nbtrace.transfer.protobuf import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace.transfer.receiver import Receiver

JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with nbtrace.receive(0) as running:
        yield running


def document(trace: int = 1, count: int = 3, *, first: int = 1) -> dict[str, Any]:
    return encode_traces_data(
        Span(
            trace_id=f"tr-{trace:032x}",
            span_id=f"{number:016x}",
            parent_id=None if number == 1 else f"{1:016x}",
            name=f"step {number}",
            start_time_ns=1_700_000_000_000_000_000,
            end_time_ns=1_700_000_001_000_000_000,
        )
        for number in range(first, first + count)
    )


def post(
    receiver: Receiver, body: Any, headers: dict[str, str], path: str = "/v1/traces"
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(receiver.url).port, timeout=10)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    said = answer.status, answer.read()
    connection.close()
    return said


@pytest.mark.parametrize("form", ["json", "protobuf", "gzip", "deflate", "chunked"])
def test_spans_are_kept(receiver: Receiver, form: str) -> None:
    import zlib

    data = document()
    body, headers = orjson.dumps(data), dict(JSON)
    if form == "protobuf":
        body, headers = encode(data), dict(PROTOBUF)
    elif form == "gzip":
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    elif form == "deflate":
        body, headers["Content-Encoding"] = zlib.compress(body), "deflate"
    elif form == "chunked":
        body = iter([body[:50], body[50:]])
    status, said = post(receiver, body, headers)
    assert (status, said) == (200, b"" if form == "protobuf" else b"{}")
    trace = nbtrace.get_trace(f"tr-{1:032x}")
    assert [span.name for span in trace.data.spans] == ["step 1", "step 2", "step 3"]
    assert trace.info.state == "OK"
    assert (receiver.requests, receiver.spans, receiver.rejected) == (1, 3, 0)


def test_the_root_may_come_last(receiver: Receiver) -> None:
    post(receiver, orjson.dumps(document(first=2)), JSON)
    assert nbtrace.get_trace(f"tr-{1:032x}").info.state == "IN_PROGRESS"
    post(receiver, orjson.dumps(document(count=1)), JSON)
    info = nbtrace.get_trace(f"tr-{1:032x}").info
    assert (info.state, info.tags["mlflow.traceName"]) == ("OK", "step 1")
    post(receiver, orjson.dumps(document(first=7)), JSON)
    assert nbtrace.get_trace(f"tr-{1:032x}").info.tags["mlflow.traceName"] == "step 1"


def test_bad_spans_are_a_partial_success(receiver: Receiver) -> None:
    data = document()
    data["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["traceId"] = "zz"
    status, said = post(receiver, orjson.dumps(data), JSON)
    partial = orjson.loads(said)["partialSuccess"]
    assert (status, partial["rejectedSpans"]) == (200, "1")
    assert "spans[1]" in partial["errorMessage"]
    # protobuf cannot write such an id but for its length
    good = encode(document(2))
    bad = good.replace(b"\x0a\x10" + (2).to_bytes(16), b"\x0a\x10" + bytes(16), 1)
    status, said = post(receiver, bad, PROTOBUF)
    assert status == 200
    assert ExportTraceServiceResponse.FromString(said).partial_success.rejected_spans in {0, 1}


def test_metrics_and_logs_are_accepted_and_dropped(receiver: Receiver) -> None:
    for headers in (JSON, PROTOBUF):
        status, said = post(receiver, b"", {**headers, "Content-Length": "0"}, "/v1/metrics")
        assert (status, b"nbtrace keeps traces" in said) == (200, True)
    assert nbtrace.count_traces() == 0


@pytest.mark.parametrize(
    ("status", "body", "headers", "path"),
    [
        (404, b"{}", JSON, "/v1/other"),
        (415, b"{}", {"Content-Type": "text/plain"}, "/v1/traces"),
        (415, b"{}", {**JSON, "Content-Encoding": "br"}, "/v1/traces"),
        (400, b"{", JSON, "/v1/traces"),
        (400, b"[]", JSON, "/v1/traces"),
        (400, b'{"resourceSpans": 3}', JSON, "/v1/traces"),
        (400, b'{"spans": []}', JSON, "/v1/traces"),
        (400, b"\xff\xff\xff", PROTOBUF, "/v1/traces"),
        (400, b"plain", {**JSON, "Content-Encoding": "gzip"}, "/v1/traces"),
        (400, gzip.compress(b"x" * 999)[:-9], {**JSON, "Content-Encoding": "gzip"}, "/v1/traces"),
        (403, b"{}", {**JSON, "Host": "evil.example:4318"}, "/v1/traces"),
        (403, b"{}", {**JSON, "Host": ""}, "/v1/traces"),
    ],
)
def test_what_is_refused(
    receiver: Receiver, status: int, body: bytes, headers: dict[str, str], path: str
) -> None:
    assert post(receiver, body, headers, path)[0] == status
    assert nbtrace.count_traces() == 0
    # and it goes on
    assert post(receiver, orjson.dumps(document()), JSON)[0] == 200


@pytest.mark.parametrize("form", ["plain", "bomb", "chunked", "announced"])
def test_what_is_too_large(receiver: Receiver, form: str) -> None:
    receiver.max_body_bytes = 10_000
    large = orjson.dumps({"resourceSpans": [], "padding": "x" * 100_000})
    headers = dict(JSON)
    body: Any = large
    if form == "bomb":
        body, headers["Content-Encoding"] = gzip.compress(large), "gzip"
        assert len(body) < 10_000
    elif form == "chunked":
        body = iter([large])
    elif form == "announced":
        body, headers["Content-Length"] = b"", str(10**12)
    assert post(receiver, body, headers)[0] == 413


def test_a_body_that_ends_early(receiver: Receiver) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(receiver.url).port), timeout=5) as raw:
        raw.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{}"
        )
        raw.shutdown(socket.SHUT_WR)
        assert raw.recv(100).startswith(b"HTTP/1.1 400")


def test_other_methods(receiver: Receiver) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(receiver.url).port, timeout=5)
    for method in ("GET", "PUT", "HEAD", "OPTIONS"):
        connection.request(method, "/v1/traces")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 405
        assert answer.getheader("Access-Control-Allow-Origin") is None
    connection.close()


def test_it_listens_on_this_machine_only(receiver: Receiver) -> None:
    assert receiver._server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken(receiver: Receiver) -> None:
    with pytest.raises(NbtraceError, match="choose another port"):
        nbtrace.receive(urlsplit(receiver.url).port)


@pytest.mark.parametrize(
    ("requests", "spans", "protocol"),
    [
        (5, 20, "protobuf"),
        pytest.param(125, 100, "protobuf", marks=pytest.mark.slow),
        pytest.param(125, 100, "json", marks=pytest.mark.slow),
    ],
)
def test_many_connections_lose_nothing(
    receiver: Receiver, requests: int, spans: int, protocol: str
) -> None:
    failures: list[int] = []
    headers = PROTOBUF if protocol == "protobuf" else JSON
    write = encode if protocol == "protobuf" else orjson.dumps

    def send(worker: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(receiver.url).port)
        for number in range(requests):
            trace = worker * 1000 + number + 1
            connection.request("POST", "/v1/traces", write(document(trace, spans)), headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failures.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=send, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (receiver.requests, receiver.spans) == (8 * requests, 8 * requests * spans)
    with current_store().database.reading() as connection:
        row = connection.execute("SELECT count(*), sum(span_count) FROM traces").fetchone()
        kept = connection.execute("SELECT count(*) FROM spans").fetchone()
    assert row == (8 * requests, 8 * requests * spans)
    assert kept == (8 * requests * spans,)
    trace = nbtrace.get_trace(f"tr-{7 * 1000 + requests:032x}")
    assert len(trace.data.spans) == spans


def test_spans_of_one_trace_from_many_connections(receiver: Receiver) -> None:
    def send(worker: int) -> None:
        for number in range(10):
            first = worker * 100 + number * 5 + 1
            assert post(receiver, encode(document(1, 5, first=first)), PROTOBUF)[0] == 200

    threads = [threading.Thread(target=send, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(nbtrace.get_trace(f"tr-{1:032x}").data.spans) == 400


def test_gzip_bombs_cost_no_more_than_the_limit(receiver: Receiver) -> None:
    import tracemalloc

    bomb = gzip.compress(b"[" * (200 << 20), compresslevel=9)
    twice = gzip.compress(bomb)
    headers = {**JSON, "Content-Encoding": "gzip"}
    tracemalloc.start()
    try:
        assert post(receiver, bomb, headers)[0] == 413
        assert tracemalloc.get_traced_memory()[1] < 3 * receiver.max_body_bytes
        assert post(receiver, twice, headers)[0] == 400
    finally:
        tracemalloc.stop()


DEEP = 5_000


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b'"resourceSpans"',
        b"3",
        b'{"resourceSpans": {}}',
        b'{"resourceSpans": "x"}',
        b'{"resourceSpans": [',
        b"[" * DEEP + b"]" * DEEP,
        b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b"\xff\xfe{}",
        orjson.dumps(document())[:-5],
    ],
)
def test_json_bodies_that_are_wrong(receiver: Receiver, body: bytes) -> None:
    assert post(receiver, body, JSON)[0] == 400
    assert nbtrace.count_traces() == 0


@pytest.mark.parametrize(
    "group",
    [
        7,
        None,
        {"scopeSpans": 7},
        {"scopeSpans": [7]},
        {"scopeSpans": [{"spans": {"traceId": 1}}]},
        {"scopeSpans": [{"spans": [7, None, "x", {}]}]},
        {"resource": 7, "scopeSpans": []},
        {"resource": {"attributes": 7}, "scopeSpans": []},
        {"scopeSpans": [{"scope": 7, "spans": []}]},
        {"scopeSpans": [{"spans": [{"traceId": "0a" * 16, "spanId": "0b" * 8, "links": 3}]}]},
    ],
)
def test_wrong_types_inside_are_refused_one_by_one(receiver: Receiver, group: Any) -> None:
    data = document()
    data["resourceSpans"].append(group)
    status, said = post(receiver, orjson.dumps(data), JSON)
    assert status == 200
    assert int(orjson.loads(said)["partialSuccess"]["rejectedSpans"]) >= 1
    assert len(nbtrace.get_trace(f"tr-{1:032x}").data.spans) == 3


@pytest.mark.parametrize("cut", [1, 2, 10, 50, 100])
def test_truncated_protobuf_is_refused(receiver: Receiver, cut: int) -> None:
    assert post(receiver, encode(document())[:-cut], PROTOBUF)[0] == 400
    assert nbtrace.count_traces() == 0


def test_the_official_exporter_is_understood(receiver: Receiver) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{receiver.url}/v1/traces")))
    with provider.get_tracer("script").start_as_current_span("outside"):
        pass
    provider.shutdown()
    assert nbtrace.count_traces("name = 'outside'") == 1
