"""Traced generators: the span opens at the first ``next`` and is current only while the body runs.

Holding a span current across a ``yield`` would make the caller's own spans children of the
generator's, and ending it in another context is what "Failed to detach context" is about. So the
context is put in place before each step of the body and taken away after it. A generator that is
closed or forgotten before its end closes its span as incomplete, with what it had yielded.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from nbtrace.config import options
from nbtrace.entities.constant import NbtraceKey, SpanEventKey
from nbtrace.tracing.current import attach, get_current, with_span
from nbtrace.tracing.live_span import finish
from nbtrace.tracing.values import encode_json

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from nbtrace.tracing.decorator import Call
    from nbtrace.tracing.record import SpanRecord

logger = logging.getLogger("nbtrace")

# A stream of tokens is a few thousand chunks; a generator over a file must not fill the memory.
MAX_CHUNKS = 10_000
# An event a chunk is for looking at single tokens; a thousand of them is more than one looks at.
MAX_CHUNK_EVENTS = 1_000


class _Step:
    """Puts a generator's span in place for one step of its body."""

    __slots__ = ("_current", "_previous", "record")

    def __init__(self, record: SpanRecord) -> None:
        self.record = record

    def __enter__(self) -> None:
        self._previous = previous = get_current()
        self._current = current = with_span(previous, self.record)
        attach(current)

    def __exit__(self, *_: object) -> None:
        if get_current() is self._current:
            attach(self._previous)


class _Chunks:
    """What a generator yielded, as far as it is kept."""

    __slots__ = ("count", "raw", "record", "reducer", "texts")

    def __init__(self, record: SpanRecord, reducer: Callable[[list[Any]], Any] | None) -> None:
        self.record = record
        self.reducer = reducer
        self.count = 0
        self.texts: list[str] = []
        self.raw: list[Any] = []

    def add(self, chunk: Any) -> None:
        self.count += 1
        if not options.capture_content or self.count > MAX_CHUNKS:
            return
        text = encode_json(chunk)
        self.texts.append(text)
        if self.reducer is not None:
            self.raw.append(chunk)
        if self.count <= MAX_CHUNK_EVENTS:
            name = SpanEventKey.CHUNK_NAME_FORMAT.format(index=self.count - 1)
            self.record.put_event(name, {SpanEventKey.CHUNK_VALUE: text}, None)

    def end(self, *, incomplete: bool = False, error: BaseException | None = None) -> None:
        record = self.record
        if record.end_time is not None:
            return
        if record.outputs is None and options.capture_content:
            record.outputs = self._outputs()
        if incomplete:
            record.put(NbtraceKey.INCOMPLETE, value=True)
        if error is not None:
            record.fail(error)
        finish(record)

    def _outputs(self) -> str:
        if self.reducer is not None:
            try:
                return encode_json(self.reducer(self.raw))
            except Exception as error:
                logger.debug("the output_reducer of %r failed: %r", self.record.name, error)
        if self.count > len(self.texts):
            cut = f"[nbtrace: {len(self.texts):,} of {self.count:,} chunks kept]"
            return "[" + ",".join([*self.texts, encode_json(cut)]) + "]"
        return "[" + ",".join(self.texts) + "]"


def generator_wrapper(function: Callable[..., Any], call: Call) -> Callable[..., Any]:
    """Return the traced form of a generator function."""

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        record = call.begin(get_current(), args, kwargs)
        generator = function(*args, **kwargs)
        if record is None:
            return (yield from generator)
        chunks = _Chunks(record, call.reducer)
        step = _Step(record)
        resume, value = generator.send, None
        while True:
            try:
                with step:
                    chunk = resume(value)
            except StopIteration as stop:
                chunks.end()
                return stop.value
            except BaseException as error:
                chunks.end(error=error)
                raise
            chunks.add(chunk)
            try:
                value = yield chunk
                resume = generator.send
            except GeneratorExit:
                try:
                    with step:
                        generator.close()
                except BaseException as error:
                    chunks.end(incomplete=True, error=error)
                    raise
                chunks.end(incomplete=True)
                raise
            except BaseException as error:
                value, resume = error, generator.throw
                del error

    return traced


def async_generator_wrapper(function: Callable[..., Any], call: Call) -> Callable[..., Any]:
    """Return the traced form of an async generator function."""

    @functools.wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        record = call.begin(get_current(), args, kwargs)
        generator = function(*args, **kwargs)
        if record is None:
            # `yield from` has no asynchronous form; sent and thrown values still have to arrive
            chunks, step = None, None
        else:
            chunks, step = _Chunks(record, call.reducer), _Step(record)
        resume, value = generator.asend, None
        while True:
            try:
                if step is None:
                    chunk = await resume(value)
                else:
                    with step:
                        chunk = await resume(value)
            except StopAsyncIteration:
                if chunks is not None:
                    chunks.end()
                return
            except BaseException as error:
                if chunks is not None:
                    chunks.end(error=error)
                raise
            if chunks is not None:
                chunks.add(chunk)
            try:
                value = yield chunk
                resume = generator.asend
            except GeneratorExit:
                try:
                    if step is None:
                        await generator.aclose()
                    else:
                        with step:
                            await generator.aclose()
                finally:
                    if chunks is not None:
                        chunks.end(incomplete=True)
                raise
            except BaseException as error:
                value, resume = error, generator.athrow
                del error

    return traced
