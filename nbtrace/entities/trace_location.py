"""Where a trace is kept."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nbtrace.entities.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_EXPERIMENT_ID = "0"


class TraceLocationType(StrEnum):
    """MLflow's kinds of place; nbtrace writes to experiments only and reads the others."""

    TRACE_LOCATION_TYPE_UNSPECIFIED = "TRACE_LOCATION_TYPE_UNSPECIFIED"
    MLFLOW_EXPERIMENT = "MLFLOW_EXPERIMENT"
    INFERENCE_TABLE = "INFERENCE_TABLE"
    UC_SCHEMA = "UC_SCHEMA"
    UC_TABLE_PREFIX = "UC_TABLE_PREFIX"


class MlflowExperimentLocation(Record):
    """An experiment as the place of a trace.

    Parameters
    ----------
    experiment_id : str
        Id of the experiment.

    Examples
    --------
    >>> MlflowExperimentLocation("0").to_dict()
    {'experiment_id': '0'}
    """

    __slots__ = ("experiment_id",)

    def __init__(self, experiment_id: str) -> None:
        self.experiment_id = experiment_id

    def to_dict(self) -> dict[str, Any]:
        """Return MLflow's dictionary."""
        return {"experiment_id": self.experiment_id}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MlflowExperimentLocation:
        """Return the location of MLflow's dictionary."""
        return cls(str(data["experiment_id"]))


class TraceLocation(Record):
    """Where a trace is kept: an experiment, or a place on Databricks that came with an import.

    Parameters
    ----------
    type : TraceLocationType
        The kind of place.
    mlflow_experiment : MlflowExperimentLocation or None
        The experiment.
    inference_table, uc_schema, uc_table_prefix : dict or None
        MLflow's dictionaries of the other kinds, kept as they came.

    Examples
    --------
    >>> TraceLocation.from_experiment_id("7").mlflow_experiment.experiment_id
    '7'
    """

    __slots__ = (  # noqa: RUF023 - the order of the arguments
        "type",
        "mlflow_experiment",
        "inference_table",
        "uc_schema",
        "uc_table_prefix",
    )

    def __init__(
        self,
        type: TraceLocationType | str,  # noqa: A002 - MLflow's name
        mlflow_experiment: MlflowExperimentLocation | None = None,
        inference_table: dict[str, Any] | None = None,
        uc_schema: dict[str, Any] | None = None,
        uc_table_prefix: dict[str, Any] | None = None,
    ) -> None:
        self.type = TraceLocationType(type)
        self.mlflow_experiment = mlflow_experiment
        self.inference_table = inference_table
        self.uc_schema = uc_schema
        self.uc_table_prefix = uc_table_prefix

    @classmethod
    def from_experiment_id(cls, experiment_id: str) -> TraceLocation:
        """Return the location of an experiment."""
        return cls(
            TraceLocationType.MLFLOW_EXPERIMENT, MlflowExperimentLocation(str(experiment_id))
        )

    def to_dict(self) -> dict[str, Any]:
        """Return MLflow's dictionary."""
        data: dict[str, Any] = {"type": self.type.value}
        if self.mlflow_experiment is not None:
            data["mlflow_experiment"] = self.mlflow_experiment.to_dict()
        for key in ("inference_table", "uc_schema", "uc_table_prefix"):
            value = getattr(self, key)
            if value is not None:
                data[key] = dict(value)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TraceLocation:
        """Return the location of MLflow's dictionary.

        Parameters
        ----------
        data : Mapping
            What `to_dict`, or MLflow's, returned.

        Returns
        -------
        TraceLocation
            The location; a kind that is not known becomes unspecified.

        Examples
        --------
        >>> location = TraceLocation.from_experiment_id("7")
        >>> TraceLocation.from_dict(location.to_dict()) == location
        True
        """
        name = data.get("type") or TraceLocationType.TRACE_LOCATION_TYPE_UNSPECIFIED
        try:
            kind = TraceLocationType(name)
        except ValueError:
            kind = TraceLocationType.TRACE_LOCATION_TYPE_UNSPECIFIED
        experiment = data.get("mlflow_experiment")
        return cls(
            kind,
            MlflowExperimentLocation.from_dict(experiment) if experiment else None,
            data.get("inference_table"),
            data.get("uc_schema"),
            data.get("uc_table_prefix"),
        )
