"""The traces of a listing at one moment, gathered by a thread of its own."""

from __future__ import annotations

import threading
from array import array
from typing import TYPE_CHECKING

from nbtrace.search.columns import Columns
from nbtrace.search.gathering import gather_keys
from nbtrace.search.members import FEW, Members
from nbtrace.search.running import Runs

if TYPE_CHECKING:
    from nbtrace.search.running import Run
    from nbtrace.search.whole_query import WholeQuery
    from nbtrace.store.store import Store

__all__ = ["Snapshot"]

# How often a thread that waits for the keys looks whether it has been interrupted.
SECONDS_BETWEEN_LOOKS = 0.02


class Snapshot:
    """What a listing shows: its traces at one moment, and what has been computed of them.

    Parameters
    ----------
    store : Store
        Where they are.
    query : WholeQuery
        Finds them.
    last : int
        Largest key there was.

    Attributes
    ----------
    total : int or None
        How many there are, once known.
    keys : array of int or None
        ``traces.id`` of each in order, once gathered.
    values : dict of str to array of float
        Sorted numbers by column, for histograms.
    columns : Columns
        What has been read of the database, shared with other listings.
    """

    def __init__(self, store: Store, query: WholeQuery, last: int) -> None:
        self.query = query
        self.last = last
        self.total: int | None = None
        self.keys: array[int] | None = None
        self.values: dict[str, array[float]] = {}
        self.columns = Columns.of(store.database)
        self._runs = Runs(store.database)
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._members: Members | None = None

    def gather(self) -> None:
        """Begin to gather the keys, unless that is done or under way."""
        with self._lock:
            if self._thread is not None or self.keys is not None:
                return
            self._done.clear()
            self._thread = threading.Thread(
                target=self._gather, name="nbtrace-listing", daemon=True
            )
            try:
                self._thread.start()
                return
            except RuntimeError:
                pass  # no threads here (Pyodide), or the interpreter is ending
        self._gather()

    def _gather(self) -> None:
        try:
            with self._runs.run() as run:
                keys = array("q", gather_keys(run, self.query, self.columns, self.last))
            self.keys, self.total = keys, len(keys)
        except BaseException as error:
            self._failure = error
        finally:
            self._thread = None
            self._done.set()

    def wait(self, run: Run) -> array[int]:
        """Return the keys of all traces, in order."""
        while self.keys is None:
            self.gather()
            while not self._done.wait(SECONDS_BETWEEN_LOOKS):
                run.check()
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
        return self.keys

    def members(self, run: Run) -> Members:
        """Return which traces they are, as the facets need it."""
        if self._members is None:
            everything = self.query.everything and self.last > FEW
            keys = None if everything else self.wait(run)
            self._members = Members(self.columns, self.last, keys, self.count(run))
        return self._members

    def count(self, run: Run) -> int:
        """Return how many traces there are in all."""
        if self.total is None:
            if self.keys is None and not self.query.counts_at_once(run.connection):
                return len(self.wait(run))  # which takes as long, and is needed anyway
            total = self.query.count(run.connection)
            # The keys may have come meanwhile, and they are what the pages are cut from.
            self.total = total if self.keys is None else len(self.keys)
        return self.total

    def cancel(self) -> None:
        """Stop the gathering; nobody will ask for it."""
        self._runs.interrupt()
