"""The first rows of a table as HTML that every front end shows, and as text for a terminal.

Plain table elements only, since the notebook's sanitiser drops style sheets, ids and roles; what
makes columns readable is `align` and inline padding.
"""

from __future__ import annotations

import html
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from nbtrace.config import options
from nbtrace.entities.figures import count, dollars, duration
from nbtrace.widgets.html import switch_css
from nbtrace.widgets.overview import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.widgets.table_messages import TableRow

# A screenful; the rest is in the store.
MAX_ROWS = 50
# 60 kB by DESIGN.md, measured as the notebook's file holds it, less the text/plain beside it.
MAX_SAVED_BYTES = 54_000
# Tried one after the other until the table fits.
SIZES = ((MAX_ROWS, 60), (MAX_ROWS, 30), (30, 30), (20, 20), (10, 10))
TERMINAL_ROWS = 20
PLAIN_ROWS = 10
FILTER_CHARACTERS = 300
NS_PER_MS = 1_000_000
STATES = {"OK": "ok", "ERROR": "✗ error", "IN_PROGRESS": "… running"}


class _Column(NamedTuple):
    head: str
    number: bool


COLUMNS = (
    _Column("time (UTC)", number=False),
    _Column("name", number=False),
    _Column("status", number=False),
    _Column("duration", number=True),
    _Column("spans", number=True),
    _Column("tokens", number=True),
    _Column("cost", number=True),
)
PREVIEWS = (_Column("request", number=False), _Column("response", number=False))


def table_html(rows: Sequence[TableRow], total: int | None, text: str, key: str = "") -> str:
    """Return the first rows as HTML.

    Parameters
    ----------
    rows : sequence of TableRow
        The first rows of the search.
    total : int or None
        How many traces there are in all, None while that is not known.
    text : str
        The filter.
    key : str
        Key of the live twin; without it there is none.

    Returns
    -------
    str
        At most 50 rows and 60 kB; what is left out is said. All text is escaped.

    Examples
    --------
    >>> "<table" in table_html([], 0, ""), "0 traces" in table_html([], 0, "")
    (False, True)
    """
    body = f"<div>{html.escape(headline(total, text))}</div>"
    if rows and options.saved != "none":
        head = body
        for number, characters in SIZES:
            body = head + _table(rows[:number], characters) + _more(min(number, len(rows)), total)
            size = len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
            if size <= MAX_SAVED_BYTES:
                break
    if not key:
        return f"<div class='nbtrace-static'>{body}</div>"
    return f"{switch_css(key)}<div class='nbtrace-static nbtrace-static-{key}'>{body}</div>"


def table_text(
    rows: Sequence[TableRow], total: int | None, text: str, limit: int = TERMINAL_ROWS
) -> str:
    """Return the first rows as text.

    Parameters
    ----------
    rows : sequence of TableRow
        The first rows of the search.
    total : int or None
        How many traces there are in all, None while that is not known.
    text : str
        The filter.
    limit : int
        Most rows to show; what is left out is said.

    Returns
    -------
    str
        A line for each trace, in aligned columns.

    Examples
    --------
    >>> table_text([], 0, "state = 'ERROR'")
    "0 traces · state = 'ERROR'"
    """
    shown = [] if options.saved == "none" else list(rows[:limit])
    lines = [headline(total, text)]
    if shown:
        cells = [[column.head for column in COLUMNS], *(_cells(row, 40) for row in shown)]
        cells = [[*line[: len(COLUMNS)]] for line in cells]
        widths = [max(len(line[place]) for line in cells) for place in range(len(COLUMNS))]
        lines += [
            "  ".join(
                value.rjust(width) if column.number else value.ljust(width)
                for value, width, column in zip(line, widths, COLUMNS, strict=True)
            ).rstrip()
            for line in cells
        ]
        left = (len(rows) if total is None else total) - len(shown)
        if left > 0:
            lines.append(f"… {count(left, 'more trace')}")
    return "\n".join(lines)


def headline(total: int | None, text: str) -> str:
    """Return what the table is about, in one line."""
    number = "traces" if total is None else count(total, "trace")
    return f"{number} · {one_line(text, FILTER_CHARACTERS)}" if text.strip() else number


def _columns() -> tuple[_Column, ...]:
    return (*COLUMNS, *PREVIEWS) if options.saved == "full" else COLUMNS


def _table(rows: Sequence[TableRow], characters: int) -> str:
    columns = _columns()
    head = "".join(
        f"<th align='{'right' if column.number else 'left'}'>{column.head}</th>"
        for column in columns
    )
    lines = []
    for row in rows:
        values = zip(columns, _cells(row, characters), strict=False)
        cells = "".join(_cell(column, value) for column, value in values)
        lines.append(f"<tr>{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(column: _Column, value: str) -> str:
    """Return a cell of one line: notebooks' style sheets wrap texts and set them to the right."""
    text = html.escape(value).replace(" ", "\N{NO-BREAK SPACE}")
    if column.number:
        return f"<td align='right'>{text}</td>"
    return f"<td><div align='left'>{text}</div></td>"


def _cells(row: TableRow, characters: int) -> list[str]:
    started = datetime.fromtimestamp(row["time"] / 1000, UTC)
    took = row["duration"]
    errors = f" ({row['errors']})" if row["errors"] > 1 else ""
    return [
        started.strftime("%Y-%m-%d %H:%M:%S"),
        one_line(row["name"], characters),
        STATES.get(row["state"], "") + (errors if row["state"] == "ERROR" else ""),
        duration(None if took is None else took * NS_PER_MS),
        f"{row['spans']:,}",
        "" if row["tokens"] is None else f"{row['tokens']:,}",
        dollars(row["cost"]),
        one_line(row["request"], characters),
        one_line(row["response"], characters),
    ]


def _more(shown: int, total: int | None) -> str:
    left = 0 if total is None else total - shown
    return f"<div><i>… {count(left, 'more trace')}</i></div>" if left > 0 else ""
