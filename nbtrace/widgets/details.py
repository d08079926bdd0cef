"""Everything of one span, as the details panel shows it.

Values travel as text, typed where the type matters, so that an integer over 53 bits or a NaN reach
the page as they are; of a long text the start is sent, and the rest when somebody asks for it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities.constant import NbtraceKey, SpanAttributeKey, SpanEventKey
from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.chat import chat_of, label, tools_of
from nbtrace.widgets.curl import curl_of
from nbtrace.widgets.json_value import json_text
from nbtrace.widgets.pieces import PIECE_CHARACTERS, Pieces, piece
from nbtrace.widgets.retrieved import documents_before, documents_of, embeddings_of
from nbtrace.widgets.span_facts import error_message, facts_of, safe_text
from nbtrace.widgets.stack import read_stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.constant import AttributeValue
    from nbtrace.entities.span import Span
    from nbtrace.entities.span_event import SpanEvent
    from nbtrace.otel.conventions import SpanView
    from nbtrace.widgets.detail_messages import (
        Attribute,
        Details,
        ErrorDetails,
        EventDetails,
        LongText,
        UsageDetails,
    )

MAX_NAME_CHARACTERS = 2_000
# A span with more of these is told from by its JSON.
MAX_ATTRIBUTES = 2_000
MAX_EVENTS = 500
MAX_ERRORS = 20
# Shown in places of their own.
SHOWN_APART = frozenset(
    {
        SpanAttributeKey.INPUTS,
        SpanAttributeKey.OUTPUTS,
        SpanAttributeKey.SPAN_TYPE,
        SpanAttributeKey.REQUEST_ID,
    }
)


def details_of(span: Span, base_ns: int, characters: int = PIECE_CHARACTERS) -> Details:
    """Return everything of a span.

    Parameters
    ----------
    span : Span
        The span.
    base_ns : int
        Start of the trace in nanoseconds since the epoch.
    characters : int
        How much of each text to give at most.

    Returns
    -------
    Details
        Its fields, ready for JSON.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1,
    ...             attributes={"mlflow.spanInputs": '{"q": 1}', "n": 2})
    >>> details = details_of(span, 0)
    >>> details["inputs"]["text"], details["attributes"][0]["value"]["text"]
    ('{"q": 1}', '2')
    """
    return _read(span, base_ns, Pieces(characters))


def value_piece(span: Span, place: str, offset: int, characters: int) -> LongText:
    """Return a part of one of a span's texts.

    Parameters
    ----------
    span : Span
        The span.
    place : str
        Which text, as `details_of` named it.
    offset : int
        Where to begin.
    characters : int
        Most characters to return.

    Returns
    -------
    LongText
        The part, and where the rest begins.

    Raises
    ------
    NbtraceError
        When the span has no such text.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1,
    ...             attributes={"mlflow.spanInputs": '"abc"'})
    >>> value_piece(span, "inputs", 2, 2)
    {'text': 'bc', 'size': 5, 'place': 'inputs', 'next': 4}
    """
    text = _stored(span, place)
    if text is None:
        pieces = Pieces(1, wanted=place)
        _read(span, 0, pieces)
        text = pieces.found
    if text is None:
        message = f"span {span.span_id} has no text {place!r} any more; open its details again"
        raise NbtraceError.missing(message)
    return piece(place, text, offset, characters)


def _stored(span: Span, place: str) -> str | None:
    """Return a text that is stored as it is shown: the large ones mostly are."""
    if place in ("inputs", "outputs"):
        key = SpanAttributeKey.INPUTS if place == "inputs" else SpanAttributeKey.OUTPUTS
    elif place.startswith("attribute/"):
        key = place.removeprefix("attribute/")
    else:
        return None
    value = span.raw_attributes.get(key)
    plain = isinstance(value, str) and not (place not in ("inputs", "outputs") and value[:1] == '"')
    return value if plain and isinstance(value, str) else None


def _read(span: Span, base_ns: int, pieces: Pieces) -> Details:
    from nbtrace.otel.conventions import view

    seen = view(span)
    messages, earlier = chat_of(seen, pieces)
    inputs, outputs = _values(span, seen)
    hidden = SHOWN_APART
    # A cell's source is its input, unless the cell has set another.
    source = span.raw_attributes.get(NbtraceKey.CELL_SOURCE)
    if isinstance(source, str) and inputs == json_text(source):
        hidden = SHOWN_APART | {NbtraceKey.CELL_SOURCE}
    tool = seen.tool
    return {
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "trace_id": span.trace_id,
        "name": safe_text(span.name[:MAX_NAME_CHARACTERS]),
        "type": safe_text(facts_of(span).kind),
        "status": span.status.status_code.value,
        "message": pieces.cut("message", error_message(span) or span.status.description),
        "convention": seen.convention,
        "model": label(seen.model),
        "provider": label(seen.provider),
        "finish_reasons": [label(reason) or "" for reason in seen.finish_reasons[:8]],
        "usage": _usage(seen),
        "errors": _errors(span, pieces),
        "messages": messages,
        "earlier_messages": earlier,
        "inputs": pieces.maybe("inputs", inputs),
        "outputs": pieces.maybe("outputs", outputs),
        "tools": tools_of(seen, pieces),
        "description": label(tool.description) or "" if tool else "",
        "documents": documents_of(seen, pieces),
        "documents_before": documents_before(seen, pieces),
        "embeddings": embeddings_of(seen, pieces),
        "attributes": _attributes(
            {key: value for key, value in span.raw_attributes.items() if key not in hidden},
            pieces,
            "attribute",
        ),
        "events": [
            _event(event, base_ns, pieces, f"event/{number}")
            for number, event in enumerate(span.events[:MAX_EVENTS])
            if event.name != SpanEventKey.EXCEPTION
        ],
        "links": [
            {
                "trace_id": link.trace_id,
                "span_id": link.span_id,
                "attributes": _attributes(link.attributes, pieces, f"link/{number}"),
            }
            for number, link in enumerate(span.links[:MAX_EVENTS])
        ],
        "scope": label(span.scope.name) or "" if span.scope else "",
        "curl": curl_of(span.raw_attributes),
    }


def _usage(seen: SpanView) -> UsageDetails:
    usage = seen.usage
    return {
        "input": usage.input,
        "output": usage.output,
        "total": usage.total,
        "cached": usage.cached,
        "cache_written": usage.cache_written,
        "reasoning": usage.reasoning,
        "cost": usage.cost,
    }


def _errors(span: Span, pieces: Pieces) -> list[ErrorDetails]:
    found: list[ErrorDetails] = []
    for number, event in enumerate(span.events):
        if event.name == SpanEventKey.EXCEPTION and len(found) < MAX_ERRORS:
            kind, message, stack = (
                _text(event.attributes.get(key))
                for key in (
                    SpanEventKey.EXCEPTION_TYPE,
                    SpanEventKey.EXCEPTION_MESSAGE,
                    SpanEventKey.EXCEPTION_STACKTRACE,
                )
            )
            found.append(
                {
                    "type": label(kind) or "exception",
                    "message": pieces.cut(f"error/{number}", message),
                    "chain": read_stack(stack),
                    "stack": pieces.cut(f"error/{number}/stack", stack) if stack else None,
                }
            )
    return found


def _text(value: AttributeValue) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)


def _event(event: SpanEvent, base_ns: int, pieces: Pieces, place: str) -> EventDetails:
    return {
        "name": label(event.name) or "",
        "time_ns": event.timestamp - base_ns,
        "attributes": _attributes(event.attributes, pieces, place),
    }


def _values(span: Span, seen: SpanView) -> tuple[str | None, str | None]:
    """Return inputs and outputs as JSON text; those of other conventions through the normaliser."""
    attributes = span.raw_attributes
    inputs = attributes.get(SpanAttributeKey.INPUTS)
    outputs = attributes.get(SpanAttributeKey.OUTPUTS)
    if inputs is None and outputs is None and attributes:
        return _json(seen.inputs), _json(seen.outputs)
    return (
        inputs if isinstance(inputs, str) else _json(inputs),
        outputs if isinstance(outputs, str) else _json(outputs),
    )


def _json(value: Any) -> str | None:
    return None if value is None else json_text(value)


def _attributes(
    attributes: Mapping[str, AttributeValue], pieces: Pieces, place: str
) -> list[Attribute]:
    return [
        {
            "key": label(key) or "",
            "type": type(value).__name__,
            "value": pieces.cut(f"{place}/{key}", _attribute_text(_decoded(key, value))),
        }
        for key, value in list(attributes.items())[:MAX_ATTRIBUTES]
    ]


def _decoded(key: str, value: AttributeValue) -> AttributeValue:
    """Return the text of MLflow's reserved keys, which hold JSON, without the quotes."""
    if key.startswith("mlflow.") and isinstance(value, str) and value.startswith('"'):
        with contextlib.suppress(ValueError):
            text = orjson.loads(value)
            return text if isinstance(text, str) else value
    return value


def _attribute_text(value: AttributeValue) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return f"{len(value):,} bytes: {value[:64].hex(' ')}"
    if isinstance(value, (list, dict)):
        return json_text(value)
    return str(value)
