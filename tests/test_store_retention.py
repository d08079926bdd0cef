"""Deleting, restoring and freeing traces."""

from __future__ import annotations

import datetime as dt
import sqlite3
import time

import pytest
from click.testing import CliRunner

import nbtrace
from nbtrace.cli import main
from nbtrace.entities import TraceState
from nbtrace.entities.attachment import Attachment
from nbtrace.exceptions import INVALID_PARAMETER_VALUE, NbtraceError
from nbtrace.store import current_store, retention
from nbtrace.store.attachments import TraceAttachments, trace_directory
from nbtrace.store.retention import Freed, collect_garbage, free_old_trash
from nbtrace.store.rows import TraceRow
from nbtrace.store.trash import TRASHED_TABLES

DAY = 86_400_000
IMAGE = Attachment(content_type="image/png", content_bytes=b"12345")
EVERYTHING = ("traces", *TRASHED_TABLES)


def record(name="answer", text="needle", **context):
    with nbtrace.context(**context), nbtrace.start_span(name) as span:
        span.set_inputs({"q": text})
        with nbtrace.start_span("child", span_type="LLM"):
            pass
    nbtrace.log_feedback(trace_id=span.trace_id, name="good", value=True)
    return span.trace_id


def age(trace_id, days):
    """Make a trace old, its files too."""
    store = current_store()
    before = store.get_trace_info(trace_id).request_time
    old = before - days * DAY
    store.database.upsert_traces([TraceRow(trace_id, "0", old, state="OK")])


def dump():
    connection = current_store().database.connection()
    return {
        table: sorted(map(repr, connection.execute(f"SELECT * FROM {table}")))
        for table in EVERYTHING
    }


def counts(prefix=""):
    connection = current_store().database.connection()
    return {
        table: connection.execute(f"SELECT count(*) FROM {prefix}{table}").fetchone()[0]
        for table in EVERYTHING
    }


def files():
    return sorted(path.name for path in current_store().directory.glob("traces/*/*/*.json"))


def words(word):
    sql = "SELECT count(*) FROM span_words WHERE span_words MATCH ?"
    return current_store().database.connection().execute(sql, (word,)).fetchone()[0]


def test_a_deleted_trace_is_gone_and_comes_back_whole():
    trace_id = record(tags={"k": "v"}, session_id="s")
    other = record("other", "straw")
    assert nbtrace.count_traces("text LIKE '%needle%'") == 1
    before = dump()
    assert nbtrace.delete_traces("0", trace_ids=[trace_id]) == 1
    for text in (
        "text LIKE '%needle%'",
        "tags.k = 'v'",
        "feedback.good = true AND name = 'answer'",
        "span.name = 'child' AND name = 'answer'",
        f"trace_id = '{trace_id}'",
    ):
        assert nbtrace.count_traces(text) == 0, text
    assert nbtrace.get_trace(trace_id, silent=True) is None
    assert nbtrace.count_traces() == 1
    assert nbtrace.get_trace(other).info.state == TraceState.OK
    assert len(files()) == 2
    assert nbtrace.restore_traces([trace_id]) == 1
    assert dump() == before
    assert not any(counts("trash_").values())
    assert nbtrace.count_traces("text LIKE '%needle%'") == 1
    assert nbtrace.restore_traces([trace_id]) == 0
    assert len(nbtrace.get_trace(trace_id).data.spans) == 2


def test_a_text_that_was_never_indexed_comes_back_too():
    trace_id = record()
    nbtrace.delete_traces("0", trace_ids=[trace_id.removeprefix("tr-")])
    record("other", "straw")
    assert nbtrace.count_traces("text LIKE '%straw%'") == 1
    nbtrace.restore_traces([trace_id.removeprefix("tr-")])
    assert nbtrace.count_traces("text LIKE '%needle%'") == 1


def test_the_words_of_trash_are_indexed_in_passing():
    trace_id = record()
    nbtrace.count_traces("text LIKE '%x%'")
    connection = current_store().database.connection()
    connection.execute("UPDATE text_progress SET last_id = 0")
    connection.execute("INSERT INTO span_words (span_words) VALUES ('delete-all')")
    nbtrace.delete_traces("0", trace_ids=[trace_id])
    record("other", "straw")
    assert nbtrace.count_traces("text LIKE '%straw%'") == 1
    nbtrace.restore_traces([trace_id])
    assert words("needle") == 1
    assert nbtrace.count_traces("text LIKE '%needle%'") == 1


def test_deleting_by_time_takes_the_oldest_first():
    ids = [record(f"step {number}") for number in range(4)]
    nbtrace.flush()
    for number, trace_id in enumerate(ids):
        age(trace_id, 10 - number)
    cut = int(time.time() * 1000) - 8 * DAY + 60_000
    assert nbtrace.delete_traces("0", max_timestamp_millis=cut, max_traces=1) == 1
    assert nbtrace.get_trace(ids[0], silent=True) is None
    assert nbtrace.delete_traces("0", max_timestamp_millis=cut) == 2
    assert nbtrace.get_trace(ids[3]) is not None
    assert nbtrace.delete_traces("1", max_timestamp_millis=cut + 100 * DAY) == 0
    assert nbtrace.delete_traces("1", trace_ids=ids) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"trace_ids": []},
        {"trace_ids": ["tr-1"], "max_timestamp_millis": 5},
        {"trace_ids": ["tr-1"], "max_traces": 5},
        {"max_timestamp_millis": 5, "max_traces": 0},
        {"trace_ids": "tr-1"},
    ],
)
def test_mlflows_rules(arguments):
    with pytest.raises(NbtraceError) as caught:
        nbtrace.delete_traces("0", **arguments)
    assert caught.value.error_code == INVALID_PARAMETER_VALUE


def test_restoring_takes_a_list():
    with pytest.raises(NbtraceError, match="takes a list"):
        nbtrace.restore_traces("tr-1")


def test_a_failure_in_the_middle_leaves_everything(monkeypatch):
    trace_id = record()
    nbtrace.count_traces("text LIKE '%needle%'")
    before = dump()
    monkeypatch.setattr("nbtrace.store.trash.TRASHED_TABLES", ("spans", "no_such_table"))
    with pytest.raises(sqlite3.OperationalError):
        nbtrace.delete_traces("0", trace_ids=[trace_id])
    assert dump() == before


def test_a_late_span_does_not_bring_it_back():
    with nbtrace.start_span("root") as root:
        late = nbtrace.start_span_no_context("late", parent_span=root)
    nbtrace.flush()
    assert nbtrace.delete_traces("0", trace_ids=[root.trace_id]) == 1
    late.end()
    nbtrace.flush()
    assert nbtrace.count_traces() == 0


def test_garbage_is_freed_with_everything():
    kept = record("kept", "straw")
    gone = record()
    attachments = trace_directory(current_store().directory, gone)
    TraceAttachments(current_store().directory, gone).keep(IMAGE, most_bytes=1_000)
    assert nbtrace.count_traces("text LIKE '%needle%'") == 1
    nbtrace.delete_traces("0", trace_ids=[gone])
    before = dump()
    seen = []
    planned = collect_garbage(current_store(), dry_run=True)
    assert (planned.traces, planned.files) == (1, 2)
    assert len(files()) == 2
    freed = collect_garbage(
        current_store(), progress=lambda done, total: seen.append((done, total))
    )
    assert freed == planned
    assert freed.file_bytes > 5
    assert seen == [(1, 1)]
    assert not attachments.exists()
    assert files() == [f"{kept}.json"]
    assert not any(counts("trash_").values())
    assert dump() == before
    assert words("needle") == 0
    assert words("straw") == 1
    terms = current_store().database.connection().execute("SELECT term FROM text_terms").fetchall()
    assert ("needle",) not in terms
    assert ("straw",) in terms
    assert nbtrace.restore_traces([gone]) == 0
    assert nbtrace.count_traces("text LIKE '%straw%'") == 1
    current_store().database.connection().execute(
        "INSERT INTO span_words (span_words) VALUES ('integrity-check')"
    )
    assert collect_garbage(current_store()) == Freed()


def test_old_traces_go_unless_a_tag_keeps_them():
    old, golden, fresh = record("old"), record("golden", tags={"golden": "yes"}), record("fresh")
    nbtrace.flush()
    for trace_id in (old, golden):
        age(trace_id, 40)
    month = dt.timedelta(days=30).total_seconds() * 1000
    freed = collect_garbage(
        current_store(), older_than_ms=month, keep_tags={"golden": "yes"}, dry_run=True
    )
    assert freed.traces == 1
    assert nbtrace.count_traces() == 3
    freed = collect_garbage(current_store(), older_than_ms=month, keep_tags={"golden": "yes"})
    assert freed.traces == 1
    assert freed.files == 1
    assert sorted(nbtrace.search_traces()["name"]) == ["fresh", "golden"]
    assert nbtrace.get_trace(fresh) is not None
    assert len(nbtrace.get_trace(golden).data.spans) == 2


def test_an_open_trace_is_never_old():
    with nbtrace.start_span("open") as span:
        nbtrace.log_feedback(trace_id=span.trace_id, value=1)
        age_of_all = collect_garbage(current_store(), older_than_ms=0)
        assert age_of_all.traces == 0
    assert nbtrace.count_traces() == 1


@pytest.mark.parametrize("moment", range(6))
def test_an_interruption_anywhere_is_made_good_by_the_next_run(monkeypatch, moment):
    ids = [record(f"step {number}") for number in range(3)]
    nbtrace.count_traces("text LIKE '%x%'")
    monkeypatch.setattr(retention, "TRACES_AT_ONCE", 1)
    nbtrace.delete_traces("0", trace_ids=ids[:1])
    calls = []

    def interrupting(function):
        def call(*args, **kwargs):
            calls.append(function)
            if len(calls) == moment + 1:
                raise KeyboardInterrupt
            return function(*args, **kwargs)

        return call

    for name in ("remove_parts", "forget_words", "move_to_trash"):
        monkeypatch.setattr(retention, name, interrupting(getattr(retention, name)))
    with pytest.raises(KeyboardInterrupt):
        collect_garbage(current_store(), older_than_ms=-1000)
    monkeypatch.undo()
    nbtrace.restore_traces(ids)
    left = nbtrace.search_traces(return_type="list", include_spans=True)
    assert all(len(trace.data.spans) == 2 for trace in left)
    collect_garbage(current_store(), older_than_ms=-1000)
    assert not any(counts().values())
    assert not any(counts("trash_").values())
    assert files() == []
    assert words("step") == 0


def test_trash_of_last_week_goes_by_itself():
    trace_id = record()
    nbtrace.delete_traces("0", trace_ids=[trace_id])
    assert free_old_trash(current_store()) == 0
    week = int(time.time() * 1000) + 7 * DAY + 1000
    assert free_old_trash(current_store(), now_ms=week) == 1
    assert free_old_trash(current_store(), now_ms=week) == 0
    assert files() == []


def test_unknown_parts_go_too_and_no_file_of_another_trace():
    trace_id = record()
    nbtrace.flush()
    (path,) = current_store().directory.glob(f"traces/*/*/{trace_id}.json")
    path.with_name(f"{trace_id}.81-7.json").write_text("{}")
    path.with_name(f"{trace_id}0.json").write_text("{}")
    nbtrace.delete_traces("0", trace_ids=[trace_id])
    assert collect_garbage(current_store()).files == 2
    assert files() == [f"{trace_id}0.json"]


def test_parts_under_another_day_go_too():
    trace_id = record()
    nbtrace.flush()
    age(trace_id, 3)
    assert collect_garbage(current_store(), older_than_ms=DAY).files == 1
    assert files() == []


def test_traces_in_a_location_of_their_own(tmp_path):
    for location in (tmp_path / "spans", "memory://spans"):
        name = str(location)
        experiment = nbtrace.create_experiment(name, artifact_location=name)
        span = nbtrace.start_span_no_context("root", experiment_id=experiment)
        span.end()
        nbtrace.flush()
        assert nbtrace.delete_traces(experiment, trace_ids=[span.trace_id]) == 1
        assert collect_garbage(current_store()).files == 1


def test_the_command():
    record("old")
    nbtrace.flush()
    run = CliRunner().invoke
    result = run(main, ["gc", "--older-than", "0s", "--keep-tag", "a=b", "--dry-run"])
    assert result.exit_code == 0, result.output
    assert "would free 1 trace, 1 file," in result.output
    result = run(main, ["gc"])
    assert "freed 0 traces" in result.output
    result = run(main, ["gc", "--older-than", "0s"])
    assert "freed 1 trace, 1 file," in result.output
    for arguments in (["--older-than", "soon"], ["--older-than", "30"], ["--keep-tag", "a=b"],
                      ["--older-than", "30d", "--keep-tag", "a"]):  # fmt: skip
        assert run(main, ["gc", *arguments]).exit_code == 2, arguments


def test_deleting_the_name_tag_clears_the_name():
    trace_id = record("answer")
    nbtrace.delete_trace_tag(trace_id, "mlflow.traceName")
    nbtrace.flush()
    assert nbtrace.count_traces("name IS NULL") == 1
    current_store().database.upsert_traces(
        [TraceRow(trace_id, "0", 1, name="again", tags={"mlflow.traceName": "again"})]
    )
    current_store().database.upsert_traces(
        [TraceRow(trace_id, "0", 1, deleted_tags={"mlflow.traceName"})]
    )
    assert nbtrace.count_traces("name IS NULL") == 1
