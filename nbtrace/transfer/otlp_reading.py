"""The spans of an OTLP/JSON document one by one, so that a bad one costs itself and is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import decode_resource, decode_scope, decode_span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbtrace.entities import Span


def spans_of(document: Mapping[str, Any], place: str = "") -> Iterator[Span | NbtraceError]:
    """Yield the spans of an OTLP/JSON document, each bad one as an error that names its place.

    Parameters
    ----------
    document : Mapping
        TracesData or an export request.
    place : str
        Where the document stood, put in front of each error.
    """
    for where, group in _items(document, ("resourceSpans", "resource_spans"), place):
        if not isinstance(group, dict):
            yield NbtraceError.invalid(f"{where}: expected an object")
            continue
        try:
            url = group.get("schemaUrl") or group.get("schema_url") or ""
            resource = decode_resource(group.get("resource"), url)
        except Exception as error:
            yield NbtraceError.invalid(f"{where}.resource: {error}")
            continue
        for inner_place, inner in _items(group, ("scopeSpans", "scope_spans"), f"{where}."):
            if not isinstance(inner, dict):
                yield NbtraceError.invalid(f"{inner_place}: expected an object")
                continue
            try:
                url = inner.get("schemaUrl") or inner.get("schema_url") or ""
                scope = decode_scope(inner.get("scope"), url)
            except Exception as error:
                yield NbtraceError.invalid(f"{inner_place}.scope: {error}")
                continue
            for span_place, span in _items(inner, ("spans",), f"{inner_place}."):
                try:
                    yield decode_span(span, resource=resource, scope=scope)
                except NbtraceError as error:
                    field = _unsound_field(span)
                    yield NbtraceError.invalid(f"{span_place}{field}: {error.message}")


_SOUND = {"traceId": "0a" * 16, "spanId": "0b" * 8, "startTimeUnixNano": "1"}


def _unsound_field(span: Any) -> str:
    """Return which field of a span keeps it from being read, as far as one alone does."""
    if not isinstance(span, dict):
        return ""
    missing = [name for name in ("traceId", "spanId") if name not in span]
    for name, value in span.items():
        try:
            decode_span({**_SOUND, name: value})
        except NbtraceError:
            return f".{name}"
    return f".{missing[0]}" if missing else ""


def _items(
    holder: Mapping[str, Any], names: tuple[str, ...], place: str
) -> Iterator[tuple[str, Any]]:
    for name in names:
        found = holder.get(name)
        if isinstance(found, list):
            for index, item in enumerate(found):
                yield f"{place}{name}[{index}]", item
        elif found is not None:
            yield f"{place}{name}", None
