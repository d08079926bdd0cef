"""A whole search as SQL: which traces, in which order, from where on.

`Query` holds a filter and an order; `page` gives the places of one page's traces, `count` how many
there are. Both plan with `nbtrace.search.streams` on the connection they are given, and give up
when the person interrupts.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.search.bounds import Bounds, bounds_time, covers_all
from nbtrace.search.comparisons import Fragment, all_of
from nbtrace.search.fetching import fetch
from nbtrace.search.functions import register
from nbtrace.search.order import after, parse_order
from nbtrace.search.parser import parse
from nbtrace.search.predicates import Candidate, compile_expression
from nbtrace.search.recent import recent_hits
from nbtrace.search.streams import MAX_SORTED, Branch, Planner
from nbtrace.search.syntax import And, Condition, Field, conditions, group_spans
from nbtrace.search.walking import Walk, walkable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from nbtrace.search.syntax import Expression

__all__ = ["Query"]


_REQUEST_TIME = Field("trace", "request_time", "time")
_TRACE = Candidate("t.request_time", "t.id")


class Query:
    """One search over the traces of a store.

    Parameters
    ----------
    filter_string : str or None
        The filter.
    locations : sequence of str or None
        Ids of the experiments to look in; ``None`` means all.
    order_by : sequence of str or None
        Order terms; newest first without.
    extra : sequence of Expression
        What holds besides the filter.
    now_ms : int or None
        What relative times count from, in milliseconds since the epoch; ``None`` means now.
    upto : int or None
        Largest key of the traces to look at, which leaves out what was written later.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a filter or an order that cannot work.

    Examples
    --------
    >>> len(Query("tags.k = 'v'", order_by=["cost DESC"]).order)
    3
    """

    def __init__(  # noqa: PLR0913 - what a person chooses
        self,
        filter_string: str | None = None,
        locations: Sequence[str] | None = None,
        order_by: Sequence[str] | str | None = None,
        *,
        extra: Sequence[Expression] = (),
        now_ms: int | None = None,
        upto: int | None = None,
    ) -> None:
        self.order = parse_order(order_by)
        self._upto = upto
        self._locations = None if locations is None else tuple(locations)
        parts: list[Expression] = list(extra)
        tree = parse(filter_string, now_ms=now_ms)
        if tree is not None:
            parts = [*(tree.operands if isinstance(tree, And) else (tree,)), *parts]
        #: Whether the search asks for text, which has to be made searchable first.
        self.reads_text = any(
            condition.field.type == "content" for part in parts for condition in conditions(part)
        )
        self._times = [part for part in parts if bounds_time(part)]
        self._rest = [part for part in parts if not bounds_time(part)]

    def page(
        self,
        connection: sqlite3.Connection,
        limit: int,
        place: Sequence[Any] | None = None,
        offset: int = 0,
    ) -> list[tuple[Any, ...]]:
        """Return the places of one page's traces.

        Parameters
        ----------
        connection : sqlite3.Connection
            This thread's connection.
        limit : int
            How many traces at most.
        place : sequence or None
            Where to go on, a place of an earlier page; ``None`` starts at the beginning.
        offset : int
            How many traces to pass over from there.

        Returns
        -------
        list of tuple
            A value per key of the order; the last is the trace's key in the database.
        """
        if place is None and walkable(self.order):
            branches, tree = self._branches(connection, None)
            if not self._few(connection, branches):
                found = self._walk(tree).first(_runner(connection), offset + limit)
                return found[offset:]
        if self.reads_text and self._newest_first:
            recent = recent_hits(
                _runner(connection),
                self._tree(connection),
                self._bounds(place),
                limit + offset,
                descending=self.order[0].descending,
            )
            if len(recent) == limit + offset:
                return recent[offset:]
        statement = self._page(connection, place)
        sql = f"{statement.sql} LIMIT ? OFFSET ?"
        return fetch(connection, sql, (*statement.parameters, limit, offset))

    @property
    def everything(self) -> bool:
        """Whether the search finds every trace of the store."""
        return not self._times and not self._rest and self._locations is None

    def members(self, connection: sqlite3.Connection) -> Fragment:
        """Return the SELECT of all traces that the search finds, in no order.

        Parameters
        ----------
        connection : sqlite3.Connection
            This thread's connection.

        Returns
        -------
        Fragment
            Its column ``trace`` holds the keys.
        """
        branches = self._planner(connection, None, whole=True).branches(self._tree(connection))
        union = _union(branches, self._bounds(None))
        # Streams that are read along come newest first, in a subquery, too.
        order = " ORDER BY 1 DESC, 2 DESC" if branches[0].met else ""
        return union._replace(sql=f"{union.sql}{order}")

    def count(self, connection: sqlite3.Connection) -> int:
        """Return how many traces the search finds in all.

        Parameters
        ----------
        connection : sqlite3.Connection
            This thread's connection.

        Returns
        -------
        int
            The exact number.
        """
        found = self.members(connection)
        counted, parameters = f"SELECT count(*) FROM ({found.sql})", found.parameters
        if self.everything and self._upto is not None:  # a count without a condition is faster
            counted = (
                "SELECT CASE WHEN (SELECT max(id) FROM traces) <= ?"
                f" THEN (SELECT count(*) FROM traces) ELSE ({counted}) END"
            )
            parameters = (self._upto, *parameters)
        return int(fetch(connection, counted, parameters)[0][0])

    def explain(self, connection: sqlite3.Connection) -> tuple[str, tuple[Any, ...], list[str]]:
        """Return the SQL of the first page, its parameters and SQLite's plan.

        Parameters
        ----------
        connection : sqlite3.Connection
            This thread's connection.

        Returns
        -------
        tuple of (str, tuple, list of str)
            The plan has a line per step.
        """
        statement = self._page(connection, None)
        if walkable(self.order):
            branches, tree = self._branches(connection, None)
            if not self._few(connection, branches):
                statement = self._walk(tree).present()
        register(connection)
        rows = fetch(connection, f"EXPLAIN QUERY PLAN {statement.sql}", statement.parameters)
        return statement.sql, statement.parameters, [str(row[3]) for row in rows]

    @property
    def _newest_first(self) -> bool:
        """Whether the order is that of the time, in either direction."""
        return self.order[0].field == _REQUEST_TIME and len(self.order) == 2  # noqa: PLR2004 - time and key

    def _page(
        self,
        connection: sqlite3.Connection,
        place: Sequence[Any] | None,
        *,
        mirrored: bool = False,
    ) -> Fragment:
        if self._newest_first:
            branches, _ = self._branches(connection, place)
            union = _union(branches, self._bounds(place))
            word = "DESC" if self.order[0].descending is not mirrored else "ASC"
            # By position, for in a compound SELECT names belong to its first part only.
            return union._replace(sql=f"{union.sql} ORDER BY 1 {word}, 2 {word}")
        return self._sorted(connection, place)

    def _sorted(self, connection: sqlite3.Connection, place: Sequence[Any] | None) -> Fragment:
        branches, tree = self._branches(connection, None)
        bounds = self._bounds(None)
        behind = [] if place is None else [after(self.order, place)]
        source = Fragment("traces t")
        where = [*bounds(_TRACE), *behind]
        if self._sorts(connection, branches):
            union = _union(branches, bounds)
            source = Fragment(
                f"({union.sql}) c CROSS JOIN traces t ON t.id = c.trace", union.parameters
            )
            where = behind
        elif tree is not None:
            where.append(compile_expression(tree, _TRACE))
        values = [key.value for key in self.order]
        columns = ", ".join(value.sql for value in values) + " AS trace"
        directions = ", ".join(
            f"{index} {key.direction}" for index, key in enumerate(self.order, start=1)
        )
        condition = all_of(where)
        return Fragment(
            f"SELECT {columns} FROM {source.sql} WHERE {condition.sql} ORDER BY {directions}",
            (
                *(item for value in values for item in value.parameters),
                *source.parameters,
                *condition.parameters,
            ),
        )

    def _walk(self, tree: Expression | None) -> Walk:
        return Walk(self.order[0], tree, self._bounds(None))

    def _few(self, connection: sqlite3.Connection, branches: tuple[Branch, ...]) -> bool:
        """Say whether the streams find so little that it is best sorted."""
        if any(branch.stream.everything for branch in branches):
            return False
        return self._planner(connection, None).size(branches, MAX_SORTED) < MAX_SORTED

    def _sorts(self, connection: sqlite3.Connection, branches: tuple[Branch, ...]) -> bool:
        """Say whether to sort what the streams find instead of looking along the order's index."""
        if any(branch.stream.everything for branch in branches):
            return False
        return not self.order[0].indexed or self._few(connection, branches)

    def _branches(
        self, connection: sqlite3.Connection, place: Sequence[Any] | None
    ) -> tuple[tuple[Branch, ...], Expression | None]:
        tree = self._tree(connection)
        return self._planner(connection, place).branches(tree), tree

    def _tree(self, connection: sqlite3.Connection) -> Expression | None:
        """Return what is to be verified of a trace, beside its time."""
        rest = list(self._rest)
        if self._locations is not None and not covers_all(connection, self._locations):
            field = Field("trace", "experiment_id", "text")
            rest.append(Condition(field, "IN", self._locations))
        if not rest:
            return None
        return group_spans(rest[0] if len(rest) == 1 else And(tuple(rest)))

    def _planner(
        self, connection: sqlite3.Connection, place: Sequence[Any] | None, *, whole: bool = False
    ) -> Planner:
        return Planner(_runner(connection), self._bounds(place), whole=whole)

    def _bounds(self, place: Sequence[Any] | None) -> Bounds:
        direction = "<" if self.order[0].descending else ">"
        there = None if place is None else (direction, tuple(place))
        return Bounds(self._times, there, self._upto)


def _runner(
    connection: sqlite3.Connection,
) -> Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]:
    def rows(sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return fetch(connection, sql, parameters)

    return rows


def _union(branches: Sequence[Branch], bounds: Bounds) -> Fragment:
    parts = [branch.select(bounds) for branch in branches]
    return Fragment(
        " UNION ".join(part.sql for part in parts),
        tuple(item for part in parts for item in part.parameters),
    )
