"""Assessments: MLflow's dictionaries, defaults and complaints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace.entities import (
    Assessment,
    AssessmentError,
    AssessmentSource,
    Document,
    Expectation,
    ExpectationValue,
    Experiment,
    Feedback,
    FeedbackValue,
    IssueReference,
)
from nbtrace.entities.assessment_error import STACK_TRACE_CHARACTERS
from nbtrace.exceptions import NbtraceError

scalars = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(), scalars, max_size=3)
sources = st.builds(
    AssessmentSource, st.sampled_from(["HUMAN", "LLM_JUDGE", "CODE"]), st.text(min_size=1)
)
common = {
    "source": sources,
    "trace_id": st.none() | st.text(),
    "span_id": st.none() | st.text(),
    "metadata": st.none() | st.dictionaries(st.text(), st.text(), min_size=1),
    "create_time_ms": st.integers(0, 2**40),
    "last_update_time_ms": st.integers(0, 2**40),
}
assessments = (
    st.builds(
        Feedback,
        st.text(),
        values,
        st.none() | st.text(),
        rationale=st.none() | st.text(),
        overrides=st.none() | st.text(),
        valid=st.booleans(),
        **common,
    )
    | st.builds(Expectation, st.text(), values, **common)
    | st.builds(IssueReference, st.text(), st.text(), **common)
)


@given(assessments)
def test_an_assessment_comes_back_from_its_dictionary(assessment):
    back = Assessment.from_dictionary(assessment.to_dictionary())
    assert back == assessment
    assert type(back) is type(assessment)


def test_the_dictionary_is_mlflows():
    feedback = Feedback(
        "correct",
        value=True,
        source=AssessmentSource("human", "ada"),
        rationale="as the document says",
        metadata={"mlflow.assessment.sourceRunId": "r1"},
        trace_id="tr-1",
        create_time_ms=1_500,
        last_update_time_ms=2_000,
    )
    feedback.assessment_id = "a-1"
    assert feedback.run_id == "r1"
    assert feedback.to_dictionary() == {
        "assessment_id": "a-1",
        "assessment_name": "correct",
        "source": {"source_type": "HUMAN", "source_id": "ada"},
        "trace_id": "tr-1",
        "create_time": "1970-01-01T00:00:01.500Z",
        "last_update_time": "1970-01-01T00:00:02Z",
        "feedback": {"value": True},
        "rationale": "as the document says",
        "metadata": {"mlflow.assessment.sourceRunId": "r1"},
        "valid": True,
    }
    expectation = Expectation("facts", ["a"]).to_dictionary()["expectation"]
    assert expectation == {
        "serialized_value": {"serialization_format": "JSON_FORMAT", "value": '["a"]'}
    }


def test_defaults_are_mlflows():
    assert Feedback(value=1).name == "feedback"
    assert Feedback(value=1).source == AssessmentSource("CODE")
    assert Expectation("e", 1).source == AssessmentSource("HUMAN")
    assert IssueReference("i", "name").source == AssessmentSource("LLM_JUDGE")
    assert AssessmentSource("AI_JUDGE").source_type == "LLM_JUDGE"
    assert Feedback(value=1).create_time_ms > 0


def test_values_can_be_changed():
    feedback = Feedback(value=1, error="odd")
    feedback.value = 2
    assert feedback.feedback == FeedbackValue(2, AssessmentError("ASSESSMENT_ERROR", "odd"))
    expectation = Expectation("e", 1)
    expectation.value = 2
    assert expectation.expectation == ExpectationValue(2)
    issue = IssueReference("i-1", "slow")
    assert (issue.issue_id, issue.issue_name) == ("i-1", "slow")


def test_an_error_stands_in_for_a_value():
    feedback = Feedback("judge", error=ValueError("no"))
    assert feedback.error.error_code == "ValueError"
    assert feedback.feedback.error.error_message == "no"
    long = AssessmentError("E", stack_trace="x" * 20_000 + "end").to_dictionary()["stack_trace"]
    assert len(long) == STACK_TRACE_CHARACTERS
    assert long.startswith("[Stack trace is truncated]")
    assert long.endswith("xend")


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: AssessmentSource("ROBOT"), "HUMAN, LLM_JUDGE, CODE"),
        (lambda: Expectation("e", None), "needs a value"),
        (lambda: Feedback(error=5), "exception"),
        (lambda: Feedback(value=1, source="ada"), "AssessmentSource"),
        (lambda: Assessment("a", AssessmentSource("CODE")), "exactly one"),
        (
            lambda: Assessment(
                "a",
                AssessmentSource("CODE"),
                expectation=ExpectationValue(1),
                error=AssessmentError("E"),
            ),
            "belongs to feedback",
        ),
        (lambda: Assessment.from_dictionary({"assessment_name": "a"}), "'a' has no feedback"),
    ],
)
def test_misuse_says_what_to_do(make, hint):
    with pytest.raises(NbtraceError, match=hint):
        make()


def test_documents_and_experiments_are_plain():
    document = Document("text", {"score": 0.5}, "d1")
    assert Document.from_dict(document.to_dict()) == document
    assert Document.from_dict({"page_content": "text"}) == Document("text")
    assert Experiment("0", "Default").tags == {}
