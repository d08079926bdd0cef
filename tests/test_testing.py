"""The same ids and times in every run."""

from __future__ import annotations

import pytest

import nbtrace
from nbtrace.testing import START_NS, STEP_NS, deterministic


def record(**options):
    with (
        deterministic(**options),
        nbtrace.start_span("root") as root,
        nbtrace.start_span("child") as child,
    ):
        pass
    return [
        (span.trace_id, span.span_id, span.start_time_ns, span.end_time_ns)
        for span in (root, child)
    ]


def test_two_runs_are_the_same():
    assert record() == record()
    assert record(seed=1) != record(seed=2)


def test_each_start_and_end_moves_the_clock_by_one_step():
    root, child = record()
    assert root[2] == START_NS + STEP_NS
    assert child[2:] == (START_NS + 2 * STEP_NS, START_NS + 3 * STEP_NS)
    assert root[3] == START_NS + 4 * STEP_NS


def test_time_may_be_let_pass():
    with deterministic(start=5_000_000_000, step=10) as clock, nbtrace.start_span("root") as root:
        clock.now += 3_000_000_000
    assert root.duration_ns == 3_000_000_010
    assert nbtrace.get_trace(root.trace_id).info.execution_duration == 3_000


def test_events_have_the_clocks_time_too():
    with deterministic(), pytest.raises(ValueError, match="x"), nbtrace.start_span("root") as root:
        raise ValueError("x")
    assert START_NS < root.events[0].timestamp < START_NS + 10 * STEP_NS


def test_afterwards_ids_and_clock_are_real_again():
    with pytest.raises(RuntimeError, match="inside"), deterministic():
        raise RuntimeError("inside")
    first, second = (nbtrace.start_span_no_context("step") for _ in range(2))
    assert first.trace_id != second.trace_id
    assert first.start_time_ns > START_NS
    first.end()
    second.end()


def test_the_fixture(deterministic):
    with nbtrace.start_span("step") as span:
        deterministic.now += 1
    assert span.duration_ns == STEP_NS + 1
