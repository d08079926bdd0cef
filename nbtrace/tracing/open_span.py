"""What a trace asks of a span that has not ended, whoever records it."""

from __future__ import annotations

from typing import Protocol


class OpenSpan(Protocol):
    """What a trace asks of a span that has not ended."""

    @property
    def scope(self) -> int:
        """Number of the resource and scope it came from."""

    @property
    def name(self) -> str:
        """Its name so far."""

    @property
    def parent_id(self) -> str | None:
        """The parent's span id, None for a root."""

    @property
    def start_time(self) -> int:
        """Nanoseconds since the epoch."""

    def line(self) -> bytes:
        """Return the span as it is now, one OTLP/JSON object."""
