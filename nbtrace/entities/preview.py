"""Short texts of a root's inputs and outputs, by MLflow's rules.

Where the value looks like a chat (OpenAI's chat completions and responses, Anthropic's messages),
the preview is the text of the last message of the user or the assistant; else it is the JSON text.
"""

from __future__ import annotations

from typing import Any

from nbtrace import config
from nbtrace.entities.attachment import described
from nbtrace.entities.json_text import dumps, loads
from nbtrace.entities.text import clean_text

_ELLIPSIS = "..."
# A reference to a picture becomes a tenth of its length.
_DESCRIBED = 10
_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})
# JSON text without these words is no chat: it need not be parsed to be cut.
_SIGNS_OF_CHAT = ('"role"', '"model"')


def request_preview(inputs: Any, json_text: str | None = None) -> str | None:
    """Return the preview of a root's inputs.

    Parameters
    ----------
    inputs : object
        The decoded inputs.
    json_text : str, optional
        Their JSON text where it is at hand, which saves making it.

    Returns
    -------
    str or None
        At most `config.PREVIEW_CHARACTERS` characters, a cut ends in ``...``; None for None.

    Examples
    --------
    >>> request_preview({"messages": [{"role": "user", "content": "Why?"}]})
    'Why?'
    >>> request_preview({"question": "Why?"})
    '{"question":"Why?"}'
    """
    return _preview(inputs, "user", json_text)


def response_preview(outputs: Any, json_text: str | None = None) -> str | None:
    """Return the preview of a root's outputs.

    Parameters
    ----------
    outputs : object
        The decoded outputs.
    json_text : str, optional
        Their JSON text where it is at hand, which saves making it.

    Returns
    -------
    str or None
        At most `config.PREVIEW_CHARACTERS` characters, a cut ends in ``...``; None for None.

    Examples
    --------
    >>> response_preview({"role": "assistant", "content": [{"type": "text", "text": "So."}]})
    'So.'
    """
    return _preview(outputs, "assistant", json_text)


def request_preview_of_json(json_text: str | None) -> str | None:
    """Return the preview of a root's inputs from their JSON text, parsed only where it may be chat.

    Examples
    --------
    >>> request_preview_of_json('{"question":"Why?"}')
    '{"question":"Why?"}'
    """
    return _preview_of_json(json_text, "user")


def response_preview_of_json(json_text: str | None) -> str | None:
    """Return the preview of a root's outputs from their JSON text.

    Examples
    --------
    >>> response_preview_of_json('{"choices":[{"message":{"role":"assistant","content":"So."}}]}')
    'So.'
    """
    return _preview_of_json(json_text, "assistant")


def _preview_of_json(json_text: str | None, role: str) -> str | None:
    if json_text is None or json_text == "null":
        return None
    if any(sign in json_text for sign in _SIGNS_OF_CHAT):
        try:
            return _preview(loads(json_text), role, json_text)
        except ValueError:
            pass
    return _cut(json_text)


def _preview(value: Any, role: str, json_text: str | None) -> str | None:
    if value is None:
        return None
    text = _chat_text(value, role)
    if not text:
        text = dumps(value) if json_text is None else json_text
    return _cut(text)


def _cut(text: str) -> str:
    limit = config.PREVIEW_CHARACTERS
    text = described(text[: limit * _DESCRIBED])
    if len(text) > limit:
        text = text[: limit - len(_ELLIPSIS)] + _ELLIPSIS
    # SQLite's own functions take NUL for the end of a text.
    return clean_text(text.replace("\0", "\N{REPLACEMENT CHARACTER}"))


def _chat_text(value: Any, role: str) -> str | None:
    if isinstance(value, dict):
        plain = value.get("input")
        if isinstance(plain, str) and "model" in value:
            return plain
    messages = _messages(value)
    if not messages:
        return None
    message = next((item for item in reversed(messages) if item["role"] == role), messages[-1])
    return _content_text(message["content"])


def _messages(value: Any, depth: int = 0) -> list[dict[str, Any]]:
    if isinstance(value, list):
        # A bare list is a chat only when it is nothing else; the others are lists by their format.
        return value if value and all(_is_message(item) for item in value) else []
    if not isinstance(value, dict):
        return []
    choices = value.get("choices")
    if choices and isinstance(choices, list) and isinstance(choices[0], dict):
        message = choices[0].get("message")
        if isinstance(message, dict) and _is_message(message):
            return [message]
    for key in ("messages", "input", "output"):
        items = value.get(key)
        if isinstance(items, list):
            found = [item for item in items if _is_message(item)]
            if found:
                return found
    if _is_message(value):
        return [value]
    # MLflow's agents get the request below this key; nothing nests it twice.
    return _messages(value["request"], depth + 1) if "request" in value and depth == 0 else []


def _is_message(item: Any) -> bool:
    return isinstance(item, dict) and "role" in item and "content" in item


def _content_text(content: Any) -> str | None:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        for part in content:
            if isinstance(part, str):
                return part
            if isinstance(part, dict) and part.get("type") in _TEXT_PARTS:
                text = part.get("text")
                if isinstance(text, str) and text:
                    return text
    return None
