"""A store of any number of traces for the search benchmark, always the same for the same seed.

Traces of five spans go in through `Database.upsert_traces`, oldest first, with the text of their
spans; the newest thousand have span files too, written and indexed as the background writer does.
Run ``python tests/benchmarks/search_data.py DIRECTORY --traces 1000000`` to keep one.

What can be asked of it: ``tags.all`` is on every trace, ``tags.rare`` on 1 %, ``tags.old`` on the
oldest twentieth; states, span names and words of the text are spread alike. ``tags.side = 'left'``
and ``tags.other = 'b'`` hold for half of the traces each and for both in one of 10,000.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson

from nbtrace.store.rows import SpanRow, TextRow, TraceRow
from nbtrace.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OLD_SHARE", "SPACING_MS", "START_MS", "fill", "generate", "open_store"]

START_MS = 1_700_000_000_000
SPACING_MS = 500
BATCH = 2_000
OLD_SHARE = 20  # the old block is the oldest twentieth
WITH_FILES = 1_000
MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4")
TYPES = ("AGENT", "CHAIN", "RETRIEVER", "LLM", "TOOL")
TOPICS = ("weather", "invoice", "refund", "delivery", "password", "holiday", "contract")


class _Shape(NamedTuple):
    """What tells one trace from the others."""

    index: int
    trace_id: str
    start: int
    duration: int
    old: bool
    rare: bool
    left: bool
    meet: bool
    tokens: int | None


def _shapes(count: int, seed: int) -> Iterator[_Shape]:
    chance = random.Random(seed)
    for index in range(count):
        yield _Shape(
            index,
            f"tr-{chance.getrandbits(128):032x}",
            START_MS + index * SPACING_MS + chance.randrange(SPACING_MS),
            int(chance.lognormvariate(6.5, 1.0)),
            index < count // OLD_SHARE,
            chance.random() < 0.01,
            chance.random() < 0.5,
            chance.random() < 0.0001,
            int(chance.lognormvariate(5.5, 0.8)) + 7 if chance.random() < 0.9 else None,
        )


def _tags(shape: _Shape) -> dict[str, str]:
    index = shape.index
    tags = {
        "all": "yes",
        "env": f"env-{index % 7}",
        "side": "left" if shape.left else "right",
        "other": "b" if shape.left is shape.meet else "a",
        "mlflow.trace.session": f"session-{index // 10}",
        "mlflow.trace.user": f"user-{index * 7919 % 1000}",
    }
    tags |= {"rare": "yes"} if shape.rare else {}
    tags |= {"old": "yes"} if shape.old else {}
    return tags


def _names(shape: _Shape) -> list[str]:
    names = ["root", "plan", "search", "answer", "old step" if shape.old else "step"]
    if shape.rare:
        names[1] = "retry"
    return names


def _texts(shape: _Shape) -> list[tuple[str, str]]:
    """Return what each span was given and gave back."""
    index = shape.index
    topic = TOPICS[index % len(TOPICS)]
    question = f"A question about the {topic} of customer number {index}"
    rare = " with an escalation" if shape.rare else ""
    old = " from the archive" if shape.old else ""
    return [
        (question, f"The answer is {index * 7}"),
        (f"Plan for {topic}", f"search, then answer{rare}"),
        (topic, f"document {index % 997} and document {index % 991}{old}"),
        (f"system: be short. user: {question}", f"The answer is {index * 7}"),
        (f"{index}", "done"),
    ]


def _trace(shape: _Shape) -> TraceRow:
    index = shape.index
    spans, texts = [], []
    start = shape.start * 1_000_000
    step = shape.duration * 1_000_000 // 5
    for place, (name, (given, gave)) in enumerate(zip(_names(shape), _texts(shape), strict=True)):
        span_id = f"{place + 1:016x}"
        model = place == 3
        tokens = shape.tokens if model else None
        spans.append(
            SpanRow(
                span_id,
                f"{place:016x}" if place else None,
                name,
                TYPES[place],
                "ERROR" if shape.rare and not place else "OK",
                start + place * step,
                start + (shape.duration * 1_000_000 if not place else (place + 1) * step),
                0,
                0,
                0,
                f'{{"temperature":0.{index % 10},"user.id":"u{index % 1000}"}}',
                MODELS[index % 3] if model else None,
                *((tokens - 7, 7, tokens) if tokens is not None else (None, None, None)),
                tokens / 1e5 if tokens is not None and index % 3 else None,
            )
        )
        texts.append(TextRow(span_id, name, given, gave))
    tokens = shape.tokens
    given, gave = _texts(shape)[0]
    return TraceRow(
        shape.trace_id,
        "0",
        shape.start,
        shape.duration,
        "ERROR" if shape.rare else "STATE_UNSPECIFIED" if shape.old else "OK",
        f"trace {index % 11}",
        tags=_tags(shape),
        metadata={"mlflow.trace_schema.version": "3"},
        spans=spans,
        parts=[""],
        request_preview=given,
        response_preview=gave,
        input_tokens=None if tokens is None else tokens - 7,
        output_tokens=None if tokens is None else 7,
        total_tokens=tokens,
        cost=tokens / 1e5 if tokens is not None and index % 3 else None,
        texts=texts,
    )


def _with_file(store: Store, row: TraceRow) -> TraceRow:
    """Write the span file of a trace, and let the rows say where each span lies in it."""
    from nbtrace.store.span_files import write_part

    lines = []
    for span, text in zip(row.spans, row.texts or (), strict=True):
        attributes = {
            "mlflow.spanType": orjson.dumps(span.type).decode(),
            "mlflow.spanInputs": orjson.dumps(text.inputs).decode(),
            "mlflow.spanOutputs": orjson.dumps(text.outputs).decode(),
        } | orjson.loads(span.attributes or "{}")
        if span.total_tokens is not None:
            attributes["mlflow.chat.tokenUsage"] = orjson.dumps(
                {
                    "input_tokens": span.input_tokens,
                    "output_tokens": span.output_tokens,
                    "total_tokens": span.total_tokens,
                }
            ).decode()
        line = {
            "traceId": row.trace_id.removeprefix("tr-"),
            "spanId": span.span_id,
            "name": span.name,
            "startTimeUnixNano": str(span.start_ns),
            "endTimeUnixNano": str(span.end_ns),
            "status": {"code": 2 if span.status == "ERROR" else 1},
            "attributes": [
                {
                    "key": key,
                    "value": {
                        "stringValue" if isinstance(value, str) else "doubleValue": value,
                    },
                }
                for key, value in attributes.items()
            ],
        }
        if span.parent_id:
            line["parentSpanId"] = span.parent_id
        lines.append(orjson.dumps(line))
    (places,) = write_part(
        store.span_location(row.experiment_id),
        row.trace_id,
        row.request_time,
        "",
        [(b"{}", b"{}", lines)],
    )
    row.spans = [
        span._replace(offset=offset, length=length)
        for span, (offset, length) in zip(row.spans, places, strict=True)
    ]
    return row


def generate(count: int, seed: int = 1) -> Iterator[TraceRow]:
    """Make traces, oldest first."""
    return map(_trace, _shapes(count, seed))


def fill(store: Store, count: int, seed: int = 1) -> None:
    """Write the generated traces, the word index included."""
    from tqdm import tqdm

    from nbtrace.store.text_index import catch_up

    batch = []
    for index, row in enumerate(tqdm(generate(count, seed), total=count, desc="traces")):
        batch.append(_with_file(store, row) if index >= count - WITH_FILES else row)
        if len(batch) == BATCH:
            store.database.upsert_traces(batch)
            batch = []
    store.database.upsert_traces(batch)
    catch_up(store)


def open_store(directory: Path, count: int) -> Store:
    """Return a store of so many traces, made unless it is there already."""
    store = Store(directory)
    with store.database.reading() as connection:
        (there,) = connection.execute("SELECT count(*) FROM traces").fetchone()
    if there not in {0, count}:
        message = f"{directory} holds {there:,} traces and not {count:,}; remove it"
        raise SystemExit(message)
    if not there:
        begin = time.perf_counter()
        fill(store, count)
        print(f"{count:,} traces written in {time.perf_counter() - begin:.0f} s")
    return store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--traces", type=int, default=1_000_000)
    options = parser.parse_args()
    open_store(options.directory, options.traces).close()


if __name__ == "__main__":
    main()
