"""The run before a trace: of the same cell, else of its name in its notebook, else of its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nbtrace.entities.constant import NbtraceKey
from nbtrace.entities.trace import Trace
from nbtrace.search.traces import search_traces
from nbtrace.store import current_store

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a cell without a name is called: the third cell to run is another one each day.
NUMBERED = re.compile(r"In \[\d+\]")


def previous_run(trace: Trace | str) -> str | None:
    """Return the id of the run before a trace.

    Parameters
    ----------
    trace : Trace or str
        A trace of the store, or its id.

    Returns
    -------
    str or None
        The newest older trace of the same notebook cell. Where there is none (a cell that was
        copied has another id, and not every front end tells it) the newest of the same name in the
        same notebook, then the newest of the same name; None when there is none either.
    """
    store = current_store()
    found = trace if isinstance(trace, Trace) else store.get_trace(trace)
    if found is None:
        return None
    info = found.info
    before = f"timestamp_ms <= {info.request_time} AND trace_id != {_quoted(info.trace_id)}"
    for condition in _conditions(found):
        older = search_traces(
            store, filter_string=f"{before} AND {condition}", max_results=1, include_spans=False
        )
        if older.traces:
            return older.traces[0].info.trace_id
    return None


def _conditions(trace: Trace) -> Iterator[str]:
    """Yield what makes a trace a run of the same, the surest sign first."""
    root = trace.data.root
    attributes = root.raw_attributes if root else {}
    same = {
        key: f"span.attributes.`{key}` = {_quoted(value)}"
        for key in (NbtraceKey.CELL_ID, NbtraceKey.NOTEBOOK)
        if isinstance(value := attributes.get(key), str)
    }
    if NbtraceKey.CELL_ID in same:
        yield " AND ".join(same.values())
    if NUMBERED.fullmatch(trace.info.name or ""):
        return
    name = f"name = {_quoted(trace.info.name or '')}"
    if NbtraceKey.NOTEBOOK in same:
        yield f"{name} AND {same[NbtraceKey.NOTEBOOK]}"
    yield name


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
