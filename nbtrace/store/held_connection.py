"""A connection to the database and the thread that holds it.

Closing a connection frees its memory at once, also under another thread that is inside SQLite with
it. So it is closed by its own thread, or where nobody can be using it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["HeldConnection", "keep_for_ever"]

# The process of a connection that has been closed.
_NOBODY = -1
# References to a connection that nobody else refers to: the attribute, and the argument itself.
_ONLY_OURS = 2

_kept: list[object] = []


class HeldConnection:
    """A connection and who holds it; closes it when its thread ends.

    Parameters
    ----------
    connection : sqlite3.Connection
        Of the thread that makes this.
    era : int
        Which opening of the database it belongs to.
    absent : bool
        Whether there is no file yet, and this reads an empty database in memory.
    """

    __slots__ = ("__weakref__", "absent", "connection", "depth", "era", "lent", "process", "thread")

    def __init__(self, connection: sqlite3.Connection, era: int, *, absent: bool) -> None:
        self.connection = connection
        self.era = era
        self.absent = absent
        self.process = os.getpid()
        self.thread = threading.get_ident()
        self.depth = 0  # entered and not yet left `reading` or `transaction`
        self.lent = False  # handed out by `connection`, so it may be in use at any time

    @property
    def idle(self) -> bool:
        """Whether no other thread can be inside SQLite with it, so that it may be closed here."""
        return self.depth == 0 and (not self.lent or self.thread == threading.get_ident())

    def close(self) -> None:
        """Close it; in the child of a fork, put it aside for ever."""
        if self.process == os.getpid():
            with contextlib.suppress(sqlite3.Error):
                self.connection.close()
        elif self.process != _NOBODY:
            keep_for_ever([self.connection])
        self.process = _NOBODY

    def __del__(self, finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # At the end of the interpreter it is not its own thread that lets go of it, and modules
        # are gone. What a thread may be using is left to the last reference; a cursor has one.
        if not finalizing() and (self.idle or sys.getrefcount(self.connection) <= _ONLY_OURS):
            self.close()


def keep_for_ever(connections: Iterable[sqlite3.Connection]) -> None:
    """Keep connections beyond the end of the interpreter, which would close them.

    Parameters
    ----------
    connections : iterable of sqlite3.Connection
        Inherited by the child of a fork: to close them would drop the parent's locks.
    """
    for connection in connections:
        import ctypes

        _kept.append(connection)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
