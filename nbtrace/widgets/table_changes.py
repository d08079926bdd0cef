"""What a page of a table asks to be done to traces: tags, deletion, export; and the way back.

The last change of tags or deletion can be undone, until the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from nbtrace.exceptions import NbtraceError
from nbtrace.widgets import table_actions as actions
from nbtrace.widgets.table_rows import export_text, table_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbtrace.search.listing import Listing
    from nbtrace.store.store import Store
    from nbtrace.widgets.table_messages import (
        Piece,
        Selection,
        TableRow,
        WorkMessage,
        WorkName,
    )
    from nbtrace.widgets.table_rows import ExportFormat

    Undone = Callable[[], list[TableRow]]

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
        self._undone: Undone | None = None

    def stop(self) -> None:
        """Stop after the portion that is under way."""
        self._work.stop()

    def tag(self, selection: Selection, key: str, value: str | None) -> list[TableRow]:
        """Set or delete a tag; return the rows as they are now, none where many are changed."""
        ids = actions.selected_ids(self._listing(), selection)
        key = key.strip()
        steps = actions.tag(self._store, ids, key, value)
        before = actions.tag_values(self._store, ids, key)
        rows = self._change("tag", steps, ids)
        self._undone = lambda: self._change("untag", self._tags_back(key, before), ids)
        return rows

    def delete(self, selection: Selection) -> None:
        """Move traces to the trash."""
        ids = actions.selected_ids(self._listing(), selection)
        self._begin("delete", actions.delete(self._store, ids), len(ids))
        self._undone = lambda: self._restore(ids)

    def undo(self) -> list[TableRow]:
        """Take the last change back; return the rows as they are then, none where many are."""
        undone = self._undone
        if undone is None:
            message = "there is nothing to undo"
            raise NbtraceError.invalid(message)
        rows = undone()
        self._undone = None
        return rows

    def _restore(self, ids: list[str]) -> list[TableRow]:
        self._begin("restore", actions.restore(self._store, ids), len(ids))
        return []

    def _tags_back(self, key: str, before: dict[str | None, list[str]]) -> Iterator[int]:
        for value, ids in before.items():
            yield from actions.tag(self._store, ids, key, value)

    def _change(
        self, work: Literal["tag", "untag"], steps: Iterator[int], ids: list[str]
    ) -> list[TableRow]:
        if len(ids) > AT_ONCE:
            self._begin(work, steps, len(ids))
            return []
        done = sum(steps)
        self._tell(_message(work, actions.Progress(done, len(ids), finished=True)))
        return [table_row(trace) for trace in actions.rows_of(self._store, ids)]

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

    def _begin(self, work: WorkName, steps: Iterator[int], total: int) -> None:
        self._work.start(steps, total, lambda progress: self._tell(_message(work, progress)))


def _message(work: WorkName, progress: actions.Progress) -> WorkMessage:
    return {
        "kind": "work",
        "work": work,
        "done": progress.done,
        "total": progress.total,
        "finished": progress.finished,
        "undo": work in {"tag", "delete"},
        "error": progress.error,
    }
