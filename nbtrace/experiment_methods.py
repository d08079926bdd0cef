"""What `nbtrace.client.MlflowClient` does with experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace import experiments
from nbtrace.entities.view_type import ViewType
from nbtrace.store import current_store
from nbtrace.tracing.texts import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbtrace.entities import Experiment, PagedList

__all__ = ["ExperimentMethods"]


class ExperimentMethods:
    """Experiments by their ids; they are those of this process's store."""

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> str:
        """Make an experiment; see ``nbtrace.create_experiment``."""
        return experiments.create_experiment(name, artifact_location, tags)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment; see ``nbtrace.get_experiment``."""
        return experiments.get_experiment(experiment_id)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Return an experiment by its name, None when there is none."""
        return experiments.get_experiment_by_name(name)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Return a page of experiments; see ``nbtrace.search_experiments``."""
        from nbtrace.search.experiments import search_experiments

        return search_experiments(
            current_store(),
            view_type=view_type,
            max_results=max_results,
            filter_string=filter_string,
            order_by=order_by,
            page_token=page_token,
        )

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment; see ``nbtrace.delete_experiment``."""
        experiments.delete_experiment(experiment_id)

    def restore_experiment(self, experiment_id: str) -> None:
        """Bring a deleted experiment back, with its traces."""
        current_store().change_experiment(str(experiment_id), stage="active")

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an experiment another name."""
        current_store().change_experiment(str(experiment_id), name=plain_text(new_name))

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag of an experiment; other values become text."""
        current_store().set_experiment_tag(str(experiment_id), key, plain_text(value))

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag of an experiment."""
        current_store().delete_experiment_tag(str(experiment_id), key)
