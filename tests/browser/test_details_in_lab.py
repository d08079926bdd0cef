"""The panel in JupyterLab: stored traces of every convention, feedback and tags both ways."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Notebook

pytestmark = pytest.mark.browser

TESTS = Path(__file__).parents[1]
SETUP = f"""import sys
sys.path.insert(0, {str(TESTS)!r})
import nbtrace
from nbtrace.entities import Trace
from nbtrace.widgets import SpanTree
from test_otel_conventions import load
from nbtrace.otel.conventions import merge_log_events"""
STORED = """with nbtrace.start_span("answer", span_type="AGENT") as span:
    span.set_inputs({"question": "Is it raining?"})
    span.set_outputs("**No.**")
nbtrace.flush()
tree = SpanTree(nbtrace.get_trace(span.trace_id))
tree.selected_id = span.span_id
tree"""
TAGGED = "nbtrace.set_trace_tag(span.trace_id, 'reviewed', 'in python')"
FAMILY = """spans, logs = load("{family}")["{case}"]
family_tree = SpanTree(Trace.from_spans(merge_log_events(spans, logs)))
family_tree.selected_id = [one.span_id for one in spans if "gen_ai" in str(one.raw_attributes)
                           or "llm" in str(one.raw_attributes) or "ai.op" in str(one.raw_attributes)
                           or "mlflow.chat" in str(one.raw_attributes)][{place}]
family_tree"""
SEEN = (
    ("mlflow", "chat_tools", 0),
    ("openinference", "chat_tools", 1),
    ("otel_genai_latest", "chat_tools", 1),
    ("openllmetry", "chat_tools", 1),
    ("openllmetry_legacy", "chat_tools", 1),
    ("logfire", "chat_tools", 1),
    ("vercel_ai", "chat_tools", 2),
)


def test_feedback_and_tags_both_ways(lab, page):
    lab.write("feedback.ipynb", SETUP, STORED, TAGGED)
    notebook = Notebook(lab, page, "feedback.ipynb")
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    panel = page.locator(".nbt-details")
    panel.locator(".nbt-markdown strong", has_text="No.").wait_for()
    panel.get_by_role("button", name="Good").click()
    panel.get_by_role("button", name="Good", pressed=True).wait_for()
    panel.get_by_role("button", name="Add a note").click()
    panel.get_by_role("textbox", name="Note on the feedback").fill("short and right")
    panel.get_by_role("button", name="Save").click()
    panel.locator(".nbt-assessments").get_by_text("short and right").wait_for()
    stored = "[(a.value, a.rationale) for a in nbtrace.get_trace(span.trace_id).info.assessments]"
    assert notebook.ask(stored) == "[(True, 'short and right')]"
    panel.get_by_role("button", name="Tags of the trace").click()
    panel.get_by_role("textbox", name="Key of a new tag").fill("topic")
    panel.get_by_role("textbox", name="Value of a new tag").fill("weather")
    page.keyboard.press("Enter")
    panel.get_by_role("row", name="topic").get_by_text("weather").wait_for()
    assert notebook.ask("nbtrace.get_trace(span.trace_id).info.tags['topic']") == "'weather'"
    # What Python sets is seen without a click.
    notebook.run_to_end(2)
    panel.get_by_role("row", name="reviewed").get_by_text("in python").wait_for()
    row = panel.get_by_role("row", name="topic")
    row.hover()
    row.get_by_role("button", name="Edit the tag topic").click()
    panel.get_by_role("textbox", name="Value of topic").fill("rain")
    page.keyboard.press("Enter")
    panel.get_by_role("row", name="topic").get_by_text("rain").wait_for()
    assert notebook.cells() == 3
    _photograph(page, "feedback")


def test_every_convention_tells_its_tool_call(lab, page):
    cells = [FAMILY.format(family=family, case=case, place=place) for family, case, place in SEEN]
    lab.write("families.ipynb", SETUP, *cells)
    notebook = Notebook(lab, page, "families.ipynb")
    notebook.run_to_end(0)
    for number, (family, _, _) in enumerate(SEEN, start=1):
        notebook.run_to_end(number)
        panel = notebook.cell(number).locator(".nbt-details")
        panel.locator(".nbt-call", has_text="get_weather").first.wait_for()
        assert "Paris" in panel.inner_text(), family
        if family != "mlflow":
            assert panel.locator(".nbt-returned").count() == 1, family
    _photograph(page, "families")


def _photograph(page, name):
    directory = os.environ.get("NBTRACE_SCREENSHOTS")
    if directory:
        page.screenshot(path=str(Path(directory) / f"details_{name}.png"))
