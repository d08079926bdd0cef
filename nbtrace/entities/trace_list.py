"""The traces that a search found, shown in a notebook as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.entities.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class TraceList(list[Trace]):
    """A list of traces that knows the search it came from.

    Parameters
    ----------
    traces : iterable of Trace
        What was found.
    filter_string : str, optional
        The filter that finds them, where there is one.
    order_by : sequence of str, optional
        Their order.
    locations : sequence of str, optional
        The experiments that were searched.

    Examples
    --------
    >>> found = TraceList([], "state = 'ERROR'")
    >>> found, found.filter_string
    ([], "state = 'ERROR'")
    """

    def __init__(
        self,
        traces: Iterable[Trace] = (),
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        locations: Sequence[str] | None = None,
    ) -> None:
        super().__init__(traces)
        self.filter_string = filter_string
        self.order_by = order_by
        self.locations = locations

    def _ipython_display_(self) -> None:
        from nbtrace.widgets.table_display import show_traces

        show_traces(self)
