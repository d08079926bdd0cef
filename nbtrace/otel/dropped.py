"""How much a recorder left out of a span, an event or a link, for want of room.

OTLP has counts for that beside the attributes; OpenTelemetry's rules for formats that have none
name attributes. Here both stand side by side: what is read from OTLP gets the attribute, by which
it is seen and found, and what is written gets the count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.constant import AttributeValue

_FIELDS = {
    f"dropped{kind.capitalize()}Count": f"otel.dropped_{kind}_count"
    for kind in ("attributes", "events", "links")
}
_UINT32 = 1 << 32  # as OTLP keeps them


def counts_of(attributes: Mapping[str, AttributeValue]) -> dict[str, int]:
    """Return OTLP/JSON's counts that attributes tell of.

    Examples
    --------
    >>> counts_of({"otel.dropped_events_count": 2, "k": "v"})
    {'droppedEventsCount': 2}
    """
    found = {}
    for field, key in _FIELDS.items():
        count = attributes.get(key)
        if type(count) is int and 0 < count < _UINT32:
            found[field] = count
    return found


def with_counts(
    attributes: dict[str, AttributeValue], data: Mapping[str, Any]
) -> dict[str, AttributeValue]:
    """Return attributes, and those that tell of an OTLP/JSON object's counts.

    Examples
    --------
    >>> with_counts({"k": "v"}, {"droppedEventsCount": "2", "droppedLinksCount": 0})
    {'k': 'v', 'otel.dropped_events_count': 2}
    """
    for field, key in _FIELDS.items():
        if count := int(data.get(field) or 0):
            attributes[key] = count
    return attributes
