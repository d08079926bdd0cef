"""Shows a table in a cell: its first rows as static HTML, and after them the live table.

Two outputs, as a tree has them; in a terminal the first rows are printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.widgets.display import WIDGET_VIEW, in_kernel
from nbtrace.widgets.table_html import PLAIN_ROWS, table_html, table_text

if TYPE_CHECKING:
    from nbtrace.widgets.trace_table import TraceTable


def show_table(table: TraceTable) -> None:
    """Show a table as the next outputs of the cell.

    Parameters
    ----------
    table : TraceTable
        The table.
    """
    rows, text = table.first_rows, table.filter
    total = len(table)
    if not in_kernel():
        print(table_text(rows, total, text))  # noqa: T201 - a terminal's way of showing
        return
    from IPython.display import display

    static = {
        "text/html": table_html(rows, total, text, table.key),
        "text/plain": table_text(rows, total, text, PLAIN_ROWS),
    }
    view = {"version_major": 2, "version_minor": 0, "model_id": table.model_id}
    for bundle in (static, {WIDGET_VIEW: view, "text/plain": ""}):
        display(bundle, raw=True)  # type: ignore[no-untyped-call]
