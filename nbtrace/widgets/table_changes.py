"""What a page of a table asks to be done to traces: tags, deletion and its undo, export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from nbtrace.widgets import table_actions as actions
from nbtrace.widgets.table_rows import export_text, table_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbtrace.search.listing import Listing
    from nbtrace.store.store import Store
    from nbtrace.widgets.table_messages import Piece, Selection, TableRow, WorkMessage
    from nbtrace.widgets.table_rows import ExportFormat

# So few are changed while the page waits; more go behind it.
AT_ONCE = 100


class Changes:
    """The changes of one table.

    Parameters
    ----------
    store : Store
        Where the traces are.
    listing : callable
        Returns the search that a selection of all means.
    tell : callable
        Gets a `WorkMessage` now and then while many are changed, and at the end.
    """

    def __init__(
        self,
        store: Store,
        listing: Callable[[], Listing],
        tell: Callable[[WorkMessage], None],
    ) -> None:
        self._store = store
        self._listing = listing
        self._tell = tell
        self._work = actions.Work()
        self._deleted: list[str] = []

    def stop(self) -> None:
        """Stop after the portion that is under way."""
        self._work.stop()

    def tag(self, selection: Selection, key: str, value: str | None) -> list[TableRow]:
        """Set or delete a tag; return the rows as they are now, none where many are changed."""
        ids = actions.selected_ids(self._listing(), selection)
        steps = actions.tag(self._store, ids, key, value)
        if len(ids) > AT_ONCE:
            self._begin("tag", steps, len(ids))
            return []
        for _ in steps:
            pass
        return [table_row(trace) for trace in actions.rows_of(self._store, ids)]

    def delete(self, selection: Selection) -> None:
        """Move traces to the trash."""
        ids = actions.selected_ids(self._listing(), selection)
        self._begin("delete", actions.delete(self._store, ids), len(ids))
        self._deleted = ids

    def undo(self) -> None:
        """Bring back what was deleted last."""
        ids = self._deleted
        self._begin("restore", actions.restore(self._store, ids), len(ids))
        self._deleted = []

    def export(self, form: ExportFormat, selection: Selection, offset: int, written: int) -> Piece:
        """Return one piece of an export.

        Parameters
        ----------
        form : {"csv", "json"}
            Of the document that all pieces make.
        selection : Selection
            Which traces.
        offset : int
            Where the piece begins, the ``next`` of the one before.
        written : int
            How many traces the pieces before it hold.
        """
        size = actions.EXPORTED_AT_ONCE
        ids = selection["ids"]
        if selection["all"]:
            traces = self._listing().rows(offset, size)
            last = offset + size >= self._listing().count()
            left_out = set(ids)
            traces = [trace for trace in traces if trace.trace_id not in left_out]
        else:
            traces = actions.rows_of(self._store, ids[offset : offset + size])
            last = offset + size >= len(ids)
        text = export_text(traces, form, first=offset == 0, last=last, written=written)
        return {"text": text, "rows": len(traces), "next": None if last else offset + size}

    def _begin(
        self, work: Literal["tag", "delete", "restore"], steps: Iterator[int], total: int
    ) -> None:
        def tell(progress: actions.Progress) -> None:
            self._tell(
                {
                    "kind": "work",
                    "work": work,
                    "done": progress.done,
                    "total": progress.total,
                    "finished": progress.finished,
                    "undo": work == "delete",
                    "error": progress.error,
                }
            )

        self._work.start(steps, total, tell)
