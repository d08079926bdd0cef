"""Text that is likely to be found in the newest traces.

Looking up all that the word index names takes time in proportion to it, at random places of the
file. Where a page of hits is likely to be among the first traces, their text is compared instead.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.search.comparisons import Fragment, all_of
from nbtrace.search.contents import TextIndex
from nbtrace.search.predicates import Candidate, compile_expression
from nbtrace.search.syntax import conditions

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.search.bounds import Bounds
    from nbtrace.search.syntax import Expression

__all__ = ["recent_hits"]

# Fewer hits are looked up within 40 ms ...
FEWEST_HITS = 8_000
# ... and with more a page is full early, so that they need not be counted further.
MOST_COUNTED = 20_000
# If hits are spread evenly, a page is full within so many times the traces it takes on average.
MARGIN = 1.3
# Comparing the text of a trace takes this share of the time of looking up a hit in a large store.
COST = 0.6

_TRACE = Candidate("t.request_time", "t.id")


def recent_hits(
    rows: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]],
    tree: Expression | None,
    bounds: Bounds,
    wanted: int,
    *,
    descending: bool,
) -> list[tuple[Any, ...]]:
    """Compare the text of the first traces, if a page of hits is likely to be among them.

    Parameters
    ----------
    rows : callable
        Runs a SELECT and returns its rows.
    tree : Expression or None
        What the traces must satisfy.
    bounds : Bounds
        What holds besides.
    wanted : int
        How many traces make the page.
    descending : bool
        Whether the newest are the first.

    Returns
    -------
    list of tuple
        Time and key of each; with fewer than wanted nothing is said of the others.
    """
    index = TextIndex(rows)
    texts = [item for item in conditions(tree) if item.field.type == "content"] if tree else []
    hits = max((index.hits(item, MOST_COUNTED) for item in texts), default=0)
    if tree is None or hits < FEWEST_HITS:
        return []
    whole = rows("SELECT coalesce(max(id), 0) FROM traces", ())[0][0]
    first = int(MARGIN * wanted * whole / hits)
    if first * COST > hits:
        return []
    word, operator = ("DESC", ">=") if descending else ("ASC", "<=")
    inside = all_of(bounds(_TRACE))
    last = rows(
        f"SELECT t.request_time FROM traces t WHERE {inside.sql}"
        f" ORDER BY t.request_time {word}, t.id {word} LIMIT 1 OFFSET ?",
        (*inside.parameters, first),
    )
    if not last:
        return []
    # As a fragment, the text is compared as it is, and no index is asked.
    where = all_of(
        [
            inside,
            Fragment(f"t.request_time {operator} ?", last[0]),
            compile_expression(tree, _TRACE),
        ]
    )
    return rows(
        f"SELECT t.request_time, t.id FROM traces t WHERE {where.sql}"
        f" ORDER BY t.request_time {word}, t.id {word} LIMIT ?",
        (*where.parameters, wanted),
    )
