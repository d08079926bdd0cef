"""The tree in a marimo notebook, which draws widgets in a shadow root and knows no Jupyter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import marimo_app

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.browser

NOTEBOOK = """
import marimo
app = marimo.App()


@app.cell
def _():
    import nbtrace

    @nbtrace.trace(span_type="TOOL")
    def fetch(number):
        if number == 3:
            raise ValueError("no such page")
        return {"page": number}

    with nbtrace.start_span("answer", span_type="AGENT") as root:
        root.set_inputs({"question": "What is a WAL?"})
        for number in range(4):
            try:
                fetch(number)
            except ValueError:
                pass
        root.set_outputs("a log")
    nbtrace.flush()
    tree = nbtrace.SpanTree(nbtrace.get_trace(root.trace_id))
    tree
    return (tree,)
"""


@pytest.fixture
def address(tmp_path: Path):
    with marimo_app(tmp_path, NOTEBOOK) as url:
        yield url


def test_rows_details_search_and_keys_in_marimo(address, page):
    page.set_default_timeout(45_000)
    page.goto(address)
    # Locators look into shadow roots.
    rows = page.locator(".nbt-row")
    rows.nth(4).wait_for()
    assert rows.count() == 5
    rows.filter(has_text="fetch").last.click()
    page.locator(".nbt-details", has_text="no such page").wait_for()
    grid = page.locator(".nbt-grid")
    grid.focus()
    page.keyboard.press("/")
    page.keyboard.type("WAL")
    # The question is in the root's inputs.
    page.locator(".nbt-row.nbt-match", has_text="answer").wait_for()
    grid.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    page.locator(".nbt-row[aria-expanded=false]").wait_for()
    assert rows.count() == 1
    colours = grid.evaluate("(node) => getComputedStyle(node).color")
    assert colours not in ("", "rgba(0, 0, 0, 0)")
