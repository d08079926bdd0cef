"""The panel of a span in a browser: reading, keys, copying, what is hostile or large."""

from __future__ import annotations

import time

import pytest
from details_trace import Example
from plain_host import PlainHost

pytestmark = pytest.mark.browser

ORIGIN = "http://panel.test/"
HOSTILE = "<script>window.hacked=9</script>"

RUN_AXE = """async () => {
  const { violations } = await axe.run(".nbt-details", { resultTypes: ["violations"] });
  return violations.map((one) => `${one.impact} ${one.id}: ${one.nodes[0].html.slice(0, 200)}`);
}"""


@pytest.fixture(scope="module")
def example():
    return Example()


@pytest.fixture
def shown(page, example):
    """Return what shows a span's panel."""

    def show(name, *, dark=False):
        # Choices are kept for an origin; a blank page has none.
        page.route(ORIGIN, lambda route: route.fulfill(body="", content_type="text/html"))
        page.goto(ORIGIN)
        PlainHost(page, example.trace, dark=dark)
        select(page, example.ids[name])
        page.locator(".nbt-details h3", has_text=HOSTILE if name == "hostile" else name).wait_for()
        page.locator(".nbt-section").first.wait_for()
        return page.locator(".nbt-details")

    return show


def select(page, span_id):
    page.evaluate("(id) => model.set('selected_id', id)", span_id)


def test_a_conversation(page, shown, example):
    panel = shown("second call")
    assert "1,976 tokens: 1,812 in, 164 out" in panel.inner_text()
    messages = panel.locator(".nbt-message")
    roles = [messages.nth(place).get_attribute("aria-label") for place in range(messages.count())]
    # The tool's message stands with the call.
    assert roles == ["system message", "user message", "assistant message", "assistant message"]
    assert not panel.get_by_text("Be brief.", exact=True).is_visible()
    panel.get_by_role("button", name="You are a helpful").click()
    assert "Be brief." in messages.nth(0).inner_text()
    assert messages.nth(1).locator("img").count() == 1
    assert messages.nth(1).get_by_text("https://example.org/cat.png").is_visible()
    call = messages.nth(2).locator(".nbt-call").inner_text()
    assert "get_weather" in call
    assert "22.5" in call
    answer = messages.nth(3)
    assert answer.locator("table strong").inner_text() == "sunny"
    assert "two <b>bold</b>" in answer.inner_text()
    # The choice holds for the next span.
    panel.get_by_role("group", name="Show messages as").get_by_text("Text").click()
    assert "| Paris | **sunny** |" in answer.inner_text()
    select(page, example.ids["first call"])
    page.locator(".nbt-details h3", has_text="first call").wait_for()
    panel.get_by_role("button", name="Text", pressed=True).wait_for()


def test_what_was_added_to_the_prompt(shown):
    panel = shown("second call")
    panel.get_by_role("button", name="What is new").click()
    panel.get_by_text("Compared with first call: 1 added").wait_for()
    assert panel.get_by_role("button", name="2 messages as before").is_visible()
    assert "its answer" in panel.locator(".nbt-is-answered").inner_text()
    assert "22.5" in panel.locator(".nbt-is-added").inner_text()


def test_values_by_keys(page, shown):
    panel = shown("root")
    tree = panel.get_by_role("tree", name="Inputs")
    assert "12345678901234567890" in tree.inner_text()
    assert "NaN" in tree.inner_text()
    tree.focus()
    for key in ("ArrowDown", "ArrowDown", "p"):
        page.keyboard.press(key)
    assert panel.locator(".nbt-said").inner_text() == "Copied the path"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    tree.locator("[aria-expanded=false]").wait_for()
    page.keyboard.press("/")
    panel.get_by_role("searchbox", name="Search in Inputs").fill("678")
    panel.get_by_text("1 of 1", exact=True).wait_for()
    assert tree.locator("mark").first.inner_text() == "678"
    page.keyboard.press("Escape")
    # From anywhere in the panel Escape leads back to the tree.
    panel.get_by_role("button", name="Copy ▾").focus()
    page.keyboard.press("Escape")
    assert page.locator("[role=treegrid]").evaluate("(grid) => grid === document.activeElement")


def test_copying_without_a_clipboard(page, shown, example):
    panel = shown("fetch")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.evaluate(
        "document.addEventListener('copy', () => { window.copied = String(getSelection()) ||"
        " document.activeElement.value })"
    )

    def copied(name):
        panel.get_by_role("button", name=name, exact=True).click()
        page.wait_for_function("window.copied")
        text = page.evaluate(
            "() => { const text = window.copied; window.copied = ''; return text }"
        )
        return str(text)

    panel.get_by_role("button", name="Copy ▾").click()
    trace_id, span_id = example.trace.trace_id, example.ids["fetch"]
    assert copied("as Python") == f'nbtrace.get_trace("{trace_id}").span("{span_id}")'
    assert copied("as cURL") == "curl https://api.example.org/v1 -H 'authorization: [REDACTED]'"
    assert '"name":"fetch"' in copied("as JSON")
    assert "Copied" in panel.locator(".nbt-said").inner_text()
    page.keyboard.press("Escape")
    assert panel.get_by_role("button", name="as JSON").count() == 0


def test_an_error_its_attributes_and_links(page, shown):
    panel = shown("fetch")
    assert "JSONDecodeError" in panel.locator(".nbt-exception").inner_text()
    assert panel.locator(".nbt-frame-own").count() == 1
    panel.get_by_role("button", name="3 frames of Python").click()
    assert panel.locator(".nbt-frame").count() == 4
    panel.get_by_role("searchbox", name="Filter attributes").fill("value 7")
    panel.get_by_text("1 of 11 attributes").wait_for()
    panel.get_by_role("button", name="Open").nth(0).click()
    panel.get_by_text("is not in this store").wait_for()
    panel.get_by_role("button", name="Open").nth(1).click()
    page.locator(".nbt-details h3", has_text="root").wait_for()
    panel.get_by_role("button", name="← Back").click()
    page.locator(".nbt-details h3", has_text="fetch").wait_for()


def test_what_is_hostile_runs_nothing(page, shown):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    panel = shown("hostile")
    for name in ("Inputs", "Outputs", "Attributes"):
        section = panel.get_by_role("button", name=name).first
        if section.get_attribute("aria-expanded") == "false":
            section.click()
    for mode in ("Markdown", "Text", "JSON"):
        panel.get_by_role("group", name="Show messages as").get_by_text(mode).click()
        links = panel.locator("a[href]")
        for place in range(links.count()):
            assert links.nth(place).get_attribute("href").startswith("https://")
            assert "noopener" in links.nth(place).get_attribute("rel")
        assert panel.locator("script, style, iframe, object, svg[onload], img").count() == 0
    text = panel.inner_text()
    assert "⟨202E⟩evil␇" in text
    assert "<script>window.hacked=2</script>" in text
    assert page.evaluate("window.hacked ?? 0") == 0
    assert page.evaluate("getComputedStyle(document.body).display") == "block"
    assert not [url for url in asked if "example" in url]


def test_what_is_large_stays_in_reach(page, shown):
    panel = shown("large")
    panel.get_by_text("The first 20.0 kB of 10.0 MB").first.wait_for()
    started = time.monotonic()
    panel.get_by_role("button", name="Load all").first.click()
    tree = panel.get_by_role("tree", name="Inputs")
    tree.get_by_text("last").wait_for()
    # All of 10 MB is there, and only a little of it is laid out.
    assert time.monotonic() - started < 30
    assert len(tree.inner_text()) < 5_000
    deep = panel.get_by_role("tree", name="Outputs")
    panel.get_by_role("button", name="Open all").nth(1).click()
    assert deep.locator("[role=treeitem]").count() > 500
    page.wait_for_function("() => new Promise((done) => requestAnimationFrame(() => done(true)))")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["second call", "search", "fetch"])
def test_axe_finds_nothing_serious(page, shown, axe, name, dark):
    panel = shown(name, dark=dark)
    for place in range(panel.locator(".nbt-section h4 > button").count()):
        section = panel.locator(".nbt-section h4 > button").nth(place)
        if section.get_attribute("aria-expanded") == "false":
            section.click()
    page.add_script_tag(path=str(axe))
    found = page.evaluate(RUN_AXE)
    assert [one for one in found if one.startswith(("serious", "critical"))] == []
