"""The kernel's side of the tree's search box, its events, and what it says of a trace's end."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbtrace
from nbtrace.entities import Span, SpanEvent, SpanStatus, Trace
from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.feed import RowFeed
from nbtrace.widgets.rows import EVENTS_PER_MESSAGE, EVENTS_PER_SPAN, RowNumbers
from nbtrace.widgets.source import StoredTrace, TraceSnapshot
from nbtrace.widgets.span_search import search_spans
from nbtrace.widgets.span_tree import SpanTree

TRACE_ID = "tr-" + "0a" * 16


def span(number: int, **keywords) -> Span:
    fields = {"name": f"step {number}", "start_time_ns": number, "end_time_ns": number + 5}
    return Span(trace_id=TRACE_ID, span_id=f"{number:016x}", **{**fields, **keywords})


def snapshot(*spans: Span) -> TraceSnapshot:
    return TraceSnapshot(Trace.from_spans(list(spans)))


def test_every_part_of_a_span_is_searched():
    source = snapshot(
        span(1, attributes={"mlflow.spanInputs": '{"city": "Paris"}'}),
        span(2, attributes={"plan": ["paris", 2], "number": 42}),
        span(3, events=[SpanEvent("retry in PARIS", 3)]),
        span(4, status=SpanStatus("ERROR", "Paris is closed")),
        span(5, name="go to paris"),
        span(6),
    )
    found = search_spans(source, "paris")
    assert found["total"] == 5
    assert [int(span_id, 16) for span_id in found["span_ids"]] == [1, 2, 3, 4, 5]
    assert search_spans(source, "42")["total"] == 1
    assert search_spans(source, "") == {"span_ids": [], "total": 0}


def test_regular_expressions_on_demand():
    source = snapshot(span(1, name="fetch (all)"), span(2, name="fetch one"))
    assert search_spans(source, "(all)")["total"] == 1
    assert search_spans(source, "^fetch .{3}$", regex=True)["total"] == 1
    with pytest.raises(NbtraceError, match="no regular expression"):
        search_spans(source, "(", regex=True)


@given(st.text(min_size=1))
def test_what_was_put_in_is_found_as_typed(text):
    value = orjson.dumps({"said": text.encode("utf-8", "replace").decode()}).decode()
    shown = text.encode("utf-8", "replace").decode()
    source = snapshot(span(1, attributes={"mlflow.spanInputs": value}))
    assert search_spans(source, shown)["total"] == 1


@pytest.mark.parametrize("text", ['say "hi"', "Grüße", "line\nbreak", "{'a'}", "…"])
def test_a_stored_trace_is_searched_line_by_line(text):
    with nbtrace.start_span("root") as root:
        with nbtrace.start_span("inner") as inner:
            inner.set_inputs({"text": text})
        root.set_outputs("done")
    nbtrace.flush()
    stored = StoredTrace(root.trace_id, "root")
    assert search_spans(stored, text)["span_ids"] == [inner.span_id]
    assert search_spans(stored, "INNER")["total"] == 1
    assert search_spans(stored, "nowhere")["total"] == 0


def test_the_page_asks_by_method():
    class Sent(SpanTree):
        def send(self, content, buffers=None):
            self.__dict__.setdefault("sent", []).append((content, buffers))

    tree = Sent(Trace.from_spans([span(1, attributes={"place": "Paris"})]))
    ask = {"kind": "request", "id": "1", "method": "search", "params": {"text": "PARIS"}}
    tree._answer(ask)
    content, buffers = tree.sent[-1]
    assert content["error"] is None
    assert orjson.loads(buffers[0])["total"] == 1
    tree._answer({**ask, "params": {"text": "(", "regex": True}})
    assert "regular expression" in tree.sent[-1][0]["error"]


def test_events_are_ticks_and_bounded():
    busy = span(1, events=[SpanEvent(f"e{n}", 3) for n in range(EVENTS_PER_SPAN + 10)])
    events = RowNumbers().pack([busy]).texts["events"]
    assert events[0] == (0, 2, "e0")
    assert len(events) == EVENTS_PER_SPAN
    many = [span(n + 1, events=[SpanEvent("e", n)] * 40) for n in range(200)]
    assert len(RowNumbers().pack(many).texts["events"]) <= EVENTS_PER_MESSAGE + EVENTS_PER_SPAN


@pytest.mark.parametrize(
    ("spans", "note"),
    [
        ([span(1)], ""),
        ([span(1, attributes={"nbtrace.interrupted": True})], "interrupted"),
    ],
)
def test_how_a_trace_ended_is_told(spans, note):
    feed = RowFeed(snapshot(*spans))
    message, _ = next(feed.messages(first=True, finished=True))
    assert message["summary"]["note"] == note
    assert not message["summary"]["live"]


def test_a_recovered_trace_says_so():
    trace = Trace.from_spans([span(1)])
    trace.info.tags["nbtrace.recovered"] = "true"
    feed = RowFeed(TraceSnapshot(trace))
    message, _ = next(feed.messages(first=True, finished=True))
    assert message["summary"]["note"] == "recovered"
