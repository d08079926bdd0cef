"""What the tree shows of a trace: its figures, kinds, events, overview, values, the run before."""

from __future__ import annotations

import json

import pytest
from live_source import LiveSource, example
from plain_host import SETTLED_MS, PlainHost

import nbtrace
from nbtrace.entities import Span, SpanEvent, Trace

pytestmark = pytest.mark.browser

MS = 1_000_000
BASE = 1_760_000_000_000_000_000
TRACE_ID = "tr-" + "0c" * 16


def span(number: int, name: str, **fields) -> Span:
    return Span(
        **{
            "trace_id": TRACE_ID,
            "span_id": f"{number:016x}",
            "parent_id": None if number == 1 else f"{1:016x}",
            "name": name,
            "start_time_ns": BASE + number * MS,
            "end_time_ns": BASE + (number + 1) * MS,
            **fields,
        }
    )


@pytest.fixture
def host(page):
    opened = PlainHost(page, Trace.from_spans(example().changes(0)[1]))
    yield opened
    assert opened.errors == []


def test_the_header_sums_the_trace_up(host, page):
    header = page.locator(".nbt-header")
    assert header.locator("strong").inner_text() == "answer a question"
    figures = header.locator(".nbt-figures").inner_text().split("\n")
    assert figures == ["1.8 s", "14 spans", "876 tokens", "$0.000331", "gpt-5-mini", "1 error"]
    header.get_by_role("button", name="1 error").click()
    page.get_by_role("region", name="Details of fetch page").wait_for()


def test_kinds_differ_in_shape_and_not_only_in_colour(host, page):
    drawn = {}
    for row in host.rows.all():
        kind = row.get_attribute("aria-label").split(", ")[1]
        drawn[kind] = row.locator(".nbt-kind path").get_attribute("d")
    assert len(drawn) == 13
    assert len(set(drawn.values())) == len(drawn)


def test_events_are_ticks_at_their_time(page):
    events = [SpanEvent("half way", BASE + 2 * MS + MS // 2, {})]
    source = [span(1, "root", end_time_ns=BASE + 5 * MS), span(2, "step", events=events)]
    host = PlainHost(page, Trace.from_spans(source))
    tick = host.row("step").locator(".nbt-tick")
    bar = host.row("step").locator(".nbt-bar").bounding_box()
    assert tick.bounding_box()["x"] == pytest.approx(bar["x"] + bar["width"] / 2, abs=2)
    host.row("step").locator(".nbt-time").hover()
    assert "half way at +" in host.row("step").locator(".nbt-time").get_attribute("title")


def test_the_overview_zooms_and_moves(host, page):
    host.press("m")
    overview = page.get_by_role("img", name="The whole trace")
    box = overview.bounding_box()
    middle = box["y"] + box["height"] / 2

    def drag(start: float, end: float) -> None:
        page.mouse.move(box["x"] + box["width"] * start, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * end, middle, steps=4)
        page.mouse.up()
        page.wait_for_timeout(SETTLED_MS)

    def first_mark() -> str:
        return page.locator(".nbt-mark").first.inner_text()

    drag(0.5, 0.75)
    assert first_mark() not in ("", "0")
    # Inside the part that is shown a drag moves it.
    before = first_mark()
    drag(0.6, 0.8)
    assert first_mark() != before
    page.get_by_role("button", name="The whole time").click()
    page.wait_for_timeout(SETTLED_MS)
    assert first_mark() == "0"
    host.press("m")


def test_the_name_column_is_dragged(host, page):
    name = page.locator(".nbt-head .nbt-name")
    before = name.bounding_box()["width"]
    handle = page.locator(".nbt-handle").bounding_box()
    page.mouse.move(handle["x"] + 4, handle["y"] + 10)
    page.mouse.down()
    page.mouse.move(handle["x"] + 84, handle["y"] + 10, steps=4)
    page.mouse.up()
    assert name.bounding_box()["width"] == pytest.approx(before + 80, abs=8)


def test_filters_by_state(host, page):
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("State").select_option("incomplete")
    page.keyboard.press("Escape")
    assert host.names() == ["answer a question", "left open"]


def test_documents_and_vectors(page):
    found = [
        {"page_content": f"text {n}", "metadata": {"page": n}, "id": f"d{n}", "score": 0.9 - n / 10}
        for n in range(2)
    ]
    retriever = {"mlflow.spanType": '"RETRIEVER"', "mlflow.spanOutputs": json.dumps(found)}
    vectors = {
        "openinference.span.kind": "EMBEDDING",
        "embedding.embeddings.0.embedding.text": "a walrus",
        "embedding.embeddings.0.embedding.vector": [0.6, 0.8],
    }
    source = [
        span(1, "root", end_time_ns=BASE + 9 * MS),
        span(2, "search", attributes=retriever),
        span(3, "embed", attributes=vectors),
    ]
    host = PlainHost(page, Trace.from_spans(source))
    host.row("search").click()
    first = page.locator(".nbt-document").first
    first.wait_for()
    assert first.locator(".nbt-score").inner_text() == "0.9"
    assert "text 0" in first.inner_text()
    first.get_by_role("button", name="metadata").click()
    assert "page" in first.inner_text()
    host.row("embed").click()
    vector = page.locator(".nbt-embedding").first
    vector.wait_for()
    assert "a walrus" in vector.inner_text()
    assert "2 values, norm 1" in vector.inner_text()


def test_one_click_compares_with_the_run_before(page, store_directory):
    for answer in ("a whale", "a walrus"):
        with nbtrace.start_span("ask") as root:
            root.set_outputs(answer)
    nbtrace.flush()
    host = PlainHost(page, nbtrace.get_trace(root.trace_id))
    page.get_by_role("button", name="Compare with the run before").click()
    shown = page.get_by_role("treegrid", name="Spans of both traces, 1 differ")
    shown.get_by_role("row", name="ask").click()
    page.get_by_text("walrus").first.wait_for()
    page.get_by_role("button", name="Back to the tree").click()
    host.grid.wait_for()
    assert host.errors == []


def test_the_first_run_has_none_before(page, store_directory):
    with nbtrace.start_span("only once") as root:
        pass
    nbtrace.flush()
    host = PlainHost(page, nbtrace.get_trace(root.trace_id))
    host.press("v")
    page.get_by_text("There is no earlier run of this cell").wait_for()


def test_a_large_trace_opens_at_two_levels(page):
    source = LiveSource("many")
    root = source.start("many", None, "CHAIN", None, BASE)
    for number in range(30):
        step = source.start(f"step {number}", root, "TOOL", None, BASE + number * MS)
        for inner in range(20):
            leaf = source.start(f"leaf {inner}", step, "LLM", None, BASE + number * MS)
            source.end(leaf, end=BASE + (number + 1) * MS)
        source.end(step, end=BASE + (number + 1) * MS)
    source.end(root, end=BASE + 30 * MS)
    source.finished = True
    host = PlainHost(page, Trace.from_spans(source.changes(0)[1]))
    assert host.grid.get_attribute("aria-rowcount") == "32"
    folded = host.row("step 3")
    assert folded.get_attribute("aria-expanded") == "false"
    assert folded.locator(".nbt-count").inner_text() == "20"
    # What its children did stands in the bar of the folded row.
    assert folded.locator(".nbt-piece").count() == 1
