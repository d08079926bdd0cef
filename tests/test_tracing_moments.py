"""Times that cannot be: the traced code runs on, and nothing but the time itself is lost.

One start beyond SQLite's integers would keep every later trace of the process from the database,
and one event's time in floating point would make its trace unreadable.
"""

from __future__ import annotations

import time

import pytest
from opentelemetry import trace as otel_trace
from opentelemetry.sdk.trace import TracerProvider

import nbtrace
from nbtrace.entities import SpanEvent
from nbtrace.tracing.processor import SpanProcessor
from nbtrace.tracing.provider import get_bridged_tracer_provider

ODD = ["now", -1, 2**63, 2**80, float("nan"), float("inf"), object(), b"1"]


def read_back(name: str):
    assert nbtrace.flush()
    (trace,) = nbtrace.search_traces(f"name = '{name}'", return_type="list")
    (span,) = [span for span in trace.data.spans if span.name == name]
    assert trace.to_json()
    return span


def assert_is_now(*moments: int) -> None:
    assert all(abs(time.time_ns() - moment) < 60e9 for moment in moments)


@pytest.mark.parametrize("moment", ODD)
def test_a_library_may_give_any_time(moment):
    tracer = get_bridged_tracer_provider().get_tracer("library")
    span = tracer.start_span("call", start_time=moment)
    span.add_event("event", {"k": 1}, moment)
    span.end(moment)
    kept = read_back("call")
    assert_is_now(kept.start_time_ns, kept.end_time_ns, kept.events[0].timestamp)
    assert kept.events[0].attributes == {"k": 1}


@pytest.mark.parametrize("moment", ODD)
def test_a_library_with_the_sdk_may_give_any_time(moment):
    provider = TracerProvider()
    provider.add_span_processor(SpanProcessor())
    with nbtrace.start_span("outer") as outer:
        span = provider.get_tracer("library").start_span("call")
        span.add_event("event", {"k": 1}, moment)
        span.end(moment)
    kept = {span.name: span for span in nbtrace.get_trace(outer.trace_id).data.spans}["call"]
    assert kept.end_time_ns is not None
    assert kept.events[0].attributes == {"k": 1}


@pytest.mark.parametrize("moment", ODD)
def test_an_event_may_have_any_time(moment):
    with nbtrace.start_span("step") as span:
        span.add_event(SpanEvent("event", moment, {"k": 1}))
    assert_is_now(read_back("step").events[0].timestamp)


def test_times_in_floats_are_taken_as_they_are():
    span = nbtrace.start_span_no_context("step", start_time_ns=1.5e18)
    span.add_event(SpanEvent("event", 1.6e18))
    span.end(end_time_ns=1.7e18)
    kept = read_back("step")
    assert kept.start_time_ns == 1_500_000_000_000_000_000
    assert kept.events[0].timestamp == 1_600_000_000_000_000_000
    assert kept.end_time_ns == 1_700_000_000_000_000_000


def test_what_is_no_status_kind_link_or_key_changes_nothing():
    tracer = get_bridged_tracer_provider().get_tracer("library")
    span = tracer.start_span("call", kind="server")
    span.set_status("bad")
    span.set_status(3, 4)
    span.add_link(None)
    span.set_attribute(None, 1)
    span.record_exception("only a text")
    span.end()
    kept = read_back("call")
    assert kept.kind == "INTERNAL"
    assert kept.links == []
    assert otel_trace.get_current_span().is_recording() is False
