"""Finding traces and spans, as people call it: MLflow's signatures over this process's store.

Whatever reads waits first until what has ended is on disk, so that a trace is found in the same
cell that made it. Without ``locations`` the experiment chosen by ``set_experiment`` is searched, as
in MLflow, and every experiment where none was chosen.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, overload

from nbtrace.entities.checks import checked_items
from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store
from nbtrace.tracing.environment import ActiveExperiment
from nbtrace.tracing.traces import flush_traces

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from nbtrace.entities import PagedList, Session, Trace
    from nbtrace.search.explain import Explanation


@overload
def search_traces(
    experiment_ids: Sequence[str] | str | None = ...,
    filter_string: str | None = ...,
    max_results: int | None = ...,
    order_by: Sequence[str] | None = ...,
    extract_fields: Sequence[str] | None = ...,
    run_id: str | None = ...,
    *,
    return_type: Literal["list"],
    model_id: str | None = ...,
    sql_warehouse_id: str | None = ...,
    include_spans: bool = ...,
    locations: Sequence[str] | None = ...,
    flush: bool = ...,
) -> list[Trace]: ...


@overload
def search_traces(
    experiment_ids: Sequence[str] | str | None = ...,
    filter_string: str | None = ...,
    max_results: int | None = ...,
    order_by: Sequence[str] | None = ...,
    extract_fields: Sequence[str] | None = ...,
    run_id: str | None = ...,
    return_type: Literal["pandas"] | None = ...,
    model_id: str | None = ...,
    sql_warehouse_id: str | None = ...,
    include_spans: bool = ...,  # noqa: FBT001 - MLflow's signature
    locations: Sequence[str] | None = ...,
    flush: bool = ...,  # noqa: FBT001 - MLflow's signature
) -> pd.DataFrame: ...


def search_traces(  # noqa: PLR0913, PLR0917 - MLflow's signature
    experiment_ids: Sequence[str] | str | None = None,
    filter_string: str | None = None,
    max_results: int | None = None,
    order_by: Sequence[str] | None = None,
    extract_fields: Sequence[str] | None = None,
    run_id: str | None = None,
    return_type: Literal["pandas", "list"] | None = None,
    model_id: str | None = None,
    sql_warehouse_id: str | None = None,
    include_spans: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    locations: Sequence[str] | None = None,
    flush: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
) -> pd.DataFrame | list[Trace]:
    """Return the traces that satisfy a filter.

    Parameters
    ----------
    experiment_ids : str or sequence of str, optional
        A text is the filter; a list is MLflow's former name of `locations`.
    filter_string : str, optional
        Such as ``"state = 'ERROR' AND execution_time > 500"``.
    max_results : int, optional
        How many at most; all without.
    order_by : sequence of str, optional
        Such as ``["execution_time DESC"]``; newest first without.
    extract_fields : sequence of str, optional
        Such as ``["answer.outputs.text"]``: further columns. Deprecated, as in MLflow; take them
        from the columns ``request``, ``response`` and ``spans``.
    run_id : str, optional
        Only the traces of this run.
    return_type : {"pandas", "list"}, optional
        A DataFrame, or a list of `Trace`.
    model_id : str, optional
        Only the traces of this model; not together with a filter.
    sql_warehouse_id : str, optional
        Accepted for MLflow's sake.
    include_spans : bool
        Whether to read the spans too, which takes most of the time.
    locations : sequence of str, optional
        Ids or names of experiments.
    flush : bool
        Accepted for MLflow's sake: what has ended is always found.

    Returns
    -------
    pandas.DataFrame or list of Trace
        See `nbtrace.search.frame.to_pandas` for the columns.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for an argument that cannot work; a faulty filter is shown with
        a caret under the place.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("step"):
    ...     pass
    >>> list(nbtrace.search_traces("name = 'step'", max_results=1)["state"])
    ['OK']
    """
    from nbtrace.search import traces

    del sql_warehouse_id, flush
    if return_type not in {"pandas", "list", None}:
        message = f"return_type must be 'pandas' or 'list', got {return_type!r}"
        raise NbtraceError.invalid(message)
    if isinstance(experiment_ids, str):
        if filter_string is not None:
            message = "experiment_ids must be a list of ids; locations is its newer name"
            raise NbtraceError.invalid(message)
        experiment_ids, filter_string = None, experiment_ids
    if experiment_ids is not None:
        checked_items("experiment_ids", experiment_ids)
    if experiment_ids is not None and locations is not None:
        message = "give locations only; experiment_ids is its former name"
        raise NbtraceError.invalid(message)
    if extract_fields is not None:
        if return_type == "list":
            message = "extract_fields makes columns, so it needs return_type='pandas'"
            raise NbtraceError.invalid(message)
        warnings.warn(
            "extract_fields is deprecated; use the columns request, response and spans",
            FutureWarning,
            stacklevel=2,
        )
    search: dict[str, Any] = {
        "filter_string": filter_string,
        "locations": _locations(locations, filter_string)
        if experiment_ids is None
        else experiment_ids,
        "order_by": order_by,
        "include_spans": include_spans,
        "run_id": run_id,
        "model_id": model_id,
    }
    flush_traces()
    store = current_store()
    if max_results is None:
        page = traces.every_trace(store, **search)
    else:
        page = traces.search_traces(store, max_results=max_results, **search)
    if return_type == "list":
        from nbtrace.entities.trace_list import TraceList

        plain = run_id is None and model_id is None
        return TraceList(
            page.traces, filter_string or "" if plain else None, order_by, search["locations"]
        )
    from nbtrace.search.frame import to_pandas

    return to_pandas(page.traces, page.facts, extract_fields)


def search_page(
    filter_string: str | None = None,
    *,
    locations: Sequence[str] | None = None,
    **kwargs: Any,
) -> PagedList[Trace]:
    """Return a page of traces; see ``nbtrace.search.traces.search_traces`` for what it takes."""
    from nbtrace.entities.paged_list import PagedList
    from nbtrace.search import traces

    flush_traces()
    page = traces.search_traces(
        current_store(),
        filter_string=filter_string,
        locations=_locations(locations, filter_string),
        **kwargs,
    )
    return PagedList(page.traces, page.token)


def _locations(given: Sequence[str] | None, filter_string: str | None) -> Sequence[str] | None:
    """Return the experiments to search: the chosen one, unless the filter speaks of them."""
    chosen = ActiveExperiment.experiment_id
    if given or chosen is None or "experiment" in (filter_string or ""):
        return given
    return [chosen]


def count_traces(filter_string: str | None = None, locations: Sequence[str] | None = None) -> int:
    """Return how many traces satisfy a filter.

    Parameters
    ----------
    filter_string : str, optional
        A filter; all traces without.
    locations : sequence of str, optional
        Ids or names of experiments; as for `search_traces` without.

    Returns
    -------
    int
        The exact number.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a filter that cannot work.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.count_traces("tags.user = 'nobody'")
    0
    """
    from nbtrace.search import traces

    flush_traces()
    return traces.count_traces(current_store(), filter_string, _locations(locations, filter_string))


def search_spans(
    filter_string: str | None = None,
    *,
    max_results: int | None = None,
    locations: Sequence[str] | None = None,
    include_content: bool = True,
) -> pd.DataFrame:
    """Return the spans that satisfy a filter, one row each.

    Parameters
    ----------
    filter_string : str, optional
        Such as ``"span.type = 'LLM' AND span.duration_ms > 500 AND tags.user = 'ada'"``: conditions
        on spans and bare ``text`` speak of the row's span, the others of its trace. All spans
        without.
    max_results : int, optional
        How many spans at most; all without.
    locations : sequence of str, optional
        Ids or names of experiments; as for `search_traces` without.
    include_content : bool
        Whether to read inputs and outputs, which takes most of the time.

    Returns
    -------
    pandas.DataFrame
        ``trace_id``, ``span_id``, ``parent_id``, ``depth`` (0 for a root), ``name``, ``type``,
        ``status``, ``start_time`` (datetime64[ns, UTC]), ``duration`` and ``self_time``
        (timedelta64[ns]; the time during which no child ran), ``model``, ``tokens`` (Int64),
        ``cost`` (US dollars), ``inputs``, ``outputs``; traces newest first, the spans of each by
        start.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for an argument that cannot work; a faulty filter is shown with
        a caret under the place.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("embed", span_type="EMBEDDING"):
    ...     pass
    >>> list(nbtrace.search_spans("span.type = 'EMBEDDING'", max_results=1)["name"])
    ['embed']
    """
    from nbtrace.search import spans

    flush_traces()
    return spans.search_spans(
        current_store(),
        filter_string,
        max_results=max_results,
        locations=_locations(locations, filter_string),
        include_content=include_content,
    )


def explain(
    filter_string: str | None = None,
    *,
    locations: Sequence[str] | None = None,
    order_by: Sequence[str] | None = None,
) -> Explanation:
    """Return how a search is done: its SQL, SQLite's plan, and what it cannot promise.

    Parameters
    ----------
    filter_string : str, optional
        A filter.
    locations, order_by : sequence of str, optional
        As in `search_traces`.

    Returns
    -------
    Explanation
        With ``sql``, ``parameters``, ``plan`` and ``caveats``; prints as text.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a filter or an order that cannot work.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.explain("span.attributes.k = 'v'").caveats[0]
    'attributes are compared up to 256 characters; a longer span.attributes.k, a list or a dict \
is not found'
    """
    from nbtrace.search import explain as explaining

    flush_traces()
    return explaining.explain(
        current_store(),
        filter_string,
        locations=_locations(locations, filter_string),
        order_by=order_by,
    )


def search_sessions(
    max_results: int = 100,
    run_id: str | None = None,
    model_id: str | None = None,
    include_spans: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    locations: Sequence[str] | None = None,
) -> list[Session]:
    """Return the newest sessions, each with its traces, oldest first.

    Parameters
    ----------
    max_results : int
        Number of sessions.
    run_id, model_id : str, optional
        Only the traces of this run or model.
    include_spans : bool
        Whether to read the spans too.
    locations : sequence of str, optional
        Ids or names of experiments; as for `search_traces` without.

    Returns
    -------
    list of Session
        By their latest trace, newest first.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for an argument that cannot work.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.search_sessions(locations=["no such experiment"])
    []
    """
    from nbtrace.search import sessions

    flush_traces()
    return sessions.search_sessions(
        current_store(),
        max_results=max_results,
        run_id=run_id,
        model_id=model_id,
        include_spans=include_spans,
        locations=_locations(locations, None),
    )
