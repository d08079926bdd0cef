"""One view of spans under every convention: MLflow, OpenInference, OTel GenAI, OpenLLMetry...

`view` gives what a person reads, `index_fields` the few fields that the database keeps for every
span. Which convention a span follows is decided by marker keys, in a fixed order, so that a span
with several is always read the same way. Stored spans are never changed.

- ``reading``, ``words``, ``view``: attribute values, the common words, the base of all views
- ``parts``, ``messages``, ``payload``, ``documents``, ``streams``: what the conventions carry
- ``mlflow``, ``openinference``, ``genai``, ``openllmetry``, ``logfire``, ``vercel``: one each
- ``events``: log records that belong to spans
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from nbtrace.entities.constant import SpanAttributeKey
from nbtrace.otel import importing
from nbtrace.otel.conventions.events import merge_log_events
from nbtrace.otel.conventions.genai import GenAIView
from nbtrace.otel.conventions.logfire import LogfireView, merge_streams
from nbtrace.otel.conventions.mlflow import MODEL_TYPES, MlflowView
from nbtrace.otel.conventions.openinference import OpenInferenceView
from nbtrace.otel.conventions.openllmetry import OpenLLMetryView
from nbtrace.otel.conventions.streams import asks_for_a_stream
from nbtrace.otel.conventions.vercel import VercelView
from nbtrace.otel.conventions.view import SpanView
from nbtrace.otel.conventions.words import (
    EmbeddingSummary,
    ErrorDetails,
    Message,
    MessagePart,
    RetrievedDocument,
    ToolCall,
    ToolDefinition,
    ToolRun,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from nbtrace.entities import Span
    from nbtrace.otel.conventions.reading import Attributes

__all__ = [
    "EmbeddingSummary",
    "ErrorDetails",
    "IndexFields",
    "Message",
    "MessagePart",
    "RetrievedDocument",
    "SpanView",
    "ToolCall",
    "ToolDefinition",
    "ToolRun",
    "Usage",
    "chat_previews",
    "convention_of",
    "index_fields",
    "is_incomplete",
    "merge_log_events",
    "merge_streams",
    "view",
    "views",
]

_OPENLLMETRY_MARKERS: Final = frozenset(
    {
        "llm.request.type",
        "traceloop.span.kind",
        "traceloop.entity.name",
        "traceloop.entity.path",
        "traceloop.workflow.name",
        "gen_ai.is_streaming",
        "gen_ai.prompt.0.content",
        "gen_ai.prompt.0.role",
        "gen_ai.completion.0.content",
        "gen_ai.completion.0.role",
        "llm.is_streaming",
        "llm.usage.total_tokens",
    }
)
_GENAI_MARKERS: Final = frozenset(
    {
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.system",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "mcp.method.name",
    }
)


# Looked for in this order, the single keys before the sets.
_MARKERS: Final[tuple[tuple[str, type[SpanView]], ...]] = (
    (SpanAttributeKey.SPAN_TYPE, MlflowView),
    ("openinference.span.kind", OpenInferenceView),
    ("ai.operationId", VercelView),
    ("logfire.span_type", LogfireView),
    ("logfire.msg", LogfireView),
    (SpanAttributeKey.INPUTS, MlflowView),
    (SpanAttributeKey.OUTPUTS, MlflowView),
)
_MARKER_SETS: Final[tuple[tuple[frozenset[str], type[SpanView]], ...]] = (
    (_OPENLLMETRY_MARKERS, OpenLLMetryView),
    (_GENAI_MARKERS, GenAIView),
)


# People set these on spans of nbtrace's own as well.
_GENAI_USAGE: Final = frozenset(
    {
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.usage.completion_tokens",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.prompt_tokens",
        "gen_ai.usage.total_tokens",
    }
)


class IndexFields(NamedTuple):
    """What the database keeps of a span for every search and total.

    Attributes
    ----------
    type : str
        Span type, ``"UNKNOWN"`` where none was recorded.
    model : str or None
        Model that answered, else the one that was asked.
    input_tokens, output_tokens, total_tokens : int or None
        Usage; ``None`` is unknown.
    cost : float or None
        US dollars, recorded or by the price list.

    Examples
    --------
    >>> IndexFields("TOOL").cost is None
    True
    """

    type: str
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cost: float | None = None


_UNKNOWN: Final = IndexFields("UNKNOWN")
# The stored text of the types, which are JSON, to what the index keeps of a span that has no more.
_TYPED: Final = {
    f'"{name}"': IndexFields(name)
    for name in (
        "LLM", "CHAIN", "AGENT", "TOOL", "CHAT_MODEL", "RETRIEVER", "PARSER", "EMBEDDING",
        "RERANKER", "MEMORY", "UNKNOWN", "WORKFLOW", "TASK", "GUARDRAIL", "EVALUATOR",
    )
}  # fmt: skip


def convention_of(attributes: Attributes) -> type[SpanView]:
    """Return the view class for a span's attributes.

    Parameters
    ----------
    attributes : mapping of str to AttributeValue
        Attributes as stored.

    Returns
    -------
    type of SpanView
        `SpanView` itself where no convention is recognised.

    Examples
    --------
    >>> convention_of({"openinference.span.kind": "LLM"}).convention
    'openinference'
    """
    for marker, cls in _MARKERS:
        if marker in attributes:
            return cls
    for markers, cls in _MARKER_SETS:
        if not markers.isdisjoint(attributes):
            return cls
    for key in attributes:
        if isinstance(key, str) and key.startswith(("gen_ai.", "traceloop.")):
            return GenAIView if key.startswith("gen_ai.") else OpenLLMetryView
    return SpanView


def view(span: Span) -> SpanView:
    """Return what a span says, in the words that are the same for every convention.

    Parameters
    ----------
    span : Span
        The stored span; for Logfire's streams and for content in log records, one of `views`.

    Returns
    -------
    SpanView
        Fields are read on first use; none of them raises, whatever the attributes hold.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="chat", start_time_ns=1,
    ...             attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"})
    >>> view(span).type, view(span).model
    ('CHAT_MODEL', 'm')
    """
    cls = convention_of(span.raw_attributes)
    if cls is SpanView and any(event.name.startswith("gen_ai.") for event in span.events):
        cls = GenAIView
    return cls(span)


def is_incomplete(span: Span) -> bool:
    """Return whether a span never ended by itself, or is of a stream that was not read to its end.

    Parameters
    ----------
    span : Span
        The stored span.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> sent = '[{"role": "assistant", "parts": [{"type": "text", "content": "Hel"}]}]'
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="chat", start_time_ns=1,
    ...             end_time_ns=2, attributes={"gen_ai.operation.name": "chat",
    ...             "gen_ai.request.stream": True, "gen_ai.output.messages": sent})
    >>> is_incomplete(span)
    True
    """
    if span.incomplete:
        return True
    if span.end_time_ns is None or not asks_for_a_stream(span.raw_attributes):
        return False
    return view(span).half_read


def views(spans: Sequence[Span], logs: Iterable[Mapping[str, Any]] = ()) -> list[SpanView]:
    """Return the views of a trace's spans, with what other spans and log records say of them.

    Parameters
    ----------
    spans : sequence of Span
        Spans of one trace.
    logs : iterable of mapping
        Log records, see `merge_log_events`.

    Returns
    -------
    list of SpanView
        One per span, in the same order.

    Examples
    --------
    >>> views([])
    []
    """
    return [view(span) for span in merge_streams(merge_log_events(spans, logs))]


def index_fields(attributes: Attributes, time_ns: int | None = None) -> IndexFields:
    """Return what the database keeps of a span.

    Parameters
    ----------
    attributes : mapping of str to AttributeValue
        Attributes as stored.
    time_ns : int or None
        Start of the span in nanoseconds since the epoch, which decides on the price; now if left
        out.

    Returns
    -------
    IndexFields
        Type, model, input, output and total tokens, cost; unpacks like a tuple.

    Examples
    --------
    >>> index_fields({"mlflow.spanType": '"TOOL"', "mlflow.spanInputs": "{}"})[0]
    'TOOL'
    """
    kind = attributes.get(SpanAttributeKey.SPAN_TYPE)
    if type(kind) is str:
        # Nearly every span is one of nbtrace's own without a model: a few look-ups, no decoding.
        found = _TYPED.get(kind)
        if (
            found is not None
            and SpanAttributeKey.CHAT_USAGE not in attributes
            and SpanAttributeKey.MODEL not in attributes
            and SpanAttributeKey.LLM_COST not in attributes
            and _GENAI_USAGE.isdisjoint(attributes)
            and (
                found.type not in MODEL_TYPES
                or '"usage' not in str(attributes.get(SpanAttributeKey.OUTPUTS))
            )
        ):
            return found
    try:
        return _index_fields(attributes, time_ns)
    except Exception:
        # The background writer must keep the span, whatever somebody put into its attributes.
        return _UNKNOWN


def _index_fields(attributes: Attributes, time_ns: int | None) -> IndexFields:
    cls = convention_of(attributes)
    if cls is SpanView:
        return _UNKNOWN
    kind = cls.read_type(attributes)
    model = cls.read_model(attributes)
    usage = cls.index_usage(attributes, kind)
    cost = usage.cost
    if cost is None and model is not None and usage.input is not None:
        with importing.held():
            from nbtrace.otel.prices import usage_cost

        cost = usage_cost(usage, model, cls.read_provider(attributes), kind, time_ns)
    return IndexFields(kind, model, usage.input, usage.output, usage.total, cost)


def chat_previews(found: SpanView) -> tuple[str | None, str | None]:
    """Return the texts that a list of traces shows for a root that looks like chat.

    Parameters
    ----------
    found : SpanView
        View of the root.

    Returns
    -------
    tuple of (str or None, str or None)
        Text of the last message of the user that was sent, and of the last one of the assistant
        that came back; ``None`` where there is none, and the JSON of ``found.inputs`` or
        ``found.outputs`` is the preview. Not cut and not redacted.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> sent = '[{"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}]'
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="chat", start_time_ns=1,
    ...             attributes={"gen_ai.operation.name": "chat", "gen_ai.input.messages": sent})
    >>> chat_previews(view(span))
    ('Weather?', None)
    """
    return _last(found.input_messages, "user"), _last(found.output_messages, "assistant")


def _last(found: list[Message], role: str) -> str | None:
    for item in reversed(found):
        if item.role == role and item.text:
            return item.text
    return None
