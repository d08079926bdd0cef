"""The state of a trace."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbtrace.entities.span_status import SpanStatusCode


class TraceState(StrEnum):
    """The state of a trace.

    Examples
    --------
    >>> TraceState("OK") is TraceState.OK
    True
    """

    STATE_UNSPECIFIED = "STATE_UNSPECIFIED"
    OK = "OK"
    ERROR = "ERROR"
    IN_PROGRESS = "IN_PROGRESS"

    @classmethod
    def from_status_code(cls, code: SpanStatusCode | str) -> TraceState:
        """Return the state of a trace whose root ended with a status code.

        Parameters
        ----------
        code : SpanStatusCode or str
            The root's code; a root that ended ``UNSET`` went well.

        Returns
        -------
        TraceState
            ``OK`` or ``ERROR``.

        Examples
        --------
        >>> TraceState.from_status_code("UNSET").value
        'OK'
        """
        return cls.ERROR if code == "ERROR" else cls.OK
