"""Real ``%%trace`` cells in Notebook 7, and as nbclient and nbconvert leave them."""

from __future__ import annotations

import json
import os
import time

import pytest
from conftest import ROOT, Notebook, Server

pytestmark = pytest.mark.browser

SETUP = "%load_ext nbtrace\nimport nbtrace, time\nfrom IPython.display import clear_output"
STREAMING = """%%trace streaming
for number in range(12):
    with nbtrace.start_span(f"token {number}", span_type="LLM"):
        time.sleep(0.1)
    clear_output(wait=True)
    print("word", number)"""
FAILING = """%%trace failing
@nbtrace.trace
def divide(numerator, denominator):
    return numerator / denominator
divide(3, 0)"""
BARE = "nbtrace.get_trace(nbtrace.get_last_active_trace_id())"


@pytest.fixture(scope="module")
def notebook_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("notebook"), "notebook")
    yield server
    server.close()


def test_live_in_notebook_7(notebook_server, page):
    notebook_server.write("live.ipynb", SETUP, STREAMING, BARE)
    notebook = Notebook(notebook_server, page, "live.ipynb", application="notebook")
    notebook.run_to_end(0)
    notebook.run(1)
    tree = notebook.cell(1).locator(".nbt")
    tree.locator(".nbt-row").nth(2).wait_for()
    assert page.locator(".jp-InputPrompt", has_text="[*]").count() == 1
    gaps = 0
    while page.locator(".jp-InputPrompt", has_text="[*]").count():
        gaps += not page.locator(".nbt-row").count()
        time.sleep(0.02)
    assert gaps == 0
    notebook.row(1, "token 11").click()
    tree.locator(".nbt-details h3", has_text="token 11").wait_for()
    assert "word 11" in notebook.cell(1).inner_text()
    notebook.run_to_end(2)
    notebook.row(2, "token 3").wait_for()
    assert page.locator(".nbtrace-static").count() == 2
    assert not any(item.is_visible() for item in page.locator(".nbtrace-static").all())


def test_exported_by_nbconvert(page, tmp_path):
    import nbformat
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    cells = (SETUP, STREAMING, BARE, FAILING)
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    client = NotebookClient(document, timeout=60, allow_errors=True)
    client.execute(
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.getenv("PYTHONPATH")])]),
            "NBTRACE_DIR": str(tmp_path / ".nbtrace"),
            "IPYTHONDIR": str(tmp_path / "ipython"),
        }
    )
    text, _ = HTMLExporter().from_notebook_node(document)
    assert len(json.dumps(document)) < 3 * 100_000
    file = tmp_path / "exported.html"
    file.write_text(text)
    page.context.set_offline(True)
    page.set_viewport_size({"width": 600, "height": 900})
    page.goto(file.as_uri(), wait_until="domcontentloaded")
    trees = page.locator(".nbtrace-static")
    assert trees.count() == 3
    assert all(tree.is_visible() for tree in trees.all())
    assert "token 11" in trees.nth(0).inner_text()
    assert "token 11" in trees.nth(1).inner_text()
    assert "✗ ZeroDivisionError: division by zero" in trees.nth(2).inner_text()
    # The error in the saved notebook's own traceback stands below the tree.
    assert page.get_by_text("ZeroDivisionError").count() >= 2
