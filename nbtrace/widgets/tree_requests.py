"""What a tree's page asks for beside the details: a picture, and the run before this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.previous_run import previous_run
from nbtrace.widgets.svg import timeline_svg
from nbtrace.widgets.trace_comparison import TraceComparison

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.widgets.diff_messages import DiffData, DiffValues
    from nbtrace.widgets.source import TraceSource


class TreeRequests:
    """The answers for one tree.

    Parameters
    ----------
    source : callable
        Returns the trace that the tree shows now.
    """

    def __init__(self, source: Callable[[], TraceSource]) -> None:
        self._source = source
        self._comparison: TraceComparison | None = None

    def methods(self) -> dict[str, Callable[..., object]]:
        """Return who answers each method of the page."""
        return {"svg": self._svg, "previous": self._previous, "values": self._values}

    def _svg(self) -> str | None:
        return timeline_svg(self._source())

    def _previous(self) -> DiffData:
        """Compare with the run before, and keep that for the values."""
        from nbtrace.store import current_store

        store = current_store()
        after = store.get_trace(self._source().trace_id)
        older = None if after is None else previous_run(after)
        before = None if older is None else store.get_trace(older)
        if before is None or after is None:
            message = "There is no earlier run of this cell to compare with."
            raise NbtraceError.missing(message)
        self._comparison = TraceComparison(before, after)
        return self._comparison.data

    def _values(self, line: int) -> DiffValues:
        if self._comparison is None:
            message = "open the comparison again; the kernel has forgotten it"
            raise NbtraceError.missing(message)
        return self._comparison.values_of(line)
