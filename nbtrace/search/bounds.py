"""The bounds on time, key and experiment that every branch of a search has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.search.comparisons import Fragment
from nbtrace.search.predicates import Candidate, compile_expression
from nbtrace.search.syntax import Condition

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from nbtrace.search.syntax import Expression

__all__ = ["Bounds", "bounds_time", "covers_all"]

# Stores have few experiments; beyond this their number is not worth finding out.
MAX_EXPERIMENTS_LISTED = 20
_TIME_OPERATORS = {"=", ">", ">=", "<", "<=", "BETWEEN"}


class Bounds:
    """The conditions on time and key, for whatever a branch calls them.

    Parameters
    ----------
    times : sequence of Expression
        Conditions for which `bounds_time` is true.
    place : tuple of (str, tuple) or None
        The comparison of (request_time, key) with a place that the page starts behind.
    upto : int or None
        The largest key there may be.
    """

    def __init__(
        self,
        times: Sequence[Expression],
        place: tuple[str, tuple[Any, ...]] | None,
        upto: int | None,
    ) -> None:
        self._times = times
        self._place = place
        self._upto = upto

    def __call__(self, candidate: Candidate) -> list[Fragment]:
        """Return the conditions.

        Parameters
        ----------
        candidate : Candidate
            What the branch calls a trace's time and key.

        Returns
        -------
        list of Fragment
            All of them hold.
        """
        found = []
        for condition in self._times:
            predicate = compile_expression(condition, candidate)
            # Without the plus that keeps predicates from indexes: this is what the index is for.
            found.append(predicate._replace(sql=predicate.sql.replace("+", "", 1)))
        if self._place is not None:
            direction, values = self._place
            sql = f"({candidate.time}, {candidate.trace}) {direction} (?, ?)"
            found.append(Fragment(sql, values))
        if self._upto is not None:
            found.append(Fragment(f"+{candidate.trace} <= ?", (self._upto,)))
        return found


def bounds_time(expression: Expression) -> bool:
    """Say whether a condition is one range of request times.

    Parameters
    ----------
    expression : Expression
        An operand of a filter's outermost AND.

    Returns
    -------
    bool
        Whether the indexes that end in the time can be read within it.
    """
    return (
        isinstance(expression, Condition)
        and expression.field.name == "request_time"
        and expression.field.scope == "trace"
        and expression.operator in _TIME_OPERATORS
    )


def covers_all(connection: sqlite3.Connection, locations: Sequence[str]) -> bool:
    """Say whether every trace is in one of some experiments, so that none need be asked.

    Parameters
    ----------
    connection : sqlite3.Connection
        This thread's connection.
    locations : sequence of str
        Ids of the experiments.

    Returns
    -------
    bool
        False also when there are too many to be sure.
    """
    found: str | None = ""
    for _ in range(MAX_EXPERIMENTS_LISTED):
        sql = "SELECT min(experiment_id) FROM traces WHERE experiment_id > ?"
        found = connection.execute(sql, (found,)).fetchone()[0]
        if found is None:
            return True
        if found not in locations:
            return False
    return False
