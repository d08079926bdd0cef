"""What people, judges and code say about a trace or one of its spans.

An assessment holds exactly one of feedback (how good it was), expectation (what was right) or an
issue (a known problem). MLflow's names and dictionaries; ids are given by the store.
"""

from __future__ import annotations

from typing import Any

from nbtrace.entities.assessment_base import Assessment
from nbtrace.entities.assessment_error import AssessmentError
from nbtrace.entities.assessment_source import AssessmentSource, AssessmentSourceType
from nbtrace.entities.assessment_value import (
    ExpectationValue,
    FeedbackValue,
    IssueReferenceValue,
)
from nbtrace.exceptions import NbtraceError

__all__ = [
    "Assessment",
    "AssessmentError",
    "AssessmentSource",
    "AssessmentSourceType",
    "Expectation",
    "ExpectationValue",
    "Feedback",
    "FeedbackValue",
    "IssueReference",
    "IssueReferenceValue",
]

DEFAULT_FEEDBACK_NAME = "feedback"


class Feedback(Assessment):
    """How good something was.

    Parameters
    ----------
    name : str
        What is assessed.
    value : object
        Number, text, truth value, or a list or dict of these.
    error : BaseException or AssessmentError or str, optional
        Why there is no value.
    source : AssessmentSource, optional
        Who says so; code when left out.
    trace_id, span_id, metadata, create_time_ms, last_update_time_ms, rationale, overrides, valid
        As in `Assessment`.

    Raises
    ------
    NbtraceError
        When ``error`` is of another type.

    Examples
    --------
    >>> Feedback("correctness", value=True, rationale="the document says so").value
    True
    """

    def __init__(  # noqa: PLR0913, PLR0917 - MLflow's signature
        self,
        name: str = DEFAULT_FEEDBACK_NAME,
        value: Any = None,
        error: BaseException | AssessmentError | str | None = None,
        source: AssessmentSource | None = None,
        trace_id: str | None = None,
        metadata: dict[str, str] | None = None,
        span_id: str | None = None,
        create_time_ms: int | None = None,
        last_update_time_ms: int | None = None,
        rationale: str | None = None,
        overrides: str | None = None,
        valid: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    ) -> None:
        if isinstance(error, BaseException):
            error = AssessmentError.from_exception(error)
        elif isinstance(error, str):
            error = AssessmentError("ASSESSMENT_ERROR", error)
        elif error is not None and not isinstance(error, AssessmentError):
            message = (
                "error must be an exception, an AssessmentError or text, "
                f"got {type(error).__name__}"
            )
            raise NbtraceError.invalid(message)
        super().__init__(
            name,
            source or AssessmentSource(AssessmentSourceType.CODE),
            trace_id=trace_id,
            metadata=metadata,
            span_id=span_id,
            create_time_ms=create_time_ms,
            last_update_time_ms=last_update_time_ms,
            rationale=rationale,
            error=error,
            feedback=FeedbackValue(value, error),
            overrides=overrides,
            valid=valid,
        )

    @property
    def value(self) -> Any:
        """The feedback."""
        return self.feedback and self.feedback.value

    @value.setter
    def value(self, value: Any) -> None:
        self.feedback = FeedbackValue(value, self.error)

    @property
    def error_code(self) -> str | None:
        """Why there is no value, as a code."""
        return None if self.error is None else self.error.error_code

    @property
    def error_message(self) -> str | None:
        """Why there is no value, in words."""
        return None if self.error is None else self.error.error_message


class Expectation(Assessment):
    """What would have been right.

    Parameters
    ----------
    name : str
        What is expected, such as ``"expected_response"``.
    value : object
        Whatever JSON can hold, not None.
    source : AssessmentSource, optional
        Who says so; a person when left out.
    trace_id, metadata, span_id, create_time_ms, last_update_time_ms
        As in `Assessment`.

    Raises
    ------
    NbtraceError
        When the value is None.

    Examples
    --------
    >>> Expectation("expected_response", "Paris").value
    'Paris'
    """

    def __init__(  # noqa: PLR0913, PLR0917 - MLflow's signature
        self,
        name: str,
        value: Any,
        source: AssessmentSource | None = None,
        trace_id: str | None = None,
        metadata: dict[str, str] | None = None,
        span_id: str | None = None,
        create_time_ms: int | None = None,
        last_update_time_ms: int | None = None,
    ) -> None:
        if value is None:
            message = "an expectation needs a value, got None"
            raise NbtraceError.invalid(message)
        super().__init__(
            name,
            source or AssessmentSource(AssessmentSourceType.HUMAN),
            trace_id=trace_id,
            metadata=metadata,
            span_id=span_id,
            create_time_ms=create_time_ms,
            last_update_time_ms=last_update_time_ms,
            expectation=ExpectationValue(value),
        )

    @property
    def value(self) -> Any:
        """What is expected."""
        return self.expectation and self.expectation.value

    @value.setter
    def value(self, value: Any) -> None:
        self.expectation = ExpectationValue(value)


class IssueReference(Assessment):
    """A known problem that a trace shows.

    Parameters
    ----------
    issue_id : str
        Id of the issue, kept as the assessment's name.
    issue_name : str
        Its name.
    source : AssessmentSource, optional
        Who says so; a judging model when left out.
    trace_id, run_id, rationale, metadata, span_id, create_time_ms, last_update_time_ms
        As in `Assessment`.

    Examples
    --------
    >>> IssueReference("i-1", "Answers in the wrong language").issue_id
    'i-1'
    """

    def __init__(  # noqa: PLR0913, PLR0917 - MLflow's signature
        self,
        issue_id: str,
        issue_name: str,
        source: AssessmentSource | None = None,
        trace_id: str | None = None,
        run_id: str | None = None,
        rationale: str | None = None,
        metadata: dict[str, str] | None = None,
        span_id: str | None = None,
        create_time_ms: int | None = None,
        last_update_time_ms: int | None = None,
    ) -> None:
        super().__init__(
            issue_id,
            source or AssessmentSource(AssessmentSourceType.LLM_JUDGE),
            trace_id=trace_id,
            run_id=run_id,
            rationale=rationale,
            metadata=metadata,
            span_id=span_id,
            create_time_ms=create_time_ms,
            last_update_time_ms=last_update_time_ms,
            issue=IssueReferenceValue(issue_name),
        )

    @property
    def issue_id(self) -> str:
        """Id of the issue."""
        return self.name

    @property
    def issue_name(self) -> str:
        """Name of the issue."""
        return "" if self.issue is None else self.issue.issue_name
