"""The messages between kernel and page, the mirror of ``js/src/types.ts``.

Everything but the small state of a widget travels as custom messages, which no front end saves. A
table of rows is one packed buffer of columns (see `rows.py`) and one of JSON texts; a field that
changes here changes there.
"""

from __future__ import annotations

from typing import Final, Literal, TypedDict

# What a span is up to, by its number in the state column.
STATES: Final = ("open", "done", "ok", "error", "incomplete")
OPEN: Final = 0
DONE: Final = 1
OK: Final = 2
ERROR: Final = 3
INCOMPLETE: Final = 4


class Summary(TypedDict):
    """The figures of the whole trace; None is "not known", never zero.

    ``base_ms`` is the start of the trace in milliseconds since the epoch, and ``now_ns`` the
    nanoseconds since then at which the message was made, or the trace ended.
    """

    trace_id: str
    name: str
    state: str
    finished: bool
    base_ms: float
    now_ns: int
    spans: int
    errors: int
    tokens: int | None
    cost: float | None
    model: str | None


class SavedSummary(Summary):
    """The summary in a widget's state; ``rows`` counts the rows that the state holds."""

    rows: int


class RowTexts(TypedDict):
    """The texts of a rows message: dictionary-coded names and kinds, previews by row number.

    A preview is ``(row, inputs, outputs, error)``.
    """

    names: list[str]
    kinds: list[str]
    previews: list[tuple[int, str, str, str]]


class RowsMessage(TypedDict):
    """Rows that are new or changed; buffers: the packed columns, the JSON of `RowTexts`."""

    kind: Literal["rows"]
    sequence: int
    reset: bool
    more: bool
    count: int
    summary: Summary


class BundleMessage(TypedDict):
    """The front end's module, gzipped in the only buffer."""

    kind: Literal["bundle"]
    hash: str


class ResponseMessage(TypedDict):
    """The answer to a request; the result is JSON in the only buffer unless there is an error."""

    kind: Literal["response"]
    id: str
    error: str | None


class Attribute(TypedDict):
    """One attribute: its key, the name of its type, its value as text."""

    key: str
    type: str
    text: str


class EventDetails(TypedDict):
    """One event, its time in nanoseconds since the trace's start."""

    name: str
    time_ns: int
    attributes: list[Attribute]


class LinkDetails(TypedDict):
    """Where a link points."""

    trace_id: str
    span_id: str


class ChatMessage(TypedDict):
    """One message of a conversation with a model, its parts as text."""

    role: str
    text: str


class Details(TypedDict):
    """Everything of one span; inputs and outputs are JSON text, None where there are none."""

    span_id: str
    parent_id: str | None
    trace_id: str
    name: str
    type: str
    status: str
    message: str
    inputs: str | None
    outputs: str | None
    messages: list[ChatMessage]
    attributes: list[Attribute]
    events: list[EventDetails]
    links: list[LinkDetails]
    scope: str
