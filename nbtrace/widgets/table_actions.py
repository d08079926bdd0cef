"""What a table does to many traces: tagging, deleting, bringing back, exporting.

Many at once go in portions, each one transaction, so that other processes come to write between
them, with a word on the progress after each; the person's cells go on meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.exceptions import NbtraceError
from nbtrace.store import trash
from nbtrace.store.tags import change_tags, checked_tag, is_immutable_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nbtrace.search.listing import ListedTrace, Listing
    from nbtrace.store.store import Store
    from nbtrace.widgets.table_messages import Selection

_logger = logging.getLogger("nbtrace")

# One transaction or filter each: some 50 ms, for which other writers wait; far below the longest
# filter that is read.
PORTION = 1_000
# One answer to the page: some 2 MB.
EXPORTED_AT_ONCE = 2_000
# A page shows progress at this pace.
TELL_SECONDS = 0.2


def selected_ids(listing: Listing, selection: Selection) -> list[str]:
    """Return the ids that a selection means, in the order of the search where it means all.

    Parameters
    ----------
    listing : Listing
        The search.
    selection : Selection
        ``{"all": False, "ids": [...]}``, or all of the search but ``ids``.

    Returns
    -------
    list of str
        Trace ids.
    """
    if not selection["all"]:
        return list(selection["ids"])
    left_out = set(selection["ids"])
    return [trace_id for trace_id in listing.trace_ids(listing.count()) if trace_id not in left_out]


def rows_of(store: Store, trace_ids: Sequence[str]) -> list[ListedTrace]:
    """Return listed traces by their ids, in this order; those that are gone are left out."""
    from nbtrace.search.listing import Listing

    found: dict[str, ListedTrace] = {}
    for some in portions(trace_ids):
        listing = Listing(store, filter_of(some))
        found |= {row.trace_id: row for row in listing.rows(0, len(some))}
    return [found[trace_id] for trace_id in trace_ids if trace_id in found]


def filter_of(trace_ids: Sequence[str]) -> str:
    """Return the filter that finds traces by their ids.

    Examples
    --------
    >>> filter_of(["tr-1", "tr-2"])
    "trace_id IN ('tr-1', 'tr-2')"
    """
    quoted = ", ".join("'" + trace_id.replace("'", "''") + "'" for trace_id in trace_ids)
    return f"trace_id IN ({quoted})"


def tag(store: Store, trace_ids: Sequence[str], key: str, value: str | None) -> Iterator[int]:
    """Return the steps that set or delete a tag of traces; each says how many it changed.

    Raises
    ------
    NbtraceError
        For a key that cannot be used.
    """
    key, text = checked_tag(key, "" if value is None else value)
    if is_immutable_tag(key):
        message = f"the tag {key!r} cannot be changed"
        raise NbtraceError.invalid(message)
    return _tagging(store, trace_ids, key, None if value is None else text)


def _tagging(store: Store, trace_ids: Sequence[str], key: str, value: str | None) -> Iterator[int]:
    for some in portions(trace_ids):
        change_tags(store.database, some, key, value)
        yield len(some)


def tag_values(store: Store, trace_ids: Sequence[str], key: str) -> dict[str | None, list[str]]:
    """Return the traces by the value that a tag has now, None where they lack it.

    Parameters
    ----------
    store : Store
        Where the traces are.
    trace_ids : sequence of str
        Which.
    key : str
        The tag's key.

    Returns
    -------
    dict of str or None to list of str
        Trace ids; those that are gone are left out.
    """
    found: dict[str | None, list[str]] = {}
    with store.database.reading() as connection:
        for some in portions(trace_ids):
            for trace_id, value in connection.execute(
                "SELECT t.trace_id, j.atom FROM traces t LEFT JOIN json_each(t.tags) j"
                " ON j.key = ? WHERE t.trace_id IN (SELECT value FROM json_each(?))",
                (key, _listed(some)),
            ):
                found.setdefault(value, []).append(trace_id)
    return found


def delete(store: Store, trace_ids: Sequence[str]) -> Iterator[int]:
    """Move traces to the trash; yield how many are done after each portion."""
    for some in portions(trace_ids):
        with store.database.transaction() as connection:
            keys = connection.execute(
                "SELECT id FROM traces WHERE trace_id IN (SELECT value FROM json_each(?))",
                (_listed(some),),
            ).fetchall()
            trash.move_to_trash(connection, [key for (key,) in keys])
        yield len(some)


def restore(store: Store, trace_ids: Sequence[str]) -> Iterator[int]:
    """Bring deleted traces back; yield how many are done after each portion."""
    for some in portions(trace_ids):
        trash.restore_traces(store.database, some)
        yield len(some)


class Progress(NamedTuple):
    """How far a change is."""

    done: int
    total: int
    finished: bool
    error: str | None = None


class Work:
    """One change of many traces at a time, in a thread that the person can stop.

    Parameters
    ----------
    tell : callable
        Gets a `Progress` now and then, and at the end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._running = False

    def start(self, steps: Iterator[int], total: int, tell: Callable[[Progress], None]) -> None:
        """Do the steps, in a thread where there are threads.

        Parameters
        ----------
        steps : iterator of int
            What is to be done; each step says how many traces it changed.
        total : int
            How many there are.
        tell : callable
            Gets a `Progress` now and then, and one with ``finished`` at the end.

        Raises
        ------
        NbtraceError
            While another change is under way.
        """
        with self._lock:
            if self._running:
                message = "another change of many traces is under way; wait for it or cancel it"
                raise NbtraceError.invalid(message)
            self._running = True
        self._stopped.clear()
        arguments = (steps, total, tell)
        thread = threading.Thread(
            target=self._run, args=arguments, name="nbtrace-table-work", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            # No threads here (Pyodide).
            self._run(*arguments)

    def stop(self) -> None:
        """Stop after the portion that is under way."""
        self._stopped.set()

    def _run(self, steps: Iterator[int], total: int, tell: Callable[[Progress], None]) -> None:
        done, error = 0, None
        told = time.monotonic()
        try:
            for number in steps:
                done += number
                if self._stopped.is_set():
                    break
                if time.monotonic() - told > TELL_SECONDS:
                    told = time.monotonic()
                    tell(Progress(done, total, finished=False))
        except Exception as problem:
            _logger.debug("a change of many traces failed", exc_info=True)
            error = str(problem) or type(problem).__name__
        finally:
            self._running = False
        tell(Progress(done, total, finished=True, error=error))


def portions(trace_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Return the ids so many at a time as one transaction or one filter takes.

    Examples
    --------
    >>> [len(some) for some in portions(["tr-1"] * 2_500)]
    [1000, 1000, 500]
    """
    return (trace_ids[place : place + PORTION] for place in range(0, len(trace_ids), PORTION))


def _listed(values: Sequence[Any]) -> str:
    import orjson

    return orjson.dumps(list(values)).decode()
