"""What the static tree says of a span's values: last messages, first documents, or in and out.

It is text by label, one line each; the static tree escapes and cuts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.entities.attachment import SCHEME, described
from nbtrace.widgets.json_value import json_text
from nbtrace.widgets.overview import one_line
from nbtrace.widgets.span_facts import PREVIEW_CHARACTERS, facts_of, previews

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbtrace.entities.span import Span
    from nbtrace.otel.conventions import Message, RetrievedDocument

CHAT_TYPES = frozenset({"LLM", "CHAT_MODEL"})
DOCUMENT_TYPES = frozenset({"RETRIEVER", "RERANKER"})
# What was asked last and what came back; the rest of a conversation is in the live tree.
LAST_MESSAGES = 3
FIRST_DOCUMENTS = 3
# Reading a span in the common words decodes its values; a cell's end waits for it.
MAX_READ_CHARACTERS = 200_000


def spoken_values(span: Span) -> list[tuple[str, str]]:
    """Return the values of a span as labels and texts.

    Parameters
    ----------
    span : Span
        The span.

    Returns
    -------
    list of (str, str)
        Nothing that is empty.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> sent = '[{"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}]'
    >>> spoken_values(Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="chat",
    ...                    start_time_ns=1, attributes={"gen_ai.operation.name": "chat",
    ...                                                 "gen_ai.input.messages": sent}))
    [('user', 'Weather?')]
    """
    kind = facts_of(span).kind
    if (kind in CHAT_TYPES or kind in DOCUMENT_TYPES) and _is_small(span):
        from nbtrace.otel.conventions import view

        seen = view(span)
        if kind in CHAT_TYPES and seen.messages:
            return _texts(map(_message, seen.messages[-LAST_MESSAGES:]))
        if kind in DOCUMENT_TYPES and seen.documents:
            found = seen.documents[:FIRST_DOCUMENTS]
            told = _texts(_document(rank, one) for rank, one in enumerate(found, start=1))
            query = previews(span)[0]
            return ([("in", query)] if query else []) + told
    inputs, outputs, _ = previews(span)
    return _texts((("in", inputs), ("out", outputs)))


def _is_small(span: Span) -> bool:
    size = sum(len(value) for value in span.raw_attributes.values() if isinstance(value, str))
    return size <= MAX_READ_CHARACTERS


def _texts(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(label, text) for label, text in pairs if text]


def _message(message: Message) -> tuple[str, str]:
    parts = []
    for part in message.parts:
        if part.tool_call is not None:
            arguments = part.tool_call.arguments
            shown = arguments if isinstance(arguments, str) else json_text(arguments)
            parts.append(f"→ {part.tool_call.name}({shown})")
        elif part.text is not None:
            parts.append(part.text)
        elif part.result is not None:
            parts.append(part.result if isinstance(part.result, str) else json_text(part.result))
        elif part.uri is not None and part.uri.startswith(SCHEME):
            parts.append(part.uri)
        else:
            parts.append(f"[{part.kind}]")
    return one_line(message.role, 24), one_line(described(" ".join(parts)), PREVIEW_CHARACTERS)


def _document(rank: int, document: RetrievedDocument) -> tuple[str, str]:
    score = "" if document.score is None else f" · {document.score:.3g}"
    return f"{rank}{score}", one_line(
        document.page_content or document.id or "", PREVIEW_CHARACTERS
    )
