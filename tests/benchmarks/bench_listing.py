"""What the table asks of a large store: pages anywhere, sorted by anything, totals and facets.

Per filter and order: the first page, which does not wait for anything; the time until every page is
at hand, from the making of the listing on; the slowest of a hundred random jumps and End after
that. Per filter: the total, facets and histograms, and how long a page takes while they run.

Run ``python tests/benchmarks/bench_listing.py --traces 1000000 --keep DIRECTORY``.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_data import START_MS, open_store

from nbtrace.search.listing import Interrupted, Listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.store.store import Store

PAGE = 100
JUMPS = 100
FILTERS = (
    None,
    "tags.all = 'yes'",
    "tags.side = 'left'",
    "tags.old = 'yes'",
    "tags.rare = 'yes'",
    "state = 'OK'",
    "span.name = 'step'",
    f"timestamp > {START_MS + 10_000_000}",
)
ORDERS = (
    "timestamp DESC",
    "timestamp",
    "state",
    "state DESC",
    "name",
    "name DESC",
    "execution_time",
    "execution_time DESC",
    "tokens DESC",
    "cost",
    "cost DESC",
    "tags.env",
    "session DESC",
    "request_preview",
    "response_preview DESC",
    "span_count DESC",
)
FACETS = (
    "state",
    "name",
    "experiment",
    "session",
    "user",
    "span.type",
    "model",
    "tags.env",
    "tag_keys",
)
HISTOGRAMS = ("request_time", "duration", "tokens", "cost")


def milliseconds(function: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    function()
    return (time.perf_counter() - begin) * 1e3


def pages(store: Store, text: str | None, order: str) -> tuple[float, float, float, float]:
    """Return the times of the first page, all keys, End and the slowest jump."""
    begin = time.perf_counter()
    listing = Listing(store, text, [order])
    listing.rows(0, PAGE)
    first = time.perf_counter()
    listing.rows(1_000_000_000, 1)
    every = time.perf_counter()
    total = listing.count()
    end = milliseconds(lambda: listing.rows(max(0, total - PAGE), PAGE))
    chance = random.Random(1)
    jumps = [
        milliseconds(lambda: listing.rows(chance.randrange(max(1, total)), PAGE))
        for _ in range(JUMPS)
    ]
    return (first - begin) * 1e3, (every - begin) * 1e3, end, max(jumps)


def figures(store: Store, text: str | None) -> None:
    """Print the times of the total, the facets and the histograms of a fresh listing."""
    listing = Listing(store, text)
    listing.rows(0, PAGE)
    times = {"total": milliseconds(listing.count)}
    for field in FACETS:
        times[f"facet {field}"] = milliseconds(lambda field=field: listing.facet(field))
    for field in HISTOGRAMS:
        times[f"histogram {field}"] = milliseconds(lambda field=field: listing.histogram(field))
    times["brushed again"] = milliseconds(lambda: listing.histogram("duration", low=9, high=99))
    slowest = max(times, key=lambda name: times[name])
    print(
        f"{text!s:26} total {times['total']:5.0f}  slowest {slowest} {times[slowest]:.0f}:  "
        + ", ".join(f"{name} {took:.0f}" for name, took in times.items())
    )


def beside(store: Store) -> None:
    """Print how long a page takes while facets run, and how soon they can be stopped."""
    listing = Listing(store, "tags.side = 'left'")
    listing.rows(0, PAGE)
    total = listing.count()
    listing.trace_ids(1)
    chance = random.Random(2)

    def jump() -> None:
        listing.rows(chance.randrange(total), PAGE)

    alone = sorted(milliseconds(jump) for _ in range(JUMPS))
    over = threading.Event()

    def facets() -> None:
        while not over.is_set():
            try:
                for field in FACETS:
                    listing.facet(field)
            except Interrupted:
                stopped.append(time.perf_counter())

    stopped: list[float] = []
    thread = threading.Thread(target=facets)
    thread.start()
    along = sorted(milliseconds(jump) for _ in range(JUMPS * 5))
    waits = []
    for _ in range(5):
        time.sleep(0.3)
        begin, before = time.perf_counter(), len(stopped)
        listing.interrupt()
        while len(stopped) == before:
            time.sleep(0.000_1)
        waits.append((stopped[before] - begin) * 1e3)
    over.set()
    listing.interrupt()
    thread.join()
    print(
        f"a page: median {alone[JUMPS // 2]:.1f}, worst {alone[-1]:.1f};"
        f" while facets run: median {along[len(along) // 2]:.1f}, p99"
        f" {along[len(along) * 99 // 100]:.1f}, worst {along[-1]:.1f};"
        f" facets stop within {max(waits):.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=20_000)
    parser.add_argument("--keep", type=Path, help="a directory for the stores, used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = (options.keep or Path(name)) / str(options.traces) / ".nbtrace"
        store = open_store(directory, options.traces)
        print(f"{options.traces:,} traces; all in ms")
        print(f"{'filter':26} {'order':22} {'first':>8} {'all at hand':>12} {'End':>6} {'jump':>6}")
        for text in FILTERS:
            for order in ORDERS:
                first, every, end, jump = pages(store, text, order)
                print(
                    f"{text!s:26} {order:22} {first:8.1f} {every:12.0f} {end:6.1f} {jump:6.1f}",
                    flush=True,
                )
        for text in FILTERS:
            figures(store, text)
        beside(store)
        store.close()


if __name__ == "__main__":
    main()
