"""Real ``%%trace`` cells in a real JupyterLab: what a person sees while and after they run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Notebook

pytestmark = pytest.mark.browser

SETUP = "%load_ext nbtrace\nimport nbtrace, time\nfrom IPython.display import clear_output"
QUICKSTART = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"
SLOW = """%%trace slow
@nbtrace.trace(span_type="TOOL")
def fetch(number):
    time.sleep(0.4)
    return {"number": number, "text": "fetched"}
with nbtrace.start_span("outer", span_type="CHAIN"):
    for number in range(100):
        fetch(number)"""
STREAMING = """%%trace streaming
text = ""
for number in range(30):
    with nbtrace.start_span(f"token {number}", span_type="LLM"):
        time.sleep(0.1)
    text += f"word{number} "
    clear_output(wait=True)
    print(text)"""
# In the page, frame by frame: whoever looks from outside misses most of them.
LOOK_AT_EACH_FRAME = """() => {
  window.looks = { frames: 0, gaps: 0, ended: false };
  const look = () => {
    const prompts = [...document.querySelectorAll(".jp-InputPrompt")];
    looks.ended = !prompts.some((prompt) => prompt.innerText.includes("[*]"));
    if (!looks.ended) {
      looks.frames += 1;
      looks.gaps += document.querySelector(".nbt-row") === null;
      requestAnimationFrame(look);
    }
  };
  look();
}"""
FAILING = """%%trace failing
@nbtrace.trace
def divide(numerator, denominator):
    return numerator / denominator
divide(3, 0)"""
OUTPUT_WIDGET = """%%trace 'output widget'
import ipywidgets
box = ipywidgets.Output()
display(box)
with box:
    for number in range(3):
        clear_output(wait=True)
        with nbtrace.start_span('kind 3'):
            print('in the box', number)"""
AWAITING = """%%trace awaiting
import asyncio
async def step(number):
    with nbtrace.start_span('kind 4'):
        await asyncio.sleep(0.01)
    return number
await asyncio.gather(*(step(number) for number in range(3)))"""
PROGRESS = """%%trace bar
from ipywidgets import IntProgress
bar = IntProgress(max=5)
display(bar)
for _ in range(5):
    bar.value += 1
    with nbtrace.start_span('kind 7'):
        pass"""
# Cells of all kinds, each with what is left of the person's own output below it.
KINDS = (
    ("%%trace captured\n%%capture\nwith nbtrace.start_span('kind 1'): print('swallowed')", ""),
    ("%%capture\n%%trace\nwith nbtrace.start_span('kind 2'): print('swallowed')", ""),
    (OUTPUT_WIDGET, "in the box 2"),
    (AWAITING, "[0, 1, 2]"),
    ("%%trace timed\n%%time\nwith nbtrace.start_span('kind 5'): pass\n40 + 2", "Wall time"),
    ("%%time\n%%trace 'timed above'\nwith nbtrace.start_span('kind 6'): pass\n40 + 2", "Wall time"),
    (PROGRESS, ""),
)


@pytest.fixture(scope="module")
def quickstart(lab):
    """Write the quickstart beside the other notebooks and return the places of its code cells."""
    (lab.notebooks / "quickstart.ipynb").write_text(QUICKSTART.read_text())
    cells = json.loads(QUICKSTART.read_text())["cells"]
    return [place for place, cell in enumerate(cells) if cell["cell_type"] == "code"]


def opened(lab, page, name: str, *cells: str) -> Notebook:
    lab.write(name, SETUP, *cells)
    notebook = Notebook(lab, page, name)
    notebook.run_to_end(0)
    return notebook


def rows(notebook: Notebook, cell: int):
    return notebook.cell(cell).locator(".nbt-row")


def is_running(page) -> bool:
    return page.locator(".jp-InputPrompt", has_text="[*]").count() > 0


def lightness(page, selector: str) -> float:
    """Return how light an element's ground is, 0 to 255."""
    colour = page.locator(selector).first.evaluate("e => getComputedStyle(e).backgroundColor")
    return sum(map(int, colour.strip("rgba()").split(",")[:3])) / 3


def test_the_quickstart(lab, page, quickstart):
    notebook = Notebook(lab, page, "quickstart.ipynb")
    traced = quickstart[2]
    for place in quickstart[:3]:
        notebook.run_to_end(place)
    rows(notebook, traced).nth(11).wait_for()
    details = notebook.cell(traced).locator(".nbt-details")
    notebook.row(traced, "chat.completions").first.click()
    details.get_by_text("503").first.wait_for()
    details.get_by_role("heading", name="Messages").wait_for()
    details.get_by_text("Answer the question from the numbered passages").first.wait_for()
    notebook.row(traced, "retrieve").click()
    details.get_by_role("heading", name="Documents").wait_for()
    details.get_by_text("math.comb").first.wait_for()
    # The first row is the cell; its panel shows the code.
    rows(notebook, traced).first.click()
    details.get_by_text("%%trace choose").wait_for()
    # What the tree says is what the DataFrame says.
    tokens = notebook.ask("int(nbtrace.search_traces(max_results=1).tokens[0])")
    assert f"{tokens} tokens" in notebook.cell(traced).locator(".nbt-header").inner_text()
    assert lightness(page, ".nbt") > 200
    page.evaluate(
        "window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    )
    page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
    assert lightness(page, ".nbt") < 60
    assert lightness(page, ".nbt-details") < 60
    page.evaluate(
        "window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})"
    )
    page.locator("body[data-jp-theme-light=true]").wait_for(state="attached")
    notebook.run_to_end(quickstart[-1])


def test_a_running_cell_that_is_interrupted(lab, page):
    notebook = opened(lab, page, "interrupted.ipynb", SLOW)
    notebook.run(1)
    rows(notebook, 1).nth(3).wait_for()
    assert is_running(page)
    rows(notebook, 1).nth(2).click()
    details = notebook.cell(1).locator(".nbt-details")
    details.get_by_text("fetched").wait_for()
    assert is_running(page)
    page.evaluate("window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    page.locator(".nbt-row.nbt-is-error", has_text="slow").wait_for()
    page.locator(".nbt-header .nbt-state-error").wait_for()
    assert page.locator(".nbt-is-open").count() == 0
    rows(notebook, 1).first.click()
    details.locator(".nbt-error", has_text="KeyboardInterrupt").wait_for()
    shown = "nbtrace.get_trace(nbtrace.get_last_active_trace_id()).info.state.value"
    assert notebook.ask(shown) == "'ERROR'"
    html = "".join(notebook.save()["cells"][1]["outputs"][0]["data"]["text/html"])
    assert "✗ KeyboardInterrupt" in html
    assert "running" not in html


def test_a_streaming_loop_keeps_the_tree(lab, page):
    notebook = opened(lab, page, "streaming.ipynb", STREAMING)
    notebook.run(1)
    rows(notebook, 1).first.wait_for()
    page.evaluate(LOOK_AT_EACH_FRAME)
    page.wait_for_function("looks.ended")
    looks = page.evaluate("looks")
    assert (looks["gaps"], looks["frames"] > 10) == (0, True)
    notebook.row(1, "token 11").wait_for()
    assert page.locator(".nbt").count() == 1
    assert not page.locator(".nbtrace-static").is_visible()
    assert "word14" in notebook.cell(1).inner_text()


def test_an_error_is_readable(lab, page):
    notebook = opened(lab, page, "failing.ipynb", FAILING)
    notebook.run(1)
    # One click leads past the cell, which failed because of it, to the call that failed.
    page.locator(".nbt-header .nbt-errors", has_text="2 errors").click()
    page.locator(".nbt-row[aria-selected=true]", has_text="divide").wait_for()
    details = notebook.cell(1).locator(".nbt-details")
    details.locator(".nbt-error", has_text="ZeroDivisionError: division by zero").wait_for()
    details.locator(".nbt-key", has_text="numerator").wait_for()
    details.get_by_text("Stack trace").click()
    assert "return numerator / denominator" in details.inner_text()
    # The notebook's own traceback stands below the tree, with the cell's lines.
    traceback = notebook.cell(1).locator(".jp-OutputArea-output[data-mime-type*=stderr]")
    assert "----> 5 divide(3, 0)" in traceback.inner_text()


def test_cells_of_all_kinds_show_one_tree_each(lab, page):
    notebook = opened(lab, page, "kinds.ipynb", *(source for source, _ in KINDS))
    for place, (_, text) in enumerate(KINDS, 1):
        notebook.run_to_end(place)
        cell = notebook.cell(place)
        notebook.row(place, f"kind {place}").first.wait_for()
        assert cell.locator(".nbt").count() == 1
        assert not cell.locator(".nbtrace-static").is_visible()
        if text:
            cell.get_by_text(text).first.wait_for()
        assert "swallowed" not in cell.locator(".jp-Cell-outputArea").inner_text()


def test_every_cell_the_last_trace_and_a_bare_trace(lab, page):
    notebook = opened(
        lab,
        page,
        "switched.ipynb",
        "%trace on --tag mode=all",
        "with nbtrace.start_span('by itself'): pass",
        "%trace off",
        "%trace last",
        "trace = nbtrace.search_traces(return_type='list', max_results=1)[0]\ntrace",
        "%%trace another\ntrace",
    )
    for place in range(1, 7):
        notebook.run_to_end(place)
    for place in (2, 4, 5):
        notebook.row(place, "by itself").click()
        notebook.cell(place).locator(".nbt-details h3", has_text="by itself").wait_for()
        assert notebook.cell(place).locator(".nbt").count() == 1
    # A traced cell whose value is a trace shows both, one below the other.
    notebook.cell(6).locator(".nbt").nth(1).wait_for()
    headers = notebook.cell(6).locator(".nbt-header strong").all_inner_texts()
    assert [text.strip() for text in headers] == ["another", "In [3]"]
    assert not page.locator(".nbtrace-static").first.is_visible()
    outputs = notebook.save()["cells"][5]["outputs"]
    assert "by itself" in "".join(outputs[0]["data"]["text/html"])


def test_saved_and_reopened_on_a_narrow_page(lab, page):
    work = "%%trace saved\nwith nbtrace.start_span('inner', span_type='TOOL'): 'a value'"
    notebook = opened(lab, page, "narrow.ipynb", work)
    notebook.run_to_end(1)
    rows(notebook, 1).nth(1).wait_for()
    page.set_viewport_size({"width": 600, "height": 900})
    rows(notebook, 1).nth(1).click()
    page.locator(".nbt-details").wait_for()
    overflows = "e => e.scrollWidth > e.clientWidth + 1"
    for selector in (".nbt", ".nbt-header", ".nbt-grid", ".nbt-details"):
        assert not page.locator(selector).evaluate(overflows), selector
    names = page.locator(".nbt-text")
    assert all(names.nth(place).bounding_box()["width"] > 25 for place in range(2))
    notebook.save()
    page.evaluate(
        "window.jupyterapp.shell.currentWidget.sessionContext.shutdown().then(() => null)"
    )
    Notebook(lab, page, "narrow.ipynb")
    page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    static = page.locator(".nbtrace-static")
    static.get_by_text("inner", exact=True).wait_for()
    page.wait_for_function(f"({overflows})(document.querySelector('.nbtrace-static')) === false")
    assert not page.get_by_text("Error displaying widget").is_visible()
