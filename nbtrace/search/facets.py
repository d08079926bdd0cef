"""How traces are spread over the values of a field.

Counting reads an index from end to end, a million entries in a tenth of a second. Of a small part
of the traces each is looked up by itself; of a large one each index entry is looked up in a mask of
a byte a trace, which takes 60 ns where an ``IN (SELECT ...)`` takes 300.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from nbtrace.entities.constant import TraceTagKey
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.search.running import Run

__all__ = ["Facet", "Members", "Source", "compute", "source"]

# Traces that are looked up one by one, at 1 to 4 microseconds each.
FEW = 100_000

_COLUMNS = {"state": "state", "name": "name", "experiment": "experiment_id"}
_SPAN_FIELDS = {"span.type": "type", "span.name": "name", "span.status": "status"}
_TAGS = {"session": TraceTagKey.SESSION, "user": TraceTagKey.USER}


class Facet(NamedTuple):
    """The values of a field.

    Attributes
    ----------
    values : list of (str, int)
        The most frequent values and how many traces have each.
    other : int
        How many have one of the remaining values. A trace with several values counts for each.
    missing : int
        How many have none.

    Examples
    --------
    >>> Facet([("OK", 3)], 0, 0).values
    [('OK', 3)]
    """

    values: list[tuple[str, int]]
    other: int
    missing: int


class Source(NamedTuple):
    """Where the values of a field are.

    Attributes
    ----------
    scan : str
        SELECT of value and trace from an index, with ``{}`` for a condition on ``{trace}``.
    look_up : str
        The same for the traces ``m``.
    parameters : tuple
        What is bound in each.
    trace : str
        What the scan calls the key of the trace.
    several : bool
        Whether a trace can have more than one value.
    named : bool
        Whether the values are ids of experiments, to be shown by name.
    """

    scan: str
    look_up: str
    parameters: tuple[Any, ...]
    trace: str
    several: bool
    named: bool = False


class Members(NamedTuple):
    """Some of the traces of a store.

    Attributes
    ----------
    last : int
        Largest key there was when they were found.
    size : int
        How many they are.
    few : str or None
        JSON list of their keys, if they are few.
    mask : bytes or None
        1 at the place of each key, if they are neither few nor all.
    """

    last: int
    size: int
    few: str | None = None
    mask: bytes | None = None

    @classmethod
    def of(cls, run: Run, keys: Sequence[int], last: int) -> Members:
        """Return them by their keys.

        Parameters
        ----------
        run : Run
            Reads the database.
        keys : sequence of int
            ``traces.id``.
        last : int
            Largest key there was when they were found.

        Returns
        -------
        Members
            In the form that is the cheapest to count.
        """
        count = len(keys)
        if count <= FEW:
            return cls(last, count, few=orjson.dumps(list(keys)).decode())
        if run.rows("SELECT count(*) FROM traces WHERE id <= ?", (last,))[0][0] == count:
            return cls(last, count)
        mask = bytearray(last + 1)
        for key in keys:
            mask[key] = 1
        return cls(last, count, mask=bytes(mask))

    def test(self, key: str) -> tuple[str, tuple[Any, ...]]:
        """Return SQL that is true of an index entry whose trace is one of them, and its parameters.

        Parameters
        ----------
        key : str
            What the entry calls the key of its trace.

        Returns
        -------
        tuple of (str, tuple)
            A condition; for members that are not few.
        """
        if self.mask is None:
            return f"{key} <= ?", (self.last,)
        return f"substr(?, {key} + 1, 1) = x'01'", (self.mask,)


def source(field: str) -> Source:
    """Return where the values of a field are.

    Parameters
    ----------
    field : str
        As `Listing.facet` takes it.

    Returns
    -------
    Source
        Its SQL.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a field that has no facet.

    Examples
    --------
    >>> source("tags.env").parameters
    ('env',)
    """
    members = "json_each(?) m CROSS JOIN"
    if field in _COLUMNS:
        column = _COLUMNS[field]
        return Source(
            f"SELECT t.{column} AS value, t.id AS trace FROM traces t INDEXED BY traces_by_{column}"
            " WHERE {}",
            f"SELECT t.{column} AS value, t.id AS trace FROM {members} traces t ON t.id = m.value",
            (),
            "+t.id",
            several=False,
            named=field == "experiment",
        )
    if field in _TAGS or field.startswith("tags."):
        key = _TAGS.get(field) or field.removeprefix("tags.")
        return Source(
            "SELECT d.value, d.trace FROM trace_tags d WHERE d.key = ? AND {}",
            f"SELECT j.atom AS value, t.id AS trace FROM {members} traces t ON t.id = m.value"
            " CROSS JOIN json_each(t.tags) j WHERE j.key = ?",
            (key,),
            "+d.trace",
            several=False,
        )
    if field == "tag_keys":
        return Source(
            "SELECT d.key AS value, d.trace FROM trace_tags d WHERE {}",
            f"SELECT j.key AS value, t.id AS trace FROM {members} traces t ON t.id = m.value"
            " CROSS JOIN json_each(t.tags) j",
            (),
            "+d.trace",
            several=True,
        )
    if field in _SPAN_FIELDS:
        column = _SPAN_FIELDS[field]
        return Source(
            "SELECT d.value, d.trace FROM span_values d WHERE d.field = ? AND {}",
            f"SELECT DISTINCT s.{column} AS value, s.trace FROM {members} spans s"
            " ON s.trace = m.value WHERE ? IS NOT NULL",
            (column,),
            "+d.trace",
            several=True,
        )
    if field == "model":
        return Source(
            "SELECT DISTINCT s.model AS value, s.trace FROM spans s"
            " WHERE s.model IS NOT NULL AND {}",
            f"SELECT DISTINCT s.model AS value, s.trace FROM {members} spans s"
            " ON s.trace = m.value WHERE s.model IS NOT NULL",
            (),
            "+s.trace",
            several=True,
        )
    known = ", ".join([*_COLUMNS, *_TAGS, *_SPAN_FIELDS, "model", "tags.<key>", "tag_keys"])
    message = f"there is no facet {field!r}; take one of {known}"
    raise NbtraceError.invalid(message)


def compute(run: Run, place: Source, members: Members, limit: int) -> Facet:
    """Count the values of a field.

    Parameters
    ----------
    run : Run
        Reads the database.
    place : Source
        Where the values are.
    members : Members
        The traces to be counted.
    limit : int
        How many values at most.

    Returns
    -------
    Facet
        The most frequent ones.

    Raises
    ------
    Interrupted
        If somebody has stopped it.
    """
    sql, parameters = _entries(place, members)
    # All at once, for the values are grouped only once, however many they are.
    rows = run.rows(
        f"WITH g AS MATERIALIZED (SELECT value, count(*) AS n FROM ({sql})"
        " WHERE value IS NOT NULL GROUP BY value) SELECT value, n, (SELECT sum(n) FROM g) FROM g"
        " ORDER BY n DESC, value LIMIT ?",
        (*parameters, limit),
    )
    values = [(str(value), int(n)) for value, n, _ in rows]
    whole = rows[0][2] if rows else 0
    having = whole
    if place.several and values and values[0][1] < members.size:
        # A set of Python's takes a quarter of the time of SQLite's count(DISTINCT).
        text = run.rows(f"SELECT json_group_array(trace) FROM ({sql})", parameters)[0][0]
        having = len(set(orjson.loads(text)))
    if place.named:
        names = dict(run.rows("SELECT experiment_id, name FROM experiments"))
        values = [(names.get(value, value), n) for value, n in values]
    other = whole - sum(n for _, n in values)
    return Facet(values, other, max(0, members.size - having))


def _entries(place: Source, members: Members) -> tuple[str, tuple[Any, ...]]:
    """Return SELECT of value and trace, and what is bound in it."""
    if members.few is not None:
        return place.look_up, (members.few, *place.parameters)
    test, bound = members.test(place.trace)
    return place.scan.format(test), (*place.parameters, *bound)
