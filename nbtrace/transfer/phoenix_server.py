"""What a Phoenix server takes beside OTLP: assessments, as annotations of spans.

It may still be writing the spans when their annotations come; it keeps them until then. An
annotation is named after its assessment, so that a second export leaves one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities.json_text import dumps
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from nbtrace.entities import Trace
    from nbtrace.entities.assessment import Assessment
    from nbtrace.transfer.mlflow_server import RestApi

_KINDS = {"HUMAN": "HUMAN", "LLM_JUDGE": "LLM"}


def annotate_spans(api: RestApi, trace: Trace) -> list[str]:
    """Send a trace's assessments as annotations; return what the server did not take.

    Parameters
    ----------
    api : RestApi
        The server.
    trace : Trace
        As it is here.
    """
    root = next((span.span_id for span in trace.data.spans if span.parent_id is None), None)
    rows = []
    for item in trace.info.assessments:
        span_id = item.span_id or root
        if span_id is not None and item.valid is not False:
            rows.append(annotation_of(item, span_id))
    if not rows:
        return []
    try:
        api.call("POST", "/v1/span_annotations?sync=false", {"data": rows})
    except NbtraceError as error:
        return [f"the assessments of {trace.info.trace_id}: {error.message}"]
    return []


def annotation_of(item: Assessment, span_id: str) -> dict[str, Any]:
    """Return an assessment as an annotation of a span.

    Parameters
    ----------
    item : Assessment
        Feedback or an expectation.
    span_id : str
        The span it is about; the root for one of the whole trace.

    Examples
    --------
    >>> from nbtrace.entities import Feedback
    >>> found = annotation_of(Feedback(name="useful", value=True), "0b" * 8)
    >>> found["name"], found["result"]["label"], found["result"]["score"]
    ('useful', 'true', 1.0)
    """
    value = getattr(item, "value", None)
    result: dict[str, Any] = {"explanation": item.rationale}
    if isinstance(value, bool | int | float):
        result["score"] = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        result["label"] = value if isinstance(value, str) else dumps(value)
    return {
        "span_id": span_id,
        "name": item.name,
        "annotator_kind": _KINDS.get(str(item.source.source_type), "CODE"),
        "result": {key: text for key, text in result.items() if text is not None},
        "metadata": {"source_id": item.source.source_id, **(item.metadata or {})},
        "identifier": item.assessment_id or item.name,
    }
