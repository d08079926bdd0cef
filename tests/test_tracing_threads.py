"""Threads, executors and tasks carry the context of where they were started or submitted."""

from __future__ import annotations

import asyncio
import functools
import logging
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.pool import ThreadPool

import pytest

import nbtrace


@pytest.fixture(autouse=True)
def no_complaints(caplog):
    """Opentelemetry's "Failed to detach context" must never be seen."""
    caplog.set_level(logging.DEBUG, "opentelemetry")
    yield
    assert [record for record in caplog.records if record.name.startswith("opentelemetry")] == []


def work(name="job"):
    with nbtrace.start_span(name) as span:
        return span.parent_id


def parent():
    span = nbtrace.get_current_active_span()
    return None if span is None else span.span_id


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def through_thread():
    return in_thread(work)


def through_subclass():
    class Worker(threading.Thread):
        def run(self):
            self.found = work()

    worker = Worker()
    worker.start()
    worker.join()
    return worker.found


def through_timer():
    found = []
    timer = threading.Timer(0, lambda: found.append(work()))
    timer.start()
    timer.join()
    return found[0]


def through_submit():
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def through_map():
    with ThreadPoolExecutor(2) as pool:
        (found,) = set(pool.map(work, ["a", "b", "c"]))
        return found


def through_thread_pool(method):
    with ThreadPool(2) as pool:
        if method in {"apply", "apply_async"}:
            found = getattr(pool, method)(work, ("a",))
            return found if method == "apply" else found.get()
        arguments = [("a",), ("b",)] if method.startswith("star") else ["a", "b"]
        found = getattr(pool, method)(work, arguments)
        (parent_id,) = set(found.get() if method.endswith("_async") else found)
        return parent_id


def through_to_thread():
    async def main():
        return await asyncio.to_thread(work)

    return asyncio.run(main())


def through_run_in_executor():
    async def main():
        return await asyncio.get_running_loop().run_in_executor(None, work)

    return asyncio.run(main())


def through_task():
    async def job():
        await asyncio.sleep(0)
        return work()

    async def main():
        return await asyncio.create_task(job())

    return asyncio.run(main())


def through_gather():
    async def job():
        await asyncio.sleep(0)
        return work()

    async def main():
        (found,) = set(await asyncio.gather(*(job() for _ in range(5))))
        return found

    return asyncio.run(main())


def through_another_loop():
    async def job():
        return work()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        return asyncio.run_coroutine_threadsafe(job(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


WAYS = [
    through_thread,
    through_subclass,
    through_timer,
    through_submit,
    through_map,
    through_to_thread,
    through_run_in_executor,
    through_task,
    through_gather,
    through_another_loop,
    *(
        functools.partial(through_thread_pool, method)
        for method in (
            "apply", "apply_async", "map", "map_async", "starmap", "starmap_async", "imap",
            "imap_unordered",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    "way",
    WAYS,
    ids=lambda way: getattr(way, "__name__", str(way.args[0:]) if hasattr(way, "args") else "?"),
)
def test_the_parent_is_where_it_was_started(way):
    with nbtrace.start_span("outer"), nbtrace.start_span("inner") as inner:
        assert way() == inner.span_id
        assert parent() == inner.span_id
    assert way() is None


def test_nested_threads_nest():
    with nbtrace.start_span("outer") as outer:

        def middle():
            with nbtrace.start_span("middle") as span:
                return span.span_id, span.parent_id, in_thread(work)

        span_id, parent_id, inner_parent = in_thread(middle)
    assert parent_id == outer.span_id
    assert inner_parent == span_id


def test_a_thread_that_outlives_its_trace_belongs_to_it():
    ready, go = threading.Event(), threading.Event()

    def late():
        ready.set()
        go.wait()
        work("late")

    with nbtrace.start_span("first") as first:
        thread = threading.Thread(target=late)
        thread.start()
        ready.wait()
    nbtrace.flush()
    with nbtrace.start_span("second") as second:
        go.set()
        thread.join()
    trace = nbtrace.get_trace(first.trace_id)
    assert sorted(span.name for span in trace.data.spans) == ["first", "late"]
    assert [span.name for span in nbtrace.get_trace(second.trace_id).data.spans] == ["second"]


def test_pool_workers_made_inside_a_trace_do_not_leak_it():
    with ThreadPoolExecutor(1) as pool, ThreadPool(1) as other:
        with nbtrace.start_span("first") as first:
            assert pool.submit(work).result() == first.span_id
            assert other.apply(work) == first.span_id
        assert pool.submit(work).result() is None
        assert other.apply(work) is None
        with nbtrace.start_span("second") as second:
            assert pool.submit(work).result() == second.span_id
            assert other.apply(work) == second.span_id
        assert pool.submit(parent).result() is None


def test_a_job_submitted_outside_does_not_join_a_trace_that_is_running():
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
        pool.submit(gate.wait)
        waiting = pool.submit(work)
        with nbtrace.start_span("running"):
            gate.set()
            assert waiting.result() is None


def test_the_default_executor_of_a_loop_does_not_leak():
    async def main():
        loop = asyncio.get_running_loop()
        with nbtrace.start_span("first"):
            assert await asyncio.to_thread(parent) is not None
        assert await asyncio.to_thread(parent) is None
        assert await loop.run_in_executor(None, parent) is None

    asyncio.run(main())


def test_a_server_started_in_one_trace_does_not_land_in_another():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            with nbtrace.start_span("handle"):
                self.send_response(204)
                self.end_headers()

        def log_message(self, *_):
            pass

    def call(port):
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/")
        assert connection.getresponse().status == 204
        connection.close()

    with nbtrace.start_span("cell 1") as first:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
    with nbtrace.start_span("cell 5") as fifth:
        call(server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()
    assert [s.name for s in nbtrace.get_trace(fifth.trace_id).data.spans] == ["cell 5"]
    assert sorted(s.name for s in nbtrace.get_trace(first.trace_id).data.spans) == [
        "cell 1",
        "handle",
    ]


def test_a_server_started_outside_any_trace_makes_traces_of_its_own():
    jobs, results = [], []
    ready, stop = threading.Semaphore(0), object()

    def serve():
        while True:
            ready.acquire()
            job = jobs.pop()
            if job is stop:
                return
            results.append(work())

    thread = threading.Thread(target=serve)
    thread.start()
    with nbtrace.start_span("cell"):
        jobs.append(1)
        ready.release()
        jobs.insert(0, stop)
        ready.release()
        thread.join()
    assert results == [None]


def test_tasks_that_outlive_their_trace_belong_to_it():
    async def main():
        go = asyncio.Event()

        async def late():
            await go.wait()
            work("late")

        with nbtrace.start_span("first") as first:
            task = asyncio.create_task(late())
            await asyncio.sleep(0)
        with nbtrace.start_span("second"):
            go.set()
            await task
        return first.trace_id

    trace_id = asyncio.run(main())
    assert sorted(s.name for s in nbtrace.get_trace(trace_id).data.spans) == ["first", "late"]


def test_what_a_job_returns_or_raises_is_unchanged():
    error = KeyError("x")

    def fail():
        raise error

    with nbtrace.start_span("root"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(fail).exception() is error
        assert pool.submit(dict, [(1, 2)], a=3).result() == {1: 2, "a": 3}


def test_a_context_block_reaches_the_threads_started_inside():
    def job():
        with nbtrace.start_span("job") as span:
            return span.trace_id

    with nbtrace.context(session_id="chat-7"):
        trace_id = in_thread(job)
    assert nbtrace.get_trace(trace_id).info.tags["mlflow.trace.session"] == "chat-7"
    assert "mlflow.trace.session" not in nbtrace.get_trace(in_thread(job)).info.tags


def test_concurrent_spans_of_one_trace_are_all_kept():
    def many():
        for _ in range(200):
            work()

    with nbtrace.start_span("root") as root, ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(many)
    spans = nbtrace.get_trace(root.trace_id).data.spans
    assert len(spans) == 1_601
    assert len({span.span_id for span in spans}) == 1_601


def test_the_first_traces_of_many_threads_at_once_raise_nothing():
    code = textwrap.dedent("""
        import sys, threading
        sys.setswitchinterval(1e-6)
        import nbtrace
        failed, ready = [], threading.Barrier(6)
        def work():
            ready.wait()
            try:
                for _ in range(3):
                    with nbtrace.start_span("root"):
                        pass
            except BaseException as error:
                failed.append(repr(error))
        threads = [threading.Thread(target=work) for _ in range(6)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print(failed, nbtrace.count_traces("name = 'root'"))
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] 18"
    assert done.stderr == ""


def test_a_thread_may_trace_while_the_interpreter_ends():
    code = textwrap.dedent("""
        import threading, time, nbtrace
        def work():
            while True:
                with nbtrace.start_span("root"):
                    pass
        threading.Thread(target=work, daemon=True).start()
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
