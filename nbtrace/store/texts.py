"""The text of spans: what they were given, gave back, said and failed with.

`text_row` takes from the line of a span what the database keeps for searching: the name, inputs,
outputs, and under ``other`` messages and errors, each cut. What a convention calls inputs is read
through the normaliser; nbtrace's own spans take the short way.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.config import options
from nbtrace.entities.constant import SpanAttributeKey
from nbtrace.store.rows import TextRow

if TYPE_CHECKING:
    from nbtrace.entities import Span
    from nbtrace.otel.conventions.words import Message

__all__ = ["span_content", "text_row"]

_CHAT_TYPES = frozenset({'"LLM"', '"CHAT_MODEL"'})
# Attributes of nbtrace's own that hold no inputs, outputs or messages.
_SILENT = frozenset({SpanAttributeKey.SPAN_TYPE, SpanAttributeKey.FUNCTION_NAME})


def span_content(span: Span) -> tuple[Any, Any]:
    """Return a span's inputs and outputs, under whatever convention they were recorded.

    Parameters
    ----------
    span : Span
        The stored span.

    Returns
    -------
    tuple of (object, object)
        Decoded from JSON; ``None`` where there are none.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1,
    ...             attributes={"mlflow.spanInputs": "[1]"})
    >>> span_content(span)
    ([1], None)
    """
    from nbtrace.otel.conventions import view

    seen = view(span)
    return seen.inputs, seen.outputs


def text_row(line: bytes) -> TextRow:
    """Return the searchable text of a span.

    Parameters
    ----------
    line : bytes
        The span, one OTLP/JSON object.

    Returns
    -------
    TextRow
        Each text cut at `nbtrace.config.options.indexed_text_characters`.

    Raises
    ------
    ValueError, KeyError
        For a line that holds no span.

    Examples
    --------
    >>> text_row(b'{"spanId":"00f067aa0ba902b7","name":"ask"}').name
    'ask'
    """
    span: dict[str, Any] = orjson.loads(line)
    limit = options.indexed_text_characters
    found: dict[str, str | None] = {}
    foreign = False
    for item in span.get("attributes", ()):
        key = item["key"]
        if key in {SpanAttributeKey.INPUTS, SpanAttributeKey.OUTPUTS, SpanAttributeKey.SPAN_TYPE}:
            found[key] = item["value"].get("stringValue")
        elif key not in _SILENT:
            foreign = True
    inputs = found.get(SpanAttributeKey.INPUTS)
    outputs = found.get(SpanAttributeKey.OUTPUTS)
    others = _errors(span)
    long_chat = (
        inputs is not None
        and len(inputs) > limit
        and found.get(SpanAttributeKey.SPAN_TYPE) in _CHAT_TYPES
    )
    if long_chat or (foreign and inputs is None and outputs is None):
        normal_inputs, normal_outputs, messages = _normalised(span, limit)
        inputs = inputs or normal_inputs
        outputs = outputs or normal_outputs
        if messages:
            others.append(messages)
    return TextRow(
        span["spanId"],
        span["name"][:limit],
        _plain(inputs, limit),
        _plain(outputs, limit),
        "\n".join(others) or None,
    )


def _plain(text: str | None, limit: int) -> str | None:
    """Return a value's text: a JSON string as what it says, other JSON as it is."""
    if text and text[0] == '"':
        with contextlib.suppress(orjson.JSONDecodeError):
            text = orjson.loads(text)
    return None if text is None else text[:limit]


def _errors(span: dict[str, Any]) -> list[str]:
    """Return what a span failed with: its status and its exceptions, each said once."""
    status = span.get("status")
    events = span.get("events")
    if not status and not events:
        return []
    limit = options.indexed_text_characters
    message = (status or {}).get("message")
    found = [message[:limit]] if message else []
    for event in events or ():
        if event.get("name") != "exception":
            continue
        said = {
            item["key"]: item["value"].get("stringValue") for item in event.get("attributes", ())
        }
        parts = (said.get("exception.type"), said.get("exception.message"))
        text = ": ".join(part for part in parts if part)[:limit]
        if text and text not in found:
            found.append(text)
    return found


def _normalised(span: dict[str, Any], limit: int) -> tuple[str | None, str | None, str]:
    """Return inputs, outputs and messages as the span's convention has them."""
    from nbtrace.otel.conventions import view
    from nbtrace.otel.otlp import decode_span

    seen = view(decode_span(span))
    return _text(seen.inputs), _text(seen.outputs), _chat(seen.messages, limit)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _chat(messages: list[Message], limit: int) -> str:
    """Return the texts of messages, the last first, which is what is new in a conversation."""
    texts: list[str] = []
    length = 0
    for message in reversed(messages):
        text = message.text
        if text:
            texts.append(text[: limit - length])
            length += len(text) + 1
        if length >= limit:
            break
    return "\n".join(texts)
