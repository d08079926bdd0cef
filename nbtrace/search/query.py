"""A whole search as SQL: which traces, in which order, from where on.

`Query` holds a filter and an order; `page` gives the places of one page's traces, `count` how many
there are. Both plan with `nbtrace.search.streams` on the connection they are given, and give up
when the person interrupts.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from nbtrace.search.comparisons import Fragment, all_of
from nbtrace.search.functions import register
from nbtrace.search.order import after, parse_order
from nbtrace.search.parser import parse
from nbtrace.search.predicates import Candidate, compile_expression
from nbtrace.search.streams import MAX_SORTED, Branch, Planner
from nbtrace.search.syntax import And, Condition, Field, conditions, group_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.search.syntax import Expression

__all__ = ["Query", "fetch"]

# Steps of SQLite's virtual machine between two looks at the signals, some 20 ms. Each look takes
# the GIL, which beside busy threads costs 5 ms.
STEPS_BETWEEN_LOOKS = 1_000_000
# Stores have few experiments; beyond this their number is not worth finding out.
MAX_EXPERIMENTS_LISTED = 20

_TIME_OPERATORS = {"=", ">", ">=", "<", "<=", "BETWEEN"}
_TRACE = Candidate("t.request_time", "t.id")


def fetch(
    connection: sqlite3.Connection, sql: str, parameters: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """Run a query to its end, unless the person interrupts.

    Parameters
    ----------
    connection : sqlite3.Connection
        This thread's connection.
    sql : str
        One SELECT.
    parameters : sequence
        What is bound.

    Returns
    -------
    list of tuple
        All rows.

    Raises
    ------
    KeyboardInterrupt
        When the kernel is interrupted meanwhile.
    sqlite3.Error
        As SQLite says.

    Examples
    --------
    >>> fetch(sqlite3.connect(":memory:"), "SELECT nbtrace_ilike(?, 'ä%')", ("ÄRA",))
    [(1,)]
    """
    # SQLite runs without the GIL; what the handler does is to let Python see its signals.
    connection.set_progress_handler(_look, STEPS_BETWEEN_LOOKS)
    try:
        try:
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if "no such function: nbtrace_" not in str(error):
                raise
        register(connection)
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.OperationalError as error:
        if str(error) == "interrupted":
            raise KeyboardInterrupt from None
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _look() -> int:
    return 0


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

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a filter or an order that cannot work.

    Examples
    --------
    >>> len(Query("tags.k = 'v'", order_by=["cost DESC"]).order)
    3
    """

    def __init__(
        self,
        filter_string: str | None = None,
        locations: Sequence[str] | None = None,
        order_by: Sequence[str] | str | None = None,
        *,
        extra: Sequence[Expression] = (),
        now_ms: int | None = None,
    ) -> None:
        self.order = parse_order(order_by)
        self._locations = None if locations is None else tuple(locations)
        parts: list[Expression] = list(extra)
        tree = parse(filter_string, now_ms=now_ms)
        if tree is not None:
            parts = [*(tree.operands if isinstance(tree, And) else (tree,)), *parts]
        #: Whether the search asks for text, which has to be made searchable first.
        self.reads_text = any(
            condition.field.type == "content" for part in parts for condition in conditions(part)
        )
        self._times = [part for part in parts if _bounds_time(part)]
        self._rest = [part for part in parts if not _bounds_time(part)]

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
        statement = self._page(connection, place)
        sql = f"{statement.sql} LIMIT ? OFFSET ?"
        return fetch(connection, sql, (*statement.parameters, limit, offset))

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
        branches, _ = self._branches(connection, None)
        union = _union(branches, self._bounds(None))
        rows = fetch(connection, f"SELECT count(*) FROM ({union.sql})", union.parameters)
        return int(rows[0][0])

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
        register(connection)
        rows = fetch(connection, f"EXPLAIN QUERY PLAN {statement.sql}", statement.parameters)
        return statement.sql, statement.parameters, [str(row[3]) for row in rows]

    def _page(self, connection: sqlite3.Connection, place: Sequence[Any] | None) -> Fragment:
        newest_first = self.order[0].field.name == "request_time" and len(self.order) == 2  # noqa: PLR2004 - time and key
        if newest_first:
            branches, _ = self._branches(connection, place)
            union = _union(branches, self._bounds(place))
            word = "DESC" if self.order[0].descending else "ASC"
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
        columns = ", ".join(value.sql for value in values)
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

    def _sorts(self, connection: sqlite3.Connection, branches: tuple[Branch, ...]) -> bool:
        """Say whether to sort what the streams find instead of looking along the order's index."""
        if any(branch.stream.everything for branch in branches):
            return False
        if not self.order[0].indexed:
            return True
        return self._planner(connection, None).size(branches, MAX_SORTED) < MAX_SORTED

    def _branches(
        self, connection: sqlite3.Connection, place: Sequence[Any] | None
    ) -> tuple[tuple[Branch, ...], Expression | None]:
        rest = list(self._rest)
        if self._locations is not None and not self._covers(connection, self._locations):
            field = Field("trace", "experiment_id", "text")
            rest.append(Condition(field, "IN", self._locations))
        tree: Expression | None = None
        if rest:
            tree = group_spans(rest[0] if len(rest) == 1 else And(tuple(rest)))
        return self._planner(connection, place).branches(tree), tree

    def _planner(self, connection: sqlite3.Connection, place: Sequence[Any] | None) -> Planner:
        def rows(sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
            return fetch(connection, sql, parameters)

        return Planner(rows, self._bounds(place))

    def _bounds(self, place: Sequence[Any] | None) -> _Bounds:
        direction = "<" if self.order[0].descending else ">"
        return _Bounds(self._times, None if place is None else (direction, tuple(place)))

    @staticmethod
    def _covers(connection: sqlite3.Connection, locations: tuple[str, ...]) -> bool:
        """Say whether every trace is in one of the experiments, so that none need be asked."""
        found: str | None = ""
        for _ in range(MAX_EXPERIMENTS_LISTED):
            sql = "SELECT min(experiment_id) FROM traces WHERE experiment_id > ?"
            found = connection.execute(sql, (found,)).fetchone()[0]
            if found is None:
                return True
            if found not in locations:
                return False
        return False


class _Bounds:
    """The conditions on time and key that every branch has, for whatever it calls them."""

    def __init__(
        self, times: Sequence[Expression], place: tuple[str, tuple[Any, ...]] | None
    ) -> None:
        self._times = times
        self._place = place

    def __call__(self, candidate: Candidate) -> list[Fragment]:
        found = []
        for condition in self._times:
            predicate = compile_expression(condition, candidate)
            # Without the plus that keeps predicates from indexes: this is what the index is for.
            found.append(predicate._replace(sql=predicate.sql.replace("+", "", 1)))
        if self._place is not None:
            direction, values = self._place
            sql = f"({candidate.time}, {candidate.trace}) {direction} (?, ?)"
            found.append(Fragment(sql, values))
        return found


def _union(branches: Sequence[Branch], bounds: _Bounds) -> Fragment:
    parts = [branch.select(bounds) for branch in branches]
    return Fragment(
        " UNION ".join(part.sql for part in parts),
        tuple(item for part in parts for item in part.parameters),
    )


def _bounds_time(expression: Expression) -> bool:
    return (
        isinstance(expression, Condition)
        and expression.field.name == "request_time"
        and expression.field.scope == "trace"
        and expression.operator in _TIME_OPERATORS
    )
