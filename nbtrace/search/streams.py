"""Where a search finds its candidates.

A stream is one range of one index, whose rows end in (request_time, trace), so it yields traces
newest first and a page stops as soon as it is full. A condition that has a stream is answered by
it; OR concatenates streams, to be merged by UNION; of the operands of an AND the one with the
fewest rows drives and the others are verified per candidate. How many rows a stream has is found
by counting up to a bound, so choosing never costs more than a fraction of a page.

What has no stream (a pattern on a common tag, NOT) is verified for the traces newest first.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nbtrace.search.comparisons import TRUE, Fragment, all_of, scalars
from nbtrace.search.contents import TextIndex
from nbtrace.search.predicates import Candidate, assessed_traces, compile_expression
from nbtrace.search.syntax import And, Condition, Or, SpanGroup

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from nbtrace.search.syntax import Expression

__all__ = ["Branch", "Planner", "Stream"]

# A selective condition is known as such after this many index entries (20 microseconds) ...
FIRST_PROBE = 1_000
# ... each further look goes this much deeper, so that the smaller one sets the cost ...
PROBE_GROWTH = 4
# ... and two common ones are told apart within this many (a few milliseconds).
LAST_PROBE = 64_000
# Rows that do not come newest first are sorted; up to so many that is faster than looking through
# the newest traces for matches.
MAX_SORTED = 10_000
# A stream costs a coroutine of SQLite's and a place in the compound SELECT.
MAX_BRANCHES = 60

_TRACE = Candidate("t.request_time", "t.id")
_INDEXED = Candidate("d.request_time", "d.trace")
_TRACE_COLUMNS = {"experiment_id", "state", "name"}
_TRACE_RANGES = {"execution_duration", "total_tokens", "cost"}
_TRACE_LOOKUPS = {"trace_id", "client_request_id"}
_RANGES = {">", ">=", "<", "<=", "BETWEEN"}


@dataclass(frozen=True, slots=True)
class Stream:
    """One range of one index.

    Attributes
    ----------
    table : str
        The table as SQL, aliased ``t`` for traces and ``d`` for index rows.
    where : Fragment
        What picks the range.
    ordered : bool
        Whether the rows come newest first.
    """

    table: str
    where: Fragment
    ordered: bool = True

    @property
    def everything(self) -> bool:
        """Whether the stream is all traces, for want of a better one."""
        return self.where == TRUE

    @property
    def candidate(self) -> Candidate:
        """What the stream calls a trace's time and key."""
        return _TRACE if self.table == "traces t" else _INDEXED


@dataclass(frozen=True, slots=True)
class Branch:
    """A stream, and what its rows must satisfy besides.

    Attributes
    ----------
    stream : Stream
        Where candidates come from.
    residual : tuple of Expression
        What is verified per candidate.
    met : tuple of Stream
        Streams that must have the candidate, too. All are read along and compared, since each
        yields newest first.
    """

    stream: Stream
    residual: tuple[Expression, ...] = ()
    met: tuple[Stream, ...] = ()

    def select(self, bounds: Callable[[Candidate], list[Fragment]]) -> Fragment:
        """Return the SELECT of the branch, without an order.

        Parameters
        ----------
        bounds : callable
            Gives the conditions on time and key that every branch has.

        Returns
        -------
        Fragment
            A SELECT of request_time and trace.
        """
        parts = [self._select(self.stream, bounds)]
        parts += [self._select(stream, bounds) for stream in self.met]
        return Fragment(
            " INTERSECT ".join(part.sql for part in parts),
            tuple(item for part in parts for item in part.parameters),
        )

    def _select(self, stream: Stream, bounds: Callable[[Candidate], list[Fragment]]) -> Fragment:
        candidate = stream.candidate
        residual = [compile_expression(expression, candidate) for expression in self.residual]
        where = all_of([stream.where, *bounds(candidate), *residual])
        join = ""
        if where.reads_trace and stream.table != "traces t":
            # CROSS JOIN is SQLite's word for "in this order".
            join = " CROSS JOIN traces t ON t.id = d.trace"
        sql = (
            f"SELECT {candidate.time} AS request_time, {candidate.trace} AS trace"
            f" FROM {stream.table}{join} WHERE {where.sql}"
        )
        return Fragment(sql, where.parameters)


@dataclass(frozen=True, slots=True)
class _Plan:
    branches: tuple[Branch, ...]

    def verifying(self, *residual: Expression) -> _Plan:
        return _Plan(
            tuple(replace(item, residual=(*item.residual, *residual)) for item in self.branches)
        )


class Planner:
    """Chooses the streams of a search.

    Parameters
    ----------
    rows : callable
        Runs a SELECT and returns its rows.
    bounds : callable
        Gives the conditions on time and key that every branch has.
    whole : bool
        Whether all traces are wanted and not the first ones, so that any order is as good.
    """

    def __init__(
        self,
        rows: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]],
        bounds: Callable[[Candidate], list[Fragment]],
        *,
        whole: bool = False,
    ) -> None:
        self._rows = rows
        self._bounds = bounds
        self._whole = whole
        self._texts = TextIndex(rows)

    def branches(self, expression: Expression | None) -> tuple[Branch, ...]:
        """Return where candidates for a tree come from; always at least one branch.

        Parameters
        ----------
        expression : Expression or None
            A tree after `group_spans`.

        Returns
        -------
        tuple of Branch
            Their union is exactly what the tree is true for.
        """
        everything = Stream("traces t", TRUE)
        if expression is None:
            return (Branch(everything),)
        plan = self._plan(expression)
        if plan is None:
            return (Branch(everything, (expression,)),)
        return plan.branches if len(plan.branches) > 1 else (self._merged(*plan.branches),)

    def _merged(self, branch: Branch) -> Branch:
        """Return a branch that reads common conditions along instead of verifying them."""
        common = branch.stream.ordered and branch.residual
        if not common or self.size((branch,), LAST_PROBE) < LAST_PROBE:
            return branch
        met: list[Stream] = []
        for expression in branch.residual:
            plan = self._plan(expression)
            if plan is None or len(plan.branches) > 1:
                return branch
            (other,) = plan.branches
            if other.residual or not other.stream.ordered:
                return branch
            met.append(other.stream)
        return Branch(branch.stream, (), tuple(met))

    def size(self, branches: tuple[Branch, ...], limit: int) -> int:
        """Return how many rows the streams have together, counted up to a limit.

        Parameters
        ----------
        branches : tuple of Branch
            The branches; what they verify is not counted.
        limit : int
            Where counting stops.

        Returns
        -------
        int
            At most ``limit``.
        """
        total = 0
        for branch in branches:
            stream = branch.stream
            where = all_of([stream.where, *self._bounds(stream.candidate)])
            total += self._rows(
                "SELECT count(*) FROM"
                f" (SELECT 1 FROM {stream.table} WHERE {where.sql} LIMIT {limit - total})",
                where.parameters,
            )[0][0]
            if total >= limit:
                return limit
        return total

    def _plan(self, expression: Expression) -> _Plan | None:
        if isinstance(expression, SpanGroup):
            return self._group(expression)
        if isinstance(expression, Condition):
            return self._leaf(expression)
        if isinstance(expression, And):
            return self._conjunction(expression, self._plan)
        if isinstance(expression, Or):
            return self._disjunction(expression, self._plan)
        return None

    def _group(self, group: SpanGroup) -> _Plan | None:
        plan = self._inside(group.expression)
        if plan is None or isinstance(group.expression, Condition):
            return plan
        # A trace may have one span for each part and none for the whole.
        streams = tuple(Branch(branch.stream) for branch in plan.branches)
        return _Plan(streams).verifying(group)

    def _inside(self, expression: Expression) -> _Plan | None:
        if isinstance(expression, Condition):
            return self._leaf(expression)
        if isinstance(expression, And):
            return self._conjunction(expression, self._inside)
        if isinstance(expression, Or):
            return self._disjunction(expression, self._inside)
        return None

    def _disjunction(
        self, expression: Or, plan: Callable[[Expression], _Plan | None]
    ) -> _Plan | None:
        found: list[Branch] = []
        for operand in expression.operands:
            part = plan(operand)
            if part is None or len(found) + len(part.branches) > MAX_BRANCHES:
                return None
            found.extend(part.branches)
        return _Plan(tuple(found))

    def _conjunction(
        self, expression: And, plan: Callable[[Expression], _Plan | None]
    ) -> _Plan | None:
        options: list[tuple[_Plan, int]] = []
        for index, operand in enumerate(expression.operands):
            part = plan(operand)
            if part is not None:
                options.append((part, index))
        if not options:
            return None
        chosen, place = self._smallest(options)
        others = expression.operands[:place] + expression.operands[place + 1 :]
        return chosen.verifying(*others)

    def _smallest(self, options: list[tuple[_Plan, int]]) -> tuple[_Plan, int]:
        if len(options) == 1:
            return options[0]
        limit = FIRST_PROBE
        while True:
            sizes = [self.size(plan.branches, limit) for plan, _ in options]
            if min(sizes) < limit or limit >= LAST_PROBE:
                return options[sizes.index(min(sizes))]
            limit *= PROBE_GROWTH

    def _leaf(self, condition: Condition) -> _Plan | None:
        if condition.field.type == "content":
            found = self._texts.traces(condition)
            if found is None:
                return None
            where = Fragment(f"t.id IN ({found.sql})", found.parameters)
            return _Plan((Branch(Stream("traces t", where, ordered=False)),))
        streams = _streams(condition)
        if not streams or len(streams) > MAX_BRANCHES:
            return None
        plan = _Plan(tuple(Branch(stream) for stream in streams))
        unordered = any(not stream.ordered for stream in streams) and not self._whole
        if unordered and self.size(plan.branches, MAX_SORTED) >= MAX_SORTED:
            return None
        return plan


def _streams(condition: Condition) -> list[Stream]:  # noqa: PLR0911 - one per index
    field, operator = condition.field, condition.operator
    values = dict.fromkeys(scalars(condition.value))
    if field.scope in {"tag", "metadata"} and operator in {"=", "IN"}:
        table = "trace_tags d" if field.scope == "tag" else "trace_metadata d"
        sql = "d.key = ? AND d.value = ?"
        return [Stream(table, Fragment(sql, (field.name, value))) for value in values]
    if field.scope in {"tag", "metadata"} and operator == "IS NOT NULL":
        table = "trace_tags d" if field.scope == "tag" else "trace_metadata d"
        return [Stream(table, Fragment("d.key = ?", (field.name,)), ordered=False)]
    if field.scope == "span" and field.name in {"name", "type", "status"}:
        sql = "d.field = ? AND d.value = ?"
        if operator in {"=", "IN"}:
            return [Stream("span_values d", Fragment(sql, (field.name, value))) for value in values]
        return []
    if field.scope in {"feedback", "expectation"} and operator != "IS NULL":
        assessed = assessed_traces(condition)
        sql = f"t.id IN ({assessed.sql})"
        return [Stream("traces t", Fragment(sql, assessed.parameters), ordered=False)]
    if field.scope != "trace":
        return []
    if operator in {"=", "IN"} and field.name in _TRACE_COLUMNS:
        return [Stream("traces t", Fragment(f"t.{field.name} = ?", (value,))) for value in values]
    if operator in {"=", "IN"} and field.name in _TRACE_LOOKUPS:
        return [
            Stream("traces t", Fragment(f"t.{field.name} = ?", (value,)), ordered=False)
            for value in values
        ]
    if field.name in {"request_time", *_TRACE_RANGES} and operator in {"=", *_RANGES}:
        # The predicate with a plain column, for SQLite may and shall use the index here.
        predicate = compile_expression(condition, _TRACE)
        plain = predicate._replace(sql=predicate.sql.replace("+t.", "t."))
        return [Stream("traces t", plain, ordered=field.name == "request_time")]
    return []
