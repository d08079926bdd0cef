"""A search as a table shows it: any page at once, totals and neighbours, stable while shown.

A `Listing` is a filter and an order over the traces that were there when it was made. Its first
pages come from the database. Meanwhile a thread gathers the keys of all its traces in order (8
bytes each), and from then on every page, however far, is one look-up of its rows.

**Threads.** Every method may be called from any thread and reads on a connection of that thread,
so facets that are computed in one never delay the pages of another. `Listing.interrupt` stops what
they are doing.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.search import facets, groups, histograms
from nbtrace.search.listed import ListedTrace, listed_traces
from nbtrace.search.running import Interrupted, Runs
from nbtrace.search.snapshots import Snapshot
from nbtrace.search.traces import experiment_ids
from nbtrace.search.whole_query import WholeQuery
from nbtrace.store.text_index import catch_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.search.facets import Facet
    from nbtrace.search.groups import Groups
    from nbtrace.search.histograms import Histogram
    from nbtrace.store.store import Store

__all__ = ["Interrupted", "ListedTrace", "Listing"]

NEWEST_FIRST = ("timestamp_ms DESC",)
# Rows that are found from the beginning while the keys are being gathered.
NEAR = 1_000


class Listing:
    """The traces that satisfy a filter, in an order, as they are at one moment.

    Traces that arrive later are not in it until `refresh`; those that are deleted meanwhile are
    left out of pages, which are then shorter, until `refresh`.

    Parameters
    ----------
    store : Store
        Where to look.
    filter_string : str or None
        A filter; all traces without.
    order_by : sequence of str
        Such as ``("execution_time DESC",)``; also ``span_count``, ``error_count``, ``tags.<key>``,
        ``session``, ``request_preview``. Missing values come last.
    locations : sequence of str or None
        Ids or names of experiments; all of the store without.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a filter or an order that cannot work.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nbtrace.store.store import Store
    >>> with tempfile.TemporaryDirectory() as name:
    ...     store = Store(Path(name, ".nbtrace"))
    ...     listing = Listing(store, "state = 'ERROR'", ["execution_time DESC"])
    ...     print(listing.rows(0, 100), listing.count())
    ...     store.close()
    [] 0
    """

    def __init__(
        self,
        store: Store,
        filter_string: str | None = None,
        order_by: Sequence[str] = NEWEST_FIRST,
        *,
        locations: Sequence[str] | None = None,
    ) -> None:
        self._store = store
        self._filter = filter_string
        self._order = tuple(order_by) or NEWEST_FIRST
        self._locations = experiment_ids(store, locations)
        self._runs = Runs(store.database)
        self._lock = threading.Lock()
        self._snapshot = self._taken()

    def _taken(self) -> Snapshot:
        if WholeQuery(self._filter).reads_text:
            catch_up(self._store)
        with self._runs.run() as run:
            last = run.rows("SELECT coalesce(max(id), 0) FROM traces")[0][0]
        query = WholeQuery(self._filter, self._locations, self._order, upto=last)
        snapshot = Snapshot(self._store, query, last)
        weakref.finalize(self, snapshot.cancel)
        return snapshot

    def rows(self, offset: int, limit: int) -> list[ListedTrace]:
        """Return one page.

        Parameters
        ----------
        offset : int
            Place of its first trace, from 0.
        limit : int
            How many at most.

        Returns
        -------
        list of ListedTrace
            Fewer at the end.

        Raises
        ------
        Interrupted
            If `interrupt` was called meanwhile.
        """
        if offset < 0 or limit < 0:
            message = f"offset and limit must not be negative, got {offset} and {limit}"
            raise NbtraceError.invalid(message)
        snapshot = self._snapshot
        with self._runs.run() as run:
            if snapshot.keys is None and offset + limit <= NEAR:
                places = snapshot.query.page(run.connection, limit, offset=offset)
                keys = [place[-1] for place in places]
                found = listed_traces(run, keys)
                snapshot.gather()
                return found
            if snapshot.keys is None:
                snapshot.gather()
                total = snapshot.count(run)
                there = snapshot.query.jump(run.connection, limit, offset, total)
                if there is not None:
                    return listed_traces(run, there)
            return listed_traces(run, snapshot.wait(run)[offset : offset + limit])

    def count(self) -> int:
        """Return how many traces there are in all.

        Returns
        -------
        int
            The exact number.

        Raises
        ------
        Interrupted
            If `interrupt` was called meanwhile.
        """
        snapshot = self._snapshot
        if snapshot.total is not None:
            return snapshot.total
        with self._runs.run() as run:
            return snapshot.count(run)

    def position(self, trace_id: str) -> int | None:
        """Return the place of a trace.

        Parameters
        ----------
        trace_id : str
            Its id.

        Returns
        -------
        int or None
            From 0; ``None`` when it is not in this listing.

        Raises
        ------
        Interrupted
            If `interrupt` was called meanwhile.
        """
        snapshot = self._snapshot
        with self._runs.run() as run:
            found = run.rows("SELECT id FROM traces WHERE trace_id = ?", (trace_id,))
            if not found:
                return None
            try:
                return snapshot.wait(run).index(found[0][0])
            except ValueError:
                return None

    def neighbour(self, trace_id: str, step: int) -> str | None:
        """Return the trace so many places after another.

        Parameters
        ----------
        trace_id : str
            Id of the other.
        step : int
            1 for the next, -1 for the one before.

        Returns
        -------
        str or None
            ``None`` beyond the ends, and when the other is not in this listing.

        Raises
        ------
        Interrupted
            If `interrupt` was called meanwhile.
        """
        place = self.position(trace_id)
        direction = 1 if step > 0 else -1
        while place is not None and 0 <= place + step < self.count():
            found = self.rows(place + step, 1)
            if found:
                return found[0].trace_id
            step += direction  # that one has been deleted
        return None

    def trace_ids(self, limit: int) -> list[str]:
        """Return the ids of the first traces.

        Parameters
        ----------
        limit : int
            How many at most.

        Returns
        -------
        list of str
            In the order of the listing.

        Raises
        ------
        Interrupted
            If `interrupt` was called meanwhile.
        """
        snapshot = self._snapshot
        with self._runs.run() as run:
            keys = snapshot.wait(run)[:limit]
            ids = dict(
                run.rows(
                    "SELECT id, trace_id FROM traces WHERE id IN (SELECT value FROM json_each(?))",
                    (orjson.dumps(list(keys)).decode(),),
                )
            )
        return [ids[key] for key in keys if key in ids]

    def facet(self, field: str, limit: int = 20) -> Facet:
        """Return how the traces are spread over the values of a field.

        Parameters
        ----------
        field : str
            ``"state"``, ``"name"``, ``"experiment"``, ``"session"``, ``"user"``, ``"model"``,
            ``"span.type"``, ``"span.name"``, ``"span.status"``, ``"tags.<key>"`` or ``"tag_keys"``.
        limit : int
            How many values at most.

        Returns
        -------
        Facet
            The most frequent values.

        Raises
        ------
        Interrupted
            If `interrupt` was called meanwhile.
        NbtraceError
            ``INVALID_PARAMETER_VALUE`` for another field.
        """
        source = facets.source(field)
        snapshot = self._snapshot
        with self._runs.run() as run:
            return facets.compute(run, source, snapshot.members(run), limit)

    def histogram(
        self,
        field: str,
        bins: int = 40,
        low: float | None = None,
        high: float | None = None,
    ) -> Histogram:
        """Return how the traces are spread over a range of numbers.

        Parameters
        ----------
        field : str
            ``"request_time"``, ``"duration"``, ``"tokens"`` or ``"cost"``.
        bins : int
            How many at most.
        low, high : float or None
            What to look at; everything without.

        Returns
        -------
        Histogram
            Bins of equal width, or of equal ratio where most values are near the low end.

        Raises
        ------
        Interrupted
            If `interrupt` was called meanwhile.
        NbtraceError
            ``INVALID_PARAMETER_VALUE`` for another field.
        """
        column = histograms.column(field)
        snapshot = self._snapshot
        values = snapshot.values.get(column)
        if values is None:
            with self._runs.run() as run:
                values = histograms.read(run, column, snapshot.members(run))
            snapshot.values[column] = values
        missing = self.count() - len(values)
        return histograms.compute(values, missing, column, bins, low=low, high=high)

    def groups(
        self,
        by: str,
        order_by: str = "count",
        *,
        descending: bool = True,
        offset: int = 0,
        limit: int = 100,
    ) -> Groups:
        """Return the traces by what they have in common.

        Parameters
        ----------
        by : str
            ``"name"``, ``"session"``, ``"user"``, ``"state"``, ``"experiment"``, ``"cell"``,
            ``"notebook"``, ``"model"`` or ``"tags.<key>"``.
        order_by : str
            ``"value"``, ``"count"``, ``"errors"``, ``"p50"``, ``"p95"``, ``"tokens"``, ``"cost"``
            or ``"newest"``.
        descending : bool
            Whether the largest comes first.
        offset, limit : int
            Which page of the groups.

        Returns
        -------
        Groups
            How many, how slow, how dear each group is.

        Raises
        ------
        Interrupted
            If `interrupt` was called meanwhile.
        NbtraceError
            ``INVALID_PARAMETER_VALUE`` for another field or order.
        """
        snapshot = self._snapshot
        with self._runs.run() as run:
            return groups.compute(
                run,
                snapshot.members(run),
                by,
                order_by,
                descending=descending,
                offset=offset,
                limit=limit,
            )

    def newer(self) -> int:
        """Return how many traces that satisfy the filter have been written since.

        Returns
        -------
        int
            How many more there will be after `refresh`.

        Raises
        ------
        Interrupted
            If `interrupt` was called meanwhile.
        """
        snapshot = self._snapshot
        with self._runs.run() as run:
            return snapshot.query.newer(run.connection, snapshot.last)

    def refresh(self) -> None:
        """Take the traces as they are now; relative times in the filter count from now, too."""
        with self._lock:
            self._snapshot.cancel()
            self._snapshot = self._taken()

    def interrupt(self) -> None:
        """Stop what runs in this listing, from any thread; it raises `Interrupted` there.

        The gathering of the keys goes on, for the next page needs it.
        """
        self._runs.interrupt()
