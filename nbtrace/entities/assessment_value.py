"""What an assessment says: feedback, an expectation or the name of an issue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrace.entities.assessment_error import AssessmentError
from nbtrace.entities.json_text import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Mapping

_JSON_FORMAT = "JSON_FORMAT"


@dataclass(slots=True)
class FeedbackValue:
    """The value of a feedback, or why there is none.

    Parameters
    ----------
    value : object
        Number, text, truth value, or a list or dict of these.
    error : AssessmentError or None
        Why there is no value.
    """

    value: Any
    error: AssessmentError | None = None

    def to_dictionary(self) -> dict[str, Any]:
        """Return MLflow's dictionary."""
        data: dict[str, Any] = {"value": self.value}
        if self.error is not None:
            data["error"] = self.error.to_dictionary()
        return data

    @classmethod
    def from_dictionary(cls, data: Mapping[str, Any]) -> FeedbackValue:
        """Return the value of MLflow's dictionary."""
        error = data.get("error")
        return cls(data.get("value"), AssessmentError.from_dictionary(error) if error else None)


@dataclass(slots=True)
class ExpectationValue:
    """The value of an expectation.

    Parameters
    ----------
    value : object
        Whatever JSON can hold.
    """

    value: Any

    def to_dictionary(self) -> dict[str, Any]:
        """Return MLflow's dictionary; lists and dicts are JSON text in it."""
        if self.value is None or isinstance(self.value, str | int | float):
            return {"value": self.value}
        return {
            "serialized_value": {"serialization_format": _JSON_FORMAT, "value": dumps(self.value)}
        }

    @classmethod
    def from_dictionary(cls, data: Mapping[str, Any]) -> ExpectationValue:
        """Return the value of MLflow's dictionary."""
        if "serialized_value" in data:
            return cls(loads(data["serialized_value"]["value"]))
        return cls(data.get("value"))


@dataclass(slots=True)
class IssueReferenceValue:
    """The name of an issue.

    Parameters
    ----------
    issue_name : str
        Its name.
    """

    issue_name: str

    def to_dictionary(self) -> dict[str, Any]:
        """Return MLflow's dictionary."""
        return {"issue_name": self.issue_name}
