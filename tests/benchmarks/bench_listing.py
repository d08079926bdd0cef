"""What the table asks of a large store: pages anywhere, sorted by anything, totals and facets.

Per filter and order: the first page, which does not wait for anything; a jump to the middle and one
to the End right behind it; the time until every page is at hand, from the making of the listing on;
the slowest of a hundred random jumps and End after that. Per filter: the total, facets, histograms
and groups of a first search, and all of them together for the next one, while nothing is written.
At last how long a page takes while figures are made, and how soon these can be stopped.

Run ``python tests/benchmarks/bench_listing.py --traces 1000000 --keep DIRECTORY``; all is time on
the clock, and each listing begins with nothing in memory but SQLite's pages.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
GROUPS = ("name", "session", "state", "model", "cell")
HISTOGRAMS = ("request_time", "duration", "tokens", "cost")


def milliseconds(function: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    function()
    return (time.perf_counter() - begin) * 1e3


class Pages(NamedTuple):
    """Milliseconds of the pages of one listing."""

    first: float
    middle: float
    last: float
    every: float
    end: float
    jump: float


def pages(store: Store, text: str | None, order: str) -> Pages:
    """Return how long pages take, before and after all keys are at hand."""
    total = Listing(store, text).count()
    last = max(0, total - PAGE)
    soon = []
    for offset in (total // 2, last):
        listing = Listing(store, text, [order])
        listing.rows(0, PAGE)
        soon.append(milliseconds(lambda listing=listing, offset=offset: listing.rows(offset, PAGE)))
        listing.trace_ids(1)
        del listing
    begin = time.perf_counter()
    listing = Listing(store, text, [order])
    listing.rows(0, PAGE)
    first = time.perf_counter()
    listing.trace_ids(1)
    every = time.perf_counter()
    end = milliseconds(lambda: listing.rows(last, PAGE))
    chance = random.Random(1)
    jumps = [
        milliseconds(lambda: listing.rows(chance.randrange(max(1, total)), PAGE))
        for _ in range(JUMPS)
    ]
    return Pages((first - begin) * 1e3, *soon, (every - begin) * 1e3, end, max(jumps))


def figures(store: Store, text: str | None) -> None:
    """Print the times of the figures of a first listing, and of a next one."""

    def all_of(listing: Listing, *, grouped: bool) -> dict[str, float]:
        listing.rows(0, PAGE)
        times = {"total": milliseconds(listing.count)}
        for field in HISTOGRAMS:
            times[f"histogram {field}"] = milliseconds(lambda field=field: listing.histogram(field))
        for field in FACETS:
            times[f"facet {field}"] = milliseconds(lambda field=field: listing.facet(field))
        for field in GROUPS if grouped else ():
            times[f"groups {field}"] = milliseconds(lambda field=field: listing.groups(field))
        return times

    listing = Listing(store, text)
    first = all_of(listing, grouped=True)
    listing.histogram("duration")
    brushed = milliseconds(lambda: listing.histogram("duration", low=9, high=99))
    again = all_of(Listing(store, text), grouped=False)
    counted = {name: took for name, took in first.items() if not name.startswith("groups")}
    slowest = max(counted, key=lambda name: counted[name])
    print(
        f"{text!s:26} slowest {slowest} {counted[slowest]:.0f}; histograms"
        f" {sum(t for name, t in first.items() if name.startswith('histogram')):.0f}, facets"
        f" {sum(t for name, t in first.items() if name.startswith('facet')):.0f}; brushed"
        f" {brushed:.0f}; all of the next search {sum(again.values()):.0f}\n    "
        + ", ".join(f"{name} {took:.0f}" for name, took in first.items()),
        flush=True,
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
        print(
            f"{'filter':26} {'order':22} {'first':>7} {'middle':>7} {'last':>7} {'at hand':>8}"
            f" {'End':>6} {'jump':>6}"
        )
        for text in FILTERS:
            for order in ORDERS:
                took = pages(store, text, order)
                print(
                    f"{text!s:26} {order:22} {took.first:7.1f} {took.middle:7.1f} {took.last:7.1f}"
                    f" {took.every:8.0f} {took.end:6.1f} {took.jump:6.1f}",
                    flush=True,
                )
        for text in FILTERS:
            figures(store, text)
        beside(store)
        store.close()


if __name__ == "__main__":
    main()
