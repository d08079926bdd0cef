"""The keys of all traces of a search, in its order."""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.search.columns import parsed, read_numbers
from nbtrace.search.indexes import keyed_index, trace_index
from nbtrace.search.masks import Mask

if TYPE_CHECKING:
    from nbtrace.search.columns import Columns
    from nbtrace.search.order import OrderKey
    from nbtrace.search.running import Run
    from nbtrace.search.whole_query import WholeQuery

__all__ = ["gather_keys"]

# Of a shorter text numpy, which takes 0.1 s to import, is not worth it.
SHORT = 100_000


def gather_keys(run: Run, query: WholeQuery, columns: Columns, last: int) -> array[int]:
    """Return the keys of all traces that a search finds, in its order.

    Parameters
    ----------
    run : Run
        Reads the database.
    query : WholeQuery
        The search.
    columns : Columns
        What has been read of the database.
    last : int
        Largest key to look at.

    Returns
    -------
    array of int
        ``traces.id``.

    Raises
    ------
    Interrupted
        If somebody has stopped it.
    """
    if not query.along_index(run.connection, last):
        select = query.ordered(run.connection)
        text = (
            run.rows(f"SELECT group_concat(trace) FROM ({select.sql})", select.parameters)[0][0]
            or ""
        )
        run.check()
        if len(text) < SHORT:
            return array("q", orjson.loads(f"[{text}]"))
        return _array(parsed(text))
    # Cheaper than to ask for each trace along the index: who is in it, and then the order.
    members = None
    if not query.everything:
        select = query.members(run.connection)
        members = read_numbers(run, "trace", f"FROM ({select.sql})", select.parameters)
    mask = Mask.upto(last, members, 0)
    found = _in_order(run, query.order[0], columns)
    return _array(found[mask.of(found)])


def _array(keys: Any) -> array[int]:
    return array("q", keys.astype("int64").tobytes())


def _in_order(run: Run, key: OrderKey, columns: Columns) -> Any:
    """Return all traces of the store, newest first among equals, those without a value last."""
    import numpy as np

    scope, name = key.field.scope, key.field.name
    keyed = scope in {"tag", "metadata"}
    index = keyed_index(f"trace_{'tags' if scope == 'tag' else scope}", name)
    index = index if keyed else trace_index(name)
    grouped = not key.descending and not index.distinct
    column = columns.read(run, index, values=grouped, traces=True)
    if index.distinct:
        return column.traces[::-1] if key.descending else column.traces
    present = column.traces[::-1] if key.descending else column.newest_first()
    if not keyed:  # NULL comes first in an index
        missing = column.missing
        without = column.traces[:missing][::-1]
        known = len(present) - missing
        return np.concatenate([present[:known] if key.descending else present[missing:], without])
    time = trace_index("request_time")
    newest_first = columns.read(run, time, values=False, traces=True).traces[::-1]
    there = np.zeros(max(column.newest, int(newest_first.max(initial=0))) + 1, dtype=np.bool_)
    there[column.traces] = True
    return np.concatenate([present, newest_first[~there[newest_first]]])
