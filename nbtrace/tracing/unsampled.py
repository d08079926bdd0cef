"""The span that stands where nothing is recorded."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import Span as OtelSpan


class Unsampled(OtelSpan):
    """Stands in the context where a trace is not recorded, so that its children are not either."""

    __slots__ = ()

    def __reduce__(self) -> str:
        """Stay the one there is, also in another process."""
        return "UNSAMPLED"

    def get_span_context(self) -> Any:
        """Return the invalid context."""
        from opentelemetry.trace import INVALID_SPAN_CONTEXT

        return INVALID_SPAN_CONTEXT

    def is_recording(self) -> bool:
        """Return False."""
        return False

    def end(self, end_time: int | None = None) -> None:
        """Do nothing."""

    def set_attributes(self, attributes: Any) -> None:
        """Do nothing."""

    def set_attribute(self, key: str, value: Any) -> None:
        """Do nothing."""

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        """Do nothing."""

    def update_name(self, name: str) -> None:
        """Do nothing."""

    def set_status(self, status: Any, description: str | None = None) -> None:
        """Do nothing."""

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
    ) -> None:
        """Do nothing."""


UNSAMPLED = Unsampled()
