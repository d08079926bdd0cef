"""Phoenix's exports: rows of its spans DataFrame, and the JSON of its REST API.

Both hold a span each, with OpenInference's attributes. The DataFrame nests them, the REST API has
dotted keys; what OpenInference keeps as JSON text was decoded by Phoenix and becomes text again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nbtrace.entities import Span, SpanEvent, SpanStatus
from nbtrace.entities.json_text import dumps, loads
from nbtrace.exceptions import NbtraceError
from nbtrace.transfer.plain import flattened, is_missing, nanoseconds, span_id_of, trace_id_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.constant import AttributeValue

# OpenInference keeps these as JSON text.
_JSON_TEXT = re.compile(
    r"(metadata|llm\.invocation_parameters|llm\.prompt_template\.variables|tool\.parameters"
    r"|llm\.tools\.\d+\.tool\.json_schema|.*\.document\.metadata)\.(.+)"
)
_STATES = frozenset({"OK", "ERROR"})


def is_phoenix(row: Mapping[str, Any]) -> bool:
    """Return whether a mapping is a span as Phoenix exports it.

    Examples
    --------
    >>> is_phoenix({"context.trace_id": "1", "span_kind": "LLM", "name": "ask"})
    True
    """
    return "span_kind" in row and (
        "context.trace_id" in row or isinstance(row.get("context"), dict)
    )


def phoenix_span(row: Mapping[str, Any]) -> Span:
    """Return the span of a row.

    Parameters
    ----------
    row : mapping
        For which `is_phoenix` is true.

    Raises
    ------
    NbtraceError
        When a field cannot be read; the message names it.
    """
    context = row.get("context") or {}
    end = row.get("end_time")
    parent = row.get("parent_id")
    status = str(row.get("status_code") or "")
    message = row.get("status_message")
    attributes = _attributes(row)
    kind = row["span_kind"]
    if isinstance(kind, str) and kind:
        attributes.setdefault("openinference.span.kind", kind)
    return Span(
        trace_id=trace_id_of(
            context.get("trace_id", row.get("context.trace_id")), "context.trace_id"
        ),
        span_id=span_id_of(context.get("span_id", row.get("context.span_id")), "context.span_id"),
        parent_id=None if is_missing(parent) or not parent else span_id_of(parent, "parent_id"),
        name=str(row.get("name") or ""),
        start_time_ns=nanoseconds(row.get("start_time"), "start_time"),
        end_time_ns=None if is_missing(end) else nanoseconds(end, "end_time"),
        status=SpanStatus(
            status if status in _STATES else "UNSET", message if isinstance(message, str) else ""
        ),
        attributes=attributes,
        events=[_event(event) for event in _events(row.get("events"))],
    )


def _attributes(row: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    nested = row.get("attributes")
    if isinstance(nested, dict):
        found.update(flattened("", nested))
    for key, value in row.items():
        if key.startswith("attributes."):
            found.update(flattened(key.removeprefix("attributes."), value))
    decoded: dict[str, dict[str, Any]] = {}
    for key in list(found):
        match = _JSON_TEXT.fullmatch(key)
        if match is not None:
            decoded.setdefault(match[1], {})[match[2]] = found.pop(key)
    # In a column of a DataFrame a whole number that is missing elsewhere is a float.
    counts = {
        key: int(value)
        for key, value in found.items()
        if "token_count" in key and isinstance(value, float) and value.is_integer()
    }
    return found | counts | {key: dumps(value) for key, value in decoded.items()}


def _events(value: Any) -> list[Any]:
    if isinstance(value, str):
        try:
            value = loads(value)
        except ValueError:
            value = None
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or is_missing(value):
        return []
    if not isinstance(value, list):
        msg = f"events must be a list, got {type(value).__name__}"
        raise NbtraceError.invalid(msg)
    return value


def _event(event: Any) -> SpanEvent:
    if not isinstance(event, dict):
        msg = f"events must hold objects, got {type(event).__name__}"
        raise NbtraceError.invalid(msg)
    return SpanEvent(
        str(event.get("name") or ""),
        nanoseconds(event.get("timestamp"), "events.timestamp"),
        dict(flattened("", event.get("attributes") or {})),
    )
