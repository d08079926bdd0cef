"""Traces of one span persisted a second, against the file and the row by themselves.

nbtrace: a loop of traces that are one span with inputs and outputs, then ``flush()``; every trace
then has its span file and its rows, which is checked. The peer does by hand, in one thread and
without tracing, what the least of that is: per trace a file of the same size written under another
name and renamed, and one row of the trace in SQLite (WAL, synchronous NORMAL), a transaction a
hundred. For comparison also the rows nbtrace really writes: the trace, its tags, its span and the
index rows of both. Rounds take turns, each with a new database and directory for the peers. The
figure is the best round of each: a file system that is busy with something else, such as what the
last round left to be written back, only ever makes a round slower, and by up to eight times.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure
from measure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

TRACES = 1_000
BATCH = 100
LIMIT = 0.5

# The columns of a trace; one index beside the key, as any table of traces would have.
ONE_ROW = """
CREATE TABLE traces (id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL UNIQUE, request_time INTEGER,
    duration INTEGER, state TEXT, name TEXT, request TEXT, response TEXT, tags TEXT, parts TEXT)
"""


def nbtrace_round(count: int) -> Callable[[], float]:
    """Return a round of nbtrace, which gives traces a second."""
    import nbtrace
    from nbtrace.store import current_store

    inputs, outputs = measure.questions(), measure.answers()
    start_span = nbtrace.start_span
    made = 0

    def run() -> float:
        nonlocal made
        begin = time.perf_counter()
        for index in range(count):
            place = index % measure.DISTINCT
            with start_span("ask") as span:
                span.set_inputs(inputs[place])
                span.set_outputs(outputs[place])
        nbtrace.flush()
        took = time.perf_counter() - begin
        made += count
        check(current_store(), made)
        return count / took

    return run


def check(store: Any, made: int) -> None:
    """Make sure that every trace has its row, its span row and its file."""
    connection = store.database.connection()
    counts = [
        connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]
        for name in ("traces", "spans")
    ]
    counts.append(sum(1 for _ in store.directory.glob("traces/*/*/*.json")))
    if counts != [made] * 3:
        message = f"{counts} rows, span rows and files of {made:,} traces"
        raise RuntimeError(message)


def write_file(path: str, content: bytes) -> None:
    """Write a file under another name and rename it."""
    temporary = path + ".new"
    with open(temporary, "wb", buffering=0) as file:  # noqa: PTH123 - no slower than it must be
        file.write(content)
    Path(temporary).rename(path)


def by_hand_round(count: int, size: int, schema: str, insert: Callable[..., None]) -> Any:
    """Return a round of files and rows by hand, which gives traces a second."""
    content = b"x" * size

    def run() -> float:
        with measure.temporary_directory(keep=True) as directory:
            connection = sqlite3.connect(directory / "by_hand.db", isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(schema)
            begin = time.perf_counter()
            for first in range(0, count, BATCH):
                keys = range(first, min(first + BATCH, count))
                for key in keys:
                    write_file(f"{directory}/tr-{key:032x}.json", content)
                connection.execute("BEGIN IMMEDIATE")
                insert(connection, keys)
                connection.execute("COMMIT")
            took = time.perf_counter() - begin
            connection.close()
        return count / took

    return run


def insert_one_row(connection: sqlite3.Connection, keys: range) -> None:
    rows = [
        (key, f"tr-{key:032x}", key, 5, "OK", "ask", '{"question":"?"}', '{"answer":1}', "{}", "[]")
        for key in keys
    ]
    connection.executemany("INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def all_rows_round(count: int, size: int) -> Any:
    """Return a round of files and of all of nbtrace's rows, without capture and encoding."""
    from nbtrace.store.rows import SpanRow, TraceRow
    from nbtrace.store.store import Store

    content = b"x" * size

    def run() -> float:
        with measure.temporary_directory(keep=True) as directory:
            store = Store(directory / ".nbtrace")
            tags = {"mlflow.source.name": "a.ipynb", "mlflow.source.type": "NOTEBOOK"}
            store.database.connection()
            begin = time.perf_counter()
            for first in range(0, count, BATCH):
                rows = []
                for key in range(first, min(first + BATCH, count)):
                    write_file(f"{directory}/tr-{key:032x}.json", content)
                    span = SpanRow(
                        f"{key + 1:016x}", None, "ask", "UNKNOWN", "UNSET", key, key + 5, 0, 9, size
                    )
                    row = TraceRow(f"tr-{key:032x}", "0", key, state="OK", name="ask")
                    row.tags, row.spans, row.parts = tags, [span], [""]
                    rows.append(row)
                store.database.upsert_traces(rows)
            took = time.perf_counter() - begin
            store.close()
        return count / took

    return run


def file_size() -> int:
    """Return the size of the span file of one such trace."""
    import nbtrace

    with measure.new_store() as store:
        with nbtrace.start_span("ask") as span:
            span.set_inputs(measure.questions()[0])
            span.set_outputs(measure.answers()[0])
        nbtrace.flush()
        return next(store.glob("traces/*/*/*.json")).stat().st_size


def measure_throughput(quick: bool) -> list[Figure]:
    rounds = 15 if quick else 41
    size = file_size()
    with measure.new_store():
        own, peer, all_rows = measure.interleaved(
            rounds,
            nbtrace_round(TRACES),
            by_hand_round(TRACES, size, ONE_ROW, insert_one_row),
            all_rows_round(TRACES, size),
        )
    for name, figures in (("nbtrace", own), ("by hand", peer), ("file, all rows", all_rows)):
        measure.note(f"{name}: {measure.spread(figures)} traces a second, {rounds} rounds")
    ratio = max(own) / max(peer)
    medians = measure.median(own) / measure.median(peer)
    measure.note(f"ratio of the best {ratio:.2f}, of the medians {medians:.2f}")
    return [
        Figure(
            "traces of one span, persisted per second",
            f"{max(own):,.0f}",
            f"file and row by themselves {max(peer):,.0f}"
            f" (with all of nbtrace's rows {max(all_rows):,.0f})",
            ratio,
            f"at least {LIMIT:g} x",
            ratio >= LIMIT,
        )
    ]


if __name__ == "__main__":
    measure.main(measure_throughput, __doc__)
