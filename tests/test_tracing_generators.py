"""Traced generators: lazy, transparent, current only while the body runs, closed when forgotten."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import weakref

import pytest

import nbtrace
from nbtrace.tracing import generators


def trace_of(name):
    (found,) = [
        t for t in nbtrace.search_traces(return_type="list") if t.data.spans[0].name == name
    ]
    return found


def span_of(name):
    (found,) = [
        s for t in nbtrace.search_traces(return_type="list") for s in t.data.spans if s.name == name
    ]
    return found


@nbtrace.trace
def numbers(n):
    yield from range(n)


@nbtrace.trace
async def async_numbers(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i


def current_name():
    span = nbtrace.get_current_active_span()
    return None if span is None else span.name


def test_chunks_become_outputs_and_events():
    assert list(numbers(3)) == [0, 1, 2]
    span = span_of("numbers")
    assert span.inputs == {"n": 3}
    assert span.outputs == [0, 1, 2]
    assert [event.name for event in span.events] == [f"mlflow.chunk.item.{i}" for i in range(3)]
    assert span.events[1].attributes["mlflow.chunk.value"] == "1"
    assert span.status.status_code == "OK"


def test_nothing_begins_before_the_first_next():
    generator = numbers(2)
    assert nbtrace.search_traces(return_type="list") == []
    generator.close()
    assert nbtrace.search_traces(return_type="list") == []
    with nbtrace.start_span("caller") as caller:
        assert next(numbers(1)) == 0
    assert span_of("numbers").parent_id == caller.span_id


def test_the_span_is_current_only_while_the_body_runs():
    seen = []

    @nbtrace.trace
    def stream():
        for i in range(2):
            seen.append(current_name())
            yield i

    with nbtrace.start_span("caller") as caller:
        for _ in stream():
            assert current_name() == "caller"
            with nbtrace.start_span("between") as between:
                assert between.parent_id == caller.span_id
    assert seen == ["stream", "stream"]


def test_a_span_held_open_across_a_yield_stays_inside():
    inner = []

    @nbtrace.trace
    def stream():
        with nbtrace.start_span("inner") as span:
            inner.append(span)
            for i in range(2):
                yield i
                with nbtrace.start_span("deep") as deep:
                    assert deep.parent_id == span.span_id
        assert current_name() == "stream"
        yield 2

    with nbtrace.start_span("caller"):
        for _ in stream():
            assert current_name() == "caller"
    assert current_name() is None
    assert inner[0].parent_id == span_of("stream").span_id


def test_interleaved_generators_keep_apart():
    @nbtrace.trace
    def stream(name):
        for i in range(3):
            with nbtrace.start_span(f"{name}{i}"):
                yield current_name()

    with nbtrace.start_span("caller"):
        pairs = list(zip(stream("a"), stream("b"), strict=True))
    assert pairs == [(f"a{i}", f"b{i}") for i in range(3)]
    spans = {span.name: span for span in trace_of("caller").data.spans}
    parents = {name: spans[name].parent_id for name in ("a0", "a2", "b0", "b2")}
    assert parents["a0"] == parents["a2"] != parents["b0"] == parents["b2"]


def test_send_throw_and_the_return_value_pass_through():
    @nbtrace.trace
    def echo():
        received = []
        while True:
            try:
                value = yield len(received)
            except KeyError as error:
                value = error
            if value == "stop":
                return received
            received.append(value)

    generator = echo()
    assert next(generator) == 0
    assert generator.send("a") == 1
    error = KeyError("thrown")
    assert generator.throw(error) == 2
    with pytest.raises(StopIteration) as stop:
        generator.send("stop")
    assert stop.value.value == ["a", error]
    assert span_of("echo").outputs == [0, 1, 2]


def test_yield_from_gives_the_return_value():
    @nbtrace.trace
    def inner():
        yield 1
        return "result"

    def outer():
        result = yield from inner()
        yield result

    assert list(outer()) == [1, "result"]


def test_an_error_in_the_body_or_thrown_into_it_is_recorded():
    @nbtrace.trace
    def failing():
        yield 1
        raise ValueError("no")

    generator = failing()
    next(generator)
    with pytest.raises(ValueError, match="no"):
        next(generator)
    span = span_of("failing")
    assert span.status.status_code == "ERROR"
    assert span.outputs == [1]
    assert [event.name for event in span.events][-1] == "exception"
    thrown = numbers(5)
    next(thrown)
    with pytest.raises(KeyboardInterrupt):
        thrown.throw(KeyboardInterrupt())
    assert span_of("numbers").status.status_code == "ERROR"


def test_wrong_arguments_leave_no_open_span():
    with nbtrace.start_span("caller") as caller:
        with pytest.raises(TypeError, match="unexpected keyword"):
            next(numbers(1, nobody=2))
        assert current_name() == "caller"
    assert all(span.end_time_ns for span in nbtrace.get_trace(caller.trace_id).data.spans)


@pytest.mark.parametrize("forget", ["close", "del", "cycle"])
def test_an_abandoned_generator_closes_its_span_as_incomplete(forget):
    cleaned = []

    @nbtrace.trace
    def stream():
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(current_name())

    generator = stream()
    next(generator)
    if forget == "close":
        generator.close()
    elif forget == "del":
        del generator
    else:
        cycle = [generator]
        cycle.append(cycle)
        del generator, cycle
        gc.collect()
    assert cleaned == ["stream"]
    span = span_of("stream")
    assert span.raw_attributes["nbtrace.incomplete"] is True
    assert span.outputs == [1]
    assert span.status.status_code == "OK"
    assert span.events[-1].name == "generator closed early by its consumer"
    assert span.events[-1].attributes["chunks"] == 1
    assert span.end_time_ns is not None
    assert current_name() is None


def test_a_generator_collected_inside_another_trace_ends_in_its_own():
    generator = numbers(3)
    with nbtrace.start_span("first") as first:
        next(generator)
    with nbtrace.start_span("second") as second:
        del generator
        assert current_name() == "second"
    assert {s.name for s in nbtrace.get_trace(first.trace_id).data.spans} == {"first", "numbers"}
    assert {s.name for s in nbtrace.get_trace(second.trace_id).data.spans} == {"second"}


def test_a_body_that_ignores_close_raises_as_ever():
    @nbtrace.trace
    def stubborn():
        while True:
            try:
                yield 1
            except GeneratorExit:
                yield 2
                return

    generator = stubborn()
    next(generator)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        generator.close()


def test_a_reducer_makes_the_outputs_and_its_failure_is_swallowed():
    @nbtrace.trace(output_reducer="".join)
    def words():
        yield from ["a", "b"]

    assert list(words()) == ["a", "b"]
    assert span_of("words").outputs == "ab"

    @nbtrace.trace(output_reducer=lambda chunks: 1 / 0)
    def broken():
        yield from ["a", "b"]

    assert list(broken()) == ["a", "b"]
    assert span_of("broken").outputs == ["a", "b"]


def test_outputs_set_in_the_body_win():
    @nbtrace.trace
    def stream():
        yield 1
        nbtrace.get_current_active_span().set_outputs("all of it")

    assert list(stream()) == [1]
    assert span_of("stream").outputs == "all of it"


def test_what_is_not_kept_of_a_long_stream_is_said(monkeypatch):
    monkeypatch.setattr(generators, "MAX_CHUNKS", 3)
    monkeypatch.setattr(generators, "MAX_CHUNK_EVENTS", 2)
    assert list(numbers(10)) == list(range(10))
    span = span_of("numbers")
    assert span.outputs == [0, 1, 2, "[nbtrace: 3 of 10 chunks kept]"]
    assert len(span.events) == 2


def test_chunks_and_arguments_live_no_longer_for_being_traced():
    class Heavy:
        pass

    @nbtrace.trace
    def stream(heavy):
        del heavy
        yield Heavy()
        yield 2

    argument = Heavy()
    generator = stream(argument)
    chunk = next(generator)
    alive = [weakref.ref(argument), weakref.ref(chunk)]
    del argument, chunk
    gc.collect()
    assert [reference() for reference in alive] == [None, None]
    generator.close()


def test_children_of_a_generator_that_is_not_sampled_are_not_either():
    @nbtrace.trace(sampling_ratio_override=0)
    def stream():
        for i in range(2):
            with nbtrace.start_span("child"):
                yield i

    assert list(stream()) == [0, 1]
    assert nbtrace.search_traces(return_type="list") == []


def test_a_generator_stepped_by_several_threads(caplog):
    from concurrent.futures import ThreadPoolExecutor

    generator = numbers(4)
    with nbtrace.start_span("caller"):
        next(generator)
        with ThreadPoolExecutor(2) as pool:
            assert [pool.submit(next, generator).result() for _ in range(3)] == [1, 2, 3]
            assert pool.submit(next, generator, "end").result() == "end"
        assert current_name() == "caller"
    assert span_of("numbers").outputs == [0, 1, 2, 3]
    assert "detach" not in caplog.text


def test_a_generator_closed_in_another_context(caplog):
    generator = numbers(3)
    contextvars.copy_context().run(next, generator)
    with caplog.at_level(logging.DEBUG, "opentelemetry"):
        contextvars.copy_context().run(generator.close)
    assert span_of("numbers").raw_attributes["nbtrace.incomplete"] is True
    assert not caplog.records


# Asynchronous


def test_async_chunks_become_outputs():
    async def main():
        return [chunk async for chunk in async_numbers(3)]

    assert asyncio.run(main()) == [0, 1, 2]
    span = span_of("async_numbers")
    assert span.outputs == [0, 1, 2]
    assert span.inputs == {"n": 3}


def test_async_send_throw_and_close_pass_through():
    @nbtrace.trace
    async def echo():
        received = []
        while len(received) < 2:
            try:
                received.append((yield len(received)))
            except KeyError as error:
                received.append(error)
        yield received

    async def main():
        generator = echo()
        assert await anext(generator) == 0
        assert await generator.asend("a") == 1
        error = KeyError("x")
        assert await generator.athrow(error) == ["a", error]
        await generator.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(generator)

    asyncio.run(main())
    assert span_of("echo").raw_attributes["nbtrace.incomplete"] is True


def test_async_spans_are_current_only_in_the_body_and_stay_inside():
    @nbtrace.trace
    async def stream():
        with nbtrace.start_span("inner"):
            for i in range(3):
                await asyncio.sleep(0)
                assert current_name() == "inner"
                yield i

    async def main():
        with nbtrace.start_span("caller") as caller:
            async for _ in stream():
                assert current_name() == "caller"
                with nbtrace.start_span("between") as between:
                    assert between.parent_id == caller.span_id

    asyncio.run(main())
    spans = {span.name: span for span in trace_of("caller").data.spans}
    assert spans["inner"].parent_id == spans["stream"].span_id
    assert spans["stream"].parent_id == spans["caller"].span_id


def test_many_async_streams_at_once_keep_apart():
    @nbtrace.trace
    async def stream(name):
        with nbtrace.start_span(f"inner-{name}") as span:
            for _ in range(3):
                await asyncio.sleep(0)
                yield span.parent_id

    async def consume(name):
        return {parent async for parent in stream(name)}

    async def main():
        with nbtrace.start_span("caller"):
            return await asyncio.gather(*(consume(str(i)) for i in range(5)))

    found = asyncio.run(main())
    assert all(len(parents) == 1 for parents in found)
    assert len(set.union(*found)) == 5


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError()])
def test_async_errors_are_recorded(error):
    @nbtrace.trace
    async def failing():
        yield 1
        raise error

    async def main():
        with pytest.raises(type(error)):
            async for _ in failing():
                pass

    asyncio.run(main())
    assert span_of("failing").status.status_code == "ERROR"


def test_an_async_stream_whose_task_is_cancelled():
    async def consume():
        async for _ in async_numbers(1_000_000):
            pass

    async def main():
        task = asyncio.create_task(consume())
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    span = span_of("async_numbers")
    assert span.status.status_code == "ERROR"
    assert span.end_time_ns is not None


@pytest.mark.parametrize("forget", ["aclose", "break", "held until the loop ends"])
def test_an_abandoned_async_generator_closes_its_span(forget, caplog):
    cleaned = []
    held = []

    @nbtrace.trace
    async def stream():
        try:
            with nbtrace.start_span("inner"):
                yield 1
                yield 2
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    async def main():
        generator = stream()
        if forget == "break":
            async for _ in generator:
                break
            del generator
            gc.collect()
            for _ in range(5):
                await asyncio.sleep(0)
        else:
            await anext(generator)
            if forget == "aclose":
                await generator.aclose()
            else:
                held.append(generator)

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert cleaned == [True]
    span = span_of("stream")
    assert span.raw_attributes["nbtrace.incomplete"] is True
    assert span.outputs == [1]
    assert [r for r in caplog.records if r.name != "asyncio" or r.levelno > logging.DEBUG] == []


def test_children_of_an_async_generator_that_is_not_sampled_are_not_either():
    @nbtrace.trace(sampling_ratio_override=0)
    async def stream():
        with nbtrace.start_span("child"):
            yield 1

    async def main():
        return [chunk async for chunk in stream()]

    assert asyncio.run(main()) == [1]
    assert nbtrace.search_traces(return_type="list") == []
