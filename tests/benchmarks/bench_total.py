"""Wall time until a large trace is on disk, against the same loop on bare OpenTelemetry.

The clock runs from the first start to the return of ``flush()``: 10,000 spans in one trace, after
which the span files, the span rows and the attributes are in place. That is checked after every
round: rows and files are counted, and one span is read alone by its offset. Bare OpenTelemetry runs
the same loop and keeps nothing. Rounds take turns.

A process of its own then records 100,000 spans. None may be lost; what its memory grows by is read
from the kernel (``/proc``) while it runs: all of it, and what is its own ("anonymous"), which
leaves out the mapped journal.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure
from measure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

SPANS = 10_000
MANY_SPANS = 100_000
LIMIT = 1.5
WATCH_SECONDS = 0.005

# Waits for a line before and after, so that the watcher knows what memory belongs to the spans.
LARGE = """
import json, sys, time
import nbtrace
sys.path.insert(0, sys.argv[2])
import bench_total
with nbtrace.start_span("warm"):
    pass
nbtrace.flush()
print("ready", flush=True)
sys.stdin.readline()
begin = time.perf_counter()
with nbtrace.start_span("root") as root:
    bench_total.steps(int(sys.argv[1]))
captured = time.perf_counter() - begin
nbtrace.flush()
total = time.perf_counter() - begin
print(json.dumps({"trace_id": root.trace_id, "captured": captured, "total": total}), flush=True)
sys.stdin.readline()
"""


def steps(count: int) -> None:
    """Make spans of nbtrace inside whatever is open."""
    import nbtrace

    inputs, outputs = measure.questions(), measure.answers()
    start_span = nbtrace.start_span
    for index in range(count):
        place = index % measure.DISTINCT
        with start_span("step") as span:
            span.set_inputs(inputs[place])
            span.set_outputs(outputs[place])


def nbtrace_round(count: int) -> Callable[[], float]:
    """Return a round of nbtrace, which gives microseconds of wall time a span."""
    import nbtrace

    def run() -> float:
        begin = time.perf_counter_ns()
        with nbtrace.start_span("root") as root:
            steps(count)
        nbtrace.flush()
        took = time.perf_counter_ns() - begin
        check(root.trace_id, count)
        return took / count / 1e3

    return run


def bare_round(count: int) -> Callable[[], float]:
    """Return a round of bare OpenTelemetry."""
    tracer = measure.bare_tracer()
    inputs, outputs = measure.texts(measure.questions()), measure.texts(measure.answers())

    def run() -> float:
        begin = time.perf_counter_ns()
        with tracer.start_as_current_span("root"):
            for index in range(count):
                place = index % measure.DISTINCT
                with tracer.start_as_current_span("step") as span:
                    span.set_attribute("input.value", inputs[place])
                    span.set_attribute("output.value", outputs[place])
        return (time.perf_counter_ns() - begin) / count / 1e3

    return run


def check(trace_id: str, count: int) -> None:
    """Make sure that every span has its row and its line, and that one is read alone."""
    from nbtrace.store import current_store

    store = current_store()
    connection = store.database.connection()
    key = connection.execute("SELECT id FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()[0]
    found = connection.execute("SELECT COUNT(*) FROM spans WHERE trace = ?", (key,)).fetchone()[0]
    files = list(store.directory.glob(f"traces/*/*/{trace_id}*.json"))
    lines = sum(path.read_bytes().count(b'"spanId":') for path in files)
    if found != count + 1 or lines < found:
        message = f"{found:,} rows and {lines:,} lines for {count + 1:,} spans of {trace_id}"
        raise RuntimeError(message)
    query = "SELECT span_id FROM spans WHERE trace = ? AND parent_id IS NOT NULL LIMIT 1 OFFSET ?"
    span_id = connection.execute(query, (key, count // 2)).fetchone()[0]
    span = store.get_span(trace_id, span_id)
    if span is None or span.inputs not in measure.questions():
        message = f"span {span_id} cannot be read alone: {span}"
        raise RuntimeError(message)


def memory(pid: int) -> dict[str, int]:
    """Return a process's resident memory, all and anonymous, in kB; nothing where unknown."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        values = dict(line.split(":", 1) for line in lines if ":" in line)
        return {name: int(values[name].split()[0]) for name in ("VmRSS", "RssAnon")}
    return {}


def large_trace(count: int) -> dict[str, Any]:
    """Record one trace of many spans in a process of its own and watch its memory."""
    with measure.new_store() as store:
        child = subprocess.Popen(
            [sys.executable, "-c", LARGE, str(count), str(Path(__file__).parent)],
            env=measure.environment(store),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            child.stdout.readline()
            before = memory(child.pid)
            most = dict(before)
            child.stdin.write("go\n")
            child.stdin.flush()
            done: list[str] = []
            reader = measure.in_thread(lambda: done.append(child.stdout.readline()))
            while reader.is_alive():
                now = memory(child.pid)
                most = {name: max(most[name], now.get(name, 0)) for name in most}
                reader.join(WATCH_SECONDS)
            found: dict[str, Any] = json.loads(done[0])
            # The store is looked at while the child lives: nothing is recovered, all was written.
            check(found["trace_id"], count)
            child.communicate("end\n")
        finally:
            child.kill()
            child.wait()
        found["disk"] = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    found["growth"] = {name: (most[name] - before[name]) / 1024 for name in before}
    return found


def measure_total(quick: bool) -> list[Figure]:
    rounds = 5 if quick else 15
    with measure.new_store():
        own, peer = measure.interleaved(rounds, nbtrace_round(SPANS), bare_round(SPANS))
    for name, figures in (("nbtrace", own), ("bare OTel", peer)):
        measure.note(f"{name}: {measure.spread(figures)} us of wall a span, {rounds} rounds")
    found = large_trace(MANY_SPANS)
    growth = found["growth"]
    grown = (
        f"memory grew by {growth['VmRSS']:.0f} MB, {growth['RssAnon']:.0f} MB of it anonymous"
        if growth
        else "memory not known on this system"
    )
    return [
        Figure(
            f"wall to the return of `flush()`, per span, {SPANS:,} spans in a trace",
            f"{measure.median(own):.1f} µs",
            f"bare OTel {measure.median(peer):.1f} µs",
            **measure.at_most(measure.median(own) / measure.median(peer), LIMIT),
        ),
        Figure(
            f"{MANY_SPANS:,} spans in a trace: all rows and lines found, one read by its offset",
            f"{found['captured']:.1f} s captured, {found['total']:.1f} s to the return of"
            f" `flush()`, {found['disk'] / 1e6:.0f} MB on disk; {grown}",
            budget="none lost",
            holds=True,  # else `check` has raised
        ),
    ]


if __name__ == "__main__":
    measure.main(measure_total, __doc__)
