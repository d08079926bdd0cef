from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrace.store.database import Database
from nbtrace.store.insertion import ROWS_AT_ONCE
from nbtrace.store.rows import SpanRow, TraceRow

ID = "tr-" + "0a" * 16
OTHER = "tr-" + "0b" * 16


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "nbtrace.db")
    yield opened
    opened.close()


def span(number, name="step", kind="TOOL", status="OK", part=0):
    return SpanRow(f"{number:016x}", None, name, kind, status, number, number + 1, part, 0, 10)


def stored(database, columns, trace_id=ID):
    with database.reading() as connection:
        return connection.execute(
            f"SELECT {columns} FROM traces WHERE trace_id = ?", (trace_id,)
        ).fetchone()


def all_of(database, query):
    with database.reading() as connection:
        return connection.execute(query).fetchall()


def check_consistent(database):
    """What is kept twice says the same twice."""
    with database.reading() as connection:
        for table, column in (("trace_tags", "tags"), ("trace_metadata", "metadata")):
            # Not by json_each, which ends a text at its first NUL.
            truth = [
                (*item, time, key)
                for text, time, key in connection.execute(
                    f"SELECT {column}, request_time, id FROM traces"
                )
                for item in json.loads(text).items()
            ]
            rows = connection.execute(f"SELECT key, value, request_time, trace FROM {table}")
            assert sorted(truth) == sorted(rows)
        values = []
        for field in ("name", "type", "status"):
            values += connection.execute(
                f"SELECT DISTINCT '{field}', s.{field}, t.request_time, t.id"
                " FROM spans s JOIN traces t ON t.id = s.trace"
            )
        assert sorted(values) == sorted(connection.execute("SELECT * FROM span_values"))
        counts = connection.execute(
            "SELECT t.span_count, t.error_count, count(s.span_id),"
            " count(*) FILTER (WHERE s.status = 'ERROR')"
            " FROM traces t LEFT JOIN spans s ON s.trace = t.id GROUP BY t.id"
        )
        for kept_spans, kept_errors, spans, errors in counts:
            assert (kept_spans, kept_errors) == (spans, errors)


def test_insert(database):
    database.upsert_traces(
        [
            TraceRow(
                ID,
                "0",
                1000,
                5,
                "ERROR",
                "ask",
                "mine",
                "why?",
                "because",
                tags={"k": "v"},
                metadata={"m": "1"},
                spans=[span(1), span(2, status="ERROR")],
                parts=[""],
                input_tokens=1,
                cost=0.5,
            )
        ]
    )
    columns = "experiment_id, request_time, execution_duration, state, name, client_request_id"
    assert stored(database, columns) == ("0", 1000, 5, "ERROR", "ask", "mine")
    assert stored(database, "tags, metadata, parts, span_count, error_count, cost") == (
        '{"k":"v"}',
        '{"m":"1"}',
        '[""]',
        2,
        1,
        0.5,
    )
    check_consistent(database)


def test_nothing_to_write_opens_nothing(tmp_path):
    Database(tmp_path / "none" / "nbtrace.db").upsert_traces([])
    assert not (tmp_path / "none").exists()


def test_open_trace_is_finished_by_its_last_row(database):
    database.upsert_traces([TraceRow(ID, "0", 1000, name="ask", process="81", request_preview="q")])
    assert stored(database, "state, process, execution_duration") == ("IN_PROGRESS", "81", None)
    database.upsert_traces(
        [TraceRow(ID, "0", 1000, 7, "OK", response_preview="a", spans=[span(1)])]
    )
    columns = "state, process, execution_duration, name, request_preview, response_preview"
    assert stored(database, columns) == ("OK", None, 7, "ask", "q", "a")
    check_consistent(database)


def test_finished_trace_is_never_opened_again(database):
    database.upsert_traces([TraceRow(ID, "0", 1000, 7, "ERROR")])
    late = TraceRow(
        ID, "0", 1000, state="IN_PROGRESS", process="82", spans=[span(9)], parts=["82-1"]
    )
    database.upsert_traces([late])
    assert stored(database, "state, process, span_count") == ("ERROR", None, 1)
    database.upsert_traces([TraceRow(ID, "0", 1000, state="STATE_UNSPECIFIED")])
    assert stored(database, "state") == ("ERROR",)


def test_tags_that_others_set_stay(database):
    database.upsert_traces([TraceRow(ID, "0", 1000, tags={"a": "1", "b": "1"})])
    with database.transaction() as connection:
        connection.execute('UPDATE traces SET tags = \'{"a":"1","b":"2","c":"3"}\'')
        connection.execute("DELETE FROM trace_tags WHERE key = 'b'")
        connection.execute("INSERT INTO trace_tags SELECT 'b', '2', request_time, id FROM traces")
        connection.execute("INSERT INTO trace_tags SELECT 'c', '3', request_time, id FROM traces")
    row = TraceRow(ID, "0", 1000, 7, "OK", tags={"d": "4"}, deleted_tags={"a", "unknown"})
    database.upsert_traces([row])
    assert stored(database, "tags") == ('{"b":"2","c":"3","d":"4"}',)
    check_consistent(database)


def test_standard_keys_become_tags(database):
    row = TraceRow(ID, "0", 1, metadata={"mlflow.trace.session": "s", "own": "1"})
    database.upsert_traces([row])
    assert stored(database, "tags, metadata") == ('{"mlflow.trace.session":"s"}', '{"own":"1"}')
    database.upsert_traces([TraceRow(ID, "0", 1, metadata={"mlflow.trace.user": "u"})])
    assert stored(database, "tags") == ('{"mlflow.trace.session":"s","mlflow.trace.user":"u"}',)
    check_consistent(database)


def test_name_follows_the_tag(database):
    database.upsert_traces([TraceRow(ID, "0", 1, tags={"mlflow.traceName": "a"})])
    assert stored(database, "name") == ("a",)
    database.upsert_traces([TraceRow(ID, "0", 1, tags={"mlflow.traceName": "b"})])
    assert stored(database, "name") == ("b",)


def test_spans_are_replaced_by_id(database):
    first = [span(1, "a"), span(2, "b", status="UNSET"), span(3, "b")]
    database.upsert_traces([TraceRow(ID, "0", 1, spans=first, parts=[""])])
    second = [span(2, "c", status="ERROR"), span(4, "d", kind="LLM")]
    database.upsert_traces([TraceRow(ID, "0", 1, spans=second, parts=["81-1"])])
    assert stored(database, "span_count, error_count, parts") == (4, 1, '["","81-1"]')
    assert all_of(database, "SELECT name, part FROM spans ORDER BY span_id") == [
        ("a", 0),
        ("c", 1),
        ("b", 0),
        ("d", 1),
    ]
    check_consistent(database)
    # A repeat changes nothing.
    database.upsert_traces([TraceRow(ID, "0", 1, spans=second, parts=["81-1"])])
    assert stored(database, "span_count, error_count, parts") == (4, 1, '["","81-1"]')
    check_consistent(database)


def test_same_span_twice_in_one_row_counts_once(database):
    spans = [span(1, "a", status="ERROR"), span(1, "b")]
    database.upsert_traces([TraceRow(ID, "0", 1, spans=spans, parts=[""])])
    assert stored(database, "span_count, error_count") == (1, 0)
    assert all_of(database, "SELECT name FROM spans") == [("b",)]
    check_consistent(database)


def test_several_rows_of_a_trace_in_one_batch(database):
    rows = [
        TraceRow(ID, "0", 1, tags={"a": "1"}, spans=[span(1)], parts=[""]),
        TraceRow(OTHER, "0", 2),
        TraceRow(ID, "0", 1, 3, "OK", tags={"a": "2"}, spans=[span(2)], parts=["81-1"]),
    ]
    database.upsert_traces(rows)
    assert stored(database, "state, tags, span_count") == ("OK", '{"a":"2"}', 2)
    check_consistent(database)


def test_a_batch_that_fills_several_statements(database):
    count = 2 * ROWS_AT_ONCE + 3
    rows = [
        TraceRow(
            f"tr-{number:032x}",
            "0",
            number,
            tags={"number": str(number)},
            metadata={"half": str(number // 2)},
            spans=[span(number, name=f"step {number % 3}"), span(number + count)],
            parts=[""],
        )
        for number in range(1, count + 1)
    ]
    database.upsert_traces(rows)
    assert all_of(database, "SELECT trace_id, request_time, span_count FROM traces") == [
        (row.trace_id, row.request_time, 2) for row in rows
    ]
    spans = all_of(database, "SELECT * FROM spans ORDER BY trace, span_id")
    assert spans == [(key, *item) for key, row in enumerate(rows, 1) for item in sorted(row.spans)]
    assert len(all_of(database, "SELECT * FROM text_pending")) == count
    check_consistent(database)


def test_what_a_batch_has_in_common_is_found_with_every_trace_of_it(database):
    database.upsert_traces([TraceRow(OTHER, "0", 5, tags={"source": "b.py"}, spans=[span(9)])])
    count = ROWS_AT_ONCE + 2
    rows = []
    for number in range(1, count + 1):
        plain = span(number)
        model = plain._replace(
            attributes='{"a":1}', model="m", input_tokens=number, output_tokens=2, cost=0.5
        )
        calls = number % 3 == 0
        rows.append(
            TraceRow(
                f"tr-{number:032x}",
                "0",
                number // 2,
                state="OK",
                tags={"source": "a.py", "third": str(calls)},
                metadata={"of": "all"},
                spans=[model if calls else plain],
                parts=[""],
                input_tokens=number if calls else None,
                cost=0.5 if calls else None,
                client_request_id=f"request {number}" if calls else None,
            )
        )
    database.upsert_traces(rows)
    assert all_of(
        database,
        "SELECT request_time, input_tokens, cost, client_request_id, metadata FROM traces"
        f" WHERE trace_id != '{OTHER}' ORDER BY id",
    ) == [
        (row.request_time, row.input_tokens, row.cost, row.client_request_id, '{"of":"all"}')
        for row in rows
    ]
    assert all_of(database, "SELECT * FROM spans WHERE trace > 1 ORDER BY trace") == [
        (key, *row.spans[0]) for key, row in enumerate(rows, 2)
    ]
    check_consistent(database)


def test_earlier_start_moves_the_index_rows(database):
    row = TraceRow(
        ID, "0", 2000, tags={"a": "1"}, metadata={"m": "1"}, spans=[span(1)], parts=["x"]
    )
    database.upsert_traces([row])
    database.upsert_traces([TraceRow(ID, "0", 1000, 9, "OK", spans=[span(2, "other")], parts=[""])])
    assert stored(database, "request_time, parts") == (1000, '["x",""]')
    check_consistent(database)
    database.upsert_traces([TraceRow(ID, "0", 3000, tags={"b": "1"})])
    assert stored(database, "request_time") == (1000,)
    check_consistent(database)


def test_deleted_trace_does_not_come_back(database):
    database.upsert_traces([TraceRow(ID, "0", 1)])
    with database.transaction() as connection:
        connection.execute("INSERT INTO trash_traces SELECT *, 5 FROM traces")
        connection.execute("DELETE FROM traces")
    database.upsert_traces([TraceRow(ID, "0", 1, spans=[span(1)]), TraceRow(OTHER, "0", 1)])
    assert stored(database, "id") is None
    # Keys are never used twice, so that the trash can be put back.
    assert stored(database, "id", OTHER) == (2,)
    check_consistent(database)


def test_bad_value_costs_itself_only(database):
    rows = [
        TraceRow(ID, "0", 1, tags={"k": "a\ud800b"}, input_tokens=2**70, parts=["\udcff"]),
        TraceRow(OTHER, "0", 1, name="x\udfffy", spans=[span(1, "n\ud812")], tags={"k": "nul\0"}),
    ]
    database.upsert_traces(rows)
    assert stored(database, "tags, input_tokens") == ('{"k":"a?b"}', None)
    assert stored(database, "name, tags", OTHER) == ("x?y", '{"k":"nul\\u0000"}')
    assert all_of(database, "SELECT name FROM spans") == [("n?",)]
    assert rows[0].tags == {"k": "a\ud800b"}


def test_a_trace_that_is_refused_leaves_nothing_of_itself(database, caplog):
    broken = TraceRow(OTHER, "0", 1, spans=[span(1)._replace(name=None)])
    database.upsert_traces([TraceRow(ID, "0", 1), broken])
    assert all_of(database, "SELECT trace_id FROM traces") == [(ID,)]
    assert all_of(database, "SELECT count(*) FROM spans") == [(0,)]
    assert OTHER in caplog.text


texts = st.text(max_size=3)
rows_of_traces = st.builds(
    TraceRow,
    trace_id=st.sampled_from([ID, OTHER]),
    experiment_id=st.just("0"),
    request_time=st.integers(0, 3),
    execution_duration=st.none() | st.integers(0, 3),
    state=st.sampled_from(["OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED"]),
    tags=st.dictionaries(st.sampled_from("abc"), texts),
    deleted_tags=st.sets(st.sampled_from("abc")),
    metadata=st.dictionaries(st.sampled_from(["m", "mlflow.trace.user"]), texts),
    spans=st.lists(
        st.builds(
            span,
            st.integers(0, 4),
            st.sampled_from("xyz"),
            st.sampled_from(["LLM", "TOOL"]),
            st.sampled_from(["UNSET", "OK", "ERROR"]),
        ),
        max_size=4,
    ),
    parts=st.just([""]) | st.just(["81-1"]) | st.just(["82-1", ""]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(rows_of_traces, max_size=4), max_size=4))
def test_whatever_is_written_stays_consistent(tmp_path_factory, batches):
    database = Database(tmp_path_factory.mktemp("store") / "nbtrace.db")
    finished = set()
    for batch in batches:
        database.upsert_traces(batch)
        finished |= {row.trace_id for row in batch if row.state in {"OK", "ERROR"}}
    check_consistent(database)
    for trace_id in finished:
        assert stored(database, "state", trace_id)[0] in {"OK", "ERROR"}
    database.close()
