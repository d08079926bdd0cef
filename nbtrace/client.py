"""Finding and keeping, as people call it: search, experiments, and MLflow's client object.

Whatever reads waits first until what has ended is on disk, so that a trace is found in the same
cell that made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.store import current_store
from nbtrace.tracing.environment import ActiveExperiment
from nbtrace.tracing.traces import flush_traces

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from nbtrace.entities import Experiment
    from nbtrace.search.explain import Explanation


def search_traces(*args: Any, **kwargs: Any) -> Any:
    """Find traces; see ``nbtrace.search.api.search_traces`` for everything it takes.

    Without ``locations`` the experiment chosen by ``set_experiment`` is searched, as in MLflow, and
    every experiment where none was chosen.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("step"):
    ...     pass
    >>> list(nbtrace.search_traces("name = 'step'", max_results=1)["state"])
    ['OK']
    """
    from nbtrace.search import api

    kwargs.pop("flush", None)
    flush_traces()
    args = _filter_first(args, kwargs)
    if not (args and args[0]) and not kwargs.get("experiment_ids"):
        _search_the_chosen_experiment(kwargs, kwargs.get("filter_string"))
    return api.search_traces(*args, **kwargs)


def _search_the_chosen_experiment(kwargs: dict[str, Any], filter_string: str | None) -> None:
    """Fill in the experiment of ``set_experiment``, unless the filter speaks of experiments."""
    chosen = ActiveExperiment.experiment_id
    if chosen is not None and "experiment" not in (filter_string or ""):
        kwargs["locations"] = kwargs.get("locations") or [chosen]


def _filter_first(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    # MLflow's first parameter is the deprecated experiment_ids; a lone string there is a filter
    if args and isinstance(args[0], str) and "filter_string" not in kwargs:
        kwargs["filter_string"] = args[0]
        return args[1:] and (None, *args[1:])
    return args


def count_traces(filter_string: str | None = None, **kwargs: Any) -> int:
    """Return how many traces a filter finds.

    Parameters
    ----------
    filter_string : str, optional
        In the language of ``search_traces``.
    """
    from nbtrace.search import api

    flush_traces()
    _search_the_chosen_experiment(kwargs, filter_string)
    return api.count_traces(filter_string, **kwargs)


def search_spans(filter_string: str | None = None, **kwargs: Any) -> pd.DataFrame:
    """Find spans, a row each; see ``nbtrace.search.api.search_spans`` for everything it takes.

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
    _search_the_chosen_experiment(kwargs, filter_string)
    return api.search_spans(filter_string, **kwargs)


def explain(filter_string: str | None = None, **kwargs: Any) -> Explanation:
    """Say how a search is done; see ``nbtrace.search.api.explain``.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.explain("state = 'ERROR'").parameters[0]
    'ERROR'
    """
    from nbtrace.search import api

    flush_traces()
    _search_the_chosen_experiment(kwargs, filter_string)
    return api.explain(filter_string, **kwargs)


def search_sessions(*args: Any, **kwargs: Any) -> Any:
    """Find conversations, newest first; see ``nbtrace.search.api.search_sessions``."""
    from nbtrace.search import api

    flush_traces()
    return api.search_sessions(*args, **kwargs)


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


def create_experiment(
    name: str, artifact_location: str | None = None, tags: dict[str, str] | None = None
) -> str:
    """Make an experiment and return its id.

    Parameters
    ----------
    name : str
        Not in use yet.
    artifact_location : str, optional
        A directory or fsspec URL for its span files; the store's own by default.
    tags : dict of str to str, optional
        Of the experiment.

    Raises
    ------
    NbtraceError
        When the name is in use.
    """
    return current_store().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str) -> Experiment:
    """Return an experiment.

    Raises
    ------
    NbtraceError
        When there is none with this id.
    """
    return current_store().get_experiment(str(experiment_id))


def get_experiment_by_name(name: str) -> Experiment | None:
    """Return an experiment by its name, None when there is none."""
    return current_store().get_experiment_by_name(name)
