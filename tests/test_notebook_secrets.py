"""Secrets planted in the quickstart reach neither the store nor the saved notebook's outputs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "quickstart.ipynb"
KEY = "sk-proj-" + "Zq7Lw2Xy9Kd4" * 4
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ." + "q8Rt5Vb2Nm7Kx4Pz" * 2
PASSWORD = "Tr0ub4dor-horse-staple"
PLANTED = f"""
api_key = "{KEY}"


@nbtrace.trace(span_type="TOOL")
def call(url, headers):
    raise ConnectionError(f"no answer from {{url}}")


try:
    call("postgresql://ada:{PASSWORD}@db.example/books", {{"Authorization": "Bearer {TOKEN}"}})
except ConnectionError:
    pass
nbtrace.get_current_active_span().set_attribute("password={PASSWORD}", {{"token": "{TOKEN}"}})
nbtrace.update_current_trace(tags={{"database": "postgresql://ada:{PASSWORD}@db.example/books"}})
"""


@pytest.mark.slow
def test_planted_secrets_are_kept_nowhere(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.source.startswith("%%trace choose"))
    first, _, rest = cell.source.partition("\n")
    cell.source = f"{first}\n{PLANTED}\n{rest}"
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    store = tmp_path / ".nbtrace"
    client.execute(
        env={**os.environ, "NBTRACE_DIR": str(store), "IPYTHONDIR": str(tmp_path / "ipython")}
    )
    # What a person typed stays where it was typed; all the rest was made by the run.
    saved = [{**cell, "source": ""} for cell in notebook.cells]
    made = json.dumps([saved, notebook.metadata])
    assert "ConnectionError" in made
    assert "widget-state" in made
    kept = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    assert sum(b"no answer from" in data for data in kept.values()) >= 2
    for secret in (KEY, TOKEN, PASSWORD):
        assert secret not in made
        assert [path for path, data in kept.items() if secret.encode() in data] == []
