"""Requests and responses of the providers' APIs, as instrumentors record them whole.

MLflow keeps the request and the response as JSON, OpenInference beside its own keys, older Logfire
too. These functions read messages, usage, identifiers and finish reasons out of such payloads.
"""

from __future__ import annotations

from typing import Any

from nbtrace.otel.conventions.messages import finish_reason, messages
from nbtrace.otel.conventions.reading import count, first_count, text
from nbtrace.otel.conventions.words import Message, Usage

__all__ = [
    "payload_finish_reasons",
    "payload_id",
    "payload_usage",
    "request_messages",
    "response_messages",
]


def _replaced(found: list[Message], reason: object) -> list[Message]:
    """Give the last message the finish reason of its choice."""
    stated = finish_reason(reason)
    if not found or stated is None:
        return found
    last = found[-1]
    return [*found[:-1], Message(last.role, last.parts, last.name, stated)]


def _system(value: object) -> list[Message]:
    """Read instructions that are given beside the messages: a text, parts or a message."""
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(item, dict | str) for item in value):
        value = {"role": "system", "content": value}
    found = messages(value, "system")
    return [Message("system", item.parts) for item in found if item.parts]


def request_messages(value: object) -> list[Message]:
    """Return the messages of a request.

    Parameters
    ----------
    value : object
        Decoded request, such as ``{"model": ..., "messages": [...]}``.

    Returns
    -------
    list of Message
        Instructions first; ``[]`` where the value is not a chat request.

    Examples
    --------
    >>> [item.role for item in request_messages({"input": "hi", "instructions": "Be brief."})]
    ['system', 'user']
    """
    if not isinstance(value, dict):
        return messages(value) if _is_conversation(value) else []
    if isinstance(value.get("request"), dict):
        return request_messages(value["request"])
    system = value.get("instructions") or value.get("system") or value.get("system_instruction")
    config = value.get("config")
    if system is None and isinstance(config, dict):
        system = config.get("system_instruction")
    for key in ("messages", "input", "contents", "prompt", "chat_history"):
        found = value.get(key)
        if found is None or (key == "prompt" and not isinstance(found, str | list)):
            continue
        if key == "input" and isinstance(found, list) and not _is_conversation(found):
            continue  # texts to embed, not messages
        if isinstance(found, str | list | dict) and found:
            read = messages(found)
            if read:
                return _system(system) + read
    return []


def _is_conversation(value: object) -> bool:
    """Tell a list of messages from a list of other things."""
    if not isinstance(value, list) or not value:
        return False
    first = value[0]
    if isinstance(first, list):
        return bool(first) and (isinstance(first[0], dict) or len(first) == len(("role", "text")))
    if not isinstance(first, dict):
        return False
    if first.get("type") in ("message", "function_call", "reasoning", "function_call_output"):
        return True
    return any(key in first for key in ("role", "content", "parts", "data", "kwargs"))


def response_messages(value: object) -> list[Message]:
    """Return the messages of a response.

    Parameters
    ----------
    value : object
        Decoded response, such as ``{"choices": [...]}``.

    Returns
    -------
    list of Message
        ``[]`` where the value is not a chat response.

    Examples
    --------
    >>> response_messages({"role": "assistant", "content": "Hello"})[0].text
    'Hello'
    """
    if isinstance(value, list):
        return _listed_response(value)
    if not isinstance(value, dict):
        return []
    for read in (_chosen, _response_items, _single, _plain_text):
        found = read(value)
        if found is not None:
            return found
    return []


def _chosen(value: dict[str, Any]) -> list[Message] | None:
    """Read a response that is a list of alternatives: OpenAI, Gemini, LangChain."""
    for key in ("choices", "candidates", "generations"):
        if isinstance(value.get(key), list):
            return [found for choice in value[key] for found in _choice(choice)]
    return None


def _response_items(value: dict[str, Any]) -> list[Message] | None:
    """Read OpenAI's Responses, Bedrock's wrapped message and agents' lists of messages."""
    output = value.get("output")
    if isinstance(output, dict) and isinstance(output.get("message"), dict):
        return _replaced(messages(output["message"], "assistant"), value.get("stopReason"))
    if _is_conversation(output):
        return _replaced(messages(output, "assistant"), _response_reason(value))
    if isinstance(value.get("messages"), list):
        return messages(value["messages"], "assistant")
    return None


def _single(value: dict[str, Any]) -> list[Message] | None:
    """Read a response that is one message: Anthropic, Ollama, Cohere, LangChain."""
    if isinstance(value.get("message"), dict):
        reason = value.get("done_reason") or value.get("finish_reason")
        return _replaced(messages(value["message"], "assistant"), reason)
    if value.get("role") or "kwargs" in value or value.get("type") in ("ai", "message"):
        reason = value.get("stop_reason") or value.get("finish_reason")
        return _replaced(messages(value, "assistant"), reason)
    return None


def _plain_text(value: dict[str, Any]) -> list[Message] | None:
    for key in ("output_text", "output", "response", "answer", "text", "content"):
        if text(value.get(key)):
            return messages(value[key], "assistant")
    return None


def _listed_response(value: list[Any]) -> list[Message]:
    """Read a list of messages, or LangGraph's list of commands that update the messages."""
    updates = [
        item["update"]["messages"]
        for item in value
        if isinstance(item, dict)
        and isinstance(item.get("update"), dict)
        and isinstance(item["update"].get("messages"), list)
    ]
    if updates:
        return [found for update in updates for found in messages(update, "assistant")]
    return messages(value, "assistant") if _is_conversation(value) else []


def _choice(value: object) -> list[Message]:
    """Read one choice of OpenAI, candidate of Gemini or (list of) generation of LangChain."""
    if isinstance(value, list):
        return [found for item in value for found in _choice(item)]
    if not isinstance(value, dict):
        return []
    information = value.get("generation_info")
    reason = value.get("finish_reason") or value.get("finishReason")
    if reason is None and isinstance(information, dict):
        reason = information.get("finish_reason")
    for key in ("message", "delta", "content", "text"):
        found = value.get(key)
        if isinstance(found, dict | str) and found:
            return _replaced(messages(found, "assistant"), reason)
    return []


def _response_reason(value: dict[str, Any]) -> str | None:
    """Return why a response of the Responses API ended; a call in it is its reason."""
    output = value.get("output")
    items = output if isinstance(output, list) else []
    if any(isinstance(item, dict) and item.get("type") == "function_call" for item in items):
        return "tool_call"
    return text(value.get("status"))


def payload_finish_reasons(value: object) -> list[str]:
    """Return the finish reasons that a response states, in the common spelling.

    Examples
    --------
    >>> payload_finish_reasons({"choices": [{"text": "Hi", "finish_reason": "max_tokens"}]})
    ['length']
    """
    return [item.finish_reason for item in response_messages(value) if item.finish_reason]


def payload_id(value: object) -> str | None:
    """Return the identifier that the provider gave a response.

    Examples
    --------
    >>> payload_id({"id": "chatcmpl-1", "choices": []})
    'chatcmpl-1'
    """
    if not isinstance(value, dict):
        return None
    if any(key in value for key in ("choices", "usage", "object", "stop_reason", "output")):
        return text(value.get("id")) or text(value.get("responseId"))
    generation = value.get("generations")
    for _ in range(2):  # a batch of prompts, each with several generations
        generation = generation[0] if isinstance(generation, list) and generation else generation
    if isinstance(generation, dict) and isinstance(generation.get("message"), dict):
        inner = generation["message"].get("kwargs") or generation["message"].get("data")
        data = inner.get("response_metadata") if isinstance(inner, dict) else None
        return text(data.get("id")) if isinstance(data, dict) else None
    return None


def _detail(value: dict[str, Any], names: tuple[str, ...], key: str) -> int | None:
    for name in names:
        found = value.get(name)
        if isinstance(found, dict):
            return count(found.get(key))
    return None


def payload_usage(value: object) -> Usage:
    """Return the usage that a provider's response or its ``usage`` mapping states.

    Anthropic counts cached tokens beside the input tokens, everybody else among them; here they are
    always among them.

    Parameters
    ----------
    value : object
        Decoded response or usage.

    Returns
    -------
    Usage
        Without cost; every field ``None`` where there is no usage.

    Examples
    --------
    >>> payload_usage({"usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}})
    Usage(input=12, output=5, total=17, cached=None, reasoning=None, cost=None, cache_written=None)
    """
    if not isinstance(value, dict):
        return Usage()
    for key in ("usage", "usage_metadata", "usageMetadata"):
        inner = value.get(key)
        if isinstance(inner, dict):
            value = inner
            break
    found_input = first_count(
        value,
        "prompt_tokens",
        "input_tokens",
        "inputTokens",
        "promptTokenCount",
        "prompt_token_count",
        "prompt_eval_count",
    )
    found_output = first_count(
        value,
        "completion_tokens",
        "output_tokens",
        "outputTokens",
        "candidatesTokenCount",
        "candidates_token_count",
        "eval_count",
    )
    cached = _detail(value, ("prompt_tokens_details", "input_tokens_details"), "cached_tokens")
    if cached is None:
        cached = first_count(value, "cachedContentTokenCount", "cached_content_token_count")
    reasoning = _detail(
        value, ("completion_tokens_details", "output_tokens_details"), "reasoning_tokens"
    )
    if reasoning is None:
        reasoning = first_count(value, "thoughtsTokenCount", "thoughts_token_count")
    written = None
    if "cache_read_input_tokens" in value or "cache_creation_input_tokens" in value:
        cached = count(value.get("cache_read_input_tokens"))
        written = count(value.get("cache_creation_input_tokens"))
        if found_input is not None and "prompt_tokens" not in value:
            found_input += (cached or 0) + (written or 0)
    total = first_count(
        value, "total_tokens", "totalTokens", "totalTokenCount", "total_token_count"
    )
    return Usage(found_input, found_output, total, cached, reasoning, None, written)
