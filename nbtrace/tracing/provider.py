"""nbtrace as an OpenTelemetry provider, for libraries that speak OpenTelemetry.

The provider is offered, never imposed: it fills OpenTelemetry's empty place without using up its
set-once, so that an SDK provider set later (by Logfire, Phoenix, a company's own set-up) succeeds
without a warning and wins. From then on nbtrace's SpanProcessor listens to that provider, and the
tracers that libraries got from ours meanwhile hand each call on to it.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

import opentelemetry.trace as otel_trace
from opentelemetry.trace import (
    NonRecordingSpan,
    ProxyTracerProvider,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    TracerProvider,
)
from opentelemetry.util._decorator import _agnosticcontextmanager

from nbtrace.config import options
from nbtrace.entities.scope import InstrumentationScope
from nbtrace.tracing.context import leave
from nbtrace.tracing.current import SPAN_KEY, attach, get_current, with_span
from nbtrace.tracing.failures import describe
from nbtrace.tracing.processor import SpanProcessor
from nbtrace.tracing.redaction import current_rules
from nbtrace.tracing.span_details import INTERNAL
from nbtrace.tracing.starting import begin, joins
from nbtrace.tracing.unsampled import UNSAMPLED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span, SpanContext
    from opentelemetry.util.types import Attributes

logger = logging.getLogger("nbtrace")

# Providers inside providers: one is usual, a circle must not hang.
MAX_WRAPPERS = 8


class NbtraceTracer(Tracer):
    """Makes nbtrace's spans for a library, or hands on to the provider that took our place."""

    def __init__(self, provider: NbtraceTracerProvider, scope: InstrumentationScope) -> None:
        self._provider = provider
        self._scope = scope
        self._next: tuple[TracerProvider, Tracer] | None = None

    def _other(self) -> Tracer | None:
        current = otel_trace._TRACER_PROVIDER  # noqa: SLF001 - the getter would make a provider
        if current is None or current is self._provider:
            return None
        if self._next is None or self._next[0] is not current:
            self._next = (current, current.get_tracer(*self._scope))
        return self._next[1]

    def start_span(  # noqa: PLR0913, PLR0917 - OpenTelemetry's signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
    ) -> Span:
        """Start a span."""
        other = self._other()
        if other is not None:
            return other.start_span(
                name, context, kind, attributes, links, start_time,
                record_exception, set_status_on_exception,
            )  # fmt: skip
        current = get_current() if context is None else context
        parent = current.get(SPAN_KEY)
        left_out = type(parent) is NonRecordingSpan and _is_left_out(parent.get_span_context())
        record = None if left_out else begin(current, name, "UNKNOWN", start_time)
        if record is None:
            if isinstance(parent, otel_trace.Span) and parent.get_span_context().is_valid:
                return NonRecordingSpan(parent.get_span_context())
            return UNSAMPLED
        record.span_type = ""
        record.kind_number = kind.value + 1 if isinstance(kind, SpanKind) else INTERNAL
        record.scope = record.trace.recorder.sources.number(self._scope)
        if attributes:
            record.set_attributes(attributes)
        for link in links or ():
            record.add_link(link.context, link.attributes)
        if not (record_exception and set_status_on_exception):
            record.on_error = (record_exception, set_status_on_exception)
        return record

    @_agnosticcontextmanager
    def start_as_current_span(  # noqa: PLR0913, PLR0917 - OpenTelemetry's signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
        end_on_exit: bool = True,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
    ) -> Iterator[Span]:
        """Start a span around a block."""
        span = self.start_span(
            name, context, kind, attributes, links, start_time,
            record_exception, set_status_on_exception,
        )  # fmt: skip
        # Not OpenTelemetry's use_span: it detaches by token, and complains where a stream of an
        # instrumented library is ended in another context than it began in.
        previous = get_current()
        current = with_span(previous, span)
        attach(current)
        try:
            yield span
        except GeneratorExit:
            raise
        except BaseException as error:
            if span.is_recording():
                if record_exception:
                    span.record_exception(error)
                if set_status_on_exception:
                    span.set_status(Status(StatusCode.ERROR, describe(error)))
            raise
        finally:
            leave(previous, current)
            if end_on_exit:
                span.end()


def _is_left_out(parent: SpanContext) -> bool:
    """Return whether a library's span below one made elsewhere is not recorded, as in the SDK."""
    return parent.is_valid and not joins(parent, options.sampling_ratio)


def scope_of(
    name: str,
    version: str | None,
    schema_url: str | None,
    attributes: Mapping[str, Any] | None,
) -> InstrumentationScope:
    """Return the scope of what ``get_tracer`` was told."""
    kept = dict(attributes) if attributes else None
    return InstrumentationScope(name, version or "", schema_url or "", kept)


class NbtraceTracerProvider(TracerProvider):
    """nbtrace's provider, in OpenTelemetry's place while nobody else's is."""

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
        return NbtraceTracer(self, scope)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until what has ended is on disk."""
        from nbtrace.tracing.recorder import existing_recorder

        recorder = existing_recorder()
        return recorder is None or recorder.flush(timeout_millis / 1_000)

    def shutdown(self) -> None:
        """Write what is left; the provider stays usable."""
        self.force_flush()


class _Offer:
    provider = NbtraceTracerProvider()
    watching = False
    attached: list[Any] = []  # noqa: RUF012 - one list for the process: providers listened to


def offer_provider() -> None:
    """Make nbtrace's provider the global one if there is none, else listen to the one there is.

    A provider set at any later time is noticed when it is set.
    """
    current_rules()  # made here, so that no trace waits for it
    current = otel_trace._TRACER_PROVIDER  # noqa: SLF001 - see the module's text
    if current is None and not _configured_by_environment():
        otel_trace._TRACER_PROVIDER = _Offer.provider  # noqa: SLF001 - without its set-once
    elif current is not _Offer.provider:
        attach_processor(current or otel_trace.get_tracer_provider())
    _watch()


def withdraw_provider() -> None:
    """Take nbtrace's provider out of OpenTelemetry's place."""
    if otel_trace._TRACER_PROVIDER is _Offer.provider:  # noqa: SLF001 - see offer_provider
        otel_trace._TRACER_PROVIDER = None  # noqa: SLF001 - see offer_provider


def _configured_by_environment() -> bool:
    import os

    return bool(os.environ.get("OTEL_PYTHON_TRACER_PROVIDER"))


def _watch() -> None:
    """See to it that a provider set later is listened to from its first span."""
    if _Offer.watching:
        return
    _Offer.watching = True
    setter = getattr(otel_trace, "_set_tracer_provider", None)
    if setter is None:  # then the look at each cell's start has to do
        return

    @functools.wraps(setter)
    def set_and_listen(provider: TracerProvider, *args: Any, **kwargs: Any) -> None:
        setter(provider, *args, **kwargs)
        if otel_trace._TRACER_PROVIDER is provider:  # noqa: SLF001 - whether it was accepted
            attach_processor(provider)

    otel_trace._set_tracer_provider = set_and_listen  # type: ignore[assignment]  # noqa: SLF001


def attach_processor(provider: Any) -> None:
    """Listen to an SDK provider, once."""
    if provider is None or provider is _Offer.provider or isinstance(provider, ProxyTracerProvider):
        return
    innermost = _innermost(provider)
    if any(known is innermost for known in _Offer.attached):
        return
    add = getattr(provider, "add_span_processor", None)
    if add is None:
        logger.debug("%r takes no span processors: its spans are not seen", provider)
        return
    _Offer.attached.append(innermost)
    try:
        add(SpanProcessor())
    except Exception:
        logger.warning("nbtrace could not listen to %r", provider, exc_info=True)


def _innermost(provider: Any) -> Any:
    """Return the provider inside one that stands for another, and may exchange it, as Logfire's."""
    for _ in range(MAX_WRAPPERS):
        inner = getattr(provider, "provider", None)
        if not isinstance(inner, TracerProvider):
            break
        provider = inner
    return provider


def provider_description() -> str:
    """Return in words whose provider is the global one."""
    current = otel_trace._TRACER_PROVIDER  # noqa: SLF001 - see offer_provider
    if current is None:
        return "none yet"
    if current is _Offer.provider:
        return "nbtrace's own"
    name = f"{type(current).__module__}.{type(current).__qualname__}"
    innermost = _innermost(current)
    listening = any(known is innermost for known in _Offer.attached)
    return f"{name}, nbtrace listens" if listening else f"{name}, nbtrace cannot listen"


def get_bridged_tracer_provider() -> TracerProvider:
    """Return a provider whose spans nbtrace records, for instrumentors that take one."""
    offer_provider()
    current: TracerProvider = otel_trace._TRACER_PROVIDER or _Offer.provider  # noqa: SLF001 - see offer_provider
    return current
