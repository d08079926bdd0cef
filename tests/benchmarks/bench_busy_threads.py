"""Wall time of one span beside two threads that compute in Python, against bare OpenTelemetry.

While a round runs, two threads compute without pause, so that the interpreter's lock is always
wanted: whoever gives it up (a system call, a lock) waits up to two switch intervals of 5 ms to get
it back. A round makes spans inside an open root, as in `bench_capture.py`; rounds take turns.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import measure
from measure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUSY_THREADS = 2
SPANS = 4_000
LIMIT = 1.0


@contextlib.contextmanager
def busy_threads() -> Iterator[None]:
    """Keep two threads computing."""
    stop = False

    def compute() -> None:
        total = 0
        while not stop:
            for number in range(1_000):
                total = (total * 31 + number) % 1_000_003

    threads = [threading.Thread(target=compute) for _ in range(BUSY_THREADS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop = True
        for thread in threads:
            thread.join()


def nbtrace_round(count: int) -> Callable[[], float]:
    """Return a round of nbtrace, which gives microseconds of wall time a span."""
    import nbtrace

    inputs, outputs = measure.questions(), measure.answers()
    start_span = nbtrace.start_span

    def run() -> float:
        with busy_threads(), start_span("root"):
            begin = time.perf_counter_ns()
            for index in range(count):
                place = index % measure.DISTINCT
                with start_span("step") as span:
                    span.set_inputs(inputs[place])
                    span.set_outputs(outputs[place])
            return (time.perf_counter_ns() - begin) / count / 1e3

    return run


def bare_round(count: int) -> Callable[[], float]:
    """Return a round of bare OpenTelemetry."""
    tracer = measure.bare_tracer()
    inputs, outputs = measure.texts(measure.questions()), measure.texts(measure.answers())

    def run() -> float:
        with busy_threads(), tracer.start_as_current_span("root"):
            begin = time.perf_counter_ns()
            for index in range(count):
                place = index % measure.DISTINCT
                with tracer.start_as_current_span("step") as span:
                    span.set_attribute("input.value", inputs[place])
                    span.set_attribute("output.value", outputs[place])
            return (time.perf_counter_ns() - begin) / count / 1e3

    return run


def measure_busy_threads(quick: bool) -> list[Figure]:
    rounds = 9 if quick else 25
    with measure.new_store():
        import nbtrace

        own, peer = measure.interleaved(
            rounds, nbtrace_round(SPANS), bare_round(SPANS), between=nbtrace.flush
        )
    for name, figures in (("nbtrace", own), ("bare OTel", peer)):
        measure.note(f"{name}: {measure.spread(figures)} us of wall a span, {rounds} rounds")
    return [
        Figure(
            f"wall per span beside {BUSY_THREADS} computing Python threads",
            f"{measure.median(own):.1f} µs",
            f"bare OTel {measure.median(peer):.1f} µs",
            **measure.at_most(measure.median(own) / measure.median(peer), LIMIT),
        )
    ]


if __name__ == "__main__":
    measure.main(measure_busy_threads, __doc__)
