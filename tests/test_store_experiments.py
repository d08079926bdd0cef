from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrace.exceptions import NbtraceError
from nbtrace.store import experiments
from nbtrace.store.store import Store


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / ".nbtrace")
    yield opened
    opened.close()


def test_default_experiment(store):
    default = store.get_experiment("0")
    assert (default.name, default.artifact_location, default.tags) == ("Default", None, {})
    assert default.lifecycle_stage == "active"
    assert store.get_experiment_by_name("Default") == default


def test_ids_ascend(store):
    assert [store.create_experiment(name) for name in "abc"] == ["1", "2", "3"]
    assert store.get_experiment("2").name == "b"


def test_created(store):
    made = store.get_experiment(store.create_experiment("x", "s3://b/spans", {"k": 1}))
    assert (made.name, made.artifact_location, made.tags) == ("x", "s3://b/spans", {"k": "1"})
    assert made.creation_time == made.last_update_time > 1_700_000_000_000


def test_duplicate(store):
    store.create_experiment("x")
    with pytest.raises(NbtraceError, match="'x'") as caught:
        store.create_experiment("x")
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"


def test_deleted_name_is_taken_too(store):
    store.create_experiment("x")
    with store.database.transaction() as connection:
        connection.execute("UPDATE experiments SET lifecycle_stage = 'deleted'")
    with pytest.raises(NbtraceError, match="deleted experiment is named 'x'"):
        store.create_experiment("x")


@pytest.mark.parametrize("name", ["", "  ", None, 5, "x" * 501])
def test_bad_names(store, name):
    with pytest.raises(NbtraceError, match="name") as caught:
        store.create_experiment(name)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    with pytest.raises(NbtraceError):
        store.ensure_experiment(name)


def test_bad_location_and_tags(store):
    for arguments in (("x", "s3:/b"), ("x", ""), ("x", None, {"": "v"})):
        with pytest.raises(NbtraceError):
            store.create_experiment(*arguments)
    assert store.get_experiment_by_name("x") is None


def test_unknown(store):
    assert store.get_experiment_by_name("unknown") is None
    with pytest.raises(NbtraceError) as caught:
        store.get_experiment("99")
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_locations(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    default = (store.directory / "traces").as_posix()
    assert store.span_location("0") == default
    assert store.span_location(store.create_experiment("plain")) == default
    assert store.span_location("99") == default
    near = store.create_experiment("near", "here/spans")
    monkeypatch.chdir("/")
    assert store.span_location(near) == str(tmp_path / "here" / "spans")
    assert store.span_location(near) == str(tmp_path / "here" / "spans")


def test_ensured_by_processes_at_the_same_moment(store):
    store.get_experiment("0")
    code = """
from nbtrace.store import current_store
print(current_store().ensure_experiment("x").experiment_id)
"""
    root = Path(experiments.__file__).parents[2]
    env = os.environ | {"PYTHONPATH": str(root), "NBTRACE_DIR": str(store.directory)}
    running = [
        subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    assert {process.communicate(timeout=60)[0] for process in running} == {"1\n"}
