"""One notebook in JupyterLab, Notebook 7 and marimo: the same tree, by mouse, keys and reader."""

from __future__ import annotations

import textwrap
from contextlib import contextmanager

import pytest
from conftest import Notebook, Server, marimo_app

pytestmark = pytest.mark.browser

SOURCE = """import nbtrace

@nbtrace.trace(span_type="TOOL")
def fetch(number):
    if number == 3:
        raise ValueError("no such page")
    return {"page": number}

with nbtrace.start_span("answer", span_type="AGENT") as root:
    root.set_inputs({"question": "What is a WAL?"})
    with nbtrace.start_span("chat", span_type="CHAT_MODEL") as call:
        call.set_inputs({"messages": [{"role": "user", "content": "What is a *WAL*?"}]})
        call.set_outputs({"choices": [{"message": {"role": "assistant", "content": "A log."}}]})
    for number in range(4):
        try:
            fetch(number)
        except ValueError:
            pass
nbtrace.flush()
tree = nbtrace.SpanTree(nbtrace.get_trace(root.trace_id))
tree"""
MARIMO = """import marimo
app = marimo.App(width="full")

@app.cell
def _():
{source}
    return
"""
# The page of a front end has faults of its own.
RUN_AXE = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  const ours = (node) => JSON.stringify(node.target).includes("nbt");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.filter(ours).map((node) => `${id}: ${node.html}`));
}"""
CELLS = "window.jupyterapp?.shell.currentWidget.content.widgets.length"


@contextmanager
def in_jupyter(page, directory, application):
    server = Server(directory, application)
    try:
        server.write("same.ipynb", SOURCE)
        Notebook(server, page, "same.ipynb", application=application).run(0)
        yield
    finally:
        server.close()


@contextmanager
def in_marimo(page, directory):
    with marimo_app(directory, MARIMO.format(source=textwrap.indent(SOURCE, "    "))) as address:
        page.goto(address)
        yield


@pytest.mark.parametrize("front_end", ["lab", "notebook", "marimo"])
def test_the_same_notebook(page, axe, tmp_path, front_end):
    page.set_default_timeout(45_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    opened = (
        in_marimo(page, tmp_path)
        if front_end == "marimo"
        else in_jupyter(page, tmp_path, front_end)
    )
    with opened:
        # Locators look into marimo's shadow roots.
        rows = page.locator(".nbt-row")
        rows.nth(5).wait_for()
        errors.clear()
        rows.filter(has_text="chat").click()
        panel = page.locator(".nbt-details")
        panel.locator("em", has_text="WAL").wait_for()
        assert panel.locator(".nbt-message").count() == 2
        cells = page.evaluate(CELLS)
        page.add_script_tag(path=str(axe))
        assert page.evaluate(RUN_AXE) == []
        grid = page.locator(".nbt-grid")
        grid.focus()
        # Keys that front ends have a meaning for: cut, delete, insert above and below.
        for key in ("x", "d", "d", "a", "b"):
            page.keyboard.press(key)
        page.get_by_role("button", name="Back to the tree").click()
        assert page.evaluate(CELLS) == cells
        grid.focus()
        page.keyboard.press("e")
        panel.get_by_text("no such page").first.wait_for()
        grid.focus()
        page.keyboard.press("/")
        page.keyboard.type("question")
        # In the values, of which only the kernel has all.
        page.locator(".nbt-row.nbt-match", has_text="answer").wait_for()
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Keyboard").wait_for()
        page.keyboard.press("Escape")
        for width in (600, 1400):
            page.set_viewport_size({"width": width, "height": 1000})
            page.wait_for_timeout(300)
            inside = grid.evaluate("(node) => node.closest('.nbt').getBoundingClientRect().width")
            assert 220 <= inside <= width
            assert panel.evaluate("(node) => node.scrollWidth <= node.clientWidth")
        assert errors == []
