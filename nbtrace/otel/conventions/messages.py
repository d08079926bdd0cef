"""Chat messages of every provider, framework and convention, brought to one form.

`messages` reads lists of messages: OpenAI chat and Responses items, Anthropic, Gemini, Bedrock,
Ollama, LangChain (plain and serialised), Vercel AI and the OTel GenAI form with ``parts``. Roles
and finish reasons are brought to one spelling, a message of the tool role becomes a ``tool_result``
part, and the items that together are one answer of the Responses API become one message.
"""

from __future__ import annotations

from typing import Any

from nbtrace.otel.conventions.parts import parts, tool_call, tool_result
from nbtrace.otel.conventions.reading import decoded, text
from nbtrace.otel.conventions.words import Message, MessagePart, ToolDefinition

__all__ = ["finish_reason", "message", "messages", "role", "to_chat", "tool_definitions"]

_ROLES = {
    "human": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "developer": "system",
    "function": "tool",
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}

_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "completed": "stop",
    "complete": "stop",
    "finish_reason_stop": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "incomplete": "length",
    "tool_calls": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "safety": "content_filter",
    "refusal": "content_filter",
    "failed": "error",
}

# Items of the Responses API that are not messages; the value is the role they belong to.
_ITEM_ROLES = {
    "function_call": "assistant",
    "reasoning": "assistant",
    "function_call_output": "tool",
    "tool_call": "assistant",
    "tool_use": "assistant",
}

# Lists inside lists: LangChain batches once; deeper nesting is not a conversation.
_MAX_NESTING = 3


def role(value: object, default: str = "user") -> str:
    """Return a role in the common spelling.

    Examples
    --------
    >>> role("human"), role("Assistant"), role(None), role("critic")
    ('user', 'assistant', 'user', 'critic')
    """
    found = text(value)
    if found is None:
        return default
    return _ROLES.get(found) or _ROLES.get(found.lower(), found)


def finish_reason(value: object) -> str | None:
    """Return a finish reason in OTel's spelling: stop, length, tool_call, content_filter, error.

    Examples
    --------
    >>> finish_reason("end_turn"), finish_reason("tool-calls"), finish_reason("STOP")
    ('stop', 'tool_call', 'stop')
    """
    found = text(value)
    if found is None:
        return None
    found = found.lower().replace("-", "_")
    return _FINISH_REASONS.get(found, found)


def _tool_parts(value: dict[str, Any], found: list[MessagePart]) -> tuple[MessagePart, ...]:
    """Turn what a message of the tool role says into the result of a call."""
    if any(item.kind == "tool_result" for item in found):
        return tuple(found)
    identifier = text(value.get("tool_call_id")) or text(value.get("id"))
    result = tool_result(value.get("content"))
    if result is None and found:
        result = tool_result([{"text": item.text} for item in found if item.text]) or None
    return (MessagePart("tool_result", id=identifier, name=text(value.get("name")), result=result),)


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """Take a message out of LangChain's serialisations and OpenInference's nesting."""
    inner = value.get("kwargs")
    if value.get("type") == "constructor" and isinstance(inner, dict):
        return inner
    for key in ("message", "data"):
        inner = value.get(key)
        if isinstance(inner, dict) and "content" not in value and "parts" not in value:
            inner = {"type": value.get("type"), **inner} if key == "data" else inner
            if inner.get("type") == "constructor" and isinstance(inner.get("kwargs"), dict):
                inner = inner["kwargs"]
            return inner
    return value


def message(value: object, default_role: str = "user") -> Message | None:
    """Read one message.

    Parameters
    ----------
    value : object
        A text, a ``[role, text]`` pair or a mapping in any known spelling.
    default_role : str
        Role of a message that states none.

    Returns
    -------
    Message or None
        ``None`` where the value is not a message.

    Examples
    --------
    >>> message({"role": "assistant", "content": "Hello"}).text
    'Hello'
    """
    if isinstance(value, str):
        return Message(default_role, (MessagePart("text", text=value),)) if value else None
    if not isinstance(value, dict):
        return None
    value = _unwrapped(value)
    kind = text(value.get("type"))
    item_role = _ITEM_ROLES.get(kind) if kind else None
    if item_role is not None and "role" not in value and "content" not in value:
        return Message(item_role, tuple(parts(value)))
    stated = value.get("role") or (kind if kind in _ROLES else None)
    author = role(stated, default_role)
    found = _said(value)
    if author == "tool":
        found = list(_tool_parts(value, found))
    elif found and all(item.kind == "tool_result" for item in found):
        author = "tool"  # Anthropic sends results in messages of the user
    if not found and stated is None:
        return None
    return Message(
        author, tuple(found), text(value.get("name")), finish_reason(value.get("finish_reason"))
    )


def _said(value: dict[str, Any]) -> list[MessagePart]:
    """Read the parts of a message, also those that stand beside its content."""
    content = value.get("parts")
    if not isinstance(content, list):
        content = value.get("content")
    if content is None:
        content = value.get("contents")
    found = [] if content is None else parts(content)
    reasoning = text(value.get("reasoning_content")) or text(value.get("thinking"))
    if reasoning:
        found.insert(0, MessagePart("reasoning", text=reasoning))
    if text(value.get("refusal")):
        found.append(MessagePart("refusal", text=value["refusal"]))
    if isinstance(value.get("audio"), dict):
        found += parts({"type": "audio", "audio": value["audio"]})
    return found + _calls(value, found)


def _calls(value: dict[str, Any], found: list[MessagePart]) -> list[MessagePart]:
    """Read the tool calls beside the content, leaving out those that the content has too."""
    listed = decoded(value.get("tool_calls"))
    calls = listed if isinstance(listed, list) else []
    if isinstance(value.get("function_call"), dict):
        calls = [*calls, value["function_call"]]
    known = {item.tool_call.id for item in found if item.tool_call is not None}
    read = [call for call in map(tool_call, calls) if call is not None]
    return [
        MessagePart("tool_call", tool_call=call)
        for call in read
        if call.id is None or call.id not in known
    ]


def messages(value: object, default_role: str = "user") -> list[Message]:
    """Read a conversation.

    Parameters
    ----------
    value : object
        A list of messages, one message, a text, or JSON text of these.
    default_role : str
        Role of messages that state none.

    Returns
    -------
    list of Message
        In order; what is not a message is left out.

    Examples
    --------
    >>> [item.role for item in messages([["user", "Hi"], {"type": "ai", "content": "Hello"}])]
    ['user', 'assistant']
    """
    return _messages(decoded(value), default_role, 0)


def _messages(value: object, default_role: str, depth: int) -> list[Message]:
    if not isinstance(value, list | tuple):
        found = message(value, default_role)
        return [] if found is None else [found]
    if _is_pair(value):
        found = message(value[1], role(value[0]))
        return [] if found is None else [found]
    read: list[Message] = []
    joinable = False
    for item in value:
        if isinstance(item, list | tuple):
            if depth < _MAX_NESTING:
                read += _messages(item, default_role, depth + 1)
            joinable = False
            continue
        found = message(item, default_role)
        if found is None:
            continue
        is_item = isinstance(item, dict) and item.get("type") in (*_ITEM_ROLES, "message")
        if is_item and joinable and read[-1].role == found.role == "assistant":
            read[-1] = Message("assistant", read[-1].parts + found.parts, read[-1].name)
        else:
            read.append(found)
        joinable = is_item
    return read


def _is_pair(value: list[Any] | tuple[Any, ...]) -> bool:
    """Tell LangChain's ``["user", "text"]`` from a list of two texts."""
    pair = len(value) == len(("role", "text")) and all(isinstance(item, str) for item in value)
    return pair and value[0] in _ROLES


def to_chat(value: Message) -> dict[str, Any]:
    """Return a message in the shape of OpenAI's chat API, which most tools read.

    Examples
    --------
    >>> to_chat(Message("user", (MessagePart("text", text="Hi"),)))
    {'role': 'user', 'content': 'Hi'}
    """
    results = [item for item in value.parts if item.kind == "tool_result"]
    if results:
        first = results[0]
        shown: dict[str, Any] = {"role": value.role, "content": first.result}
        if first.id is not None:
            shown["tool_call_id"] = first.id
        return shown
    plain = [item for item in value.parts if item.kind != "tool_call"]
    if all(item.kind == "text" for item in plain):
        content: Any = value.text
    else:
        content = [_chat_part(item) for item in plain]
    shown = {"role": value.role, "content": content}
    if value.tool_calls:
        shown["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in value.tool_calls
        ]
    return shown


def _chat_part(value: MessagePart) -> dict[str, Any]:
    if value.kind == "image":
        return {"type": "image_url", "image_url": {"url": value.uri}}
    if value.kind == "data":
        return {"type": "data", "data": value.result}
    if value.uri is not None:
        return {"type": value.kind, "url": value.uri, "mime_type": value.mime_type}
    return {"type": value.kind, "text": value.text}


def tool_definitions(value: object) -> list[ToolDefinition]:
    """Read the tools that a model was offered, in any provider's spelling.

    Parameters
    ----------
    value : object
        A list of definitions or of JSON texts, or JSON text of a list.

    Returns
    -------
    list of ToolDefinition
        Those that have a name, in order.

    Examples
    --------
    >>> tool_definitions([{"name": "f", "input_schema": {"type": "object"}}])[0].parameters
    {'type': 'object'}
    """
    listed = decoded(value)
    found = []
    for item in listed if isinstance(listed, list | tuple) else [listed]:
        definition = decoded(item)
        if not isinstance(definition, dict):
            continue
        for key in ("function", "toolSpec", "tool"):
            if isinstance(definition.get(key), dict):
                definition = definition[key]
        declarations = definition.get("function_declarations")
        if isinstance(declarations, list):  # Gemini lists several in one tool
            found += tool_definitions([one for one in declarations if isinstance(one, dict)])
            continue
        name = text(definition.get("name")) or text(definition.get("type"))
        if name is not None:
            found.append(
                ToolDefinition(name, text(definition.get("description")), _schema(definition))
            )
    return found


def _schema(definition: dict[str, Any]) -> Any:
    keys = (
        "parameters",
        "input_schema",
        "inputSchema",
        "parameters_json_schema",
        "args_schema",
        "json_schema",
    )
    for key in keys:
        found = decoded(definition.get(key))
        if isinstance(found, dict):
            found = found.get("json", found)  # Bedrock wraps the schema in {"json": ...}
            return {key: item for key, item in found.items() if key != "$schema"}
    return None
