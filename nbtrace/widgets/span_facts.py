"""What the tree says of a span in one line: its kind, tokens, cost, state and short texts.

Reading a span must stay cheap, since a live tree does it for every span that changes: JSON text is
shown as it is stored and only its start is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbtrace.entities.attachment import described
from nbtrace.entities.constant import NbtraceKey, SpanAttributeKey, SpanEventKey
from nbtrace.entities.span_status import SpanStatusCode
from nbtrace.otel.conventions import index_fields, is_incomplete
from nbtrace.widgets.messages import DONE, ERROR, INCOMPLETE, OK, OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbtrace.entities.span import Span

# Enough to recognise a value by; the whole of it is one request away.
PREVIEW_CHARACTERS = 200
# References to pictures among these are said in a few words.
MAX_DESCRIBED_CHARACTERS = 2_000


class Facts(NamedTuple):
    """Figures of one span; None where they are not known."""

    kind: str
    state: int
    tokens: int | None
    cost: float | None
    model: str | None


def state_of(span: Span) -> int:
    """Return the number of the span's state, see `messages.STATES`.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> state_of(Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="a", start_time_ns=1))
    0
    """
    code = span.status.status_code
    if code is SpanStatusCode.ERROR:
        return ERROR
    if is_incomplete(span):
        return INCOMPLETE
    if span.end_time_ns is None:
        return OPEN
    return OK if code is SpanStatusCode.OK else DONE


def facts_of(span: Span) -> Facts:
    """Return the figures of a span, whichever convention its attributes follow."""
    attributes = span.raw_attributes
    kind, model, _, _, tokens, cost = index_fields(attributes)
    if NbtraceKey.CELL_SOURCE in attributes or NbtraceKey.CELL_ID in attributes:
        kind = "CELL"
    return Facts(kind or "UNKNOWN", state_of(span), tokens, cost, model)


def safe_text(text: str) -> str:
    r"""Return text that can be written as UTF-8: lone surrogates are replaced.

    Examples
    --------
    >>> safe_text("a\ud800b")
    'a?b'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


def preview(text: object) -> str:
    """Return the start of a value's JSON text, the cut marked."""
    if not isinstance(text, str):
        return ""
    text = described(text[:MAX_DESCRIBED_CHARACTERS])
    short = text if len(text) <= PREVIEW_CHARACTERS else text[:PREVIEW_CHARACTERS] + "…"
    return safe_text(short)


def previews(span: Span) -> tuple[str, str, str]:
    """Return short inputs, outputs and error of a span; empty where there are none."""
    attributes = span.raw_attributes
    return (
        preview(attributes.get(SpanAttributeKey.INPUTS, attributes.get("input.value"))),
        preview(attributes.get(SpanAttributeKey.OUTPUTS, attributes.get("output.value"))),
        preview(error_message(span)),
    )


def error_message(span: Span) -> str:
    """Return what went wrong in a span, in one line; empty when nothing did."""
    if span.status.status_code is not SpanStatusCode.ERROR:
        return ""
    if span.status.description:
        return span.status.description
    for event in span.events:
        if event.name == SpanEventKey.EXCEPTION:
            kind, message = (
                str(event.attributes.get(key, ""))
                for key in (SpanEventKey.EXCEPTION_TYPE, SpanEventKey.EXCEPTION_MESSAGE)
            )
            return f"{kind or 'exception'}: {message}"
    return "error"


def usage_of(
    spans: Iterable[Span], parents: Mapping[str, str | None] | None = None
) -> tuple[int | None, float | None]:
    """Return the tokens and the cost of a trace, what is said twice counted once.

    With ``parents``, of all its spans, those that tell tokens or a cost suffice.
    """
    from nbtrace.otel.usage import totals

    usage = totals(spans, parents=parents)
    return usage.total, usage.cost
