"""Conversations with a model as the panel shows them: messages of parts, and the tools offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.widgets.json_value import json_text
from nbtrace.widgets.span_facts import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.otel.conventions import Message, MessagePart, SpanView
    from nbtrace.widgets.detail_messages import ChatMessage, ChatPart, LongText, ToolDetails
    from nbtrace.widgets.pieces import Pieces

# A conversation longer than this is read in the inputs, where all of it is.
MAX_MESSAGES = 400
MAX_TOOLS = 200
MAX_LABEL_CHARACTERS = 200


def chat_of(seen: SpanView, pieces: Pieces) -> tuple[list[ChatMessage], int]:
    """Return a span's conversation, whichever convention tells it.

    Parameters
    ----------
    seen : SpanView
        The span in the common words.
    pieces : Pieces
        Where long texts are cut.

    Returns
    -------
    tuple of (list of ChatMessage, int)
        The messages, the last ones where they are very many, and how many earlier ones there are.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> from nbtrace.otel.conventions import view
    >>> from nbtrace.widgets.pieces import Pieces
    >>> sent = '[{"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}]'
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="chat", start_time_ns=1,
    ...             attributes={"gen_ai.operation.name": "chat", "gen_ai.input.messages": sent})
    >>> messages, earlier = chat_of(view(span), Pieces())
    >>> messages[0]["role"], messages[0]["parts"][0]["text"]["text"], earlier
    ('user', 'Weather?', 0)
    """
    sent = _messages(seen.input_messages, pieces, "input", answer=False)
    came = _messages(seen.output_messages, pieces, "output", answer=True)
    messages = sent + came
    earlier = max(0, len(messages) - MAX_MESSAGES)
    return messages[earlier:], earlier


def tools_of(seen: SpanView, pieces: Pieces) -> list[ToolDetails]:
    """Return the tools that a model was offered, their schemas as JSON text."""
    return [
        {
            "name": label(tool.name) or "",
            "description": safe_text((tool.description or "")[: MAX_LABEL_CHARACTERS * 20]),
            "parameters": None
            if tool.parameters is None
            else pieces.cut(f"tool/{place}", json_text(tool.parameters)),
        }
        for place, tool in enumerate(seen.tools[:MAX_TOOLS])
    ]


def label(text: str | None) -> str | None:
    """Return a name that fits in one line."""
    if text is None or len(text) <= MAX_LABEL_CHARACTERS:
        return None if text is None else safe_text(text)
    return safe_text(text[: MAX_LABEL_CHARACTERS - 1]) + "…"


def _messages(
    messages: Sequence[Message], pieces: Pieces, side: str, *, answer: bool
) -> list[ChatMessage]:
    return [
        {
            "role": label(message.role) or "",
            "name": label(message.name),
            "finish_reason": label(message.finish_reason),
            "answer": answer,
            "parts": [
                _part(part, pieces, f"{side}/{number}/{place}")
                for place, part in enumerate(message.parts)
            ],
        }
        for number, message in enumerate(messages)
    ]


def _part(part: MessagePart, pieces: Pieces, place: str) -> ChatPart:
    text: LongText | None = None
    is_json = False
    name, identifier = part.name, part.id
    if part.tool_call is not None:
        name, identifier = part.tool_call.name, part.tool_call.id
        text, is_json = _value(part.tool_call.arguments, pieces, place)
    elif part.text is not None:
        text = pieces.cut(place, part.text)
    elif part.kind in ("tool_result", "data"):
        text, is_json = _value(part.result, pieces, place)
    return {
        "kind": part.kind,
        "text": text,
        "json": is_json,
        "uri": pieces.maybe(f"{place}/uri", part.uri),
        "mime_type": label(part.mime_type),
        "name": label(name),
        "id": label(identifier),
    }


def _value(value: object, pieces: Pieces, place: str) -> tuple[LongText | None, bool]:
    """Return a value as text: a text as it is, everything else as JSON."""
    if value is None:
        return None, False
    if isinstance(value, str):
        return pieces.cut(place, value), False
    return pieces.cut(place, json_text(value)), True
