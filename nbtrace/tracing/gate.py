"""A provider that can be closed, for instrumentors that cannot be taken out again.

Some instrumentors leave a patch behind when they are told to go. What they were given to make spans
with is closed then, so that ``autolog(disable=True)`` means what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import NonRecordingSpan, Tracer, TracerProvider, get_current_span

from nbtrace.tracing.provider import NbtraceTracer, NbtraceTracerProvider, scope_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from nbtrace.entities.scope import InstrumentationScope


class GatedTracer(NbtraceTracer):
    """Makes spans while its gate is open."""

    def __init__(
        self, gate: GatedProvider, provider: NbtraceTracerProvider, scope: InstrumentationScope
    ) -> None:
        super().__init__(provider, scope)
        self._gate = gate

    def start_span(
        self, name: str, context: Context | None = None, *args: Any, **rest: Any
    ) -> Span:
        """Start a span, or stand in for the current one when the gate is closed."""
        if not self._gate.open:
            return NonRecordingSpan(get_current_span(context).get_span_context())
        return super().start_span(name, context, *args, **rest)


class GatedProvider(TracerProvider):
    """Gives tracers that fall silent when it is closed.

    Parameters
    ----------
    provider : NbtraceTracerProvider
        Where the spans go.

    Attributes
    ----------
    open : bool
        Whether its tracers make spans.
    """

    def __init__(self, provider: NbtraceTracerProvider) -> None:
        self.open = True
        self._provider = provider

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> Tracer:
        """Return the tracer of a library."""
        scope = scope_of(
            instrumenting_module_name, instrumenting_library_version, schema_url, attributes
        )
        return GatedTracer(self, self._provider, scope)


def gated(provider: TracerProvider) -> TracerProvider:
    """Return nbtrace's provider behind a gate, and any other as it is."""
    return GatedProvider(provider) if isinstance(provider, NbtraceTracerProvider) else provider


def close(provider: TracerProvider | None) -> bool:
    """Close the gate of a provider and return whether it has one."""
    if not isinstance(provider, GatedProvider):
        return False
    provider.open = False
    return True


def reopen(provider: TracerProvider | None) -> None:
    """Open the gate of a provider again."""
    if isinstance(provider, GatedProvider):
        provider.open = True
