"""What the panel of one span gets, the mirror of ``js/src/details/types.ts``.

A field that changes here changes there. Texts that may be long travel as `LongText`: their start,
and where to ask for the rest.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class LongText(TypedDict):
    """A text or the start of one; ``next`` is where the rest begins, None when there is none.

    ``size`` counts the characters of the whole, ``place`` names the text in its span.
    """

    text: str
    size: int
    place: str
    next: int | None


class Attribute(TypedDict):
    """One attribute: its key, the name of its type, its value as text."""

    key: str
    type: str
    value: LongText


class EventDetails(TypedDict):
    """One event, its time in nanoseconds since the trace's start."""

    name: str
    time_ns: int
    attributes: list[Attribute]


class LinkDetails(TypedDict):
    """Where a link points."""

    trace_id: str
    span_id: str
    attributes: list[Attribute]


class ChatPart(TypedDict):
    """One part of a message; ``json`` says that ``text`` is the JSON text of a value.

    The text of a tool call is its arguments, that of a tool result what the tool returned; ``id``
    pairs the two.
    """

    kind: str
    text: LongText | None
    json: bool
    uri: LongText | None
    mime_type: str | None
    name: str | None
    id: str | None


class ChatMessage(TypedDict):
    """One message of a conversation with a model; ``answer`` says that it came back."""

    role: str
    name: str | None
    finish_reason: str | None
    answer: bool
    parts: list[ChatPart]


class ToolDetails(TypedDict):
    """A tool that a model was offered; ``parameters`` is JSON text."""

    name: str
    description: str
    parameters: LongText | None


class DocumentDetails(TypedDict):
    """A document of a retriever or reranker; ``metadata`` is JSON text."""

    id: str | None
    score: float | None
    content: LongText | None
    metadata: LongText | None


class VectorDetails(TypedDict):
    """A vector by its length, its norm and its first values, which are exact texts."""

    dimensions: int
    norm: float | None
    first: list[str]


class EmbeddingDetails(TypedDict):
    """What an embedding span computed."""

    count: int | None
    dimensions: int | None
    texts: list[LongText]
    vectors: list[VectorDetails]


class UsageDetails(TypedDict):
    """Tokens and cost; None is "not known"."""

    input: int | None
    output: int | None
    total: int | None
    cached: int | None
    cache_written: int | None
    reasoning: int | None
    cost: float | None


class FrameDetails(TypedDict):
    """One frame of a stack; ``own`` is False for frames of libraries and of nbtrace."""

    file: str
    line: int
    function: str
    code: str
    own: bool


class RaisedDetails(TypedDict):
    """One exception of a chain, the one that was seen first.

    ``relation`` says how it led to the one before it in the list.
    """

    type: str
    message: str
    relation: Literal["", "cause", "context"]
    frames: list[FrameDetails]


class ErrorDetails(TypedDict):
    """A recorded exception: in one line, as a chain, and as the text that was recorded."""

    type: str
    message: LongText
    chain: list[RaisedDetails]
    stack: LongText | None


class Details(TypedDict):
    """Everything of one span; inputs and outputs are JSON text, None where there are none."""

    span_id: str
    parent_id: str | None
    trace_id: str
    name: str
    type: str
    status: str
    message: LongText
    convention: str
    model: str | None
    provider: str | None
    finish_reasons: list[str]
    usage: UsageDetails
    inputs: LongText | None
    outputs: LongText | None
    messages: list[ChatMessage]
    earlier_messages: int
    tools: list[ToolDetails]
    description: str
    documents: list[DocumentDetails]
    documents_before: list[DocumentDetails]
    embeddings: EmbeddingDetails | None
    errors: list[ErrorDetails]
    attributes: list[Attribute]
    events: list[EventDetails]
    links: list[LinkDetails]
    scope: str
    curl: str | None


class PreviousMessages(TypedDict):
    """The call of a model before a span in its trace, and what was said in it."""

    span_id: str
    name: str
    messages: list[ChatMessage]


class TagDetails(TypedDict):
    """A tag of the trace; a fixed one cannot be changed."""

    key: str
    value: str
    fixed: bool


class AssessmentDetails(TypedDict):
    """What somebody said of the trace or of a span; ``value`` and ``error`` are for people."""

    id: str
    name: str
    kind: Literal["feedback", "expectation", "issue"]
    value: str
    error: str
    rationale: str
    source: str
    source_id: str
    span_id: str | None
    time_ms: int
    valid: bool


class Annotations(TypedDict):
    """Tags and assessments of a trace; ``stored`` says whether there is anything to change."""

    stored: bool
    tags: list[TagDetails]
    assessments: list[AssessmentDetails]
