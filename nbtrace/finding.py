"""Finding traces and deleting them, as people call it.

Whatever reads waits first until what has ended is on disk, so that a trace is found in the same
cell that made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store
from nbtrace.tracing.environment import ActiveExperiment
from nbtrace.tracing.traces import flush_traces

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from nbtrace.entities import PagedList, Session, Trace
    from nbtrace.search.explain import Explanation


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
) -> Any:
    """Find traces; see ``nbtrace.search.api.search_traces`` for what each parameter means.

    Without ``locations`` the experiment chosen by ``set_experiment`` is searched, as in MLflow, and
    every experiment where none was chosen.

    Parameters
    ----------
    experiment_ids : str or sequence of str, optional
        A text is the filter; a list is MLflow's former name of `locations`.
    filter_string : str, optional
        Such as ``"state = 'ERROR' AND execution_time > 500"``.
    max_results, order_by, extract_fields, run_id, return_type, model_id, include_spans, locations
        As there.
    sql_warehouse_id, flush
        Accepted for MLflow's sake: what has ended is always found.

    Returns
    -------
    pandas.DataFrame or list of Trace
        A row, or a trace, each.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for an argument that cannot work.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("step"):
    ...     pass
    >>> list(nbtrace.search_traces("name = 'step'", max_results=1)["state"])
    ['OK']
    """
    from nbtrace.search import api

    del sql_warehouse_id, flush
    flush_traces()
    if isinstance(experiment_ids, str):
        if filter_string is not None:
            message = "experiment_ids must be a list of ids; locations is its newer name"
            raise NbtraceError.invalid(message)
        experiment_ids, filter_string = None, experiment_ids
    if experiment_ids is None:
        locations = _locations(locations, filter_string)
    return api.search_traces(
        experiment_ids,
        filter_string,
        max_results,
        order_by,
        extract_fields,
        run_id,
        return_type,
        model_id,
        include_spans=include_spans,
        locations=locations,
    )


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
    """Return how many traces a filter finds.

    Parameters
    ----------
    filter_string : str, optional
        In the language of ``search_traces``.
    locations : sequence of str, optional
        Ids or names of experiments; as for ``search_traces`` without.
    """
    from nbtrace.search import api

    flush_traces()
    return api.count_traces(filter_string, _locations(locations, filter_string))


def search_spans(
    filter_string: str | None = None,
    *,
    max_results: int | None = None,
    locations: Sequence[str] | None = None,
    include_content: bool = True,
) -> pd.DataFrame:
    """Find spans, a row each; see ``nbtrace.search.api.search_spans`` for what it takes.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("embed", span_type="EMBEDDING"):
    ...     pass
    >>> list(nbtrace.search_spans("span.type = 'EMBEDDING'", max_results=1)["name"])
    ['embed']
    """
    from nbtrace.search import api

    flush_traces()
    return api.search_spans(
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
    """Say how a search is done; see ``nbtrace.search.api.explain``.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.explain("state = 'ERROR'").parameters[0]
    'ERROR'
    """
    from nbtrace.search import api

    flush_traces()
    return api.explain(
        filter_string, locations=_locations(locations, filter_string), order_by=order_by
    )


def search_sessions(
    max_results: int = 100,
    run_id: str | None = None,
    model_id: str | None = None,
    include_spans: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    locations: Sequence[str] | None = None,
) -> list[Session]:
    """Find conversations, newest first; see ``nbtrace.search.api.search_sessions``.

    Without ``locations`` the experiment chosen by ``set_experiment`` is searched.
    """
    from nbtrace.search import api

    flush_traces()
    return api.search_sessions(
        max_results, run_id, model_id, include_spans, _locations(locations, None)
    )


def delete_traces(
    experiment_id: str,
    max_timestamp_millis: int | None = None,
    max_traces: int | None = None,
    trace_ids: Sequence[str] | None = None,
) -> int:
    """Delete traces; for a week, and until ``nbtrace gc``, `restore_traces` brings them back.

    Parameters
    ----------
    experiment_id : str
        Only traces of this experiment.
    max_timestamp_millis : int, optional
        Those that began then or earlier, in milliseconds since the epoch.
    max_traces : int, optional
        Together with `max_timestamp_millis`: so many at most, the oldest first.
    trace_ids : sequence of str, optional
        Those with these ids, instead of by time.

    Returns
    -------
    int
        How many were deleted.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` unless exactly one of time and ids is given.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("step") as span:
    ...     pass
    >>> nbtrace.delete_traces("0", trace_ids=[span.trace_id])
    1
    >>> nbtrace.restore_traces([span.trace_id])
    1
    """
    from nbtrace.store import trash

    flush_traces()
    return trash.delete_traces(
        current_store().database, experiment_id, max_timestamp_millis, max_traces, trace_ids
    )


def restore_traces(trace_ids: Sequence[str]) -> int:
    """Bring deleted traces back, with everything that belongs to them.

    Parameters
    ----------
    trace_ids : sequence of str
        With or without ``tr-``.

    Returns
    -------
    int
        How many came back.
    """
    from nbtrace.store import trash

    return trash.restore_traces(current_store().database, trace_ids)
