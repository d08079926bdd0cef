"""Running a query to its end, unless the person interrupts or nobody wants it any more."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

from nbtrace.search.functions import register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["fetch", "watched"]

# Steps of SQLite's virtual machine between two looks at the signals, some 20 ms. Each look takes
# the GIL, which beside busy threads costs 5 ms.
STEPS_BETWEEN_LOOKS = 1_000_000


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


class _Watched(threading.local):
    stopped: Callable[[], bool] | None = None


_watched = _Watched()


@contextlib.contextmanager
def watched(stopped: Callable[[], bool]) -> Iterator[None]:
    """Let what this thread fetches in the body end early.

    Parameters
    ----------
    stopped : callable
        Says, some 50 times a second, whether to give up; `fetch` then raises KeyboardInterrupt.

    Examples
    --------
    >>> with watched(lambda: False):
    ...     fetch(sqlite3.connect(":memory:"), "SELECT 1")
    [(1,)]
    """
    before, _watched.stopped = _watched.stopped, stopped
    try:
        yield
    finally:
        _watched.stopped = before


def _look() -> int:
    return _watched.stopped is not None and _watched.stopped()
