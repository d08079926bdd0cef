"""The example notebook that groups and plots spans."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "analysis.ipynb"


def test_it_is_clean_and_names_its_kernel() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("matplotlib")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")
    }
    environment["NBTRACE_DIR"] = str(tmp_path / ".nbtrace")
    environment["MPLCONFIGDIR"] = str(tmp_path / "matplotlib")
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute(env=environment)
    outputs = {cell["id"]: cell.get("outputs", []) for cell in notebook.cells}
    text = {name: json.dumps(found) for name, found in outputs.items()}
    # Nothing is complained of on the way; matplotlib may say that it looks for fonts.
    for name in text.keys() - {"time", "cost-plot"}:
        assert "stderr" not in text[name], text[name]
    for column in ("p50", "p95", "p99", "answer_question", "retrieve"):
        assert column in text["latency"]
    for plot in ("time", "cost-plot"):
        assert "image/png" in text[plot]
    rows = outputs["cost"][0]["data"]["text/plain"].splitlines()[2:]
    assert [row.split()[0] for row in rows] == ["gpt-4o", "gpt-4o-mini"]
    assert all(float(row.split()[-1]) > 0 for row in rows)
    assert "8 traces" in text["table"]
    assert text["selected"].count("answer_question") >= 8
