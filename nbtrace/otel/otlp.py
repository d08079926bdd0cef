"""Spans to and from OTLP/JSON documents.

OTLP/JSON is protobuf's JSON with hexadecimal ids, 64-bit integers as decimal text and enums as
numbers. What is written leaves out defaults and never fails: an integer beyond 64 bits becomes
text, a lone surrogate U+FFFD, a value nested deeper than protobuf's readers follow its JSON text.
What is read may come from any writer: either spelling of field names, numbers or text, ids in hex
or base64, enums as numbers or names; unknown fields are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities.json_text import dumps, loads
from nbtrace.entities.resource import schema_url_of
from nbtrace.entities.text import clean_text
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.any_value import (
    decode_attributes,
    decode_value,
    encode_attributes,
    encode_value,
)
from nbtrace.otel.otlp_span import (
    decode_resource,
    decode_scope,
    decode_span,
    encode_resource,
    encode_scope,
    encode_span,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nbtrace.entities.constant import AttributeValue
    from nbtrace.entities.scope import InstrumentationScope
    from nbtrace.entities.span import Span

__all__ = [
    "decode_attributes",
    "decode_resource",
    "decode_scope",
    "decode_span",
    "decode_traces_data",
    "decode_value",
    "encode_attributes",
    "encode_resource",
    "encode_scope",
    "encode_span",
    "encode_traces_data",
    "encode_value",
]


def encode_traces_data(spans: Iterable[Span]) -> dict[str, Any]:
    """Return the OTLP/JSON TracesData document of spans.

    Parameters
    ----------
    spans : iterable of Span
        Spans of any traces; those that share resource and scope are grouped.

    Returns
    -------
    dict
        What can be POSTed to an OTLP/HTTP endpoint as JSON.

    Examples
    --------
    >>> encode_traces_data([])
    {'resourceSpans': []}
    """
    groups = _Groups()
    for span in spans:
        groups.spans_for(span.resource, span.scope).append(encode_span(span))
    return {"resourceSpans": groups.resource_spans}


class _Groups:
    """Spans by resource and scope: most share the very objects, so identity is looked at first."""

    def __init__(self) -> None:
        self.resource_spans: list[dict[str, Any]] = []
        self._by_identity: dict[tuple[int, int], list[dict[str, Any]]] = {}
        self._by_resource: dict[str, dict[str, Any]] = {}
        self._by_scope: dict[tuple[str, str], list[dict[str, Any]]] = {}
        # What is identified by its address has to stay alive.
        self._alive: list[object] = []

    def spans_for(
        self,
        resource: Mapping[str, AttributeValue] | None,
        scope: InstrumentationScope | None,
    ) -> list[dict[str, Any]]:
        """Return the list that the spans of a resource and scope belong to."""
        identity = (id(resource), id(scope))
        spans = self._by_identity.get(identity)
        if spans is None:
            self._alive.append((resource, scope))
            spans = self._find(resource, scope)
            self._by_identity[identity] = spans
        return spans

    def _find(
        self,
        resource: Mapping[str, AttributeValue] | None,
        scope: InstrumentationScope | None,
    ) -> list[dict[str, Any]]:
        around: dict[str, Any] = {}
        if resource is not None:
            around["resource"] = encode_resource(resource)
        if schema_url := schema_url_of(resource):
            around["schemaUrl"] = clean_text(schema_url)
        resource_key = dumps(around)
        group = self._by_resource.get(resource_key)
        if group is None:
            group = self._by_resource[resource_key] = around
            group["scopeSpans"] = []
            self.resource_spans.append(group)
        inner: dict[str, Any] = {}
        if scope is not None:
            inner["scope"] = encode_scope(scope)
            if scope.schema_url:
                inner["schemaUrl"] = clean_text(scope.schema_url)
        scope_key = (resource_key, dumps(inner))
        spans = self._by_scope.get(scope_key)
        if spans is None:
            spans = self._by_scope[scope_key] = inner["spans"] = []
            group["scopeSpans"].append(inner)
        return spans


def decode_traces_data(data: Mapping[str, Any] | str | bytes) -> list[Span]:
    """Return the spans of an OTLP/JSON TracesData document or export request.

    Parameters
    ----------
    data : Mapping or str or bytes
        The document, decoded or as JSON text.

    Returns
    -------
    list of Span
        In the order of the document; spans share their resource and scope objects.

    Raises
    ------
    NbtraceError
        When it is not OTLP/JSON.

    Examples
    --------
    >>> decode_traces_data('{"resourceSpans": []}')
    []
    """
    document: Any = data
    if isinstance(data, str | bytes | bytearray | memoryview):
        try:
            document = _parse(data)
        except ValueError as error:
            message = f"this is not JSON ({error}); OTLP in protobuf form has to be decoded first"
            raise NbtraceError.invalid(message) from None
    groups = _first(document, "resourceSpans", "resource_spans")
    if not isinstance(document, dict) or (groups is None and document):
        message = "this is not an OTLP/JSON TracesData document: it has no 'resourceSpans'"
        raise NbtraceError.invalid(message)
    try:
        return [
            decode_span(span, resource=resource, scope=scope)
            for resource, scope, spans in _walk(groups or ())
            for span in spans
        ]
    except NbtraceError:
        raise
    except Exception as error:
        message = f"this OTLP/JSON document is malformed ({type(error).__name__}: {error})"
        raise NbtraceError.invalid(message) from None


def _parse(data: str | bytes | bytearray | memoryview) -> Any:
    try:
        return orjson.loads(data)
    except ValueError:
        # A writer's NaN without quotes, or an escaped lone surrogate.
        return loads(data if isinstance(data, str) else bytes(data))


def _walk(
    groups: Iterable[Mapping[str, Any]],
) -> Iterator[
    tuple[dict[str, AttributeValue] | None, InstrumentationScope | None, list[dict[str, Any]]]
]:
    for group in groups:
        around_url = _first(group, "schemaUrl", "schema_url") or ""
        resource = decode_resource(group.get("resource"), around_url)
        for inner in _first(group, "scopeSpans", "scope_spans") or ():
            schema_url = _first(inner, "schemaUrl", "schema_url") or ""
            yield resource, decode_scope(inner.get("scope"), schema_url), inner.get("spans") or []


def _first(data: Any, *names: str) -> Any:
    return next((data[name] for name in names if name in data), None)
