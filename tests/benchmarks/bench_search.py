"""The newest 100 traces of a large store, against SQL written by hand for each question.

Traces of five spans are made by a seeded generator through `Database.upsert_traces` (no span
files). Each question is asked in nbtrace's language and as three hand-written forms (EXISTS, IN, an
index that drives); the ratio is nbtrace's median time, DataFrame included, over that of the best
form with the same DataFrame. Run ``python tests/benchmarks/bench_search.py --traces 1000000``.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.search.frame import to_pandas
from nbtrace.search.query import Query
from nbtrace.search.traces import count_traces, load_traces, search_traces
from nbtrace.store.rows import SpanRow, TraceRow
from nbtrace.store.store import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

START_MS = 1_700_000_000_000
SPACING_MS = 500
BATCH = 2_000
PAGE = 100
OLD_SHARE = 20  # the old block is the oldest twentieth


def generate(count: int, seed: int = 1) -> Iterator[TraceRow]:
    """Make traces, oldest first."""
    chance = random.Random(seed)
    for index in range(count):
        start = START_MS + index * SPACING_MS + chance.randrange(SPACING_MS)
        old = index < count // OLD_SHARE
        rare = chance.random() < 0.01
        left = chance.random() < 0.5
        meet = chance.random() < 0.0001
        tags = {"all": "yes", "env": f"env-{index % 7}", "side": "left" if left else "right"}
        tags |= {"rare": "yes"} if rare else {}
        tags |= {"old": "yes"} if old else {}
        tags["other"] = "b" if left is meet else "a"
        state = "ERROR" if rare else "OK"
        names = ["root", "plan", "search", "answer", "old step" if old else "step"]
        if rare:
            names[1] = "retry"
        spans = [
            SpanRow(
                f"{place + 1:016x}",
                f"{place:016x}" if place else None,
                name,
                ("AGENT", "CHAIN", "RETRIEVER", "LLM", "TOOL")[place],
                state if not place else "OK",
                start * 1_000_000,
                start * 1_000_000 + chance.randrange(2_000_000_000),
                0,
                0,
                0,
                f'{{"temperature":0.{index % 10},"user.id":"u{index % 1000}"}}',
                "gpt-4o" if name == "answer" else None,
                *((index % 900, 7, index % 900 + 7) if name == "answer" else (None, None, None)),
            )
            for place, name in enumerate(names)
        ]
        yield TraceRow(
            f"tr-{chance.getrandbits(128):032x}",
            "0",
            start,
            chance.randrange(5_000),
            state,
            f"trace {index % 11}",
            tags=tags,
            metadata={"mlflow.trace_schema.version": "3"},
            spans=spans,
            parts=[""],
            request_preview="What is the answer to question number " + str(index),
            response_preview="The answer is " + str(index * 7),
            total_tokens=index % 900 + 7,
            cost=(index % 900) / 1e5,
        )


def fill(store: Store, count: int) -> None:
    """Write the generated traces."""
    batch = []
    for row in generate(count):
        batch.append(row)
        if len(batch) == BATCH:
            store.database.upsert_traces(batch)
            batch = []
    store.database.upsert_traces(batch)


class Index(NamedTuple):
    """One condition as each of the three forms needs it."""

    table: str
    where: str
    values: tuple[Any, ...]
    time: str = "d.request_time"
    trace: str = "d.trace"


def tag(key: str, value: str) -> Index:
    return Index("trace_tags d", "d.key = ? AND d.value = ?", (key, value))


def span_name(value: str) -> Index:
    return Index("span_values d", "d.field = ? AND d.value = ?", ("name", value))


def state(value: str) -> Index:
    return Index("traces d", "d.state = ?", (value,), trace="d.id")


def between(low: int, high: int) -> Index:
    return Index("traces d", "d.request_time BETWEEN ? AND ?", (low, high), trace="d.id")


def hand_written(conditions: list[Index], word: str) -> dict[str, tuple[str, tuple[Any, ...]]]:
    """Return the three forms of conditions joined by AND or OR."""
    tail = f" ORDER BY t.request_time DESC, t.id DESC LIMIT {PAGE}"
    values = tuple(value for item in conditions for value in item.values)
    exists = [
        f"EXISTS (SELECT 1 FROM {item.table} WHERE {item.where}"
        f" AND {item.time} = t.request_time AND {item.trace} = t.id)"
        for item in conditions
    ]
    members = [
        f"t.id IN (SELECT {item.trace} FROM {item.table} WHERE {item.where})" for item in conditions
    ]
    driving = [
        f"SELECT {item.time}, {item.trace} FROM {item.table} WHERE {item.where}"
        for item in conditions
    ]
    if word == "OR":
        drives = (" UNION ".join(driving) + f" ORDER BY 1 DESC, 2 DESC LIMIT {PAGE}", values)
    else:
        first = conditions[0]
        rest = [
            f"EXISTS (SELECT 1 FROM {item.table[:-1]}x WHERE {item.where.replace('d.', 'x.')}"
            f" AND {item.time.replace('d.', 'x.')} = {first.time}"
            f" AND {item.trace.replace('d.', 'x.')} = {first.trace})"
            for item in conditions[1:]
        ]
        drives = (
            " AND ".join([driving[0], *rest]) + f" ORDER BY 1 DESC, 2 DESC LIMIT {PAGE}",
            values,
        )
    select = "SELECT t.request_time, t.id FROM traces t WHERE "
    return {
        "EXISTS": (select + f" {word} ".join(exists) + tail, values),
        "IN": (select + f" {word} ".join(members) + tail, values),
        "index": drives,
    }


class Question(NamedTuple):
    """What is asked, in both languages."""

    name: str
    text: str
    conditions: list[Index]
    word: str = "AND"


def questions(count: int) -> list[Question]:
    middle = START_MS + count * SPACING_MS // 2
    found = [
        Question(f"tag, {share}", f"tags.{key} = '{value}'", [tag(key, value)])
        for share, key, value in (
            ("100 %", "all", "yes"),
            ("1 %", "rare", "yes"),
            ("old 5 %", "old", "yes"),
            ("none", "all", "no"),
        )
    ]
    found += [
        Question(f"state, {share}", f"state = '{value}'", [state(value)])
        for share, value in (("99 %", "OK"), ("1 %", "ERROR"), ("none", "IN_PROGRESS"))
    ]
    found += [
        Question(f"span name, {share}", f"span.name = '{value}'", [span_name(value)])
        for share, value in (
            ("100 %", "answer"),
            ("1 %", "retry"),
            ("old 5 %", "old step"),
            ("none", "absent"),
        )
    ]
    found += [
        Question(
            "time, an hour in the middle",
            f"timestamp BETWEEN {middle} AND {middle + 3_600_000}",
            [between(middle, middle + 3_600_000)],
        ),
        Question(
            "OR: tag 1 %, span name old",
            "tags.rare = 'yes' OR span.name = 'old step'",
            [tag("rare", "yes"), span_name("old step")],
            "OR",
        ),
        Question(
            "OR: state 1 %, tag 100 %",
            "state = 'ERROR' OR tags.all = 'yes'",
            [state("ERROR"), tag("all", "yes")],
            "OR",
        ),
        Question(
            "OR: span name none, tag old",
            "span.name = 'absent' OR tags.old = 'yes'",
            [span_name("absent"), tag("old", "yes")],
            "OR",
        ),
        Question(
            "AND: common, rare",
            "tags.all = 'yes' AND tags.rare = 'yes'",
            [tag("rare", "yes"), tag("all", "yes")],
        ),
        Question(
            "AND: two of 50 % that rarely meet",
            "tags.side = 'left' AND tags.other = 'b'",
            [tag("side", "left"), tag("other", "b")],
        ),
        Question(
            "AND: two that never meet",
            "tags.old = 'yes' AND span.name = 'step'",
            [tag("old", "yes"), span_name("step")],
        ),
    ]
    return found


def milliseconds(function: Callable[[], Any], runs: int) -> float:
    """Return the median time of a call after a warm-up."""
    function()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        function()
        times.append((time.perf_counter() - begin) * 1e3)
        if sum(times) > 3_000:
            break
    return statistics.median(times)


def ask(store: Store, connection: sqlite3.Connection, question: Question, runs: int) -> None:
    forms = hand_written(question.conditions, question.word)
    sql_times = {}
    expected = None
    for form, (sql, values) in forms.items():
        rows = connection.execute(sql, values).fetchall()
        if expected is None:
            expected = rows
        if rows != expected:
            message = f"the forms of {question.name} differ"
            raise RuntimeError(message)
        sql_times[form] = milliseconds(
            lambda sql=sql, values=values: connection.execute(sql, values).fetchall(), runs
        )
    best = min(sql_times, key=lambda form: sql_times[form])
    sql, values = forms[best]

    def by_hand() -> Any:
        keys = [row[-1] for row in connection.execute(sql, values)]
        return to_pandas(*load_traces(store, keys, include_spans=False))

    def by_language() -> Any:
        page = search_traces(
            store, filter_string=question.text, max_results=PAGE, include_spans=False
        )
        return to_pandas(page.traces, page.facts)

    if list(by_hand()["trace_id"]) != list(by_language()["trace_id"]):
        message = f"{question.name}: not the same traces"
        raise RuntimeError(message)
    keys = milliseconds(lambda: Query(question.text).page(connection, PAGE + 1), runs)
    hand, ours = milliseconds(by_hand, runs), milliseconds(by_language, runs)
    forms_text = "  ".join(f"{sql_times[form]:9.2f}" for form in ("EXISTS", "IN", "index"))
    print(
        f"{question.name:36} {len(expected or ()):4}  {forms_text}  {keys:9.2f}"
        f"  {hand:8.2f}  {ours:8.2f}  {ours / hand:5.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--plans", action="store_true", help="print SQLite's query plans")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name, ".nbtrace"))
        begin = time.perf_counter()
        fill(store, options.traces)
        took = time.perf_counter() - begin
        size = store.database.path.stat().st_size
        print(
            f"{options.traces:,} traces written in {took:.1f} s"
            f" ({took / options.traces * 1e6:.0f} us each), {size / options.traces:.0f} bytes each"
        )
        print(
            f"{'ms, median':36} {'rows':>4}  {'EXISTS':>9}  {'IN':>9}  {'index':>9}"
            f"  {'our keys':>9}  {'by hand':>8}  {'nbtrace':>8}  ratio"
        )
        connection = store.database.connection()
        for question in questions(options.traces):
            ask(store, connection, question, options.runs)
            if options.plans:
                for line in Query(question.text).explain(connection)[2]:
                    print("      ", line)
        for text in (None, "tags.rare = 'yes'", "span.name = 'answer' AND state = 'OK'"):
            took = milliseconds(lambda text=text: count_traces(store, text), 5)
            print(f"count {text!s:50} {took:8.2f} ms")
        for text, order in (
            (None, "execution_time DESC"),
            (None, "name"),
            (None, "cost DESC"),
            ("tags.rare = 'yes'", "execution_time DESC"),
            ("span.attributes.`user.id` = 'u7'", "timestamp DESC"),
            ("NOT tags.all = 'yes'", "timestamp DESC"),
            ("tags.env LIKE '%-3'", "timestamp DESC"),
        ):
            query = Query(text, order_by=[order])
            took = milliseconds(lambda query=query: query.page(connection, PAGE), 5)
            print(f"keys of {text!s:40} by {order:20} {took:8.2f} ms")
        store.close()


if __name__ == "__main__":
    main()
