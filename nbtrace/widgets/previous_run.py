"""The run before a trace: the newest older trace of the same cell, else of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.entities.constant import NbtraceKey
from nbtrace.entities.trace import Trace
from nbtrace.search.traces import search_traces
from nbtrace.store import current_store

if TYPE_CHECKING:
    from nbtrace.entities.span import Span


def previous_run(trace: Trace | str) -> str | None:
    """Return the id of the run before a trace.

    Parameters
    ----------
    trace : Trace or str
        A trace of the store, or its id.

    Returns
    -------
    str or None
        The newest older trace of the same notebook cell or, for a trace of no cell, of the same
        name; None when there is none.
    """
    store = current_store()
    found = trace if isinstance(trace, Trace) else store.get_trace(trace)
    if found is None:
        return None
    condition = _same_cell(found.data.root) or f"name = {_quoted(found.info.name or '')}"
    info = found.info
    older = search_traces(
        store,
        filter_string=(
            f"timestamp_ms <= {info.request_time} AND trace_id != {_quoted(info.trace_id)}"
            f" AND {condition}"
        ),
        max_results=1,
        include_spans=False,
    )
    return older.traces[0].info.trace_id if older.traces else None


def _same_cell(root: Span | None) -> str | None:
    attributes = root.raw_attributes if root else {}
    cell = attributes.get(NbtraceKey.CELL_ID)
    if not isinstance(cell, str):
        return None
    condition = f"span.attributes.`{NbtraceKey.CELL_ID}` = {_quoted(cell)}"
    notebook = attributes.get(NbtraceKey.NOTEBOOK)
    if isinstance(notebook, str):
        condition += f" AND span.attributes.`{NbtraceKey.NOTEBOOK}` = {_quoted(notebook)}"
    return condition


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
