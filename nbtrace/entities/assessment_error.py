"""Why an assessment has no value."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# A stack trace is there to find the fault; its end says most, and the database keeps every byte.
STACK_TRACE_CHARACTERS = 10_000
_CUT_MARK = "[Stack trace is truncated]\n...\n"


@dataclass(slots=True)
class AssessmentError:
    """An error in place of a value.

    Parameters
    ----------
    error_code : str
        Short name of the error, such as an exception's type.
    error_message : str or None
        What went wrong.
    stack_trace : str or None
        Where.

    Examples
    --------
    >>> AssessmentError.from_exception(ValueError("no")).error_code
    'ValueError'
    """

    error_code: str
    error_message: str | None = None
    stack_trace: str | None = None

    @classmethod
    def from_exception(cls, error: BaseException) -> AssessmentError:
        """Return the error of an exception."""
        stack = "".join(traceback.format_exception(error))
        return cls(type(error).__name__, str(error), stack)

    def to_dictionary(self) -> dict[str, Any]:
        """Return MLflow's dictionary; a long stack trace keeps its end."""
        data: dict[str, Any] = {"error_code": self.error_code}
        if self.error_message is not None:
            data["error_message"] = self.error_message
        if self.stack_trace is not None:
            stack = self.stack_trace
            if len(stack) > STACK_TRACE_CHARACTERS:
                stack = _CUT_MARK + stack[len(_CUT_MARK) - STACK_TRACE_CHARACTERS :]
            data["stack_trace"] = stack
        return data

    @classmethod
    def from_dictionary(cls, data: Mapping[str, Any]) -> AssessmentError:
        """Return the error of MLflow's dictionary."""
        return cls(data["error_code"], data.get("error_message"), data.get("stack_trace"))
