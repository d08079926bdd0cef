"""Parts of messages: every provider's and convention's spelling of them.

`part` reads one item of a message's content. A part of an unknown kind becomes a ``"data"`` part
that holds it whole: what was recorded is never dropped because nobody knew its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities.attachment import Reference
from nbtrace.otel.conventions.reading import decoded, text
from nbtrace.otel.conventions.words import MessagePart, PartKind, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["part", "parts", "tool_call", "tool_result"]


def _first(value: dict[str, Any], *keys: str) -> Any:
    for key in keys:
        found = value.get(key)
        if found is not None:
            return found
    return None


def _text(value: dict[str, Any], kind: PartKind = "text") -> MessagePart | None:
    found = text(_first(value, "text", "content", "output"))
    return MessagePart(kind, text=found) if found else None


def _refusal(value: dict[str, Any]) -> MessagePart | None:
    found = text(_first(value, "refusal", "text", "content"))
    return MessagePart("refusal", text=found) if found else None


def _reasoning(value: dict[str, Any]) -> MessagePart | None:
    found = _first(value, "content", "text", "thinking", "reasoning", "reasoningText", "summary")
    if isinstance(found, dict):
        found = found.get("text")
    if isinstance(found, list):
        texts = [text(item.get("text")) if isinstance(item, dict) else text(item) for item in found]
        found = "\n".join(item for item in texts if item)
    return MessagePart("reasoning", text=found) if text(found) else None


def _data_uri(data: object, mime_type: str) -> str | None:
    """Return an address for recorded bytes in base64, or the address itself where it is one."""
    if isinstance(data, dict) and "length" in data:  # bytes, as nbtrace writes them
        data = data.get("content")
    found = text(data)
    if found is None or found.startswith(("data:", "http:", "https:", "mlflow-attachment:")):
        return found
    return f"data:{mime_type};base64,{found}"


def _media(kind: PartKind, uri: str | None, mime_type: object, name: object = None) -> MessagePart:
    found = text(mime_type)
    if found is None and uri and uri.startswith("data:"):
        found = text(uri[len("data:") :].partition(",")[0].partition(";")[0])
    reference = Reference.read(uri) if found is None and uri else None
    if reference is not None:
        found = reference.content_type
    return MessagePart(kind, uri=uri, mime_type=found, name=text(name))


def _kind_of(mime_type: object, otherwise: PartKind = "file") -> PartKind:
    start = mime_type.partition("/")[0] if isinstance(mime_type, str) else None
    if start == "image":
        return "image"
    return "audio" if start == "audio" else otherwise


def _image(value: dict[str, Any]) -> MessagePart:
    """Read ``image_url``, ``input_image`` and ``image`` parts of every provider."""
    found = _first(value, "image_url", "image", "source", "url", "data")
    mime_type = _first(value, "mediaType", "media_type", "mime_type", "mimeType")
    if isinstance(found, dict) and isinstance(found.get("image"), dict):
        found = found["image"]
    if isinstance(found, dict):
        mime_type = _first(found, "media_type", "mime_type") or mime_type
        found = _first(found, "url", "data", "file_id", "bytes")
    return _media("image", _data_uri(found, text(mime_type) or "image/png"), mime_type)


def _audio(value: dict[str, Any]) -> MessagePart:
    found = _first(value, "input_audio", "audio", "data", "url")
    form = None
    transcript = None
    if isinstance(found, dict):
        form = text(found.get("format"))
        transcript = text(found.get("transcript"))
        if isinstance(found.get("audio"), dict):
            found = found["audio"]
        found = _first(found, "data", "url", "id")
    mime_type = _first(value, "mediaType", "mime_type") or (f"audio/{form}" if form else None)
    uri = _data_uri(found, text(mime_type) or "audio/wav")
    return MessagePart("audio", text=transcript, uri=uri, mime_type=text(mime_type))


def _file(value: dict[str, Any]) -> MessagePart:
    found = _first(
        value, "file", "source", "data", "file_data", "url", "file_url", "file_id", "uri"
    )
    mime_type = _first(value, "mediaType", "media_type", "mime_type", "mimeType")
    name = _first(value, "filename", "name", "title")
    if isinstance(found, dict):
        mime_type = _first(found, "media_type", "mime_type") or mime_type
        name = name or found.get("filename")
        found = _first(found, "data", "file_data", "url", "file_id")
    form = text(mime_type) or "application/octet-stream"
    return _media(_kind_of(mime_type), _data_uri(found, form), mime_type, name)


def _blob(value: dict[str, Any]) -> MessagePart:
    mime_type = text(_first(value, "mime_type", "mimeType"))
    modality = _first(value, "modality")
    kind: PartKind = modality if modality in ("image", "audio") else _kind_of(mime_type)
    found = _first(value, "content", "data")
    return _media(kind, _data_uri(found, mime_type or f"{kind}/*"), mime_type)


def _uri(value: dict[str, Any]) -> MessagePart:
    modality = _first(value, "modality")
    mime_type = _first(value, "mime_type", "mimeType")
    kind: PartKind = modality if modality in ("image", "audio") else _kind_of(mime_type)
    return _media(kind, text(_first(value, "uri", "url", "file_uri", "file_id")), mime_type)


def tool_call(value: object) -> ToolCall | None:
    """Read a tool call of any provider.

    Parameters
    ----------
    value : object
        Such as an OpenAI ``{"id", "function": {"name", "arguments"}}``, an Anthropic ``tool_use``
        block, an OTel ``tool_call`` part, a Vercel ``tool-call`` part or a LangChain call.

    Returns
    -------
    ToolCall or None
        ``None`` where the value names no tool.

    Examples
    --------
    >>> tool_call({"id": "call_1", "function": {"name": "f", "arguments": '{"a": 1}'}})
    ToolCall(id='call_1', name='f', arguments={'a': 1})
    """
    if not isinstance(value, dict):
        return None
    inner = _first(value, "tool_call", "function")
    if isinstance(inner, dict):
        value = {**value, **inner}
        if isinstance(value.get("function"), dict):
            value = {**value, **value["function"]}
    name = text(_first(value, "name", "toolName", "tool_name"))
    identifier = text(_first(value, "call_id", "id", "toolCallId", "toolUseId", "tool_call_id"))
    if name is None and identifier is None:
        return None
    arguments = decoded(_first(value, "arguments", "input", "args"))
    return ToolCall(identifier, name, arguments)


def _call_part(value: dict[str, Any]) -> MessagePart | None:
    found = tool_call(value)
    return None if found is None else MessagePart("tool_call", tool_call=found)


def tool_result(value: object) -> Any:
    """Return what a tool returned, without the wrapping of a provider or framework.

    Examples
    --------
    >>> tool_result({"type": "text", "value": "22C"}), tool_result([{"text": "22C"}])
    ('22C', '22C')
    """
    if isinstance(value, dict):
        if "value" in value and set(value) <= {"type", "value"}:
            return value["value"]
        data = value.get("data")
        if value.get("type") == "tool" and isinstance(data, dict) and "content" in data:
            return tool_result(data["content"])
    if isinstance(value, list) and value:
        texts = [
            item["text"]
            for item in value
            if isinstance(item, dict)
            and item.get("type") in ("text", "output_text", None)
            and isinstance(item.get("text"), str)
        ]
        if len(texts) == len(value):
            return "\n".join(texts)
    return value


def _result_part(value: dict[str, Any]) -> MessagePart:
    identifier = text(_first(value, "tool_use_id", "toolCallId", "call_id", "toolUseId", "id"))
    name = text(_first(value, "toolName", "name"))
    found = _first(value, "response", "output", "result", "content")
    return MessagePart("tool_result", id=identifier, name=name, result=tool_result(found))


_READERS: dict[str, Callable[[dict[str, Any]], MessagePart | None]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "summary_text": lambda value: _text(value, "reasoning"),
    "reasoning": _reasoning,
    "reasoning_text": _reasoning,
    "thinking": _reasoning,
    "redacted_thinking": _reasoning,
    "refusal": _refusal,
    "image": _image,
    "image_url": _image,
    "input_image": _image,
    "audio": _audio,
    "input_audio": _audio,
    "file": _file,
    "input_file": _file,
    "document": _file,
    "blob": _blob,
    "uri": _uri,
    "tool_call": _call_part,
    "tool-call": _call_part,
    "tool_use": _call_part,
    "function_call": _call_part,
    "tool_call_response": _result_part,
    "tool-result": _result_part,
    "tool_result": _result_part,
    "function_call_output": _result_part,
}

# Gemini and Bedrock name a part by its only key instead of a "type".
_KEYED_READERS: dict[str, Callable[[dict[str, Any]], MessagePart | None]] = {
    "function_call": _call_part,
    "functionCall": _call_part,
    "toolUse": _call_part,
    "function_response": _result_part,
    "functionResponse": _result_part,
    "toolResult": _result_part,
    "inline_data": _blob,
    "inlineData": _blob,
    "file_data": _uri,
    "fileData": _uri,
    "image": _image,
    "reasoningContent": _reasoning,
}


def _keyed(value: dict[str, Any]) -> MessagePart | None:
    for key, reader in _KEYED_READERS.items():
        inner = value.get(key)
        if isinstance(inner, dict):
            return reader(inner)
    found = value.get("text")
    if isinstance(found, str):
        return _text(value, "reasoning" if value.get("thought") is True else "text")
    return MessagePart("data", result=value)


def part(value: object) -> MessagePart | None:
    """Read one item of a message's content.

    Parameters
    ----------
    value : object
        A text, or a mapping in any provider's or convention's spelling.

    Returns
    -------
    MessagePart or None
        ``None`` for nothing: ``None`` itself or an empty text.

    Examples
    --------
    >>> part({"type": "output_text", "text": "Hello"})
    MessagePart(kind='text', text='Hello', uri=None, mime_type=None, tool_call=None, id=None, \
name=None, result=None)
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return MessagePart("text", text=value)
    if not isinstance(value, dict):
        return MessagePart("data", result=value)
    inner = value.get("message_content")
    if isinstance(inner, dict):  # OpenInference nests every part once more
        value = {**value, **inner}
    kind = value.get("type")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is not None:
        return reader(value)
    return _keyed(value) if kind is None else MessagePart("data", result=value)


def parts(value: object) -> list[MessagePart]:
    """Read a message's content: a text, one part or a list of parts.

    Examples
    --------
    >>> [item.text for item in parts(["a", {"type": "text", "text": "b"}, ""])]
    ['a', 'b']
    """
    items = value if isinstance(value, list | tuple) else [value]
    return [found for found in map(part, items) if found is not None]
