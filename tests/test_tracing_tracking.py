from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import nbtrace
from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store

if TYPE_CHECKING:
    from pathlib import Path


def names() -> list[str]:
    return [
        trace.info.tags["mlflow.traceName"] for trace in nbtrace.search_traces(return_type="list")
    ]


def test_traces_go_to_the_chosen_store(tmp_path: Path) -> None:
    with nbtrace.start_span("before"):
        pass
    first = nbtrace.get_tracking_uri()
    nbtrace.set_tracking_uri(tmp_path / "other")
    assert current_store().directory == tmp_path / "other" / ".nbtrace"
    assert os.environ["NBTRACE_DIR"] == str(tmp_path / "other" / ".nbtrace")
    with nbtrace.start_span("after"):
        pass
    assert names() == ["after"]
    second = nbtrace.get_tracking_uri()
    nbtrace.set_tracking_uri(first)
    assert names() == ["before"]
    nbtrace.set_tracking_uri(second)
    assert names() == ["after"]


def test_an_experiment_of_the_former_store_is_forgotten(tmp_path: Path) -> None:
    nbtrace.set_experiment("prompts")
    nbtrace.set_tracking_uri(str(tmp_path))
    with nbtrace.start_span("after") as span:
        pass
    assert nbtrace.get_trace(span.trace_id).info.experiment_id == "0"


@pytest.mark.parametrize("form", ["sqlite:///{}/mlflow.db", "file://{}", "{}", "{}/.nbtrace"])
def test_forms_of_the_same_place(tmp_path: Path, form: str) -> None:
    nbtrace.set_tracking_uri(form.format(tmp_path))
    assert current_store().directory == tmp_path / ".nbtrace"


def test_a_server_changes_nothing_and_says_so(tmp_path: Path) -> None:
    nbtrace.set_tracking_uri(tmp_path)
    with pytest.warns(UserWarning, match=r"stay in .* nbtrace\.forward\('http://localhost:5000'\)"):
        nbtrace.set_tracking_uri("http://localhost:5000")
    assert current_store().directory == tmp_path / ".nbtrace"


def test_nothing_chooses_the_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nbtrace.set_tracking_uri("")
    assert current_store().directory == tmp_path / ".nbtrace"


@pytest.mark.parametrize("uri", ["sqlite:///:memory:", "sqlite://", "postgresql://host/db"])
def test_what_cannot_be_a_store(uri: str) -> None:
    with pytest.raises(NbtraceError, match="sqlite:///"):
        nbtrace.set_tracking_uri(uri)
