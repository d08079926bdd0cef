"""The table in a real JupyterLab: finding, opening, changing and saving traces."""

from __future__ import annotations

import json

import pytest
from conftest import Notebook

pytestmark = pytest.mark.browser

SETUP = """import nbtrace
def record(number, group):
    try:
        with nbtrace.start_span(f"step {number}", span_type="AGENT") as span:
            nbtrace.update_current_trace(tags={"group": group})
            span.set_inputs({"question": f"what is {number}?"})
            if number % 10 == 0:
                raise ValueError("no answer")
    except ValueError:
        pass
nbtrace.delete_traces("0", max_timestamp_millis=2**50)
for number in range(300):
    record(number, f"g{number % 3}")
nbtrace.flush()"""
SHOWN = "table = nbtrace.TraceTable()\ntable"
# A call that keeps the interpreter's lock: no thread of the kernel can answer beside it.
BUSY = "import ctypes; ctypes.PyDLL(None).sleep(5)"
LISTED = "nbtrace.search_traces(\"state = 'ERROR'\", return_type='list')"
PART = f"part = {LISTED}; del part[2:]; part"
GROWTH_BYTES = 100_000


@pytest.fixture
def notebook(lab, page):
    lab.write("table.ipynb", SETUP, SHOWN, BUSY, "1", LISTED, PART)
    opened = Notebook(lab, page, "table.ipynb")
    opened.run_to_end(0)
    opened.run_to_end(1)
    page.locator(".nbt-figures", has_text="300").wait_for()
    return opened


def rows(page):
    return page.locator(".nbt-trace")


def names(page):
    return page.locator(".nbt-cell-name b")


def test_keys_move_sort_filter_and_open(notebook, page):
    grid = page.get_by_role("grid", name="Traces")
    assert grid.get_attribute("aria-rowcount") == "301"
    # Only what can be seen is drawn.
    assert rows(page).count() < 40
    grid.focus()
    page.keyboard.press("End")
    page.locator(".nbt-active", has_text="step 0").wait_for()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    page.locator("[aria-sort=ascending]", has_text="Name").wait_for()
    names(page).first.get_by_text("step 0", exact=True).wait_for()
    assert notebook.ask("table.order_by") == "['name ASC']"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("f")
    page.locator(".nbt-pill", has_text="state = 'ERROR'").wait_for()
    page.locator(".nbt-figures", has_text="30").wait_for()
    assert notebook.ask("table.filter") == "\"state = 'ERROR'\""
    page.keyboard.press("Enter")
    page.locator(".nbt-opened .nbt-row", has_text="step 0").wait_for()
    page.keyboard.press("ArrowDown")
    page.locator(".nbt-opened .nbt-row", has_text="step 10").wait_for()
    page.get_by_text("2 of 30").wait_for()
    page.keyboard.press("Escape")
    page.locator(".nbt-opened").wait_for(state="detached")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard").wait_for()
    # Keys that mean something to the notebook stay in the table.
    for key in ("Escape", "b", "d", "d", "y", "m", "0", "0"):
        page.keyboard.press(key)
    assert notebook.cells() == 6


def test_filter_from_python_text_box_and_fault(notebook, page):
    notebook.ask("setattr(table, 'filter', \"tags.group = 'g1'\")")
    page.locator(".nbt-pill", has_text="tags.group = 'g1'").wait_for()
    page.locator(".nbt-figures", has_text="100").wait_for()
    box = page.get_by_role("searchbox")
    box.fill("what is 4")
    box.press("Enter")
    page.locator(".nbt-pill").nth(1).wait_for()
    expected = "\"tags.group = 'g1' AND text ILIKE '%what is 4%'\""
    page.wait_for_timeout(100)
    assert notebook.ask("table.filter") == expected
    page.get_by_role("button", name="</>").click()
    text = page.get_by_label("The filter as text")
    text.fill("stat = 'OK'")
    text.press("Enter")
    page.get_by_role("alert").get_by_text("did you mean 'state'").wait_for()
    assert notebook.ask("table.filter") == expected
    page.get_by_role("button", name="Clear").click()
    page.locator(".nbt-figures", has_text="300").wait_for()


def test_brush_select_tag_delete_and_undo(notebook, page):
    # The bars of the time are there without a word from the person.
    bars = page.locator(".nbt-bars").first
    bars.locator("path").wait_for()
    box = bars.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 9, steps=4)
    page.mouse.up()
    page.locator(".nbt-pill", has_text="start_time BETWEEN").wait_for()
    page.get_by_role("button", name="Show all of Time").click()
    page.locator(".nbt-pill").wait_for(state="detached")
    page.locator(".nbt-figures", has_text="300").wait_for()
    names(page).first.click(modifiers=["Control"])
    names(page).nth(9).click(modifiers=["Shift"])
    page.get_by_text("10 selected").wait_for()
    page.wait_for_timeout(300)
    assert notebook.ask("len(table.selected), len(table.to_pandas())") == "(10, 10)"
    page.keyboard.press("t")
    page.wait_for_function("() => document.activeElement?.ariaLabel === 'Key of the tag'")
    page.keyboard.type("reviewed")
    page.keyboard.press("Tab")
    page.keyboard.type("yes")
    page.keyboard.press("Enter")
    page.locator(".nbt-tag", has_text="reviewed").first.wait_for()
    assert notebook.ask("nbtrace.count_traces(\"tags.reviewed = 'yes'\")") == "10"
    page.keyboard.press("Delete")
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    page.get_by_text("10 traces deleted").wait_for()
    page.locator(".nbt-figures", has_text="290").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator(".nbt-figures", has_text="300").wait_for()
    assert notebook.ask("nbtrace.count_traces(\"tags.reviewed = 'yes'\")") == "10"


def test_groups_filter_and_keep_their_place_in_the_next_table(notebook, page):
    grid = page.get_by_role("grid", name="Traces")
    grid.focus()
    page.keyboard.press("b")
    groups = page.get_by_role("region", name="Groups")
    by = groups.get_by_label("Group by")
    groups.get_by_text("300 groups").wait_for()
    by.locator("option", has_text="tag group").wait_for(state="attached")
    by.select_option("tags.group")
    groups.get_by_text("3 groups").wait_for()
    first = groups.get_by_role("row", name="g0")
    assert first.inner_text().split()[:3] == ["g0", "100", "10"]
    # One stop of the tabulator, arrows inside.
    values = groups.locator("tbody button")
    second = values.nth(1).inner_text()
    values.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator(".nbt-pill", has_text=f"= '{second}'").wait_for()
    page.locator(".nbt-figures", has_text="100").wait_for()
    groups.get_by_text("1 group", exact=True).wait_for()
    found = notebook.ask("set(table.to_pandas(include_spans=False).tags.map(lambda t: t['group']))")
    assert found == f"{{'{second}'}}"
    page.wait_for_timeout(600)
    # What was arranged is in the store: the next table begins with it, in whatever page.
    notebook.run_to_end(1)
    page.get_by_role("region", name="Groups").get_by_text("3 groups").wait_for()
    page.get_by_role("button", name="Groups").click()
    page.get_by_role("region", name="Groups").wait_for(state="detached")
    page.wait_for_timeout(600)


def test_nothing_is_in_the_way_of_a_screen_reader(notebook, page, axe):
    for name in ("Facets", "Groups"):
        page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("region", name="Groups").get_by_text("300 groups").wait_for()
    names(page).first.click()
    page.locator(".nbt-opened .nbt-row").first.wait_for()
    page.add_script_tag(path=axe)
    found = page.evaluate(
        """async () => (await axe.run(".nbt-table-root")).violations.map(
          ({ id, nodes }) => id + ": " + nodes.map(({ html }) => html.slice(0, 200)).join(" | "))"""
    )
    assert found == []
    for name in ("Facets", "Groups"):
        page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_timeout(600)


def test_a_list_of_traces_is_shown_as_a_table(notebook, page):
    notebook.run_to_end(4)
    cell = notebook.cell(4)
    cell.locator(".nbt-figures", has_text="30").wait_for()
    cell.locator(".nbt-pill", has_text="state = 'ERROR'").wait_for()
    assert notebook.ask("type(_), len(_)").endswith("30)")
    notebook.run_to_end(5)
    page.locator(".nbt-pill", has_text="2 ids").wait_for()
    assert notebook.cell(5).locator(".nbt-trace").count() == 2


def test_export_is_a_file_of_the_browser(notebook, page, tmp_path):
    notebook.ask("setattr(table, 'filter', \"state = 'ERROR'\")")
    page.locator(".nbt-figures", has_text="30").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="JSON").click()
    path = tmp_path / "found.json"
    waiting.value.save_as(path)
    assert waiting.value.suggested_filename == "traces.json"
    found = json.loads(path.read_text())
    assert len(found) == 30
    assert {item["state"] for item in found} == {"ERROR"}


def test_new_traces_are_announced(notebook, page):
    names(page).first.get_by_text("step 299").wait_for()
    notebook.ask("record(1_000, 'new'), nbtrace.flush()")
    page.get_by_role("button", name="1 new").wait_for()
    assert names(page).first.inner_text() == "step 299"
    page.get_by_role("button", name="1 new").click()
    names(page).first.get_by_text("step 1000").wait_for()


def test_a_busy_kernel_leaves_what_is_there(notebook, page):
    notebook.run(2)
    page.locator(".jp-InputPrompt", has_text="[*]").wait_for()
    assert names(page).first.inner_text() == "step 299"
    page.get_by_role("grid", name="Traces").focus()
    page.keyboard.press("End")
    # The place of the last rows is there at once, what they hold is not, and the reason is said.
    page.get_by_text("kernel busy").wait_for()
    assert page.locator(".jp-InputPrompt", has_text="[*]").count() == 1
    assert page.locator(".nbt-bone").count() > 10
    assert page.locator(".nbt-active", has_text="step 0").count() == 0
    page.keyboard.press("Home")
    names(page).first.get_by_text("step 299", exact=True).wait_for()
    assert page.locator(".jp-InputPrompt", has_text="[*]").count() == 1
    page.keyboard.press("End")
    page.locator(".nbt-active", has_text="step 0").wait_for()
    assert page.locator(".nbt-bone").count() == 0
    page.get_by_text("kernel busy").wait_for(state="detached")


def test_saved_and_reopened(lab, notebook, page):
    saved = notebook.save()
    outputs = saved["cells"][1]["outputs"]
    assert len(json.dumps(outputs)) + len(json.dumps(saved["metadata"])) < GROWTH_BYTES
    page_of = "".join(outputs[0]["data"]["text/html"])
    # Texts in the saved rows do not wrap.
    assert "step\N{NO-BREAK SPACE}299" in page_of
    copy = json.dumps(saved, ensure_ascii=False)
    copy = copy.replace("step\N{NO-BREAK SPACE}299", "step\N{NO-BREAK SPACE}299 again")
    (lab.notebooks / "foreign_table.ipynb").write_text(copy)
    Notebook(lab, page, "foreign_table.ipynb")
    page.locator(".nbtrace-static").get_by_text("step 299 again").wait_for()
    page.locator(".nbtrace-static").get_by_text("… 250 more traces").wait_for()
