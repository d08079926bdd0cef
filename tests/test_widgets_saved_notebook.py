"""A saved notebook without nbtrace's outputs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.saved_notebook import clean_file, clean_text, remove_outputs

if TYPE_CHECKING:
    from pathlib import Path

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def view(model: str) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "data": {VIEW: {"model_id": model}, "text/plain": ""},
        "metadata": {},
    }


def static() -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "data": {"text/html": "<div class=nbtrace-static-1>"},
        "metadata": {"nbtrace": {}},
    }


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": [text]}


def a_notebook(outputs: list[Any], models: dict[str, Any] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"kernelspec": {"name": "python3"}}
    if models is not None:
        metadata["widgets"] = {STATE: {"state": models, "version_major": 2}}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": metadata,
        "cells": [
            {"cell_type": "markdown", "source": "Größe", "metadata": {}},
            {"cell_type": "code", "source": "1", "metadata": {}, "outputs": outputs},
        ],
    }


def test_only_what_nbtrace_showed_is_removed() -> None:
    models = {
        "ours": {"state": {"_bundle": "ab", "layout": "IPY_MODEL_layout"}},
        "layout": {"state": {}},
        "slider": {"state": {"value": 3, "layout": "IPY_MODEL_other"}},
        "other": {"state": {}},
    }
    notebook = a_notebook(
        [printed("hello\n"), static(), view("ours"), view("slider"), printed("bye\n")], models
    )
    assert remove_outputs(notebook) == 3
    assert notebook["cells"][1]["outputs"] == [
        printed("hello\n"),
        view("slider"),
        printed("bye\n"),
    ]
    assert sorted(notebook["metadata"]["widgets"][STATE]["state"]) == ["other", "slider"]


def test_a_notebook_without_other_widgets_keeps_no_empty_widget_state() -> None:
    notebook = a_notebook([view("ours")], {"ours": {"state": {"_bundle": "ab"}}})
    remove_outputs(notebook)
    assert notebook["metadata"] == {"kernelspec": {"name": "python3"}}


def test_a_notebook_without_traces_keeps_every_byte() -> None:
    text = json.dumps(a_notebook([printed("1")])) + "   \n\n"
    assert clean_text(text) == text


def test_what_is_left_is_formatted_as_jupyter_does() -> None:
    cleaned = clean_text(json.dumps(a_notebook([static()])))
    assert cleaned.startswith('{\n "nbformat": 4,\n')
    assert cleaned.endswith("}\n")
    assert "Größe" in cleaned


@pytest.mark.parametrize("text", ["", "no", "[]", '{"nbformat": 3}', '{"cells": []}'])
def test_what_is_no_notebook_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NbtraceError, match=r"a\.ipynb: it is not"):
        clean_file(path)
    assert path.read_text(encoding="utf-8") == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(["cells", "metadata", "outputs"]), json_values))
def test_odd_notebooks_are_left_as_they_are(notebook: dict[str, Any]) -> None:
    text = json.dumps({**notebook, "nbformat": 4})
    assert clean_text(text) == text


def command(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nbtrace", "clean", *arguments],
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_it_works_as_a_git_filter() -> None:
    done = command(text=json.dumps(a_notebook([static()])))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["cells"][1]["outputs"] == []


def test_files_are_cleaned_in_place_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(a_notebook([static()])), encoding="utf-8")
    path.chmod(0o640)
    assert command("--check", str(path)).returncode == 1
    assert command(str(path)).stdout == f"{path}: cleaned\n"
    assert command("--check", str(path)).returncode == 0
    assert path.stat().st_mode & 0o777 == 0o640
    assert [item.name for item in tmp_path.iterdir()] == ["a.ipynb"]


def test_git_sees_no_traces(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=n", "-c", "user.email=n@localhost", *arguments],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout

    git("init", "-q")
    git("config", "filter.nbtrace.clean", f"{sys.executable} -m nbtrace clean")
    (tmp_path / ".gitattributes").write_text("*.ipynb filter=nbtrace\n", encoding="utf-8")
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(a_notebook([static(), printed("kept")])), encoding="utf-8")
    git("add", "a.ipynb")
    staged = git("show", ":a.ipynb")
    assert "nbtrace-static" not in staged
    assert "kept" in staged
    assert "nbtrace-static" in path.read_text(encoding="utf-8")
