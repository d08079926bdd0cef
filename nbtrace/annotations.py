"""Saying what a trace was worth: feedback and expectations, with MLflow's names and rules.

An assessment is in the database as soon as it is logged, also for a trace that is still being
recorded, and is found by ``feedback.<name>`` and ``expectation.<name>`` in a filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities import Assessment, AssessmentSource, Expectation, Feedback
from nbtrace.entities.assessment import DEFAULT_FEEDBACK_NAME
from nbtrace.entities.constant import NO_OP_SPAN_TRACE_ID
from nbtrace.entities.identifiers import normalize_trace_id
from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store
from nbtrace.store.assessments import (
    add_assessment,
    change_assessment,
    find_assessment,
    remove_assessment,
)
from nbtrace.store.rows import TraceRow
from nbtrace.tracing.redaction import redact_value
from nbtrace.tracing.traces import active_trace, flush_traces

if TYPE_CHECKING:
    from nbtrace.entities.assessment_error import AssessmentError

__all__ = [
    "delete_assessment",
    "get_assessment",
    "log_assessment",
    "log_expectation",
    "log_feedback",
    "override_feedback",
    "update_assessment",
]


def log_feedback(  # noqa: PLR0913 - MLflow's signature
    *,
    trace_id: str,
    name: str = DEFAULT_FEEDBACK_NAME,
    value: Any = None,
    source: AssessmentSource | None = None,
    error: BaseException | AssessmentError | str | None = None,
    rationale: str | None = None,
    metadata: dict[str, Any] | None = None,
    span_id: str | None = None,
) -> Assessment:
    """Say how good a trace, or one of its spans, was.

    Parameters
    ----------
    trace_id : str
        With or without ``tr-``; finished or still being recorded.
    name : str
        What is judged, such as ``"correctness"``.
    value : object
        Number, text, truth value, or a list or dict of these.
    source : AssessmentSource, optional
        Who says so; code when left out.
    error : BaseException or AssessmentError or str, optional
        Why there is no value.
    rationale : str, optional
        Why.
    metadata : dict of str to str, optional
        More about it; under ``mlflow.trace.session`` it speaks of every trace of that session.
    span_id : str, optional
        The span that is meant.

    Returns
    -------
    Feedback
        As it was stored, with its ``assessment_id``.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("answer") as span:
    ...     pass
    >>> nbtrace.log_feedback(trace_id=span.trace_id, name="correct", value=True).value
    True
    >>> nbtrace.count_traces("feedback.correct = true")
    1
    """
    feedback = Feedback(
        name,
        value,
        error,
        source,
        metadata=metadata,
        span_id=span_id,
        rationale=rationale,
    )
    return log_assessment(trace_id, feedback)


def log_expectation(  # noqa: PLR0913 - MLflow's signature
    *,
    trace_id: str,
    name: str,
    value: Any,
    source: AssessmentSource | None = None,
    metadata: dict[str, Any] | None = None,
    span_id: str | None = None,
) -> Assessment:
    """Say what would have been right.

    Parameters
    ----------
    trace_id : str
        With or without ``tr-``; finished or still being recorded.
    name : str
        What is expected, such as ``"expected_response"``.
    value : object
        Whatever JSON can hold, not None.
    source : AssessmentSource, optional
        Who says so; a person when left out.
    metadata : dict of str to str, optional
        More about it.
    span_id : str, optional
        The span that is meant.

    Returns
    -------
    Expectation
        As it was stored, with its ``assessment_id``.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace, ``INVALID_PARAMETER_VALUE`` if the
        value is None.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("answer") as span:
    ...     pass
    >>> nbtrace.log_expectation(trace_id=span.trace_id, name="answer", value="Paris").value
    'Paris'
    """
    return log_assessment(
        trace_id, Expectation(name, value, source, metadata=metadata, span_id=span_id)
    )


def log_assessment(trace_id: str, assessment: Assessment) -> Assessment:
    """Store an assessment of a trace.

    Parameters
    ----------
    trace_id : str
        With or without ``tr-``; finished or still being recorded. What `start_span` gives while
        tracing is off is no trace, and the assessment is returned as it came.
    assessment : Assessment
        Feedback, an expectation or an issue. One that ``overrides`` another takes its place.

    Returns
    -------
    Assessment
        With ``trace_id`` and ``assessment_id`` set; the same object, unless a secret in it was
        redacted.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace, or nothing to override.

    Examples
    --------
    >>> import nbtrace
    >>> from nbtrace.entities import Feedback
    >>> with nbtrace.start_span("answer") as span:
    ...     pass
    >>> nbtrace.log_assessment(span.trace_id, Feedback("quality", 0.9)).assessment_id[:2]
    'a-'
    """
    _checked(assessment)
    assessment.trace_id = trace_id
    if trace_id is None or trace_id == NO_OP_SPAN_TRACE_ID:
        return assessment
    assessment.trace_id = normalize_trace_id(trace_id)
    _have_row(assessment.trace_id)
    kept = _redacted(assessment)
    add_assessment(current_store().database, assessment.trace_id, kept)
    assessment.assessment_id = kept.assessment_id
    return kept


def _checked(assessment: Assessment) -> None:
    if not isinstance(assessment, Assessment):
        message = f"give a Feedback, an Expectation or an Issue, got {type(assessment).__name__}"
        raise NbtraceError.invalid(message)


def _redacted(assessment: Assessment) -> Assessment:
    """Return an assessment without the secrets in it; itself, where it holds none."""
    plain = assessment.to_dictionary()
    kept = redact_value(plain)
    return assessment if kept is plain else type(assessment).from_dictionary(kept)


def get_assessment(trace_id: str, assessment_id: str) -> Assessment:
    """Return an assessment by its id.

    Parameters
    ----------
    trace_id : str
        With or without ``tr-``.
    assessment_id : str
        As the logging functions set it.

    Returns
    -------
    Assessment
        Also one that has been overridden; its ``valid`` is False.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace or assessment.
    """
    return find_assessment(current_store().database, normalize_trace_id(trace_id), assessment_id)


def update_assessment(trace_id: str, assessment_id: str, assessment: Assessment) -> Assessment:
    """Change name, value, rationale or metadata of an assessment.

    Parameters
    ----------
    trace_id : str
        With or without ``tr-``.
    assessment_id : str
        The stored assessment.
    assessment : Assessment
        What it is to say; of the same kind. A rationale that is None stays as it was, metadata are
        merged, source and span never change.

    Returns
    -------
    Assessment
        As it is now.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace or assessment,
        ``INVALID_PARAMETER_VALUE`` if the kinds differ.
    """
    _checked(assessment)
    return change_assessment(
        current_store().database, normalize_trace_id(trace_id), assessment_id, _redacted(assessment)
    )


def override_feedback(  # noqa: PLR0913 - MLflow's signature
    *,
    trace_id: str,
    assessment_id: str,
    value: Any,
    rationale: str | None = None,
    source: AssessmentSource | None = None,
    metadata: dict[str, Any] | None = None,
) -> Assessment:
    """Put other feedback in the place of one that was wrong; that one is kept, no longer valid.

    Parameters
    ----------
    trace_id : str
        With or without ``tr-``.
    assessment_id : str
        The feedback that was wrong.
    value : object
        What is right.
    rationale : str, optional
        Why.
    source : AssessmentSource, optional
        Who says so; code when left out.
    metadata : dict of str to str, optional
        More about it.

    Returns
    -------
    Feedback
        The new one; its ``overrides`` is the other's id. Deleting it makes the other valid again.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace or assessment,
        ``INVALID_PARAMETER_VALUE`` if it is no feedback.
    """
    old = get_assessment(trace_id, assessment_id)
    if not isinstance(old, Feedback):
        message = f"the assessment {assessment_id!r} is no feedback; only feedback is overridden"
        raise NbtraceError.invalid(message)
    return log_assessment(
        trace_id,
        Feedback(
            old.name,
            value,
            source=source,
            metadata=metadata,
            span_id=old.span_id,
            rationale=rationale,
            overrides=old.assessment_id,
        ),
    )


def delete_assessment(trace_id: str, assessment_id: str) -> None:
    """Delete an assessment; feedback that it had overridden is valid again.

    Parameters
    ----------
    trace_id : str
        With or without ``tr-``.
    assessment_id : str
        The assessment; if there is none, nothing happens, as in MLflow.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace.
    """
    remove_assessment(current_store().database, normalize_trace_id(trace_id), assessment_id)


def _have_row(trace_id: str) -> None:
    """Make sure that a trace of this process is in the database, where assessments are kept."""
    active = active_trace(trace_id)
    if active is None or active.row_written:
        return
    if active.finished:
        flush_traces()
    elif active.owned:
        # The writer merges what it knows into this row when its time has come.
        current_store().database.upsert_traces(
            [
                TraceRow(
                    trace_id=trace_id,
                    experiment_id=active.experiment_id,
                    request_time=active.start_time // 1_000_000,
                    name=active.name or None,
                    process=active.recorder.process,
                )
            ]
        )
