"""Kill a process in the middle of a trace, again and again, and count what the next one finds.

Each run starts a process that opens a root span with inputs, ends 500 child spans and sends itself
SIGKILL at once; in every second run two more of its threads compute in Python meanwhile. A second
process then opens the store and looks for all 500 children with their outputs, for the root with
its inputs, for the state ERROR and for the tag ``nbtrace.recovered``.
Run ``python tests/benchmarks/crash_runs.py``; it ends with 1 when anything is missing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import subprocess
import sys

import measure
from measure import Figure

CHILDREN = 500
RUNS = 20

VICTIM = """
import os, signal, sys, threading, time
import nbtrace

def compute():
    total = 0
    while True:
        for number in range(1000):
            total = (total * 31 + number) % 1000003

if sys.argv[2] == "busy":
    for _ in range(2):
        threading.Thread(target=compute, daemon=True).start()
with nbtrace.start_span("root", span_type="CHAIN") as root:
    root.set_inputs({"question": "what is lost?"})
    for index in range(int(sys.argv[1])):
        with nbtrace.start_span(f"child {index}") as child:
            child.set_inputs({"index": index})
            child.set_outputs({"square": index * index})
    os.kill(os.getpid(), signal.SIGKILL)
"""

FINDER = """
import json
import nbtrace
traces = nbtrace.search_traces(return_type="list")
found = {"traces": len(traces), "children": 0, "root": False, "state": None, "recovered": False}
for trace in traces:
    spans = trace.data.spans
    roots = [span for span in spans if span.parent_id is None]
    found["state"] = str(trace.info.state.value)
    found["recovered"] = "nbtrace.recovered" in trace.info.tags
    found["root"] = [span.inputs for span in roots] == [{"question": "what is lost?"}]
    found["children"] = len({
        span.name for span in spans
        if span.parent_id == roots[0].span_id
        and span.outputs == {"square": int(span.name.split()[1]) ** 2}
        and span.inputs == {"index": int(span.name.split()[1])}
    }) if roots else 0
print(json.dumps(found))
"""

COMPLETE = {"traces": 1, "children": CHILDREN, "root": True, "state": "ERROR", "recovered": True}


def crash(*, busy: bool) -> dict[str, object]:
    """Do one run and return what the second process found."""
    with measure.temporary_directory() as directory:
        store = directory / ".nbtrace"
        done = subprocess.run(
            [sys.executable, "-c", VICTIM, str(CHILDREN), "busy" if busy else "quiet"],
            env=measure.environment(store),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != -signal.SIGKILL:
            message = f"the process was to be killed, but ended with {done.returncode}:\n"
            raise RuntimeError(message + done.stderr)
        found: dict[str, object] = json.loads(measure.python(FINDER, store=store))
        return found


def measure_crashes(runs: int) -> list[Figure]:
    whole = 0
    for run in range(runs):
        busy = run % 2 == 1
        found = crash(busy=busy)
        whole += found == COMPLETE
        threads = "busy threads" if busy else "no other threads"
        rest = ", ".join(f"{name} {value}" for name, value in found.items() if name != "children")
        measure.note(f"run {run + 1}, {threads}: {found['children']} of {CHILDREN}; {rest}")
    return [
        Figure(
            f"kill -9 in an open root after {CHILDREN} children, busy threads in half of the runs",
            f"all {CHILDREN} and the root with its inputs found in {whole} of {runs} runs",
            budget="every run",
            holds=whole == runs,
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--quick", action="store_true", help="four runs")
    parser.add_argument("--json", action="store_true", help="print the row as JSON")
    options = parser.parse_args()
    figures = measure_crashes(4 if options.quick else options.runs)
    if options.json:
        print(json.dumps([dataclasses.asdict(figure) for figure in figures]))
    else:
        print(measure.table(figures))
    sys.exit(not all(figure.holds for figure in figures))


if __name__ == "__main__":
    main()
