"""Experiments, as people call them: made, chosen, found, tagged and deleted.

`set_experiment` is with the other settings, in ``nbtrace.tracing.settings``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities.checks import checked_mapping
from nbtrace.entities.view_type import ViewType
from nbtrace.store import current_store
from nbtrace.store.experiments import checked_name
from nbtrace.tracing.environment import active_experiment_id
from nbtrace.tracing.redaction import redact_text
from nbtrace.tracing.settings import forget_experiment
from nbtrace.tracing.texts import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbtrace.entities import Experiment

# All there are, a page at a time.
EXPERIMENTS_AT_ONCE = 1_000


def create_experiment(
    name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
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
    given = checked_mapping("tags", tags)
    kept = {plain_text(key): plain_text(value) for key, value in given.items()}
    return current_store().create_experiment(
        redact_text(checked_name(name)), artifact_location, kept
    )


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
    return current_store().get_experiment_by_name(redact_text(checked_name(name)))


def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """Return the experiments that satisfy a filter.

    Parameters
    ----------
    view_type : int
        One of ``nbtrace.entities.ViewType``: those in use, those deleted, or both.
    max_results : int, optional
        How many at most; all without.
    filter_string : str, optional
        On ``name``, ``tags.<key>``, ``creation_time`` and ``last_update_time``, in the language of
        ``search_traces``.
    order_by : sequence of str, optional
        Such as ``["name ASC"]``; newest first without.

    Returns
    -------
    list of Experiment
        The experiments.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for an argument that cannot work.

    Examples
    --------
    >>> import nbtrace
    >>> [found.name for found in nbtrace.search_experiments(filter_string="name LIKE 'Def%'")]
    ['Default']
    """
    from nbtrace.search.experiments import search_experiments as search

    found: list[Experiment] = []
    token: str | None = None
    while True:
        page = search(
            current_store(),
            view_type=view_type,
            max_results=EXPERIMENTS_AT_ONCE if max_results is None else max_results,
            filter_string=filter_string,
            order_by=order_by,
            page_token=token,
        )
        found += page
        token = page.token
        if token is None or max_results is not None:
            return found


def delete_experiment(experiment_id: str) -> None:
    """Delete an experiment: its traces are no longer found, until it is restored.

    Parameters
    ----------
    experiment_id : str
        Its id. If it was chosen by ``set_experiment``, new traces go to the default one again.

    Raises
    ------
    NbtraceError
        When there is none with this id, and for the default experiment.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.delete_experiment(nbtrace.create_experiment("to be deleted"))
    >>> nbtrace.get_experiment_by_name("to be deleted").lifecycle_stage
    'deleted'
    """
    current_store().change_experiment(str(experiment_id), stage="deleted")
    forget_experiment(str(experiment_id))


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the experiment that new traces go to.

    Parameters
    ----------
    key : str
        At most 250 characters.
    value : str
        Other values become text.

    Raises
    ------
    NbtraceError
        When the key cannot be used.

    Examples
    --------
    >>> import nbtrace
    >>> _ = nbtrace.set_experiment("prompts")
    >>> nbtrace.set_experiment_tag("team", "search")
    >>> nbtrace.get_experiment_by_name("prompts").tags
    {'team': 'search'}
    """
    store = current_store()
    store.set_experiment_tag(active_experiment_id(store), plain_text(key), plain_text(value))


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set several tags of the experiment that new traces go to.

    Parameters
    ----------
    tags : mapping of str to str
        Keys and values.
    """
    for key, value in checked_mapping("tags", tags).items():
        set_experiment_tag(key, value)


def delete_experiment_tag(key: str) -> None:
    """Delete a tag of the experiment that new traces go to.

    Parameters
    ----------
    key : str
        The tag.

    Raises
    ------
    NbtraceError
        When it has no such tag.
    """
    store = current_store()
    store.delete_experiment_tag(active_experiment_id(store), key)
