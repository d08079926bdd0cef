"""Shows a table in a cell: its first rows as static HTML, and after them the live table.

Two outputs, as a tree has them; in a terminal the first rows are printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.widgets.display import in_kernel, show_widget
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
    show_widget(
        table, table_html(rows, total, text, table.key), table_text(rows, total, text, PLAIN_ROWS)
    )
