"""From the lines of a span file to the rows that make them searchable.

A ``SpanIndexer`` reads the spans of one write of one trace, makes a ``SpanRow`` of each, and keeps
what the trace's own row needs: the root's inputs and outputs for the previews, the token usage.
It runs on the writer's thread for every span ever recorded, so it decodes a line once and looks at
each attribute once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.config import options
from nbtrace.entities import InstrumentationScope
from nbtrace.entities.constant import TraceMetadataKey
from nbtrace.entities.preview import (
    request_preview,
    request_preview_of_json,
    response_preview,
    response_preview_of_json,
)
from nbtrace.otel.conventions import chat_previews, index_fields, view
from nbtrace.otel.otlp import decode_span, decode_value
from nbtrace.otel.usage import totals
from nbtrace.store.plain_spans import attributes_of
from nbtrace.store.rows import SpanRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.store.plain_spans import PlainSpan

_STATUS = ("UNSET", "OK", "ERROR")
_INPUTS = "mlflow.spanInputs"
_OUTPUTS = "mlflow.spanOutputs"
# Columns of their own, or long texts that the span file has.
_NOT_INDEXED = frozenset({"mlflow.spanType", _INPUTS, _OUTPUTS})


class SpanIndexer:
    """Makes the rows of one trace's spans, and what its own row needs.

    A trace that is written in several goes keeps its indexer, since a model call that was written
    before may turn out to be the same as one that comes later.

    Examples
    --------
    >>> line = b'{"spanId":"00f067aa0ba902b7","name":"ask","startTimeUnixNano":"5"}'
    >>> SpanIndexer().row(line, 0, 0, len(line)).name
    'ask'
    """

    def __init__(self) -> None:
        self._root: bytes | None = None
        self._root_attributes: dict[str, Any] = {}
        self._with_usage = False
        self._spans: dict[str, tuple[bytes, bytes]] = {}
        self._parents: dict[str, str | None] = {}

    def see_root(self, line: bytes) -> None:
        """Take an open root for the previews only."""
        self._root = line
        self._root_attributes = _attributes(orjson.loads(line))

    def row(  # noqa: PLR0913, PLR0917 - where it lies and what it is
        self,
        line: bytes,
        part: int,
        offset: int,
        length: int,
        scope: bytes = b"{}",
        plain: PlainSpan | None = None,
    ) -> SpanRow:
        """Return the row of one span.

        Parameters
        ----------
        line : bytes
            The span, one OTLP/JSON object.
        part, offset, length : int
            Where it lies.
        scope : bytes
            The instrumentation scope as OTLP/JSON: the library that recorded the span.
        plain : tuple, optional
            The fields of a plain span, which saves parsing its line.

        Returns
        -------
        SpanRow
            The row.
        """
        end: int | str | None
        if plain is not None:
            _, span_id, parent_id, words, start, end, status, inputs, outputs = plain
            name = words[0]
            attributes: dict[str, Any] = attributes_of(words, inputs, outputs)
        else:
            span: dict[str, Any] = orjson.loads(line)
            attributes = _attributes(span)
            span_id, parent_id, name = (
                span["spanId"],
                span.get("parentSpanId") or None,
                span["name"],
            )
            start, end = int(span["startTimeUnixNano"]), span.get("endTimeUnixNano")
            status = span.get("status", {}).get("code", 0)
        if parent_id is None:
            self._root = line
            self._root_attributes = attributes
        kind, model, input_tokens, output_tokens, total_tokens, cost = index_fields(
            attributes, start
        )
        self._parents[span_id] = parent_id
        if total_tokens is not None or cost is not None or input_tokens is not None:
            self._with_usage = True
            self._spans[span_id] = (line, scope)
        elif "logfire.span_type" in attributes:  # may carry the usage of a streamed call
            self._spans[span_id] = (line, scope)
        return SpanRow(
            span_id,
            parent_id,
            name,
            kind,
            _STATUS[status],
            start,
            int(end) if end else None,
            part,
            offset,
            length,
            _scalars(attributes) if len(attributes) > len(_NOT_INDEXED) else _few(attributes),
            model,
            input_tokens,
            output_tokens,
            total_tokens,
            cost,
        )

    def previews(self) -> tuple[str | None, str | None]:
        """Return the previews of request and response, as far as the root has been seen.

        The root is let go: a later write of the same trace has nothing to say about them.
        """
        root, attributes = self._root, self._root_attributes
        self._root, self._root_attributes = None, {}
        if root is None:
            return None, None
        inputs, outputs = attributes.get(_INPUTS), attributes.get(_OUTPUTS)
        if isinstance(inputs, str) or isinstance(outputs, str):
            return (
                request_preview_of_json(inputs) if isinstance(inputs, str) else None,
                response_preview_of_json(outputs) if isinstance(outputs, str) else None,
            )
        if attributes.keys() <= _NOT_INDEXED:
            return None, None
        shown = view(decode_span(orjson.loads(root)))
        request, response = chat_previews(shown)
        return request or request_preview(shown.inputs), response or response_preview(shown.outputs)

    def totals(self) -> dict[str, Any]:
        """Return the trace's token usage and cost, None where nothing is known."""
        if not self._with_usage:
            return {}
        usage = totals(
            [
                decode_span(
                    orjson.loads(line),
                    scope=InstrumentationScope(orjson.loads(scope).get("name", "")),
                )
                for line, scope in self._spans.values()
            ],
            parents=self._parents,
        )
        return {
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "total_tokens": usage.total,
            "cost": usage.cost,
        }

    @staticmethod
    def usage_metadata(usage: Mapping[str, Any]) -> dict[str, str]:
        """Return MLflow's metadata entries of a trace's usage."""
        metadata: dict[str, str] = {}
        tokens = {
            key: usage[key]
            for key in ("input_tokens", "output_tokens", "total_tokens")
            if usage.get(key) is not None
        }
        if tokens:
            metadata[TraceMetadataKey.TOKEN_USAGE] = orjson.dumps(tokens).decode()
        if usage.get("cost") is not None:
            cost = {"total_cost": usage["cost"]}
            metadata[TraceMetadataKey.COST] = orjson.dumps(cost).decode()
        return metadata


def _attributes(span: dict[str, Any]) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for item in span.get("attributes", ()):
        value = item["value"]
        text = value.get("stringValue")
        attributes[item["key"]] = decode_value(value) if text is None else text
    return attributes


def _few(attributes: dict[str, Any]) -> str | None:
    """Return the index column of a span that may have no attributes but nbtrace's three."""
    if attributes.keys() <= _NOT_INDEXED:
        return None
    return _scalars(attributes)


def _scalars(attributes: dict[str, Any]) -> str:
    """Return the attributes that can be compared in a search, as a JSON object."""
    limit = options.indexed_attribute_characters
    scalars = {
        key: value
        for key, value in attributes.items()
        if key not in _NOT_INDEXED
        and (
            len(value) <= limit
            if isinstance(value, str)
            else isinstance(value, bool | float)
            # SQLite's JSON has 64-bit integers
            or (isinstance(value, int) and -(2**63) <= value < 2**63)
        )
    }
    return orjson.dumps(scalars).decode()
