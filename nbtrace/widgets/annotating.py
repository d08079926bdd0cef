"""Tags and assessments of a stored trace, as the panel shows and changes them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from nbtrace.entities.assessment import Feedback
from nbtrace.entities.assessment_source import AssessmentSource, AssessmentSourceType
from nbtrace.entities.identifiers import normalize_trace_id
from nbtrace.store.assessments import (
    add_assessment,
    change_assessment,
    find_assessment,
    remove_assessment,
)
from nbtrace.store.tags import is_immutable_tag
from nbtrace.widgets.json_value import json_text
from nbtrace.widgets.source import TraceSnapshot
from nbtrace.widgets.span_facts import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.entities import Assessment
    from nbtrace.store.store import Store
    from nbtrace.widgets.detail_messages import Annotations, AssessmentDetails
    from nbtrace.widgets.source import TraceSource

# What a thumb in the panel is stored as.
FEEDBACK_NAME = "feedback"
# A reason longer than this is a document; the rest is in the store.
MAX_VALUE_CHARACTERS = 2_000
MAX_ASSESSMENTS = 200


def annotations_now(source: TraceSource) -> Annotations:
    """Return tags and assessments as the store has them, else as the trace carries them.

    Parameters
    ----------
    source : TraceSource
        The trace.

    Returns
    -------
    Annotations
        Fixed where there is no store to change them in.
    """
    store = opened_store()
    found: Annotations = {"stored": False, "tags": [], "assessments": []}
    if store is not None:
        found = annotations_of(store, source.trace_id)
    if not found["stored"] and isinstance(source, TraceSnapshot):
        info = source.trace.info
        found["tags"] = [
            {"key": key, "value": str(value), "fixed": True} for key, value in info.tags.items()
        ]
        found["assessments"] = described_assessments(info.assessments)
    return found


def opened_store() -> Store | None:
    """Return the store if there is one: looking at a trace makes none."""
    from nbtrace.store import current_store

    store = current_store()
    return store if store.database.path.exists() else None


def annotations_of(store: Store, trace_id: str) -> Annotations:
    """Return tags and assessments of a trace.

    Parameters
    ----------
    store : Store
        Where the trace is.
    trace_id : str
        With or without ``tr-``.

    Returns
    -------
    Annotations
        Empty, and said to be so, where the store does not have the trace.
    """
    info = store.get_trace_info(trace_id)
    if info is None:
        return {"stored": False, "tags": [], "assessments": []}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tags = [(key, value, is_immutable_tag(key)) for key, value in info.tags.items()]
    return {
        "stored": True,
        "tags": [
            {"key": safe_text(key), "value": safe_text(str(value)), "fixed": fixed}
            for key, value, fixed in sorted(tags)
        ],
        "assessments": described_assessments(info.assessments),
    }


def described_assessments(assessments: Sequence[Assessment]) -> list[AssessmentDetails]:
    """Return assessments as the panel shows them, the last ones where they are very many."""
    return [_described(item) for item in assessments[-MAX_ASSESSMENTS:]]


def give_feedback(  # noqa: PLR0913 - what a person says in the panel
    store: Store,
    trace_id: str,
    *,
    value: Any,
    rationale: str | None,
    span_id: str | None,
    assessment_id: str | None = None,
) -> None:
    """Store what a person says of a trace or a span.

    Parameters
    ----------
    store : Store
        Where the trace is.
    trace_id : str
        With or without ``tr-``.
    value : object
        True for good, False for bad.
    rationale : str or None
        Why; None leaves what was said before.
    span_id : str or None
        The span that is meant, None for the trace.
    assessment_id : str or None
        The assessment to replace: a person's own feedback is changed, that of a judge or of code is
        overridden and kept.

    Raises
    ------
    NbtraceError
        When there is no such trace or assessment.
    """
    trace = normalize_trace_id(trace_id)
    person = AssessmentSource(AssessmentSourceType.HUMAN)
    feedback = Feedback(
        FEEDBACK_NAME, value, source=person, rationale=rationale or None, span_id=span_id
    )
    if assessment_id is None:
        add_assessment(store.database, trace, feedback)
        return
    known = find_assessment(store.database, trace, assessment_id)
    feedback.name, feedback.span_id = known.name, known.span_id
    if known.source.source_type == AssessmentSourceType.HUMAN:
        # An emptied note is said as an empty text: None means "as it was".
        feedback.rationale = rationale
        change_assessment(store.database, trace, assessment_id, feedback)
    else:
        feedback.overrides = assessment_id
        add_assessment(store.database, trace, feedback)


def delete_feedback(store: Store, trace_id: str, assessment_id: str) -> None:
    """Delete an assessment; one that it had overridden is valid again."""
    remove_assessment(store.database, normalize_trace_id(trace_id), assessment_id)


def _described(item: Assessment) -> AssessmentDetails:
    kind = "feedback" if item.feedback else "expectation" if item.expectation else "issue"
    value = getattr(item, "value", None)
    if kind == "issue" and item.issue is not None:
        value = item.issue.issue_name
    shown = value if isinstance(value, str) else "" if value is None else json_text(value)
    error = item.error
    return {
        "id": item.assessment_id or "",
        "name": safe_text(item.name),
        "kind": kind,  # type: ignore[typeddict-item]
        "value": safe_text(shown[:MAX_VALUE_CHARACTERS]),
        "error": safe_text(f"{error.error_code}: {error.error_message or ''}") if error else "",
        "rationale": safe_text((item.rationale or "")[:MAX_VALUE_CHARACTERS]),
        "source": item.source.source_type,
        "source_id": safe_text(item.source.source_id),
        "span_id": item.span_id,
        "time_ms": item.last_update_time_ms or 0,
        "valid": item.valid is not False,
    }
