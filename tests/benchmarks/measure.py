"""What the benchmarks share: stores of their own, bare OpenTelemetry, rounds, and the table.

A script has ``measure(quick) -> list[Figure]`` and calls ``main(measure, __doc__)``. It prints its
rows as a Markdown table, or with ``--json`` as JSON for `run.py`. "Bare OpenTelemetry" is an SDK
TracerProvider without processors, ``start_as_current_span`` and two ``set_attribute`` of ready
strings: what any OpenTelemetry set-up pays before it keeps anything.

Competitors take turns (a round of one, a round of the other, and so on), so that what else the
machine does hits both; the figure is the median of the rounds unless a script says otherwise, and
the ratio is that of the two figures.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import dataclasses
import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# The tree that the benchmarks lie in is what they measure, installed or not.
sys.path.insert(0, str(REPOSITORY))

# Distinct values, so that no cache of a value's text can stand in for the work.
DISTINCT = 512


@dataclasses.dataclass(slots=True)
class Figure:
    """One row of the table: what was measured, beside which peer, against which budget."""

    what: str
    figure: str
    peer: str = ""
    ratio: float | None = None
    budget: str = ""
    holds: bool | None = None

    def cells(self) -> list[str]:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        holds = {None: "", True: "yes", False: "**no**"}[self.holds]
        return [self.what, self.figure, self.peer, ratio, self.budget, holds]


HEADINGS = ("what", "figure", "peer in the same run", "ratio", "budget", "holds?")


def table(figures: Sequence[Figure]) -> str:
    """Return the rows as a Markdown table."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *(figure.cells() for figure in figures)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def at_most(ratio: float, limit: float) -> dict[str, Any]:
    """Return the fields of a figure whose ratio has an upper bound."""
    return {"ratio": ratio, "budget": f"at most {limit:g} x", "holds": ratio <= limit}


def main(measure: Callable[[bool], list[Figure]], description: str | None) -> None:
    """Run one script: measure, and print."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    options = parser.parse_args()
    figures = measure(options.quick)
    if options.json:
        print(json.dumps([dataclasses.asdict(figure) for figure in figures]))
    else:
        print(table(figures))


def note(text: str) -> None:
    """Print a detail that is not a row of the table."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def temporary_directory(*, keep: bool = False) -> Iterator[Path]:
    """Make a directory for one measurement and remove it afterwards, or when the script ends.

    Removing thousands of files keeps the file system busy during the next round.
    """
    directory = Path(tempfile.mkdtemp(prefix="nbtrace-benchmark-"))
    try:
        yield directory
    finally:
        if keep:
            atexit.register(shutil.rmtree, directory, ignore_errors=True)
        else:
            shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def new_store() -> Iterator[Path]:
    """Point this process at an empty store, and leave it when done."""
    with temporary_directory() as directory:
        store = directory / ".nbtrace"
        os.environ["NBTRACE_DIR"] = str(store)
        import nbtrace
        from nbtrace.store import reset_store

        try:
            yield store
        finally:
            nbtrace.tracing.reset()
            reset_store()
            del os.environ["NBTRACE_DIR"]


def environment(store: Path | None = None) -> dict[str, str]:
    """Return the environment of a child: this tree, bytecode cached as for anybody."""
    found = {key: value for key, value in os.environ.items() if not key.startswith("NBTRACE_")}
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    inherited = found.get("PYTHONPATH")
    found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(REPOSITORY), inherited]))
    if store is not None:
        found["NBTRACE_DIR"] = str(store)
    return found


def python(code: str, *arguments: str, store: Path | None = None, check: bool = True) -> str:
    """Run code in a new interpreter and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(store),
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        message = f"the child failed with {done.returncode}:\n{done.stderr}"
        raise RuntimeError(message)
    return done.stdout


def bare_tracer() -> Any:
    """Return a tracer of an SDK provider without processors; no global provider is set."""
    from opentelemetry.sdk.trace import TracerProvider

    return TracerProvider().get_tracer("bare")


def questions() -> list[dict[str, Any]]:
    """Return small distinct inputs, 60 bytes of JSON each."""
    return [
        {"question": f"and how far is it to town {n:05d}?", "limit": 1000} for n in range(DISTINCT)
    ]


def answers() -> list[dict[str, Any]]:
    """Return small distinct outputs, 60 bytes of JSON each."""
    return [
        {"answer": f"it is about {n:05d} km by train", "sure": 0.75, "n": 3}
        for n in range(DISTINCT)
    ]


def texts(values: list[dict[str, Any]]) -> list[str]:
    """Return ready JSON texts, which is what bare OpenTelemetry is given."""
    return [json.dumps(value, separators=(",", ":")) for value in values]


def interleaved(
    rounds: int, *competitors: Callable[[], float], between: Callable[[], object] | None = None
) -> list[list[float]]:
    """Run the competitors in turns and return each one's figures.

    The first turn is a warm-up. The order changes with each turn; the collector stays on, and runs
    before each round so that nobody pays for another's garbage.
    """
    found: list[list[float]] = [[] for _ in competitors]
    order = list(range(len(competitors)))
    for turn in range(rounds + 1):
        for place in order if turn % 2 else reversed(order):
            if between is not None:
                between()
            gc.collect()
            figure = competitors[place]()
            if turn:
                found[place].append(figure)
    return found


def median(figures: Sequence[float]) -> float:
    return statistics.median(figures)


def spread(figures: Sequence[float]) -> str:
    """Return median, least and greatest as text."""
    return f"median {median(figures):.2f}, from {min(figures):.2f} to {max(figures):.2f}"


def in_thread(function: Callable[[], object]) -> threading.Thread:
    """Start a thread that runs a function."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread
