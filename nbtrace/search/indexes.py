"""Where the database has the values of a field in order."""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Index", "finite", "keyed_index", "trace_index"]

_TEXTS = {"state", "name", "experiment_id"}


class Index(NamedTuple):
    """Where the values of a field are, in order.

    Attributes
    ----------
    table : str
        What to read from, its index named where there is a choice.
    value, trace : str
        What an entry calls the value and the key of its trace.
    where : str
        Which entries belong to the field.
    parameters : tuple
        What is bound in it.
    order : str
        The order of the entries, which begins with the value.
    numeric : bool
        Whether the values are numbers.
    several : bool
        Whether a trace can have more than one value.
    repeated : bool
        Whether an entry can come more than once.
    distinct : bool
        Whether nearly every trace has a value of its own, so that counting the same is no gain.
    """

    table: str
    value: str
    trace: str
    where: str = "1"
    parameters: tuple[Any, ...] = ()
    order: str = ""
    numeric: bool = False
    several: bool = False
    repeated: bool = False
    distinct: bool = False

    def entries(self, condition: str = "1") -> str:
        """Return SELECT of value and trace in order."""
        word = "DISTINCT " if self.repeated else ""
        return (
            f"SELECT {word}{self.value} AS value, {self.trace} AS trace FROM {self.table}"
            f" WHERE {self.where} AND {condition} ORDER BY {self.order}"
        )

    def counts(self) -> str:
        """Return SELECT of each value and the number of its traces, in order."""
        if self.distinct:
            return f"SELECT value, 1 AS n FROM ({self.entries()})"
        number = f"count(DISTINCT {self.trace})" if self.repeated else "count(*)"
        return (
            f"SELECT {self.value} AS value, {number} AS n FROM {self.table}"
            f" WHERE {self.where} GROUP BY {self.value} ORDER BY {self.value}"
        )


def trace_index(column: str) -> Index:
    """Return the index of a column of the traces.

    Parameters
    ----------
    column : str
        Its name.

    Returns
    -------
    Index
        Its entries, those without a value first.

    Examples
    --------
    >>> trace_index("cost").table
    'traces t INDEXED BY traces_by_cost'
    """
    time = column == "request_time"
    return Index(
        f"traces t INDEXED BY traces_by_{'time' if time else column}",
        f"t.{column}",
        "t.id",
        order="t.request_time, t.id" if time else f"t.{column}, t.request_time, t.id",
        numeric=column not in _TEXTS,
        distinct=time,
    )


def keyed_index(table: str, key: str) -> Index:
    """Return the index of a tag or metadatum.

    Parameters
    ----------
    table : {"trace_tags", "trace_metadata", "span_values"}
        Which.
    key : str
        Its key.

    Returns
    -------
    Index
        Only of the traces that have it.
    """
    order = "d.value, d.request_time, d.trace"
    return Index(f"{table} d", "d.value", "d.trace", "d.key = ?", (key,), order)


def finite(expression: str) -> str:
    """Return SQL that is true of a number that JSON and a scale can hold.

    Parameters
    ----------
    expression : str
        SQL of a number or NULL.

    Returns
    -------
    str
        Not true of infinity either, which a program may have recorded as a cost.

    Examples
    --------
    >>> import sqlite3
    >>> sqlite3.connect(":memory:").execute(f"SELECT {finite('9e999')}, {finite('5')}").fetchone()
    (0, 1)
    """
    return f"{expression} BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308"
