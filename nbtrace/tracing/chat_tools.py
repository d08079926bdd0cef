"""The tools that a model was offered, on the span of its call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities.constant import SpanAttributeKey
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbtrace.tracing.live_span import LiveSpan
    from nbtrace.tracing.no_op_span import NoOpSpan


def set_span_chat_tools(span: LiveSpan | NoOpSpan, tools: Iterable[Any]) -> None:
    """Say which tools a model was offered; the tree shows them with the call's messages.

    Parameters
    ----------
    span : LiveSpan
        The span of the call.
    tools : iterable of dict or pydantic model
        OpenAI's form: ``{"type": "function", "function": {"name": ..., "description": ...,
        "parameters": ...}}``.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a tool of another form.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("ask", span_type="CHAT_MODEL") as span:
    ...     nbtrace.tracing.set_span_chat_tools(
    ...         span, [{"type": "function", "function": {"name": "multiply"}}])
    """
    if isinstance(tools, str | dict) or not hasattr(tools, "__iter__"):
        message = f"tools must be a list of tools, got {type(tools).__name__}"
        raise NbtraceError.invalid(message)
    if not hasattr(span, "set_attribute"):
        message = f"give the span first and then its tools, got {type(span).__name__}"
        raise NbtraceError.invalid(message)
    span.set_attribute(SpanAttributeKey.CHAT_TOOLS, [_tool(tool) for tool in tools])


def _tool(tool: Any) -> dict[str, Any]:
    dump = getattr(tool, "model_dump", None)
    plain = dump(exclude_none=True) if callable(dump) else tool
    function = plain.get("function") if isinstance(plain, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not isinstance(plain.get("type"), str):
        message = (
            'a tool is {"type": "function", "function": {"name": ..., "description": ..., '
            f'"parameters": ...}}}}, got {tool!r:.200}'
        )
        raise NbtraceError.invalid(message)
    return dict(plain)
