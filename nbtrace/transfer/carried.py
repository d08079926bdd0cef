"""What belongs to a trace as a whole, carried through OTLP, which knows only spans.

On the way out the root span gets one attribute, ``nbtrace.trace``, with the trace's tags, metadata,
previews, state and assessments as JSON, and what other receivers understand of it: MLflow's
``mlflow.traceTag.<key>`` and OpenTelemetry's ``session.id`` and ``user.id``. On the way back in all
that was added is taken out again, so that the spans are what they were.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from nbtrace.entities import Trace, TraceData
from nbtrace.entities.assessment import Assessment
from nbtrace.entities.constant import IMMUTABLE_TAG_KEYS, SpanAttributeKey, TraceTagKey
from nbtrace.entities.json_text import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities import Span
    from nbtrace.entities.constant import AttributeValue
    from nbtrace.entities.resource import Resource

logger = logging.getLogger("nbtrace")

CARRIED_KEY = "nbtrace.trace"
# Said by the spans themselves.
_NOT_TAGS = frozenset({TraceTagKey.TRACE_NAME, *IMMUTABLE_TAG_KEYS})
_FIELDS = ("client_request_id", "request_preview", "response_preview")


def with_attributes(
    span: Span,
    attributes: dict[str, AttributeValue],
    *,
    resource: Resource | None = None,
) -> Span:
    """Return a span like another one, with other attributes, and another resource if given."""
    if resource is None:
        return span.replace(attributes=attributes)
    return span.replace(attributes=attributes, resource=resource)


def with_carried(trace: Trace) -> list[Span]:
    """Return a trace's spans, the root with what belongs to the trace.

    Parameters
    ----------
    trace : Trace
        A whole trace.

    Returns
    -------
    list of Span
        In the order of the trace.
    """
    spans = list(trace.data.spans)
    if not spans:
        return spans
    place = next((index for index, span in enumerate(spans) if span.parent_id is None), 0)
    info = trace.info
    attributes = dict(spans[place].raw_attributes)
    tags = {key: value for key, value in info.tags.items() if key not in _NOT_TAGS}
    understood = {SpanAttributeKey.TRACE_TAG_PREFIX + key: value for key, value in tags.items()}
    for key, tag in (
        (SpanAttributeKey.SESSION_ID, TraceTagKey.SESSION),
        (SpanAttributeKey.USER_ID, TraceTagKey.USER),
    ):
        if tag in tags:
            understood[key] = tags[tag]
    added = {key: value for key, value in understood.items() if key not in attributes}
    carried: dict[str, Any] = {
        "added": list(added),
        "tags": tags,
        "metadata": dict(info.own_metadata),
        "state": str(getattr(info.state, "value", info.state)),
        "assessments": [item.to_dictionary() for item in info.assessments],
    }
    carried |= {field: getattr(info, field) for field in _FIELDS if getattr(info, field)}
    attributes |= added
    attributes[CARRIED_KEY] = dumps(carried)
    spans[place] = with_attributes(spans[place], attributes)
    return spans


def without_carried(trace: Trace) -> Trace:
    """Return a trace as it was before ``with_carried``; one of others as it is.

    Parameters
    ----------
    trace : Trace
        Made from spans.
    """
    for index, span in enumerate(trace.data.spans):
        if CARRIED_KEY not in span.raw_attributes:
            continue
        attributes = dict(span.raw_attributes)
        carried = _read(attributes.pop(CARRIED_KEY))
        added = carried.get("added")
        for key in added if isinstance(added, list) else ():
            attributes.pop(str(key), None)
        spans = list(trace.data.spans)
        spans[index] = with_attributes(span, attributes)
        _put(trace, carried)
        return Trace(trace.info, TraceData(spans))
    return trace


def _read(text: object) -> dict[str, Any]:
    try:
        found = loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _put(trace: Trace, carried: Mapping[str, Any]) -> None:
    info = trace.info
    for name, target in (("tags", info.tags), ("metadata", info.own_metadata)):
        values = carried.get(name)
        if isinstance(values, dict):
            target.update({str(key): str(value) for key, value in values.items()})
    for field in _FIELDS:
        value = carried.get(field)
        if isinstance(value, str):
            setattr(info, field, value)
    if carried.get("state") in {"OK", "ERROR", "IN_PROGRESS"}:
        info.state = type(info.state)(carried["state"])
    assessments = carried.get("assessments")
    for item in assessments if isinstance(assessments, list) else ():
        try:
            assessment = Assessment.from_dictionary(item)
        except Exception as error:  # somebody else's attribute of this name
            logger.debug("an assessment could not be read: %s", error)
            continue
        if all(known.assessment_id != assessment.assessment_id for known in info.assessments):
            info.assessments.append(assessment)
