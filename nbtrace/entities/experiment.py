"""A named group of traces, which may say where their spans are kept."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Experiment:
    """An experiment.

    Parameters
    ----------
    experiment_id : str
        Its id; ``"0"`` is the default experiment.
    name : str
        Its name, unique in the store.
    artifact_location : str or None
        Directory or fsspec URL of its span files, None for the store's own directory.
    lifecycle_stage : {"active", "deleted"}
        Whether it is in use.
    tags : dict of str to str
        Its tags.
    creation_time, last_update_time : int or None
        Milliseconds since the epoch.

    Examples
    --------
    >>> Experiment("0", "Default").lifecycle_stage
    'active'
    """

    experiment_id: str
    name: str
    artifact_location: str | None = None
    lifecycle_stage: str = "active"
    tags: dict[str, str] = field(default_factory=dict)
    creation_time: int | None = None
    last_update_time: int | None = None
