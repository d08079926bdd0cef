"""How a span ended, and how much it matters."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from nbtrace.entities.record import Record
from nbtrace.exceptions import NbtraceError


class SpanStatusCode(StrEnum):
    """The three codes of OpenTelemetry.

    Examples
    --------
    >>> SpanStatusCode("OK") is SpanStatusCode.OK
    True
    """

    UNSET = "UNSET"
    OK = "OK"
    ERROR = "ERROR"


class SpanStatus(Record):
    """The status of a span.

    Parameters
    ----------
    status_code : SpanStatusCode or str
        The code, or its name.
    description : str
        What went wrong; empty unless the code is ``ERROR``.

    Raises
    ------
    NbtraceError
        When the code is none of ``UNSET``, ``OK``, ``ERROR``.

    Examples
    --------
    >>> SpanStatus("ERROR", "ValueError: no").status_code.value
    'ERROR'
    """

    __slots__ = ("status_code", "description")  # noqa: RUF023 - the order of the arguments

    def __init__(self, status_code: SpanStatusCode | str, description: str = "") -> None:
        if type(status_code) is SpanStatusCode:
            self.status_code = status_code
        else:
            try:
                self.status_code = SpanStatusCode(status_code)
            except ValueError:
                message = f"a status code is one of UNSET, OK, ERROR; got {status_code!r}"
                raise NbtraceError.invalid(message) from None
        self.description = description


class SpanLogLevel(IntEnum):
    """How much a span matters; the numbers are those of Python's ``logging``.

    Examples
    --------
    >>> SpanLogLevel.from_value("warning").value
    30
    """

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50

    @classmethod
    def from_value(cls, value: SpanLogLevel | int | str) -> SpanLogLevel:
        """Return the level for a level, a number or a name in any case.

        Raises
        ------
        NbtraceError
            When there is no such level.
        """
        try:
            if isinstance(value, str):
                return cls(int(value)) if value.isdigit() else cls[value.upper()]
            return cls(value)
        except (KeyError, ValueError):
            names = ", ".join(level.name for level in cls)
            message = f"a log level is one of {names} or its number; got {value!r}"
            raise NbtraceError.invalid(message) from None
