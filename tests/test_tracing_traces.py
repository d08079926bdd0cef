"""The trace as a whole: tags, metadata, previews, reading it back while it runs and after."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap
import threading

import pytest

import nbtrace
from nbtrace.exceptions import RESOURCE_DOES_NOT_EXIST, NbtraceError
from nbtrace.store import current_store

SECRET = "sk-" + "a1B2" * 12


def elsewhere(code, *arguments):
    """Run code in another process on the same store."""
    done = subprocess.run(
        [sys.executable, "-c", "import nbtrace, sys\n" + textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def finished_trace():
    with nbtrace.start_span("step") as span:
        pass
    return span.trace_id


def test_the_current_trace_is_updated():
    with nbtrace.start_span("turn") as span, nbtrace.start_span("inner"):
        nbtrace.update_current_trace(
            tags={"stage": "try"},
            metadata={"batch": "7"},
            client_request_id="req-1",
            request_preview="asked",
            response_preview="answered",
            state="ERROR",
            model_id="m-1",
            session_id="chat-7",
            user="ada",
        )
    info = nbtrace.get_trace(span.trace_id).info
    assert info.tags["stage"] == "try"
    assert info.trace_metadata["batch"] == "7"
    assert info.trace_metadata["mlflow.modelId"] == "m-1"
    assert info.trace_metadata["mlflow.trace.session"] == "chat-7"
    assert info.tags["mlflow.trace.user"] == "ada"
    assert (info.request_preview, info.response_preview) == ("asked", "answered")
    assert info.client_request_id == "req-1"
    assert info.state == "ERROR"


def test_without_a_trace_a_warning_is_logged(caplog):
    nbtrace.update_current_trace(tags={"a": "1"})
    assert "no active trace" in caplog.text


def test_other_types_are_made_text_with_a_warning(caplog):
    with nbtrace.start_span("turn") as span:
        nbtrace.update_current_trace(tags={"n": 3}, metadata={"m": 4}, client_request_id=5)
    info = nbtrace.get_trace(span.trace_id).info
    assert (info.tags["n"], info.trace_metadata["m"], info.client_request_id) == ("3", "4", "5")
    assert "'n'" in caplog.text
    assert "'m'" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state": "DONE"}, "State must be either 'OK' or 'ERROR', but got"),
        ({"state": "IN_PROGRESS"}, "State must be either 'OK' or 'ERROR', but got"),
        ({"request_preview": 3}, "request_preview must be a string"),
        ({"response_preview": ["a"]}, "response_preview must be a string"),
        ({"tags": {"k" * 251: "v"}}, "250"),
    ],
)
def test_misuse_is_refused_and_changes_nothing(change, message):
    with nbtrace.start_span("turn") as span:
        with pytest.raises(NbtraceError, match=message):
            nbtrace.update_current_trace(**{"metadata": {"m": "1"}, "tags": {"a": "1"}, **change})
        span.set_inputs(1)
    info = nbtrace.get_trace(span.trace_id).info
    assert info.state == "OK"
    assert "m" not in info.trace_metadata
    assert "a" not in info.tags


def test_immutable_tags_are_ignored_with_a_warning(caplog):
    with nbtrace.start_span("turn") as span:
        nbtrace.update_current_trace(tags={"mlflow.artifactLocation": "/x"})
        nbtrace.set_trace_tag(span.trace_id, "mlflow.artifactLocation", "/y")
    nbtrace.set_trace_tag(span.trace_id, "mlflow.artifactLocation", "/z")
    assert "mlflow.artifactLocation" not in nbtrace.get_trace(span.trace_id).info.tags
    assert caplog.text.count("cannot be changed") == 3


def test_secrets_and_surrogates_never_reach_the_store(store_directory):
    with nbtrace.start_span("turn") as span:
        nbtrace.update_current_trace(
            tags={"a": SECRET, "odd": "\ud800"},
            metadata={"b": SECRET, "odd": "\ud800"},
            client_request_id=f"req {SECRET} \ud800",
            request_preview=SECRET + "\ud800",
            response_preview=SECRET,
            session_id=SECRET,
            user=SECRET,
        )
        nbtrace.set_trace_tag(span.trace_id, "c", SECRET)
    nbtrace.set_trace_tag(span.trace_id, "d", SECRET)
    nbtrace.flush(durable=True)
    assert nbtrace.get_trace(span.trace_id).info.tags["odd"]
    for path in store_directory.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def test_previews_and_long_tags_are_cut():
    with nbtrace.start_span("turn") as span:
        nbtrace.update_current_trace(request_preview="x" * 5_000, tags={"long": "y" * 9_000})
        nbtrace.set_trace_tag(span.trace_id, "longer", "y" * 9_000)
    info = nbtrace.get_trace(span.trace_id).info
    assert len(info.request_preview) == 1_000
    assert info.request_preview.endswith("...")
    assert len(info.tags["long"]) == len(info.tags["longer"]) == 8_000
    assert info.tags["long"].endswith("characters]")


def test_tags_of_an_active_trace_are_set_and_deleted():
    with nbtrace.start_span("turn") as span:
        nbtrace.set_trace_tag(span.trace_id, "a", 1)
        nbtrace.set_trace_tag(span.trace_id, "b", "2")
        nbtrace.delete_trace_tag(span.trace_id, "b")
        assert nbtrace.get_trace(span.trace_id).info.tags["a"] == "1"
        with pytest.raises(NbtraceError) as caught:
            nbtrace.delete_trace_tag(span.trace_id, "missing")
        assert caught.value.error_code == RESOURCE_DOES_NOT_EXIST
    tags = nbtrace.get_trace(span.trace_id).info.tags
    assert tags["a"] == "1"
    assert "b" not in tags


def test_tags_of_a_finished_trace_are_set_and_deleted():
    trace_id = finished_trace()
    nbtrace.set_trace_tag(trace_id, "a", "1")
    nbtrace.set_trace_tag(trace_id.removeprefix("tr-"), "b", "2")
    assert nbtrace.get_trace(trace_id).info.tags["a"] == "1"
    nbtrace.delete_trace_tag(trace_id, "a")
    tags = nbtrace.get_trace(trace_id).info.tags
    assert "a" not in tags
    assert tags["b"] == "2"
    with pytest.raises(NbtraceError):
        nbtrace.delete_trace_tag(trace_id, "a")


def test_tags_set_right_after_the_end_are_kept():
    for number in range(20):
        trace_id = finished_trace()
        nbtrace.set_trace_tag(trace_id, "n", number)
        nbtrace.flush()
        assert current_store().get_trace_info(trace_id).tags["n"] == str(number)


def open_for_a_second(span):
    """Have the recorder look at a trace as if it had been open for a second."""
    recorder = span.record.trace.recorder
    span.record.trace.start_time -= 2_000_000_000
    recorder.tick()
    recorder.flush()
    assert current_store().get_trace_info(span.trace_id).state == "IN_PROGRESS"


def test_an_open_trace_has_a_row_whose_tags_any_process_may_change():
    with nbtrace.start_span("turn") as span:
        span.set_inputs({"question": "why?"})
        nbtrace.update_current_trace(tags={"mine": "1"})
        open_for_a_second(span)
        said = elsewhere(
            """
            nbtrace.set_trace_tag(sys.argv[1], "theirs", "2")
            info = nbtrace.get_trace(sys.argv[1]).info
            print(info.state.value, info.tags["mine"], info.request_preview)
            """,
            span.trace_id,
        )
        assert said.startswith("IN_PROGRESS 1 ")
        assert "why?" in said
        assert nbtrace.get_trace(span.trace_id).info.tags["theirs"] == "2"
        nbtrace.update_current_trace(tags={"late": "3"})
        nbtrace.delete_trace_tag(span.trace_id, "late")
        nbtrace.set_trace_tag(span.trace_id, "both", "4")
    tags = nbtrace.get_trace(span.trace_id).info.tags
    assert (tags["mine"], tags["theirs"], tags["both"]) == ("1", "2", "4")
    assert "late" not in tags
    assert nbtrace.get_trace(span.trace_id).info.state == "OK"


def test_a_trace_of_another_process_is_read_and_tagged():
    trace_id = elsewhere("""
        with nbtrace.start_span("theirs") as span:
            span.set_inputs(1)
        print(span.trace_id)
    """)
    trace = nbtrace.get_trace(trace_id)
    assert [span.inputs for span in trace.data.spans] == [1]
    nbtrace.set_trace_tag(trace_id, "seen", "yes")
    assert "yes" in elsewhere("print(nbtrace.get_trace(sys.argv[1]).info.tags['seen'])", trace_id)


def test_an_active_trace_gives_what_has_ended_and_what_is_open():
    with nbtrace.start_span("root") as root:
        root.set_inputs({"q": 1})
        with nbtrace.start_span("ended"):
            pass
        with nbtrace.start_span("open"):
            trace = nbtrace.get_trace(root.trace_id)
            again = nbtrace.get_trace(root.trace_id.removeprefix("tr-"))
    assert trace.info.state == "IN_PROGRESS"
    assert trace.info.execution_duration is None
    assert {s.name: s.end_time_ns is not None for s in trace.data.spans} == {
        "root": False,
        "ended": True,
        "open": False,
    }
    assert trace.data.spans[0].inputs == {"q": 1}
    assert len(again.data.spans) == 3
    assert all(span.end_time_ns for span in nbtrace.get_trace(root.trace_id).data.spans)


def test_an_active_trace_is_read_after_some_of_it_was_written():
    with nbtrace.start_span("root") as root:
        for number in range(3):
            with nbtrace.start_span(f"child {number}"):
                pass
        open_for_a_second(root)
        with nbtrace.start_span("later"):
            trace = nbtrace.get_trace(root.trace_id)
    names = ["root", "child 0", "child 1", "child 2", "later"]
    assert sorted(span.name for span in trace.data.spans) == sorted(names)
    assert sorted(s.name for s in nbtrace.get_trace(root.trace_id).data.spans) == sorted(names)


def test_a_late_span_arrives_as_a_further_part(store_directory):
    go = threading.Event()

    def late():
        with nbtrace.start_span("late") as span:
            go.wait()
            span.set_outputs("here")

    with nbtrace.start_span("root") as root:
        thread = threading.Thread(target=late)
        thread.start()
        while len(root.record.trace.open) < 2:
            pass
    nbtrace.flush()
    half = {s.name: s.end_time_ns for s in nbtrace.get_trace(root.trace_id).data.spans}
    assert half["late"] is None
    go.set()
    thread.join()
    trace = nbtrace.get_trace(root.trace_id)
    assert {s.name: s.outputs for s in trace.data.spans} == {"root": None, "late": "here"}
    assert all(span.end_time_ns for span in trace.data.spans)
    assert trace.info.state == "OK"
    assert len(list(store_directory.rglob(f"{root.trace_id}*.json"))) == 2
    assert current_store().get_span(root.trace_id, trace.data.spans[1].span_id).outputs == "here"


def test_there_is_no_such_trace(caplog):
    assert nbtrace.get_trace("tr-" + "0" * 31 + "1") is None
    assert "there is no trace" in caplog.text
    caplog.clear()
    assert nbtrace.get_trace("tr-" + "0" * 31 + "1", silent=True) is None
    assert not caplog.text
    for call in (
        nbtrace.set_trace_tag,
        lambda trace_id, key, _: nbtrace.delete_trace_tag(trace_id, key),
    ):
        with pytest.raises(NbtraceError) as caught:
            call("tr-" + "0" * 31 + "1", "a", "b")
        assert caught.value.error_code == RESOURCE_DOES_NOT_EXIST


def test_an_id_that_is_none_is_not_found():
    assert nbtrace.get_trace("nonsense", silent=True) is None


def test_the_last_trace_is_known_to_the_process_and_to_the_thread():
    assert nbtrace.get_last_active_trace_id() is None or True
    first = finished_trace()
    assert nbtrace.get_last_active_trace_id() == first
    assert nbtrace.get_last_active_trace_id(thread_local=True) == first
    found = []
    thread = threading.Thread(
        target=lambda: found.extend(
            [nbtrace.get_last_active_trace_id(thread_local=True), finished_trace()]
        )
    )
    thread.start()
    thread.join()
    assert found[0] is None
    assert nbtrace.get_last_active_trace_id() == found[1]
    assert nbtrace.get_last_active_trace_id(thread_local=True) == first


def test_flush_without_anything_recorded():
    assert nbtrace.flush()
    assert nbtrace.flush(timeout=1, durable=True)
    nbtrace.flush_trace_async_logging(terminate=True)
    finished_trace()
    assert nbtrace.flush(durable=True)


def test_traced_children_of_a_fork_add_to_the_trace():
    said = elsewhere("""
        import os, json
        with nbtrace.start_span("root") as root:
            with nbtrace.start_span("before"):
                pass
            for number in range(3):
                if os.fork() == 0:
                    with nbtrace.start_span(f"child {number}"):
                        with nbtrace.start_span("deep"):
                            pass
                    os._exit(0)
                os.wait()
            child = os.fork()
            if child == 0:
                with nbtrace.start_span("flushed"):
                    pass
                nbtrace.flush()
                os._exit(0)
            os.wait()
        trace = nbtrace.get_trace(root.trace_id)
        ids = [span.span_id for span in trace.data.spans]
        names = {span.span_id: span.name for span in trace.data.spans}
        print(json.dumps([
            sorted((span.name, names.get(span.parent_id)) for span in trace.data.spans),
            trace.info.state.value, len(set(ids)) == len(ids),
        ], default=str))
    """)
    spans, state, unique = json.loads(said)
    assert sorted(map(tuple, spans), key=str) == sorted(
        [
            ("root", None),
            ("before", "root"),
            ("flushed", "root"),
            *((f"child {n}", "root") for n in range(3)),
            *(("deep", f"child {n}") for n in range(3)),
        ],
        key=str,
    )
    assert state == "OK"
    assert unique


def test_the_child_of_a_fork_does_not_end_its_parents_spans():
    said = elsewhere("""
        import os
        with nbtrace.start_span("root") as root:
            child = os.fork()
            if child == 0:
                try:
                    root.end()
                finally:
                    nbtrace.flush()
                    os._exit(0)
            os.wait()
            inside = nbtrace.get_trace(root.trace_id).info.state.value
        print(inside, nbtrace.get_trace(root.trace_id).info.state.value)
    """)
    assert said == "IN_PROGRESS OK"


def test_multiprocessing_with_fork():
    said = elsewhere("""
        import multiprocessing
        def work(number):
            with nbtrace.start_span(f"job {number}"):
                return number * 2
        context = multiprocessing.get_context("fork")
        with nbtrace.start_span("root") as root:
            with context.Pool(2) as pool:
                assert pool.map(work, range(4)) == [0, 2, 4, 6]
                pool.close()
                pool.join()
        trace = nbtrace.get_trace(root.trace_id)
        print(sorted(span.name for span in trace.data.spans))
    """)
    assert said == str(["job 0", "job 1", "job 2", "job 3", "root"])


def test_a_warning_of_the_logger_is_all_that_an_immutable_tag_costs(caplog):
    caplog.set_level(logging.WARNING)
    nbtrace.delete_trace_tag(finished_trace(), "mlflow.user")
    assert "cannot be changed" in caplog.text


# An active trace shows what has been said of it


def test_feedback_on_an_active_trace_is_seen_at_once_and_kept():
    with nbtrace.start_span("answer") as span:
        with nbtrace.start_span("search") as step:
            pass
        nbtrace.log_feedback(trace_id=span.trace_id, name="correct", value=True, rationale="seen")
        nbtrace.log_expectation(
            trace_id=span.trace_id, name="answer", value="Paris", span_id=step.span_id
        )
        live = nbtrace.get_trace(span.trace_id)
        assert live.info.state == "IN_PROGRESS"
        assert [item.name for item in live.info.assessments] == ["correct", "answer"]
        assert [item.name for item in live.search_assessments(span_id=step.span_id)] == ["answer"]
        assert {item.name for item in live.data.spans} == {"answer", "search"}
        nbtrace.delete_assessment(span.trace_id, live.info.assessments[0].assessment_id)
        assert len(nbtrace.get_trace(span.trace_id).info.assessments) == 1
    trace = nbtrace.get_trace(span.trace_id)
    assert trace.info.state == "OK"
    assert [item.value for item in trace.info.assessments] == ["Paris"]


def test_a_deleted_name_stays_deleted_while_the_trace_runs_and_after():
    with nbtrace.start_span("answer") as span:
        nbtrace.set_trace_tag(span.trace_id, "mlflow.traceName", "renamed")
        assert nbtrace.get_trace(span.trace_id).info.name == "renamed"
        nbtrace.delete_trace_tag(span.trace_id, "mlflow.traceName")
        assert nbtrace.get_trace(span.trace_id).info.name is None
    assert nbtrace.get_trace(span.trace_id).info.name is None


# DESIGN, promise 1, as it is worded


@pytest.mark.parametrize("run", range(3))
def test_a_root_with_a_child_is_found_after_a_sudden_end_with_its_inputs(run):
    trace_id = elsewhere(
        """
        import os
        with nbtrace.start_span("root") as root:
            root.set_inputs({"q": "why?"})
            print(root.trace_id, flush=True)
            with nbtrace.start_span("first child"):
                os._exit(0)
        """
    )
    trace = nbtrace.get_trace(trace_id)
    assert trace.info.state == "ERROR"
    assert [(span.name, span.inputs) for span in trace.data.spans] == [("root", {"q": "why?"})]


def test_every_span_that_has_been_open_for_a_second_is_found_after_a_sudden_end():
    trace_id = elsewhere(
        """
        import os, time
        with nbtrace.start_span("root") as root:
            root.set_inputs("root's")
            print(root.trace_id, flush=True)
            with nbtrace.start_span("child") as child:
                child.set_inputs("child's")
                time.sleep(1)
                os._exit(0)
        """
    )
    spans = {span.name: span.inputs for span in nbtrace.get_trace(trace_id).data.spans}
    assert spans == {"root": "root's", "child": "child's"}


def test_a_root_without_children_is_found_once_it_has_been_open_for_a_second():
    trace_id = elsewhere(
        """
        import os, time
        with nbtrace.start_span("root") as root:
            root.set_inputs("root's")
            print(root.trace_id, flush=True)
            time.sleep(1)
            os._exit(0)
        """
    )
    assert [span.inputs for span in nbtrace.get_trace(trace_id).data.spans] == ["root's"]
