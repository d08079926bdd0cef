"""OpenLLMetry (Traceloop): GenAI with its own additions, and the older numbered keys.

Up to 0.47 or so, messages were spread over ``gen_ai.prompt.N.*`` and ``gen_ai.completion.N.*``, and
the kind of call was ``llm.request.type``. Its SDK's decorators write ``traceloop.*``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from nbtrace.otel.conventions.genai import GenAIView
from nbtrace.otel.conventions.messages import finish_reason, messages, tool_definitions
from nbtrace.otel.conventions.reading import decoded, first_text, indexed, text
from nbtrace.otel.conventions.words import EmbeddingSummary

if TYPE_CHECKING:
    from nbtrace.otel.conventions.reading import Attributes
    from nbtrace.otel.conventions.words import Message, ToolDefinition

__all__ = ["OpenLLMetryView"]

_KINDS = {"workflow": "WORKFLOW", "task": "TASK", "agent": "AGENT", "tool": "TOOL"}
_REQUEST_TYPES = {
    "chat": "CHAT_MODEL",
    "completion": "LLM",
    "embedding": "EMBEDDING",
    "rerank": "RERANKER",
}


class OpenLLMetryView(GenAIView):
    """A span of OpenLLMetry, old or new.

    Examples
    --------
    >>> OpenLLMetryView.read_type({"llm.request.type": "embedding"})
    'EMBEDDING'
    """

    convention: ClassVar[str] = "openllmetry"

    @classmethod
    def read_type(cls, attributes: Attributes) -> str:
        """Return the type that the decorator, the operation or the request type stands for."""
        kind = first_text(attributes, "traceloop.span.kind")
        if kind is not None:
            return _KINDS.get(kind, kind.upper())
        request = first_text(attributes, "llm.request.type")
        # Anthropic's chat was called a completion; only a chat's answer has a role.
        if "gen_ai.completion.0.role" in attributes and request in ("completion", None):
            return "CHAT_MODEL"
        if request is not None:
            return _REQUEST_TYPES.get(request, request.upper())
        return super().read_type(attributes)

    def _read_inputs(self) -> Any:
        found = decoded(self.attributes.get("traceloop.entity.input"))
        return super()._read_inputs() if found is None else found

    def _read_outputs(self) -> Any:
        found = decoded(self.attributes.get("traceloop.entity.output"))
        return super()._read_outputs() if found is None else found

    def _read_name(self) -> str | None:
        return text(self.attributes.get("traceloop.entity.name"))

    def _read_input_messages(self) -> list[Message]:
        if self.type == "EMBEDDING":
            return []
        return messages(_told(self.attributes, "gen_ai.prompt.")) or super()._read_input_messages()

    def _read_output_messages(self) -> list[Message]:
        told = messages(_told(self.attributes, "gen_ai.completion."), "assistant")
        # LangChain's streams come with the role "unknown".
        return [
            replace(item, role="assistant") if item.role == "unknown" else item
            for item in told or super()._read_output_messages()
        ]

    def _read_tools(self) -> list[ToolDefinition]:
        found = tool_definitions(indexed(self.attributes, "llm.request.functions."))
        return found or super()._read_tools()

    def _read_embeddings(self) -> EmbeddingSummary | None:
        told = [item for item in indexed(self.attributes, "gen_ai.prompt.") if _is_told(item)]
        texts = tuple(item["content"] for item in told if text(item.get("content")))
        if texts:
            return EmbeddingSummary(texts, len(texts))
        return super()._read_embeddings()

    def _read_finish_reasons(self) -> list[str]:
        found = super()._read_finish_reasons()
        if found:
            return found
        told = [item for item in indexed(self.attributes, "gen_ai.completion.") if _is_told(item)]
        reasons = [finish_reason(item.get("finish_reason")) for item in told]
        return [reason for reason in reasons if reason is not None]


def _is_told(value: object) -> bool:
    return isinstance(value, dict)


def _told(attributes: Attributes, prefix: str) -> list[Any]:
    """Return the numbered messages, their content decoded where it is JSON text of parts."""
    read = []
    for item in indexed(attributes, prefix):
        if isinstance(item, dict):
            content = decoded(item.get("content"))
            read.append(
                {**item, "content": content if _has_parts(content) else item.get("content")}
            )
    return read


def _has_parts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(part, dict) for part in value)
