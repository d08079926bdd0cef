"""OpenInference (Arize Phoenix): ``openinference.span.kind``, ``llm.*``, ``input.value``...

Messages, tools, documents and embeddings are spread over numbered keys; beside them the whole
request and response stand as JSON in ``input.value`` and ``output.value``, where this view finds
what the keys do not say, such as the identifier of the response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nbtrace.otel.conventions.documents import document, documents
from nbtrace.otel.conventions.messages import finish_reason, messages, tool_definitions
from nbtrace.otel.conventions.parts import tool_result
from nbtrace.otel.conventions.payload import (
    payload_finish_reasons,
    payload_id,
    response_messages,
)
from nbtrace.otel.conventions.reading import (
    decoded,
    first_count,
    first_text,
    indexed,
    mapping,
    number,
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
    from nbtrace.otel.conventions.reading import Attributes

__all__ = ["OpenInferenceView"]


class OpenInferenceView(SpanView):
    """A span under OpenInference's conventions.

    Examples
    --------
    >>> OpenInferenceView.read_type({"openinference.span.kind": "RETRIEVER"})
    'RETRIEVER'
    """

    convention: ClassVar[str] = "openinference"

    @classmethod
    def read_type(cls, attributes: Attributes) -> str:
        """Return the kind; an LLM that was sent or sent messages is a CHAT_MODEL."""
        kind = first_text(attributes, "openinference.span.kind")
        if kind is None:
            return "UNKNOWN"
        kind = kind.upper()
        chat = (
            "llm.input_messages.0.message.role" in attributes
            or "llm.output_messages.0.message.role" in attributes
        )
        return "CHAT_MODEL" if kind == "LLM" and chat else kind

    @classmethod
    def read_model(cls, attributes: Attributes) -> str | None:
        """Return the model of the response, else of the request."""
        found = first_text(
            attributes,
            "llm.response.model_name",
            "llm.model_name",
            "llm.request.model_name",
            "embedding.model_name",
            "reranker.model_name",
        )
        if found is None:  # a failed call has the request's parameters only
            key = "llm.invocation_parameters"
            if key in attributes:
                found = text(mapping(attributes[key]).get("model"))
        return found

    @classmethod
    def read_provider(cls, attributes: Attributes) -> str | None:
        """Return ``llm.provider``, else ``llm.system``."""
        found = first_text(attributes, "llm.provider", "llm.system")
        return found.lower() if found else None

    @classmethod
    def read_usage(cls, attributes: Attributes) -> Usage:
        """Return ``llm.token_count.*`` and ``llm.cost.*``."""
        cost = number(attributes.get("llm.cost.total"))
        if cost is None:
            prompt = number(attributes.get("llm.cost.prompt"))
            completion = number(attributes.get("llm.cost.completion"))
            if prompt is not None and completion is not None:
                cost = prompt + completion
        return Usage(
            first_count(attributes, "llm.token_count.prompt"),
            first_count(attributes, "llm.token_count.completion"),
            first_count(attributes, "llm.token_count.total"),
            first_count(attributes, "llm.token_count.prompt_details.cache_read"),
            first_count(attributes, "llm.token_count.completion_details.reasoning"),
            cost,
            first_count(attributes, "llm.token_count.prompt_details.cache_write"),
        )

    def _read_inputs(self) -> Any:
        return decoded(self.attributes.get("input.value"))

    def _read_outputs(self) -> Any:
        return decoded(self.attributes.get("output.value"))

    def _read_input_messages(self) -> list[Message]:
        return messages(indexed(self.attributes, "llm.input_messages."))

    def _read_output_messages(self) -> list[Message]:
        found = messages(indexed(self.attributes, "llm.output_messages."), "assistant")
        if found or not self.input_messages:
            return found
        # Chains and agents number what they were sent only.
        return response_messages(decoded(self.attributes.get("output.value")))

    def _read_tools(self) -> list[ToolDefinition]:
        listed = [
            schema
            for item in indexed(self.attributes, "llm.tools.")
            if isinstance(item, dict) and isinstance(item.get("tool"), dict)
            for schema in [item["tool"].get("json_schema")]
        ]
        return tool_definitions(listed)

    def _read_tool(self) -> ToolRun | None:
        result = self._read_outputs()
        identifier = first_text(self.attributes, "tool_call.id", "tool.id")
        if identifier is None and isinstance(result, dict) and isinstance(result.get("data"), dict):
            identifier = text(result["data"].get("tool_call_id"))
        return ToolRun(
            first_text(self.attributes, "tool.name") or self.name,
            identifier,
            first_text(self.attributes, "tool.description"),
            self.inputs,
            tool_result(result),
        )

    def _read_documents(self) -> list[RetrievedDocument]:
        listed = indexed(self.attributes, "retrieval.documents.") or indexed(
            self.attributes, "reranker.output_documents."
        )
        found = [one for one in map(document, listed) if one is not None]
        if not found:
            return documents(self.outputs) if self.type in ("RETRIEVER", "RERANKER") else []
        if any(one.id is None for one in found):
            whole = documents(self.outputs)
            if [one.page_content for one in whole] == [one.page_content for one in found]:
                return [
                    RetrievedDocument(one.page_content, one.metadata, one.id or other.id, one.score)
                    for one, other in zip(found, whole, strict=True)
                ]
        return found

    def _read_embeddings(self) -> EmbeddingSummary | None:
        listed = [
            item["embedding"]
            for item in indexed(self.attributes, "embedding.embeddings.")
            if isinstance(item, dict) and isinstance(item.get("embedding"), dict)
        ]
        texts = tuple(item["text"] for item in listed if text(item.get("text")))
        lengths = [
            len(item["vector"]) for item in listed if isinstance(item.get("vector"), list | tuple)
        ]
        return EmbeddingSummary(texts, len(listed) or None, lengths[0] if lengths else None)

    def _read_finish_reasons(self) -> list[str]:
        found = finish_reason(self.attributes.get("llm.finish_reason"))
        return [found] if found else payload_finish_reasons(self._read_outputs())

    def _read_response_id(self) -> str | None:
        return payload_id(self._read_outputs())
