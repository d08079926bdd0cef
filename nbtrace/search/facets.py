"""How traces are spread over the values of a field.

Of a small part of the traces each is looked up by itself; for a large one the field's index is read
from end to end, see `nbtrace.search.columns`.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.entities.constant import TraceTagKey
from nbtrace.exceptions import NbtraceError
from nbtrace.search.indexes import Index, keyed_index, trace_index

if TYPE_CHECKING:
    from nbtrace.search.members import Members
    from nbtrace.search.running import Run

__all__ = ["Facet", "Source", "compute", "source"]

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
    scan : Index
        All of them, in order.
    look_up : str
        SELECT of value and trace for the traces of a JSON list, which is bound first.
    parameters : tuple
        What else is bound in it.
    named : bool
        Whether the values are ids of experiments, to be shown by name.
    """

    scan: Index
    look_up: str
    parameters: tuple[Any, ...]
    named: bool = False


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
    traces = f"{members} traces t ON t.id = m.value"
    if field in _COLUMNS:
        column = _COLUMNS[field]
        return Source(
            trace_index(column),
            f"SELECT t.{column} AS value, t.id AS trace FROM {traces}",
            (),
            named=field == "experiment",
        )
    if field in _TAGS or field.startswith("tags."):
        key = _TAGS.get(field) or field.removeprefix("tags.")
        return Source(
            keyed_index("trace_tags", key),
            "SELECT j.atom AS value, t.id AS trace"
            f" FROM {traces} CROSS JOIN json_each(t.tags) j WHERE j.key = ?",
            (key,),
        )
    if field == "tag_keys":
        order = "d.key, d.value, d.request_time, d.trace"
        return Source(
            Index("trace_tags d", "d.key", "d.trace", order=order, several=True),
            f"SELECT j.key AS value, t.id AS trace FROM {traces} CROSS JOIN json_each(t.tags) j",
            (),
        )
    if field in _SPAN_FIELDS:
        column = _SPAN_FIELDS[field]
        return Source(
            keyed_index("span_values", column)._replace(where="d.field = ?", several=True),
            f"SELECT DISTINCT s.{column} AS value, s.trace FROM {members} spans s"
            " ON s.trace = m.value WHERE ? IS NOT NULL",
            (column,),
        )
    if field == "model":
        return Source(
            Index(
                "spans s INDEXED BY spans_by_model",
                "s.model",
                "s.trace",
                "s.model IS NOT NULL",
                order="s.model, s.trace",
                several=True,
                repeated=True,
            ),
            f"SELECT DISTINCT s.model AS value, s.trace FROM {members} spans s"
            " ON s.trace = m.value WHERE s.model IS NOT NULL",
            (),
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
    few = members.few(place.scan)
    found = _looked_up if few is not None else _read
    values, other, missing = found(run, place, members, limit)
    if place.named:
        names = dict(run.rows("SELECT experiment_id, name FROM experiments"))
        values = [(names.get(value, value), n) for value, n in values]
    return Facet(values, other, missing)


def _looked_up(run: Run, place: Source, members: Members, limit: int) -> Facet:
    bound = (members.few(place.scan), *place.parameters)
    # All at once, for the values are grouped only once, however many they are.
    rows = run.rows(
        f"WITH g AS MATERIALIZED (SELECT value, count(*) AS n FROM ({place.look_up})"
        " WHERE value IS NOT NULL GROUP BY value) SELECT value, n, (SELECT sum(n) FROM g) FROM g"
        " ORDER BY n DESC, value LIMIT ?",
        (*bound, limit),
    )
    values = [(str(value), int(n)) for value, n, _ in rows]
    whole = having = rows[0][2] if rows else 0
    if place.scan.several and values and values[0][1] < members.size:
        counted = f"SELECT count(DISTINCT trace) FROM ({place.look_up})"
        having = run.rows(counted, bound)[0][0]
    return Facet(values, whole - sum(n for _, n in values), max(0, members.size - having))


def _read(run: Run, place: Source, members: Members, limit: int) -> Facet:
    column, mask = members.column(run, place.scan)
    counts = column.counts(mask)
    present = [value is not None for value in column.values]
    counts = counts * present
    whole = having = int(counts.sum())
    # Equally frequent values stay in their order.
    best = (-counts).argsort(kind="stable")[:limit].tolist()
    values = [(str(column.values[at]), int(counts[at])) for at in best if counts[at]]
    if place.scan.several and counts.max(initial=0) < members.size:
        if not column.complete:
            column, mask = members.column(run, place.scan, traces=True)
        having = column.having(mask)
    return Facet(values, whole - sum(n for _, n in values), max(0, members.size - having))
