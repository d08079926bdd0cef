"""The comparison of two traces, as a page and in JupyterLab."""

from __future__ import annotations

import pytest
from conftest import Notebook

import nbtrace

pytestmark = pytest.mark.browser

CELL = """import sys
import nbtrace
def run(answer, *steps):
    with nbtrace.start_span("ask") as root:
        for step in steps:
            with nbtrace.start_span(step, span_type="TOOL"):
                pass
        root.set_outputs(answer)
    return root.trace_id
nbtrace.compare(run("the quick fox", "search", "fetch"), run("the slow fox", "search", "rerank"))"""


def compared() -> nbtrace.TraceDiff:
    scope: dict[str, object] = {}
    head, _, last = CELL.rpartition("\n")
    exec(head, scope)
    diff = eval(last, scope)
    assert isinstance(diff, nbtrace.TraceDiff)
    return diff


@pytest.fixture
def opened(page, tmp_path):
    file = tmp_path / "diff.html"
    compared().to_html(file)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.goto(file.as_uri())
    yield page
    assert errors == []


def names(page) -> list[str]:
    return page.locator(".nbt-diff-row .nbt-text").all_inner_texts()


def test_differences_are_listed_and_all_spans_on_demand(opened):
    assert sorted(names(opened)) == ["ask", "fetch", "rerank"]
    opened.get_by_label("differences only").uncheck()
    assert sorted(names(opened)) == ["ask", "fetch", "rerank", "search"]


def test_values_are_compared_word_by_word(opened):
    opened.get_by_role("row", name="ask, unknown").click()
    panel = opened.get_by_role("region", name="What differs in ask")
    panel.wait_for()
    assert panel.locator("del").all_inner_texts() == ["quick"]
    assert panel.locator("ins").all_inner_texts() == ["slow"]


def test_the_keyboard_reaches_everything(opened):
    grid = opened.get_by_role("treegrid")
    grid.focus()
    opened.keyboard.press("Enter")
    opened.get_by_role("region", name="What differs in ask").wait_for()
    opened.keyboard.press("n")
    opened.get_by_role("region", name="What differs in").get_by_text("fetch").or_(
        opened.get_by_role("region", name="What differs in").get_by_text("rerank")
    ).wait_for()
    opened.keyboard.press("Escape")
    assert opened.get_by_role("region").count() == 0
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("ArrowLeft")
    assert names(opened) == ["ask"]
    opened.keyboard.press("?")
    opened.get_by_role("dialog", name="Keyboard").wait_for()


def test_it_is_shown_in_jupyterlab(lab, page):
    lab.write("compare.ipynb", CELL)
    notebook = Notebook(lab, page, "compare.ipynb")
    notebook.run(0)
    cell = notebook.cell(0)
    cell.get_by_role("row", name="rerank").wait_for()
    assert cell.locator(".nbtrace-static").is_hidden()
