"""What ``autolog`` returns: a table that says what is traced from here on, and what is missing."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ON = "on"
WHEN_IMPORTED = "when imported"
OFF = "off"
FAILED = "failed"
MISSING = "missing"

_HEADINGS = ("library", "tracing", "by", "")


@dataclass(frozen=True, slots=True)
class AutologRow:
    """One library.

    Attributes
    ----------
    library : str
        Its name.
    state : str
        ``"on"``, ``"when imported"``, ``"off"``, ``"failed"`` or ``"missing"``.
    package : str
        The instrumentor and its version, "" where there is none.
    note : str
        What went wrong, or what to install.
    """

    library: str
    state: str
    package: str = ""
    note: str = ""


class AutologTable:
    """What ``autolog`` did, one row a library.

    Parameters
    ----------
    rows : list of AutologRow
        The rows.
    notice : str
        What keeps them from being of any use, shown below them.

    Examples
    --------
    >>> AutologTable([AutologRow("openai", "on", "openinference-instrumentation-openai 0.1")])
    library  tracing  by
    openai   on       openinference-instrumentation-openai 0.1
    """

    def __init__(self, rows: list[AutologRow], notice: str = "") -> None:
        self.rows = rows
        self.notice = notice

    def __iter__(self) -> Iterator[AutologRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, library: str) -> AutologRow:
        for row in self.rows:
            if row.library == library:
                return row
        raise KeyError(library)

    def _cells(self) -> list[tuple[str, ...]]:
        return [(row.library, row.state, row.package, row.note) for row in self.rows]

    def __repr__(self) -> str:
        if not self.rows:
            return "No library to trace was found."
        lines = [_HEADINGS, *self._cells()]
        widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        return "\n".join([*text, self.notice] if self.notice else text)

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{html.escape(repr(self))}</p>"
        head = "".join(f"<th style='text-align:left'>{name}</th>" for name in _HEADINGS)
        body = "".join(
            "<tr>"
            + "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in cells)
            + "</tr>"
            for cells in self._cells()
        )
        notice = f"<p>{html.escape(self.notice)}</p>" if self.notice else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notice}"
