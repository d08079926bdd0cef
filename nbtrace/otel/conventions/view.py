"""`SpanView`: what a span says, in the words that are the same for every convention.

A view reads the stored span and changes nothing in it. Each convention is a subclass that overrides
the ``read_...`` class methods (from the attributes alone, which the index needs for every span) and
the ``_read_...`` methods (from the whole span, for the person who opens it). Each field is read on
first use and kept.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from nbtrace.otel.conventions.messages import to_chat
from nbtrace.otel.conventions.reading import decoded, first_text, json_safe, text
from nbtrace.otel.conventions.streams import asks_for_a_stream, never_finished
from nbtrace.otel.conventions.words import (
    EmbeddingSummary,
    ErrorDetails,
    Message,
    RetrievedDocument,
    ToolDefinition,
    ToolRun,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.entities import Span
    from nbtrace.otel.conventions.reading import Attributes

__all__ = ["SpanView"]

Value = TypeVar("Value")

_ANSWERING = frozenset({"LLM", "CHAT_MODEL"})
_SESSION_KEYS = (
    "session.id",
    "mlflow.trace.session",
    "gen_ai.conversation.id",
    "traceloop.association.properties.session_id",
    "langfuse.session.id",
)
_USER_KEYS = (
    "user.id",
    "mlflow.trace.user",
    "enduser.id",
    "traceloop.association.properties.user_id",
    "langfuse.user.id",
)


def _guarded(read: Callable[[], Value], otherwise: Value) -> Value:
    """Return what was read; a field that cannot be read must not hide the other fields."""
    try:
        return read()
    except Exception:
        return otherwise


class SpanView:
    """A span in the common words; also the view of a span under no convention.

    Parameters
    ----------
    span : Span
        The stored span.

    Attributes
    ----------
    span : Span
        The stored span.
    convention : str
        Which convention it was read by: ``"plain"``, ``"mlflow"``, ``"openinference"``,
        ``"genai"``, ``"openllmetry"``, ``"logfire"`` or ``"vercel"``.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1)
    >>> SpanView(span).type, SpanView(span).usage.total
    ('UNKNOWN', None)
    """

    convention: ClassVar[str] = "plain"

    def __init__(self, span: Span) -> None:
        self.span = span
        self.attributes: Attributes = span.raw_attributes

    # From the attributes alone.

    @classmethod
    def read_type(cls, attributes: Attributes) -> str:  # noqa: ARG003 - overridden
        """Return the span type, one of `nbtrace.entities.SpanType` or the sender's own word."""
        return "UNKNOWN"

    @classmethod
    def read_model(cls, attributes: Attributes) -> str | None:  # noqa: ARG003 - overridden
        """Return the model that answered, else the one that was asked."""
        return None

    @classmethod
    def read_provider(cls, attributes: Attributes) -> str | None:  # noqa: ARG003 - overridden
        """Return who runs the model, such as ``"openai"``."""
        return None

    @classmethod
    def read_usage(cls, attributes: Attributes) -> Usage:  # noqa: ARG003 - overridden
        """Return the recorded tokens and the recorded cost."""
        return Usage()

    @classmethod
    def index_usage(cls, attributes: Attributes, kind: str) -> Usage:
        """Return the usage with its total worked out where both halves are known."""
        usage = cls.read_usage(attributes)
        if usage.total is not None or usage.input is None:
            return usage
        if usage.output is not None:
            return replace(usage, total=usage.input + usage.output)
        # An embedding has no output, so its input is all there is.
        return replace(usage, total=usage.input) if kind == "EMBEDDING" else usage

    # Fields.

    @cached_property
    def type(self) -> str:
        """Span type, such as ``"CHAT_MODEL"``."""
        return _guarded(lambda: self.read_type(self.attributes), "UNKNOWN")

    @cached_property
    def model(self) -> str | None:
        """Model that answered, else the one that was asked."""
        return _guarded(lambda: self.read_model(self.attributes), None)

    @cached_property
    def provider(self) -> str | None:
        """Who runs the model, such as ``"openai"``."""
        return _guarded(lambda: self.read_provider(self.attributes), None)

    @cached_property
    def usage(self) -> Usage:
        """Tokens and cost; what is not recorded is ``None``."""
        usage = _guarded(self._read_usage, Usage())
        if usage.cost is None and usage.input is not None and self.model is not None:
            usage = replace(usage, cost=_guarded(lambda: self._price(usage), None))
        return usage

    @property
    def cost(self) -> float | None:
        """Cost in US dollars: the recorded one, else by the price list; ``None`` if unknown."""
        return self.usage.cost

    @cached_property
    def name(self) -> str:
        """Name to show."""
        return _guarded(self._read_name, None) or self.span.name

    @cached_property
    def inputs(self) -> Any:
        """Inputs, decoded; made of the messages where only these were recorded."""
        found = _guarded(self._read_inputs, None)
        if found is None and self.input_messages:
            return {"messages": [to_chat(item) for item in self.input_messages]}
        return found

    @cached_property
    def outputs(self) -> Any:
        """Outputs, decoded; made of the messages where only these were recorded."""
        found = _guarded(self._read_outputs, None)
        if found is None and self.output_messages:
            return {
                "choices": [
                    {"index": index, "message": to_chat(item), "finish_reason": item.finish_reason}
                    for index, item in enumerate(self.output_messages)
                ]
            }
        return found

    @cached_property
    def input_messages(self) -> list[Message]:
        """Messages that the model was sent, instructions first."""
        return _guarded(self._read_input_messages, [])

    @cached_property
    def output_messages(self) -> list[Message]:
        """Messages that came back, without a repetition of those that were sent."""
        found: list[Message] = _guarded(self._read_output_messages, [])
        sent = len(self.input_messages)
        if sent and len(found) > sent and found[:sent] == self.input_messages:
            found = found[sent:]
        if len(found) == 1 and found[0].finish_reason is None:
            reasons: list[str] = _guarded(self._read_finish_reasons, [])
            if reasons:
                found = [replace(found[0], finish_reason=reasons[0])]
        return found

    @property
    def messages(self) -> list[Message]:
        """The whole conversation."""
        return self.input_messages + self.output_messages

    @cached_property
    def tools(self) -> list[ToolDefinition]:
        """Tools that the model was offered."""
        return _guarded(self._read_tools, [])

    @cached_property
    def tool(self) -> ToolRun | None:
        """What a TOOL span ran, ``None`` for other spans."""
        return _guarded(self._read_tool, None) if self.type == "TOOL" else None

    @cached_property
    def documents(self) -> list[RetrievedDocument]:
        """Documents that a retriever or reranker returned."""
        return _guarded(self._read_documents, [])

    @cached_property
    def embeddings(self) -> EmbeddingSummary | None:
        """What an EMBEDDING span computed, ``None`` for other spans."""
        return _guarded(self._read_embeddings, None) if self.type == "EMBEDDING" else None

    @cached_property
    def finish_reasons(self) -> list[str]:
        """Why the model stopped: ``"stop"``, ``"length"``, ``"tool_call"``..."""
        found: list[str] = _guarded(self._read_finish_reasons, [])
        return found or [
            item.finish_reason for item in self.output_messages if item.finish_reason is not None
        ]

    @property
    def half_read(self) -> bool:
        """Whether it is a streamed call whose answer began and never came to its end."""
        return (
            asks_for_a_stream(self.attributes)
            and self.type in _ANSWERING
            and self.span.end_time_ns is not None
            and self.error is None
            and never_finished(self.finish_reasons)
            and any(item.parts for item in self.output_messages)
        )

    @cached_property
    def session(self) -> str | None:
        """Conversation that the span belongs to."""
        return _guarded(self._read_session, None)

    @cached_property
    def user(self) -> str | None:
        """Person whom the span served."""
        return _guarded(self._read_user, None)

    @cached_property
    def response_id(self) -> str | None:
        """Identifier that the provider gave the response."""
        return _guarded(self._read_response_id, None)

    @cached_property
    def error(self) -> ErrorDetails | None:
        """Why the span failed, ``None`` if it did not."""
        return _guarded(self._read_error, None)

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain JSON values, for the browser.

        Returns
        -------
        dict of str to object
            Keyed by the names of the fields; parts of messages leave out what they do not have.
        """
        return {
            "convention": self.convention,
            "name": self.name,
            "type": self.type,
            "inputs": json_safe(self.inputs),
            "outputs": json_safe(self.outputs),
            "input_messages": [_message_dict(item) for item in self.input_messages],
            "output_messages": [_message_dict(item) for item in self.output_messages],
            "tools": [json_safe(_fields(item)) for item in self.tools],
            "tool": None if self.tool is None else json_safe(_fields(self.tool)),
            "documents": [json_safe(_fields(item)) for item in self.documents],
            "embeddings": None if self.embeddings is None else json_safe(asdict(self.embeddings)),
            "usage": asdict(self.usage),
            "model": self.model,
            "provider": self.provider,
            "finish_reasons": self.finish_reasons,
            "cost": self.cost,
            "session": self.session,
            "user": self.user,
            "response_id": self.response_id,
            "error": None if self.error is None else asdict(self.error),
        }

    # Overridden by the conventions.

    def _read_usage(self) -> Usage:
        return self.index_usage(self.attributes, self.type)

    def _read_name(self) -> str | None:
        return None

    def _read_inputs(self) -> Any:
        return None

    def _read_outputs(self) -> Any:
        return None

    def _read_input_messages(self) -> list[Message]:
        return []

    def _read_output_messages(self) -> list[Message]:
        return []

    def _read_tools(self) -> list[ToolDefinition]:
        return []

    def _read_tool(self) -> ToolRun | None:
        return ToolRun(self.name, None, None, self.inputs, self.outputs)

    def _read_documents(self) -> list[RetrievedDocument]:
        return []

    def _read_embeddings(self) -> EmbeddingSummary | None:
        return EmbeddingSummary()

    def _read_finish_reasons(self) -> list[str]:
        return []

    def _read_response_id(self) -> str | None:
        return None

    def _read_session(self) -> str | None:
        return _word(first_text(self.attributes, *_SESSION_KEYS))

    def _read_user(self) -> str | None:
        return _word(first_text(self.attributes, *_USER_KEYS))

    def _read_error(self) -> ErrorDetails | None:
        status = self.span.status
        description = text(status.description)
        for event in reversed(self.span.events):
            if event.name == "exception":
                kind = text(event.attributes.get("exception.type"))
                message = text(event.attributes.get("exception.message")) or description
                stack = text(event.attributes.get("exception.stacktrace"))
                return ErrorDetails(kind, message, stack)
        if status.status_code.value != "ERROR":
            return None
        return ErrorDetails(text(self.attributes.get("error.type")), description)

    def _price(self, usage: Usage) -> float | None:
        from nbtrace.otel.prices import usage_cost

        return usage_cost(usage, self.model, self.provider, self.type, self.span.start_time_ns)


def _word(value: str | None) -> str | None:
    """Take the quotes off a word that was stored as JSON text, as MLflow does."""
    return text(decoded(value)) if value and value[0] == '"' else value


def _fields(value: object) -> dict[str, Any]:
    # `asdict` would deep-copy the values, which may be large.
    return {name: getattr(value, name) for name in value.__slots__}  # type: ignore[attr-defined]  # all of them have slots


def _message_dict(value: Message) -> dict[str, Any]:
    parts = []
    for item in value.parts:
        shown = {key: found for key, found in _fields(item).items() if found is not None}
        if item.tool_call is not None:
            shown["tool_call"] = _fields(item.tool_call)
        parts.append(json_safe(shown))
    return {
        "role": value.role,
        "parts": parts,
        "name": value.name,
        "finish_reason": value.finish_reason,
    }
