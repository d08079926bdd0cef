"""The table's messages, the mirror of ``js/src/table/messages.ts``.

A search has a version: whatever is sent about rows, totals and histograms names the version that it
is about, and a page forgets what is about another one. A field that changes here changes there.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

WorkName = Literal["tag", "untag", "delete", "restore"]


class TableRow(TypedDict):
    """One trace as the table shows it; None is "not known".

    ``time`` is in milliseconds since the epoch, ``duration`` in milliseconds, ``cost`` in US
    dollars; ``request`` and ``response`` are the starts of the previews, ``tags`` those that people
    set.
    """

    id: str
    time: int
    duration: int | None
    state: str
    name: str
    spans: int
    errors: int
    tokens: int | None
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    session: str | None
    user: str | None
    request: str
    response: str
    tags: dict[str, str]
    cell: str
    cell_id: str
    source: str


class ListingMessage(TypedDict):
    """A search has begun; buffer: its first rows as JSON."""

    kind: Literal["listing"]
    version: int
    filter: str
    order_by: list[str]
    more: bool
    selection: Selection


class StaleMessage(TypedDict):
    """Rows have changed or gone; whoever shows some asks for them again."""

    kind: Literal["stale"]
    version: int


class FigureMessage(TypedDict):
    """A figure; buffer: its `Total`, `FacetFigure`, `HistogramFigure` or `GroupsFigure`."""

    kind: Literal["figure"]
    version: int
    figure: Literal["total", "facet", "histogram", "groups"]
    field: str


class Total(TypedDict):
    """The exact number of traces."""

    total: int


class FacetFigure(TypedDict):
    """The commonest values of a field and how many traces have each."""

    values: list[tuple[str, int]]
    other: int
    missing: int


class HistogramFigure(TypedDict):
    """How many traces lie between one edge and the next."""

    edges: list[float]
    counts: list[int]
    missing: int


class GroupFigure(TypedDict):
    """What traces with one value have in common; durations are in milliseconds."""

    label: str
    filter: str
    count: int
    errors: int
    p50: float | None
    p95: float | None
    tokens: int | None
    cost: float | None


class GroupsFigure(TypedDict):
    """Some of the groups, and how many there are in all."""

    groups: list[GroupFigure]
    total: int


class GroupsWanted(TypedDict):
    """Which groups a page shows: by what, in which order, and how many of them."""

    by: str
    order_by: str
    descending: bool
    limit: int


class NewerMessage(TypedDict):
    """How many traces of the search have come since it began."""

    kind: Literal["newer"]
    version: int
    count: int


class WorkMessage(TypedDict):
    """How far a change of many traces is; ``error`` says what stopped it."""

    kind: Literal["work"]
    work: WorkName
    done: int
    total: int
    finished: bool
    undo: bool
    error: str | None


class SelectionMessage(TypedDict):
    """The selection as set in Python."""

    kind: Literal["selection"]
    all: bool
    ids: list[str]


class OpenMessage(TypedDict):
    """A trace to open, and its place in the search if it is there."""

    kind: Literal["open"]
    trace_id: str
    place: int | None


class NestedMessage(TypedDict):
    """A message of the tree that a page has opened under ``key``; buffers: those of ``content``."""

    kind: Literal["nested"]
    key: str
    content: dict[str, Any]


class Selection(TypedDict):
    """Which traces: ``ids``, or with ``all`` every trace of the search but ``ids``."""

    all: bool
    ids: list[str]


class RowsResult(TypedDict):
    """Rows from a place on."""

    version: int
    offset: int
    rows: list[TableRow]


class Piece(TypedDict):
    """Part of an export; ``next`` is where the following one begins, None at the end."""

    text: str
    rows: int
    next: int | None
