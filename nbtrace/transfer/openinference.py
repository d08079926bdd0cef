"""OpenInference's attributes for a span of any convention, made from its normalised view.

Phoenix shows messages, documents, tools and tokens where it finds them under these keys. They are
added beside what the span holds; a key that it has already stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities.json_text import dumps
from nbtrace.otel.conventions import view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbtrace.entities import Span
    from nbtrace.entities.constant import AttributeValue
    from nbtrace.otel.conventions import Message, MessagePart, RetrievedDocument, SpanView

_KIND = "openinference.span.kind"
_KINDS = {
    "CHAT_MODEL": "LLM",
    "WORKFLOW": "CHAIN",
    "TASK": "CHAIN",
    "PARSER": "CHAIN",
    "MEMORY": "CHAIN",
}
_KNOWN_KINDS = frozenset(
    {
        "LLM",
        "CHAIN",
        "AGENT",
        "TOOL",
        "RETRIEVER",
        "EMBEDDING",
        "RERANKER",
        "GUARDRAIL",
        "EVALUATOR",
        "PROMPT",
    }
)
_JSON = "application/json"
_PLAIN = "text/plain"


def openinference_attributes(span: Span) -> dict[str, AttributeValue]:
    """Return what OpenInference would have recorded of a span, as far as it is not there.

    Parameters
    ----------
    span : Span
        Of any convention.

    Returns
    -------
    dict of str to AttributeValue
        Attributes to add; none for a span that is OpenInference's own.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1,
    ...             attributes={"mlflow.spanType": '"TOOL"', "mlflow.spanInputs": '{"n": 1}'})
    >>> added = openinference_attributes(span)
    >>> added["openinference.span.kind"], added["input.value"], added["tool.name"]
    ('TOOL', '{"n":1}', 'ask')
    """
    present = span.raw_attributes
    if _KIND in present:
        return {}
    return {key: value for key, value in _pairs(view(span)) if key not in present}


def _pairs(seen: SpanView) -> Iterator[tuple[str, AttributeValue]]:
    kind = _KINDS.get(seen.type, seen.type)
    yield _KIND, kind if kind in _KNOWN_KINDS else "UNKNOWN"
    yield from _payload("input", seen.inputs)
    yield from _payload("output", seen.outputs)
    if kind == "EMBEDDING":
        yield from _embedding(seen)
    else:
        yield from _known("llm.model_name", seen.model)
    if kind == "LLM":
        yield from _known("llm.provider", seen.provider)
    yield from _messages("llm.input_messages", seen.input_messages)
    yield from _messages("llm.output_messages", seen.output_messages)
    yield from _usage(seen)
    yield from _tools(seen)
    name = "reranker.output_documents" if kind == "RERANKER" else "retrieval.documents"
    yield from _documents(name, seen.documents)
    yield from _known("session.id", seen.session)
    yield from _known("user.id", seen.user)


def _known(key: str, value: AttributeValue) -> Iterator[tuple[str, AttributeValue]]:
    if value is not None:
        yield key, value


def _tools(seen: SpanView) -> Iterator[tuple[str, AttributeValue]]:
    for index, tool in enumerate(seen.tools):
        schema = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        function = {key: value for key, value in schema.items() if value is not None}
        key = f"llm.tools.{index}.tool.json_schema"
        yield key, dumps({"type": "function", "function": function})
    if seen.tool is None:
        return
    yield "tool.name", seen.tool.name or seen.name
    yield from _known("tool.description", seen.tool.description)
    if seen.tool.arguments is not None:
        yield "tool.parameters", _text(seen.tool.arguments)
    yield from _known("tool_call.id", seen.tool.id)


def _payload(side: str, value: Any) -> Iterator[tuple[str, AttributeValue]]:
    if value is None:
        return
    yield f"{side}.value", _text(value)
    yield f"{side}.mime_type", _PLAIN if isinstance(value, str) else _JSON


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


def _usage(seen: SpanView) -> Iterator[tuple[str, AttributeValue]]:
    usage = seen.usage
    for key, value in (
        ("llm.token_count.prompt", usage.input),
        ("llm.token_count.completion", usage.output),
        ("llm.token_count.total", usage.total),
        ("llm.token_count.prompt_details.cache_read", usage.cached),
        ("llm.token_count.prompt_details.cache_write", usage.cache_written),
        ("llm.token_count.completion_details.reasoning", usage.reasoning),
        ("llm.cost.total", usage.cost),
    ):
        yield from _known(key, value)


def _embedding(seen: SpanView) -> Iterator[tuple[str, AttributeValue]]:
    yield from _known("embedding.model_name", seen.model)
    for index, text in enumerate(seen.embeddings.texts if seen.embeddings else ()):
        yield f"embedding.embeddings.{index}.embedding.text", text


def _documents(
    prefix: str, documents: Iterable[RetrievedDocument]
) -> Iterator[tuple[str, AttributeValue]]:
    for index, item in enumerate(documents):
        place = f"{prefix}.{index}.document"
        yield from _known(f"{place}.content", item.page_content)
        yield from _known(f"{place}.id", item.id)
        yield from _known(f"{place}.score", item.score)
        if item.metadata:
            yield f"{place}.metadata", dumps(item.metadata)


def _messages(prefix: str, messages: Iterable[Message]) -> Iterator[tuple[str, AttributeValue]]:
    for index, message in enumerate(messages):
        place = f"{prefix}.{index}.message"
        yield f"{place}.role", message.role
        yield from _known(f"{place}.name", message.name)
        yield from _parts(place, message)
        for number, call in enumerate(message.tool_calls):
            inner = f"{place}.tool_calls.{number}.tool_call"
            yield from _known(f"{inner}.id", call.id)
            yield f"{inner}.function.name", call.name or ""
            if call.arguments is not None:
                yield f"{inner}.function.arguments", _text(call.arguments)


def _parts(place: str, message: Message) -> Iterator[tuple[str, AttributeValue]]:
    result = next((part for part in message.parts if part.kind == "tool_result"), None)
    if result is not None:
        yield from _known(f"{place}.tool_call_id", result.id)
        yield f"{place}.content", _text(result.result)
        return
    shown = [part for part in message.parts if part.kind != "tool_call"]
    if all(part.kind == "text" for part in shown):
        yield from _known(f"{place}.content", message.text)
        return
    for number, part in enumerate(shown):
        yield from _content(f"{place}.contents.{number}.message_content", part)


def _content(place: str, part: MessagePart) -> Iterator[tuple[str, AttributeValue]]:
    if part.kind == "image" and part.uri is not None:
        yield f"{place}.type", "image"
        yield f"{place}.image.image.url", part.uri
        return
    text = part.text if part.text is not None else part.uri
    yield f"{place}.type", "text" if part.kind == "text" else part.kind
    yield f"{place}.text", text if text is not None else _text(part.result)
