"""The live tree's kernel side: state, messages, requests. The page's side is in tests/browser."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import struct
import threading
import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace.config import options
from nbtrace.entities import Link, Span, SpanEvent, SpanStatus, Trace
from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.bundle import front_end
from nbtrace.widgets.feed import SAVED_BYTES, SAVED_ROWS, RowFeed
from nbtrace.widgets.messages import ERROR, INCOMPLETE, OK, OPEN, STATES
from nbtrace.widgets.rows import ROW_BYTES, RowNumbers
from nbtrace.widgets.source import TraceSnapshot, source_of
from nbtrace.widgets.span_tree import SpanTree

TRACE_ID = "tr-" + "0a" * 16
SMALL = Trace.from_spans(
    [Span(trace_id=TRACE_ID, span_id="01" * 8, name="ask", start_time_ns=1, end_time_ns=2)]
)


def span(number: int, parent: int | None = None, **keywords) -> Span:
    fields = {
        "trace_id": TRACE_ID,
        "span_id": f"{number:016x}",
        "parent_id": None if parent is None else f"{parent:016x}",
        "name": f"step {number}",
        "start_time_ns": 1_000 + number,
        "end_time_ns": 2_000 + number,
        **keywords,
    }
    return Span(**fields)


class Growing:
    """A source that the test feeds."""

    trace_id = TRACE_ID
    name = "growing"

    def __init__(self) -> None:
        self.finished = False
        self.log: list[Span] = []

    def changes(self, cursor):
        return len(self.log), list({item.span_id: item for item in self.log[cursor:]}.values())

    def span(self, span_id):
        return next((item for item in reversed(self.log) if item.span_id == span_id), None)


class Sent(SpanTree):
    """A tree whose messages are kept."""

    def __init__(self, *arguments, **keywords) -> None:
        self.sent: list[tuple[dict, list[bytes]]] = []
        super().__init__(*arguments, **keywords)

    def send(self, content, buffers=None):
        self.sent.append((content, buffers or []))

    def of(self, kind):
        return [item for item in self.sent if item[0]["kind"] == kind]


@pytest.fixture(autouse=True)
def fresh_pushes(monkeypatch):
    monkeypatch.setattr(SpanTree._pushes, "had_at", float("-inf"))
    monkeypatch.setattr(SpanTree._pushes, "cell", None)


def unpack(count: int, columns: bytes) -> list[dict]:
    """Read columns as the page does."""
    assert len(columns) == count * ROW_BYTES
    at = 0
    taken = []
    for code, size in (("d", 8),) * 4 + (
        ("8s", 8),
        ("I", 4),
        ("i", 4),
        ("I", 4),
        ("H", 2),
        ("B", 1),
    ):
        part = columns[at : at + size * count]
        taken.append([item[0] for item in struct.iter_unpack("<" + code, part)])
        at += size * count
    names = ("start", "end", "tokens", "cost", "id", "row", "parent", "name", "kind", "state")
    return [dict(zip(names, row, strict=True)) for row in zip(*taken, strict=True)]


def test_rows_keep_their_numbers_and_parents_may_come_later():
    rows = RowNumbers()
    child, parent = span(2, 1, end_time_ns=None), span(1)
    first = unpack(1, rows.pack([child]).columns)[0]
    assert (first["row"], first["parent"], first["state"]) == (0, 1, OPEN)
    assert math.isnan(first["end"])
    second = unpack(1, rows.pack([parent]).columns)[0]
    assert (second["row"], second["parent"]) == (1, -1)
    again = unpack(1, rows.pack([span(2, 1, status=SpanStatus("ERROR", "no"))]).columns)[0]
    assert (again["row"], again["state"], again["end"]) == (0, ERROR, 1_000)
    assert (rows.spans, rows.errors) == (2, 1)


def test_unknown_tokens_are_not_zero():
    usage = '{"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}'
    known = span(1, attributes={"mlflow.spanType": '"LLM"', "mlflow.chat.tokenUsage": usage})
    packed = RowNumbers().pack([known, span(2)])
    tokens = [row["tokens"] for row in unpack(2, packed.columns)]
    assert tokens[0] == 3
    assert math.isnan(tokens[1])


@given(st.lists(st.tuples(st.text(max_size=20), st.integers(-1, 9), st.integers(0, 2**62))))
def test_any_spans_can_be_packed(items):
    spans = [
        span(number, None if parent < 0 else parent, name=name, end_time_ns=1 + end)
        for number, (name, parent, end) in enumerate(items)
    ]
    packed = RowNumbers().pack(spans, preview_rows=5)
    orjson.dumps(packed.texts)
    rows = unpack(len(items), packed.columns)
    assert [int.from_bytes(row["id"], "big") for row in rows] == list(range(len(items)))


def test_states():
    attributes = {"nbtrace.incomplete": True}
    spans = [span(1, end_time_ns=None), span(2, status=SpanStatus("OK")), span(3)]
    spans.append(span(4, attributes=attributes))
    states = [row["state"] for row in unpack(4, RowNumbers().pack(spans).columns)]
    assert states == [OPEN, OK, STATES.index("done"), INCOMPLETE]


def test_state_is_small_at_any_size():
    spans = [
        span(number, number // 20 if number else None, name="n" * 200 + str(number))
        for number in range(20_000)
    ]
    tree = Sent(Trace.from_spans(spans))
    state = tree.get_state()
    saved = sum(
        len(value) if isinstance(value, (bytes, str)) else len(json.dumps(value))
        for value in state.values()
    )
    assert saved < SAVED_BYTES + 4_500
    assert state["_summary"]["spans"] == 20_000
    assert 0 < state["_summary"]["rows"] <= SAVED_ROWS
    first = tree.of("rows")[0]
    assert (first[0]["reset"], first[0]["count"]) == (True, 2_000)
    tree.finish()
    rows = [
        row for message, buffers in tree.of("rows") for row in unpack(message["count"], buffers[0])
    ]
    assert len({row["row"] for row in rows}) == 20_000
    assert [message["sequence"] for message, _ in tree.of("rows")] == list(
        range(len(tree.of("rows")))
    )


@pytest.mark.parametrize(("saved", "rows"), [("full", 2), ("names", 2), ("none", 0)])
def test_the_state_holds_no_more_than_may_be_saved(monkeypatch, saved, rows):
    monkeypatch.setattr(options, "saved", saved)
    values = {
        "mlflow.spanInputs": '"private input"',
        "mlflow.spanOutputs": '"private output"',
        "gen_ai.request.model": "private-model",
    }
    failed = SpanStatus("ERROR", "private error")
    trace = Trace.from_spans(
        [span(0, name="ask"), span(1, 0, name="inner step", attributes=values, status=failed)]
    )
    tree = Sent(trace)
    for _ in range(2):
        state = tree.get_state()
        kept = json.dumps({key: str(value) for key, value in state.items()})
        assert state["_summary"]["rows"] == rows
        assert ("inner step" in kept) == (saved != "none")
        assert not any(word in kept for word in ("private input", "private output", "private err"))
        assert saved != "none" or "private" not in kept
        # What a page is sent while the kernel runs is nobody's file, and is whole.
        assert sum(message["count"] for message, _ in tree.of("rows")) >= 2
        tree.finish(trace)


def test_bundle_is_pushed_once_and_on_demand():
    tree = Sent(SMALL)
    message, buffers = tree.of("bundle")[0]
    assert (
        hashlib.sha256(gzip.decompress(buffers[0])).hexdigest() == message["hash"] == tree._bundle
    )
    assert len(front_end().packed) < 80_000
    tree._answer({"kind": "have"})
    second = Sent(SMALL)
    assert second.of("bundle") == []
    second._answer({"kind": "want"})
    assert len(second.of("bundle")) == 1


def _following():
    """Return the threads that follow a trace; those of other tests may go on for a while."""
    return {item for item in threading.enumerate() if item.name == "nbtrace-tree"}


def test_live_deltas_come_by_themselves():
    others = _following()
    source = Growing()
    source.log.append(span(1, end_time_ns=None))
    tree = Sent(source)
    assert tree.of("rows")[0][0]["summary"]["state"] == "IN_PROGRESS"
    source.log += [span(2, 1), span(1)]
    source.finished = True
    deadline = time.monotonic() + 10
    while not tree.of("rows")[-1][0]["summary"]["finished"] and time.monotonic() < deadline:
        time.sleep(0.01)
    message, buffers = tree.of("rows")[-1]
    assert message["summary"]["state"] == "OK"
    assert {row["row"] for row in unpack(message["count"], buffers[0])} == {0, 1}
    tree.finish()
    assert tree.get_state()["_summary"]["finished"]
    # A task that outlives its cell: its spans come too.
    source.log.append(span(3, 1))
    while tree.of("rows")[-1][0]["summary"]["spans"] < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert tree.of("rows")[-1][0]["summary"]["spans"] == 3
    tree.close()
    while _following() - others and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _following() - others


def test_snapshot_for_a_late_page():
    source = Growing()
    source.log += [span(1), span(2, 1)]
    tree = Sent(source)
    before = len(tree.of("rows"))
    tree._answer({"kind": "snapshot"})
    message, _ = tree.of("rows")[before]
    assert (message["reset"], message["count"]) == (True, 2)
    tree.close()


def test_details_by_request():
    error = ValueError("no")
    full = span(
        1,
        status=SpanStatus("ERROR", "ValueError: no"),
        attributes={
            "mlflow.spanInputs": '{"q": 12345678901234567890}',
            "deep": {"a": [1]},
            "b": b"ab",
        },
        events=[SpanEvent.from_exception(error)],
        links=[Link(TRACE_ID, "0c" * 8)],
    )
    tree = Sent(Trace.from_spans([full]))
    tree._answer(
        {"kind": "request", "id": "x-1", "method": "details", "params": {"span_id": full.span_id}}
    )
    message, buffers = tree.of("response")[0]
    assert (message["id"], message["error"]) == ("x-1", None)
    details = orjson.loads(buffers[0])
    assert details["inputs"]["text"] == '{"q": 12345678901234567890}'
    assert details["errors"][0]["message"]["text"] == "no"
    tree._answer(
        {"kind": "request", "id": "x-2", "method": "details", "params": {"span_id": "ff" * 8}}
    )
    assert "not in the store" in tree.of("response")[1][0]["error"]
    tree._answer({"kind": "request", "id": "x-3", "method": "drop"})
    assert "reload the page" in tree.of("response")[2][0]["error"]


def test_selection_both_ways():
    tree = SpanTree(SMALL)
    assert tree.selected is None
    tree.selected = SMALL.data.spans[0]
    assert tree.selected_id == "01" * 8
    assert tree.selected.name == "ask"
    tree.selected = None
    assert tree.selected_id == ""
    assert repr(tree) == "SpanTree('ask', 1 span)"


@pytest.mark.parametrize(
    ("arguments", "keywords", "remedy"),
    [
        ((SMALL,), {"height": 3}, "its options are"),
        ((SMALL,), {"theme": "pink"}, "auto, light, dark"),
        (("tr-1",), {}, "get_trace"),
    ],
)
def test_misuse_says_what_to_do(arguments, keywords, remedy):
    with pytest.raises(NbtraceError, match=remedy):
        SpanTree(*arguments, **keywords)


def test_feed_counts_the_tokens_of_a_live_trace():
    usage = '{"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}'
    source = Growing()
    source.log.append(
        span(1, attributes={"mlflow.spanType": '"LLM"', "mlflow.chat.tokenUsage": usage})
    )
    feed = RowFeed(source)
    message, _ = next(feed.messages(first=True, finished=False))
    assert message["summary"]["tokens"] == 3


def test_sources():
    assert isinstance(source_of(SMALL), TraceSnapshot)
    growing = Growing()
    assert source_of(growing) is growing
