"""OpenTelemetry's limits of a span, where its environment variables set any.

``OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`` and its siblings mean what they mean to the SDK: the oldest
attribute, event or link makes room for the newest, and how many went is kept, as OTLP's
``dropped...Count`` and as the attribute ``otel.dropped_..._count`` by which it is seen and found. A
text is cut to its limit after it was redacted; ``nbtrace.cut_attributes`` says how long it was.
Without the variables nbtrace's own, wider bounds hold. The variables are read once, at import.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger("nbtrace")

# The SDK keeps 128 events and links; a stream of tokens has more.
MAX_EVENTS = 1_000
CUT_KEY = "nbtrace.cut_attributes"
# JSON of nbtrace's own, or MLflow's, within bounds of its own: a part of it could not be read.
_OWN_KEYS = ("mlflow.", "nbtrace.")
# How many cuts of one span are told; a span with more is known to be cut.
_MAX_CUTS = 100


class SpanLimits:
    """How much of a span is kept; None is no limit but nbtrace's own.

    Parameters
    ----------
    environment : mapping of str to str
        Where the variables are.

    Examples
    --------
    >>> limits = SpanLimits({"OTEL_ATTRIBUTE_COUNT_LIMIT": "5", "OTEL_SPAN_LINK_COUNT_LIMIT": "1"})
    >>> limits.span_attributes, limits.event_attributes, limits.links, limits.events
    (5, 5, 1, 1000)
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        def read(name: str, default: int | None) -> int | None:
            text = environment.get(name, "").strip().lower()
            if not text:
                return default
            if text == "unset":
                return None
            if text.isdecimal():
                return int(text)
            logger.warning("%s must be a non-negative integer, not %r: it is ignored", name, text)
            return default

        count = read("OTEL_ATTRIBUTE_COUNT_LIMIT", None)
        self.span_attributes = read("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", count)
        self.event_attributes = read("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", count)
        self.link_attributes = read("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", count)
        self.length = read("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", None)
        self.span_length = read("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", self.length)
        events = read("OTEL_SPAN_EVENT_COUNT_LIMIT", None)
        links = read("OTEL_SPAN_LINK_COUNT_LIMIT", None)
        self.events = MAX_EVENTS if events is None else min(events, MAX_EVENTS)
        self.links = MAX_EVENTS if links is None else min(links, MAX_EVENTS)

    @property
    def bounds_span(self) -> bool:
        """Whether a span's own attributes have a limit."""
        return self.span_attributes is not None or self.span_length is not None


limits = SpanLimits(os.environ)


class Losses:
    """What the limits took from one span.

    Attributes
    ----------
    attributes, events, links : int
        How many were dropped.
    cuts : dict of str to int
        Attributes that were cut, and how many characters they had.
    """

    __slots__ = ("attributes", "cuts", "events", "links")

    def __init__(self) -> None:
        self.attributes = self.events = self.links = 0
        self.cuts: dict[str, int] = {}

    def as_attributes(self) -> dict[str, Any]:
        """Return the losses as attributes of the span."""
        found: dict[str, Any] = {
            f"otel.dropped_{kind}_count": count for kind, count in self._counts() if count
        }
        if self.cuts:
            found[CUT_KEY] = self.cuts.copy()
        return found

    def fields(self) -> bytes:
        """Return the losses as OTLP/JSON's fields, each after a comma."""
        return b"".join(
            b',"dropped%bCount":%d' % (kind.capitalize().encode(), count)
            for kind, count in self._counts()
            if count
        )

    def _counts(self) -> tuple[tuple[str, int], ...]:
        return ("attributes", self.attributes), ("events", self.events), ("links", self.links)

    def put(self, kept: dict[str, Any], key: str, value: Any) -> None:
        """Keep an attribute of the span within the limits, the oldest making room."""
        if key.startswith(_OWN_KEYS):
            kept[key] = value
            return
        most = limits.span_attributes
        if most == 0:
            self.attributes += 1
            return
        kept.pop(key, None)
        if most is not None:
            # a list first: another thread may set attributes of the same span
            others = [name for name in list(kept) if not name.startswith(_OWN_KEYS)]
            for name in others[: len(others) - most + 1] if len(others) >= most else ():
                kept.pop(name, None)
                self.cuts.pop(name, None)
                self.attributes += 1
        kept[key] = self._cut(key, value, limits.span_length)

    def bounded(
        self, name: str, attributes: dict[str, Any], most: int | None
    ) -> tuple[dict[str, Any], int]:
        """Return the attributes of an event or a link within the limits, and how many went.

        Parameters
        ----------
        name : str
            Of the event or the link, to tell its cuts by.
        attributes : dict
            Encoded and redacted.
        most : int or None
            How many may stay.
        """
        dropped = 0 if most is None else max(0, len(attributes) - most)
        items = list(attributes.items())[dropped:]
        return {key: self._cut(f"{name}: {key}", v, limits.length) for key, v in items}, dropped

    def _cut(self, key: str, value: Any, length: int | None) -> Any:
        if length is None:
            return value
        cut, longest = _shortened(value, length)
        self.cuts.pop(key, None)
        if longest and len(self.cuts) < _MAX_CUTS:
            self.cuts[key] = longest
        return cut


def _shortened(value: Any, length: int) -> tuple[Any, int]:
    """Return a value with its texts cut, and the length of the longest that was."""
    if isinstance(value, str):
        return (value[:length], len(value)) if len(value) > length else (value, 0)
    if isinstance(value, list):
        pairs = [_shortened(item, length) for item in value]
        return [item for item, _ in pairs], max((n for _, n in pairs), default=0)
    if isinstance(value, dict):
        named = {key: _shortened(item, length) for key, item in value.items()}
        longest = max((n for _, n in named.values()), default=0)
        return {key: item for key, (item, _) in named.items()}, longest
    return value, 0
