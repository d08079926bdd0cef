"""The spans of a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities.constant import SpanAttributeKey
from nbtrace.entities.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class TraceData:
    """The spans of a trace.

    Parameters
    ----------
    spans : iterable of Span
        In the order in which they started.

    Examples
    --------
    >>> TraceData().spans
    []
    """

    __slots__ = ("spans",)

    def __init__(self, spans: Iterable[Span] | None = None) -> None:
        self.spans: list[Span] = list(spans or ())

    @property
    def root(self) -> Span | None:
        """The first span without a parent, else the first whose parent is not here."""
        for span in self.spans:
            if span.parent_id is None:
                return span
        known = {span.span_id for span in self.spans}
        return next((span for span in self.spans if span.parent_id not in known), None)

    @property
    def request(self) -> str | None:
        """The root's inputs as JSON text."""
        return self._text(SpanAttributeKey.INPUTS)

    @property
    def response(self) -> str | None:
        """The root's outputs as JSON text."""
        return self._text(SpanAttributeKey.OUTPUTS)

    def _text(self, key: str) -> str | None:
        root = self.root
        value = None if root is None else root.raw_attributes.get(key)
        return value if isinstance(value, str) else None

    @property
    def intermediate_outputs(self) -> dict[str, Any] | None:
        """The outputs of all spans below the root by name; a repeated name gets ``_1``, ``_2``."""
        root = self.root
        stored = root and root.get_attribute(SpanAttributeKey.INTERMEDIATE_OUTPUTS)
        if isinstance(stored, dict):
            return stored
        if len(self.spans) <= 1:
            return None
        counts: dict[str, int] = {}
        for span in self.spans:
            counts[span.name] = counts.get(span.name, 0) + 1
        seen: dict[str, int] = {}
        outputs: dict[str, Any] = {}
        for span in self.spans:
            name = span.name
            if counts[name] > 1:
                seen[name] = seen.get(name, 0) + 1
                name = f"{name}_{seen[name]}"
            if span.parent_id and span.outputs is not None:
                outputs[name] = span.outputs
        return outputs

    def to_dict(self) -> dict[str, Any]:
        """Return MLflow's v3 dictionary: ``{"spans": [...]}``."""
        return {"spans": [span.to_dict() for span in self.spans]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TraceData:
        """Return the spans of MLflow's dictionary, v3 or v2.

        Raises
        ------
        NbtraceError
            When one of the dictionaries is not a span.
        """
        return cls(Span.from_dict(item) for item in data.get("spans") or ())

    def to_json_bytes(self) -> bytes:
        """Return the JSON text of `to_dict` in UTF-8."""
        from nbtrace.entities.json_text import dumps

        return dumps(self.to_dict()).encode("utf-8", "replace")

    def __eq__(self, other: object) -> bool:
        return self.spans == other.spans if isinstance(other, TraceData) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable

    def __repr__(self) -> str:
        return f"TraceData({len(self.spans)} spans)"
