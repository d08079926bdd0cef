"""The words of the common view: messages, tools, documents, embeddings, usage, errors.

Plain frozen data. Every convention is brought to these, so that the same call looks the same
whichever library recorded it. ``None`` always means "not recorded", never zero or empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from nbtrace.entities import Document

__all__ = [
    "EmbeddingSummary",
    "ErrorDetails",
    "Message",
    "MessagePart",
    "PartKind",
    "RetrievedDocument",
    "ToolCall",
    "ToolDefinition",
    "ToolRun",
    "Usage",
]

PartKind = Literal[
    "text", "reasoning", "refusal", "image", "audio", "file", "tool_call", "tool_result", "data"
]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool that a model asked for.

    Attributes
    ----------
    id : str or None
        Identifier that the result refers to.
    name : str or None
        Name of the tool.
    arguments : object
        Arguments, decoded where they were JSON; the text itself where they were not.

    Examples
    --------
    >>> ToolCall("call_1", "get_weather", {"city": "Paris"}).name
    'get_weather'
    """

    id: str | None
    name: str | None
    arguments: Any = None


@dataclass(frozen=True, slots=True)
class MessagePart:
    """One part of a message.

    Attributes
    ----------
    kind : str
        ``"text"``, ``"reasoning"``, ``"refusal"``, ``"image"``, ``"audio"``, ``"file"``,
        ``"tool_call"``, ``"tool_result"`` or ``"data"`` (anything else, kept in `result`).
    text : str or None
        Text of a text, reasoning or refusal part; transcript of an audio part.
    uri : str or None
        Address of an image, audio or file: a ``data:`` URI where the bytes were recorded.
    mime_type : str or None
        Media type, such as ``"image/png"``.
    tool_call : ToolCall or None
        The call, for ``"tool_call"``.
    id : str or None
        Which call a ``"tool_result"`` answers.
    name : str or None
        Name of the tool of a ``"tool_result"``, or of a file.
    result : object
        What the tool returned.

    Examples
    --------
    >>> MessagePart("text", text="Hello").text
    'Hello'
    """

    kind: PartKind
    text: str | None = None
    uri: str | None = None
    mime_type: str | None = None
    tool_call: ToolCall | None = None
    id: str | None = None
    name: str | None = None
    result: Any = None


@dataclass(frozen=True, slots=True)
class Message:
    """A chat message.

    Attributes
    ----------
    role : str
        ``"system"``, ``"user"``, ``"assistant"`` or ``"tool"``, or the sender's own word.
    parts : tuple of MessagePart
        What the message consists of, in order.
    name : str or None
        Name of the author.
    finish_reason : str or None
        Why the model stopped, for a message that it wrote.

    Examples
    --------
    >>> Message("user", (MessagePart("text", text="Weather?"),)).text
    'Weather?'
    """

    role: str
    parts: tuple[MessagePart, ...] = ()
    name: str | None = None
    finish_reason: str | None = None

    @property
    def text(self) -> str | None:
        """The text parts, joined by line breaks; ``None`` where there is none."""
        texts = [part.text for part in self.parts if part.kind == "text" and part.text]
        return "\n".join(texts) if texts else None

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls that this message asks for."""
        return [part.tool_call for part in self.parts if part.tool_call is not None]


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool that a model was offered.

    Attributes
    ----------
    name : str
        Name of the tool.
    description : str or None
        What the model was told about it.
    parameters : object
        JSON schema of the arguments, ``None`` where it was not recorded.

    Examples
    --------
    >>> ToolDefinition("get_weather", "weather", {"type": "object"}).parameters
    {'type': 'object'}
    """

    name: str
    description: str | None = None
    parameters: Any = None


@dataclass(frozen=True, slots=True)
class ToolRun:
    """What a TOOL span ran.

    Attributes
    ----------
    name : str or None
        Name of the tool.
    id : str or None
        Identifier of the call that it answers.
    description : str or None
        What the model was told about it.
    arguments : object
        Arguments, decoded.
    result : object
        What it returned, without the wrapping of the framework.

    Examples
    --------
    >>> ToolRun("get_weather", "call_1", result="22C sunny").result
    '22C sunny'
    """

    name: str | None
    id: str | None = None
    description: str | None = None
    arguments: Any = None
    result: Any = None


@dataclass(frozen=True, slots=True)
class RetrievedDocument:
    """A document that a retriever or a reranker returned.

    Attributes
    ----------
    page_content : str or None
        Text of the document; some instrumentors record identifiers and scores only.
    metadata : dict
        What else is known of it.
    id : str or None
        Identifier.
    score : float or None
        Relevance, on the retriever's own scale.

    Examples
    --------
    >>> RetrievedDocument("Paris is sunny", {"source": "a.md"}, "d1", 0.9).score
    0.9
    """

    page_content: str | None
    metadata: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    score: float | None = None

    @property
    def document(self) -> Document:
        """The same as an `nbtrace.entities.Document`; unknown content becomes ``""``."""
        from nbtrace.entities import Document

        return Document(page_content=self.page_content or "", metadata=self.metadata, id=self.id)


@dataclass(frozen=True, slots=True)
class EmbeddingSummary:
    """What an EMBEDDING span computed, without the vectors.

    Attributes
    ----------
    texts : tuple of str
        Texts that were embedded, as far as they were recorded.
    count : int or None
        Number of vectors.
    dimensions : int or None
        Length of a vector.

    Examples
    --------
    >>> EmbeddingSummary(("a", "b"), 2, 1536).dimensions
    1536
    """

    texts: tuple[str, ...] = ()
    count: int | None = None
    dimensions: int | None = None


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """Why a span failed.

    Attributes
    ----------
    type : str or None
        Class of the exception, with its module where it was recorded.
    message : str or None
        Message of the exception, else the description of the status.
    stacktrace : str or None
        Stack trace as text.

    Examples
    --------
    >>> ErrorDetails("openai.NotFoundError", "no such model").name
    'NotFoundError'
    """

    type: str | None = None
    message: str | None = None
    stacktrace: str | None = None

    @property
    def name(self) -> str | None:
        """Class of the exception without its module."""
        return self.type.rpartition(".")[2] if self.type else None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and cost of a span or of a trace; ``None`` is unknown, 0 is a known zero.

    Attributes
    ----------
    input : int or None
        Tokens of the prompt, those from a cache included.
    output : int or None
        Tokens of the answer, those of reasoning included.
    total : int or None
        Both together.
    cached : int or None
        Input tokens read from a cache.
    reasoning : int or None
        Output tokens spent on reasoning.
    cost : float or None
        Cost in US dollars.
    cache_written : int or None
        Input tokens written to a cache.

    Examples
    --------
    >>> Usage(12, 5, 17).total
    17
    """

    input: int | None = None
    output: int | None = None
    total: int | None = None
    cached: int | None = None
    reasoning: int | None = None
    cost: float | None = None
    cache_written: int | None = None

    @property
    def known(self) -> bool:
        """Whether any number of tokens is known."""
        return not (self.input is None and self.output is None and self.total is None)
