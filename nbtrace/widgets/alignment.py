"""Which span of one trace is which span of another, by the place each has in its tree.

The roots are matched, then the children of each matched pair, level by level. Among siblings those
that are the same in name, kind and inputs, and are the only ones of that sort on either side, are
matched first as far as their order agrees (patience diff). Between these the rest is matched by
name and kind in order (longest common subsequence), so that an inserted or removed span does not
shift all that follow. What is left is matched by name and kind across the order and called moved.
Nothing recurses, and long lists of equal names are matched in order, without a table of all pairs.

>>> from nbtrace.entities import Span
>>> def span(number, name, parent=None):
...     return Span(trace_id="tr-" + "0a" * 16, span_id=f"{number:016x}", name=name,
...                 parent_id=parent and f"{parent:016x}", start_time_ns=number)
>>> before = [span(1, "ask"), span(2, "search", 1), span(3, "answer", 1)]
>>> after = [span(1, "ask"), span(2, "search", 1), span(3, "rerank", 1), span(4, "answer", 1)]
>>> [(pair.depth, pair.before and pair.before.name, pair.after and pair.after.name)
...  for pair in align(before, after)]
[(0, 'ask', 'ask'), (1, 'search', 'search'), (1, None, 'rerank'), (1, 'answer', 'answer')]
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

from nbtrace.entities.attachment import described
from nbtrace.entities.constant import SpanAttributeKey
from nbtrace.widgets.forest import forest_of
from nbtrace.widgets.span_facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from nbtrace.entities.span import Span
    from nbtrace.widgets.forest import Forest

# A table of all pairs of siblings beyond this takes longer than a person waits.
MAX_TABLE = 250_000

_Match = tuple[int, int]


class Pair(NamedTuple):
    """A span of both traces, or of one of them.

    Attributes
    ----------
    depth : int
        0 for roots.
    before, after : Span or None
        The span in either trace; None where the trace has none.
    moved : bool
        Whether it stands elsewhere among its siblings.
    """

    depth: int
    before: Span | None
    after: Span | None
    moved: bool = False


def align(before: Sequence[Span], after: Sequence[Span]) -> list[Pair]:
    """Match the spans of two traces.

    Parameters
    ----------
    before, after : sequence of Span
        All spans of either trace.

    Returns
    -------
    list of Pair
        Each span once, parents before their children, in the order of the second trace with what
        only the first one has where it stood.
    """
    old, new = forest_of(before), forest_of(after)
    pairs: list[Pair] = []
    # what is left to list, the next on top: depth and the places in both trees
    stack: list[tuple[int, int | None, int | None, bool]] = []

    def push(depth: int, olds: Sequence[int], news: Sequence[int]) -> None:
        listed = list(_siblings(old, new, olds, news))
        stack.extend((depth, *item) for item in reversed(listed))

    if len(old.roots) == len(new.roots) == 1:
        # The roots of two runs are the same even where a cell's number is part of their name.
        stack.append((0, old.roots[0], new.roots[0], False))
    else:
        push(0, old.roots, new.roots)
    while stack:
        depth, left, right, moved = stack.pop()
        pairs.append(
            Pair(
                depth,
                None if left is None else old.spans[left],
                None if right is None else new.spans[right],
                moved,
            )
        )
        push(
            depth + 1,
            () if left is None else old.children.get(left, ()),
            () if right is None else new.children.get(right, ()),
        )
    return pairs


def _siblings(
    old: Forest, new: Forest, olds: Sequence[int], news: Sequence[int]
) -> Iterator[tuple[int | None, int | None, bool]]:
    """Yield the siblings of both sides in the order in which they are listed."""
    if not olds or not news:
        yield from ((place, None, False) for place in olds)
        yield from ((None, place, False) for place in news)
        return
    ordered = _in_order(
        [_whole(old.spans[place]) for place in olds], [_whole(new.spans[place]) for place in news]
    )
    old_matched, new_matched = {left for left, _ in ordered}, {right for _, right in ordered}
    moved = _across(
        [(at, _name(old.spans[place])) for at, place in enumerate(olds) if at not in old_matched],
        [(at, _name(new.spans[place])) for at, place in enumerate(news) if at not in new_matched],
    )
    of_new = {right: (left, False) for left, right in ordered}
    of_new |= {right: (left, True) for left, right in moved}
    gone = deque(sorted(set(range(len(olds))) - {left for left, _ in of_new.values()}))
    for right, place in enumerate(news):
        left, was_moved = of_new.get(right, (None, False))
        if left is not None and not was_moved:
            while gone and gone[0] < left:
                yield olds[gone.popleft()], None, False
        yield (None if left is None else olds[left]), place, was_moved
    yield from ((olds[left], None, False) for left in gone)


def _name(span: Span) -> Hashable:
    return span.name, facts_of(span).kind


def _whole(span: Span) -> tuple[Hashable, Hashable]:
    """Return a span's name and kind, and these with its inputs."""
    name = _name(span)
    inputs = str(span.raw_attributes.get(SpanAttributeKey.INPUTS))
    return name, (name, described(inputs, told_apart=True))


def _in_order(
    olds: Sequence[tuple[Hashable, Hashable]], news: Sequence[tuple[Hashable, Hashable]]
) -> list[_Match]:
    """Match two lists of siblings so that the matches have the same order on both sides."""
    matches: list[_Match] = []
    at_old = at_new = 0
    for left, right in [*_anchors([key for _, key in olds], [key for _, key in news]), (-1, -1)]:
        end_old, end_new = (len(olds), len(news)) if left < 0 else (left, right)
        matches += [
            (at_old + a, at_new + b)
            for a, b in _common(
                [key for key, _ in olds[at_old:end_old]], [key for key, _ in news[at_new:end_new]]
            )
        ]
        if left >= 0:
            matches.append((left, right))
            at_old, at_new = left + 1, right + 1
    return matches


def _anchors(olds: Sequence[Hashable], news: Sequence[Hashable]) -> list[_Match]:
    """Return the longest ordered list of matches of what occurs once on both sides."""
    once_old = {key for key, number in Counter(olds).items() if number == 1}
    place = {key: at for at, key in enumerate(news)}
    once = once_old & {key for key, number in Counter(news).items() if number == 1}
    candidates = [(at, place[key]) for at, key in enumerate(olds) if key in once]
    return _increasing(candidates)


def _increasing(candidates: Sequence[_Match]) -> list[_Match]:
    """Return the longest part of matches, ordered on the left, that is ordered on the right too."""
    ends: list[int] = []  # the smallest right end of each length
    last: list[int] = []  # and which candidate that is
    before: list[int] = []
    for at, (_, right) in enumerate(candidates):
        length = bisect_left(ends, right)
        before.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(right)
            last.append(at)
        else:
            ends[length] = right
            last[length] = at
    found: list[_Match] = []
    at = last[-1] if last else -1
    while at >= 0:
        found.append(candidates[at])
        at = before[at]
    return found[::-1]


def _common(olds: Sequence[Hashable], news: Sequence[Hashable]) -> list[_Match]:
    """Return the matches of a longest common subsequence, of long lists an approximate one."""
    start = 0
    while start < min(len(olds), len(news)) and olds[start] == news[start]:
        start += 1
    end = 0
    while end < min(len(olds), len(news)) - start and olds[-1 - end] == news[-1 - end]:
        end += 1
    inner = _middle(olds[start : len(olds) - end], news[start : len(news) - end])
    return [
        *((at, at) for at in range(start)),
        *((start + a, start + b) for a, b in inner),
        *((len(olds) - at, len(news) - at) for at in range(end, 0, -1)),
    ]


def _middle(olds: Sequence[Hashable], news: Sequence[Hashable]) -> list[_Match]:
    if not olds or not news:
        return []
    if len(olds) * len(news) > MAX_TABLE:
        return _increasing(sorted(_across(list(enumerate(olds)), list(enumerate(news)))))
    lengths = [[0] * (len(news) + 1) for _ in range(len(olds) + 1)]
    for a in range(len(olds) - 1, -1, -1):
        row, below = lengths[a], lengths[a + 1]
        for b in range(len(news) - 1, -1, -1):
            row[b] = below[b + 1] + 1 if olds[a] == news[b] else max(below[b], row[b + 1])
    matches: list[_Match] = []
    a = b = 0
    while a < len(olds) and b < len(news):
        if olds[a] == news[b]:
            matches.append((a, b))
            a, b = a + 1, b + 1
        elif lengths[a + 1][b] >= lengths[a][b + 1]:
            a += 1
        else:
            b += 1
    return matches


def _across(
    olds: Sequence[tuple[int, Hashable]], news: Sequence[tuple[int, Hashable]]
) -> list[_Match]:
    """Match what has the same key, the first with the first, wherever they stand."""
    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for at, key in olds:
        waiting[key].append(at)
    return [(waiting[key].popleft(), at) for at, key in news if waiting[key]]
