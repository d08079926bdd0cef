"""The text of spans: what is taken from a span, when, and how it stays in step."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbtrace
from nbtrace.config import options
from nbtrace.store import current_store, schema, text_index
from nbtrace.store.database import Database
from nbtrace.store.rows import SpanRow, TextRow, TraceRow
from nbtrace.store.store import Store
from nbtrace.store.text_index import catch_up, index_pending, read_pending
from nbtrace.store.texts import text_row

ID = "tr-" + "0a" * 16
SPAN = "0b" * 8


def line(name="ask", attributes=None, **fields):
    listed = [
        {"key": key, "value": {"stringValue": value}} for key, value in (attributes or {}).items()
    ]
    return orjson.dumps(
        {
            "traceId": "0a" * 16,
            "spanId": SPAN,
            "name": name,
            "startTimeUnixNano": "1",
            "attributes": listed,
            **fields,
        }
    )


def words_of(connection, word):
    sql = "SELECT rowid FROM span_words WHERE span_words MATCH ?"
    return [row[0] for row in connection.execute(sql, (f'"{word}"',))]


def count(connection, table):
    return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def with_text(number, text, **fields):
    span = SpanRow(f"{number:016x}", None, "ask", "CHAIN", "OK", 1, 2, 0, 0, 0)
    return TraceRow(
        f"tr-{number:032x}",
        "0",
        number,
        spans=[span],
        parts=[""],
        texts=[TextRow(span.span_id, "ask", text)],
        **fields,
    )


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / ".nbtrace")
    yield opened
    opened.close()


def test_inputs_and_outputs():
    found = text_row(
        line(attributes={"mlflow.spanInputs": '{"q":"hi"}', "mlflow.spanOutputs": '"l\\n\\"x\\""'})
    )
    assert found == TextRow(SPAN, "ask", '{"q":"hi"}', 'l\n"x"', None)


def test_each_text_is_cut():
    limit = options.indexed_text_characters
    found = text_row(line("n" * 5000, {"mlflow.spanInputs": "1" * 5000}))
    assert (len(found.name), len(found.inputs)) == (limit, limit)


def test_errors_are_text():
    event = {
        "name": "exception",
        "timeUnixNano": "1",
        "attributes": [
            {"key": "exception.type", "value": {"stringValue": "ValueError"}},
            {"key": "exception.message", "value": {"stringValue": "no such thing"}},
        ],
    }
    said = "ValueError: no such thing"
    assert text_row(line(events=[event], status={"code": 2, "message": said})).other == said
    found = text_row(line(events=[event, {"name": "other"}], status={"code": 2, "message": "late"}))
    assert found.other == f"late\n{said}"


def test_other_conventions_are_read_too():
    found = text_row(
        line(
            attributes={
                "openinference.span.kind": "LLM",
                "input.value": "what",
                "llm.output_messages.0.message.role": "assistant",
                "llm.output_messages.0.message.content": "the answer",
            }
        )
    )
    assert found.inputs == "what"
    assert "the answer" in (found.outputs or "") + (found.other or "")


def test_the_newest_message_of_a_long_chat_is_found():
    messages = [
        {"role": "system", "content": "s" * 5000},
        {"role": "user", "content": "where is the needle"},
    ]
    found = text_row(
        line(
            attributes={
                "mlflow.spanType": '"CHAT_MODEL"',
                "mlflow.spanInputs": orjson.dumps({"messages": messages}).decode(),
            }
        )
    )
    assert found.other.startswith("where is the needle")
    assert len(found.other) <= options.indexed_text_characters + 1


@given(st.binary() | st.text().map(str.encode))
def test_rubbish_raises_only_what_is_told(data):
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        text_row(data)


def test_text_is_made_behind_the_write():
    with nbtrace.start_span("root") as root:
        root.set_inputs({"q": "unmistakable"})
        with nbtrace.start_span("child") as child:
            child.set_outputs("leaf")
    nbtrace.flush()
    connection = current_store().database.connection()
    assert count(connection, "text_pending") == 1
    assert nbtrace.count_traces("text LIKE '%mistak%'") == 1
    assert count(connection, "text_pending") == 0
    assert count(connection, "span_texts") == 2
    assert len(words_of(connection, "unmistakable")) == 1
    found = nbtrace.search_spans("span.outputs MATCH 'leaf'")
    assert list(found["name"]) == ["child"]


def test_a_quiet_process_makes_it_by_itself(monkeypatch):
    monkeypatch.setattr("nbtrace.store.writer.QUIET_SECONDS", 0.01)
    monkeypatch.setattr("nbtrace.store.writer.SLICE_PAUSE_SECONDS", 0.001)
    with nbtrace.start_span("root") as root:
        root.set_inputs("unmistakable")
    nbtrace.flush()
    connection = current_store().database.connection()
    deadline = time.monotonic() + 20
    while not words_of(connection, "unmistakable") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert words_of(connection, "unmistakable") == [1]


def test_slices_are_short_and_come_to_an_end(store, monkeypatch):
    monkeypatch.setattr(text_index, "TEXTS_AT_ONCE", 3)
    store.database.upsert_traces([with_text(number, f"word{number}") for number in range(10)])
    assert [index_pending(store, 3) for _ in range(5)] == [3, 3, 3, 1, 0]
    connection = store.database.connection()
    assert words_of(connection, "word9") == [10]
    assert ("word3",) in connection.execute("SELECT term FROM text_terms").fetchall()


def test_a_span_that_is_written_again_is_found_by_its_new_text_only(store):
    store.database.upsert_traces([with_text(1, "before common")])
    catch_up(store)
    store.database.upsert_traces([with_text(1, "after common")])
    connection = store.database.connection()
    assert words_of(connection, "before") == []
    catch_up(store)
    assert words_of(connection, "common") == words_of(connection, "after")
    assert count(connection, "span_texts") == 1
    connection.execute("INSERT INTO span_words (span_words) VALUES ('integrity-check')")


def test_a_file_that_is_gone_has_no_text(store):
    row = with_text(1, "x")
    row.texts = None
    store.database.upsert_traces([row])
    assert read_pending(store) == 1
    assert read_pending(store) == 0
    assert count(store.database.connection(), "span_texts") == 0


def test_late_parts_are_read_in_their_order():
    with nbtrace.start_span("root") as root:
        child = nbtrace.start_span_no_context("late", parent_span=root)
    nbtrace.flush()
    child.set_outputs("afterwards")
    child.end()
    assert nbtrace.count_traces("span.outputs LIKE 'afterwards'") == 1
    connection = current_store().database.connection()
    assert count(connection, "span_texts") == 2
    assert count(connection, "text_pending") == 0


def test_a_store_of_the_first_schema_gets_its_text(tmp_path, monkeypatch):
    directory = tmp_path / ".nbtrace"
    with monkeypatch.context() as context:
        context.setattr(schema, "_STEPS", schema._STEPS[:1])
        context.setattr(schema, "SCHEMA_VERSION", 1)
        database = Database(directory / "nbtrace.db")
        connection = database.connection()
        columns = [row[1] for row in connection.execute("PRAGMA table_info(traces)")]
        values = dict.fromkeys(columns, None) | {
            "id": 7, "trace_id": ID, "experiment_id": "0", "request_time": 0, "state": "OK",
            "span_count": 1, "error_count": 0, "tags": "{}", "metadata": "{}",
            "parts": '["", "81-1"]',
        }  # fmt: skip
        marks = ", ".join("?" * len(columns))
        connection.execute(f"INSERT INTO traces VALUES ({marks})", list(values.values()))
        database.close()
    store = Store(directory)
    for suffix, said in (("", "early"), ("81-1", "later")):
        text_index_line = line(attributes={"mlflow.spanInputs": f'"{said}"'})
        from nbtrace.store.span_files import write_part

        write_part(store.span_location("0"), ID, 0, suffix, [(b"{}", b"{}", [text_index_line])])
    catch_up(store)
    rows = store.database.connection().execute("SELECT trace, inputs FROM span_texts").fetchall()
    assert rows == [(7, "later")]
    store.close()


def test_many_parts_show_how_far_it_is(store, monkeypatch, capsys):
    monkeypatch.setattr(text_index, "PARTS_WITHOUT_PROGRESS", 1)
    rows = [with_text(number, "x") for number in range(3)]
    for row in rows:
        row.texts = None
    store.database.upsert_traces(rows)
    catch_up(store)
    assert "reading the text of spans" in capsys.readouterr().err


def test_without_fts5_the_same_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(text_index, "WORDS", "no_such_module(text)")
    store = Store(tmp_path / ".nbtrace")
    store.database.upsert_traces([with_text(1, "needle"), with_text(2, "hay")])
    from nbtrace.search.traces import count_traces

    assert count_traces(store, "text LIKE '%needle%'") == 1
    assert count_traces(store, "text MATCH 'hay'") == 1
    store.database.upsert_traces([with_text(1, "other")])
    assert count_traces(store, "text LIKE '%needle%'") == 0
    store.close()


def test_two_threads_do_not_do_it_twice(store):
    import threading

    store.database.upsert_traces([with_text(number, f"word{number}") for number in range(2000)])
    threads = [threading.Thread(target=catch_up, args=(store,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection = store.database.connection()
    assert len(words_of(connection, "ask")) == 2000
    assert words_of(connection, "word1999") == [2000]


def test_the_tokenizer_folds_what_the_search_relies_on():
    from nbtrace.search.contents import _FOLDED_ENDS, _FOLDED_PAIRS, _FOLDED_STARTS

    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE VIRTUAL TABLE w USING {text_index.WORDS}")
    connection.execute("CREATE VIRTUAL TABLE v USING fts5vocab(w, row)")
    for code in range(128, sys.maxunicode + 1):
        if 0xD800 <= code < 0xE000:
            continue
        folded = chr(code).casefold()
        kept = "".join(mark for mark in folded if mark.isascii() and mark.isalnum())
        if not kept:
            continue
        if len(folded) == len(kept) == 1:
            # Folded to one ASCII letter: the tokenizer must do the same.
            connection.execute("INSERT INTO w (rowid, text) VALUES (1, ?)", (chr(code),))
            assert connection.execute("SELECT term FROM v").fetchall() == [(kept,)]
            connection.execute("INSERT INTO w (w) VALUES ('delete-all')")
        elif len(kept) == 1:
            at_end = folded[0] == kept and kept in _FOLDED_ENDS
            at_start = folded[-1] == kept and kept in _FOLDED_STARTS
            assert at_end or at_start, hex(code)
        else:
            covered = {
                found.start() + step for found in _FOLDED_PAIRS.finditer(kept) for step in (0, 1)
            }
            assert covered == set(range(len(kept))), hex(code)
    connection.close()
