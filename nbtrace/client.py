"""Finding and keeping, as people call it: search, experiments, and MLflow's client object.

Whatever reads waits first until what has ended is on disk, so that a trace is found in the same
cell that made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.store import current_store
from nbtrace.tracing.traces import flush_traces

if TYPE_CHECKING:
    from nbtrace.entities import Experiment


def search_traces(*args: Any, **kwargs: Any) -> Any:
    """Find traces; see ``nbtrace.search.api.search_traces`` for everything it takes.

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
    return api.search_traces(*_filter_first(args, kwargs), **kwargs)


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
    return api.count_traces(filter_string, **kwargs)


def search_sessions(*args: Any, **kwargs: Any) -> Any:
    """Find conversations, newest first; see ``nbtrace.search.api.search_sessions``."""
    from nbtrace.search import api

    flush_traces()
    return api.search_sessions(*args, **kwargs)


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
