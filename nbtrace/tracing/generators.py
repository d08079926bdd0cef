"""Traced generators: the span opens at the first ``next`` and is current only while the body runs.

Holding a span current across a ``yield`` would make the caller's own spans children of the
generator's, and ending it in another context is what "Failed to detach context" is about. So the
context is put in place before each step of the body and taken away after it, together with the
spans that the body itself holds open across a ``yield``. A generator that is
closed or forgotten before its end closes its span as incomplete, with what it had yielded.
"""

from __future__ import annotations

import functools
import logging
import sys
from typing import TYPE_CHECKING, Any

from nbtrace.config import options
from nbtrace.entities.constant import NbtraceKey, SpanEventKey
from nbtrace.tracing.current import attach, get_current, with_span
from nbtrace.tracing.live_span import finish
from nbtrace.tracing.unsampled import UNSAMPLED
from nbtrace.tracing.values import encode_json

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OtelSpan

    from nbtrace.tracing.decorator import Call
    from nbtrace.tracing.record import SpanRecord

logger = logging.getLogger("nbtrace")

# A stream of tokens is a few thousand chunks; a generator over a file must not fill the memory.
MAX_CHUNKS = 10_000
# An event a chunk is for looking at single tokens; a thousand of them is more than one looks at.
MAX_CHUNK_EVENTS = 1_000
# The event of a generator that was closed or forgotten before its end.
CLOSED_EARLY = "generator closed early by its consumer"


class _Step:
    """Puts a generator's span in place for one step of its body."""

    __slots__ = ("_current", "_inside", "_outer", "_previous", "span")

    def __init__(self, span: OtelSpan) -> None:
        self.span = span
        # The context the body left at its last yield, where that is not the one it was given.
        self._inside: Context | None = None
        self._outer: Context | None = None

    def __enter__(self) -> None:
        self._previous = previous = get_current()
        current = self._inside
        if current is None:
            current = self._outer = with_span(previous, self.span)
        self._current = current
        attach(current)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        now = get_current()
        if kind is GeneratorExit and now is not self._current:
            return  # collected while it waited, which may be in anybody's context
        self._inside = None if now is self._outer else now
        attach(self._previous)


class _Call:
    """The span of one run of a generator, and what it yielded as far as that is kept."""

    __slots__ = ("count", "raw", "record", "reducer", "step", "texts")

    def __init__(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.record: SpanRecord | None = call.begin(get_current(), args, kwargs)
        # Where nothing is recorded, what the body calls is not recorded either.
        self.step = _Step(UNSAMPLED if self.record is None else self.record)
        self.reducer = call.reducer
        self.count = 0
        self.texts: list[str] = []
        self.raw: list[Any] = []

    def add(self, chunk: Any) -> None:
        record = self.record
        if record is None:
            return
        self.count += 1
        if not options.capture_content or self.count > MAX_CHUNKS:
            return
        text = encode_json(chunk, record.trace)
        self.texts.append(text)
        if self.reducer is not None:
            self.raw.append(chunk)
        if self.count <= MAX_CHUNK_EVENTS:
            name = SpanEventKey.CHUNK_NAME_FORMAT.format(index=self.count - 1)
            record.put_event(name, {SpanEventKey.CHUNK_VALUE: text}, None)

    def end(self, *, incomplete: bool = False, error: BaseException | None = None) -> None:
        record = self.record
        if record is None or record.end_time is not None:
            return
        if record.outputs is None and options.capture_content:
            record.outputs = self._outputs(record)
        if incomplete:
            # Its consumer wanted no more, which is no error of the generator's.
            record.put(NbtraceKey.INCOMPLETE, value=True)
            record.put_event(CLOSED_EARLY, {"chunks": self.count}, None)
        if error is not None:
            record.fail(error)
        finish(record)

    def _outputs(self, record: SpanRecord) -> str:
        if self.reducer is not None:
            try:
                return encode_json(self.reducer(self.raw), record.trace)
            except Exception as error:
                logger.debug("the output_reducer of %r failed: %r", record.name, error)
        if self.count > len(self.texts):
            cut = f"[nbtrace: {len(self.texts):,} of {self.count:,} chunks kept]"
            return "[" + ",".join([*self.texts, encode_json(cut)]) + "]"
        return "[" + ",".join(self.texts) + "]"

    def close(self, generator: Generator[Any, Any, Any]) -> Any:
        """Close the body, which the caller closed or forgot; return what it returned."""
        try:
            with self.step:
                # From Python 3.13 on it is what a body returns that catches the GeneratorExit.
                returned: Any = generator.close()  # type: ignore[func-returns-value,unused-ignore]
        except BaseException as error:
            self.end(incomplete=True, error=error)
            raise
        self.end(incomplete=True)
        return returned

    async def aclose(self, generator: AsyncGenerator[Any, Any]) -> None:
        """Close the body, which the caller closed or forgot."""
        try:
            with self.step:
                await generator.aclose()
        except BaseException as error:
            self.end(incomplete=True, error=error)
            raise
        self.end(incomplete=True)


def generator_wrapper(function: Callable[..., Any], call: Call) -> Callable[..., Any]:
    """Return the traced form of a generator function."""

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        __tracebackhide__ = True  # IPython and pytest leave this frame out of tracebacks
        run = _Call(call, args, kwargs)
        step = run.step
        resume: Any = None
        value: Any = None
        while True:
            try:
                if resume is None:
                    generator = function(*args, **kwargs)
                    resume = generator.send
                    del args, kwargs
                with step:
                    held = [resume(value)]
            except StopIteration as stop:
                run.end()
                return stop.value
            except BaseException as error:
                run.end(error=error)
                raise
            run.add(held[0])
            value = None
            try:
                # Popped, so that nothing of the caller's lives longer for being traced.
                value = yield held.pop()
                resume = generator.send
            except GeneratorExit:
                returned = run.close(generator)
                if returned is not None:
                    return returned
                raise
            except BaseException as error:
                value, resume = error, generator.throw
                del error

    return traced


def _first_step(generator: AsyncGenerator[Any, Any]) -> Any:
    """Return the first step of a body whose end is its wrapper's business alone.

    An event loop that ends closes all generators it has seen at once, the body and its wrapper, and
    logs an error where the one is busy closing the other. So it does not get to see the body.
    """
    hooks = sys.get_asyncgen_hooks()
    if hooks.finalizer is None:
        return generator.asend(None)
    sys.set_asyncgen_hooks(firstiter=None, finalizer=_left_to_the_wrapper)
    try:
        return generator.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _left_to_the_wrapper(generator: AsyncGenerator[Any, Any]) -> None:
    del generator


def async_generator_wrapper(function: Callable[..., Any], call: Call) -> Callable[..., Any]:
    """Return the traced form of an async generator function."""

    @functools.wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        __tracebackhide__ = True  # IPython and pytest leave this frame out of tracebacks
        run = _Call(call, args, kwargs)
        step = run.step
        resume: Any = None
        value: Any = None
        while True:
            try:
                if resume is None:
                    generator = function(*args, **kwargs)
                    resume = generator.asend
                    del args, kwargs
                    first = _first_step(generator)
                    with step:
                        held = [await first]
                    del first
                else:
                    with step:
                        held = [await resume(value)]
            except StopAsyncIteration:
                run.end()
                return
            except BaseException as error:
                run.end(error=error)
                raise
            run.add(held[0])
            value = None
            try:
                # Popped, so that nothing of the caller's lives longer for being traced.
                value = yield held.pop()
                resume = generator.asend
            except GeneratorExit:
                await run.aclose(generator)
                raise
            except BaseException as error:
                value, resume = error, generator.athrow
                del error

    return traced
