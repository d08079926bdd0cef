"""The page that ``Trace.to_html`` writes, opened from the disk without a network."""

from __future__ import annotations

import json

import pytest
from details_trace import Example
from live_source import example

from nbtrace.entities import AssessmentSource, Feedback, Trace

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(page, tmp_path):
    trace = Trace.from_spans(example().changes(0)[1])
    file = tmp_path / "trace.html"
    trace.to_html(file)
    page.context.set_offline(True)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    yield page, file.as_uri(), trace
    assert errors == []
    page.context.set_offline(False)


def test_the_tree_opens_offline_and_shows_details(opened):
    page, address, trace = opened
    page.goto(address)
    root = next(span for span in trace.data.spans if span.parent_id is None)
    page.get_by_role("row", name=root.name).first.click()
    page.get_by_role("region", name=f"Details of {root.name}").wait_for()
    assert page.url.endswith(f"#span={root.span_id}")


def test_an_address_names_a_span(opened):
    page, address, trace = opened
    child = next(span for span in trace.data.spans if span.parent_id is not None)
    page.goto(f"{address}#span={child.span_id}")
    page.get_by_role("region", name=f"Details of {child.name}").wait_for()


def test_what_a_reader_asks_of_a_call_is_answered(page, tmp_path):
    given = Example()
    given.trace.info.tags["reviewed"] = "twice"
    given.trace.info.assessments.append(
        Feedback(name="correct", value=True, source=AssessmentSource("HUMAN", "ana"))
    )
    file = tmp_path / "trace.html"
    given.trace.to_html(file)
    page.context.set_offline(True)
    page.add_init_script(
        "window.copied = []; navigator.clipboard.writeText = async (text) => { copied.push(text); }"
    )
    page.goto(f"{file.as_uri()}#span={given.ids['second call']}")
    panel = page.get_by_role("region", name="Details of second call")
    panel.get_by_role("button", name="What is new").click()
    panel.get_by_text("Compared with first call: 1 added").wait_for()
    panel.get_by_role("button", name="Copy ▾").click()
    panel.get_by_role("button", name="as JSON").click()
    panel.get_by_text("Copied").first.wait_for()
    copied = json.loads(page.evaluate("copied[0]"))
    assert copied["name"] == "second call"
    # Tags and feedback are there to be read, and nothing offers to change them.
    page.goto(f"{file.as_uri()}#span={given.ids['root']}")
    page.reload()
    panel = page.get_by_role("region", name="Details of root")
    panel.get_by_role("button", name="Tags of the trace").click()
    tag = panel.get_by_role("row").filter(has_text="reviewed")
    assert "twice" in tag.inner_text()
    assert "ana" in panel.get_by_role("region", name="Feedback").inner_text()
    for name in ("Good", "Edit the tag reviewed", "Delete the tag reviewed", "Add tag"):
        assert panel.get_by_role("button", name=name).count() == 0


def test_without_scripts_the_static_tree_is_there(browser, opened):
    _, address, trace = opened
    context = browser.new_context(java_script_enabled=False)
    try:
        plain = context.new_page()
        plain.goto(address)
        names = plain.locator(".nbtrace-static summary > b")
        assert names.count() == len(trace.data.spans)
    finally:
        context.close()


def test_spans_by_name_and_the_flame_graph_lead_back_to_the_tree(opened):
    page, address, _ = opened
    page.goto(address)
    page.get_by_role("treegrid").focus()
    page.keyboard.press("b")
    table = page.get_by_role("table", name="Spans by name")
    assert (
        table.get_by_role("row")
        .filter(has_text="fetch page")
        .get_by_role("cell")
        .first.inner_text()
        == "2"
    )
    table.get_by_role("button", name="Count").click()
    first = table.get_by_role("row").nth(1)
    assert first.get_by_role("rowheader").inner_text() == "fetch page"
    first.get_by_role("button").click()
    page.get_by_role("region", name="Details of fetch page").wait_for()
    page.get_by_role("treegrid").focus()
    page.keyboard.press("w")
    page.get_by_role("treeitem", name="search documents").click()
    page.get_by_role("button", name="Show in the tree").click()
    page.get_by_role("region", name="Details of search documents").wait_for()


def test_the_timeline_is_saved_as_a_picture(opened):
    page, address, _ = opened
    page.goto(address)
    for label, start in (("Save as SVG", b"<svg"), ("Save as PNG", b"\x89PNG")):
        page.get_by_role("button", name="View").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        assert download.value.path().read_bytes().startswith(start)
