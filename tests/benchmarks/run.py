"""Run all benchmarks and print one Markdown table.

``python tests/benchmarks/run.py [--quick] [--markdown]``. Each script runs in a process of its own;
``--quick`` means fewer rounds, ``--markdown`` that nothing but the table is printed. It ends with 1
when a budget does not hold or a script fails. Figures of a machine that does other work meanwhile
differ by a tenth or two from run to run; the ratios differ less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import measure
from measure import Figure

DIRECTORY = Path(__file__).parent
SCRIPTS = (
    "bench_capture.py",
    "bench_busy_threads.py",
    "bench_total.py",
    "bench_throughput.py",
    "bench_import.py",
    "bench_first_cell.py",
    "bench_notebook_growth.py",
    "crash_runs.py",
)
REDACTION_LIMIT = 10.0
SEARCH_LIMIT = 2.0
SEARCH_AND_LIMIT_MS = 1_000
SEARCH_TRACES = 1_000_000
QUICK_SEARCH_TRACES = 20_000
# A line of `bench_search.py`: question, three forms; by hand, nbtrace, ratio; twice cold.
_QUESTION = re.compile(
    r"(?P<name>\S.*?)(?:\s+(?:\d+\.\d+|-)){3}(?P<times>(?:\s+\d+\.\d+){3})(?:\s+\d+\.\d+){2}$"
)
# What the budget does not speak of: it is measured, and reported by the script itself.
_BESIDE = ("AND", "span attribute", "text")


def of_script(name: str, *, quick: bool, quiet: bool) -> list[Figure]:
    """Run a script that gives its rows as JSON."""
    printed = run_script(name, ["--json", *(["--quick"] if quick else [])], quiet=quiet)
    return [Figure(**row) for row in json.loads(printed.splitlines()[-1])]


def run_script(name: str, arguments: list[str], *, quiet: bool) -> str:
    done = subprocess.run(
        [sys.executable, str(DIRECTORY / name), *arguments],
        env=measure.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if quiet else None,
        text=True,
        check=False,
    )
    if not done.stdout:
        message = f"{name} ended with {done.returncode} and printed nothing: {done.stderr or ''}"
        raise RuntimeError(message)
    return done.stdout


def redaction() -> list[Figure]:
    """Return the worst of the texts of `bench_redaction.py` that are not made of secrets."""
    import bench_redaction as bench

    found: list[tuple[float, float, str]] = []
    for name, text in bench.texts().items():
        function = bench.redact_json_text if name.startswith("JSON") else bench.redact_text
        turns = [
            (
                bench.microseconds_per_kb(function, text),
                bench.microseconds_per_kb(bench.naive, text),
            )
            for _ in range(bench.TURNS)
        ]
        own, peer = (min(side) for side in zip(*turns, strict=True))
        measure.note(f"redaction of {name}: {own:.2f} us per kB, pattern by pattern {peer:.2f}")
        if name not in bench.DENSE:
            found.append((own, peer, name))
    own, peer, name = max(found)
    return [
        Figure(
            f"redaction, CPU per kB, worst of {len(found)} texts ({name})",
            f"{own:.1f} µs",
            f"pattern by pattern {peer:.1f} µs",
            own / peer,
            f"at most {REDACTION_LIMIT:g} µs",
            own <= REDACTION_LIMIT,
        )
    ]


def search(traces: int, *, quiet: bool) -> list[Figure]:
    """Return the worst questions of `bench_search.py`."""
    printed = run_script("bench_search.py", ["--traces", str(traces)], quiet=quiet)
    if not quiet:
        measure.note(printed)
    asked = []
    for line in printed.splitlines():
        match = _QUESTION.match(line.strip())
        if match:
            hand, own, ratio = map(float, match["times"].split())
            asked.append((ratio, own, hand, match["name"]))
    single = [question for question in asked if not question[3].startswith(_BESIDE)]
    ratio, own, hand, name = max(single)
    meeting = max(question[1] for question in asked if question[3].startswith("AND"))
    return [
        Figure(
            f"newest 100 of {traces:,} traces into pandas, worst of {len(single)} questions"
            f" ({name})",
            f"{own:.1f} ms",
            f"best of three hand-written forms {hand:.1f} ms",
            **measure.at_most(ratio, SEARCH_LIMIT),
        ),
        Figure(
            f"the same, AND of two conditions, worst, {traces:,} traces",
            f"{meeting:.1f} ms",
            budget=f"at most {SEARCH_AND_LIMIT_MS / 1000:g} s",
            holds=meeting <= SEARCH_AND_LIMIT_MS,
        ),
    ]


def machine() -> str:
    """Return what the figures belong to, one line."""
    from importlib.metadata import version

    return (
        f"Measured with {platform.python_implementation()} {platform.python_version()},"
        f" SQLite {sqlite3.sqlite_version}, opentelemetry-sdk {version('opentelemetry-sdk')},"
        f" orjson {version('orjson')}, {platform.system()}, {os.cpu_count()} cores."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, a smaller search")
    parser.add_argument("--markdown", action="store_true", help="print the table and nothing else")
    parser.add_argument("--traces", type=int, help="traces to search in; 1,000,000 by default")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="scripts with this in their name")
    options = parser.parse_args()
    quiet, quick = options.markdown, options.quick
    traces = options.traces or (QUICK_SEARCH_TRACES if quick else SEARCH_TRACES)
    jobs = {name: lambda name=name: of_script(name, quick=quick, quiet=quiet) for name in SCRIPTS}
    jobs["bench_redaction.py"] = redaction
    jobs["bench_search.py"] = lambda: search(traces, quiet=quiet)
    figures: list[Figure] = []
    for name, job in jobs.items():
        if options.only and not any(word in name for word in options.only):
            continue
        if not quiet:
            measure.note(f"-- {name}")
        try:
            figures += job()
        except Exception as error:
            measure.note(f"{name} failed: {error}")
            figures.append(Figure(name, "failed", holds=False))
    print(measure.table(figures))
    print(f"\n{machine()}")
    sys.exit(any(figure.holds is False for figure in figures))


if __name__ == "__main__":
    main()
