"""Pictures, sound and files beside the spans, in the panel and in a page without a kernel."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import Notebook
from media_samples import base64_of, data_url, png, wav
from plain_host import PlainHost

import nbtrace
from nbtrace.store import current_store
from nbtrace.store.attachments import trace_directory

pytestmark = pytest.mark.browser

TESTS = Path(__file__).parents[1]
ORIGIN = "http://attachments.test/"
WIDTH = 160
SHOWN = "img.nbt-image"


@pytest.fixture
def trace():
    asked = [
        {"type": "text", "text": f"What is ![the plot]({data_url(png(100, 90))})?"},
        {"type": "image_url", "image_url": {"url": data_url(png())}},
        {
            "type": "input_audio",
            "input_audio": {"data": base64_of(wav()), "format": "wav"},
        },
    ]
    with nbtrace.start_span("ask", span_type="CHAT_MODEL") as span:
        span.set_inputs({"messages": [{"role": "user", "content": asked}]})
        span.set_outputs({"choices": [{"message": {"role": "assistant", "content": "A plot."}}]})
        with nbtrace.start_span("look") as inner:
            inner.set_inputs({"picture": png(), "report": b"%PDF-1.7" + bytes(range(256)) * 40})
    found = nbtrace.get_trace(span.trace_id)
    assert sum(len(one.attachments) for one in found.data.spans) == 5
    return found


def show(page, trace, name):
    page.route(ORIGIN, lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto(ORIGIN)
    host = PlainHost(page, trace)
    select(page, trace, name)
    return host


def select(page, trace, name):
    [span] = trace.search_spans(name=name)
    page.evaluate("(id) => model.set('selected_id', id)", span.span_id)
    page.locator(".nbt-details h3", has_text=name).wait_for()


def width_of(page, picture):
    """Return how wide a picture is once its content is there."""
    picture.wait_for()
    page.wait_for_function("(one) => one.naturalWidth > 0", arg=picture.element_handle())
    return picture.evaluate("(one) => one.naturalWidth")


def test_a_message_shows_the_pictures_and_the_sound_that_were_taken_out(page, trace):
    show(page, trace, "ask")
    message = page.locator(".nbt-message").first
    assert width_of(page, message.get_by_alt_text("image of the message")) == WIDTH
    assert width_of(page, message.get_by_alt_text("the plot")) == 100
    page.wait_for_function("document.querySelector('.nbt-message audio')?.readyState > 0")
    assert message.locator("audio").evaluate("(one) => one.duration") == 1
    assert "audio/wav, 16.0 kB" in message.inner_text()


RUN_AXE = """async () => {
  const { violations } = await axe.run(".nbt-details", { resultTypes: ["violations"] });
  return violations.map((one) => `${one.impact} ${one.id}: ${one.nodes[0].html.slice(0, 200)}`);
}"""


@pytest.mark.parametrize("name", ["ask", "look"])
def test_axe_finds_nothing_serious(page, trace, axe, name):
    show(page, trace, name)
    page.locator(SHOWN).first.wait_for()
    page.add_script_tag(path=str(axe))
    found = page.evaluate(RUN_AXE)
    assert [one for one in found if one.startswith(("serious", "critical"))] == []


def test_a_value_shows_a_picture_and_saves_a_file(page, trace):
    show(page, trace, "look")
    tree = page.get_by_role("tree", name="Inputs")
    assert width_of(page, tree.locator(SHOWN)) == WIDTH
    with page.expect_download() as waiting:
        tree.get_by_role("button", name="Save application/pdf").click()
    assert waiting.value.suggested_filename.endswith(".pdf")
    assert waiting.value.path().read_bytes().startswith(b"%PDF-1.7")


def test_what_is_gone_says_so(page, trace):
    for path in trace_directory(current_store().directory, trace.info.trace_id).iterdir():
        path.unlink()
    show(page, trace, "look")
    page.get_by_text("it is not in this store").first.wait_for()


def test_a_page_without_a_kernel_shows_the_picture(page, trace, tmp_path: Path):
    path = tmp_path / "trace.html"
    trace.to_html(path)
    current_store().directory.rename(tmp_path / "elsewhere")
    [span] = trace.search_spans(name="ask")
    page.goto(f"{path.as_uri()}#span={span.span_id}")
    message = page.locator(".nbt-message").first
    assert width_of(page, message.get_by_alt_text("image of the message")) == WIDTH
    page.wait_for_function("document.querySelector('.nbt-message audio')?.readyState > 0")


TRACED = f"""import sys
sys.path.insert(0, {str(TESTS)!r})
from media_samples import png
%load_ext nbtrace"""
CELL = """%%trace look
import nbtrace
with nbtrace.start_span("see") as span:
    span.set_inputs({"picture": png(400, 300)})"""
MAX_GROWTH = 100_000


def test_a_traced_cell_in_lab_shows_its_picture_and_stays_small(lab, page):
    lab.write("picture.ipynb", TRACED, CELL)
    notebook = Notebook(lab, page, "picture.ipynb")
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    notebook.row(1, "see").click()
    tree = page.get_by_role("tree", name="Inputs")
    assert width_of(page, tree.locator(SHOWN)) == 400
    if os.environ.get("NBTRACE_SCREENSHOTS"):
        page.screenshot(path=f"{os.environ['NBTRACE_SCREENSHOTS']}/attachment.png")
    saved = json.dumps(notebook.save())
    assert "[image/png, 360.4 kB]" in saved
    assert len(saved) < MAX_GROWTH
