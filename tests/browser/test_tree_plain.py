"""What a person does with the tree, in a page that is no notebook's front end."""

from __future__ import annotations

import pytest
from live_source import LiveSource, example
from plain_host import SETTLED_MS, PlainHost

from nbtrace.entities import Trace

pytestmark = pytest.mark.browser

MS = 1_000_000
BASE = 1_760_000_000_000_000_000


@pytest.fixture
def host(page):
    opened = PlainHost(page, Trace.from_spans(example().changes(0)[1]))
    yield opened
    assert opened.errors == []


def gapped() -> Trace:
    """Two steps of 100 ms with 10 s of waiting between them, and a ticking event."""
    source = LiveSource("wait")
    root = source.start("wait", None, "CHAIN", None, BASE)
    for name, start in (("before", 0), ("after", 10_100)):
        span_id = source.start(name, root, "TOOL", None, BASE + start * MS)
        source.end(span_id, end=BASE + (start + 100) * MS)
    source.end(root, end=BASE + 10_200 * MS)
    return Trace.from_spans(source.changes(0)[1])


def test_search_finds_names_at_once_and_values_by_asking(host, page):
    host.press("/")
    page.keyboard.type("fetch")
    page.locator(".nbt-found", has_text="2").wait_for()
    assert page.locator(".nbt-row mark").all_inner_texts() == ["fetch", "fetch"]
    page.keyboard.press("Enter")
    page.locator(".nbt-found", has_text="1/2").wait_for()
    host.press("n")
    page.locator(".nbt-found", has_text="2/2").wait_for()
    host.press("N")
    page.locator(".nbt-active.nbt-is-error").wait_for()
    # An attribute, which no row brings along: the kernel knows.
    host.press("/")
    page.keyboard.type("total_tokens")
    host.row("chat gpt-5-mini").get_by_text("in values").wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".nbt-match").count() == 0


def test_only_matches_keeps_their_ancestors(host, page):
    host.press("/")
    page.keyboard.type("rank")
    page.locator(".nbt-found", has_text="1").wait_for()
    host.press("h")
    assert host.names() == ["answer a question", "search documents", "rank"]
    host.press("Escape")
    assert len(host.names()) == 14
    host.press("E")
    assert host.names() == ["answer a question", "fetch page"]


def test_regular_expressions_and_durations(host, page):
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("Search by regular expression").check()
    page.get_by_label("At least").fill("15 %")
    page.keyboard.press("Escape")
    assert host.names() == ["answer a question", "plan", "chat gpt-5-mini", "search documents",
                            "fetch page"]  # fmt: skip
    host.press("/")
    page.keyboard.type("^(plan|chat)")
    page.locator(".nbt-found", has_text="2").wait_for()
    page.keyboard.type("(")
    page.get_by_text("not a regex").wait_for()
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name="Show everything").click()
    assert len(host.names()) == 14


def test_a_kind_of_the_legend_is_a_filter(host, page):
    page.get_by_role("button", name="tool").click()
    assert host.names() == ["answer a question", "fetch page", "fetch page"]
    page.get_by_role("button", name="reranker").click()
    assert "rank" in host.names()
    page.get_by_role("button", name="reranker").click()
    page.get_by_role("button", name="tool").click()
    assert len(host.names()) == 14


def test_focus_levels_and_jumps(host, page):
    host.press("Home", "1")
    assert host.names() == ["answer a question"]
    host.press("2")
    assert len(host.names()) == 11
    host.press("ArrowDown", "ArrowDown", "f", "]")
    assert host.names() == ["search documents", "embed", "rank"]
    path = page.get_by_role("navigation", name="Subtree")
    assert "whole trace" in path.inner_text()
    # The next error lies outside: it is gone to all the same.
    host.press("e")
    page.locator(".nbt-row[aria-selected=true]", has_text="fetch page").wait_for()
    assert path.count() == 0
    host.press("p")
    page.locator(".nbt-active:not(.nbt-is-error)", has_text="fetch page").wait_for()
    host.press("s")
    page.locator(".nbt-active", has_text="check").wait_for()
    assert host.tree.selected.name == "check"


def test_zoom_by_keys_drag_and_wheel(host, page):
    host.row("rank").click()
    page.locator(".nbt-details").wait_for()
    whole = page.locator(".nbt-mark").all_inner_texts()
    host.press("z")
    bar = host.row("rank").locator(".nbt-bar").bounding_box()
    column = page.locator(".nbt-head .nbt-time").bounding_box()
    assert bar["width"] > column["width"] * 0.85
    assert host.row("check").locator(".nbt-later").is_visible()
    page.get_by_role("button", name="The whole time").click()
    assert page.locator(".nbt-mark").all_inner_texts() == whole
    page.mouse.move(column["x"] + 100, bar["y"])
    page.mouse.down()
    page.mouse.move(column["x"] + 200, bar["y"], steps=4)
    page.mouse.up()
    assert page.locator(".nbt-mark").all_inner_texts() != whole
    # The drag was no click.
    assert host.tree.selected.name == "rank"
    host.press("0")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    page.get_by_role("button", name="The whole time").wait_for()
    host.press("-", "-", "-", "-")
    page.get_by_role("button", name="The whole time").wait_for(state="detached")


def test_critical_path_folds_into_the_parent(host, page):
    host.press("c")
    chat = host.row("chat gpt-5-mini").locator(".nbt-critical")
    assert chat.count() == 1
    width = chat.bounding_box()["width"]
    host.press("ArrowDown", "ArrowLeft")
    folded = host.row("plan").locator(".nbt-critical")
    assert folded.count() == 1
    assert folded.bounding_box()["width"] >= width
    assert host.row("plan").locator(".nbt-count").inner_text() == "1"
    host.press("c")
    assert page.locator(".nbt-critical").count() == 0


def test_idle_time_is_cut_short_and_marked(page):
    host = PlainHost(page, gapped())
    before = host.row("before").locator(".nbt-bar").bounding_box()["width"]
    host.press("g")
    gap = page.locator(".nbt-head .nbt-gap")
    assert "10 s in which nothing ran" in gap.get_attribute("title")
    assert host.row("before").locator(".nbt-bar").bounding_box()["width"] > 10 * before
    assert host.row("after").get_by_text("100 ms").is_visible()
    host.press("g")
    assert gap.count() == 0


def test_replay_shows_spans_when_they_came(host, page):
    host.press("r")
    bar = page.get_by_role("group", name="Replay")
    moment = bar.get_by_role("slider")
    page.wait_for_function("document.querySelectorAll('.nbt-row').length > 2")
    bar.get_by_role("button", name="Pause", exact=True).click()
    moment.fill("400")  # thousandths: 720 ms, in the middle of "rank"
    assert host.names()[-1] == "rank"
    assert host.row("rank").get_by_label("running", exact=True).is_visible()
    assert host.row("chat gpt-5-mini").get_by_text("876").is_visible()
    moment.fill("200")
    assert host.row("chat gpt-5-mini").get_by_text("876").count() == 0
    moment.fill("400")
    assert host.row("plan").get_by_label("running", exact=True).count() == 0
    moment.fill("1000")
    assert len(host.names()) == 14
    bar.get_by_role("combobox").select_option("0.1")
    bar.get_by_role("button", name="Play", exact=True).click()
    host.press("Escape")
    assert bar.count() == 0
    assert len(host.names()) == 14


def test_sizes_by_keyboard(host, page):
    name = page.locator(".nbt-head .nbt-name")
    wide = name.bounding_box()["width"]
    host.press("<", "<")
    assert name.bounding_box()["width"] < wide
    host.row("plan").click()
    split = page.get_by_role("separator", name="Width of the details")
    panel = page.locator(".nbt-side")
    before = panel.bounding_box()["width"]
    split.focus()
    page.keyboard.press("ArrowLeft")
    assert panel.bounding_box()["width"] == pytest.approx(before + 16, abs=2)
    page.set_viewport_size({"width": 600, "height": 900})
    page.get_by_role("separator", name="Height of the details").wait_for()
    assert panel.bounding_box()["y"] > host.grid.bounding_box()["y"] + 100
    height = host.grid.bounding_box()["height"]
    page.get_by_role("separator", name="Height of the tree").focus()
    page.keyboard.press("ArrowUp")
    assert host.grid.bounding_box()["height"] < height


def test_sizes_hold_in_the_next_page(page):
    # A page of its own origin: one without any may keep nothing, and works all the same.
    page.context.route(
        "http://tree.test/**", lambda route: route.fulfill(body="", content_type="text/html")
    )
    trace = Trace.from_spans(example().changes(0)[1])

    def opened(page):
        page.goto("http://tree.test/")
        host = PlainHost(page, trace)
        host.row("plan").click()
        page.locator(".nbt-details").wait_for()
        page.wait_for_timeout(SETTLED_MS)
        places = (".nbt-head .nbt-name", ".nbt-side")
        return [page.locator(place).bounding_box()["width"] for place in places]

    first = opened(page)
    page.locator(".nbt-grid").focus()
    page.keyboard.press("<")
    page.get_by_role("separator", name="Width of the details").focus()
    page.keyboard.press("ArrowLeft")
    changed = page.locator(".nbt-side").bounding_box()["width"]
    assert changed == pytest.approx(first[1] + 16, abs=2)
    later = page.context.new_page()
    again = opened(later)
    assert again[0] < first[0]
    assert again[1] == pytest.approx(changed, abs=2)
    # Nothing of the trace is kept, only how it is shown.
    kept = later.evaluate("JSON.stringify(localStorage)")
    assert "sizes.tree" in kept
    assert not any(word in kept for word in ("plan", "answer", "0a1b2c3d"))
    # A window that is narrower than what is kept leaves the tree its place.
    later.evaluate("localStorage['nbtrace.sizes.tree'] = '{\"sideWidth\": 5000, \"name\": 5000}'")
    narrow = page.context.new_page()
    narrow.set_viewport_size({"width": 800, "height": 900})
    opened(narrow)
    assert narrow.locator(".nbt-grid").bounding_box()["width"] > 200
    assert narrow.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_help_tells_the_keys_of_every_part(host, page):
    host.row("plan").click()
    value = page.get_by_role("tree").first
    value.focus()
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard")
    for part, meaning in (
        ("In the search box", "search for nothing"),
        ("In the values of a span", "copy the path"),
        ("On a bar between two parts", "move it back"),
    ):
        assert help_.get_by_role("region", name=part).get_by_text(meaning).is_visible()
    assert help_.get_by_text("critical path").is_visible()
    # It is longer than its place: keys scroll it, and closing it leads back.
    page.keyboard.press("End")
    page.wait_for_function("document.querySelector('.nbt-help').scrollTop > 0")
    page.keyboard.press("?")
    help_.wait_for(state="detached")
    assert value.evaluate("(node) => node === document.activeElement")
    # In a field it is a letter.
    host.press("/")
    page.keyboard.type("what?")
    assert page.get_by_label("Search names and values").input_value() == "what?"
    assert help_.count() == 0


def test_the_axis_has_times_beside_an_open_panel(host, page):
    for width in (760, 800, 900, 1000, 1100, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        host.row("plan").click()
        page.locator(".nbt-details").wait_for()
        page.wait_for_timeout(SETTLED_MS)
        shown = [text for text in page.locator(".nbt-mark").all_inner_texts() if text]
        assert len(shown) >= 2, (width, shown)
        # None is cut at the edge of its column.
        edge = page.locator(".nbt-head .nbt-time").bounding_box()
        for mark in page.locator(".nbt-mark").all():
            box = mark.bounding_box()
            assert box["x"] + box["width"] <= edge["x"] + edge["width"] + 1, width
        host.press("Escape")


def test_sums_and_self_time_are_columns(host, page):
    root = host.row("answer a question")
    assert root.locator(".nbt-sum").count() == 0
    host.press("$", "t")
    assert root.locator(".nbt-sum").first.inner_text() == "876"
    assert page.get_by_role("columnheader", name="Self").is_visible()
    host.press("$", "t")


def test_two_traces_do_not_hide_each_other(page):
    host = PlainHost(page, gapped())
    other = PlainHost.__new__(PlainHost)
    other.page, other.errors = page, host.errors
    other.mount(Trace.from_spans(example().changes(0)[1]))
    assert [tree.is_visible() for tree in page.locator(".nbt").all()] == [True, True]
    assert page.locator(".nbt-row").count() == 17


def test_the_static_twin_is_hidden_while_the_live_tree_is_there(page):
    host = PlainHost(page, gapped())
    page.evaluate("window.unmount()")
    page.evaluate(
        """(key) => document.body.insertAdjacentHTML("beforeend",
          `<div class="nbtrace-static nbtrace-static-${key}">twin</div>
           <div class="nbtrace-static nbtrace-static-other">another</div>`)""",
        host.tree.key,
    )
    host.render()
    assert not page.get_by_text("twin").is_visible()
    assert page.get_by_text("another").is_visible()
    page.evaluate("window.unmount()")
    assert page.get_by_text("twin").is_visible()
