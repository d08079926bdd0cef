"""The current OpenTelemetry context, read and replaced at the price of a context variable.

OpenTelemetry's own functions are used unless its run-time context is the standard one, whose
context variable is then used directly: each span reads it twice and replaces it twice. Replacing
needs no token. Detaching by token fails when a generator or a task ends in another context than it
began in, so whoever leaves a block puts the former context back, where its own is still current.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, set_span_in_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import ContextVar

# The key under which OpenTelemetry keeps the current span: asked for, since its name is private.
SPAN_KEY: str = next(iter(set_span_in_context(INVALID_SPAN, Context())))

_runtime = getattr(otel_context, "_RUNTIME_CONTEXT", None)
_variable: ContextVar[Context] | None = None
if type(_runtime).__name__ == "ContextVarsRuntimeContext":
    _variable = getattr(_runtime, "_current_context", None)

get_current: Callable[[], Context] = (
    otel_context.get_current if _variable is None else _variable.get
)
attach: Callable[[Context], Any] = otel_context.attach if _variable is None else _variable.set

_put = dict.__setitem__


def with_span(context: Context, span: object) -> Context:
    """Return a context like another, with a span as the current one.

    Parameters
    ----------
    context : Context
        What else holds.
    span : opentelemetry.trace.Span
        The span.
    """
    # Most contexts hold a span and nothing else, and that is about to be replaced.
    changed = Context() if len(context) == 1 and SPAN_KEY in context else Context(context)
    # A Context refuses to be changed once others can see it; nobody can yet.
    _put(changed, SPAN_KEY, span)
    return changed
