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
    nanoseconds since then at which the message was made, or the trace ended. ``finished`` says that
    the root has ended, ``live`` that more spans may come, also after that. ``note`` tells how a
    trace ended that did not end by itself: ``interrupted`` or ``recovered``.
    """

    trace_id: str
    name: str
    state: str
    finished: bool
    live: bool
    note: str
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

    A preview is ``(row, inputs, outputs, error)``, an event ``(row, time, name)`` with the time in
    nanoseconds since the trace's base.
    """

    names: list[str]
    kinds: list[str]
    previews: list[tuple[int, str, str, str]]
    events: list[tuple[int, int, str]]


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


class ChangedMessage(TypedDict):
    """Something that a page has asked for is not what it was."""

    kind: Literal["changed"]
    what: Literal["annotations"]


class ResponseMessage(TypedDict):
    """The answer to a request; the result is in the only buffer unless there is an error.

    It is JSON, or as it is where ``binary`` says so.
    """

    kind: Literal["response"]
    id: str
    error: str | None
    binary: bool


class Found(TypedDict):
    """Where a searched text is: ids of the spans, the first of ``total``."""

    span_ids: list[str]
    total: int
