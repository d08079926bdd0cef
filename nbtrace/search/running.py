"""Queries that another thread may stop.

A table asks for its rows, its total and its facets from several threads, each on a connection of
its own, and drops what it no longer needs: `Runs.interrupt` stops every statement that runs at that
moment, whichever thread waits for it.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from nbtrace.exceptions import NbtraceError
from nbtrace.search.fetching import fetch, watched

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from nbtrace.store.database import Database

__all__ = ["Interrupted", "Run", "Runs"]


class Interrupted(NbtraceError):  # noqa: N818 - it is no error
    """Somebody called ``interrupt`` while this was running; nothing is wrong, ask again.

    Examples
    --------
    >>> issubclass(Interrupted, NbtraceError)
    True
    """


class Run:
    """One use of a connection.

    Parameters
    ----------
    runs : Runs
        Whose.
    connection : sqlite3.Connection
        This thread's connection.
    """

    def __init__(self, runs: Runs, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._runs = runs
        self._generation = runs.generation

    def stopped(self) -> bool:
        """Say whether this run is no longer wanted."""
        return self._runs.generation != self._generation

    def check(self) -> None:
        """Raise when this run has been stopped.

        Raises
        ------
        Interrupted
            If so.
        """
        if self.stopped():
            message = "the search was interrupted; ask again for what is still wanted"
            raise Interrupted(message)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a SELECT to its end.

        Parameters
        ----------
        sql : str
            The statement.
        parameters : sequence
            What is bound.

        Returns
        -------
        list of tuple
            All rows.

        Raises
        ------
        Interrupted
            If `Runs.interrupt` was called meanwhile.
        KeyboardInterrupt
            If the kernel was interrupted meanwhile.
        """
        self.check()
        return fetch(self.connection, sql, parameters)


class Runs:
    """What runs on behalf of one listing.

    Parameters
    ----------
    database : Database
        Where it runs.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nbtrace.store.database import Database
    >>> with tempfile.TemporaryDirectory() as name:
    ...     database = Database(Path(name, "nbtrace.db"))
    ...     with Runs(database).run() as run:
    ...         print(run.rows("SELECT count(*) FROM traces"))
    ...     database.close()
    [(0,)]
    """

    def __init__(self, database: Database) -> None:
        self.generation = 0
        self._database = database
        self._lock = threading.Lock()
        self._running: list[sqlite3.Connection] = []

    @contextlib.contextmanager
    def run(self) -> Iterator[Run]:
        """Lend this thread's connection, for statements that `interrupt` stops.

        Yields
        ------
        Run
            Runs them.

        Raises
        ------
        Interrupted
            If `interrupt` was called meanwhile.
        StoreUnavailable
            If the database cannot be read.
        """
        with self._database.reading() as connection:
            run = Run(self, connection)
            with self._lock:
                self._running.append(connection)
            try:
                # `interrupt` may come just before a statement begins, which then must end, too.
                with watched(run.stopped):
                    yield run
            except KeyboardInterrupt:
                run.check()
                raise
            finally:
                with self._lock:
                    self._running.remove(connection)

    def interrupt(self) -> None:
        """Stop what runs; the threads that wait for it get `Interrupted`."""
        with self._lock:
            self.generation += 1
            for connection in self._running:
                connection.interrupt()
