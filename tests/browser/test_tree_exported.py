"""The tree in notebooks that nbclient executes and nbconvert exports."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

SETUP = """import sys
sys.path += {paths!r}
from live_source import *
from nbtrace.widgets import TreeDisplay"""
CELLS = (SETUP, "TreeDisplay(example()).show()", "TreeDisplay(large(20_000)).show()")


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    import nbformat
    from nbclient import NotebookClient

    paths = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell.format(paths=paths)) for cell in CELLS]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    directory = tmp_path_factory.mktemp("executed")
    before = os.environ.get("IPYTHONDIR")
    os.environ["IPYTHONDIR"] = str(directory / "ipython")
    try:
        NotebookClient(notebook, timeout=60).execute()
    finally:
        if before is None:
            del os.environ["IPYTHONDIR"]
        else:
            os.environ["IPYTHONDIR"] = before
    return notebook


def test_growth_as_nbclient_saves(executed):
    states = executed.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    # A widget and its layout for each of the two cells.
    saved_states = len(json.dumps(states))
    outputs = [len(json.dumps(cell.outputs)) for cell in executed.cells[1:]]
    assert sum(outputs) + saved_states < 2 * 100_000
    assert max(outputs) + saved_states < 100_000


def test_exported_html_shows_the_static_tree(executed, page, tmp_path):
    from nbconvert import HTMLExporter

    text, _ = HTMLExporter().from_notebook_node(executed)
    file = tmp_path / "exported.html"
    file.write_text(text)
    page.context.set_offline(True)
    page.goto(file.as_uri(), wait_until="domcontentloaded")
    trees = page.locator(".nbtrace-static")
    assert trees.count() == 2
    assert trees.first.get_by_text("search documents").is_visible()
    assert "not shown here" in trees.nth(1).inner_text()


def test_exported_markdown_holds_the_tree(executed):
    from nbconvert import MarkdownExporter

    text, _ = MarkdownExporter().from_notebook_node(executed)
    assert "<b>search documents</b>" in text
    # Whoever has no use for HTML gets the tree in words.
    exporter = MarkdownExporter()
    exporter.config.NbConvertBase.display_data_priority = ["text/markdown", "text/plain"]
    exporter = MarkdownExporter(config=exporter.config)
    text, _ = exporter.from_notebook_node(executed)
    assert "├─ search documents  RETRIEVER  270 ms" in text
    assert "<" not in text.split("````text")[1].split("````")[0].replace("<html>", "")
