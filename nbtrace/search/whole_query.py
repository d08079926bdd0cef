"""A search of which all traces are wanted, in order and anywhere, and not the first page only."""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.search.comparisons import Fragment, all_of
from nbtrace.search.fetching import fetch
from nbtrace.search.predicates import Candidate, compile_expression
from nbtrace.search.query import Query
from nbtrace.search.streams import MAX_SORTED
from nbtrace.search.walking import walkable

if TYPE_CHECKING:
    import sqlite3

__all__ = ["WholeQuery"]

_TRACE = Candidate("t.request_time", "t.id")


class WholeQuery(Query):
    """One search, as a listing needs it; takes what `Query` takes.

    Examples
    --------
    >>> WholeQuery().everything, WholeQuery("state = 'OK'").everything
    (True, False)
    """

    def ordered(self, connection: sqlite3.Connection) -> Fragment:
        """Return the SELECT of all traces that the search finds, in its order.

        Parameters
        ----------
        connection : sqlite3.Connection
            This thread's connection.

        Returns
        -------
        Fragment
            Its column ``trace`` holds the keys.
        """
        return self._page(connection, None)

    def along_index(self, connection: sqlite3.Connection, last: int) -> bool:
        """Say whether all traces in order are best found in an index of the order.

        Parameters
        ----------
        connection : sqlite3.Connection
            This thread's connection.
        last : int
            Largest key there is.

        Returns
        -------
        bool
            False where few are found, or an index gives them in order as it is.
        """
        if last < MAX_SORTED:
            return False
        if self._newest_first and self.everything:
            return True
        whole = self._planner(connection, None, whole=True).branches(self._tree(connection))
        if self._newest_first:
            fits = any(not branch.stream.ordered for branch in whole)
        else:
            fits = walkable(self.order)
        return fits and not self._few(connection, whole)

    def newer(self, connection: sqlite3.Connection, key: int) -> int:
        """Return how many traces of the search were written after another.

        Parameters
        ----------
        connection : sqlite3.Connection
            This thread's connection.
        key : int
            ``traces.id`` of the other.

        Returns
        -------
        int
            The exact number.
        """
        tree = self._tree(connection)
        where = [Fragment("t.id > ?", (key,))]
        where += [compile_expression(part, _TRACE) for part in self._times]
        where += [compile_expression(tree, _TRACE)] if tree is not None else []
        condition = all_of(where)
        sql = f"SELECT count(*) FROM traces t WHERE {condition.sql}"
        return int(fetch(connection, sql, condition.parameters)[0][0])

    def counts_at_once(self, connection: sqlite3.Connection) -> bool:
        """Say whether counting is much cheaper than gathering all keys.

        Parameters
        ----------
        connection : sqlite3.Connection
            This thread's connection.

        Returns
        -------
        bool
            Whether an index has the number, or the keys would have to be sorted.
        """
        if not self._newest_first and not walkable(self.order):
            return True
        whole = self._planner(connection, None, whole=True).branches(self._tree(connection))
        return len(whole) == 1 and not whole[0].residual

    def jump(
        self, connection: sqlite3.Connection, limit: int, offset: int, total: int
    ) -> list[int] | None:
        """Return the keys of a page anywhere, where an index can be counted through.

        Parameters
        ----------
        connection : sqlite3.Connection
            This thread's connection.
        limit : int
            How many traces at most.
        offset : int
            How many come before them.
        total : int
            How many the search finds in all.

        Returns
        -------
        list of int or None
            ``None`` where that takes too long: all keys are to be gathered.
        """
        branches, _ = self._branches(connection, None)
        (first, *others) = branches
        if not self._newest_first or others or first.residual or first.met:
            return None
        if not first.stream.ordered:
            return None
        limit = max(0, min(limit, total - offset))
        behind = total - offset - limit
        mirrored = behind < offset
        statement = self._page(connection, None, mirrored=mirrored)
        sql = f"{statement.sql} LIMIT ? OFFSET ?"
        passed = behind if mirrored else offset
        rows = fetch(connection, sql, (*statement.parameters, limit, max(0, passed)))
        return [row[-1] for row in (reversed(rows) if mirrored else rows)]
