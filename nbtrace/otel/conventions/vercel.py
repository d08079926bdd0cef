"""Vercel's AI SDK: ``ai.*`` attributes of its experimental telemetry, versions 4 to 6.

The outer span (``ai.generateText``) wraps the steps (``ai.generateText.doGenerate``) and repeats
the sum of their usage; it is a CHAIN here, the steps are the calls of the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nbtrace.otel.conventions.genai import GenAIView
from nbtrace.otel.conventions.messages import finish_reason, messages, tool_definitions
from nbtrace.otel.conventions.parts import tool_call, tool_result
from nbtrace.otel.conventions.payload import request_messages
from nbtrace.otel.conventions.reading import decoded, first_count, first_text, sequence, text
from nbtrace.otel.conventions.words import (
    EmbeddingSummary,
    Message,
    MessagePart,
    ToolDefinition,
    ToolRun,
    Usage,
)

if TYPE_CHECKING:
    from nbtrace.otel.conventions.reading import Attributes

__all__ = ["VercelView"]

_MODEL_STEPS = (".doGenerate", ".doStream")


class VercelView(GenAIView):
    """A span of Vercel's AI SDK.

    Examples
    --------
    >>> VercelView.read_type({"ai.operationId": "ai.streamText.doStream"})
    'CHAT_MODEL'
    """

    convention: ClassVar[str] = "vercel"

    @classmethod
    def read_type(cls, attributes: Attributes) -> str:
        """Return what ``ai.operationId`` stands for."""
        operation = first_text(attributes, "ai.operationId") or ""
        if operation == "ai.toolCall":
            return "TOOL"
        if operation.endswith(".doEmbed"):
            return "EMBEDDING"
        return "CHAT_MODEL" if operation.endswith(_MODEL_STEPS) else "CHAIN"

    @classmethod
    def read_model(cls, attributes: Attributes) -> str | None:
        """Return the model of the response, else of the request."""
        return first_text(
            attributes, "ai.response.model", "gen_ai.response.model", "ai.model.id"
        ) or super().read_model(attributes)

    @classmethod
    def read_provider(cls, attributes: Attributes) -> str | None:
        """Return the provider without the name of its API: ``openai`` for ``openai.chat``."""
        found = first_text(attributes, "ai.model.provider", "gen_ai.system")
        return (found.partition(".")[0].lower() or None) if found else None

    @classmethod
    def read_usage(cls, attributes: Attributes) -> Usage:
        """Return ``ai.usage.*`` in its newer and older spellings."""
        usage = super().read_usage(attributes)
        found_input = first_count(
            attributes, "ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"
        )
        found_output = first_count(attributes, "ai.usage.outputTokens", "ai.usage.completionTokens")
        return Usage(
            usage.input if found_input is None else found_input,
            usage.output if found_output is None else found_output,
            first_count(attributes, "ai.usage.totalTokens"),
            first_count(
                attributes,
                "ai.usage.cachedInputTokens",
                "ai.usage.inputTokenDetails.cacheReadTokens",
            ),
            first_count(
                attributes,
                "ai.usage.reasoningTokens",
                "ai.usage.outputTokenDetails.reasoningTokens",
            ),
            usage.cost,
            first_count(attributes, "ai.usage.inputTokenDetails.cacheWriteTokens"),
        )

    def _read_inputs(self) -> Any:
        if self.type == "TOOL":
            return decoded(self.attributes.get("ai.toolCall.args"))
        found = decoded(self.attributes.get("ai.prompt"))
        if found is None:
            values = sequence(self.attributes.get("ai.values"))
            found = [decoded(item) for item in values] or decoded(self.attributes.get("ai.value"))
        return found

    def _read_outputs(self) -> Any:
        if self.type == "TOOL":
            return decoded(self.attributes.get("ai.toolCall.result"))
        if self.type == "CHAIN":
            found = self.attributes.get("ai.response.text")
            if found is None:
                found = decoded(self.attributes.get("ai.response.object"))
            return found
        return None

    def _read_input_messages(self) -> list[Message]:
        found = messages(self.attributes.get("ai.prompt.messages"))
        return found or request_messages(decoded(self.attributes.get("ai.prompt")))

    def _read_output_messages(self) -> list[Message]:
        read: list[MessagePart] = []
        reasoning = text(self.attributes.get("ai.response.reasoning"))
        if reasoning:
            read.append(MessagePart("reasoning", text=reasoning))
        said = first_text(self.attributes, "ai.response.text", "ai.response.object")
        if said:
            read.append(MessagePart("text", text=said))
        for item in sequence(self.attributes.get("ai.response.toolCalls")):
            call = tool_call(item)
            if call is not None:
                read.append(MessagePart("tool_call", tool_call=call))
        return [Message("assistant", tuple(read))] if read else []

    def _read_tools(self) -> list[ToolDefinition]:
        return tool_definitions(sequence(self.attributes.get("ai.prompt.tools")))

    def _read_tool(self) -> ToolRun | None:
        return ToolRun(
            first_text(self.attributes, "ai.toolCall.name") or self.name,
            first_text(self.attributes, "ai.toolCall.id"),
            None,
            self.inputs,
            tool_result(self.outputs),
        )

    def _read_embeddings(self) -> EmbeddingSummary | None:
        values = sequence(self.attributes.get("ai.values")) or [self.attributes.get("ai.value")]
        texts = [text(decoded(item)) for item in values]
        vectors = sequence(self.attributes.get("ai.embeddings")) or [
            self.attributes.get("ai.embedding")
        ]
        lengths = [len(vector) for item in vectors if (vector := sequence(item))]
        return EmbeddingSummary(
            tuple(item for item in texts if item),
            len(lengths) or None,
            lengths[0] if lengths else None,
        )

    def _read_finish_reasons(self) -> list[str]:
        found = finish_reason(self.attributes.get("ai.response.finishReason"))
        return [found] if found else super()._read_finish_reasons()

    def _read_response_id(self) -> str | None:
        return first_text(self.attributes, "ai.response.id", "gen_ai.response.id")

    def _read_session(self) -> str | None:
        return super()._read_session() or first_text(
            self.attributes, "ai.telemetry.metadata.sessionId"
        )

    def _read_user(self) -> str | None:
        return super()._read_user() or first_text(self.attributes, "ai.telemetry.metadata.userId")
