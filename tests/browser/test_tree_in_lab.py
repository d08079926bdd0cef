"""The tree in a real JupyterLab, live, saved and reopened."""

from __future__ import annotations

import json
import time

import pytest
from conftest import Notebook

pytestmark = pytest.mark.browser

SETUP = "from live_source import *\nfrom nbtrace.widgets import TreeDisplay\nimport time"
FINISHED = "display_ = TreeDisplay(example()); display_.show(); tree = display_.tree"
LIVE = """source = LiveSource()
display_ = TreeDisplay(source)
root = source.start("answer", None, "AGENT", '{"question": 1}')
display_.show()
for number in range(4):
    child = source.start(f"tool {number}", root, "TOOL", '{"number": %d}' % number)
    time.sleep(0.8)
    source.end(child, '"fetched"')
source.end(root, '"done"')
source.finished = True
display_.finish()"""
CLEARING = """from IPython.display import clear_output
source = LiveSource()
display_ = TreeDisplay(source)
root = source.start("answer", None, "AGENT")
display_.show()
for number in range(8):
    source.end(source.start(f"tool {number}", root, "TOOL"))
    time.sleep(0.25)
    clear_output()
    display_.redisplay()
    print("step", number)
source.end(root)
source.finished = True
display_.finish()"""
TRUSTED = """window.jupyterapp.shell.currentWidget.content.widgets
  .map((cell) => cell.model.trusted)"""
# The first traced cell adds at most this to the notebook's file (DESIGN, budgets).
GROWTH_BYTES = 100_000


def rows(notebook: Notebook, cell: int):
    return notebook.cell(cell).locator(".nbt-row")


def test_live_rows_selection_and_details(lab, page):
    lab.write("live.ipynb", SETUP, LIVE)
    notebook = Notebook(lab, page, "live.ipynb")
    notebook.run_to_end(0)
    started = time.monotonic()
    notebook.run(1)
    rows(notebook, 1).nth(2).wait_for()
    # Four children take 3.2 s: rows stood there while the cell ran.
    assert time.monotonic() - started < 3
    assert page.locator(".jp-InputPrompt", has_text="[*]").count() == 1
    rows(notebook, 1).filter(has_text="tool 0").click()
    page.get_by_text("The kernel is busy").wait_for()
    # The previews came with the rows.
    assert "fetched" in page.locator(".nbt-details").inner_text()
    page.get_by_text("The kernel is busy").wait_for(state="detached")
    assert "fetched" in page.locator(".nbt-details").inner_text()
    assert rows(notebook, 1).count() == 5
    assert notebook.ask("display_.tree.selected.name") == "'tool 0'"
    assert notebook.ask("display_.tree.selected.outputs") == "'fetched'"
    # The static twin is there and hidden.
    assert page.locator(".nbtrace-static").count() == 1
    assert not page.locator(".nbtrace-static").is_visible()


def test_selection_from_the_kernel(lab, page):
    lab.write("select.ipynb", SETUP, FINISHED, "tree.selected = '0000000000000007'")
    notebook = Notebook(lab, page, "select.ipynb")
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    rows(notebook, 1).first.wait_for()
    notebook.run_to_end(2)
    page.locator(".nbt-row[aria-selected=true]", has_text="fetch page").wait_for()
    page.locator(".nbt-error", has_text="no answer after 30 s").wait_for()


def test_keys_stay_in_the_tree(lab, page):
    lab.write("keys.ipynb", SETUP, FINISHED, "1", "2")
    notebook = Notebook(lab, page, "keys.ipynb")
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    rows(notebook, 1).first.click()
    grid = page.locator(".nbt-grid")
    grid.focus()
    for key in ("x", "d", "d", "a", "b", "m", "y", "0", "0"):
        page.keyboard.press(key)
    assert notebook.cells() == 4
    # "b" is a key of the tree, too: its view keeps keys from the notebook as well.
    page.get_by_role("region", name="Spans by name").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.activeElement?.classList.contains('nbt-grid')")
    page.keyboard.press("End")
    page.locator(".nbt-active", has_text="left open").wait_for()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    page.locator(".nbt-row[aria-expanded=false]").wait_for()
    assert rows(notebook, 1).count() == 1
    page.keyboard.press("]")
    page.keyboard.press("e")
    page.locator(".nbt-row[aria-selected=true]", has_text="fetch page").wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard").wait_for()
    # One thing at a time: the help, then the details.
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Keyboard").wait_for(state="detached")
    page.keyboard.press("Escape")
    page.locator(".nbt-details").wait_for(state="detached")
    assert notebook.cells() == 4


def test_saved_and_reopened(lab, page):
    lab.write("saved.ipynb", SETUP, FINISHED)
    notebook = Notebook(lab, page, "saved.ipynb")
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    rows(notebook, 1).first.wait_for()
    saved = notebook.save()
    outputs = saved["cells"][1]["outputs"]
    assert len(json.dumps(outputs)) + len(json.dumps(saved["metadata"])) < GROWTH_BYTES
    assert "search documents" in "".join(outputs[0]["data"]["text/html"])
    shutdown = "window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"
    page.evaluate(f"{shutdown}.then(() => null)")
    # Trusted: your own notebook, the next day, in another page.
    reopened = Notebook(lab, page, "saved.ipynb")
    page.locator(".nbtrace-static").get_by_text("search documents").wait_for()
    assert page.evaluate(TRUSTED) == [True, True]
    # What an untrusted notebook loses is the style sheet.
    sheets = page.locator(".jp-OutputArea-output style")
    assert sheets.count() == 1
    assert not page.get_by_text("Error displaying widget").is_visible()
    assert reopened.cells() == 2
    # Untrusted: somebody else's notebook.
    copy = json.dumps(saved).replace("search documents", "search documents again")
    (lab.notebooks / "foreign.ipynb").write_text(copy)
    Notebook(lab, page, "foreign.ipynb")
    page.locator(".nbtrace-static").get_by_text("search documents again").wait_for()
    assert page.evaluate(TRUSTED) == [False, False]
    assert sheets.count() == 0
    bars = page.locator(".nbtrace-static summary > div")
    lefts = [bars.nth(place).bounding_box()["x"] for place in range(bars.count())]
    # All bars start from the same edge: the root's is the leftmost.
    assert min(lefts) == lefts[0]


def test_tree_survives_clear_output(lab, page):
    lab.write("clear.ipynb", SETUP, CLEARING)
    notebook = Notebook(lab, page, "clear.ipynb")
    notebook.run_to_end(0)
    notebook.run(1)
    rows(notebook, 1).first.wait_for()
    gaps = 0
    while page.locator(".jp-InputPrompt", has_text="[*]").count():
        gaps += not page.locator(".nbt-row").count()
        time.sleep(0.02)
    assert gaps == 0
    rows(notebook, 1).filter(has_text="tool 7").wait_for()
    assert page.locator(".nbt").count() == 1
    assert not page.locator(".nbtrace-static").is_visible()
    assert "step 7" in notebook.cell(1).inner_text()


def test_two_trees_do_not_hide_each_other(lab, page):
    two = (
        "from nbtrace.widgets import SpanTree\nfor _ in range(2):\n    display(SpanTree(example()))"
    )
    lab.write("two.ipynb", SETUP, two)
    notebook = Notebook(lab, page, "two.ipynb")
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    page.locator(".nbt").nth(1).locator(".nbt-row").first.wait_for()
    assert [page.locator(".nbt").nth(place).is_visible() for place in range(2)] == [True, True]
    assert not page.locator(".nbtrace-static").first.is_visible()


def test_a_reload_is_live_again(lab, page):
    lab.write("reload.ipynb", SETUP, FINISHED)
    notebook = Notebook(lab, page, "reload.ipynb")
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    rows(notebook, 1).first.wait_for()
    notebook.save()
    again = Notebook(lab, page, "reload.ipynb")
    rows(again, 1).nth(5).wait_for()


def test_large_trace(lab, page):
    lab.write(
        "large.ipynb",
        SETUP,
        "trace = large(100_000)",
        "display_ = TreeDisplay(trace); display_.show()",
    )
    notebook = Notebook(lab, page, "large.ipynb")
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    notebook.run(2)
    rows(notebook, 2).nth(10).wait_for()
    # Only what can be seen is drawn.
    page.get_by_text("100,000 spans").wait_for()
    page.locator(".nbt-grid").focus()
    page.keyboard.press("]")
    page.locator(".nbt-grid[aria-rowcount='100001']").wait_for()
    page.keyboard.press("End")
    page.locator(".nbt-active", has_text="step 8420").wait_for()
    assert rows(notebook, 2).count() < 60
    saved = notebook.save()
    assert len(json.dumps(saved["cells"][2]["outputs"])) < GROWTH_BYTES
