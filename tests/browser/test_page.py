"""The page that ``Trace.to_html`` writes, opened from the disk without a network."""

from __future__ import annotations

import pytest
from live_source import example

from nbtrace.entities import Trace

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
