from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrace.exceptions import NbtraceError
from nbtrace.store import tags
from nbtrace.store.errors import StoreWarning
from nbtrace.store.rows import TraceRow
from nbtrace.store.store import Store
from nbtrace.store.tags import checked_tag, is_immutable_tag

ID = "tr-" + "0a" * 16


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / ".nbtrace")
    opened.database.upsert_traces([TraceRow(ID, "0", 1000, process="81", tags={"a": "1"})])
    yield opened
    opened.close()


def index(store):
    with store.database.reading() as connection:
        return connection.execute("SELECT key, value, request_time FROM trace_tags").fetchall()


def test_checked():
    assert checked_tag("k", 5) == ("k", "5")
    assert checked_tag("k" * 250, "v" * 8000) == ("k" * 250, "v" * 8000)
    assert checked_tag("k", "\ud800") == ("k", "?")
    for key in ("", " ", None, 5):
        with pytest.raises(NbtraceError, match="key must be a string"):
            checked_tag(key, "v")
    with pytest.raises(NbtraceError, match="250 characters, got 251"):
        checked_tag("k" * 251, "v")


def test_long_value_is_cut_and_says_so():
    _, value = checked_tag("k", "v" * 9000)
    assert len(value) == 8000
    assert value.endswith("v... [cut, 9000 characters]")


def test_set_change_and_delete(store):
    store.set_trace_tag(ID, "b", 2)
    store.set_trace_tag(ID[3:], "a", "x")
    assert store.get_trace_info(ID).tags == {"a": "x", "b": "2"}
    assert index(store) == [("a", "x", 1000), ("b", "2", 1000)]
    store.delete_trace_tag(ID, "a")
    assert store.get_trace_info(ID).tags == {"b": "2"}
    assert index(store) == [("b", "2", 1000)]


def test_set_twice_is_no_error(store):
    store.set_trace_tag(ID, "a", "1")
    assert index(store) == [("a", "1", 1000)]


def test_missing(store):
    for call in (
        lambda: store.set_trace_tag("tr-" + "0" * 32, "k", "v"),
        lambda: store.delete_trace_tag("tr-" + "0" * 32, "k"),
        lambda: store.delete_trace_tag(ID, "unknown"),
    ):
        with pytest.raises(NbtraceError) as caught:
            call()
        assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize("key", ["mlflow.user", "mlflow.trace.spansLocation"])
def test_immutable_tags_warn_and_stay(store, key):
    with pytest.warns(StoreWarning, match=key) as caught:
        store.set_trace_tag(ID, key, "v")
    assert caught[0].filename == __file__
    with pytest.warns(StoreWarning, match=key) as caught:
        store.delete_trace_tag(ID, key)
    assert store.get_trace_info(ID).tags == {"a": "1"}
    assert not is_immutable_tag("mlflow.traceName")


def test_the_name_is_a_tag(store):
    store.set_trace_tag(ID, "mlflow.traceName", "renamed")
    with store.database.reading() as connection:
        assert connection.execute("SELECT name FROM traces").fetchall() == [("renamed",)]
    assert store.get_trace_info(ID).name == "renamed"


def test_tag_of_another_process_survives_the_end_of_the_trace(store):
    code = """
from nbtrace.store import current_store
current_store().set_trace_tag("tr-" + "0a" * 16, "seen", "yes")
"""
    root = Path(tags.__file__).parents[2]
    env = os.environ | {"PYTHONPATH": str(root), "NBTRACE_DIR": str(store.directory)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    store.database.upsert_traces([TraceRow(ID, "0", 1000, 5, "OK", tags={"b": "2"})])
    assert store.get_trace_info(ID).tags == {"a": "1", "seen": "yes", "b": "2"}
    assert sorted(index(store)) == [("a", "1", 1000), ("b", "2", 1000), ("seen", "yes", 1000)]
