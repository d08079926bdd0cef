"""What most spans never have: attributes beyond the usual, events, links, and what is rarer.

They stand apart, made when the first of them is set, so that a plain span pays for one slot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from nbtrace.tracing.otel_limits import Losses
    from nbtrace.tracing.span_data import SpanData

T = TypeVar("T")

INTERNAL = 1
# What becomes of an exception that leaves a span's own block: an event, the status.
EXCEPTION_AND_STATUS = (True, True)


class Details:
    """The fields, each None or its usual value until it is set."""

    __slots__ = (
        "context",
        "event_list",
        "extra",
        "kind_number",
        "link_list",
        "losses",
        "on_error",
        "parent_context",
        "scope",
        "status_message",
    )

    def __init__(self) -> None:
        self.extra: dict[str, Any] | None = None
        self.event_list: list[dict[str, Any]] | None = None
        self.link_list: list[dict[str, Any]] | None = None
        self.kind_number = INTERNAL
        self.scope = 0
        self.status_message: str | None = None
        self.context: SpanContext | None = None
        self.parent_context: SpanContext | None = None
        self.losses: Losses | None = None
        self.on_error = EXCEPTION_AND_STATUS


class Detail(Generic[T]):
    """A field of a record's details, read and written as if it were the record's own."""

    def __init__(self, default: T) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, record: SpanData, owner: type | None = None) -> T:
        details = record.details
        return self._default if details is None else getattr(details, self._name)

    def __set__(self, record: SpanData, value: T) -> None:
        if record.details is None:
            record.details = Details()
        setattr(record.details, self._name, value)
