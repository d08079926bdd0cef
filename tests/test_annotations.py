"""Feedback and expectations on traces, as people log and search them."""

from __future__ import annotations

import pytest

import nbtrace
from nbtrace.entities import (
    AssessmentSource,
    AssessmentSourceType,
    Expectation,
    Feedback,
    IssueReference,
)
from nbtrace.exceptions import (
    INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    NbtraceError,
)

NOBODY = "tr-" + "0a" * 16
SOURCE = AssessmentSource(AssessmentSourceType.HUMAN, "ada")


@pytest.fixture
def trace_id():
    with nbtrace.start_span("answer") as span:
        pass
    return span.trace_id


def found(filter_string):
    return [
        trace.info.trace_id for trace in nbtrace.search_traces(filter_string, return_type="list")
    ]


def code_of(call):
    with pytest.raises(NbtraceError) as caught:
        call()
    return caught.value.error_code


def test_feedback_is_kept_and_found(trace_id):
    logged = nbtrace.log_feedback(
        trace_id=trace_id,
        name="correct",
        value=True,
        source=SOURCE,
        rationale="the book says so",
        metadata={"page": "3"},
        span_id="0" * 16,
    )
    assert logged.assessment_id.startswith("a-")
    assert logged.trace_id == trace_id
    assert nbtrace.get_assessment(trace_id, logged.assessment_id) == logged
    assert nbtrace.get_trace(trace_id).info.assessments == [logged]
    for text in (
        "feedback.correct = true",
        "feedback.correct = 'true'",
        "feedback.correct IS NOT NULL",
        "NOT feedback.correct = false",
        "name = 'answer' AND feedback.correct = true",
        "feedback.correct = true OR feedback.wrong = true",
    ):
        assert found(text) == [trace_id], text
    for text in (
        "feedback.correct = false",
        "feedback.other IS NOT NULL",
        "expectation.correct = true",
    ):
        assert found(text) == [], text


def test_the_defaults_are_mlflows(trace_id):
    feedback = nbtrace.log_feedback(trace_id=trace_id, value=0.5)
    assert feedback.name == "feedback"
    assert feedback.source.source_type == "CODE"
    expectation = nbtrace.log_expectation(trace_id=trace_id, name="answer", value={"a": 1})
    assert expectation.source.source_type == "HUMAN"
    assert found("feedback.feedback > 0.4") == [trace_id]
    assert found("expectation.answer IS NOT NULL") == [trace_id]
    with pytest.raises(NbtraceError, match="needs a value"):
        nbtrace.log_expectation(trace_id=trace_id, name="answer", value=None)


def test_feedback_that_failed(trace_id):
    logged = nbtrace.log_feedback(trace_id=trace_id, name="judge", error=ValueError("no answer"))
    kept = nbtrace.get_assessment(trace_id, logged.assessment_id)
    assert kept.error.error_code == "ValueError"
    assert kept.value is None


def test_the_id_may_be_bare(trace_id):
    bare = trace_id.removeprefix("tr-")
    logged = nbtrace.log_feedback(trace_id=bare, value=1)
    assert logged.trace_id == trace_id
    assert nbtrace.get_assessment(bare, logged.assessment_id).value == 1


def test_an_active_trace_takes_assessments_too():
    with nbtrace.start_span("answer") as span:
        logged = nbtrace.log_feedback(trace_id=span.trace_id, name="early", value=3)
        assert nbtrace.get_assessment(span.trace_id, logged.assessment_id).value == 3
        assert found("feedback.early = 3") == [span.trace_id]
        assert found("state = 'IN_PROGRESS'") == [span.trace_id]
    info = nbtrace.get_trace(span.trace_id).info
    assert info.state == "OK"
    assert info.assessments == [logged]
    assert info.tags["mlflow.traceName"] == "answer"
    assert found("name = 'answer' AND state = 'OK' AND feedback.early = 3") == [span.trace_id]
    assert [item.name for item in nbtrace.get_trace(span.trace_id).data.spans] == ["answer"]


def test_nothing_is_logged_while_tracing_is_off():
    nbtrace.tracing.disable()
    try:
        with nbtrace.start_span("answer") as span:
            logged = nbtrace.log_feedback(trace_id=span.trace_id, value=1)
    finally:
        nbtrace.tracing.enable()
    assert logged.assessment_id is None


def test_overriding_and_its_undoing(trace_id):
    first = nbtrace.log_feedback(trace_id=trace_id, name="good", value="no", span_id="1" * 16)
    second = nbtrace.override_feedback(
        trace_id=trace_id, assessment_id=first.assessment_id, value="yes", rationale="looked"
    )
    assert (second.name, second.span_id, second.overrides) == (
        "good",
        "1" * 16,
        first.assessment_id,
    )
    assert nbtrace.get_assessment(trace_id, first.assessment_id).valid is False
    assert found("feedback.good = 'yes'") == [trace_id]
    assert found("feedback.good = 'no'") == []
    shown = nbtrace.get_trace(trace_id).search_assessments("good")
    assert [item.value for item in shown] == ["yes"]
    nbtrace.delete_assessment(trace_id, second.assessment_id)
    assert nbtrace.get_assessment(trace_id, first.assessment_id).valid is True
    assert found("feedback.good = 'no'") == [trace_id]


def test_only_feedback_of_the_trace_is_overridden(trace_id):
    expectation = nbtrace.log_expectation(trace_id=trace_id, name="answer", value=1)
    assert (
        code_of(
            lambda: nbtrace.override_feedback(
                trace_id=trace_id, assessment_id=expectation.assessment_id, value=2
            )
        )
        == INVALID_PARAMETER_VALUE
    )
    assert (
        code_of(lambda: nbtrace.log_assessment(trace_id, Feedback("x", 1, overrides="a-nothing")))
        == RESOURCE_DOES_NOT_EXIST
    )
    assert nbtrace.get_trace(trace_id).info.assessments == [expectation]


def test_updating(trace_id):
    logged = nbtrace.log_feedback(
        trace_id=trace_id, name="good", value=1, source=SOURCE, rationale="r", metadata={"a": "1"}
    )
    changed = nbtrace.update_assessment(
        trace_id, logged.assessment_id, Feedback("better", 2, metadata={"b": "2"})
    )
    kept = nbtrace.get_assessment(trace_id, logged.assessment_id)
    assert kept == changed
    assert (kept.name, kept.value, kept.rationale) == ("better", 2, "r")
    assert kept.metadata == {"a": "1", "b": "2"}
    assert kept.source == SOURCE
    assert kept.create_time_ms == logged.create_time_ms
    assert kept.last_update_time_ms >= logged.last_update_time_ms
    assert found("feedback.better = 2") == [trace_id]
    assert found("feedback.good = 1") == []
    nbtrace.update_assessment(trace_id, logged.assessment_id, Feedback("better", error="broken"))
    kept = nbtrace.get_assessment(trace_id, logged.assessment_id)
    assert kept.error.error_message == "broken"
    assert (
        code_of(
            lambda: nbtrace.update_assessment(trace_id, logged.assessment_id, Expectation("x", 1))
        )
        == INVALID_PARAMETER_VALUE
    )
    assert (
        code_of(lambda: nbtrace.update_assessment(trace_id, "a-0", Feedback("x", 1)))
        == RESOURCE_DOES_NOT_EXIST
    )


def test_updating_keeps_an_override_in_force(trace_id):
    first = nbtrace.log_feedback(trace_id=trace_id, name="good", value=1)
    second = nbtrace.override_feedback(
        trace_id=trace_id, assessment_id=first.assessment_id, value=2
    )
    nbtrace.update_assessment(trace_id, second.assessment_id, Feedback("good", 3))
    assert nbtrace.get_assessment(trace_id, second.assessment_id).overrides == first.assessment_id
    nbtrace.update_assessment(trace_id, first.assessment_id, Feedback("good", 0))
    assert nbtrace.get_assessment(trace_id, first.assessment_id).valid is False


def test_deleting_twice_is_no_fault(trace_id):
    logged = nbtrace.log_feedback(trace_id=trace_id, value=1)
    nbtrace.delete_assessment(trace_id, logged.assessment_id)
    nbtrace.delete_assessment(trace_id, logged.assessment_id)
    assert nbtrace.get_trace(trace_id).info.assessments == []
    assert found("feedback.feedback = 1") == []
    assert (
        code_of(lambda: nbtrace.get_assessment(trace_id, logged.assessment_id))
        == RESOURCE_DOES_NOT_EXIST
    )


def test_an_issue_is_an_assessment_too(trace_id):
    logged = nbtrace.log_assessment(trace_id, IssueReference("iss-1", "wrong language"))
    assert found("issue.id = 'iss-1'") == [trace_id]
    assert nbtrace.get_assessment(trace_id, logged.assessment_id).issue_name == "wrong language"


def test_what_does_not_exist(trace_id):
    for call in (
        lambda: nbtrace.log_feedback(trace_id=NOBODY, value=1),
        lambda: nbtrace.log_expectation(trace_id=NOBODY, name="x", value=1),
        lambda: nbtrace.get_assessment(NOBODY, "a-1"),
        lambda: nbtrace.update_assessment(NOBODY, "a-1", Feedback("x", 1)),
        lambda: nbtrace.delete_assessment(NOBODY, "a-1"),
        lambda: nbtrace.override_feedback(trace_id=NOBODY, assessment_id="a-1", value=1),
    ):
        assert code_of(call) == RESOURCE_DOES_NOT_EXIST
    logged = nbtrace.log_feedback(trace_id=trace_id, value=1)
    again = code_of(lambda: nbtrace.log_assessment(trace_id, logged))
    assert again == RESOURCE_ALREADY_EXISTS


def test_what_is_said_of_a_session_is_said_of_its_traces():
    ids = []
    for _ in range(2):
        with nbtrace.context(session_id="chat"), nbtrace.start_span("turn") as span:
            pass
        ids.append(span.trace_id)
    nbtrace.log_feedback(
        trace_id=ids[0], name="calm", value=True, metadata={"mlflow.trace.session": "chat"}
    )
    assert sorted(found("feedback.calm = true")) == sorted(ids)
    assert found("feedback.calm IS NULL") == []
