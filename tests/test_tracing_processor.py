"""Spans of an SDK's provider: shown while they run, kept with everything they carry."""

from __future__ import annotations

import orjson
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags

import nbtrace
from nbtrace.tracing.processor import SpanProcessor
from nbtrace.tracing.recorder import current_recorder


@pytest.fixture
def provider():
    provider = TracerProvider(resource=Resource({"service.name": "theirs"}), shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor())
    yield provider
    provider.shutdown()


@pytest.fixture
def tracer(provider):
    return provider.get_tracer("library", "1.2")


def only_trace():
    (trace,) = nbtrace.search_traces(return_type="list")
    return trace


def test_everything_a_span_carries_is_kept(tracer):
    link = Link(SpanContext(5, 6, is_remote=True, trace_flags=TraceFlags(1)), {"why": "same"})
    with tracer.start_as_current_span(
        "call",
        kind=SpanKind.CLIENT,
        links=[link],
        attributes={"s": "x", "b": True, "i": 3, "f": 0.5, "l": ["a", "b"], "n": (1, 2)},
    ) as span:
        span.add_event("token", {"n": 1}, timestamp=1_767_225_600_000_000_000)
        span.set_status(StatusCode.ERROR, "broken")
    (found,) = only_trace().data.spans
    assert found.kind == "CLIENT"
    assert found.raw_attributes == {
        "s": "x",
        "b": True,
        "i": 3,
        "f": 0.5,
        "l": ["a", "b"],
        "n": [1, 2],
    }
    assert (found.events[0].name, found.events[0].timestamp) == ("token", 1_767_225_600_000_000_000)
    assert found.links[0].span_id == f"{6:016x}"
    assert found.status.description == "broken"
    assert found.scope.name == "library"
    assert found.resource["service.name"] == "theirs"
    assert found.start_time_ns == span.start_time
    assert found.end_time_ns == span.end_time


def test_a_running_span_is_seen(tracer):
    with tracer.start_as_current_span("open", attributes={"k": "v"}) as span:
        trace_id = f"tr-{span.get_span_context().trace_id:032x}"
        with tracer.start_as_current_span("ended"):
            pass
        trace = nbtrace.get_trace(trace_id)
        assert nbtrace.get_active_trace_id() == trace_id
        assert trace.info.state == "IN_PROGRESS"
        assert {s.name: s.end_time_ns is None for s in trace.data.spans} == {
            "open": True,
            "ended": False,
        }
        nbtrace.update_current_trace(tags={"stage": "try"})
    assert only_trace().info.tags["stage"] == "try"
    assert only_trace().info.state == "OK"


def test_the_root_is_journalled_before_its_first_child(tracer):
    with tracer.start_as_current_span("root") as span, nbtrace.start_span("child"):
        trace = current_recorder().find(f"{span.get_span_context().trace_id:032x}")
        assert trace.announced


def test_a_long_open_span_is_snapshotted_with_what_it_has(tracer):
    with tracer.start_as_current_span("root", attributes={"k": "v"}) as span:
        recorder = current_recorder()
        trace = recorder.find(f"{span.get_span_context().trace_id:032x}")
        trace.start_time -= 2_000_000_000
        recorder.tick()
        assert any(
            b'"root"' in trace.journal.read(position).payload for position in trace.positions
        )


def test_unsampled_spans_are_not_recorded():
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor())
    with provider.get_tracer("x").start_as_current_span("no"):
        pass
    provider.shutdown()
    assert nbtrace.search_traces(return_type="list") == []


def test_a_span_that_ends_after_its_root_is_a_further_part(tracer):
    with tracer.start_as_current_span("root") as root:
        late = tracer.start_span("late")
    trace_id = f"tr-{root.get_span_context().trace_id:032x}"
    nbtrace.flush()
    assert {s.name: s.end_time_ns is None for s in nbtrace.get_trace(trace_id).data.spans} == {
        "root": False,
        "late": True,
    }
    late.set_attribute("tokens", 5)
    late.end()
    spans = {span.name: span for span in nbtrace.get_trace(trace_id).data.spans}
    assert spans["late"].raw_attributes["tokens"] == 5
    assert spans["late"].end_time_ns is not None


def test_odd_values_do_not_break_the_library(tracer):
    with tracer.start_as_current_span("na\ud800me") as span:
        odd = {"odd": object(), "text": "\ud800", "big": 2**70, "nan": float("nan")}
        span._attributes._dict.update(odd)
    (found,) = only_trace().data.spans
    assert set(found.raw_attributes) == {"odd", "text", "big", "nan"}


def test_a_broken_span_breaks_nothing(caplog):
    class Broken:
        name = "broken"

        def __getattr__(self, name):
            raise RuntimeError(name)

    processor = SpanProcessor()
    processor.on_start(Broken())
    processor._on_ending(Broken())
    processor.on_end(Broken())
    assert processor.force_flush()
    assert "could not record" in caplog.text


def test_previews_and_tokens_come_from_the_conventions(tracer):
    messages = orjson.dumps([{"role": "user", "content": "why?"}]).decode()
    with tracer.start_as_current_span("chat") as span:
        span.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "m",
                "gen_ai.usage.input_tokens": 3,
                "gen_ai.usage.output_tokens": 4,
                "gen_ai.input.messages": messages,
            }
        )
    info = only_trace().info
    assert info.token_usage["input_tokens"] == 3
    assert info.token_usage["total_tokens"] == 7


def test_listening_twice_doubles_nothing(provider, tracer):
    provider.add_span_processor(SpanProcessor())
    with tracer.start_as_current_span("call"):
        pass
    assert [span.name for span in only_trace().data.spans] == ["call"]


def test_an_attribute_under_the_name_of_a_secret_is_redacted(tracer):
    with tracer.start_as_current_span("step") as span:
        span.set_attribute("db.password", "hunter2")
        span.set_attribute("http.request.header.authorization", ["Bearer abc"])
        span.add_event("login https://ada:hunter2@host/", {"password": "hunter2"})
    (stored,) = only_trace().data.spans
    assert stored.raw_attributes["db.password"] == "[REDACTED]"
    assert "abc" not in str(stored.raw_attributes)
    assert "hunter2" not in str([(event.name, event.attributes) for event in stored.events])
