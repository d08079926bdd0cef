"""Who or what made an assessment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Mapping


class AssessmentSourceType:
    """The kinds of source; ``AI_JUDGE`` is MLflow's old name of ``LLM_JUDGE``."""

    SOURCE_TYPE_UNSPECIFIED: Final = "SOURCE_TYPE_UNSPECIFIED"
    LLM_JUDGE: Final = "LLM_JUDGE"
    AI_JUDGE: Final = "AI_JUDGE"
    HUMAN: Final = "HUMAN"
    CODE: Final = "CODE"


_SOURCE_TYPES = ("HUMAN", "LLM_JUDGE", "CODE", "SOURCE_TYPE_UNSPECIFIED")


@dataclass(slots=True)
class AssessmentSource:
    """The source of an assessment.

    Parameters
    ----------
    source_type : str
        One of `AssessmentSourceType`, in any case.
    source_id : str
        Who exactly: a person, a model, a function.

    Raises
    ------
    NbtraceError
        When there is no such type.

    Examples
    --------
    >>> AssessmentSource("human", "ada").source_type
    'HUMAN'
    """

    source_type: str
    source_id: str = "default"

    def __post_init__(self) -> None:
        name = str(self.source_type).upper()
        if name == AssessmentSourceType.AI_JUDGE:
            name = AssessmentSourceType.LLM_JUDGE
        if name not in _SOURCE_TYPES:
            message = f"source_type is one of {', '.join(_SOURCE_TYPES)}; got {self.source_type!r}"
            raise NbtraceError.invalid(message)
        self.source_type = name

    def to_dictionary(self) -> dict[str, Any]:
        """Return MLflow's dictionary."""
        return {"source_type": self.source_type, "source_id": self.source_id}

    @classmethod
    def from_dictionary(cls, data: Mapping[str, Any]) -> AssessmentSource:
        """Return the source of MLflow's dictionary."""
        return cls(
            data.get("source_type") or AssessmentSourceType.SOURCE_TYPE_UNSPECIFIED,
            data.get("source_id") or "default",
        )
