"""Everything of one span, as the details panel shows it.

Values travel as text, typed where the type matters, so that an integer over 53 bits or a NaN reach
the page as they are.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities.constant import NbtraceKey, SpanAttributeKey
from nbtrace.widgets.span_facts import error_message, facts_of, safe_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.constant import AttributeValue
    from nbtrace.entities.span import Span
    from nbtrace.otel.conventions import MessagePart
    from nbtrace.widgets.messages import Attribute, ChatMessage, Details, EventDetails

# One value of this size is more than anyone reads; all of it is in the span file.
MAX_TEXT_CHARACTERS = 2_000_000
# A conversation longer than this is read in the inputs, where all of it is.
MAX_MESSAGES = 200
# Shown in places of their own.
SHOWN_APART = frozenset(
    {
        SpanAttributeKey.INPUTS,
        SpanAttributeKey.OUTPUTS,
        SpanAttributeKey.SPAN_TYPE,
        SpanAttributeKey.REQUEST_ID,
    }
)


def details_of(span: Span, base_ns: int) -> Details:
    """Return everything of a span.

    Parameters
    ----------
    span : Span
        The span.
    base_ns : int
        Start of the trace in nanoseconds since the epoch.

    Returns
    -------
    Details
        Its fields, ready for JSON.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1,
    ...             attributes={"mlflow.spanInputs": '{"q": 1}', "n": 2})
    >>> details = details_of(span, 0)
    >>> details["inputs"], details["attributes"]
    ('{"q": 1}', [{'key': 'n', 'type': 'int', 'text': '2'}])
    """
    inputs, outputs = _values(span)
    hidden = SHOWN_APART
    # A cell's source is its input, unless the cell has set another.
    source = span.raw_attributes.get(NbtraceKey.CELL_SOURCE)
    if isinstance(source, str) and inputs == _dumps(source):
        hidden = SHOWN_APART | {NbtraceKey.CELL_SOURCE}
    return {
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "trace_id": span.trace_id,
        "name": safe_text(span.name[:MAX_TEXT_CHARACTERS]),
        "type": safe_text(facts_of(span).kind),
        "status": span.status.status_code.value,
        "message": safe_text(error_message(span) or span.status.description),
        "inputs": inputs,
        "outputs": outputs,
        "messages": _messages(span),
        "attributes": _attributes(
            {key: value for key, value in span.raw_attributes.items() if key not in hidden}
        ),
        "events": [_event(event, base_ns) for event in span.events],
        "links": [{"trace_id": link.trace_id, "span_id": link.span_id} for link in span.links],
        "scope": safe_text(span.scope.name) if span.scope else "",
    }


def _event(event: Any, base_ns: int) -> EventDetails:
    return {
        "name": safe_text(event.name),
        "time_ns": event.timestamp - base_ns,
        "attributes": _attributes(event.attributes),
    }


def _values(span: Span) -> tuple[str | None, str | None]:
    """Return inputs and outputs as JSON text; those of other conventions through the normaliser."""
    attributes = span.raw_attributes
    inputs = attributes.get(SpanAttributeKey.INPUTS)
    outputs = attributes.get(SpanAttributeKey.OUTPUTS)
    if inputs is None and outputs is None and attributes:
        from nbtrace.otel.conventions import view

        seen = view(span)
        return _json_text(seen.inputs), _json_text(seen.outputs)
    return _stored_text(inputs), _stored_text(outputs)


def _messages(span: Span) -> list[ChatMessage]:
    """Return the conversation, whichever convention tells it; empty where there is none."""
    if not span.raw_attributes:
        return []
    from nbtrace.otel.conventions import view

    messages = view(span).messages
    return [
        {
            "role": safe_text(message.role),
            "text": safe_text(_cut("\n".join(filter(None, map(_part, message.parts))))),
        }
        for message in messages[:MAX_MESSAGES]
    ]


def _part(part: MessagePart) -> str:
    if part.tool_call is not None:
        arguments = part.tool_call.arguments
        shown = arguments if isinstance(arguments, str) else _dumps(arguments)
        return f"→ {part.tool_call.name}({shown})"
    if part.text is not None:
        return part.text if part.kind == "text" else f"[{part.kind}] {part.text}"
    if part.result is not None:
        return part.result if isinstance(part.result, str) else _dumps(part.result)
    # The address of inline data is the data.
    place = part.uri if part.uri and not part.uri.startswith("data:") else part.mime_type
    return f"[{part.kind}] {part.name or place or ''}".rstrip()


def _stored_text(value: AttributeValue) -> str | None:
    if isinstance(value, str):
        return safe_text(_cut(value))
    return _json_text(value)


def _json_text(value: Any) -> str | None:
    return None if value is None else safe_text(_cut(_dumps(value)))


def _dumps(value: Any) -> str:
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # Lone surrogates and integers over 64 bits, which orjson refuses.
        import json

        return json.dumps(value, default=_plain)


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _cut(text: str) -> str:
    left_out = len(text) - MAX_TEXT_CHARACTERS
    return text if left_out <= 0 else f"{text[:MAX_TEXT_CHARACTERS]}… {left_out:,} more characters"


def _attributes(attributes: Mapping[str, AttributeValue]) -> list[Attribute]:
    return [
        {
            "key": safe_text(key),
            "type": type(value).__name__,
            "text": _attribute_text(_decoded(key, value)),
        }
        for key, value in attributes.items()
    ]


def _decoded(key: str, value: AttributeValue) -> AttributeValue:
    """Return the text of MLflow's reserved keys, which hold JSON, without the quotes."""
    if key.startswith("mlflow.") and isinstance(value, str) and value.startswith('"'):
        with contextlib.suppress(ValueError):
            text = orjson.loads(value)
            return text if isinstance(text, str) else value
    return value


def _attribute_text(value: AttributeValue) -> str:
    if isinstance(value, str):
        return safe_text(_cut(value))
    if isinstance(value, bytes):
        return f"{len(value):,} bytes: {value[:64].hex(' ')}"
    if isinstance(value, (list, dict)):
        return safe_text(_cut(_dumps(value)))
    return str(value)
