"""Every row of MLflow's grammar against a store of known traces, the odd ones included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from search_reference import KnownAssessment, KnownSpan, KnownTrace, fill, open_database

from nbtrace.exceptions import INVALID_PARAMETER_VALUE, NbtraceError
from nbtrace.search.query import Query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

NOW = 1_700_000_000_000
RUN = "mlflow.sourceRun"


def trace_id(letter: str) -> str:
    return f"tr-{ord(letter):032x}"


# Newest first: a, b, c, d.
KNOWN = [
    KnownTrace(
        trace_id("d"),
        NOW - 3_000_000,
        state="IN_PROGRESS",
        spans=[KnownSpan("d" * 16, "lone")],
    ),
    KnownTrace(
        trace_id("c"),
        NOW - 2_000_000,
        execution_duration=100,
        state="ERROR",
        name="third",
        client_request_id="request-c",
        tags={"a.b.c": "dots", "env": "test", "mlflow.trace.session": "s1"},
        metadata={RUN: "run-2"},
        spans=[
            KnownSpan("c1" * 8, "plan", "CHAIN"),
            KnownSpan(
                "c2" * 8,
                "search",
                "RETRIEVER",
                "ERROR",
                attributes={"top k": 5},
                other="TimeoutError: timeout",
            ),
        ],
        assessments=[
            KnownAssessment("feedback", "quality", value=False),
            KnownAssessment("feedback", "my score", 0.4),
            KnownAssessment("feedback", "hidden", "yes", valid=False),
            KnownAssessment("expectation", "limit", 7),
        ],
    ),
    KnownTrace(
        trace_id("b"),
        NOW - 1_000_000,
        execution_duration=500,
        name="it's second",
        tags={"env": "prod", "my key": "x", "mlflow.trace.session": "s1"},
        spans=[
            KnownSpan("b1" * 8, "search", "LLM", attributes={"model": "gpt-4o", "n": 7}),
            KnownSpan(
                "b2" * 8,
                "answer",
                "LLM",
                attributes={"model": "gpt-4o-mini", "ok": True},
                inputs='{"question": "Is Paris a capital?"}',
            ),
        ],
        assessments=[
            KnownAssessment("feedback", "quality", value=True),
            KnownAssessment("feedback", "my score", 0.9),
            KnownAssessment("expectation", "answer", "42"),
            KnownAssessment("feedback", "friendly", "yes", session="s1"),
        ],
        links=[("run", "run-1"), ("prompt", "greeting/2"), ("issue", "iss-7")],
    ),
    KnownTrace(
        trace_id("a"),
        NOW,
        "5",
        "other",
        execution_duration=1500,
        name="First",
        client_request_id="request-a",
        tags={"env": "Prod", "mlflow.trace.user": "ada"},
        metadata={RUN: "run-1", "model": "m-1"},
        request_preview="What is the capital of France?",
        response_preview="Paris",
        spans=[
            KnownSpan(
                "a1" * 8,
                "answer",
                "TOOL",
                attributes={"model": "claude"},
                inputs="What is the capital of France?",
                outputs="Paris",
            )
        ],
    ),
]

ROWS = [
    # 1. Grammar
    ("", "abcd"),
    ("   ", "abcd"),
    (None, "abcd"),
    ("state = 'OK' AND name = 'First'", "a"),
    ("state = 'OK' and name = 'First'", "a"),
    ("state = 'OK' AND", "ab"),
    ("state = 'OK' and ", "ab"),
    ("tags.a.b.c = 'dots'", "c"),
    ("tag.env = 'prod'", "b"),
    ("tags.`a.b.c` = 'dots'", "c"),
    ("tags.\"a.b.c\" = 'dots'", "c"),
    ("tags.'a.b.c' = 'dots'", "c"),
    ("tags.`my key` = 'x'", "b"),
    ("attribute.name = 'First'", "a"),
    ("attributes.name = 'First'", "a"),
    ("trace.name = 'First'", "a"),
    ("`name` = 'First'", "a"),
    ('name = "First"', "a"),
    ("request_metadata.model = 'm-1'", "a"),
    ("metadata.model = 'm-1'", "a"),
    ("name like 'F%'", "a"),
    ("name iLIKE 'f%'", "a"),
    ("name rlike '^F'", "a"),
    # Doubled quotes unescape.
    ("name = 'it''s second'", "b"),
    ('name = "it\'s second"', "b"),
    ("name = 'it\\s second'", ""),
    # 2. Trace fields
    (f"request_id = '{trace_id('a')}'", "a"),
    (f"request_id != '{trace_id('a')}'", "bcd"),
    (f"trace_id = '{trace_id('a')}'", "a"),
    (f"trace_id = '{trace_id('a')[3:]}'", "a"),
    (f"request_id IN ('{trace_id('a')}', '{trace_id('d')}')", "ad"),
    (f"request_id NOT IN ('{trace_id('a')}')", "bcd"),
    ("request_id LIKE 'tr-%61'", "a"),
    ("request_id ILIKE 'TR-%61'", "a"),
    ("request_id RLIKE '6[12]$'", "ab"),
    ("client_request_id = 'request-a'", "a"),
    ("client_request_id LIKE 'request%'", "ac"),
    ("client_request_id LIKE 'Request%'", ""),
    ("client_request_id ILIKE 'Request%'", "ac"),
    ("client_request_id IN ('request-a', 'x')", "a"),
    ("client_request_id != 'request-a'", "c"),
    ("client_request_id RLIKE 'request-[ac]'", "ac"),
    ("client_request_id NOT IN ('request-a',)", "c"),
    ("client_request_id IS NULL", "bd"),
    ("status = 'OK'", "ab"),
    ("status = 'ok'", ""),
    ("status != 'OK'", "cd"),
    ("status IN ('ERROR', 'IN_PROGRESS')", "cd"),
    ("status NOT IN ('ERROR', 'IN_PROGRESS')", "ab"),
    ("status ILIKE 'ok'", "ab"),
    ("status LIKE 'ok'", ""),
    ("status LIKE '%R%'", "cd"),
    ("status RLIKE '^(OK|ERROR)$'", "abc"),
    ("status = 'IN_PROGRESS'", "d"),
    ("status = 'STATE_UNSPECIFIED'", ""),
    ("state = 'ERROR'", "c"),
    (f"timestamp = {NOW}", "a"),
    (f"timestamp_ms >= {NOW - 1_000_000}", "ab"),
    (f"timestamp < {NOW - 1_000_000}", "cd"),
    (f"trace.timestamp != {NOW}", "bcd"),
    (f"timestamp > {NOW - 1_500_000.5}", "ab"),
    (f"`timestamp` > {NOW - 1_500_000.5}", "ab"),
    (f"timestamp > '{NOW - 1}'", "a"),
    ("timestamp >= '2023-11-14T22:13:20Z'", "a"),
    ("timestamp >= '2023-11-14T23:13:20+01:00'", "a"),
    ("timestamp > '2023-11-15'", ""),
    ("timestamp > '2023-11'", "abcd"),
    ("timestamp > '-20m'", "ab"),
    ("timestamp > 'now-20m'", "ab"),
    ("timestamp <= '20 minutes ago'", "cd"),
    ("timestamp > 'today'", "abcd"),
    ("timestamp < 'yesterday'", ""),
    (f"timestamp BETWEEN {NOW - 2_000_000} AND {NOW - 1_000_000}", "bc"),
    (f"timestamp <= {NOW - 2_000_000}", "cd"),
    (f"timestamp_ms > {NOW - 2_000_000} AND timestamp_ms < {NOW}", "b"),
    (f"timestamp > {NOW - 2_500_000} AND span.name = 'search'", "bc"),
    ("execution_time > 100", "ab"),
    ("execution_time = 100", "c"),
    ("execution_time <= 500", "bc"),
    ("execution_time_ms >= 100", "abc"),
    ("execution_time != 100", "ab"),
    ("execution_time = '1.5s'", "a"),
    ("execution_time > '400'", "ab"),
    ("execution_time < 1e3", "bc"),
    ("execution_time IS NULL", "d"),
    (f"end_time = {NOW + 1500}", "a"),
    (f"end_time_ms <= {NOW - 2_000_000 + 100}", "cd"),
    # An open trace ends where it starts, as in MLflow.
    (f"end_time = {NOW - 3_000_000}", "d"),
    (f"end_time != {NOW + 1500}", "bcd"),
    (f"end_time > {NOW - 1_000_000}", "ab"),
    (f"end_time >= {NOW - 1_000_000 + 500}", "ab"),
    (f"end_time < {NOW - 2_000_000}", "d"),
    ("end_time IS NULL", "d"),
    ("name = 'First'", "a"),
    ("name != 'First'", "bc"),
    ("name LIKE '%s%'", "ab"),
    ("name LIKE '%S%'", ""),
    ("name LIKE 'T____'", ""),
    ("name LIKE 't____'", "c"),
    ("name ILIKE 'T____'", "c"),
    ("name IS NULL", "d"),
    ("name IS NOT NULL", "abc"),
    ("name IN ('First', 'third')", "ac"),
    ("name NOT IN ('First', 'third')", "b"),
    ("name RLIKE 'ir'", "ac"),
    ("tags.`mlflow.traceName` = 'First'", "a"),
    # `=` finds the metadatum or the link; other operators look at the metadatum.
    ("run_id = 'run-1'", "ab"),
    ("run_id != 'run-1'", "c"),
    ("run_id LIKE 'run%'", "ac"),
    ("run_id ILIKE 'RUN-2'", "c"),
    ("run_id RLIKE '[12]$'", "ac"),
    ("run_id IS NULL", "bd"),
    ("run_id IS NOT NULL", "ac"),
    ("prompt = 'greeting/2'", "b"),
    ("prompt = 'greeting/3'", ""),
    # Text: what spans are named, were given, gave back and failed with.
    ("trace.text LIKE '%capital of France%'", "a"),
    ("text LIKE '%capital of France%'", "a"),
    ("text LIKE '%Capital%'", ""),
    ("text ILIKE '%Capital%'", "ab"),
    ("trace.text ILIKE '%CAPITAL%'", "ab"),
    ("text LIKE '%lone%'", "d"),
    ("text LIKE '%_imeout%'", "c"),
    ("text LIKE '%no such words%'", ""),
    ("span.content LIKE '%Paris%'", "ab"),
    ("span.content ILIKE '%PARIS%'", "ab"),
    ("span.content LIKE '%Paris%' AND span.type = 'TOOL'", "a"),
    ("span.content LIKE '%Paris%' AND span.type = 'CHAIN'", ""),
    ("span.inputs LIKE '%Paris%'", "b"),
    ("span.outputs LIKE '%Paris%'", "a"),
    ("request_preview LIKE 'What%'", "a"),
    ("response_preview = 'Paris'", "a"),
    # Tags and metadata
    ("tags.env != 'prod'", "ac"),
    ("tags.env LIKE 'P%'", "a"),
    ("tags.env ILIKE 'P%'", "ab"),
    ("tags.env RLIKE '^(prod|test)$'", "bc"),
    ("tags.env IS NULL", "d"),
    ("tags.env IS NOT NULL", "abc"),
    ("tags.env IN ('prod', 'test')", "bc"),
    ("tags.Env = 'prod'", ""),
    (f"metadata.`{RUN}` = 'run-1'", "a"),
    (f"metadata.{RUN} IS NULL", "bd"),
    (f"metadata.{RUN} IS NOT NULL", "ac"),
    (f"metadata.{RUN} != 'run-1'", "c"),
    (f"metadata.{RUN} LIKE 'run-_'", "ac"),
    (f"metadata.{RUN} LIKE 'Run%'", ""),
    (f"metadata.{RUN} ILIKE 'Run%'", "ac"),
    (f"request_metadata.{RUN} RLIKE '2$'", "c"),
    (f"metadata.{RUN} IN ('run-1', 'run-2')", "ac"),
    # The standard keys are found under either name.
    ("metadata.`mlflow.trace.session` = 's1'", "bc"),
    ("metadata.mlflow.trace.session = 's1'", "bc"),
    ("tags.mlflow.trace.session = 's1'", "bc"),
    ("session = 's1'", "bc"),
    ("user = 'ada'", "a"),
    ("metadata.`mlflow.trace.user` = 'ada'", "a"),
    ("experiment = 'other'", "a"),
    ("experiment_id = '0'", "bcd"),
    # Spans
    ("span.name = 'search'", "bc"),
    ("span.name != 'search'", "abcd"),
    ("span.name IN ('plan', 'lone')", "cd"),
    ("span.name NOT IN ('search', 'answer')", "cd"),
    ("span.name LIKE '%an%'", "abc"),
    ("span.name ILIKE '%AN%'", "abc"),
    ("span.name RLIKE '^(plan|lone)$'", "cd"),
    ("span.type = 'LLM'", "b"),
    ("span.type != 'LLM'", "acd"),
    ("span.type IN ('TOOL', 'CHAIN')", "ac"),
    ("span.type NOT IN ('LLM', 'UNKNOWN')", "ac"),
    ("span.type LIKE '%L%'", "ab"),
    ("span.type LIKE 'llm'", ""),
    ("span.status != 'OK'", "c"),
    ("span.status IN ('OK')", "abcd"),
    ("span.status NOT IN ('OK')", "c"),
    ("span.status LIKE 'ERR%'", "c"),
    ("span.status ILIKE 'err%'", "c"),
    ("span.status RLIKE 'R{2}'", "c"),
    ("span.type ILIKE 'llm'", "b"),
    ("span.type RLIKE '^(LLM|TOOL)$'", "ab"),
    ("span.status = 'ERROR'", "c"),
    ("span.attributes.model = 'gpt-4o'", "b"),
    ("span.attributes.model != 'gpt-4o'", "ab"),
    ("span.attributes.model LIKE '%gpt%'", "b"),
    ("span.attributes.model ILIKE '%GPT%'", "b"),
    ("span.attributes.model RLIKE '^gpt-4o$'", "b"),
    ("span.attributes.model RLIKE '^claude'", "a"),
    ("span.attributes.model IN ('claude', 'gpt-4o-mini')", "ab"),
    ("span.attributes.model NOT IN ('claude')", "b"),
    ("span.attributes.`top k` = 5", "c"),
    ("span.`attributes.top k` = 5", "c"),
    ("span.attributes.n > 6.5", "b"),
    ("span.attributes.n = '7'", "b"),
    ("span.attributes.ok = TRUE", "b"),
    ("span.attributes.ok = 'true'", "b"),
    ("span.attributes.mlflow.spanType = 'LLM'", "b"),
    # Several conditions on spans speak of one span.
    ("span.name = 'search' AND span.type = 'LLM'", "b"),
    ("span.name = 'search' AND span.type = 'CHAIN'", ""),
    ("span.name = 'search' AND tags.env = 'test' AND span.type = 'CHAIN'", ""),
    ("(span.name = 'search' AND tags.env = 'test') AND span.type = 'CHAIN'", ""),
    ("(span.name = 'search' OR span.name = 'answer') AND span.type = 'TOOL'", "a"),
    ("NOT span.name = 'search'", "ad"),
    ("NOT (span.name = 'search' AND span.type = 'LLM')", "acd"),
    ("span.type = 'LLM' AND NOT span.name = 'search'", "b"),
    # Assessments
    ("feedback.quality = 'true'", "b"),
    ("feedback.quality = 'True'", ""),
    ("feedback.quality != 'true'", "c"),
    ("feedback.`my score` > 0.5", "b"),
    ("feedback.`my score` <= 0.9", "bc"),
    ("feedback.`my score` = '0.9'", "b"),
    ("feedback.`my score` = 0.9", "b"),
    ("feedback.`my score` >= 0.9", "b"),
    ("feedback.`my score` < 0.9", "c"),
    ("feedback.quality LIKE 'tru_'", "b"),
    ("feedback.quality LIKE 'TRUE'", ""),
    ("feedback.quality RLIKE '^(true|false)$'", "bc"),
    ("feedback.quality IS NULL", "ad"),
    ("feedback.quality IS NOT NULL", "bc"),
    ("feedback.hidden = 'yes'", ""),
    ("expectation.answer = '42'", "b"),
    ("expectation.answer LIKE '4%'", "b"),
    ("expectation.answer RLIKE '^4'", "b"),
    ("expectation.answer ILIKE '42'", "b"),
    ("expectation.answer != '43'", "b"),
    ("expectation.answer != '42'", ""),
    ("expectation.limit = '7'", "c"),
    ("expectation.limit > 6", "c"),
    ("expectation.limit >= 7", "c"),
    ("expectation.limit < 7", ""),
    ("expectation.limit <= 7", "c"),
    ("expectation.answer IS NULL", "acd"),
    ("expectation.answer IS NOT NULL", "b"),
    # What was said of a session is said of each of its traces.
    ("feedback.friendly ILIKE 'YES'", "bc"),
    ("issue.id = 'iss-7'", "b"),
    # 7. What MLflow lacks
    ("state = 'ERROR' OR name = 'First'", "ac"),
    ("NOT state = 'OK'", "cd"),
    ("NOT tags.env = 'prod'", "acd"),
    ("NOT execution_time > 100", "cd"),
    ("(state = 'OK' OR state = 'ERROR') AND NOT name LIKE 'F%'", "bc"),
    ("state = 'ERROR' OR state = 'OK' AND name = 'First'", "ac"),
    ("name NOT LIKE 'F%'", "bc"),
    ("execution_time NOT BETWEEN 400 AND 600", "ac"),
    ("tags.env BETWEEN 'p' AND 'q'", "b"),
    ("span.duration_ms < '1ms'", "abcd"),
    ("span_count = 2", "bc"),
    ("tokens IS NULL", "abcd"),
]

FAULTS = [
    ("name == 'a'", 5, "'='"),
    ("name <> 'a'", 5, "'!='"),
    ("name = 'a'; name = 'b'", 10, "AND or OR"),
    ("name = foo", 7, "quoted"),
    ("NAME = 'a'", 0, "did you mean 'name'?"),
    ("Tags.k = 'a'", 0, "tags"),
    ("trace.tags.k = 'a'", 0, "unknown field"),
    ("foo = 'a'", 0, "one of"),
    ("foo.bar = 'a'", 0, "'tags.'"),
    ("span.foo = 'a'", 0, "span.name"),
    ("span.attributes = 'a'", 0, "span.attributes.model"),
    ("tags. = 'a'", 0, "key"),
    ("tags.k = 5", 9, "quoted"),
    ("tags.k > 'a'", 7, "does not apply"),
    ("name = 'a' name = 'b'", 11, "AND, OR"),
    ("name IN ()", 9, "at least one"),
    ("name IN ('a' 'b')", 13, "comma"),
    ("name IN (5)", 9, "quoted"),
    ("name IN 'a'", 8, "list"),
    ("name IS 'a'", 8, "NULL"),
    ("name NOT 'a'", 9, "LIKE"),
    ("name = ", 7, "quoted"),
    ("name", 4, "operator"),
    ("AND name = 'a'", 0, "condition"),
    ("(name = 'a'", 11, "closing )"),
    ("name = 'a')", 10, "end of the filter"),
    ("name = 'a", 7, "closing '"),
    ("timestamp > 'soon'", 12, "ISO date"),
    ("timestamp > -1h", 12, "quoted value"),
    ("timestamp LIKE '1%'", 10, "does not apply"),
    ("execution_time > 'long'", 17, "duration"),
    ("execution_time BETWEEN 1", 24, "AND"),
    ("name RLIKE '('", 11, "escape"),
    ("prompt = 'greeting'", 9, "version"),
    ("prompt != 'greeting/1'", 7, "does not apply"),
    ("prompt = 'a/b/1'", 9, "version"),
    ("status > 'OK'", 7, "does not apply"),
    ("trace.status = OK", 15, "quoted"),
    ("text = 'x'", 5, "does not apply"),
    ("span.content = 'x'", 13, "does not apply"),
    ("metadata.k >= 'a'", 11, "does not apply"),
    ("issue.id != 'iss-7'", 9, "does not apply"),
    ("span.type > 'LLM'", 10, "does not apply"),
    ("feedback.q > '0.5'", 13, "without quotes"),
    ("name = \u2018a\u2019", 7, "straight"),
    ("tags.`a`.b = 'x'", 8, "one pair of quotes"),
    ("issue.name = 'x'", 0, "issue.id"),
]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    database = open_database(tmp_path_factory.mktemp("grammar"))
    fill(database, KNOWN)
    yield database.connection()
    database.close()


def found(connection: sqlite3.Connection, query: Query) -> str:
    letters = []
    for row in query.page(connection, 100):
        sql = "SELECT trace_id FROM traces WHERE id = ?"
        (name,) = connection.execute(sql, (row[-1],)).fetchone()
        letters.append(chr(int(name[3:], 16)))
    return "".join(letters)


@pytest.mark.parametrize(("text", "expected"), ROWS)
def test_a_row_of_the_grammar(
    connection: sqlite3.Connection, text: str | None, expected: str
) -> None:
    query = Query(text, now_ms=NOW + 1)
    assert found(connection, query) == expected
    assert query.count(connection) == len(expected)


@pytest.mark.parametrize(("text", "position", "expected"), FAULTS)
def test_a_fault_is_shown_with_its_place(text: str, position: int, expected: str) -> None:
    with pytest.raises(NbtraceError) as caught:
        Query(text)
    assert caught.value.error_code == INVALID_PARAMETER_VALUE
    _, shown, caret, advice = caught.value.message.split("\n")
    assert shown == f"  {text}"
    assert caret == " " * (position + 2) + "^"
    assert expected in caught.value.message
    assert advice.startswith("Expected ")


def test_a_long_filter_is_shown_in_part() -> None:
    with pytest.raises(NbtraceError) as caught:
        Query("name = 'a' OR " * 50 + "oops = 1")
    _, shown, caret, _ = caught.value.message.split("\n")
    assert len(shown) <= 110
    assert shown[len(caret) - 1 :].startswith("oops")


def test_a_filter_of_another_type_is_refused() -> None:
    with pytest.raises(NbtraceError, match="must be a str"):
        Query(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, "abcd"),
        ([], "abcd"),
        (["timestamp ASC"], "dcba"),
        (["timestamp_ms desc"], "abcd"),
        (["execution_time"], "cbad"),
        (["execution_time DESC"], "abcd"),
        (["execution_time_ms DESC NULLS LAST"], "abcd"),
        (["end_time"], "dcba"),
        (["status"], "cdab"),
        (["status DESC", "timestamp"], "badc"),
        (["name"], "abcd"),
        (["name DESC"], "cbad"),
        (["run_id DESC"], "cabd"),
        (["request_id DESC"], "dcba"),
        (["experiment_id DESC"], "abcd"),
        (["tag.env"], "abcd"),
        (["tags.env DESC"], "cbad"),
        (["metadata.model"], "abcd"),
        (["user"], "abcd"),
        ("timestamp ASC", "dcba"),
    ],
)
def test_an_order(connection: sqlite3.Connection, order: list[str] | None, expected: str) -> None:
    assert found(connection, Query(None, order_by=order)) == expected


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        (["timestamp", "timestamp_ms DESC"], "duplicate fields"),
        (["name, status"], "unexpected"),
        (["span.name"], "cannot be sorted by"),
        (["feedback.quality"], "cannot be sorted by"),
        (["client_request_id"], "cannot be sorted by"),
        (["text"], "cannot be sorted by"),
        (["name UP"], "unexpected UP"),
        (["name NULLS FIRST"], "unexpected NULLS"),
        (["nonsense"], "unknown field"),
        (["'name'"], "no field here"),
        ([""], "no field here"),
        ([5], "takes texts"),
    ],
)
def test_an_order_that_cannot_be(order: list[str], problem: str) -> None:
    with pytest.raises(NbtraceError, match=problem) as caught:
        Query(None, order_by=order)
    assert caught.value.error_code == INVALID_PARAMETER_VALUE


def test_locations(connection: sqlite3.Connection) -> None:
    assert found(connection, Query(None, ["5"])) == "a"
    assert found(connection, Query(None, ["0", "5"])) == "abcd"
    assert found(connection, Query("tags.env ILIKE 'prod'", ["0"])) == "b"
    assert found(connection, Query(None, [])) == ""
    assert found(connection, Query("experiment_id = '5'", ["0"])) == ""
