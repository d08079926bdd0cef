"""The experiments of a store, and where each keeps its spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.exceptions import NbtraceError
from nbtrace.store.experiments import (
    add_experiment,
    change_experiment,
    change_experiment_tag,
    checked_name,
    find_experiment,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbtrace.entities import Experiment
    from nbtrace.store.database import Database

__all__ = ["ExperimentStore"]

SPANS_NAME = "traces"


class ExperimentStore:
    """What `nbtrace.store.store.Store` knows of experiments.

    Attributes
    ----------
    directory : pathlib.Path
        The ``.nbtrace`` directory.
    database : Database
        Its connections.
    """

    directory: Path
    database: Database
    # an experiment's location never changes
    _locations: dict[str, str]

    def create_experiment(
        self,
        name: str,
        artifact_location: str | Path | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> str:
        """Create an experiment.

        Parameters
        ----------
        name : str
            A name that no experiment has, up to 500 characters.
        artifact_location : str or pathlib.Path, optional
            Where its span files go: any directory, or a URL that fsspec understands.
        tags : mapping of str to str, optional
            Its tags.

        Returns
        -------
        str
            Its id.

        Raises
        ------
        NbtraceError
            ``RESOURCE_ALREADY_EXISTS`` if the name is taken, ``INVALID_PARAMETER_VALUE`` if the
            name, the location or a tag cannot be used.
        """
        return add_experiment(self.database, name, artifact_location, tags)

    def ensure_experiment(self, name: str) -> Experiment:
        """Return the experiment of a name, made if there is none, also when two processes ask.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        Experiment
            The experiment.

        Raises
        ------
        NbtraceError
            ``INVALID_PARAMETER_VALUE`` if the name cannot be one.
        """
        found = self.get_experiment_by_name(checked_name(name))
        while found is None:
            try:
                self.create_experiment(name)
            except NbtraceError as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            found = self.get_experiment_by_name(name)
        return found

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment.

        Parameters
        ----------
        experiment_id : str
            Its id.

        Returns
        -------
        Experiment
            The experiment.

        Raises
        ------
        NbtraceError
            ``RESOURCE_DOES_NOT_EXIST`` if there is none.
        """
        found = find_experiment(self.database, experiment_id=str(experiment_id))
        if found is None:
            raise NbtraceError.missing(
                f"there is no experiment with id {experiment_id!r} in {self.directory}; "
                "create_experiment makes one"
            )
        return found

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Return the experiment of a name.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        Experiment or None
            ``None`` if there is none.
        """
        return find_experiment(self.database, name=name)

    def change_experiment(
        self, experiment_id: str, *, name: str | None = None, stage: str | None = None
    ) -> None:
        """Rename, delete or restore an experiment; see `nbtrace.store.experiments`."""
        change_experiment(self.database, experiment_id, name=name, stage=stage)

    def set_experiment_tag(self, experiment_id: str, key: str, value: object) -> None:
        """Set a tag of an experiment; other things than texts become their ``str``."""
        change_experiment_tag(self.database, experiment_id, key, str(value))

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag of an experiment."""
        change_experiment_tag(self.database, experiment_id, key, None)

    def span_location(self, experiment_id: str) -> str:
        """Return where the span files of an experiment are kept.

        Parameters
        ----------
        experiment_id : str
            Its id; one that does not exist counts as the default experiment.

        Returns
        -------
        str
            A directory or a URL. An experiment's location never changes.

        Raises
        ------
        StoreUnavailable
            If the database cannot be read.
        """
        default = f"{self.directory.as_posix()}/{SPANS_NAME}"
        if experiment_id == "0":
            return default
        location = self._locations.get(experiment_id)
        if location is None:
            found = find_experiment(self.database, experiment_id=experiment_id)
            location = (found and found.artifact_location) or default
            if found is not None:
                self._locations[experiment_id] = location
        return location
