"""What traces can be grouped by, and how a group is found again and shown."""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from nbtrace.entities.constant import NbtraceKey, TraceTagKey
from nbtrace.exceptions import NbtraceError
from nbtrace.search.facets import Source, source
from nbtrace.search.indexes import Index

if TYPE_CHECKING:
    from nbtrace.search.running import Run

__all__ = ["FIELDS", "cell_labels", "filter_of", "place_of"]

FIELDS = ("name", "session", "user", "state", "experiment", "cell", "notebook", "model")

# Of these a trace can have several, each on a span of its own.
_OF_SPANS = {"model": "span.model", "cell": f"span.attributes.`{NbtraceKey.CELL_ID}`"}
_LABEL_CHARACTERS = 80
# The key stands in quotes: it has dots.
_CELL = f'$."{NbtraceKey.CELL_ID}"'
_EXECUTION = f'$."{NbtraceKey.CELL_EXECUTION_COUNT}"'


def place_of(by: str) -> Source:
    """Return where the values of a field are.

    Parameters
    ----------
    by : str
        One of `FIELDS`, or ``"tags.<key>"``.

    Returns
    -------
    Source
        Its SQL.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for another one.
    """
    if by == "notebook":
        return source(f"tags.{TraceTagKey.SOURCE_NAME}")
    if by == "cell":
        return _cells()
    if by in FIELDS or by.startswith("tags."):
        return source(by)
    message = f"traces cannot be grouped by {by!r}; take one of {', '.join(FIELDS)}, tags.<key>"
    raise NbtraceError.invalid(message)


def _cells() -> Source:
    """Return where the ids of cells are: on root spans, beside their other attributes."""
    value = f"json_extract(s.attributes, '{_CELL}')"
    rooted = f"s.parent_id IS NULL AND instr(s.attributes, '{NbtraceKey.CELL_ID}')"
    return Source(
        Index(
            "spans s",
            value,
            "s.trace",
            f"{rooted} AND {value} IS NOT NULL",
            order=f"{value}, s.trace",
            several=True,
            repeated=True,
        ),
        f"SELECT DISTINCT {value} AS value, s.trace FROM json_each(?) m CROSS JOIN spans s"
        f" ON s.trace = m.value WHERE {rooted} AND {value} IS NOT NULL",
        (),
    )


def filter_of(by: str, value: str | None) -> str:
    """Return the filter that finds the traces of a group.

    Parameters
    ----------
    by : str
        The field.
    value : str or None
        What they have in common; ``None`` for the traces without a value.

    Returns
    -------
    str
        To be joined with AND to other conditions.

    Examples
    --------
    >>> filter_of("name", "it's"), filter_of("model", None)
    ("name = 'it''s'", 'NOT span.model IS NOT NULL')
    """
    if by in FIELDS and by != "notebook":
        field = _OF_SPANS.get(by, by)
    else:
        key = TraceTagKey.SOURCE_NAME if by == "notebook" else by.removeprefix("tags.")
        field = f"tags.`{key.replace('`', '``')}`"
    if value is None:
        # Of a span: that there is none with it.
        return f"NOT {field} IS NOT NULL" if by in _OF_SPANS else f"{field} IS NULL"
    quoted = value.replace("'", "''")
    return f"{field} = '{quoted}'"


def cell_labels(run: Run, traces: list[int]) -> dict[int, str]:
    """Return the number of the run and the first line of the cells of some traces.

    Parameters
    ----------
    run : Run
        Reads the database.
    traces : list of int
        The key of a trace of each cell.

    Returns
    -------
    dict of int to str
        By that key.
    """
    rows = run.rows(
        f"SELECT s.trace, json_extract(s.attributes, '{_EXECUTION}'), t.request_preview"
        " FROM json_each(?) m CROSS JOIN spans s ON s.trace = m.value"
        " JOIN traces t ON t.id = s.trace"
        " WHERE s.parent_id IS NULL AND s.attributes IS NOT NULL",
        (orjson.dumps(traces).decode(),),
    )
    labels = {}
    for trace, number, preview in rows:
        line = _first_line(preview or "")
        labels[trace] = f"{'' if number is None else f'[{number}] '}{line}"
    return labels


def _first_line(preview: str) -> str:
    r"""Return the first line of a cell, which the preview of its trace has as JSON.

    Examples
    --------
    >>> _first_line('"%%trace\\nask(\\"why\\")"')
    'ask("why")'
    """
    text = preview.removeprefix('"').removesuffix('"').replace("\\n", "\n")
    lines = [line.strip() for line in text.replace('\\"', '"').splitlines()]
    lines = [line for line in lines if line]
    first = next((line for line in lines if not line.startswith("%%")), "".join(lines[:1]))
    return first[:_LABEL_CHARACTERS]
