"""The first traces of an order, found along an index of it.

The indexes end in (request_time, trace) and are read from one end to the other, which gives newest
first among equals only where the largest value comes first. In the other direction each value is
looked up by itself: the smallest, the next, until the page is full.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.search.comparisons import Fragment, all_of
from nbtrace.search.predicates import Candidate, compile_expression

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.search.order import OrderKey
    from nbtrace.search.syntax import Expression

__all__ = ["Walk", "walkable"]

# Values that are looked up one by one; what has more of them has few traces of each.
MAX_VALUES = 32

_TRACE = Candidate("t.request_time", "t.id")
_INDEXED = Candidate("d.request_time", "d.trace")


def walkable(order: tuple[OrderKey, ...]) -> bool:
    """Say whether an index has the traces in an order.

    Parameters
    ----------
    order : tuple of OrderKey
        As `parse_order` gives it.

    Returns
    -------
    bool
        True for one indexed column, tag or metadatum, newest first among equals.

    Examples
    --------
    >>> from nbtrace.search.order import parse_order
    >>> walkable(parse_order(["name"])), walkable(parse_order(["tags.k", "name"]))
    (True, False)
    """
    first, *rest = order
    names = [(key.field.name, key.descending) for key in rest]
    return names == [("request_time", True), ("id", True)] and (
        first.indexed or first.field.scope in {"tag", "metadata"}
    )


class Walk:
    """Traces in the order of one index.

    Parameters
    ----------
    key : OrderKey
        What is sorted by first.
    tree : Expression or None
        What the traces must satisfy, after `group_spans`.
    bounds : callable
        Gives the conditions on time and key besides.
    """

    def __init__(
        self,
        key: OrderKey,
        tree: Expression | None,
        bounds: Callable[[Candidate], list[Fragment]],
    ) -> None:
        self._key = key
        self._tree = tree
        self._bounds = bounds
        self._keyed = not key.indexed
        if self._keyed:
            table = "trace_tags d" if key.field.scope == "tag" else "trace_metadata d"
            self._table, self._value = table, "d.value"
            self._fixed = [Fragment("d.key = ?", (key.field.name,))]
            self._candidate = _INDEXED
        else:
            name = key.field.name
            self._table, self._value = f"traces t INDEXED BY traces_by_{name}", f"t.{name}"
            self._fixed = [Fragment(f"t.{name} IS NOT NULL")]
            self._candidate = _TRACE

    def first(
        self, rows: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]], limit: int
    ) -> list[tuple[Any, ...]]:
        """Return the places of the first traces.

        Parameters
        ----------
        rows : callable
            Runs a SELECT and returns its rows.
        limit : int
            How many at most.

        Returns
        -------
        list of tuple
            Value, request_time and key of each.
        """
        found: list[tuple[Any, ...]] = []
        above: list[Fragment] = []
        if not self._key.descending:
            for _ in range(MAX_VALUES):
                where = all_of([*self._fixed, *above])
                sql = f"SELECT min({self._value}) FROM {self._table} WHERE {where.sql}"
                value = rows(sql, where.parameters)[0][0]
                if value is None:
                    break
                same = [*self._fixed, Fragment(f"{self._value} = ?", (value,))]
                found += self._run(rows, self.select(same, ""), limit - len(found))
                if len(found) >= limit:
                    return found
                above = [Fragment(f"{self._value} > ?", (value,))]
            else:
                found += self._run(rows, self.present(above), limit - len(found))
        else:
            found += self._run(rows, self.present(), limit)
        if len(found) < limit and self._key.nullable:
            found += self._run(rows, self.missing(), limit - len(found))
        return found

    def present(self, where: list[Fragment] | None = None) -> Fragment:
        """Return the SELECT of the traces that have the value, in the order."""
        direction = "DESC" if self._key.descending else "ASC"
        return self.select([*self._fixed, *(where or [])], f"{self._value} {direction}, ")

    def missing(self) -> Fragment:
        """Return the SELECT of the traces that lack the value, newest first."""
        if not self._keyed:
            return self.select([Fragment(f"{self._value} IS NULL")], "")
        present = all_of(self._fixed)
        absent = Fragment(
            f"+t.id NOT IN (SELECT d.trace FROM {self._table} WHERE {present.sql})",
            present.parameters,
        )
        where = all_of([absent, *self._bounds(_TRACE), *self._residual(_TRACE)])
        return Fragment(
            "SELECT NULL, t.request_time, t.id AS trace FROM traces t INDEXED BY traces_by_time"
            f" WHERE {where.sql} ORDER BY t.request_time DESC, t.id DESC",
            where.parameters,
        )

    def select(self, where: list[Fragment], order: str) -> Fragment:
        """Return the SELECT of a part of the index, in an order that ends newest first."""
        candidate = self._candidate
        condition = all_of([*where, *self._bounds(candidate), *self._residual(candidate)])
        join = ""
        if condition.reads_trace and self._keyed:
            join = " CROSS JOIN traces t ON t.id = d.trace"
        return Fragment(
            f"SELECT {self._value}, {candidate.time}, {candidate.trace} AS trace"
            f" FROM {self._table}{join} WHERE {condition.sql}"
            f" ORDER BY {order}{candidate.time} DESC, {candidate.trace} DESC",
            condition.parameters,
        )

    def _residual(self, candidate: Candidate) -> list[Fragment]:
        if self._tree is None:
            return []
        return [compile_expression(self._tree, candidate)]

    @staticmethod
    def _run(
        rows: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]],
        statement: Fragment,
        limit: int,
    ) -> list[tuple[Any, ...]]:
        return rows(f"{statement.sql} LIMIT ?", (*statement.parameters, limit))
