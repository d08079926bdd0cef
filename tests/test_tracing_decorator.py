"""``@trace`` on every kind of callable: what it returns, raises and looks like stays as it was."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import inspect
import weakref

import pytest
from opentelemetry import context as otel_context

import nbtrace
from nbtrace.entities import Link
from nbtrace.exceptions import NbtraceError


def only_trace():
    (trace,) = nbtrace.search_traces(return_type="list")
    return trace


def only_span():
    (span,) = only_trace().data.spans
    return span


def test_a_function_keeps_its_value_name_signature_and_kind():
    result = object()

    @nbtrace.trace
    def ask(question: str, k: int = 3, *, loud: bool = False) -> object:
        """Ask."""
        return result

    assert ask("why?", loud=True) is result
    assert (ask.__name__, ask.__doc__, ask.__module__) == ("ask", "Ask.", __name__)
    assert str(inspect.signature(ask)) == str(inspect.signature(ask.__wrapped__))
    assert inspect.isfunction(ask)
    assert not inspect.iscoroutinefunction(ask)
    span = only_span()
    assert span.name == "ask"
    assert span.inputs == {"question": "why?", "k": 3, "loud": True}
    assert span.get_attribute("mlflow.spanFunctionName") == "ask"
    assert span.status.status_code == "OK"


def test_kinds_of_function_are_still_told_apart():
    @nbtrace.trace
    def plain(): ...

    @nbtrace.trace
    async def coroutine(): ...

    @nbtrace.trace
    def generator():
        yield

    @nbtrace.trace
    async def async_generator():
        yield

    kinds = [
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
    ]
    functions = [coroutine, generator, async_generator]
    for kind in kinds:
        assert [kind(f) for f in functions] == [kinds[i] is kind for i in range(3)]
        assert not kind(plain)


def test_options_of_the_decorator_are_recorded():
    link = Link(trace_id="tr-" + "1" * 32, span_id="2" * 16)

    @nbtrace.trace(
        name="search",
        span_type="RETRIEVER",
        attributes={"index": "docs"},
        log_level="WARNING",
        links=[link],
        description="finds pages",
    )
    def find(query):
        return [query]

    find("walrus")
    find("otter")
    spans = [t.data.spans[0] for t in nbtrace.search_traces(return_type="list")]
    assert {span.name for span in spans} == {"search"}
    for span in spans:
        assert span.span_type == "RETRIEVER"
        assert span.raw_attributes["index"] == "docs"
        assert span.links[0].span_id == "2" * 16
        assert "finds pages" in span.attributes.values()


def test_methods_leave_out_their_receiver_in_either_order():
    class Model:
        @nbtrace.trace
        def method(self, x):
            return self, x

        @nbtrace.trace
        @classmethod
        def outer_class(cls, x):
            return cls, x

        @classmethod
        @nbtrace.trace
        def inner_class(cls, x):
            return cls, x

        @nbtrace.trace
        @staticmethod
        def outer_static(x):
            return x

        @staticmethod
        @nbtrace.trace
        def inner_static(x):
            return x

        @nbtrace.trace
        async def coroutine(self, x):
            return x

        @property
        @nbtrace.trace
        def value(self):
            return 5

    class Child(Model):
        pass

    model = Child()
    assert model.method(1) == (model, 1)
    assert Child.outer_class(x=2) == (Child, 2)
    assert Child.inner_class(3) == (Child, 3)
    assert model.outer_static(4) == Child.inner_static(4) == 4
    assert asyncio.run(model.coroutine(6)) == 6
    assert model.value == 5
    assert Child.method(model, 7) == (model, 7)
    assert Child.method(self=model, x=8) == (model, 8)
    assert inspect.ismethod(model.method)
    found = [
        (s.name, s.inputs) for s in nbtrace.search_traces(return_type="list") for s in s.data.spans
    ]
    assert sorted(found, key=str) == sorted(
        [
            ("method", {"x": 1}),
            ("outer_class", {"x": 2}),
            ("inner_class", {"x": 3}),
            ("outer_static", {"x": 4}),
            ("inner_static", {"x": 4}),
            ("coroutine", {"x": 6}),
            ("value", {}),
            ("method", {"x": 7}),
            ("method", {"x": 8}),
        ],
        key=str,
    )


def test_calls_nest_and_recursion_does_too():
    @nbtrace.trace
    def count(n):
        return n if n == 0 else count(n - 1)

    count(3)
    spans = only_trace().data.spans
    assert [span.inputs["n"] for span in spans] == [3, 2, 1, 0]
    assert [span.parent_id for span in spans] == [None, *[s.span_id for s in spans[:-1]]]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_what_a_function_raises_is_recorded_and_goes_on_unchanged(error):
    @nbtrace.trace
    def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error
    span = only_span()
    assert span.status.status_code == "ERROR"
    assert span.events[0].attributes["exception.type"] == type(error).__name__
    assert only_trace().info.state == "ERROR"
    assert nbtrace.get_current_active_span() is None


def test_wrong_arguments_raise_what_they_always_raised():
    @nbtrace.trace
    def one(x):
        return x

    with pytest.raises(TypeError, match=r"one\(\) missing 1 required positional argument"):
        one()
    with pytest.raises(TypeError, match="unexpected keyword"):
        one(1, y=2)


def test_outputs_set_in_the_body_win():
    @nbtrace.trace
    def work():
        nbtrace.get_current_active_span().set_outputs("chosen")
        return "returned"

    assert work() == "returned"
    assert only_span().outputs == "chosen"


def test_a_span_ended_in_the_body_is_not_ended_again():
    @nbtrace.trace
    def work():
        nbtrace.get_current_active_span().end(outputs="early")
        raise ValueError("after the end")

    with pytest.raises(ValueError, match="after the end"):
        work()
    assert (only_span().outputs, only_span().status.status_code) == ("early", "OK")


def test_arguments_and_results_are_neither_changed_nor_kept_alive():
    class Heavy:
        pass

    @nbtrace.trace
    def work(value, items):
        return value

    heavy, items = Heavy(), [1, {"a": [2]}]
    alive = weakref.ref(heavy)
    assert work(heavy, items) is heavy
    assert items == [1, {"a": [2]}]
    nbtrace.flush()
    del heavy
    gc.collect()
    assert alive() is None


def test_a_value_that_cannot_be_recorded_costs_only_itself():
    class Bad:
        def __repr__(self):
            raise RuntimeError("no repr")

    @nbtrace.trace
    def work(bad, good):
        return bad

    bad = Bad()
    assert work(bad, 3) is bad
    assert only_span().inputs["good"] == 3


def test_a_coroutine_function():
    seen = []

    @nbtrace.trace
    async def work(x):
        seen.append(nbtrace.get_current_active_span())
        await asyncio.sleep(0)
        seen.append(nbtrace.get_current_active_span())
        return x

    coroutine = work(1)
    assert inspect.iscoroutine(coroutine)
    assert nbtrace.get_current_active_span() is None
    assert asyncio.run(coroutine) == 1
    assert seen[0] == seen[1]
    assert only_span().inputs == {"x": 1}
    assert only_span().outputs == 1


def test_a_cancelled_task_is_an_error():
    @nbtrace.trace
    async def wait():
        await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    span = only_span()
    assert span.status.status_code == "ERROR"
    assert span.events[0].attributes["exception.type"].endswith("CancelledError")


def test_a_coroutine_that_is_dropped_ends_its_span_and_spoils_no_context():
    @nbtrace.trace
    async def wait():
        await asyncio.Event().wait()

    coroutine = wait()
    context = contextvars.copy_context()

    def begin():
        loop = asyncio.new_event_loop()
        asyncio.events._set_running_loop(loop)
        coroutine.send(None)
        asyncio.events._set_running_loop(None)
        loop.close()

    context.run(begin)
    with nbtrace.start_span("here") as here:
        coroutine.close()
        assert nbtrace.get_current_active_span() == here
    found = [s.name for t in nbtrace.search_traces(return_type="list") for s in t.data.spans]
    assert sorted(found) == ["here", "wait"]


def test_a_generator_left_suspended_in_a_call_leaves_nothing_current():
    def stream():
        with nbtrace.start_span("stream"):
            yield 1

    held = []

    @nbtrace.trace
    def work():
        held.append(stream())
        return next(held[0])

    work()
    assert nbtrace.get_current_active_span() is None
    held[0].close()
    assert nbtrace.get_current_active_span() is None


def test_what_the_body_attaches_to_the_context_stays_but_for_the_span():
    key = otel_context.create_key("mine")

    @nbtrace.trace
    def enter():
        return otel_context.attach(otel_context.set_value(key, "kept"))

    def call():
        enter()
        assert otel_context.get_value(key) == "kept"
        assert nbtrace.get_current_active_span() is None

    contextvars.copy_context().run(call)


def test_partials_lambdas_builtins_and_callable_objects():
    class Adder:
        def __call__(self, x):
            return x + 1

    assert nbtrace.trace(functools.partial(pow, 2))(5) == 32
    assert nbtrace.trace(lambda x: x)(1) == 1
    assert nbtrace.trace(len)([1, 2]) == 2
    assert nbtrace.trace(Adder())(1) == 2
    assert nbtrace.trace(max)(1, 2) == 2
    assert len(nbtrace.search_traces(return_type="list")) == 5


def test_a_callable_object_with_an_async_call_is_awaited_inside_its_span():
    class Asker:
        async def __call__(self, x):
            await asyncio.sleep(0)
            return nbtrace.get_current_active_span().name

    assert asyncio.run(nbtrace.trace(Asker(), name="ask")(1)) == "ask"
    assert only_span().outputs == "ask"


def test_misuse_is_told_when_the_function_is_decorated():
    with pytest.raises(NbtraceError, match="from 0 to 1"):
        nbtrace.trace(sampling_ratio_override=2)
    with pytest.raises(NbtraceError, match="generator function"):
        nbtrace.trace(lambda: 1, output_reducer=list)
    with pytest.raises(NbtraceError, match="decorates functions"):
        nbtrace.trace(3)
    with pytest.raises(NbtraceError):
        nbtrace.trace(lambda: 1, log_level="SHOUTING")
    with pytest.raises(NbtraceError, match="destination"):
        nbtrace.trace(lambda: 1, trace_destination=object())


def test_the_share_of_a_function_decides_where_it_is_a_root():
    @nbtrace.trace(sampling_ratio_override=0)
    def never():
        with nbtrace.start_span("child"):
            return nbtrace.get_active_trace_id()

    assert never() is None
    assert nbtrace.search_traces(return_type="list") == []
    with nbtrace.start_span("root"):
        assert never() is not None
    assert len(only_trace().data.spans) == 3


def test_switched_off_the_function_runs_as_it_is():
    calls = []

    @nbtrace.trace
    def work(x):
        calls.append(nbtrace.get_current_active_span())
        return x

    nbtrace.tracing.disable()
    assert work(1) == 1
    nbtrace.tracing.enable()
    assert work(2) == 2
    assert calls[0] is None
    assert only_span().inputs == {"x": 2}


def test_without_content_neither_inputs_nor_outputs_are_recorded():
    @nbtrace.trace
    def work(x):
        return x

    with nbtrace.configure(capture_content=False):
        work("private")
    assert only_span().inputs is None
    assert only_span().outputs is None


def test_an_experiment_named_by_the_decorator():
    experiment_id = nbtrace.create_experiment("elsewhere")

    @nbtrace.trace(trace_destination=experiment_id)
    def work(): ...

    work()
    (trace,) = nbtrace.search_traces(return_type="list", locations=[experiment_id])
    assert trace.info.experiment_id == experiment_id


def test_traced_functions_are_marked():
    assert nbtrace.trace(lambda: 1).__nbtrace_traced__
