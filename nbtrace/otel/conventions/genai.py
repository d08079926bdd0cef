"""OpenTelemetry's GenAI conventions: ``gen_ai.*`` on spans and, old and new, on events.

Messages are JSON texts on spans and structures on events; older instrumentors put one event per
message (``gen_ai.user.message``, ``gen_ai.choice``) instead. Log records become events of their
span first (`nbtrace.otel.conventions.events`), so that both are read in one place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from nbtrace.otel.conventions.messages import (
    finish_reason,
    message,
    messages,
    role,
    tool_definitions,
)
from nbtrace.otel.conventions.parts import parts, tool_result
from nbtrace.otel.conventions.reading import (
    decoded,
    first_count,
    first_text,
    mapping,
    number,
    sequence,
    text,
)
from nbtrace.otel.conventions.view import SpanView
from nbtrace.otel.conventions.words import (
    EmbeddingSummary,
    Message,
    RetrievedDocument,
    ToolDefinition,
    ToolRun,
    Usage,
)

if TYPE_CHECKING:
    from nbtrace.entities import SpanEvent
    from nbtrace.otel.conventions.reading import Attributes

__all__ = ["DETAILS_EVENT", "EVENT_CONTENT", "GenAIView"]

DETAILS_EVENT = "gen_ai.client.inference.operation.details"
# Where several SDKs put the body of an event on a span, as JSON text.
EVENT_CONTENT = "gen_ai.event.content"

_TYPES = {
    "chat": "CHAT_MODEL",
    "generate_content": "CHAT_MODEL",
    "text_completion": "LLM",
    "completion": "LLM",
    "embeddings": "EMBEDDING",
    "embedding": "EMBEDDING",
    "retrieval": "RETRIEVER",
    "rerank": "RERANKER",
    "execute_tool": "TOOL",
    "invoke_agent": "AGENT",
    "create_agent": "AGENT",
    "invoke_workflow": "WORKFLOW",
}
_MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


# Spans of the Model Context Protocol, which its own client makes.
_MCP_METHOD = "mcp.method.name"
_MCP_CALL = "tools/call"


def _called(name: str) -> str:
    """Return the tool's name out of a span's, which ends with it in the Model Context Protocol."""
    return name.rpartition(f"{_MCP_CALL} ")[2]


class GenAIView(SpanView):
    """A span under OpenTelemetry's GenAI conventions.

    Examples
    --------
    >>> GenAIView.read_type({"gen_ai.operation.name": "chat"})
    'CHAT_MODEL'
    """

    convention: ClassVar[str] = "genai"

    @classmethod
    def read_type(cls, attributes: Attributes) -> str:
        """Return the type that ``gen_ai.operation.name`` stands for."""
        operation = first_text(attributes, "gen_ai.operation.name")
        if operation is not None:
            return _TYPES.get(operation, operation.upper())
        if "gen_ai.tool.name" in attributes or attributes.get(_MCP_METHOD) == _MCP_CALL:
            return "TOOL"
        if "gen_ai.request.model" in attributes or "gen_ai.response.model" in attributes:
            chat = "gen_ai.input.messages" in attributes or "gen_ai.output.messages" in attributes
            return "CHAT_MODEL" if chat else "LLM"
        return "AGENT" if "gen_ai.agent.name" in attributes else "UNKNOWN"

    @classmethod
    def read_model(cls, attributes: Attributes) -> str | None:
        """Return ``gen_ai.response.model``, else ``gen_ai.request.model``."""
        return first_text(attributes, "gen_ai.response.model", "gen_ai.request.model")

    @classmethod
    def read_provider(cls, attributes: Attributes) -> str | None:
        """Return ``gen_ai.provider.name``, else the older ``gen_ai.system``."""
        found = first_text(attributes, "gen_ai.provider.name", "gen_ai.system")
        return found.lower() if found else None

    @classmethod
    def read_usage(cls, attributes: Attributes) -> Usage:
        """Return ``gen_ai.usage.*`` in its newer and older spellings."""
        usage = Usage(
            first_count(attributes, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
            first_count(attributes, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
            first_count(attributes, "gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
            first_count(
                attributes,
                "gen_ai.usage.cache_read.input_tokens",
                "gen_ai.usage.cache_read_input_tokens",
                "gen_ai.usage.details.cache_read_tokens",
            ),
            first_count(
                attributes,
                "gen_ai.usage.reasoning.output_tokens",
                "gen_ai.usage.reasoning_tokens",
                "llm.usage.reasoning_tokens",
                "gen_ai.usage.details.reasoning_tokens",
            ),
            number(attributes.get("gen_ai.usage.cost", attributes.get("operation.cost"))),
            first_count(
                attributes,
                "gen_ai.usage.cache_write.input_tokens",
                "gen_ai.usage.cache_creation.input_tokens",
                "gen_ai.usage.cache_creation_input_tokens",
                "gen_ai.usage.details.cache_write_tokens",
            ),
        )
        # pydantic-ai prices a stream of unknown usage, such as one that is half read, at nothing.
        is_free = usage.cost == 0 and usage.input is usage.output is usage.total is None
        return replace(usage, cost=None) if is_free else usage

    def _value(self, key: str) -> Any:
        """Return an attribute of the span, else of its event that holds the details."""
        found = self.attributes.get(key)
        if found is None:
            for event in self.span.events:
                if key in event.attributes:
                    return event.attributes[key]
        return found

    def _read_inputs(self) -> Any:
        if self.type == "TOOL":
            return decoded(self._value("gen_ai.tool.call.arguments"))
        if self.type == "RETRIEVER":
            return decoded(self._value("gen_ai.retrieval.query.text"))
        return None

    def _read_outputs(self) -> Any:
        if self.type == "TOOL":
            return decoded(self._value("gen_ai.tool.call.result"))
        if self.type == "RETRIEVER":
            return decoded(self._value("gen_ai.retrieval.documents"))
        return None

    def _read_input_messages(self) -> list[Message]:
        if self.type == "EMBEDDING":
            return []
        system = decoded(self._value("gen_ai.system_instructions"))
        read = [] if system is None else [Message("system", tuple(parts(system)))]
        sent = self._value("gen_ai.input.messages")
        if sent is None:
            sent = self._value("gen_ai.prompt")
        if sent is None:
            return read + self._event_messages()
        return [item for item in read if item.parts] + messages(sent)

    def _read_output_messages(self) -> list[Message]:
        if self.type == "EMBEDDING":
            return []
        came = self._value("gen_ai.output.messages")
        if came is None:
            came = self._value("gen_ai.completion")
        if came is None:
            return self._event_choices()
        return messages(came, "assistant")

    def _event_messages(self) -> list[Message]:
        read = []
        for event in self.span.events:
            author = _MESSAGE_EVENTS.get(event.name)
            if author is not None:
                body = _event_body(event)
                found = message({"role": author, **body}, author)
                if found is not None:
                    read.append(found)
        return read

    def _event_choices(self) -> list[Message]:
        read = []
        for event in self.span.events:
            if event.name == "gen_ai.choice":
                body = _event_body(event)
                inner = decoded(body.get("message", body))
                found = message(inner, "assistant")
                if found is not None:
                    reason = finish_reason(body.get("finish_reason"))
                    read.append(
                        Message(role(found.role, "assistant"), found.parts, found.name, reason)
                    )
        return read

    def _read_tools(self) -> list[ToolDefinition]:
        found = tool_definitions(self._value("gen_ai.tool.definitions"))
        if found:
            return found
        parameters = mapping(self._value("model_request_parameters"))  # pydantic-ai
        return tool_definitions(parameters.get("function_tools"))

    def _read_tool(self) -> ToolRun | None:
        return ToolRun(
            text(self._value("gen_ai.tool.name")) or _called(self.name),
            text(self._value("gen_ai.tool.call.id")),
            text(self._value("gen_ai.tool.description")),
            self.inputs,
            tool_result(self.outputs),
        )

    def _read_documents(self) -> list[RetrievedDocument]:
        read = []
        for item in sequence(self._value("gen_ai.retrieval.documents")):
            if isinstance(item, dict):
                content = text(item.get("content")) or text(item.get("page_content"))
                read.append(
                    RetrievedDocument(
                        content,
                        mapping(item.get("metadata")),
                        text(item.get("id")),
                        number(item.get("score")),
                    )
                )
        return read

    def _read_embeddings(self) -> EmbeddingSummary | None:
        sent = messages(self._value("gen_ai.input.messages"))
        texts = tuple(item.text for item in sent if item.text)
        dimensions = first_count(self.attributes, "gen_ai.embeddings.dimension.count")
        return EmbeddingSummary(texts, len(texts) or None, dimensions)

    def _read_finish_reasons(self) -> list[str]:
        found = sequence(self._value("gen_ai.response.finish_reasons")) or [
            self.attributes.get("anthropic.message.stop_reason")
        ]
        return [reason for reason in map(finish_reason, found) if reason is not None]

    def _read_response_id(self) -> str | None:
        return text(self._value("gen_ai.response.id"))


def _event_body(event: SpanEvent) -> dict[str, Any]:
    """Return what an event says: its body, else its own attributes."""
    body = event.attributes.get(EVENT_CONTENT)
    if body is None:
        return {key: decoded(value) for key, value in event.attributes.items()}
    found = decoded(body)
    return found if isinstance(found, dict) else {"content": found}
