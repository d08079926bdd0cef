"""What the comparison of two traces tells its page, the mirror of ``js/src/compare/types.ts``."""

from __future__ import annotations

from typing import Literal, TypedDict

Mark = Literal["same", "changed", "added", "removed"]
Speed = Literal["", "slower", "faster"]


class SideTotals(TypedDict):
    """The figures of one of the two traces; None is "not known", never zero."""

    trace_id: str
    name: str
    state: str
    request_time_ms: int
    duration_ns: int | None
    spans: int
    errors: int
    tokens: int | None
    cost: float | None


class SideSpan(TypedDict):
    """A span of one of the two traces."""

    span_id: str
    duration_ns: int | None
    tokens: int | None
    cost: float | None
    error: bool


class DiffLine(TypedDict):
    """A span of both traces or of one; ``changes`` names what differs, as in ``outputs``."""

    depth: int
    name: str
    kind: str
    mark: Mark
    moved: bool
    speed: Speed
    changes: list[str]
    before: SideSpan | None
    after: SideSpan | None


class DiffData(TypedDict):
    """The whole comparison, without the values."""

    before: SideTotals
    after: SideTotals
    lines: list[DiffLine]


class SideValues(TypedDict):
    """The values of one span as JSON text, None where there are none; ``cut`` tells of a cut."""

    inputs: str | None
    outputs: str | None
    error: str
    cut: bool


class DiffValues(TypedDict):
    """The values of a line's spans."""

    before: SideValues | None
    after: SideValues | None
