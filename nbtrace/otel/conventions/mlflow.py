"""MLflow's keys, which are nbtrace's own: ``mlflow.spanType``, ``mlflow.spanInputs``...

Inputs and outputs are whole values, for a call of a model the provider's request and response; the
messages, identifiers and finish reasons are read out of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import orjson

from nbtrace.entities.constant import SpanAttributeKey
from nbtrace.otel.conventions.documents import documents
from nbtrace.otel.conventions.genai import GenAIView
from nbtrace.otel.conventions.messages import messages, tool_definitions
from nbtrace.otel.conventions.payload import (
    payload_finish_reasons,
    payload_id,
    payload_usage,
    request_messages,
    response_messages,
)
from nbtrace.otel.conventions.reading import count, number, sequence, text
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

__all__ = ["MODEL_TYPES", "MlflowView"]

# Spans of these types call a model, so their outputs may be a provider's response.
MODEL_TYPES: Final = frozenset({"LLM", "CHAT_MODEL", "EMBEDDING"})
_CONVERSATION_TYPES: Final = frozenset({"LLM", "CHAT_MODEL", "AGENT", "CHAIN", "WORKFLOW"})
_SILENT_TYPES: Final = frozenset({"TOOL", "RETRIEVER", "EMBEDDING", "RERANKER", "PARSER"})


def _reserved(value: object) -> Any:
    """Return the value of a reserved key, which holds JSON text."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return orjson.loads(value)
    except (ValueError, RecursionError):
        return value


def _response(attributes: Attributes, kind: str) -> dict[str, Any]:
    """Return the provider's response where the outputs are one that states its usage."""
    outputs = attributes.get(SpanAttributeKey.OUTPUTS)
    # Outputs may be long; the search for a word costs a hundredth of decoding them.
    if kind not in MODEL_TYPES or not isinstance(outputs, str) or '"usage' not in outputs:
        return {}
    found = _reserved(outputs)
    return found if isinstance(found, dict) else {}


class MlflowView(SpanView):
    """A span of nbtrace or MLflow.

    Examples
    --------
    >>> MlflowView.read_type({"mlflow.spanType": '"AGENT"'})
    'AGENT'
    """

    convention: ClassVar[str] = "mlflow"

    @classmethod
    def read_type(cls, attributes: Attributes) -> str:
        """Return ``mlflow.spanType``."""
        return text(_reserved(attributes.get(SpanAttributeKey.SPAN_TYPE))) or "UNKNOWN"

    @classmethod
    def read_model(cls, attributes: Attributes) -> str | None:
        """Return ``mlflow.llm.model``, else what GenAI's keys or the response name."""
        found = attributes.get(SpanAttributeKey.MODEL)
        if found is not None:
            return text(_reserved(found))
        named = GenAIView.read_model(attributes)
        return named or text(_response(attributes, cls.read_type(attributes)).get("model"))

    @classmethod
    def read_provider(cls, attributes: Attributes) -> str | None:
        """Return ``mlflow.llm.provider``, else what GenAI's keys name."""
        found = text(_reserved(attributes.get(SpanAttributeKey.MODEL_PROVIDER)))
        return found.lower() if found else GenAIView.read_provider(attributes)

    @classmethod
    def read_usage(cls, attributes: Attributes) -> Usage:
        """Return ``mlflow.chat.tokenUsage`` and ``mlflow.llm.cost``.

        Where the tokens are not there, those of GenAI's keys, which people set on spans of their
        own, else the response's.
        """
        stated = _reserved(attributes.get(SpanAttributeKey.CHAT_USAGE))
        if isinstance(stated, dict):
            usage = Usage(
                count(stated.get("input_tokens")),
                count(stated.get("output_tokens")),
                count(stated.get("total_tokens")),
                count(stated.get("cache_read_input_tokens")),
                count(stated.get("reasoning_tokens")),
                None,
                count(stated.get("cache_creation_input_tokens")),
            )
        else:
            usage = GenAIView.read_usage(attributes)
            if usage.input is None and usage.output is None and usage.total is None:
                usage = payload_usage(_response(attributes, cls.read_type(attributes)))
        cost = _reserved(attributes.get(SpanAttributeKey.LLM_COST))
        if isinstance(cost, dict):
            return replace(usage, cost=number(cost.get("total_cost")))
        return usage

    def _read_usage(self) -> Usage:
        usage = super()._read_usage()
        # MLflow leaves the reasoning out of its token usage; the response has it.
        response = _response(self.attributes, self.type)
        if usage.reasoning is None and response:
            return replace(usage, reasoning=payload_usage(response).reasoning)
        return usage

    def _read_inputs(self) -> Any:
        return self.span.inputs

    def _read_outputs(self) -> Any:
        return self.span.outputs

    def _read_input_messages(self) -> list[Message]:
        inputs = self.span.inputs
        if self.type in _SILENT_TYPES:
            return []
        if self.type in _CONVERSATION_TYPES:
            return request_messages(inputs)
        # A function that takes an "input" is not a chat; one that takes "messages" with roles is.
        listed = inputs.get("messages") if isinstance(inputs, dict) else None
        return messages(listed) if _has_roles(listed) else []

    def _read_output_messages(self) -> list[Message]:
        outputs = self.span.outputs
        if self.type in _SILENT_TYPES or (not self.input_messages and isinstance(outputs, str)):
            return []
        if isinstance(outputs, str):
            return messages([outputs], "assistant")
        if self.type in _CONVERSATION_TYPES or self.input_messages:
            return response_messages(outputs)
        return response_messages(outputs) if _is_completion(outputs) else []

    def _read_tools(self) -> list[ToolDefinition]:
        stated = _reserved(self.attributes.get(SpanAttributeKey.CHAT_TOOLS))
        found = tool_definitions(stated) if isinstance(stated, list) else []
        if found or self.type not in MODEL_TYPES:
            return found
        inputs = self.span.inputs
        return tool_definitions(inputs.get("tools")) if isinstance(inputs, dict) else []

    def _read_tool(self) -> ToolRun | None:
        return ToolRun(self.name, None, None, self.inputs, self.outputs)

    def _read_documents(self) -> list[RetrievedDocument]:
        return documents(self.span.outputs) if self.type in ("RETRIEVER", "RERANKER") else []

    def _read_embeddings(self) -> EmbeddingSummary | None:
        inputs, outputs = self.span.inputs, self.span.outputs
        sent = inputs.get("input") if isinstance(inputs, dict) else inputs
        listed = sent if isinstance(sent, list) else [sent]
        texts = tuple(item for item in listed if isinstance(item, str) and item)
        came = outputs.get("data") if isinstance(outputs, dict) else outputs
        lengths = [
            len(vector)
            for item in sequence(came)
            for vector in [item.get("embedding") if isinstance(item, dict) else item]
            if isinstance(vector, list)
        ]
        return EmbeddingSummary(texts, len(lengths) or None, lengths[0] if lengths else None)

    def _read_finish_reasons(self) -> list[str]:
        return payload_finish_reasons(self.span.outputs) if self.type in MODEL_TYPES else []

    def _read_response_id(self) -> str | None:
        return payload_id(self.span.outputs) if self.type in MODEL_TYPES else None


def _has_roles(value: object) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, dict) and "role" in item for item in value
    )


def _is_completion(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("choices"), list)
