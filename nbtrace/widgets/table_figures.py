"""Totals, facets, groups and histograms, made behind the rows in a thread of the table's own.

They come after the first rows and as messages, so no page of rows waits for them; the next search
stops what is under way. The same thread looks now and then whether other traces have come, which is
one PRAGMA while nothing was written.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Literal, NamedTuple

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.search.running import Interrupted
from nbtrace.widgets.span_facts import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbtrace.search.listing import Listing
    from nbtrace.store.database import Database
    from nbtrace.widgets.base import NotebookWidget
    from nbtrace.widgets.table_messages import FigureMessage, GroupFigure, GroupsFigure

_logger = logging.getLogger("nbtrace")

# Whoever waits for a new trace sees it soon enough; each look is one PRAGMA.
LOOK_SECONDS = 2.0
FACET_VALUES = 12
BINS = 48


class Figure(NamedTuple):
    """What is to be counted: ``field`` is empty for the total, the rest is about groups."""

    kind: Literal["total", "facet", "histogram", "groups"]
    field: str = ""
    order_by: str = ""
    descending: bool = True
    limit: int = 0


class Figures:
    """Counts for one table.

    Parameters
    ----------
    table : NotebookWidget
        Sends the results.
    database : Database
        Whose changes are looked for.
    """

    def __init__(self, table: NotebookWidget, database: Database) -> None:
        self._table = weakref.ref(table)
        self._database = database
        self._condition = threading.Condition()
        self._waiting: deque[Figure] = deque()
        self._listing: Listing | None = None
        self._version = 0
        self._ended = False
        self._thread: threading.Thread | None = None
        self._seen: int | None = None
        self._newer = 0

    def start(self, listing: Listing, version: int) -> None:
        """Begin with another search; what is under way for the last one is stopped.

        Parameters
        ----------
        listing : Listing
            The search.
        version : int
            What the messages are to name.
        """
        with self._condition:
            before, self._listing = self._listing, listing
            self._version = version
            self._newer = 0
            self._waiting.clear()
        if before is not None and before is not listing:
            before.interrupt()

    def want(self, figures: Iterable[Figure]) -> None:
        """Count, in this order, behind what is wanted already."""
        with self._condition:
            self._waiting.extend(figure for figure in figures if figure not in self._waiting)
            self._condition.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nbtrace-table", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:
                    # No threads here (Pyodide): the page waits for its totals.
                    while self._waiting and self._listing is not None:
                        self._count(self._waiting.popleft(), self._listing, self._version)

    def stop(self) -> None:
        """End the thread."""
        self._ended = True
        if sys.is_finalizing():
            return  # threads have stopped where they were, one may hold a lock
        with self._condition:
            self._condition.notify_all()
            listing = self._listing
        if listing is not None:
            listing.interrupt()

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._waiting and not self._ended:
                    self._condition.wait(LOOK_SECONDS)
                if self._ended or self._table() is None:
                    return
                figure = self._waiting.popleft() if self._waiting else None
                listing, version = self._listing, self._version
            if listing is None:
                continue
            try:
                if figure is None:
                    self._look(listing, version)
                else:
                    self._count(figure, listing, version)
            except Interrupted:
                continue
            except (NbtraceError, sqlite3.Error, KeyboardInterrupt):
                _logger.debug("could not count for the table", exc_info=True)

    def _count(self, figure: Figure, listing: Listing, version: int) -> None:
        result: object
        if figure.kind == "total":
            result = {"total": listing.count()}
        elif figure.kind == "facet":
            facet = listing.facet(figure.field, FACET_VALUES)
            result = {
                "values": [[str(value), number] for value, number in facet.values],
                "other": facet.other,
                "missing": facet.missing,
            }
        elif figure.kind == "groups":
            result = _groups(figure, listing)
        else:
            histogram = listing.histogram(figure.field, BINS)
            result = {
                "edges": list(histogram.edges),
                "counts": list(histogram.counts),
                "missing": histogram.missing,
            }
        message: FigureMessage = {
            "kind": "figure",
            "version": version,
            "figure": figure.kind,
            "field": figure.field,
        }
        self._send(dict(message), [orjson.dumps(result)])

    def _look(self, listing: Listing, version: int) -> None:
        with self._database.reading() as connection:
            (seen,) = connection.execute("PRAGMA data_version").fetchone()
        before, self._seen = self._seen, seen
        if before == seen or before is None:
            return
        newer = listing.newer()
        if newer != self._newer:
            self._newer = newer
            self._send({"kind": "newer", "version": version, "count": newer})

    def _send(self, message: dict[str, object], buffers: list[bytes] | None = None) -> None:
        table = self._table()
        if table is not None:
            table.send(message, buffers=buffers)


def _groups(figure: Figure, listing: Listing) -> GroupsFigure:
    found = listing.groups(
        figure.field, figure.order_by, descending=figure.descending, limit=figure.limit
    )
    groups: list[GroupFigure] = [
        {
            "label": safe_text(group.label),
            "filter": safe_text(group.filter),
            "count": group.count,
            "errors": group.errors,
            "p50": group.p50,
            "p95": group.p95,
            "tokens": group.tokens,
            "cost": group.cost,
        }
        for group in found.groups
    ]
    return {"groups": groups, "total": found.total}
