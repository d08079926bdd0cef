"""The table in Notebook 7 and in marimo."""

from __future__ import annotations

import re

import pytest
from conftest import Notebook, Server, marimo_app

pytestmark = pytest.mark.browser

RECORD = """import nbtrace
for number in range(150):
    with nbtrace.start_span(f"step {number}", span_type="AGENT") as span:
        nbtrace.update_current_trace(tags={"group": f"g{number % 3}"})
        span.set_inputs({"question": f"what is {number}?"})
nbtrace.flush()
"""
MARIMO = f"""
import marimo
app = marimo.App()


@app.cell
def _():
    {RECORD.replace(chr(10), chr(10) + "    ")}
    table = nbtrace.TraceTable()
    table
    return (table,)
"""


def work_in(page) -> None:
    """Go to the end, sort, filter, open, tag and take the tag back."""
    page.locator(".nbt-figures", has_text="150").first.wait_for()
    grid = page.get_by_role("grid", name="Traces")
    grid.focus()
    page.keyboard.press("End")
    page.locator(".nbt-trace.nbt-active", has_text="step 0").wait_for()
    page.get_by_role("columnheader", name=re.compile("^Name")).click()
    page.locator("[aria-sort=ascending]", has_text="Name").wait_for()
    page.locator(".nbt-cell-name b").nth(1).get_by_text("step 1", exact=True).wait_for()
    page.locator(".nbt-tag", has_text="g1").first.click()
    page.locator(".nbt-pill", has_text="tags.group = 'g1'").wait_for()
    page.locator(".nbt-figures", has_text="50").first.wait_for()
    grid.focus()
    page.keyboard.press("Enter")
    page.locator(".nbt-opened .nbt-row", has_text="step 1").wait_for()
    page.get_by_text("1 of 50").wait_for()
    page.get_by_role("button", name="+ Tag").click()
    page.get_by_label("Key of the tag").fill("seen")
    page.get_by_label("Value of the tag").fill("yes")
    page.get_by_label("Value of the tag").press("Enter")
    tag = page.locator(".nbt-opened .nbt-tag-pill", has_text="seen")
    tag.wait_for()
    page.get_by_text("1 trace changed").wait_for()
    page.get_by_role("button", name="Undo").click()
    tag.wait_for(state="detached")
    page.get_by_text("1 trace changed back").wait_for()


def test_in_notebook_7(page, tmp_path):
    server = Server(tmp_path, "notebook")
    try:
        server.write("table.ipynb", RECORD, "table = nbtrace.TraceTable()\ntable")
        notebook = Notebook(server, page, "table.ipynb", application="notebook")
        notebook.run_to_end(0)
        notebook.run_to_end(1)
        work_in(page)
        assert notebook.ask("table.filter") == "\"tags.group = 'g1'\""
    finally:
        server.close()


def test_in_marimo(page, tmp_path):
    page.set_default_timeout(45_000)
    with marimo_app(tmp_path, MARIMO) as address:
        page.goto(address)
        work_in(page)
