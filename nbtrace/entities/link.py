"""A link from a span to a span of another trace, or of the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.constant import AttributeValue


class Link(Record):
    """A pointer to a span.

    Parameters
    ----------
    trace_id : str
        ``tr-`` and 32 hexadecimal digits.
    span_id : str
        16 hexadecimal digits.
    attributes : dict of str to AttributeValue
        Typed values.
    trace_state : str
        The W3C ``tracestate`` header of that span.
    flags : int
        OTLP's flags.

    Examples
    --------
    >>> Link("tr-" + "0a" * 16, "0b" * 8).span_id
    '0b0b0b0b0b0b0b0b'
    """

    __slots__ = ("trace_id", "span_id", "attributes", "trace_state", "flags")  # noqa: RUF023 - as called

    def __init__(
        self,
        trace_id: str,
        span_id: str,
        attributes: dict[str, AttributeValue] | None = None,
        *,
        trace_state: str = "",
        flags: int = 0,
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.attributes: dict[str, AttributeValue] = {} if attributes is None else attributes
        self.trace_state = trace_state
        self.flags = flags

    def to_dict(self) -> dict[str, Any]:
        """Return MLflow's dictionary.

        Examples
        --------
        >>> Link("tr-" + "0a" * 16, "0b" * 8).to_dict()["span_id"]
        '0b0b0b0b0b0b0b0b'
        """
        return {
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "attributes": dict(self.attributes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Link:
        """Return the link of MLflow's dictionary."""
        return cls(data["trace_id"], data["span_id"], dict(data.get("attributes") or {}))
