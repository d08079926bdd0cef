"""Spans started by hand: nesting, errors, both faces, sampling, and what survives misuse."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import functools
import json
import logging
import pickle
import random
import threading

import pytest
from opentelemetry import trace as otel_trace
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

import nbtrace
from nbtrace.entities import Link, Span, SpanEvent, SpanStatus, SpanStatusCode
from nbtrace.exceptions import NbtraceError


def spans_of(trace_id):
    return {span.name: span for span in nbtrace.get_trace(trace_id).data.spans}


def test_blocks_nest_and_the_trace_is_read_back():
    with nbtrace.start_span("outer", span_type="CHAIN") as outer:
        outer.set_inputs({"question": "why?"})
        with nbtrace.start_span("inner", span_type="TOOL", attributes={"k": 3}) as inner:
            inner.set_outputs([1, "two"])
        outer.set_outputs("because")
    trace = nbtrace.get_trace(outer.trace_id)
    assert trace.info.state == "OK"
    assert json.loads(trace.info.request_preview) == {"question": "why?"}
    assert "because" in trace.info.response_preview
    spans = spans_of(outer.trace_id)
    assert spans["outer"].parent_id is None
    assert spans["inner"].parent_id == spans["outer"].span_id
    assert spans["outer"].inputs == {"question": "why?"}
    assert spans["inner"].outputs == [1, "two"]
    assert spans["inner"].span_type == "TOOL"
    assert spans["inner"].raw_attributes["k"] == 3
    assert spans["outer"].status.status_code == "OK"
    assert spans["outer"].start_time_ns <= spans["inner"].start_time_ns
    assert spans["inner"].end_time_ns <= spans["outer"].end_time_ns


def test_values_are_a_snapshot_of_the_moment_they_are_set():
    question = {"words": ["why"]}
    with nbtrace.start_span("step") as span:
        span.set_inputs(question)
        question["words"].append("changed")
    assert spans_of(span.trace_id)["step"].inputs == {"words": ["why"]}


def test_equal_names_are_kept_as_they_are():
    with nbtrace.start_span("step") as root:
        for _ in range(2):
            with nbtrace.start_span("step"):
                pass
    assert [span.name for span in nbtrace.get_trace(root.trace_id).data.spans] == ["step"] * 3


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"),
        KeyboardInterrupt("stop"),
        SystemExit(2),
        asyncio.CancelledError(),
        KeyError(),
    ],
)
def test_what_is_raised_is_recorded_and_goes_on(error):
    with pytest.raises(type(error)) as caught, nbtrace.start_span("step") as span:
        raise error
    assert caught.value is error
    trace = nbtrace.get_trace(span.trace_id)
    assert trace.info.state == "ERROR"
    (found,) = trace.data.spans
    assert found.status.status_code == "ERROR"
    assert found.status.description.startswith(type(error).__name__)
    (event,) = found.events
    assert event.name == "exception"
    assert event.attributes["exception.type"].endswith(type(error).__name__)
    assert event.attributes["exception.message"] == str(error)
    assert "raise error" in event.attributes["exception.stacktrace"]


def test_an_exception_whose_str_raises_is_recorded_all_the_same():
    class AwkwardError(Exception):
        def __str__(self):
            raise RuntimeError

    with pytest.raises(AwkwardError), nbtrace.start_span("step") as span:
        raise AwkwardError
    assert nbtrace.get_trace(span.trace_id).info.state == "ERROR"


def test_secrets_in_an_exception_are_redacted():
    secret = "sk-" + "a1B2" * 12
    with pytest.raises(ValueError, match="sk-"), nbtrace.start_span("step") as span:
        raise ValueError(f"the key {secret} is wrong")
    text = str(nbtrace.get_trace(span.trace_id).to_dict())
    assert secret not in text
    assert "[REDACTED]" in text


def test_a_status_that_was_set_stays():
    with nbtrace.start_span("step") as span:
        span.set_status(SpanStatus(SpanStatusCode.ERROR, "half of it failed"))
    found = spans_of(span.trace_id)["step"]
    assert (found.status.status_code, found.status.description) == ("ERROR", "half of it failed")
    assert nbtrace.get_trace(span.trace_id).info.state == "ERROR"


def test_an_unknown_status_says_which_there_are():
    with (
        nbtrace.start_span("step") as span,
        pytest.raises(NbtraceError, match="'OK', 'ERROR' or 'UNSET'"),
    ):
        span.set_status("FINE")


def test_events_links_descriptions_and_levels_are_kept():
    link = Link(trace_id="tr-" + "1" * 32, span_id="2" * 16, attributes={"why": "same"})
    with nbtrace.start_span(
        "step", links=[link], description="what it does", log_level="WARNING"
    ) as span:
        span.add_event(
            SpanEvent("milestone", attributes={"n": 1}, timestamp=1_767_225_600_000_000_000)
        )
        span.record_exception("a message")
    found = spans_of(span.trace_id)["step"]
    assert found.events[0].name == "milestone"
    assert found.events[0].attributes == {"n": 1}
    assert found.events[0].timestamp == 1_767_225_600_000_000_000
    assert found.links[0].span_id == "2" * 16
    assert found.get_attribute("mlflow.spanDescription") == "what it does" or (
        "what it does" in found.attributes.values()
    )
    assert found.status.status_code == "ERROR"


def test_reserved_keys_are_decoded_and_others_keep_their_type():
    with nbtrace.start_span("step") as span:
        span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 3, "output_tokens": 4})
        span.set_attributes({"flag": True, "count": 2, "ratio": 0.5, "names": ["a", "b"]})
        assert span.get_attribute("mlflow.chat.tokenUsage")["input_tokens"] == 3
        span.set_span_type("LLM")
    found = spans_of(span.trace_id)["step"]
    assert isinstance(found.raw_attributes["mlflow.chat.tokenUsage"], str)
    assert found.get_attribute("mlflow.chat.tokenUsage")["output_tokens"] == 4
    assert found.raw_attributes["flag"] is True
    assert found.raw_attributes["names"] == ["a", "b"]
    assert found.span_type == "LLM"
    assert nbtrace.get_trace(span.trace_id).info.token_usage["input_tokens"] == 3


def test_nothing_changes_a_span_that_has_ended():
    with nbtrace.start_span("step") as span:
        span.set_outputs("kept")
    before = span.to_dict()
    span.set_outputs("late")
    span.set_inputs("late")
    span.set_attribute("late", 1)
    span.set_status("ERROR")
    span.add_event(SpanEvent("late"))
    span.record_exception("late")
    span.end()
    assert span.to_dict() == before
    assert len(nbtrace.get_trace(span.trace_id).data.spans) == 1


def test_a_live_span_copies_and_pickles_as_the_immutable_one():
    with nbtrace.start_span("step") as span:
        span.set_inputs({"a": 1})
        for twin in (
            copy.deepcopy(span),
            pickle.loads(pickle.dumps(span)),
            span.to_immutable_span(),
        ):
            assert type(twin) is Span
            assert (twin.span_id, twin.inputs) == (span.span_id, {"a": 1})
    assert nbtrace.get_current_active_span() is None


def test_spans_without_context_nest_by_their_parent():
    root = nbtrace.start_span_no_context(
        "job", inputs={"n": 1}, tags={"stage": "try"}, metadata={"batch": "7"}
    )
    assert nbtrace.get_current_active_span() is None
    with nbtrace.start_span("elsewhere") as other:
        child = nbtrace.start_span_no_context("step", parent_span=root, span_type="TOOL")
    child.end(outputs=[1], attributes={"x": 1})
    root.end(outputs="done", status="OK")
    spans = spans_of(root.trace_id)
    assert set(spans) == {"job", "step"}
    assert spans["step"].parent_id == root.span_id
    assert spans["step"].outputs == [1]
    assert other.trace_id != root.trace_id
    info = nbtrace.get_trace(root.trace_id).info
    assert info.tags["stage"] == "try"
    assert info.trace_metadata["batch"] == "7"


def test_given_times_are_kept():
    span = nbtrace.start_span_no_context("step", start_time_ns=1_700_000_000_000_000_000)
    span.end(end_time_ns=1_700_000_002_500_000_000)
    info = nbtrace.get_trace(span.trace_id).info
    assert info.request_time == 1_700_000_000_000
    assert info.execution_duration == 2_500


def test_a_parent_that_is_no_span_is_refused_and_a_no_op_parent_has_no_op_children():
    with pytest.raises(NbtraceError, match="parent_span"):
        nbtrace.start_span_no_context("step", parent_span="abc")
    nbtrace.tracing.disable()
    parent = nbtrace.start_span_no_context("off")
    nbtrace.tracing.enable()
    child = nbtrace.start_span_no_context("step", parent_span=parent)
    child.end()
    assert child.trace_id == "MLFLOW_NO_OP_SPAN_TRACE_ID"


def test_the_current_span_and_trace_are_known_inside_only():
    assert nbtrace.get_current_active_span() is None
    assert nbtrace.get_active_trace_id() is None
    with nbtrace.start_span("outer") as outer:
        with nbtrace.start_span("inner") as inner:
            assert nbtrace.get_current_active_span() == inner
        assert nbtrace.get_current_active_span() == outer
        assert nbtrace.get_active_trace_id() == outer.trace_id
    assert nbtrace.get_current_active_span() is None


def test_the_opentelemetry_face_reads_and_writes_the_same_span():
    with nbtrace.start_span("step") as span:
        face = otel_trace.get_current_span()
        assert isinstance(face, otel_trace.Span)
        assert face.is_recording()
        assert f"{face.get_span_context().trace_id:032x}" == span.trace_id.removeprefix("tr-")
        assert face.get_span_context().trace_flags.sampled
        face.set_attribute("llm.model_name", "m")
        face.add_event("token", {"n": 1}, 1_767_225_600_000_000_000)
        face.add_link(SpanContext(5, 6, is_remote=True), {"a": 1})
        face.update_name("renamed")
        face.set_status(Status(StatusCode.ERROR, "broken"))
        face.set_status(StatusCode.UNSET)
        assert face.name == "renamed"
        assert face.kind is SpanKind.INTERNAL
        assert face.parent is None
        assert face.attributes["llm.model_name"] == "m"
        assert [event.name for event in face.events] == ["token"]
        assert face.links[0].context.span_id == 6
        assert face.status.status_code is StatusCode.ERROR
        assert face.resource["service.name"] == "nbtrace"
        assert face.instrumentation_scope.name == "nbtrace"
        assert face.end_time is None
    assert not face.is_recording()
    face.set_attribute("late", 1)
    face.end()
    found = spans_of(span.trace_id)["renamed"]
    assert found.raw_attributes["llm.model_name"] == "m"
    assert "late" not in found.raw_attributes
    assert found.status.description == "broken"


def test_a_remote_parent_gives_its_trace_id():
    context = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1))
    token = attach(otel_trace.set_span_in_context(otel_trace.NonRecordingSpan(context)))
    try:
        with nbtrace.start_span("served") as span:
            pass
    finally:
        detach(token)
    assert span.trace_id == f"tr-{0xABC:032x}"
    assert span.parent_id == f"{0xDEF:016x}"
    assert nbtrace.get_trace(span.trace_id).info.state == "OK"


def test_the_suppress_key_records_nothing():
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        with nbtrace.start_span("hidden") as span:
            span.set_inputs(1)
    finally:
        detach(token)
    assert span.trace_id == "MLFLOW_NO_OP_SPAN_TRACE_ID"
    assert len(nbtrace.search_traces(return_type="list")) == 0


def test_a_no_op_span_takes_every_call():
    nbtrace.tracing.disable()
    with nbtrace.start_span("off", attributes={"a": 1}) as span:
        span.set_inputs(object())
        span.set_outputs(1)
        span.set_attribute("a", 1)
        span.set_attributes({"a": 1})
        span.set_span_type("LLM")
        span.set_status("ERROR")
        span.add_event(SpanEvent("x"))
        span.record_exception(ValueError("x"))
        span.set_description("x")
        span.set_log_level("INFO")
        span.end()
    assert span.trace_id == "MLFLOW_NO_OP_SPAN_TRACE_ID"
    assert not span.inputs


def test_children_follow_a_root_that_is_not_sampled():
    nbtrace.configure(sampling_ratio=0)
    with nbtrace.start_span("root") as root:
        nbtrace.configure(sampling_ratio=1)
        with nbtrace.start_span("child") as child:
            assert nbtrace.get_active_trace_id() is None
    assert root.trace_id == child.trace_id == "MLFLOW_NO_OP_SPAN_TRACE_ID"
    with nbtrace.start_span("next") as span:
        pass
    assert [t.info.trace_id for t in nbtrace.search_traces(return_type="list")] == [span.trace_id]


def test_sampling_keeps_about_its_share_and_ignores_the_users_seed():
    nbtrace.configure(sampling_ratio=0.5)
    kept = 0
    for _ in range(400):
        random.seed(1)
        with nbtrace.start_span("step") as span:
            kept += span.trace_id.startswith("tr-")
    assert 120 < kept < 280


def test_the_users_seed_does_not_repeat_ids():
    ids = set()
    for _ in range(50):
        random.seed(7)
        with nbtrace.start_span("step") as span:
            ids |= {span.trace_id, span.span_id}
    assert len(ids) == 100


def test_root_only_arguments_on_a_child_are_ignored_with_a_warning(caplog):
    caplog.set_level(logging.WARNING, "nbtrace")
    with (
        nbtrace.start_span("root", run_id="run-1") as root,
        nbtrace.start_span("child", run_id="run-2"),
    ):
        pass
    assert "root span" in caplog.text
    assert nbtrace.get_trace(root.trace_id).info.trace_metadata["mlflow.sourceRun"] == "run-1"


def test_a_trace_goes_to_the_destination_that_its_root_names():
    experiment_id = nbtrace.create_experiment("elsewhere")
    with nbtrace.start_span("root", trace_destination=experiment_id) as span:
        pass
    assert nbtrace.get_trace(span.trace_id).info.experiment_id == experiment_id


def test_a_block_ended_in_another_context_leaves_that_one_alone(caplog):
    scope = nbtrace.start_span("elsewhere")
    span = contextvars.copy_context().run(scope.__enter__)
    with nbtrace.start_span("here") as here:
        scope.__exit__(None, None, None)
        assert nbtrace.get_current_active_span() == here
    assert nbtrace.get_current_active_span() is None
    assert nbtrace.get_trace(span.trace_id).info.state == "OK"
    assert "detach" not in caplog.text


def test_a_block_ended_by_another_thread_leaves_that_one_alone():
    scope = nbtrace.start_span("elsewhere")
    thread = threading.Thread(target=scope.__enter__)
    thread.start()
    thread.join()
    with nbtrace.start_span("here") as here:
        scope.__exit__(None, None, None)
        assert nbtrace.get_current_active_span() == here


def in_a_context_of_its_own(function):
    """Keep what a failing test leaves current away from the next one."""

    @functools.wraps(function)
    def run():
        contextvars.copy_context().run(function)

    return run


def stream():
    with nbtrace.start_span("stream"):
        yield 1
        yield 2


@in_a_context_of_its_own
def test_a_generator_left_suspended_in_a_block_of_its_own_leaves_nothing_current():
    with nbtrace.start_span("root"):
        held = stream()
        next(held)
    assert nbtrace.get_current_active_span() is None
    held.close()
    assert nbtrace.get_current_active_span() is None


@in_a_context_of_its_own
def test_a_block_may_close_a_generator_that_was_begun_outside_it():
    with nbtrace.start_span("root") as root:
        held = stream()
        next(held)
        with nbtrace.start_span("step"):
            held.close()
        with nbtrace.start_span("after") as after:
            pass
    assert nbtrace.get_current_active_span() is None
    assert after.parent_id == root.span_id


def test_deep_nesting_and_many_events_are_bounded():
    with nbtrace.start_span("step") as span:
        for number in range(1_200):
            span.add_event(SpanEvent(f"event {number}"))
    found = spans_of(span.trace_id)["step"]
    assert len(found.events) == 1_000
    assert found.raw_attributes["otel.dropped_events_count"] == 200


def test_odd_names_and_types_are_stored():
    for name in ('quote"back\\slash\n', "\ud800", "", "名前"):
        with nbtrace.start_span(name, span_type='we"ird') as span:
            pass
        (found,) = nbtrace.get_trace(span.trace_id).data.spans
        assert found.span_type == 'we"ird'


def test_names_that_are_no_text_do_not_break_the_code():
    with nbtrace.start_span(7) as span:
        pass
    (found,) = nbtrace.get_trace(span.trace_id).data.spans
    assert found.name == "7"
