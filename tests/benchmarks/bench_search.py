"""The newest 100 traces of a large store, against SQL written by hand for each question.

Each question of `search_by_hand.py` is asked in nbtrace's language and as hand-written SQL over the
store of `search_data.py`; the ratio is nbtrace's time, DataFrame included, over that of the best
form with the same DataFrame, each the least of several runs that take turns, in time of the
processor: all is in memory then, and what else the machine does is left out. Cold is time on the
clock with the file's pages dropped from the system's cache and a new connection, once. The text of
the spans is indexed before.

Run ``python tests/benchmarks/bench_search.py --traces 1000 100000 1000000 --keep DIRECTORY``;
``bench_listing.py`` has the table's pages, all facets and the histograms.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from search_by_hand import PAGE, Question, forms, questions
from search_data import open_store

from nbtrace.search.frame import to_pandas
from nbtrace.search.listing import Listing
from nbtrace.search.query import Query
from nbtrace.search.traces import count_traces, load_traces, search_traces
from nbtrace.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

# A form that takes longer is not the best one.
GIVE_UP_SECONDS = 15.0
# What is slow is not repeated for longer.
REPEAT_SECONDS = 3.0
COUNTED = ("tag, 100 %", "tag, 1 %", "state, 94 %", "span name, old 5 %", "AND: common, rare")


class Result(NamedTuple):
    """Milliseconds of one question."""

    name: str
    best: str
    hand: float
    ours: float
    cold_hand: float
    cold: float


def milliseconds(function: Callable[[], Any], runs: int) -> float:
    """Return the least time of a call after a warm-up."""
    function()
    times = []
    for _ in range(runs):
        times.append(once(function))
        if sum(times) > REPEAT_SECONDS * 1e3:
            break
    return min(times)


def once(function: Callable[[], Any], clock: Callable[[], float] = time.process_time) -> float:
    """Return the time of one call, of the processor unless told otherwise."""
    begin = clock()
    function()
    return (clock() - begin) * 1e3


def interleaved(
    first: Callable[[], Any], second: Callable[[], Any], runs: int
) -> tuple[float, float]:
    """Return the least times of two calls that take turns: what else runs here only adds."""
    first(), second()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        times[0].append(once(first))
        times[1].append(once(second))
        if sum(times[0]) + sum(times[1]) > 2 * REPEAT_SECONDS * 1e3:
            break
    return min(times[0]), min(times[1])


def patient(connection: sqlite3.Connection, sql: str, values: tuple[Any, ...]) -> Any:
    """Run a statement, ``None`` when it takes too long."""
    deadline = time.perf_counter() + GIVE_UP_SECONDS
    connection.set_progress_handler(lambda: time.perf_counter() > deadline, 100_000)
    try:
        return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError:
        return None
    finally:
        connection.set_progress_handler(None, 0)


def chilled(directory: Path) -> Store:
    """Return the store as after a restart: nothing of its file in memory, a new connection."""
    path = directory / "nbtrace.db"
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
    store = Store(directory)
    with store.database.reading() as connection:
        connection.execute("SELECT count(*) FROM experiments").fetchone()
    return store


def ask(store: Store, question: Question, runs: int, *, plans: bool) -> Result:
    """Ask one question both ways; the answers must be the same."""
    connection = store.database.connection()
    times = {}
    for form, (sql, values) in forms(question).items():
        limited = f"{sql} LIMIT {PAGE}"
        if patient(connection, limited, values) is not None:
            times[form] = milliseconds(lambda q=limited, v=values: patient(connection, q, v), 5)
    best = min(times, key=lambda form: times[form])
    sql, values = forms(question)[best]

    def by_hand(where: Store) -> Any:
        rows = where.database.connection().execute(f"{sql} LIMIT {PAGE}", values)
        return to_pandas(*load_traces(where, [row[-1] for row in rows], include_spans=False))

    def ours(where: Store) -> Any:
        page = search_traces(
            where, filter_string=question.text, max_results=PAGE, include_spans=False
        )
        return to_pandas(page.traces, page.facts)

    if list(by_hand(store)["trace_id"]) != list(ours(store)["trace_id"]):
        message = f"{question.name}: not the same traces"
        raise RuntimeError(message)
    hand_warm, warm = interleaved(lambda: by_hand(store), lambda: ours(store), runs)
    cold = []
    for asked in (by_hand, ours):
        fresh = chilled(store.directory)
        cold.append(once(lambda asked=asked, fresh=fresh: asked(fresh), time.perf_counter))
        fresh.close()
    told = "  ".join(
        f"{times[form]:8.2f}" if form in times else "       -" for form in ("EXISTS", "IN", "index")
    )
    print(
        f"{question.name:34} {told}  {hand_warm:8.2f} {warm:8.2f}  {warm / hand_warm:5.2f}"
        f"  {cold[0]:8.1f} {cold[1]:8.1f}",
        flush=True,
    )
    if plans:
        for line in Query(question.text).explain(connection)[2]:
            print("      ", line)
    return Result(question.name, best, hand_warm, warm, *cold)


def count(store: Store, question: Question) -> tuple[float, float]:
    connection = store.database.connection()
    times = []
    for sql, values in forms(question).values():
        unordered = sql.partition(" ORDER BY ")[0]
        counted = f"SELECT count(*) FROM ({unordered})"
        if patient(connection, counted, values) is not None:
            times.append(milliseconds(lambda q=counted, v=values: patient(connection, q, v), 3))
    return min(times), milliseconds(lambda: count_traces(store, question.text), 3)


def facet(store: Store, question: Question) -> tuple[float, float]:
    """Count the names of the traces found: a statement by hand, and a fresh listing."""
    connection = store.database.connection()
    times = []
    for sql, values in forms(question).values():
        unordered = sql.partition(" ORDER BY ")[0]
        counted = (
            f"WITH c(time, trace) AS ({unordered}) SELECT t.name, count(*) FROM c"
            " CROSS JOIN traces t ON t.id = c.trace GROUP BY 1 ORDER BY 2 DESC LIMIT 20"
        )
        if patient(connection, counted, values) is not None:
            times.append(milliseconds(lambda q=counted, v=values: patient(connection, q, v), 3))
    return min(times), milliseconds(lambda: Listing(store, question.text).facet("name"), 3)


def measure(store: Store, traces: int, runs: int, only: str, *, plans: bool) -> dict[str, Result]:
    size = store.database.path.stat().st_size
    print(f"\n{traces:,} traces, {size / traces:.0f} bytes of database each")
    print(
        f"{'ms of CPU, warm':34} {'EXISTS':>8}  {'IN':>8}  {'index':>8}  {'by hand':>8}"
        f" {'nbtrace':>8}  ratio  {'cold hand':>8} {'cold':>8}"
    )
    asked = [question for question in questions(traces) if only in question.name]
    results = {item.name: ask(store, item, runs, plans=plans) for item in asked}
    for question in asked:
        if question.name in COUNTED:
            for what, ask_both in (("count", count), ("facet of names", facet)):
                hand, ours = ask_both(store, question)
                name = f"{what}: {question.name}"
                print(
                    f"{name:42} {'':>20}  {hand:8.2f} {ours:8.2f}  {ours / hand:5.2f}", flush=True
                )
    worst = max(results.values(), key=lambda item: item.ours / item.hand)
    print(f"worst of {len(results)}: {worst.ours / worst.hand:.2f} ({worst.name})")
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, nargs="+", default=[20_000])
    parser.add_argument("--keep", type=Path, help="a directory for the stores, used again")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--only", default="", help="questions whose name contains this")
    parser.add_argument("--plans", action="store_true", help="print SQLite's query plans")
    options = parser.parse_args()
    every = []
    with tempfile.TemporaryDirectory() as name:
        for traces in options.traces:
            store = open_store((options.keep or Path(name)) / str(traces) / ".nbtrace", traces)
            every.append(measure(store, traces, options.runs, options.only, plans=options.plans))
            store.close()
    if len(every) > 1:
        print("\ngrowth: ms of CPU, warm" + " " * 11 + "".join(f"{n:>12,}" for n in options.traces))
        for question in every[0]:
            print(f"{question:34}" + "".join(f"{found[question].ours:12.2f}" for found in every))


if __name__ == "__main__":
    main()
