"""What recorded a span: a process, a host, a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.constant import AttributeValue


class Resource(dict[str, "AttributeValue"]):
    """OpenTelemetry's resource: its attributes, and the schema that they follow.

    Parameters
    ----------
    attributes : Mapping of str to AttributeValue
        Typed values.
    schema_url : str
        Empty when unknown.

    Examples
    --------
    >>> shop = Resource({"service.name": "shop"}, "https://opentelemetry.io/schemas/1.37.0")
    >>> shop, shop.schema_url
    ({'service.name': 'shop'}, 'https://opentelemetry.io/schemas/1.37.0')
    """

    __slots__ = ("schema_url",)

    def __init__(self, attributes: Mapping[str, AttributeValue], schema_url: str = "") -> None:
        super().__init__(attributes)
        self.schema_url = schema_url


def schema_url_of(resource: Mapping[str, AttributeValue] | None) -> str:
    """Return the schema that a resource's attributes follow, empty when it does not say.

    Examples
    --------
    >>> schema_url_of(Resource({}, "https://a.example")), schema_url_of({})
    ('https://a.example', '')
    """
    return resource.schema_url if isinstance(resource, Resource) else ""
