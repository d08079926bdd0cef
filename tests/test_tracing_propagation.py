"""Traces that cross HTTP requests and processes."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, trace
from opentelemetry.context import attach, detach

import nbtrace
from nbtrace.tracing.processes import VARIABLE, parse_traceparent

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace.entities import Trace

HEX = "0a" * 16, "0b" * 8
CHILD = "import nbtrace\nwith nbtrace.start_span('in the child'): pass\n"


def in_child(name: str = "in the child") -> int:
    with nbtrace.start_span(name):
        return os.getpid()


def join(name: str) -> None:
    in_child(name)


def read(trace_id: str) -> Trace:
    nbtrace.flush()
    found = nbtrace.get_trace(trace_id)
    assert found is not None
    return found


def names(found: Trace) -> list[str]:
    return [span.name for span in found.data.spans]


def test_a_request_joins_the_trace_it_came_from() -> None:
    with nbtrace.context(session_id="s 1", user="ada"), nbtrace.start_span("client") as client:
        token = attach(baggage.set_baggage("region", "eu,1"))
        headers = nbtrace.tracing.get_tracing_context_headers_for_http_request()
        detach(token)
    assert headers["traceparent"] == f"00-{client.trace_id[3:]}-{client.span_id}-03"
    assert headers["baggage"] == "region=eu%2C1,session.id=s%201,user.id=ada"
    shouting = {key.upper(): value for key, value in headers.items()}
    with nbtrace.tracing.set_tracing_context_from_http_request_headers(shouting):
        assert baggage.get_baggage("region") == "eu,1"
        with nbtrace.start_span("server") as server:
            pass
    assert (server.trace_id, server.parent_id) == (client.trace_id, client.span_id)
    assert not trace.get_current_span().get_span_context().is_valid
    assert names(read(client.trace_id)) == ["client", "server"]


def test_session_and_user_arrive_in_another_store() -> None:
    headers = {"traceparent": f"00-{HEX[0]}-{HEX[1]}-01", "baggage": "session.id=s%201,user.id=ada"}
    with nbtrace.tracing.set_tracing_context_from_http_request_headers(headers):
        in_child()
    tags = read(f"tr-{HEX[0]}").info.tags
    assert (tags["mlflow.trace.session"], tags["mlflow.trace.user"]) == ("s 1", "ada")


def test_without_a_span_there_is_nothing_to_send(caplog: pytest.LogCaptureFixture) -> None:
    assert nbtrace.tracing.get_tracing_context_headers_for_http_request() == {}
    assert "no active span" in caplog.text


@pytest.mark.parametrize("headers", [{}, {"traceparent": "rubbish"}, {"baggage": "a=b"}])
def test_without_a_traceparent_a_new_trace_begins(
    headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    joined = nbtrace.tracing.set_tracing_context_from_http_request_headers(headers)
    with joined, nbtrace.start_span("server") as server:
        pass
    assert server.parent_id is None
    assert "no usable traceparent" in caplog.text


@given(st.text(max_size=80) | st.text("0123456789abcdef-", max_size=60))
def test_a_traceparent_of_any_form(text: str) -> None:
    found = parse_traceparent(text)
    assert found is None or found.is_valid


@pytest.mark.parametrize(
    "text",
    [
        f"ff-{HEX[0]}-{HEX[1]}-01",
        f"00-{HEX[0]}-{HEX[1]}-01-more",
        f"00-{'0' * 32}-{HEX[1]}-01",
        f"00-{HEX[0]}-{'0' * 16}-01",
        f"00-{HEX[0]}-{HEX[1]}",
    ],
)
def test_what_is_no_traceparent(text: str) -> None:
    assert parse_traceparent(text) is None


def test_a_later_version_is_read() -> None:
    assert parse_traceparent(f"01-{HEX[0]}-{HEX[1]}-01-more") is not None


def test_a_program_joins_the_span_that_started_it() -> None:
    with nbtrace.start_span("cell") as cell, nbtrace.start_span("run") as run:
        subprocess.run([sys.executable, "-c", CHILD], check=True)
        subprocess.run([sys.executable, "-c", CHILD], check=True, env={**os.environ, "A": "1"})
    found = read(cell.trace_id)
    assert sorted(names(found)) == ["cell", "in the child", "in the child", "run"]
    children = found.search_spans(name="in the child")
    assert {child.parent_id for child in children} == {run.span_id}
    assert found.info.tags["mlflow.traceName"] == "cell"
    assert nbtrace.count_traces() == 1
    assert VARIABLE not in os.environ


def test_a_program_started_outside_begins_its_own() -> None:
    with nbtrace.start_span("cell"):
        pass
    subprocess.run([sys.executable, "-c", CHILD], check=True)
    assert nbtrace.count_traces() == 2


def test_an_environment_made_from_nothing_stays_so() -> None:
    program = f"import os; print(sorted(os.environ), {VARIABLE!r} in os.environ)"
    with nbtrace.start_span("cell"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={"PATH": os.environ["PATH"]},
            check=True,
            capture_output=True,
            text=True,
        )
    assert done.stdout.strip().endswith("False")


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_joins(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"{method} is not here")
    context = multiprocessing.get_context(method)
    with nbtrace.start_span("cell") as cell:
        process = context.Process(target=join, args=("in the process",))
        process.start()
        process.join()
    assert process.exitcode == 0
    assert names(read(cell.trace_id)) == ["cell", "in the process"]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_jobs_of_a_pool_belong_to_where_they_were_submitted(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"{method} is not here")
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        with nbtrace.start_span("first") as first:
            worker = pool.submit(in_child, "job 1").result()
        with nbtrace.start_span("second") as second:
            assert list(pool.map(in_child, ["job 2", "job 3"])) == [worker, worker]
        pool.submit(in_child, "job 4").result()
    assert names(read(first.trace_id)) == ["first", "job 1"]
    assert names(read(second.trace_id)) == ["second", "job 2", "job 3"]
    assert nbtrace.count_traces("name = 'job 4'") == 1
    assert nbtrace.count_traces() == 3


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_jobs_of_a_multiprocessing_pool_belong_to_where_they_were_submitted(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"{method} is not here")
    # The worker is there before anything is traced, and outlives both traces.
    with multiprocessing.get_context(method).Pool(1) as pool:
        worker = pool.apply(os.getpid)
        with nbtrace.start_span("first") as first:
            assert pool.apply(in_child, ("apply",)) == worker
            assert pool.map(in_child, ["map 1", "map 2"]) == [worker] * 2
            assert pool.starmap(in_child, [("starmap",)]) == [worker]
            assert list(pool.imap(in_child, ["imap"])) == [worker]
        with nbtrace.start_span("second") as second:
            assert list(pool.imap_unordered(in_child, ["unordered"], chunksize=2)) == [worker]
            assert pool.map_async(in_child, ["later"]).get() == [worker]
        pool.apply(in_child, ("outside",))
        with nbtrace.start_span("third"), pytest.raises(ZeroDivisionError):
            pool.apply(divmod, (1, 0))
    expected = ["apply", "first", "imap", "map 1", "map 2", "starmap"]
    assert sorted(names(read(first.trace_id))) == expected
    assert sorted(names(read(second.trace_id))) == ["later", "second", "unordered"]
    parents = {span.parent_id for span in read(first.trace_id).data.spans}
    assert parents == {None, first.span_id}
    assert nbtrace.count_traces("name = 'outside'") == 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_workers_started_inside_a_trace_do_not_keep_to_it() -> None:
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("fork is not here")
    with nbtrace.start_span("cell") as cell:
        pool = multiprocessing.get_context("fork").Pool(1)
        pool.apply(in_child, ("inside",))
    with pool:
        pool.apply(in_child, ("outside",))
    assert names(read(cell.trace_id)) == ["cell", "inside"]
    assert nbtrace.count_traces("name = 'outside'") == 1


@pytest.mark.skipif(os.name != "posix", reason="done for the shell of POSIX only")
def test_a_command_of_the_shell_joins(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    program = f'"{sys.executable}" "{tmp_path / "child.py"}"'
    with nbtrace.start_span("cell") as cell:
        assert os.system(f"{program}; exit 3") == 3 << 8
        assert os.system("echo 'a  b' | cat; # a comment") == 0
        assert VARIABLE not in os.environ
    assert os.system(f"echo [${VARIABLE}]") == 0
    assert capfd.readouterr().out == "a  b\n[]\n"
    assert names(read(cell.trace_id)) == ["cell", "in the child"]


def test_a_program_started_by_another_thread_is_no_child() -> None:
    program = f"import os; print({VARIABLE!r} in os.environ)"
    go, outputs = threading.Event(), []

    def start() -> None:
        go.wait()
        done = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        )
        outputs.append(done.stdout.strip())

    thread = threading.Thread(target=start)
    thread.start()
    with nbtrace.start_span("cell"):
        go.set()
        thread.join()
    assert outputs == ["False"]
