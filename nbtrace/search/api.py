"""The public search functions, with MLflow's signatures, over this process's store.

`nbtrace.search_traces` and its like add what needs an upper room (waiting for the writer, the
active experiment) and call these.
"""

from __future__ import annotations

import importlib.util
import warnings
from typing import TYPE_CHECKING, Literal, overload

from nbtrace.exceptions import NbtraceError
from nbtrace.search import explain as explaining
from nbtrace.search import sessions as session_search
from nbtrace.search import traces as trace_search
from nbtrace.store import current_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from nbtrace.entities import Session, Trace
    from nbtrace.search.explain import Explanation

__all__ = ["count_traces", "explain", "search_sessions", "search_spans", "search_traces"]

# Traces fetched at a time when all are wanted.
TRACES_AT_ONCE = 1_000


@overload
def search_traces(
    experiment_ids: Sequence[str] | None = ...,
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
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str | None = ...,
    max_results: int | None = ...,
    order_by: Sequence[str] | None = ...,
    extract_fields: Sequence[str] | None = ...,
    run_id: str | None = ...,
    return_type: Literal["pandas", "list"] | None = ...,
    model_id: str | None = ...,
    sql_warehouse_id: str | None = ...,
    include_spans: bool = ...,  # noqa: FBT001 - MLflow's signature
    locations: Sequence[str] | None = ...,
    flush: bool = ...,  # noqa: FBT001 - MLflow's signature
) -> pd.DataFrame | list[Trace]: ...


def search_traces(  # noqa: PLR0913, PLR0917 - MLflow's signature
    experiment_ids: Sequence[str] | None = None,
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
    experiment_ids : sequence of str, optional
        MLflow's former name of `locations`.
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
        A DataFrame where pandas is installed, else a list of `Trace`.
    model_id : str, optional
        Only the traces of this model; not together with a filter.
    sql_warehouse_id : str, optional
        Without meaning here.
    include_spans : bool
        Whether to read the spans too, which takes most of the time.
    locations : sequence of str, optional
        Ids or names of experiments; all of the store without.
    flush : bool
        Without meaning here; `nbtrace.search_traces` always sees what has ended.

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
    >>> search_traces(filter_string="tags.user = 'nobody'", return_type="list")
    []
    """
    del sql_warehouse_id, flush
    if return_type is None:
        return_type = "pandas" if importlib.util.find_spec("pandas") else "list"
    if return_type not in {"pandas", "list"}:
        message = f"return_type must be 'pandas' or 'list', got {return_type!r}"
        raise NbtraceError.invalid(message)
    if experiment_ids is not None:
        if locations is not None:
            message = "give locations only; experiment_ids is its former name"
            raise NbtraceError.invalid(message)
        locations = experiment_ids
    if extract_fields is not None:
        if return_type != "pandas":
            message = "extract_fields makes columns, so it needs return_type='pandas'"
            raise NbtraceError.invalid(message)
        warnings.warn(
            "extract_fields is deprecated; use the columns request, response and spans",
            FutureWarning,
            stacklevel=2,
        )
    found: list[Trace] = []
    facts: dict[str, trace_search.TraceFacts] = {}
    token: str | None = None
    store = current_store()
    while True:
        wanted = TRACES_AT_ONCE if max_results is None else max_results
        page = trace_search.search_traces(
            store,
            filter_string=filter_string,
            locations=locations,
            max_results=wanted,
            order_by=order_by,
            page_token=token,
            include_spans=include_spans,
            run_id=run_id,
            model_id=model_id,
        )
        found += page.traces
        facts |= page.facts
        token = page.token
        if token is None or max_results is not None:
            break
    if return_type == "list":
        return found
    from nbtrace.search.frame import to_pandas

    return to_pandas(found, facts, extract_fields)


def count_traces(filter_string: str | None = None, locations: Sequence[str] | None = None) -> int:
    """Return how many traces satisfy a filter.

    Parameters
    ----------
    filter_string : str, optional
        A filter; all traces without.
    locations : sequence of str, optional
        Ids or names of experiments; all of the store without.

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
    >>> count_traces("tags.user = 'nobody'")
    0
    """
    return trace_search.count_traces(current_store(), filter_string, locations)


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
        Ids or names of experiments; all of the store without.
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
    >>> len(search_spans("span.name = 'nobody'"))
    0
    """
    from nbtrace.search.spans import search_spans as search

    return search(
        current_store(),
        filter_string,
        max_results=max_results,
        locations=locations,
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
    >>> explain("span.attributes.k = 'v'").caveats[0]
    'attributes are compared up to 256 characters; a longer span.attributes.k, a list or a dict \
is not found'
    """
    return explaining.explain(
        current_store(), filter_string, locations=locations, order_by=order_by
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
        Ids or names of experiments; all of the store without.

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
    >>> search_sessions(locations=["no such experiment"])
    []
    """
    return session_search.search_sessions(
        current_store(),
        max_results=max_results,
        run_id=run_id,
        model_id=model_id,
        include_spans=include_spans,
        locations=locations,
    )
