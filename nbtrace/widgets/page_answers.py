"""What the tree of a page without a kernel may ask, answered beforehand.

An answer is JSON text under the method and its parameters; one that another answer holds already is
a reference to it. A span's details and its JSON stand side by side, since they are compressed
together and say much of the same.
"""

from __future__ import annotations

import heapq
import sys
from typing import TYPE_CHECKING

import orjson

from nbtrace.widgets.annotating import annotations_now
from nbtrace.widgets.attached import contents_of
from nbtrace.widgets.detail_requests import MODEL_TYPES
from nbtrace.widgets.details import details_of
from nbtrace.widgets.json_value import json_text
from nbtrace.widgets.pieces import piece
from nbtrace.widgets.span_facts import facts_of
from nbtrace.widgets.svg import timeline_svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.entities.span import Span
    from nbtrace.widgets.detail_messages import Annotations
    from nbtrace.widgets.source import TraceSource

# Whole texts: there is nobody to ask for the rest of a long one.
WHOLE = sys.maxsize

Answers = dict[str, str | tuple[str]]


def answer_key(method: str, *values: object) -> str:
    """Return the key under which the answer to a request is carried.

    Examples
    --------
    >>> answer_key("details", "0b" * 8)
    'details["0b0b0b0b0b0b0b0b"]'
    """
    return f"{method}{orjson.dumps(values).decode()}"


def tree_answers(source: TraceSource) -> Answers:
    """Return the answers for the tree of a finished trace.

    Parameters
    ----------
    source : TraceSource
        The trace.

    Returns
    -------
    dict
        JSON text by key, of attachments base64; a tuple of one key where that answer is the same.
    """
    from nbtrace.otel.conventions import merge_streams

    spans = merge_streams(source.changes(0)[1])
    base = min((span.start_time_ns for span in spans), default=0)
    answers: Answers = {}
    for span in spans:
        details = answer_key("details", span.span_id)
        answers[details] = _dumped(details_of(span, base, WHOLE))
        where = (span.trace_id, span.span_id)
        answers[answer_key("span_json", *where)] = _dumped(
            piece("json", json_text(span.to_dict()), 0, WHOLE)
        )
        answers[answer_key("linked", *where)] = (details,)
    before = previous_calls(spans)
    for span in spans:
        seen = before.get(span.span_id)
        # The details of a call hold all that is asked for: its name, id and messages.
        answers[answer_key("previous_messages", span.span_id)] = (
            "null" if seen is None else (answer_key("details", seen),)
        )
    for key, content in contents_of(spans).items():
        answers[answer_key("attachment", *key)] = content
    answers[answer_key("annotations")] = _dumped(_read_only(annotations_now(source)))
    answers[answer_key("svg")] = _dumped(timeline_svg(source))
    return answers


def previous_calls(spans: Sequence[Span]) -> dict[str, str]:
    """Return for each span the last call of a model that had ended when it began.

    Parameters
    ----------
    spans : sequence of Span
        Spans of one trace.

    Returns
    -------
    dict
        Span ids by span id, the same that `previous_call` finds one by one; spans before which
        there was none are not in it.

    Examples
    --------
    >>> previous_calls([])
    {}
    """
    from nbtrace.otel.conventions import view

    calls = [
        (span.end_time_ns, place, span)
        for place, span in enumerate(spans)
        if span.end_time_ns is not None and facts_of(span).kind in MODEL_TYPES
    ]
    heapq.heapify(calls)
    found: dict[str, str] = {}
    # The latest to start of those that have ended, and the one before it: a span is not its own.
    best: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda span: span.start_time_ns):
        while calls and calls[0][0] <= span.start_time_ns:
            _, place, call = heapq.heappop(calls)
            if view(call).messages:
                best = sorted([*best, (call.start_time_ns, -place, call.span_id)])[-2:]
        others = [span_id for _, _, span_id in best if span_id != span.span_id]
        if others:
            found[span.span_id] = others[-1]
    return found


def _read_only(found: Annotations) -> Annotations:
    """Return tags and assessments as a page shows them that can keep no change."""
    return {**found, "stored": False}


def _dumped(value: object) -> str:
    return orjson.dumps(value).decode()
