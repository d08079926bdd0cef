"""What is common to all assessments, and their form as MLflow's dictionaries."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrace.entities.assessment_source import AssessmentSource
from nbtrace.entities.assessment_value import (
    ExpectationValue,
    FeedbackValue,
    IssueReferenceValue,
)
from nbtrace.entities.timestamps import from_rfc3339, to_rfc3339
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.assessment_error import AssessmentError

SOURCE_RUN_KEY = "mlflow.assessment.sourceRunId"


@dataclass
class Assessment:
    """What is common to all assessments; make a `Feedback` or an `Expectation`.

    Parameters
    ----------
    name : str
        What is assessed, such as ``"correctness"``.
    source : AssessmentSource
        Who says so.
    trace_id, span_id : str or None
        What it is about.
    run_id : str or None
        The run that found it.
    rationale : str or None
        Why.
    metadata : dict of str to str, or None
        More about it.
    create_time_ms, last_update_time_ms : int or None
        Milliseconds since the epoch, now when left out.
    assessment_id : str or None
        Given by the store.
    error : AssessmentError or None
        Why the feedback has no value.
    expectation, feedback, issue
        Exactly one is set.
    overrides : str or None
        Id of the assessment it replaces.
    valid : bool or None
        False once it has been replaced.

    Raises
    ------
    NbtraceError
        When not exactly one of expectation, feedback and issue is set.
    """

    name: str
    source: AssessmentSource
    trace_id: str | None = None
    run_id: str | None = None
    rationale: str | None = None
    metadata: dict[str, str] | None = None
    span_id: str | None = None
    create_time_ms: int | None = None
    last_update_time_ms: int | None = None
    assessment_id: str | None = None
    error: AssessmentError | None = None
    expectation: ExpectationValue | None = None
    feedback: FeedbackValue | None = None
    issue: IssueReferenceValue | None = None
    overrides: str | None = None
    valid: bool | None = None

    def __post_init__(self) -> None:
        values = (self.expectation, self.feedback, self.issue)
        if sum(value is not None for value in values) != 1:
            message = "exactly one of expectation, feedback and issue must be given"
            raise NbtraceError.invalid(message)
        if self.error is not None:
            if self.feedback is None:
                message = "an error belongs to feedback; an expectation or issue has none"
                raise NbtraceError.invalid(message)
            self.feedback.error = self.error
        if not isinstance(self.source, AssessmentSource):
            message = f"source must be an AssessmentSource, got {type(self.source).__name__}"
            raise NbtraceError.invalid(message)
        now = time.time_ns() // 1_000_000
        if self.create_time_ms is None:
            self.create_time_ms = now
        if self.last_update_time_ms is None:
            self.last_update_time_ms = now
        if self.run_id is None and self.metadata:
            self.run_id = self.metadata.get(SOURCE_RUN_KEY)

    def to_dictionary(self) -> dict[str, Any]:
        """Return MLflow's dictionary; what is not known is left out.

        Returns
        -------
        dict
            What a real MLflow's ``Assessment.from_dictionary`` reads.

        Examples
        --------
        >>> from nbtrace.entities import Feedback
        >>> Feedback("correctness", value=True).to_dictionary()["feedback"]
        {'value': True}
        """
        data: dict[str, Any] = {
            "assessment_name": self.name,
            "source": self.source.to_dictionary(),
            "create_time": to_rfc3339(self.create_time_ms or 0),
            "last_update_time": to_rfc3339(self.last_update_time_ms or 0),
        }
        for key in ("assessment_id", "trace_id", "span_id", "rationale", "overrides", "valid"):
            value = getattr(self, key)
            if value is not None:
                data[key] = value
        if self.metadata:
            data["metadata"] = {key: str(value) for key, value in self.metadata.items()}
        for key in ("expectation", "feedback", "issue"):
            value = getattr(self, key)
            if value is not None:
                data[key] = value.to_dictionary()
        return data

    @classmethod
    def from_dictionary(cls, data: Mapping[str, Any]) -> Assessment:
        """Return the assessment of MLflow's dictionary.

        Parameters
        ----------
        data : Mapping
            What `to_dictionary`, or MLflow's, returned.

        Returns
        -------
        Feedback or Expectation or IssueReference
            The assessment.

        Raises
        ------
        NbtraceError
            When it holds none of the three.

        Examples
        --------
        >>> from nbtrace.entities import Feedback
        >>> Assessment.from_dictionary(Feedback(value=3).to_dictionary()).value
        3
        """
        from nbtrace.entities.assessment import Expectation, Feedback, IssueReference

        common: dict[str, Any] = {
            "source": AssessmentSource.from_dictionary(data.get("source") or {}),
            "trace_id": data.get("trace_id"),
            "metadata": data.get("metadata"),
            "span_id": data.get("span_id"),
            "create_time_ms": _moment(data.get("create_time")),
            "last_update_time_ms": _moment(data.get("last_update_time")),
        }
        name = data.get("assessment_name", "")
        result: Assessment
        if (feedback := data.get("feedback")) is not None:
            value = FeedbackValue.from_dictionary(feedback)
            result = Feedback(
                name,
                value=value.value,
                error=value.error,
                overrides=data.get("overrides"),
                valid=data.get("valid", True),
                **common,
            )
        elif (expectation := data.get("expectation")) is not None:
            result = Expectation(
                name, ExpectationValue.from_dictionary(expectation).value, **common
            )
            result.overrides, result.valid = data.get("overrides"), data.get("valid")
        elif (issue := data.get("issue")) is not None:
            result = IssueReference(name, issue["issue_name"], **common)
            result.overrides, result.valid = data.get("overrides"), data.get("valid")
        else:
            message = f"assessment {name!r} has no feedback, expectation or issue"
            raise NbtraceError.invalid(message)
        result.rationale = data.get("rationale")
        result.assessment_id = data.get("assessment_id") or None
        result.run_id = data.get("run_id") or result.run_id
        return result


def _moment(value: str | None) -> int | None:
    return None if value is None else from_rfc3339(value)
