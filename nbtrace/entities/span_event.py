"""Something that happened at one moment of a span."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nbtrace.entities.constant import SpanEventKey
from nbtrace.entities.record import Record

if TYPE_CHECKING:
    from nbtrace.entities.constant import AttributeValue


class SpanEvent(Record):
    """An event of a span.

    Parameters
    ----------
    name : str
        What happened, such as ``"exception"``.
    timestamp : int
        When, in nanoseconds since the epoch; now when left out.
    attributes : dict of str to AttributeValue
        Typed values.

    Examples
    --------
    >>> SpanEvent("retry", timestamp=1, attributes={"attempt": 2}).name
    'retry'
    """

    __slots__ = ("name", "timestamp", "attributes")  # noqa: RUF023 - the order of the arguments

    def __init__(
        self,
        name: str,
        timestamp: int | None = None,
        attributes: dict[str, AttributeValue] | None = None,
    ) -> None:
        self.name = name
        self.timestamp = time.time_ns() if timestamp is None else timestamp
        self.attributes: dict[str, AttributeValue] = {} if attributes is None else attributes

    @classmethod
    def from_exception(cls, exception: BaseException) -> SpanEvent:
        """Return the event that records an exception, under OpenTelemetry's names.

        Parameters
        ----------
        exception : BaseException
            The exception; one whose ``__str__`` raises is recorded without its message.

        Returns
        -------
        SpanEvent
            An event named ``exception`` with message, type and stack trace.

        Examples
        --------
        >>> SpanEvent.from_exception(ValueError("no")).attributes["exception.type"]
        'ValueError'
        """
        import traceback

        try:
            message = str(exception)
        except Exception:
            message = "<the message could not be read>"
        try:
            stack = "".join(
                traceback.format_exception(type(exception), exception, exception.__traceback__)
            )
        except Exception:
            stack = ""
        return cls(
            SpanEventKey.EXCEPTION,
            attributes={
                SpanEventKey.EXCEPTION_MESSAGE: message,
                SpanEventKey.EXCEPTION_TYPE: type(exception).__name__,
                SpanEventKey.EXCEPTION_STACKTRACE: stack,
            },
        )
