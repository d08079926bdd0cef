"""CPU time of one span on the thread that makes it, against bare OpenTelemetry.

Each round opens a root and makes spans inside it: with ``start_span``, ``set_inputs`` and
``set_outputs``, or by calling a decorated function. Inputs and outputs are 60 bytes of JSON each,
distinct from span to span; redaction is on and every record is kept (counted in the store at the
end). Bare OpenTelemetry gets the same texts ready-made. Rounds take turns; time is the thread's CPU
time with the garbage collector on; the writer's work is flushed between rounds.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import measure
from measure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

SPANS = 2_000
CONTEXT_MANAGER_LIMIT = 0.4
DECORATED_LIMIT = 0.45


def context_manager(count: int) -> Callable[[], float]:
    """Return a round of ``start_span``, which gives microseconds of CPU a span."""
    import nbtrace

    inputs, outputs = measure.questions(), measure.answers()
    start_span = nbtrace.start_span

    def run() -> float:
        with start_span("root"):
            begin = time.thread_time_ns()
            for index in range(count):
                place = index % measure.DISTINCT
                with start_span("step") as span:
                    span.set_inputs(inputs[place])
                    span.set_outputs(outputs[place])
            return (time.thread_time_ns() - begin) / count / 1e3

    return run


def decorated(count: int) -> Callable[[], float]:
    """Return a round of calls of a decorated function."""
    import nbtrace

    inputs, outputs = measure.questions(), measure.answers()

    @nbtrace.trace
    def step(question: str, limit: int) -> dict[str, Any]:
        return outputs[limit]

    def run() -> float:
        with nbtrace.start_span("root"):
            begin = time.thread_time_ns()
            for index in range(count):
                place = index % measure.DISTINCT
                step(inputs[place]["question"], limit=place)
            return (time.thread_time_ns() - begin) / count / 1e3

    return run


def bare(count: int) -> Callable[[], float]:
    """Return a round of bare OpenTelemetry."""
    tracer = measure.bare_tracer()
    inputs, outputs = measure.texts(measure.questions()), measure.texts(measure.answers())

    def run() -> float:
        with tracer.start_as_current_span("root"):
            begin = time.thread_time_ns()
            for index in range(count):
                place = index % measure.DISTINCT
                with tracer.start_as_current_span("step") as span:
                    span.set_attribute("input.value", inputs[place])
                    span.set_attribute("output.value", outputs[place])
            return (time.thread_time_ns() - begin) / count / 1e3

    return run


def kept() -> int:
    """Return how many spans the store has."""
    from nbtrace.store import current_store

    query = "SELECT COUNT(*) FROM spans"
    found: int = current_store().database.connection().execute(query).fetchone()[0]
    return found


def check_kept(rounds: int, count: int) -> None:
    """Make sure that what was measured was recorded: two ways, a warm-up each, roots included."""
    expected = 2 * (rounds + 1) * (count + 1)
    if kept() != expected:
        message = f"{kept():,} of {expected:,} spans are in the store"
        raise RuntimeError(message)


def measure_capture(quick: bool) -> list[Figure]:
    rounds = 15 if quick else 41
    with measure.new_store():
        import nbtrace

        block, call, peer = measure.interleaved(
            rounds,
            context_manager(SPANS),
            decorated(SPANS),
            bare(SPANS),
            between=nbtrace.flush,
        )
        nbtrace.flush()
        check_kept(rounds, SPANS)
    bare_time = measure.median(peer)
    for name, figures in (("start_span", block), ("@trace", call), ("bare OTel", peer)):
        measure.note(f"{name}: {measure.spread(figures)} us of CPU a span, {rounds} rounds")
    least = min(block) / min(peer), min(call) / min(peer)
    measure.note(f"ratios of the minimums: start_span {least[0]:.2f}, @trace {least[1]:.2f}")
    return [
        Figure(
            f"CPU per span on the caller's thread, {name}",
            f"{measure.median(figures):.1f} µs",
            f"bare OTel {bare_time:.1f} µs",
            **measure.at_most(measure.median(figures) / bare_time, limit),
        )
        for name, figures, limit in (
            ("`start_span`", block, CONTEXT_MANAGER_LIMIT),
            ("`@trace`", call, DECORATED_LIMIT),
        )
    ]


if __name__ == "__main__":
    measure.main(measure_capture, __doc__)
