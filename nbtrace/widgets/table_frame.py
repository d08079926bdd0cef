"""The traces of a table as a DataFrame: the selected ones, or all of its search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.widgets.table_actions import filter_of, portions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from nbtrace.entities import Trace
    from nbtrace.search.traces import TraceFacts
    from nbtrace.store.store import Store


def frame_of_search(
    store: Store,
    text: str,
    order_by: Sequence[str],
    locations: Sequence[str] | None,
    *,
    include_spans: bool,
) -> pd.DataFrame:
    """Return all traces of a search.

    Parameters
    ----------
    store : Store
        Where they are.
    text : str
        The filter.
    order_by : sequence of str
        Their order.
    locations : sequence of str or None
        Ids or names of experiments; all of the store without.
    include_spans : bool
        Whether to read the spans too.

    Returns
    -------
    pandas.DataFrame
        The columns of `nbtrace.search_traces`.
    """
    from nbtrace.search.frame import to_pandas
    from nbtrace.search.traces import every_trace

    found = every_trace(
        store,
        filter_string=text,
        order_by=list(order_by),
        locations=locations,
        include_spans=include_spans,
    )
    return to_pandas(found.traces, found.facts)


def frame_of_ids(store: Store, trace_ids: Sequence[str], *, include_spans: bool) -> pd.DataFrame:
    """Return traces by their ids, in this order; those that are gone are left out.

    Parameters
    ----------
    store : Store
        Where they are.
    trace_ids : sequence of str
        Which.
    include_spans : bool
        Whether to read the spans too.

    Returns
    -------
    pandas.DataFrame
        The columns of `nbtrace.search_traces`.
    """
    from nbtrace.search.frame import to_pandas
    from nbtrace.search.traces import every_trace

    traces: list[Trace] = []
    facts: dict[str, TraceFacts] = {}
    for some in portions(trace_ids):
        part = every_trace(store, filter_string=filter_of(some), include_spans=include_spans)
        traces += part.traces
        facts |= part.facts
    places = {trace_id: place for place, trace_id in enumerate(trace_ids)}
    traces.sort(key=lambda trace: places[trace.info.trace_id])
    return to_pandas(traces, facts)
