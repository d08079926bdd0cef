"""The span of code that is not traced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities import Link, Span, SpanEvent, SpanLogLevel, SpanStatus, SpanStatusCode
from nbtrace.entities.constant import NO_OP_SPAN_TRACE_ID

if TYPE_CHECKING:
    from collections.abc import Mapping


class NoOpSpan(Span):
    """The span of code that is not traced: it takes every call and keeps nothing."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(trace_id=NO_OP_SPAN_TRACE_ID, span_id="", name="", start_time_ns=0)

    def set_inputs(self, inputs: Any) -> None:
        """Do nothing."""

    def set_outputs(self, outputs: Any) -> None:
        """Do nothing."""

    def set_attribute(self, key: str, value: Any) -> None:
        """Do nothing."""

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Do nothing."""

    def set_span_type(self, span_type: str) -> None:
        """Do nothing."""

    def set_description(self, description: str) -> None:
        """Do nothing."""

    def set_log_level(self, level: SpanLogLevel | int | str) -> None:
        """Do nothing."""

    def set_status(self, status: SpanStatus | SpanStatusCode | str) -> None:
        """Do nothing."""

    def add_event(self, event: SpanEvent) -> None:
        """Do nothing."""

    def add_link(self, link: Link) -> None:
        """Do nothing."""

    def record_exception(self, exception: BaseException | str) -> None:
        """Do nothing."""

    def end(
        self,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: SpanStatus | SpanStatusCode | str | None = None,
        end_time_ns: int | None = None,
    ) -> None:
        """Do nothing."""


NO_OP = NoOpSpan()
