"""Which library recorded a span."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.constant import AttributeValue


class InstrumentationScope(NamedTuple):
    """The instrumentation scope of OpenTelemetry.

    Attributes
    ----------
    name : str
        Name of the instrumenting library.
    version : str
        Its version, empty when unknown.
    schema_url : str
        The schema its attributes follow, empty when unknown.
    attributes : Mapping of str to AttributeValue
        Typed values.

    Examples
    --------
    >>> InstrumentationScope("nbtrace", "0.1.0").name
    'nbtrace'
    """

    name: str = ""
    version: str = ""
    schema_url: str = ""
    attributes: Mapping[str, AttributeValue] | None = None

    def __hash__(self) -> int:
        """Let exporters group spans by it, also where its attributes are a dictionary."""
        return hash(self[:3])
