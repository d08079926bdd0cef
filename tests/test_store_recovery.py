"""What a killed process left is found by the next one; what a living one has is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import nbtrace
from nbtrace.tracing import recorder
from nbtrace.tracing.recorder import current_recorder

KILLED = textwrap.dedent("""
    import os, signal, sys, threading
    import nbtrace
    busy = sys.argv[1] == "busy"
    def work():
        while True:
            sum(range(1000))
    if busy:
        for _ in range(2):
            threading.Thread(target=work, daemon=True).start()
    with nbtrace.start_span("root", span_type="AGENT") as root:
        root.set_inputs({"question": "why?"})
        nbtrace.update_current_trace(tags={"stage": "try"}, session_id="chat-7")
        for number in range(500):
            with nbtrace.start_span("child", span_type="TOOL") as span:
                span.set_inputs({"number": number})
                span.set_outputs(number)
        with nbtrace.start_span("open", span_type="LLM"):
            print(root.trace_id, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
""")


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


FOUND = "import nbtrace; print(nbtrace.count_traces(\"tags.stage = 'try'\"), flush=True)"


def test_processes_that_start_together_find_all_that_the_dead_left():
    for _ in range(3):
        assert run(KILLED, "quiet").returncode == -signal.SIGKILL
    readers = [
        subprocess.Popen([sys.executable, "-c", FOUND], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [reader.communicate()[0].strip() for reader in readers] == ["3"] * 4


@pytest.mark.parametrize("load", ["quiet", "busy"])
def test_kill_9_inside_an_open_root_loses_nothing_that_ended(load):
    done = run(KILLED, load)
    assert done.returncode == -signal.SIGKILL, done.stderr
    trace = nbtrace.get_trace(done.stdout.strip()) or recovered(done.stdout.strip())
    assert trace.info.state == "ERROR"
    assert trace.info.tags["nbtrace.recovered"] == "true"
    assert trace.info.tags["stage"] == "try"
    assert trace.info.tags["mlflow.trace.session"] == "chat-7"
    assert (
        trace.info.request_preview == '{"question": "why?"}' or "why?" in trace.info.request_preview
    )
    children = trace.search_spans(name="child")
    assert sorted(span.inputs["number"] for span in children) == list(range(500))
    (root,) = trace.search_spans(name="root")
    assert root.inputs == {"question": "why?"}
    assert root.end_time_ns is None
    assert root.status.status_code == "ERROR"
    assert {span.parent_id for span in children} == {root.span_id}


def recovered(trace_id):
    nbtrace.flush()
    return nbtrace.get_trace(trace_id)


def test_a_span_open_for_a_second_is_found_with_its_inputs():
    code = textwrap.dedent("""
        import os, signal, time
        import nbtrace
        with nbtrace.start_span("root") as root, nbtrace.start_span("slow") as slow:
            slow.set_inputs("what took so long")
            time.sleep(1.6)
            print(root.trace_id, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    trace = recovered(run(code).stdout.strip())
    (slow,) = trace.search_spans(name="slow")
    assert slow.inputs == "what took so long"
    assert slow.incomplete


def test_a_finished_trace_that_was_not_written_yet_stays_ok():
    code = textwrap.dedent("""
        import os, signal
        import nbtrace
        from nbtrace.store import writer
        writer.GATHER_SECONDS = 60
        with nbtrace.start_span("quick") as span:
            span.set_outputs("done")
        print(span.trace_id, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    trace = recovered(run(code).stdout.strip())
    assert trace.info.state == "OK"
    assert "nbtrace.recovered" not in trace.info.tags
    assert trace.data.spans[0].outputs == "done"


def test_the_journal_of_a_living_process_is_left_alone(store_directory):
    code = textwrap.dedent("""
        import sys, time
        import nbtrace
        with nbtrace.start_span("root") as root:
            with nbtrace.start_span("child"):
                pass
            print(root.trace_id, flush=True)
            sys.stdin.readline()
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    trace_id = process.stdout.readline().strip()
    nbtrace.flush()
    with nbtrace.start_span("mine"):
        pass
    nbtrace.flush()
    assert nbtrace.get_trace(trace_id, silent=True) is None or (
        nbtrace.get_trace(trace_id).info.state == "IN_PROGRESS"
    )
    process.communicate("\n")
    assert nbtrace.get_trace(trace_id).info.state == "OK"
    assert len(nbtrace.get_trace(trace_id).data.spans) == 2


def test_an_open_trace_is_seen_by_other_processes_after_a_second():
    code = textwrap.dedent("""
        import sys, time
        import nbtrace
        with nbtrace.start_span("slow root") as root:
            root.set_inputs("the question")
            print(root.trace_id, flush=True)
            sys.stdin.readline()
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    trace_id = process.stdout.readline().strip()
    deadline = time.monotonic() + 10
    while nbtrace.get_trace(trace_id, silent=True) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    info = nbtrace.get_trace(trace_id).info
    assert (info.state, info.execution_duration) == ("IN_PROGRESS", None)
    assert "the question" in info.request_preview
    nbtrace.set_trace_tag(trace_id, "seen", "yes")
    process.communicate("\n")
    info = nbtrace.get_trace(trace_id).info
    assert (info.state, info.tags["seen"]) == ("OK", "yes")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_parent_is_recovered_though_its_forked_child_lives(store_directory):
    code = textwrap.dedent("""
        import os, signal, sys, time, warnings
        warnings.simplefilter("ignore")
        import nbtrace
        with nbtrace.start_span("root") as root:
            with nbtrace.start_span("of the parent"):
                pass
            child = os.fork()
            if child == 0:
                with nbtrace.start_span("of the child"):
                    pass
                print(root.trace_id, os.getpid(), flush=True)
                time.sleep(30)
                os._exit(0)
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        trace_id, child = process.stdout.readline().split()
    try:
        trace = recovered(trace_id)
        assert trace.info.state == "ERROR"
        assert trace.search_spans(name="of the parent")
        journals = [path.name for path in (store_directory / "active").iterdir()]
        assert any(name.startswith(f"{child}-") for name in journals)
    finally:
        os.kill(int(child), signal.SIGKILL)
    time.sleep(0.3)
    trace = recovered(trace_id)
    assert trace.search_spans(name="of the child")
    assert trace.info.state == "ERROR"


def test_what_others_changed_of_a_finished_trace_is_not_undone():
    code = textwrap.dedent("""
        import os, signal, sys
        import nbtrace
        server = nbtrace.start_span_no_context("server")  # keeps the journal's segment in use
        nbtrace.start_span_no_context("request", parent_span=server).end()
        with nbtrace.start_span("done") as done:
            nbtrace.update_current_trace(tags={"stage": "first"})
        nbtrace.flush()
        print(done.trace_id, flush=True)
        sys.stdin.readline()
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    trace_id = process.stdout.readline().strip()
    nbtrace.set_trace_tag(trace_id, "stage", "second")
    process.communicate("\n")
    trace = recovered(trace_id)
    assert trace.info.tags["stage"] == "second"
    assert trace.info.state == "OK"
    assert len(trace.data.spans) == 1


def test_processes_that_share_a_trace_do_not_overwrite_each_other():
    code = textwrap.dedent("""
        import sys
        from opentelemetry import context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        import nbtrace
        context.attach(TraceContextTextMapPropagator().extract({"traceparent": sys.argv[1]}))
        with nbtrace.start_span("remote"):
            pass
    """)
    with nbtrace.start_span("root") as root:
        header = f"00-{root.trace_id[3:]}-{root.span_id}-01"
        assert run(code, header).returncode == 0
    nbtrace.flush()
    assert run(code, header).returncode == 0
    trace = nbtrace.get_trace(root.trace_id)
    assert sorted(span.name for span in trace.data.spans) == ["remote", "remote", "root"]
    assert trace.info.tags["mlflow.traceName"] == "root"
    assert trace.info.state == "OK"


def test_a_killed_process_does_not_decide_on_a_trace_that_it_joined(monkeypatch):
    monkeypatch.setattr(recorder, "OPEN_NS", 0)
    code = textwrap.dedent("""
        import os, signal, sys
        from opentelemetry import context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        import nbtrace
        context.attach(TraceContextTextMapPropagator().extract({"traceparent": sys.argv[1]}))
        with nbtrace.start_span("remote"):
            with nbtrace.start_span("inner"):
                pass
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    with nbtrace.start_span("root") as root:
        with nbtrace.start_span("first"):
            pass
        current_recorder().tick()  # as if it were open for long: other processes see the trace
        current_recorder().writer.flush()
        header = f"00-{root.trace_id[3:]}-{root.span_id}-01"
        assert run(code, header).returncode == -signal.SIGKILL
        nbtrace.flush()
        store = current_recorder().store
        assert store.get_trace_info(root.trace_id).state == "IN_PROGRESS"
    nbtrace.flush()
    trace = nbtrace.get_trace(root.trace_id)
    assert trace.info.state == "OK"
    assert "nbtrace.recovered" not in trace.info.tags
    assert {span.name for span in trace.data.spans} == {"root", "first", "remote", "inner"}


def test_what_a_handler_traces_after_the_recorder_closed_is_found():
    code = textwrap.dedent("""
        import atexit
        def last():
            with nbtrace.start_span("last"):
                pass
        atexit.register(last)
        import nbtrace
        with nbtrace.start_span("first"):
            pass
    """)
    done = run(code)
    assert done.returncode == 0, done.stderr
    nbtrace.flush()
    assert sorted(nbtrace.search_traces()["name"]) == ["first", "last"]
