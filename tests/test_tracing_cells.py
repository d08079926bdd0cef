"""A cell as a trace: facts on the root, the context of the code, ends that never raise."""

from __future__ import annotations

import contextvars

import pytest

import nbtrace
from nbtrace.tracing.cells import start_cell

SECRET = "sk-" + "a1B2" * 12


@pytest.fixture(autouse=True)
def a_context_of_its_own():
    yield
    assert nbtrace.get_current_active_span() is None


def test_the_root_holds_the_facts_of_the_cell():
    cell = start_cell(
        "ask",
        source="answer('why?')",
        tags={"stage": "try"},
        experiment="prompts",
        cell_id="c-1",
        notebook="a.ipynb",
        kernel="k-1",
    )
    with nbtrace.start_span("inside") as inside:
        pass
    cell.end(result="because", execution_count=7)
    trace = nbtrace.get_trace(cell.trace_id)
    root = trace.search_spans(name="ask")[0]
    assert root.inputs == "answer('why?')"
    assert root.outputs == "because"
    assert root.span_type == "CHAIN"
    assert {
        "nbtrace.cell.id": "c-1",
        "nbtrace.cell.execution_count": 7,
        "nbtrace.cell.source": "answer('why?')",
        "nbtrace.notebook": "a.ipynb",
        "nbtrace.kernel": "k-1",
    }.items() <= dict(root.raw_attributes).items()
    assert inside.parent_id == root.span_id
    assert trace.info.tags["stage"] == "try"
    assert trace.info.trace_metadata["nbtrace.cell.id"] == "c-1"
    assert trace.info.trace_metadata["nbtrace.cell.execution_count"] == "7"
    assert nbtrace.count_traces("metadata.`nbtrace.cell.id` = 'c-1'") == 1
    assert trace.info.experiment_id == nbtrace.set_experiment("prompts").experiment_id
    assert trace.info.state == "OK"


def test_it_is_on_disk_when_the_end_returns(store_directory):
    cell = start_cell("ask", source="1")
    cell.end()
    assert len(list(store_directory.rglob(f"{cell.trace_id}.json"))) == 1


def test_errors_and_interrupts():
    failed = start_cell("failed", source="1/0")
    failed.end(error=ZeroDivisionError("division by zero"))
    stopped = start_cell("stopped", source="while True: pass")
    stopped.end(error=KeyboardInterrupt(), interrupted=True)
    silent = start_cell("silent", source="1")
    silent.end(interrupted=True)
    for cell in (failed, stopped, silent):
        assert nbtrace.get_trace(cell.trace_id).info.state == "ERROR"
    root = nbtrace.get_trace(stopped.trace_id).data.spans[0]
    assert root.raw_attributes["nbtrace.interrupted"] is True
    assert nbtrace.get_trace(failed.trace_id).data.spans[0].events[0].name == "exception"


def test_no_result_is_not_the_result_none():
    cell = start_cell("none", source="None")
    cell.end(result=None)
    without = start_cell("without", source="x = 1")
    without.end()
    assert "mlflow.spanOutputs" in nbtrace.get_trace(cell.trace_id).data.spans[0].raw_attributes
    assert (
        "mlflow.spanOutputs" not in nbtrace.get_trace(without.trace_id).data.spans[0].raw_attributes
    )


def test_secrets_in_the_source_and_in_tags_are_redacted(store_directory):
    cell = start_cell(
        "ask", source=f"client(api_key='{SECRET}')", tags={"key": SECRET, "o": "\ud800"}
    )
    cell.end(result=SECRET)
    for path in store_directory.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def test_the_running_cell_is_read_by_the_widget():
    cell = start_cell("ask", source="1")
    cursor, first = cell.source.changes(0)
    with nbtrace.start_span("step"):
        pass
    cursor, second = cell.source.changes(cursor)
    assert [span.name for span in first] == ["ask"]
    assert sorted(span.name for span in second) == ["ask", "step"]
    assert not cell.source.finished
    assert cell.source.span(first[0].span_id).name == "ask"
    cell.end()
    assert cell.source.finished
    _, last = cell.source.changes(cursor)
    assert ("ask", False) in [(span.name, span.end_time_ns is None) for span in last]
    assert cell.source.span(first[0].span_id).end_time_ns is not None


def test_a_cell_is_a_root_whatever_is_current():
    def run():
        with nbtrace.start_span("left over") as left:
            cell = start_cell("ask", source="1")
            with nbtrace.start_span("inside") as inside:
                pass
            cell.end()
            assert nbtrace.get_current_active_span() == left
        return cell, inside

    cell, inside = contextvars.copy_context().run(run)
    spans = nbtrace.get_trace(cell.trace_id).data.spans
    assert [span.parent_id for span in spans] == [None, spans[0].span_id]
    assert inside.trace_id == cell.trace_id


def test_a_stream_left_open_in_a_cell_stays_in_its_trace():
    def stream():
        with nbtrace.start_span("stream"):
            yield 1
            yield 2

    first = start_cell("first", source="1")
    held = stream()
    next(held)
    first.end()
    assert nbtrace.get_current_active_span() is None
    with nbtrace.start_span("plain") as plain:
        pass
    second = start_cell("second", source="1")
    next(held)
    second.end()
    held.close()
    names = [s.name for s in nbtrace.get_trace(first.trace_id).data.spans]
    assert sorted(names) == ["first", "stream"]
    assert plain.trace_id != first.trace_id
    assert [s.name for s in nbtrace.get_trace(second.trace_id).data.spans] == ["second"]


def test_switched_off_nothing_is_recorded():
    nbtrace.tracing.disable()
    cell = start_cell("ask", source="1")
    cell.end(result=1)
    assert cell.trace_id is None
    assert cell.source is None
    nbtrace.tracing.enable()
    assert nbtrace.search_traces(return_type="list") == []


def test_ending_twice_and_ending_after_a_reset_do_not_raise():
    cell = start_cell("ask", source="1")
    cell.end(result=1)
    cell.end(result=2)
    assert nbtrace.get_trace(cell.trace_id).data.spans[0].outputs == 1
    cell = start_cell("ask", source="1")
    nbtrace.tracing.reset()
    cell.end(result=1)


def test_a_store_that_cannot_be_used_does_not_stop_the_cell(tmp_path, monkeypatch, recwarn, capfd):
    from nbtrace.store import reset_store

    nbtrace.tracing.reset()
    reset_store()
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NBTRACE_DIR", str(tmp_path / "file" / ".nbtrace"))
    cell = start_cell("ask", source="1", experiment="prompts")
    with nbtrace.start_span("inside"):
        pass
    cell.end(result=1)


def test_rendering_the_traceback_is_not_the_cells_time(deterministic):
    cell = start_cell("cell", source="1 / 0")
    cell.restart_clock()
    cell.stop_clock()
    deterministic.now += 5_000_000_000
    cell.end(error=ZeroDivisionError("division by zero"))
    assert nbtrace.get_trace(cell.trace_id).info.execution_duration == 1


def test_a_traceback_shown_on_the_way_does_not_end_the_cell(deterministic):
    cell = start_cell("cell", source="get_ipython().run_cell('1 / 0')")
    cell.restart_clock()
    cell.stop_clock()
    deterministic.now += 5_000_000_000
    cell.end(result=1)
    assert nbtrace.get_trace(cell.trace_id).info.execution_duration > 5_000
