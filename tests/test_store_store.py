from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import orjson
import pytest

from nbtrace.entities import Feedback
from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store, reset_store, span_file_reader
from nbtrace.store.assessments import insert_assessment
from nbtrace.store.errors import StoreWarning
from nbtrace.store.rows import SpanRow, TraceRow
from nbtrace.store.span_files import part_path, write_part
from nbtrace.store.store import Store

ID = "tr-" + "0a" * 16
DAY = 1_700_000_000_000
ROOT = Path(span_file_reader.__file__).parents[2]


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / ".nbtrace")
    yield opened
    opened.close()


def line(number, name):
    return orjson.dumps(
        {
            "traceId": ID[3:],
            "spanId": f"{number:016x}",
            "name": name,
            "startTimeUnixNano": str(number),
            "endTimeUnixNano": str(number + 1),
        }
    )


def write(store, spans, suffix="", *, experiment="0", time=DAY, location=None, **columns):
    """Write spans as the writer does: the file first, then the rows."""
    lines = [line(number, name) for number, name in spans]
    [places] = write_part(
        location or store.span_location(experiment), ID, time, suffix, [(b"{}", b"{}", lines)]
    )
    rows = [
        SpanRow(f"{number:016x}", None, name, "TOOL", "OK", number, number + 1, 0, *place)
        for (number, name), place in zip(spans, places, strict=True)
    ]
    store.database.upsert_traces(
        [TraceRow(ID, experiment, time, 5, "OK", spans=rows, parts=[suffix], **columns)]
    )


def names(trace):
    return [span.name for span in trace.data.spans]


def test_round_trip(store):
    write(
        store,
        [(2, "b"), (1, "a")],
        tags={"mlflow.traceName": "ask"},
        metadata={"mlflow.trace.session": "s", "m": "1"},
        request_preview="why?",
        client_request_id="mine",
    )
    trace = store.get_trace(ID)
    assert names(trace) == ["a", "b"]
    info = trace.info
    assert (info.trace_id, info.experiment_id, info.request_time) == (ID, "0", DAY)
    assert (info.execution_duration, info.state, info.request_preview) == (5, "OK", "why?")
    assert info.client_request_id == "mine"
    assert info.name == "ask"
    assert info.tags == {"mlflow.traceName": "ask", "mlflow.trace.session": "s"}
    assert info.trace_metadata == {"mlflow.trace.session": "s", "m": "1"}
    assert store.get_trace_info(ID) == info


def test_look_up_by_bare_hex(store):
    write(store, [(1, "a")])
    assert store.get_trace(ID[3:]).trace_id == ID
    assert store.get_span(ID[3:].upper(), f"{1:016x}").name == "a"


def test_what_is_not_there(store):
    assert store.get_trace(ID) is None
    assert store.get_trace_info("nonsense") is None
    assert store.get_span(ID, "0" * 16) is None
    write(store, [(1, "a")])
    assert store.get_span(ID, "0" * 16) is None


def test_parts_are_joined_and_later_ones_win(store):
    write(store, [(1, "a"), (2, "b")])
    write(store, [(2, "B"), (3, "c")], "81-1")
    assert names(store.get_trace(ID)) == ["a", "B", "c"]
    assert store.get_span(ID, f"{2:016x}").name == "B"
    assert store.get_span(ID, f"{1:016x}").name == "a"


def test_open_trace_without_parts(store):
    store.database.upsert_traces([TraceRow(ID, "0", DAY, name="ask", process="81")])
    trace = store.get_trace(ID)
    assert (trace.info.state, trace.info.execution_duration) == ("IN_PROGRESS", None)
    assert names(trace) == []


def test_one_span_is_read_alone(store, monkeypatch):
    write(store, [(number, "x" * 100) for number in range(1000)])
    read = []
    original = span_file_reader._read

    def counting(*arguments):
        data = original(*arguments)
        read.append(len(data))
        return data

    monkeypatch.setattr(span_file_reader, "_read", counting)
    assert store.get_span(ID, f"{700:016x}").start_time_ns == 700
    assert sum(read) < 300


def test_missing_part_costs_its_spans_only(store):
    write(store, [(1, "a")])
    write(store, [(2, "b")], "81-1")
    path = part_path(store.span_location("0"), ID, DAY, "81-1")
    Path(path).unlink()
    with pytest.warns(StoreWarning) as caught:
        assert names(store.get_trace(ID)) == ["a"]
    assert path in str(caught[0].message)
    with pytest.raises(NbtraceError, match="missing") as error:
        store.get_span(ID, f"{2:016x}")
    assert path in error.value.message


def test_torn_part(store):
    write(store, [(1, "a"), (2, "b")])
    path = Path(part_path(store.span_location("0"), ID, DAY, ""))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.warns(StoreWarning, match="damaged"):
        assert names(store.get_trace(ID)) == ["a"]


def test_parts_of_two_days(store):
    write(store, [(2, "child")], "81-1", time=DAY)
    write(store, [(1, "root")], time=DAY - 86_400_000)
    assert names(store.get_trace(ID)) == ["root", "child"]
    assert store.get_span(ID, f"{2:016x}").name == "child"


def test_experiment_with_its_own_location(store, tmp_path):
    experiment = store.create_experiment("far", tmp_path / "far")
    write(store, [(1, "a")], experiment=experiment)
    assert Path(part_path(tmp_path / "far", ID, DAY, "")).exists()
    assert names(store.get_trace(ID)) == ["a"]
    # A process that did not know of it.
    write(store, [(2, "b")], "82-1", location=store.span_location("0"))
    assert names(store.get_trace(ID)) == ["a", "b"]
    assert store.get_trace_info(ID).experiment_id == experiment


def test_experiment_in_an_object_store(store):
    experiment = store.create_experiment("remote", "memory://bucket/spans")
    write(store, [(1, "a"), (2, "b")], experiment=experiment)
    assert names(store.get_trace(ID)) == ["a", "b"]
    assert store.get_span(ID, f"{2:016x}").name == "b"
    assert not (store.directory / "traces").exists()


def test_infos_of_a_page_take_two_queries(store):
    ids = [f"tr-{number:032x}" for number in range(100)]
    store.database.upsert_traces([TraceRow(trace_id, "0", 1, 1, "OK") for trace_id in ids])
    with store.database.transaction() as connection:
        insert_assessment(connection, 3, Feedback("good", value=True))
        insert_assessment(connection, 3, Feedback("brief", value=0.5))
    statements = []
    store.database.connection().set_trace_callback(statements.append)
    infos = store.trace_infos([3, 100, 1, 999])
    store.database.connection().set_trace_callback(None)
    assert [info.trace_id for info in infos] == [ids[2], ids[99], ids[0]]
    assert [item.name for item in infos[0].assessments] == ["good", "brief"]
    assert infos[0].assessments[0].trace_id == ids[2]
    assert infos[1].assessments == []
    assert len(statements) == 2
    assert store.trace_infos([]) == []


def test_nothing_is_made_before_it_is_needed(tmp_path):
    store = Store(tmp_path / ".nbtrace")
    assert store.span_location("0").endswith("/traces")
    assert not (tmp_path / ".nbtrace").exists()


def test_current_store_is_one_for_all_threads(store_directory):
    found = []
    threads = [threading.Thread(target=lambda: found.append(current_store())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(store) for store in found} == {id(current_store())}
    assert current_store().directory == store_directory
    before = current_store()
    reset_store()
    assert current_store() is not before


def test_another_process_sees_what_was_written(store):
    write(store, [(1, "a")], tags={"k": "v"})
    code = """
import os
from nbtrace.store import current_store
trace = current_store().get_trace("tr-" + "0a" * 16)
print([span.name for span in trace.data.spans], trace.info.tags)
current_store().set_trace_tag(trace.trace_id, "k", "w")
"""
    env = os.environ | {"PYTHONPATH": str(ROOT), "NBTRACE_DIR": str(store.directory)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['a'] {'k': 'v'}\n"
    assert store.get_trace_info(ID).tags == {"k": "w"}


def test_store_moved_elsewhere_is_read_there(store, tmp_path):
    write(store, [(1, "a")])
    store.close()
    shutil.move(store.directory, tmp_path / "moved")
    moved = Store(tmp_path / "moved")
    assert names(moved.get_trace(ID)) == ["a"]
    moved.close()
