"""The table of traces: a search that a person works in.

The page asks for rows by their place, and gets totals, facets and histograms behind them. What is
done to many traces runs beside the person's cells. Whatever is searched for is one filter, the same
in the page and in Python.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
import traitlets

from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store
from nbtrace.widgets import table_actions as actions
from nbtrace.widgets.base import NotebookWidget
from nbtrace.widgets.table_changes import Changes
from nbtrace.widgets.table_figures import Figure, Figures
from nbtrace.widgets.table_layout import read_layout, write_layout
from nbtrace.widgets.table_rows import table_row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from nbtrace.search.listing import Listing
    from nbtrace.widgets import table_messages as sent
    from nbtrace.widgets.table_tree import NestedTree

_logger = logging.getLogger("nbtrace")

NEWEST_FIRST = ("timestamp_ms DESC",)
# One screen and what a flick of the wheel shows next; some 40 kB.
FIRST_ROWS = 100
# What one answer holds; a page asks for 100.
MAX_ROWS = 1_000
# Pages that show the same table may each have a trace open.
OPEN_TREES = 4
DEFAULT_HEIGHT = 420
HEIGHTS = (120, 4_000)


class TraceTable(NotebookWidget):
    """The traces of a search as a table in the cell.

    Parameters
    ----------
    filter : str, optional
        Such as ``"state = 'ERROR' AND execution_time > 500"``; all traces without.
    order_by : sequence of str
        Such as ``["execution_time DESC"]``; newest first by default.
    locations : sequence of str, optional
        Ids or names of experiments; all of the store without.
    theme : {"auto", "light", "dark"}
        Colours; ``auto`` follows the front end.
    height : int
        Height of the rows' area in pixels, from 120 to 4,000.

    Raises
    ------
    NbtraceError
        For a filter or an order that cannot work, shown with a caret under the place, and for an
        unknown theme or a height out of its range.

    Examples
    --------
    >>> table = TraceTable("tags.user = 'nobody'")
    >>> table.filter, len(table), table.selected
    ("tags.user = 'nobody'", 0, [])
    >>> table.close()
    """

    filter = traitlets.Unicode("").tag(sync=True)
    """The filter, the same that the page shows; setting it searches anew."""
    order_by = traitlets.List(traitlets.Unicode(), list(NEWEST_FIRST)).tag(sync=True)
    """The order; setting it searches anew."""
    height = traitlets.Int(DEFAULT_HEIGHT).tag(sync=True)
    """Height of the rows' area in pixels."""
    _layout = traitlets.Dict().tag(sync=True)

    before_reading: ClassVar[Callable[[], object]] = staticmethod(lambda: None)
    """Called before a search begins, so that what has ended is found."""

    def __init__(
        self,
        filter: str | None = None,  # noqa: A002 - the language's own word for it
        *,
        order_by: Sequence[str] | str = NEWEST_FIRST,
        locations: Sequence[str] | str | None = None,
        theme: str = "auto",
        height: int = DEFAULT_HEIGHT,
    ) -> None:
        if not isinstance(height, int) or not HEIGHTS[0] <= height <= HEIGHTS[1]:
            message = f"height is a number of pixels from {HEIGHTS[0]} to {HEIGHTS[1]:,}"
            raise NbtraceError.invalid(message)
        type(self).before_reading()
        self._store = current_store()
        self._locations = [locations] if isinstance(locations, str) else locations
        self._lock = threading.RLock()
        self._version = 0
        self._selection: sent.Selection = {"all": False, "ids": []}
        self._trees: OrderedDict[str, NestedTree] = OrderedDict()
        self._changes = Changes(self._store, lambda: self._listing, self._tell_change)
        self._opened = ""
        wanted = [order_by] if isinstance(order_by, str) else list(order_by)
        # Asked for before there is a widget, so that a fault leaves none behind.
        self._listing = self._search(filter or "", wanted)
        self._first = self._rows(self._listing, 0, FIRST_ROWS)
        super().__init__(
            "table",
            theme=theme,
            filter=filter or "",
            order_by=wanted,
            height=height,
            _layout=read_layout(self._store),
        )
        self._figures = Figures(self, self._store.database)
        self.observe(self._changed, names=["filter", "order_by"])
        self._figures.start(self._listing, self._version)
        self._tell_listing()

    # Python's side

    @property
    def query(self) -> str:
        """The filter, under its other name."""
        return str(self.filter)

    @query.setter
    def query(self, text: str) -> None:
        self.filter = text

    @property
    def selected(self) -> list[str]:
        """Ids of the selected traces, also of those that no page has loaded."""
        return actions.selected_ids(self._listing, self._selection)

    @selected.setter
    def selected(self, trace_ids: Sequence[str]) -> None:
        if isinstance(trace_ids, str):
            message = f"selected takes a list of trace ids, got the text {trace_ids!r}"
            raise NbtraceError.invalid(message)
        self._selection = {"all": False, "ids": [str(item) for item in trace_ids]}
        self.send({"kind": "selection", **self._selection})

    @property
    def opened(self) -> str:
        """Id of the trace that was opened last, empty when it was closed."""
        return self._opened

    @property
    def first_rows(self) -> list[sent.TableRow]:
        """The first rows of the search, as its static form shows them."""
        return self._first

    def open_trace(self, trace_id: str) -> None:
        """Open a trace below the rows.

        Parameters
        ----------
        trace_id : str
            Its id; it need not be in the search.
        """
        self._opened = trace_id
        place = self._listing.position(trace_id)
        self.send({"kind": "open", "trace_id": trace_id, "place": place})

    def to_pandas(self, *, include_spans: bool = False) -> pd.DataFrame:
        """Return the selected traces as a DataFrame, all of the search when none is selected.

        Parameters
        ----------
        include_spans : bool
            Whether to read the spans too, which takes most of the time.

        Returns
        -------
        pandas.DataFrame
            The columns of `nbtrace.search_traces`, in the order of the table.
        """
        from nbtrace.widgets import table_frame

        ids = self.selected
        if ids:
            return table_frame.frame_of_ids(self._store, ids, include_spans=include_spans)
        search = (self.filter, self.order_by, self._locations)
        return table_frame.frame_of_search(self._store, *search, include_spans=include_spans)

    def refresh(self) -> None:
        """Search anew, so that traces which came meanwhile are in the rows."""
        self._restart(self.filter, list(self.order_by))

    def close(self) -> None:
        """End what runs for the table and close it."""
        # ipywidgets closes whatever it deletes, also a table whose arguments were refused.
        if hasattr(self, "_figures"):
            self._figures.stop()
            self._changes.stop()
            for tree in self._trees.values():
                tree.close()
            self._trees.clear()
        super().close()

    def __len__(self) -> int:
        return self._listing.count()

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"TraceTable({self.filter!r})"

    def _ipython_display_(self, **_: Any) -> None:
        from nbtrace.widgets.table_display import show_table

        show_table(self)

    # The search

    @traitlets.validate("filter", "order_by")
    def _check(self, proposal: Any) -> Any:
        value = proposal["value"]
        if proposal["trait"].name == "filter":
            self._check_query(value, self.order_by)
        else:
            self._check_query(self.filter, value)
        return value

    @staticmethod
    def _check_query(text: str, order_by: Sequence[str]) -> None:
        from nbtrace.search.query import Query

        Query(text, None, list(order_by) or list(NEWEST_FIRST))

    def _changed(self, _: object) -> None:
        self._restart(self.filter, list(self.order_by))

    def _search(self, text: str, order_by: Sequence[str]) -> Listing:
        from nbtrace.search.listing import Listing

        return Listing(self._store, text, tuple(order_by), locations=self._locations)

    def _restart(self, text: str, order_by: list[str]) -> None:
        listing = self._search(text, order_by)
        with self._lock:
            self._version += 1
            self._listing = listing
            self._figures.start(listing, self._version)
            self._first = self._rows(listing, 0, FIRST_ROWS)
            if self._selection["all"]:
                self._selection = {"all": False, "ids": []}
            self._tell_listing()

    def _rows(self, listing: Listing, offset: int, limit: int) -> list[sent.TableRow]:
        return [table_row(trace) for trace in listing.rows(offset, limit)]

    def _tell_listing(self) -> None:
        message = {
            "kind": "listing",
            "version": self._version,
            "filter": self.filter,
            "order_by": list(self.order_by),
            "more": len(self._first) >= FIRST_ROWS,
            "selection": self._selection,
        }
        self.send(message, buffers=[orjson.dumps(self._first)])
        self._figures.want([Figure("total")])

    # Messages

    def _snapshot(self) -> None:
        with self._lock:
            self._tell_listing()

    def _answer(self, content: dict[str, Any]) -> None:
        if content.get("kind") == "nested":
            tree = self._trees.get(str(content.get("key")))
            if tree is not None:
                tree.receive(content.get("content", {}))
            return
        super()._answer(content)

    def _methods(self) -> dict[str, Callable[..., object]]:
        return {
            "query": self._search_for,
            "rows": self._rows_from,
            "figures": self._want_figures,
            "select": self._select,
            "range": self._range,
            "place": self._place,
            "open_trace": self._open_for,
            "close_trace": self._close_for,
            "tag": self._changes.tag,
            "delete": self._delete,
            "undo": self._changes.undo,
            "cancel": self._changes.stop,
            "export": self._changes.export,
            "layout": self._keep_layout,
            "refresh": self.refresh,
        }

    def _search_for(self, filter: str, order_by: list[str]) -> None:  # noqa: A002 - see __init__
        self._check_query(filter, order_by)
        self.unobserve(self._changed, names=["filter", "order_by"])
        try:
            with self.hold_trait_notifications():
                self.filter = filter
                self.order_by = order_by
        finally:
            self.observe(self._changed, names=["filter", "order_by"])
        self._restart(filter, order_by)

    def _rows_from(self, version: int, offset: int, limit: int) -> sent.RowsResult:
        listing = self._listing
        rows: list[sent.TableRow] = []
        if version == self._version:
            rows = self._rows(listing, max(0, offset), min(limit, MAX_ROWS))
        return {"version": version, "offset": offset, "rows": rows}

    def _want_figures(
        self,
        version: int,
        facets: list[str],
        histograms: list[str],
        groups: sent.GroupsWanted | None = None,
    ) -> None:
        if version == self._version:
            wanted = [Figure("histogram", field) for field in histograms]
            if groups is not None:
                limit = min(groups["limit"], MAX_ROWS)
                order = (groups["order_by"], groups["descending"])
                wanted.append(Figure("groups", groups["by"], *order, limit))
            self._figures.want([*wanted, *(Figure("facet", field) for field in facets)])

    def _select(self, all: bool, ids: list[str]) -> None:  # noqa: A002, FBT001 - the page's words
        self._selection = {"all": all, "ids": ids}

    def _range(self, version: int, offset: int, limit: int) -> list[str]:
        """Return the ids from a place on, for a selection that spans rows no page has loaded."""
        if version != self._version:
            return []
        return self._listing.trace_ids(offset + limit)[offset:]

    def _place(self, version: int, trace_id: str) -> int | None:
        """Return the place of a trace, None where it is not in the search."""
        return self._listing.position(trace_id) if version == self._version else None

    def _open_for(self, key: str, trace_id: str) -> dict[str, Any]:
        from nbtrace.widgets.table_tree import NestedTree

        listed = actions.rows_of(self._store, [trace_id])
        if not listed:
            message = f"trace {trace_id} is not in the store any more; was it deleted?"
            raise NbtraceError.missing(message)

        def send(content: dict[str, Any], buffers: list[bytes]) -> None:
            self.send({"kind": "nested", "key": key, "content": content}, buffers=buffers)

        tree = NestedTree(trace_id, listed[0].name or trace_id, send)
        self._close_for(key)
        self._trees[key] = tree
        while len(self._trees) > OPEN_TREES:
            self._trees.popitem(last=False)[1].close()
        self._opened = trace_id
        return {"state": tree.state(), "row": table_row(listed[0])}

    def _close_for(self, key: str) -> None:
        tree = self._trees.pop(key, None)
        if tree is not None:
            tree.close()
        self._opened = ""

    def _delete(self, selection: sent.Selection) -> None:
        self._changes.delete(selection)
        self._selection = {"all": False, "ids": []}

    def _tell_change(self, message: sent.WorkMessage) -> None:
        """Tell pages how far a change is, and at its end that their rows may be others."""
        if message["finished"]:
            with self._lock:
                if message["work"] in {"delete", "restore"}:
                    self._listing.refresh()
                self.send({"kind": "stale", "version": self._version})
                self._figures.want([Figure("total")])
        self.send(message)

    def _keep_layout(self, layout: dict[str, Any]) -> None:
        self._layout = layout
        write_layout(self._store, layout)
