"""Where this process's spans come from: resources and scopes by the numbers that records carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from nbtrace.otel.otlp import decode_resource, decode_scope, encode_attributes
from nbtrace.tracing.redaction import current_rules
from nbtrace.tracing.texts import plain_text
from nbtrace.tracing.values import encode_each

if TYPE_CHECKING:
    from nbtrace.entities.resource import Resource
    from nbtrace.entities.scope import InstrumentationScope
    from nbtrace.store.scopes import ScopeTable

# Whoever makes a tracer for each span must not fill the memory.
MAX_KNOWN = 1_000


class Source(NamedTuple):
    """Resource and scope of a span, as ``decode_span`` takes them."""

    resource: Resource | None
    scope: InstrumentationScope | None


class Sources:
    """Gives resources and scopes their numbers, redacted, and reads them back.

    Parameters
    ----------
    scopes : ScopeTable
        Where they are kept.
    """

    def __init__(self, scopes: ScopeTable) -> None:
        self._scopes = scopes
        self._read: dict[int, Source] = {}
        self._numbers: dict[tuple[int, int], tuple[Any, Any, int]] = {}
        self._rules: object = None

    def __getitem__(self, number: int) -> Source:
        """Return resource and scope of a number."""
        found = self._read.get(number)
        if found is None:
            group = self._scopes.group(number)
            found = self._read[number] = Source(
                decode_resource(orjson.loads(group.resource), group.resource_schema_url),
                decode_scope(orjson.loads(group.scope), group.schema_url),
            )
        return found

    def number(self, scope: Any, resource: Any = None) -> int:
        """Return the number of a library's scope, with a foreign resource where there is one.

        Parameters
        ----------
        scope : InstrumentationScope or None
            nbtrace's or the SDK's.
        resource : Resource, optional
            nbtrace's or the SDK's; of this process by default.
        """
        rules = current_rules()
        if rules is not self._rules or len(self._numbers) >= MAX_KNOWN:
            self._numbers.clear()
            self._rules = rules
        # A tracer's spans share both objects, which are kept here, so that no other takes their id.
        known = self._numbers.get((id(scope), id(resource)))
        if known is None:
            known = scope, resource, self._new_number(scope, resource)
            self._numbers[id(scope), id(resource)] = known
        return known[2]

    def _new_number(self, scope: Any, resource: Any) -> int:
        encoded, resource_url = self._scopes.group(0).resource, ""
        if resource is not None:
            attributes = getattr(resource, "attributes", resource)
            encoded = orjson.dumps({"attributes": encode_attributes(encode_each(attributes))})
            resource_url = plain_text(getattr(resource, "schema_url", None) or "")
        if scope is None:
            return self._scopes.number(encoded, b"{}", "", resource_url)
        library: dict[str, Any] = {"name": plain_text(scope.name)}
        if scope.version:
            library["version"] = plain_text(scope.version)
        if getattr(scope, "attributes", None):  # those of older SDKs have none
            library["attributes"] = encode_attributes(encode_each(scope.attributes))
        url = plain_text(scope.schema_url or "")
        return self._scopes.number(encoded, orjson.dumps(library), url, resource_url)
