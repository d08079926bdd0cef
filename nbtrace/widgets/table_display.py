"""Shows a table in a cell: its first rows as static HTML, and after them the live table.

Two outputs, as a tree has them; in a terminal the first rows are printed. A list of traces that a
search has found is shown the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.widgets.display import in_kernel, show_trace, show_widget
from nbtrace.widgets.table_actions import PORTION, filter_of
from nbtrace.widgets.table_html import PLAIN_ROWS, table_html, table_text

if TYPE_CHECKING:
    from nbtrace.entities.trace_list import TraceList
    from nbtrace.widgets.trace_table import TraceTable

# Kept in step with `.nbt-trace` in table.css.
LINE_PIXELS = 28


def show_table(table: TraceTable, *, text: str | None = None) -> None:
    """Show a table as the next outputs of the cell.

    Parameters
    ----------
    table : TraceTable
        The table.
    text : str, optional
        What the static form says instead of the filter.
    """
    rows = table.first_rows
    said = table.filter if text is None else text
    total = len(table)
    if not in_kernel():
        print(table_text(rows, total, said))  # noqa: T201 - a terminal's way of showing
        return
    show_widget(
        table, table_html(rows, total, said, table.key), table_text(rows, total, said, PLAIN_ROWS)
    )


def show_traces(found: TraceList) -> None:
    """Show what a search found: one trace as its tree, several as a table.

    Parameters
    ----------
    found : TraceList
        The traces; the list may have been changed since it was found.

    Raises
    ------
    NotImplementedError
        For no traces and in a terminal: IPython then shows the list as any other.
    """
    if not found or not in_kernel():
        raise NotImplementedError
    if len(found) == 1:
        show_trace(found[0])
        return
    table = _table_of(found)
    # The filter of a part names ids, which say nothing to a reader.
    show_table(table, text=None if table.filter == found.filter_string else "")
    if len(table) < len(found):
        print(  # noqa: T201 - below the table, where the rest is missed
            f"The table has {len(table):,} of the list's {len(found):,} traces; "
            "nbtrace.TraceTable(filter) takes any number."
        )


def _table_of(found: TraceList) -> TraceTable:
    from nbtrace.widgets.trace_table import DEFAULT_HEIGHT, HEIGHTS, NEWEST_FIRST, TraceTable

    order = found.order_by or NEWEST_FIRST
    # A short list takes no more room than its rows, and one for the scroll bar.
    height = max(HEIGHTS[0], min(DEFAULT_HEIGHT, (len(found) + 2) * LINE_PIXELS))
    ids = [trace.info.trace_id for trace in found]
    if found.filter_string is not None:
        table = TraceTable(
            found.filter_string, order_by=order, locations=found.locations, height=height
        )
        # The search as it is now, unless the list is a part of it.
        if len(table) == len(ids):
            return table
        table.close()
    return TraceTable(filter_of(ids[:PORTION]), order_by=order, height=height)
