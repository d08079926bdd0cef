"""Live forwarding, to real receivers: of nbtrace in another process, and to unwilling ones."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

import nbtrace
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import decode_traces_data
from nbtrace.store import current_store
from nbtrace.store.store import Store
from nbtrace.transfer import forwarding, http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_SECONDS = 30.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look at the queue often, and stop what the test started."""
    monkeypatch.setattr(forwarding, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(forwarding, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(forwarding, "LAST_PAUSE_SECONDS", 0.2)
    for name in [name for name in os.environ if name.startswith("OTEL_EXPORTER")]:
        monkeypatch.delenv(name)
    yield
    nbtrace.stop_forwarding()


def until(condition: Callable[[], Any]) -> None:
    """Wait for something that is to happen."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Collector(ThreadingHTTPServer):
    """A receiver that answers what it is told to, and keeps the spans it has taken."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.requests: list[dict[str, str]] = []
        self.times: list[float] = []
        self.taken: list[Any] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def names(self) -> list[str]:
        return [span.name for span in self.taken]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append({k.lower(): v for k, v in self.headers.items()})
        self.server.times.append(time.monotonic())
        self.server.gate.wait(PATIENCE_SECONDS)
        status, headers, answer = (
            self.server.answers.pop(0) if self.server.answers else (200, {}, b"")
        )
        if status == 200:
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.headers.get_content_type() == "application/json":
                self.server.taken += decode_traces_data(body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def record(*names: str) -> None:
    for name in names:
        with nbtrace.start_span(name):
            pass


def status() -> Any:
    [found] = nbtrace.forwarding()
    return found


def test_finished_traces_are_sent_once_and_kept_here(collector: Collector) -> None:
    record("before")
    started = nbtrace.forward(collector.url, protocol="http/json", headers={"x-team": "blue"})
    assert started.sending
    assert repr(started) == f"{collector.url}/v1/traces: 0 traces sent"
    record("one", "two")
    until(lambda: len(collector.taken) == 2)
    until(lambda: status().waiting == 0)
    assert (sorted(collector.names()), status().sent) == (["one", "two"], 2)
    assert collector.requests[0]["x-team"] == "blue"
    assert nbtrace.count_traces() == 3
    assert repr(status()) == f"{collector.url}/v1/traces: 2 traces sent"


def test_an_open_trace_waits_for_its_end_and_late_spans_follow(collector: Collector) -> None:
    nbtrace.forward(collector.url, protocol="http/json")
    with nbtrace.start_span("root") as root:
        late = nbtrace.start_span_no_context("late", parent_span=root)
        nbtrace.update_current_trace(tags={"stage": "try"})
        nbtrace.flush()
        assert collector.taken == []
    until(lambda: collector.names() == ["root"])
    assert "nbtrace.trace" in collector.taken[0].raw_attributes
    late.end()
    until(lambda: collector.names() == ["root", "late"])
    assert "nbtrace.trace" not in collector.taken[1].raw_attributes


def test_a_filter_chooses(collector: Collector) -> None:
    with pytest.raises(NbtraceError, match="no_such_field"):
        nbtrace.forward(collector.url, filter_string="no_such_field = 1")
    nbtrace.forward(collector.url, protocol="http/json", filter_string="name = 'b' OR name = 'c'")
    record("a", "b", "c")
    until(lambda: nbtrace.flush() and status().waiting == 0)
    assert sorted(collector.names()) == ["b", "c"]


def test_a_receiver_that_is_busy_is_asked_again_when_it_says(collector: Collector) -> None:
    collector.answers += [(503, {}, b""), (429, {"Retry-After": "1"}, b"later"), (500, {}, b"")]
    nbtrace.forward(collector.url, protocol="http/json")
    record("one")
    until(lambda: "answered 429: later" in status().problem)
    until(lambda: status().sent == 1 and status().problem == "")
    first, second, third, fourth = collector.times
    assert third - second >= 1.0
    assert first < second < third < fourth
    assert collector.names() == ["one"]


def test_a_slow_receiver_slows_nothing(collector: Collector) -> None:
    collector.gate.clear()
    nbtrace.forward(collector.url, protocol="http/json")
    record("one")
    until(lambda: collector.requests)
    record("two")
    # neither waits for the receiver, which does not answer before the gate is open
    assert nbtrace.flush()
    assert nbtrace.count_traces() == 2
    assert (collector.taken, status().waiting) == ([], 2)
    collector.gate.set()
    until(lambda: status().sent == 2)


def test_a_refusal_is_noted_and_does_not_hold_up_the_others(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.gate.clear()
    nbtrace.forward(collector.url, protocol="http/json")
    record("first")
    until(lambda: collector.requests)
    record("a", "b")
    nbtrace.flush()
    # the others are refused together, then one by one
    collector.answers += [(200, {}, b""), (400, {}, b"what?"), (400, {}, b"what?")]
    collector.gate.set()
    until(lambda: status().waiting == 0)
    assert (status().refused, status().sent) == (1, 2)
    assert len(collector.taken) == 2
    assert "did not take everything" in caplog.text
    assert nbtrace.count_traces() == 3


def test_a_receiver_that_breaks_over_one_trace_gets_the_next(collector: Collector) -> None:
    collector.answers += [(500, {}, b"oops")] * forwarding.FAULT_TRIES
    nbtrace.forward(collector.url, protocol="http/json")
    record("poison")
    until(lambda: status().refused == 1)
    record("next")
    until(lambda: collector.names() == ["next"])


def test_a_wrong_token_can_be_put_right(collector: Collector) -> None:
    collector.answers += [(401, {}, b"who?")]
    nbtrace.forward(collector.url, protocol="http/json", headers={"Authorization": "Bearer old"})
    record("one")
    until(lambda: status().refused == 1)
    nbtrace.forward(collector.url, protocol="http/json", headers={"Authorization": "Bearer new"})
    until(lambda: collector.names() == ["one"])
    assert status().refused == 0


def test_a_redirect_is_a_refusal(collector: Collector) -> None:
    collector.answers += [(302, {"Location": "http://127.0.0.1:9/"}, b"")]
    nbtrace.forward(collector.url, protocol="http/json")
    record("one")
    until(lambda: status().refused == 1)


def test_partial_success_is_told(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    answer = b'{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}'
    collector.answers += [(200, {"Content-Type": "application/json"}, answer)]
    nbtrace.forward(collector.url, protocol="http/json")
    record("one")
    until(lambda: status().sent == 1)
    assert "1 spans refused: too old" in caplog.text


def test_what_is_left_is_sent_by_the_next_forward(collector: Collector) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nbtrace.forward(f"http://127.0.0.1:{port}", protocol="http/json")
    record("one", "two")
    nbtrace.flush()
    until(lambda: status().problem and status().waiting == 2)
    nbtrace.stop_forwarding()
    record("not wanted")
    with Collector(port) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        nbtrace.forward(f"http://127.0.0.1:{port}", protocol="http/json")
        until(lambda: status().sent == 2)
        server.shutdown()
        assert server.names() == ["one", "two"]


def test_deleted_before_it_was_sent(collector: Collector) -> None:
    collector.answers += [(503, {"Retry-After": "1"}, b"")]
    nbtrace.forward(collector.url, protocol="http/json")
    record("secret")
    until(lambda: collector.requests)
    trace_id = nbtrace.get_last_active_trace_id()
    nbtrace.delete_traces("0", trace_ids=[trace_id])
    until(lambda: status().waiting == 0)
    assert collector.taken == []


def test_the_standard_variables(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NbtraceError, match="OTEL_EXPORTER_OTLP_ENDPOINT"):
        nbtrace.forward()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{collector.url}/base/")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b,x-other=2")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(NbtraceError, match="http/protobuf"):
        nbtrace.forward()
    record("not by itself")
    nbtrace.flush()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    assert nbtrace.forward().endpoint == f"{collector.url}/base/v1/traces"
    record("one")
    until(lambda: collector.names() == ["one"])
    assert collector.requests[0]["api-key"] == "a b"
    assert "content-encoding" not in collector.requests[0]


def test_mlflow_s_experiment_is_named(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbtrace.forward(collector.url, receiver="mlflow", project="7")
    record("one")
    until(lambda: status().sent == 1)
    nbtrace.stop_forwarding()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/x")
    nbtrace.forward(receiver="mlflow", project="8")
    record("two")
    until(lambda: status().sent == 1)
    assert [headers["x-mlflow-experiment-id"] for headers in collector.requests] == ["7", "8"]


def test_headers_are_not_written_down(collector: Collector, store_directory: Path) -> None:
    nbtrace.forward(collector.url, protocol="http/json", headers={"x-api-key": "hunter2hunter2"})
    record("one")
    until(lambda: status().sent == 1)
    nbtrace.stop_forwarding()
    current_store().close()
    for path in store_directory.rglob("*"):
        if path.is_file():
            assert b"hunter2hunter2" not in path.read_bytes()


def test_misuse() -> None:
    for arguments, message in (
        ({"endpoint": "localhost:4318"}, "not the address"),
        ({"endpoint": "http://ada:secret@h"}, "leave user and password out of the address of h;"),
        ({"endpoint": "http://h", "protocol": "grpc"}, "protocol takes"),
        ({"endpoint": "http://h", "compression": "br"}, "compression takes"),
        ({"endpoint": "http://h", "receiver": "jaeger"}, "receiver takes"),
        ({"endpoint": "http://h", "project": "p"}, "project needs receiver"),
    ):
        with pytest.raises(NbtraceError, match=message):
            nbtrace.forward(**arguments)
    assert nbtrace.forwarding() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_child_of_a_fork_leaves_sending_to_its_parent(collector: Collector) -> None:
    import multiprocessing

    nbtrace.forward(collector.url, protocol="http/json")
    with nbtrace.start_span("parent"):
        child = multiprocessing.get_context("fork").Process(target=record, args=("child",))
        child.start()
        child.join()
    until(lambda: nbtrace.flush() and sorted(collector.names()) == ["child", "parent"])


PROGRAM = """
import os, signal, sys, time
import nbtrace
url, names, end = sys.argv[1], sys.argv[2].split(","), sys.argv[3]
nbtrace.forward(url, protocol="http/json")
for name in names:
    with nbtrace.start_span(name):
        pass
if end == "kill":
    nbtrace.flush()
    with nbtrace.start_span("open"):
        time.sleep(1.5)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def run(url: str, names: str, end: str = "exit", **kwargs: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, url, names, end],
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
        **kwargs,
    )


def test_a_short_program_sends_before_it_ends(collector: Collector) -> None:
    done = run(collector.url, "a,b,c")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(collector.names()) == ["a", "b", "c"]


def test_a_short_program_does_not_wait_for_a_receiver_that_is_down() -> None:
    done = run("http://127.0.0.1:9", "a")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_killed_process_leaves_its_traces_to_the_next(collector: Collector) -> None:
    collector.answers += [(503, {}, b"")] * 100
    assert run(collector.url, "a,b", "kill").returncode == -signal.SIGKILL
    collector.answers.clear()
    nbtrace.forward(collector.url, protocol="http/json")
    until(lambda: len(collector.taken) == 3)
    assert sorted(collector.names()) == ["a", "b", "open"]


def test_processes_of_one_store_send_nothing_twice(collector: Collector) -> None:
    names = [",".join(f"{worker}-{number}" for number in range(30)) for worker in range(3)]
    processes = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, collector.url, part, "exit"])
        for part in names
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    nbtrace.forward(collector.url, protocol="http/json")
    until(lambda: status().waiting == 0)
    assert sorted(collector.names()) == sorted(",".join(names).split(","))


@contextmanager
def receiving(directory: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run ``nbtrace receive`` with a store of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nbtrace", "receive", "--port", str(port)],
        env={**os.environ, "NBTRACE_DIR": str(directory), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "Listening" in process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_receiver_that_is_killed_and_comes_back_has_everything(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    other = tmp_path / ".nbtrace"
    nbtrace.forward(f"http://127.0.0.1:{port}")
    record("before it is there")
    with receiving(other, port):
        record(*(f"up {number}" for number in range(20)))
        until(lambda: status().sent >= 1)
    record(*(f"down {number}" for number in range(20)))
    nbtrace.flush()
    with receiving(other, port):
        record(*(f"again {number}" for number in range(20)))
        with nbtrace.start_span("root", span_type="AGENT") as span:
            nbtrace.update_current_trace(tags={"stage": "last"}, session_id="s", user="u")
            span.set_inputs({"question": "why?"})
        until(lambda: nbtrace.flush() and status().waiting == 0)
        assert (status().sent, status().refused) == (62, 0)
    theirs = Store(other)
    with theirs.database.reading() as connection:
        rows = connection.execute("SELECT trace_id, span_count FROM traces").fetchall()
    ours = nbtrace.search_traces(max_results=100, return_type="list")
    assert sorted(rows) == sorted((item.info.trace_id, 1) for item in ours)
    copy = theirs.get_trace(span.trace_id)
    theirs.close()
    assert copy.info.tags["stage"] == "last"
    assert copy.info.tags["mlflow.trace.session"] == "s"
    assert copy.data.spans[0].inputs == {"question": "why?"}
    assert json.loads(copy.data.spans[0].raw_attributes["mlflow.spanType"]) == "AGENT"
    assert http.PATH in status().endpoint


def test_trace_status_shows_it(collector: Collector) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    from nbtrace.notebook.status import status_text

    shell = InteractiveShell.instance()
    assert "forwarding" not in status_text(shell, every_cell=None)
    nbtrace.forward(collector.url, protocol="http/json")
    record("one")
    until(lambda: status().sent == 1)
    line = f"forwarding: {collector.url}/v1/traces: 1 trace sent"
    assert line in status_text(shell, every_cell=None)
