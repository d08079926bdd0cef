"""The text of spans: what they were given, gave back, said and failed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrace.entities import Span

__all__ = ["span_content"]


def span_content(span: Span) -> tuple[Any, Any]:
    """Return a span's inputs and outputs, under whatever convention they were recorded.

    Parameters
    ----------
    span : Span
        The stored span.

    Returns
    -------
    tuple of (object, object)
        Decoded from JSON; ``None`` where there are none.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1,
    ...             attributes={"mlflow.spanInputs": "[1]"})
    >>> span_content(span)
    ([1], None)
    """
    from nbtrace.otel.conventions import view

    seen = view(span)
    return seen.inputs, seen.outputs
