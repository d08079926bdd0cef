"""Spans as a forest for the static forms: ordered children, whatever the parents look like.

Foreign spans may name parents that never came, or each other; both are drawn, as roots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.entities.span import Span


class Forest(NamedTuple):
    """Spans by place, with roots and children as places; ``start`` and ``end`` in nanoseconds."""

    spans: Sequence[Span]
    roots: list[int]
    children: dict[int, list[int]]
    start: int
    end: int


class Line(NamedTuple):
    """One line: the place of a span, its depth, and how many of its children are left out."""

    place: int
    depth: int
    left_out: int
    last: bool


def forest_of(spans: Sequence[Span]) -> Forest:
    """Return the forest of some spans, siblings ordered by start.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> ids = {"trace_id": "tr-" + "0a" * 16, "start_time_ns": 1}
    >>> forest = forest_of([Span(span_id="0b" * 8, name="a", parent_id="0c" * 8, **ids),
    ...                     Span(span_id="0c" * 8, name="b", parent_id="0b" * 8, **ids)])
    >>> forest.roots, forest.children
    ([1], {1: [0]})
    """
    places = {span.span_id: place for place, span in enumerate(spans)}
    parents = [places.get(span.parent_id or "", -1) for span in spans]
    _break_cycles(parents)
    children: dict[int, list[int]] = {}
    roots: list[int] = []
    order = sorted(range(len(spans)), key=lambda place: spans[place].start_time_ns)
    for place in order:
        if parents[place] < 0:
            roots.append(place)
        else:
            children.setdefault(parents[place], []).append(place)
    start = min((span.start_time_ns for span in spans), default=0)
    end = max((span.end_time_ns or span.start_time_ns for span in spans), default=0)
    return Forest(spans, roots, children, start, max(end, start + 1))


def _break_cycles(parents: list[int]) -> None:
    walk_of = [-1] * len(parents)
    for place in range(len(parents)):
        at = place
        while at >= 0 and walk_of[at] < 0:
            walk_of[at] = place
            parent = parents[at]
            if parent >= 0 and walk_of[parent] == place:
                parents[at] = -1
                break
            at = parent


def chosen_lines(forest: Forest, limit: int) -> list[Line]:
    """Return at most ``limit`` lines in the order of the tree, upper levels first.

    A trace that is too large loses its deepest spans and the last of many siblings, so that what is
    left still says what happened; each line tells how many children it lost.
    """
    chosen: set[int] = set()
    level = list(forest.roots)
    while level and len(chosen) < limit:
        level = level[: limit - len(chosen)]
        chosen.update(level)
        level = [child for place in level for child in forest.children.get(place, ())]
    lines: list[Line] = []
    stack = [(place, 0, False) for place in reversed(forest.roots) if place in chosen]
    if stack:
        stack[0] = (stack[0][0], 0, True)
    while stack:
        place, depth, last = stack.pop()
        every = forest.children.get(place, [])
        kept = [child for child in every if child in chosen]
        left_out = len(every) - len(kept)
        lines.append(Line(place, depth, left_out, last))
        # Children that are left out are said below the last one that is shown.
        final = -1 if left_out or not kept else kept[-1]
        stack.extend((child, depth + 1, child == final) for child in reversed(kept))
    return lines
