"""Traces made to break the tree: it renders, runs nothing and stays responsive."""

from __future__ import annotations

import time

import pytest
from live_source import TRACE_ID
from plain_host import PlainHost

from nbtrace.entities import Span, SpanEvent, SpanStatus, Trace

pytestmark = pytest.mark.browser

BASE = 1_760_000_000_000_000_000
MS = 1_000_000
SCRIPTS = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 2'>",
    "<svg onload='window.hacked = 3'><style>* { display: none }</style>",
    "[a](javascript:window.hacked=4) ![b](javascript:window.hacked=5)",
    "</style><style>.nbt { display: none }</style>",
    "\u202egnirts desrever\u202c \u2066 \u0000 \u0007 \x1b[31m \ud800",
    "${window.hacked = 6} {{constructor.constructor('window.hacked = 7')()}}",
)
# A frame takes 16 ms; what a person does must not wait for more than a blink.
BLINK_MS = 400


def span(number: int, parent: int | None, start: int, end: int, name: str, **keywords) -> Span:
    return Span(
        trace_id=TRACE_ID,
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=name,
        start_time_ns=BASE + start,
        end_time_ns=BASE + end,
        **keywords,
    )


def hostile() -> Trace:
    spans = [span(1, None, 0, 10_000 * MS, "root " + SCRIPTS[0])]
    for place, text in enumerate(SCRIPTS):
        spans.append(
            span(
                10 + place,
                1,
                place * MS,
                (place + 5) * MS,
                text,
                status=SpanStatus("ERROR", text),
                events=[SpanEvent(text, BASE + place * MS, {text: text})],
                attributes={
                    "mlflow.spanType": '"<b onclick=alert(1)>KIND"',
                    "mlflow.spanInputs": f'{{"{place}": "x"}}',
                    "mlflow.spanOutputs": text,
                    text: text,
                },
            )
        )
    # A cycle of parents, a parent that never came, a span that is its own parent.
    spans += [span(30, 31, 0, MS, "cycle a"), span(31, 30, 0, MS, "cycle b")]
    spans += [span(32, 99_999, 0, MS, "orphan"), span(33, 33, 0, MS, "own parent")]
    spans.append(span(34, 1, 500 * MS, 100 * MS, "ends before it starts"))
    line = "x" * 10_000_000
    spans.append(span(35, 1, 0, MS, line, attributes={"mlflow.spanOutputs": f'"{line}"'}))
    spans += [
        span(1_000 + depth, 1 if depth == 0 else 999 + depth, depth, 5_000 * MS - depth, "deep")
        for depth in range(1_000)
    ]
    spans += [
        span(10_000 + place, 1, place * MS // 2, (place + 1) * MS // 2, "sibling")
        for place in range(10_000)
    ]
    return Trace.from_spans(spans)


RESPONSE = """async (key) => {
  const grid = document.querySelector(".nbt-grid");
  grid.focus();
  const started = performance.now();
  grid.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  await new Promise(requestAnimationFrame);
  await new Promise((done) => setTimeout(done, 0));
  return performance.now() - started;
}"""


def found(host: PlainHost, page, name: str) -> str:
    """Search for a span and return what its row tells a screen reader."""
    host.press("/")
    page.keyboard.press("Control+a")
    page.keyboard.type(name)
    page.wait_for_function("/^[1-9]/.test(document.querySelector('.nbt-found')?.innerText)")
    page.keyboard.press("Enter")
    row = page.locator(".nbt-row.nbt-active", has_text=name)
    row.wait_for()
    page.keyboard.press("Escape")
    return row.get_attribute("aria-label")


def seen_alone(host: PlainHost, page) -> None:
    """Each shape that no real trace has is shown, and says what it is."""
    assert "0 ns" in found(host, page, "ends before it starts")
    # Of a cycle one span stands at the top, and nothing is lost or shown twice.
    for name in ("cycle a", "cycle b", "orphan", "own parent"):
        assert found(host, page, name).startswith(f"{name}, ")
    assert found(host, page, "deep").startswith("deep, ")
    # A name of ten million characters is one line like any other.
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


def test_a_hostile_trace(page):
    host = PlainHost(page, hostile())
    host.press("]")
    everything = page.locator(".nbt-grid[aria-rowcount='11015']")
    deadline = time.monotonic() + 30
    while not everything.count() and time.monotonic() < deadline:
        page.wait_for_timeout(50)
        host.pump()
    everything.wait_for()
    seen_alone(host, page)
    page.evaluate("document.querySelector('.nbt-scroll').scrollTop = 0")
    for place in range(len(SCRIPTS)):
        host.tree.selected_id = f"{10 + place:016x}"
        page.evaluate("(id) => { window.model.set('selected_id', id); }", f"{10 + place:016x}")
        page.locator(".nbt-details").wait_for()
        page.wait_for_timeout(60)
    assert page.evaluate("window.hacked") is None
    assert page.locator(".nbt script, .nbt [onerror], .nbt [onload], .nbt [onclick]").count() == 0
    assert page.locator('.nbt a[href^="javascript"]').count() == 0
    assert host.grid.is_visible()
    # Ten megabytes of one line, and everything at once.
    page.evaluate("window.model.set('selected_id', '0000000000000023')")
    page.locator(".nbt-details").wait_for()
    page.get_by_role("button", name="Load more").first.wait_for()
    host.press("Home")
    taken = [page.evaluate(RESPONSE, key) for key in "cgtm$[]"]
    assert sorted(taken)[len(taken) // 2] < BLINK_MS
    host.press("End", "Home", "Escape")
    host.press("/")
    page.keyboard.type("deep")
    page.locator(".nbt-found", has_text="1,000").wait_for()
    host.press("n", "f")
    page.get_by_role("navigation", name="Subtree").wait_for()
    assert page.evaluate("window.hacked") is None
    assert host.errors == []
