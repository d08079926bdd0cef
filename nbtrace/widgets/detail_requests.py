"""What the panel of a span may ask besides the span itself, answered for one tree.

Long values in pieces, the span as JSON, the call of a model before it, spans that it links to, and
the trace's tags and assessments, which a person may change here. After each cell that ran, a panel
that shows these is told when they have changed.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.annotating import (
    annotations_now,
    delete_feedback,
    give_feedback,
    opened_store,
)
from nbtrace.widgets.attached import attachment_content
from nbtrace.widgets.chat import chat_of
from nbtrace.widgets.details import details_of, value_piece
from nbtrace.widgets.json_value import json_text
from nbtrace.widgets.pieces import PIECE_CHARACTERS, Pieces, piece

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbtrace.entities.span import Span
    from nbtrace.otel.conventions import SpanView
    from nbtrace.store.store import Store
    from nbtrace.widgets.detail_messages import Annotations, Details, LongText, PreviousMessages
    from nbtrace.widgets.source import TraceSource

# Types of spans that talk to a model.
MODEL_TYPES = frozenset({"LLM", "CHAT_MODEL"})


class DetailRequests:
    """The answers to a panel's requests.

    Parameters
    ----------
    source : callable
        Returns the trace as it is read at the moment.
    send : callable
        Sends a message to the page.
    """

    def __init__(
        self, source: Callable[[], TraceSource], send: Callable[[dict[str, Any]], None]
    ) -> None:
        self._source = source
        self._send = send
        self._known: Annotations | None = None

    def methods(self) -> dict[str, Callable[..., object]]:
        """Return who answers each method of the page."""
        return {
            "value": self.value,
            "attachment": attachment_content,
            "span_json": self.span_json,
            "previous_messages": self.previous_messages,
            "linked": self.linked,
            "annotations": self.annotations,
            "feedback": self.feedback,
            "delete_feedback": self.delete_feedback,
            "set_tag": self.set_tag,
            "delete_tag": self.delete_tag,
        }

    # Reading

    def value(
        self, trace_id: str, span_id: str, place: str, offset: int, characters: int
    ) -> LongText:
        """Return a part of one of a span's texts."""
        span = self._span(trace_id, span_id)
        if place == "json":
            return piece(place, json_text(span.to_dict()), offset, characters)
        return value_piece(span, place, offset, characters)

    def span_json(self, trace_id: str, span_id: str) -> LongText:
        """Return the start of a span's JSON text; `value` returns the rest under the same place."""
        return self.value(trace_id, span_id, "json", 0, PIECE_CHARACTERS)

    def previous_messages(self, span_id: str) -> PreviousMessages | None:
        """Return what was said in the call of a model before this one, None for the first."""
        spans = self._source().changes(0)[1]
        seen = previous_call(spans, span_id)
        if seen is None:
            return None
        messages, _ = chat_of(seen, Pieces())
        return {
            "span_id": seen.span.span_id,
            "name": seen.span.name[:PIECE_CHARACTERS],
            "messages": messages,
        }

    def linked(self, trace_id: str, span_id: str) -> Details:
        """Return the details of a span that another span links to."""
        span = self._span(trace_id, span_id)
        return details_of(span, span.start_time_ns)

    def _span(self, trace_id: str, span_id: str) -> Span:
        source = self._source()
        if trace_id == source.trace_id:
            found = source.span(span_id)
            span = None if found is None else answered(source, found)
        else:
            store = opened_store()
            span = None if store is None else store.get_span(trace_id, span_id)
        if span is None:
            message = (
                f"span {span_id} of trace {trace_id} is not in this store; "
                "import its trace, or open the store that holds it"
            )
            raise NbtraceError.missing(message)
        return span

    # Tags and assessments

    def annotations(self) -> Annotations:
        """Return tags and assessments, and tell the page from now on when they change."""
        first = self._known is None
        self._known = annotations_now(self._source())
        if first:
            _look_after_cells(self)
        return self._known

    def tell_changes(self) -> None:
        """Tell the page if tags or assessments are not what it knows."""
        known = self._known
        if known is not None and annotations_now(self._source()) != known:
            self._send({"kind": "changed", "what": "annotations"})

    def feedback(
        self,
        value: Any,
        rationale: str | None,
        span_id: str | None,
        assessment_id: str | None,
    ) -> Annotations:
        """Store a person's feedback and return what there is now."""
        give_feedback(
            _needed(),
            self._source().trace_id,
            value=value,
            rationale=rationale,
            span_id=span_id,
            assessment_id=assessment_id,
        )
        return self.annotations()

    def delete_feedback(self, assessment_id: str) -> Annotations:
        """Delete an assessment and return what there is now."""
        delete_feedback(_needed(), self._source().trace_id, assessment_id)
        return self.annotations()

    def set_tag(self, key: str, value: str) -> Annotations:
        """Set a tag of the trace and return what there is now."""
        _needed().set_trace_tag(self._source().trace_id, key, value)
        return self.annotations()

    def delete_tag(self, key: str) -> Annotations:
        """Delete a tag of the trace and return what there is now."""
        _needed().delete_trace_tag(self._source().trace_id, key)
        return self.annotations()


def answered(source: TraceSource, span: Span) -> Span:
    """Return a span with the answer that another one of its trace tells.

    Logfire records the answer of a streamed call as a span of its own, when the stream has ended.
    """
    attributes = span.raw_attributes
    if attributes.get("logfire.span_type") != "span" or "gen_ai.output.messages" in attributes:
        return span
    from nbtrace.otel.conventions import merge_streams

    merged = merge_streams(source.changes(0)[1])
    return next((one for one in merged if one.span_id == span.span_id), span)


def previous_call(spans: Sequence[Span], span_id: str) -> SpanView | None:
    """Return the last call of a model that had ended when a span began.

    Parameters
    ----------
    spans : sequence of Span
        Spans of one trace.
    span_id : str
        The span.

    Returns
    -------
    SpanView or None
        None where no call with messages came before it.

    Examples
    --------
    >>> previous_call([], "0b" * 8) is None
    True
    """
    from nbtrace.otel.conventions import merge_streams, view
    from nbtrace.widgets.span_facts import facts_of

    this = next((span for span in spans if span.span_id == span_id), None)
    if this is None:
        return None
    # What overlaps is the same call told by another instrumentor, or runs beside it.
    before = [
        span
        for span in merge_streams(spans)
        if span.end_time_ns is not None
        and span.end_time_ns <= this.start_time_ns
        and span.span_id != span_id
        and facts_of(span).kind in MODEL_TYPES
    ]
    for span in sorted(before, key=lambda span: span.start_time_ns, reverse=True):
        seen = view(span)
        if seen.messages:
            return seen
    return None


def _needed() -> Store:
    store = opened_store()
    if store is None:
        message = "this trace is in no store, so nothing can be kept with it; import it first"
        raise NbtraceError.missing(message)
    return store


def _look_after_cells(requests: DetailRequests) -> None:
    """After each cell, which may have set a tag, look whether the page is still right."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module else None
    if shell is None:
        return
    reference = weakref.ref(requests)

    def look(_result: object) -> None:
        found = reference()
        if found is None:
            shell.events.unregister("post_run_cell", look)
        else:
            found.tell_changes()

    shell.events.register("post_run_cell", look)
