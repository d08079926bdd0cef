"""Random filters over a store of known traces, against the language in plain Python."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from search_reference import (
    KnownAssessment,
    KnownSpan,
    KnownTrace,
    fill,
    like,
    matches,
    open_database,
)

import nbtrace
from nbtrace.exceptions import INVALID_PARAMETER_VALUE, NbtraceError
from nbtrace.search import contents, recent, streams
from nbtrace.search.functions import like as sql_like
from nbtrace.search.parser import parse
from nbtrace.search.query import Query
from nbtrace.store.store import Store
from nbtrace.store.text_index import catch_up

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

TEXTS = [
    '{"question": "How do I compute the binomial coefficient?"}',
    "Straße, \ufb01sh & \u212aelvin; été caf\u0065\u0301",
    'say "it\'s" 100% of_a gpt-4o',
    "中文字 かな 한국어",
    "ValueError: no such (thing) -- NEAR AND OR NOT *",
    "",
]
PATTERNS = [
    "%binomial%",
    "%nomial coeff%",
    "%BINOMIAL%",
    "%strasse%",
    "%stra%",
    "%fish%",
    "%kelvin%",
    "%中文%",
    "%文字 か%",
    "%été%",
    "%cafe%",
    "%100\\%%",
    "%100%",
    "%of_a%",
    "%of%a%",
    '%"it\'s"%',
    "%NEAR%",
    "%()%",
    "%*%",
    "answer%",
    "%answer",
    "%\n%",
    "%",
    "_",
    "%xyz%",
    "%say%",
    "%sh%",
    "%h%",
    "%nothing binomial%",
    "%question%coefficient%",
    "%Stra\u00dfe%",
    "%--%",
]
MATCHES = [
    "binomial",
    "BINOMIAL coefficient",
    "bino*",
    "coefficient compute",
    "strasse",
    "fish",
    "kelvin*",
    "中文字",
    "中*",
    "été",
    "it's",
    "100%",
    "of_a",
    "*",
    "?!",
    "",
    "near and or not",
    "no*thing",
    '"binomial coefficient"',
    "value*",
    "NEAR(binomial)",
    "-- -",
    "gpt-4o",
    "caf*",
    "é*",
    "answer",
]

NOW = 1_700_000_000_000
NAMES = ["answer", "Answer", "retrieve", "it's", "été", 'say "x"', "a%b_c"]
KEYS = ["model", "a.b", "my key", "mlflow.trace.session", "env"]
VALUES = ["x", "X", "gpt-4o", "gpt-4o-mini", "it's", "", "10", "9", "été", "a%b_c", "line\nbreak"]
ATTRIBUTES: list[Any] = ["x", "gpt-4o", 5, 7, 0.5, True, False, "5", "true", None, "2025-01-01"]
FEEDBACKS: list[Any] = ["yes", "no", True, False, 0.9, 4, None, {"a": 1}]


def known_traces(seed: int = 7, count: int = 60) -> list[KnownTrace]:
    chance = random.Random(seed)

    def maybe(values: list[Any], share: float = 0.7) -> Any:
        return chance.choice(values) if chance.random() < share else None

    traces = []
    for index in range(count):
        spans = []
        for place in range(chance.choice([0, 1, 2, 2, 3, 5])):
            attributes = {
                key: chance.choice(ATTRIBUTES)
                for key in ("model", "a.b", "my key", "stream", "n")
                if chance.random() < 0.5
            }
            if chance.random() < 0.3:
                attributes["mlflow.llm.model"] = '"gpt-4o"'
            start = (NOW - index * 1000) * 1_000_000
            spans.append(
                KnownSpan(
                    f"{index:08x}{place:08x}",
                    chance.choice(NAMES),
                    chance.choice(["LLM", "TOOL", "CHAIN", "UNKNOWN"]),
                    chance.choice(["OK", "OK", "ERROR", "UNSET"]),
                    model=maybe(["gpt-4o", "claude"]),
                    total_tokens=maybe([0, 5, 10, 100]),
                    cost=maybe([0.0, 0.5, 1.25]),
                    start_ns=start,
                    end_ns=maybe([start + 5_000_000, start + 500_000, start + 700_000_000]),
                    parent_id=maybe(["00000000000000aa"], 0.3),
                    attributes=attributes,
                    inputs=maybe(TEXTS),
                    outputs=maybe(TEXTS, 0.3),
                    other=maybe(TEXTS, 0.1),
                )
            )
        assessments = [
            KnownAssessment(
                chance.choice(["feedback", "feedback", "expectation"]),
                chance.choice(["quality", "my score"]),
                chance.choice(FEEDBACKS),
                valid=chance.random() < 0.8,
                session=maybe(["x", "gpt-4o"], 0.2),
            )
            for _ in range(chance.choice([0, 0, 1, 2]))
        ]
        traces.append(
            KnownTrace(
                f"tr-{index:032x}",
                # Several traces share a millisecond.
                NOW - (index // 3) * 1000,
                *chance.choice([("0", "Default"), ("1", "second")]),
                execution_duration=maybe([0, 5, 10, 500, 1500]),
                state=chance.choice(["OK", "OK", "ERROR", "IN_PROGRESS"]),
                name=maybe(NAMES),
                client_request_id=maybe(["r1", "r2"]),
                request_preview=maybe(["What is it?", "été"]),
                total_tokens=maybe([0, 5, 10, 100]),
                input_tokens=maybe([0, 5, 10]),
                cost=maybe([0.0, 0.5, 1.25]),
                tags={key: chance.choice(VALUES) for key in KEYS if chance.random() < 0.6},
                metadata={
                    key: chance.choice(VALUES)
                    for key in ("model", "a.b", "mlflow.sourceRun")
                    if chance.random() < 0.6
                },
                spans=spans,
                assessments=assessments,
                links=[
                    (kind, target)
                    for kind, target in (
                        ("run", "x"),
                        ("run", "gpt-4o"),
                        ("prompt", "greet/1"),
                        ("issue", "iss-1"),
                    )
                    if chance.random() < 0.2
                ],
            )
        )
    return traces


TRACES = known_traces()


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    database = open_database(tmp_path_factory.mktemp("known"))
    fill(database, TRACES[: len(TRACES) // 2])
    # Half of the texts are in the word index and half are not.
    store = Store(database.path.parent)
    catch_up(store)
    store.close()
    fill(database, TRACES[len(TRACES) // 2 :])
    yield database.connection()
    database.close()


def found(connection: sqlite3.Connection, text: str | None, **options: Any) -> list[str]:
    query = Query(text, now_ms=NOW, **options)
    keys = [row[-1] for row in query.page(connection, 1000)]
    assert query.count(connection) == len(keys)
    return [
        connection.execute("SELECT trace_id FROM traces WHERE id = ?", (key,)).fetchone()[0]
        for key in keys
    ]


def expected(text: str | None) -> list[str]:
    tree = parse(text, now_ms=NOW)
    chosen = [
        (-trace.request_time, -index, trace.trace_id)
        for index, trace in enumerate(TRACES)
        if tree is None or matches(tree, trace, TRACES)
    ]
    return [item[2] for item in sorted(chosen)]


def quoted(text: str) -> st.SearchStrategy[str]:
    single = "'" + text.replace("'", "''") + "'"
    double = '"' + text.replace('"', '""') + '"'
    return st.sampled_from([single, double])


def texts(values: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(values).flatmap(quoted)


patterns = st.one_of(
    texts(["%x%", "g%", "%o", "%", "_", "gpt-4o", "GPT%", "%É%", "a%b_c", "%'%", "", "__", "%%4%"]),
    st.text("xXg%_4", max_size=5).flatmap(quoted),
)
regexes = texts(["^g", "o$", "x|X", "[0-9]+", "", "(?i)GPT", "."])
numbers = st.sampled_from(["0", "5", "10", "0.5", "100", "-1", "1e3", "1500.0", ".5", "7"])


def key_text(key: str) -> st.SearchStrategy[str]:
    forms = [f"`{key}`", f'"{key}"', f"'{key}'"]
    return st.sampled_from([*forms, key] if " " not in key else forms)


def names(prefixes: list[str], keys: list[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(prefixes), st.sampled_from(keys).flatmap(key_text)).map(
        ".".join
    )


def text_condition(name: st.SearchStrategy[str], values: list[str]) -> st.SearchStrategy[str]:
    value = texts(values)
    several = st.lists(value, min_size=1, max_size=3).map(lambda items: f"({', '.join(items)})")
    many = st.just("(" + ", ".join(f"'{item}'" for item in ["x", "OK", "LLM"] * 9) + ",)")
    return st.one_of(
        st.tuples(name, st.sampled_from(["=", "!="]), value).map(" ".join),
        st.tuples(name, st.sampled_from(["IN", "not in"]), st.one_of(several, many)).map(" ".join),
        st.tuples(name, st.sampled_from(["LIKE", "ilike", "NOT LIKE", "NOT ILIKE"]), patterns).map(
            " ".join
        ),
        st.tuples(name, st.sampled_from(["RLIKE", "NOT RLIKE"]), regexes).map(" ".join),
        st.tuples(name, st.sampled_from(["IS NULL", "IS NOT NULL"])).map(" ".join),
        st.tuples(name, st.sampled_from(["BETWEEN", "NOT BETWEEN"]), value, value).map(
            lambda parts: f"{parts[0]} {parts[1]} {parts[2]} AND {parts[3]}"
        ),
    )


def number_condition(
    name: st.SearchStrategy[str], value: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    several = st.lists(value, min_size=1, max_size=30).map(lambda items: f"({','.join(items)})")
    return st.one_of(
        st.tuples(name, st.sampled_from(["=", "!=", ">", ">=", "<", "<="]), value).map("".join),
        st.tuples(name, st.sampled_from(["IN", "NOT IN"]), several).map(" ".join),
        st.tuples(name, st.sampled_from(["IS NULL", "IS NOT NULL"])).map(" ".join),
        st.tuples(name, st.sampled_from(["BETWEEN", "NOT BETWEEN"]), value, value).map(
            lambda parts: f"{parts[0]} {parts[1]} {parts[2]} and {parts[3]}"
        ),
    )


times = st.one_of(
    st.integers(NOW - 25_000, NOW + 1000).map(str),
    st.sampled_from(["'-10s'", "'now'", "'2023-11-14T22:13:15Z'", "'5 seconds ago'", "'today'"]),
)
durations = st.one_of(numbers, st.sampled_from(["'5ms'", "'0.5s'", "'1.5 s'", "'10'"]))
trace_texts = st.sampled_from(
    [
        "name",
        "trace.name",
        "`name`",
        "status",
        "status",
        "attributes.state",
        "client_request_id",
        "experiment",
        "experiment_id",
        "session",
        "user",
        "run_id",
        "request_preview",
        "tags.`mlflow.traceName`",
    ]
)
trace_conditions = st.one_of(
    text_condition(
        st.one_of(trace_texts, names(["tag", "tags", "metadata", "request_metadata"], KEYS)),
        [*VALUES, *NAMES, "OK", "ERROR", "Default", "1", "r1"],
    ),
    text_condition(st.sampled_from(["request_id", "trace_id"]), [f"tr-{3:032x}", f"{4:032x}"]),
    number_condition(st.sampled_from(["timestamp", "end_time", "`timestamp_ms`"]), times),
    number_condition(st.sampled_from(["execution_time", "trace.execution_time_ms"]), durations),
    number_condition(
        st.sampled_from(["tokens", "cost", "input_tokens", "span_count", "error_count"]), numbers
    ),
    st.sampled_from(
        ["prompt = 'greet/1'", "issue.id = 'iss-1'", "prompt IS NULL", "issue.id IS NOT NULL"]
    ),
)


def scalar_condition(
    name: st.SearchStrategy[str], ordered_values: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    value = st.one_of(
        texts(["x", "5", "true", "yes", "gpt-4o", "0.9", '{"a": 1}']),
        numbers,
        st.sampled_from(["TRUE", "false"]),
    )
    several = st.lists(value, min_size=1, max_size=4).map(lambda items: f"({', '.join(items)})")
    return st.one_of(
        st.tuples(name, st.sampled_from(["=", "!="]), value).map(" ".join),
        st.tuples(name, st.sampled_from([">", ">=", "<", "<="]), ordered_values).map(" ".join),
        st.tuples(name, st.sampled_from(["IN", "NOT IN"]), several).map(" ".join),
        st.tuples(name, st.sampled_from(["LIKE", "NOT ILIKE"]), patterns).map(" ".join),
        st.tuples(name, st.sampled_from(["RLIKE"]), regexes).map(" ".join),
        st.tuples(name, st.sampled_from(["IS NULL", "IS NOT NULL"])).map(" ".join),
        st.tuples(
            name, st.sampled_from(["BETWEEN", "NOT BETWEEN"]), ordered_values, ordered_values
        ).map(lambda parts: f"{parts[0]} {parts[1]} {parts[2]} AND {parts[3]}"),
    )


assessment_conditions = scalar_condition(
    names(["feedback", "expectation"], ["quality", "my score", "absent"]), numbers
)
span_conditions = st.one_of(
    text_condition(
        st.sampled_from(["span.name", "span.type", "span.status", "span.model", "span.parent_id"]),
        [*NAMES, "LLM", "TOOL", "ERROR", "OK", "gpt-4o"],
    ),
    number_condition(st.sampled_from(["span.tokens", "span.cost"]), numbers),
    number_condition(st.just("span.duration_ms"), durations),
    number_condition(st.just("span.start_time"), times),
    scalar_condition(
        names(["span.attributes"], ["model", "a.b", "my key", "n", "stream", "mlflow.llm.model"]),
        st.one_of(numbers, texts(["5", "2024", "x"])),
    ),
)
text_fields = st.sampled_from(["text", "trace.text", "span.content", "span.inputs", "span.outputs"])
content_conditions = st.one_of(
    st.tuples(
        text_fields,
        st.sampled_from(["LIKE", "NOT LIKE", "ILIKE", "ilike", "NOT ILIKE"]),
        st.one_of(texts(PATTERNS), patterns),
    ).map(" ".join),
    st.tuples(text_fields, st.sampled_from(["MATCH", "match", "NOT MATCH"]), texts(MATCHES)).map(
        " ".join
    ),
    st.tuples(text_fields, st.sampled_from(["RLIKE", "NOT RLIKE"]), regexes).map(" ".join),
    st.tuples(text_fields, st.sampled_from(["IS NULL", "IS NOT NULL"])).map(" ".join),
)
simple = st.one_of(
    content_conditions, trace_conditions, span_conditions, span_conditions, assessment_conditions
)


def combine(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(" AND ".join),
        st.lists(inner, min_size=2, max_size=3).map(" or ".join),
        inner.map(lambda text: f"NOT ({text})"),
        inner.map(lambda text: f"not {text}"),
        inner.map(lambda text: f"({text})"),
    )


filters = st.recursive(simple, combine, max_leaves=7)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=filters)
@example("span.name != 'answer' AND span.type = 'LLM'")
@example("NOT (span.name = 'answer' AND span.type = 'LLM')")
@example("(span.name = 'answer' AND state = 'OK') AND NOT span.type = 'LLM'")
@example("NOT span.name = 'answer' OR tags.env = 'x'")
@example("NOT tags.env = 'x'")
@example("state = 'OK' OR span.name = 'answer' OR tags.env = 'x'")
@example(
    "(state = 'OK' OR span.name = 'answer') AND (state = 'OK' OR span.type IN ('LLM', 'TOOL'))"
)
@example("span.name = 'answer' AND (span.type = 'LLM' OR span.status = 'OK')")
@example("NOT cost > 1 AND NOT execution_time < 10")
def test_a_filter_finds_what_plain_python_finds(connection: sqlite3.Connection, text: str) -> None:
    assert found(connection, text) == expected(text)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=filters)
@example(text="text LIKE '%binomial%' AND NOT span.content MATCH 'caf*'")
@example(text="span.content MATCH 'strasse' OR text ILIKE '%STRASSE%'")
@example(text="text ILIKE '%fish%' AND text LIKE '%中文%'")
def test_a_large_store_finds_the_same(
    connection: sqlite3.Connection, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With these bounds the planner decides as it does among a million traces.
    with monkeypatch.context() as context:
        context.setattr(streams, "FIRST_PROBE", 2)
        context.setattr(streams, "LAST_PROBE", 12)
        context.setattr(streams, "MAX_SORTED", 3)
        context.setattr(contents, "MAX_TEXTS", 5)
        context.setattr(contents, "MAX_TERMS", 3)
        assert found(connection, text) == expected(text)


@pytest.mark.parametrize("order", ["timestamp DESC", "timestamp"])
@pytest.mark.parametrize("margin", [0.1, 1.3, 50])
@pytest.mark.parametrize(
    "text",
    ["text LIKE '%binomial%'", "text ILIKE '%question%' AND state = 'OK'", "text LIKE '%zebra%'"],
)
def test_common_words_are_looked_for_in_the_newest_traces_first(
    connection: sqlite3.Connection,
    text: str,
    margin: float,
    order: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = Query(text, order_by=[order]).page(connection, 1_000)
    monkeypatch.setattr(recent, "FEWEST_HITS", 1)
    monkeypatch.setattr(recent, "COST", 0)
    monkeypatch.setattr(recent, "MARGIN", margin)
    for limit in (1, 3, 1_000):
        assert Query(text, order_by=[order]).page(connection, limit) == whole[:limit]
        for place in whole[:2]:
            after = whole[whole.index(place) + 1 :]
            assert Query(text, order_by=[order]).page(connection, limit, place) == after[:limit]


@pytest.mark.parametrize(
    ("text", "along"),
    [
        ("state = 'OK' AND tags.env = 'x'", True),
        ("state = 'OK' AND span.name = 'answer' AND tags.env = 'x'", True),
        ("span.type = 'LLM' AND state = 'OK' AND timestamp > 0", True),
        ("tags.env = 'x' AND tags.env = 'nobody'", False),
        ("state = 'OK' AND NOT tags.env = 'x'", False),
        ("state = 'OK' AND (tags.env = 'x' OR span.name = 'answer')", False),
    ],
)
def test_common_conditions_that_are_read_along_find_the_same(
    connection: sqlite3.Connection, text: str, along: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "FIRST_PROBE", 1)
    monkeypatch.setattr(streams, "LAST_PROBE", 1)
    wanted = expected(text)
    assert found(connection, text) == wanted
    query = Query(text, now_ms=NOW)
    assert query.count(connection) == len(wanted)
    assert ("INTERSECT" in query.explain(connection)[0]) is along
    place, pages = None, []
    while page := query.page(connection, 2, place):
        place = page[-1]
        pages += [row[-1] for row in page]
    assert pages == [row[-1] for row in query.page(connection, 1_000)]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=filters,
    size=st.integers(1, 9),
    order=st.sampled_from(
        [
            None,
            ["timestamp"],
            ["timestamp DESC"],
            ["execution_time DESC"],
            ["execution_time"],
            ["name", "cost DESC"],
            ["status"],
            ["tags.`my key` DESC", "timestamp ASC"],
            ["end_time"],
            ["run_id", "experiment_id DESC"],
            ["request_id"],
        ]
    ),
)
def test_pages_join_to_the_whole_in_order(
    connection: sqlite3.Connection, text: str, size: int, order: list[str] | None
) -> None:
    query = Query(text, order_by=order, now_ms=NOW)
    whole = query.page(connection, 1000)
    joined: list[tuple[Any, ...]] = []
    while page := query.page(connection, size, joined[-1] if joined else None):
        joined.extend(page)
    assert joined == whole
    assert query.page(connection, size, offset=size) == whole[size : 2 * size]
    assert sorted(row[-1] for row in whole) == sorted(
        row[-1] for row in Query(text, now_ms=NOW).page(connection, 1000)
    )
    for key, index in [(key, place) for place, key in enumerate(query.order)][:1]:
        present = [row[index] for row in whole if row[index] is not None]
        assert present == sorted(present, reverse=key.descending)
        assert [row[index] for row in whole][: len(present)] == present  # missing ones come last


WORDS = (
    "AND OR NOT IN LIKE ILIKE RLIKE BETWEEN IS NULL ( ) , = != > >= < <= == <> ; 'x' \"y\" `z` "
    "' \" ` name status tags.k tags. span.name span.attributes.x timestamp 5 -1.5 1e999 text 5s "
    "trace.text foo foo.bar 'it''s' -- /* \x00 \ud800 \u201c \u00e9 tags.'a'b '(' 'now' true "
    "99999999999999999999999999 cost feedback.q prompt 'a/1' issue.id end_time tags.`k"
)
words = st.sampled_from(WORDS.split(" "))
garbage = st.one_of(st.lists(st.one_of(words, simple), max_size=9).map(" ".join), st.text())


@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=garbage)
@example("(" * 5000)
@example("NOT " * 5000 + "name = 'a'")
@example("name = 'a' OR " * 5000 + "name = 'a'")
@example("timestamp > " + "9" * 10_000)
@example("name RLIKE '" + "(" * 10_000 + "'")
@example("timestamp > '99999999999999-01-01'")
@example("timestamp > '9999999999999 weeks ago'")
@example("x" * 2_000_000)
def test_garbage_raises_nothing_but_nbtrace_errors(
    connection: sqlite3.Connection, text: str
) -> None:
    try:
        query = Query(text, now_ms=NOW)
    except NbtraceError as error:
        assert error.error_code == INVALID_PARAMETER_VALUE  # noqa: PT017
        if len(text) <= 1_000_000:
            shown = error.message.split("\n")
            assert shown[-2].lstrip(" ") == "^"
            assert len(shown[-2]) <= len(shown[-3]) + 1
        return
    query.page(connection, 10)
    query.count(connection)


@settings(max_examples=200, deadline=None)
@given(text=garbage)
def test_a_garbage_order_raises_nothing_but_nbtrace_errors(text: str) -> None:
    try:
        Query(None, order_by=[text])
    except NbtraceError as error:
        assert error.error_code == INVALID_PARAMETER_VALUE  # noqa: PT017


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=3))
@example("'; DROP TABLE traces; --")
def test_no_literal_reaches_the_sql(connection: sqlite3.Connection, value: str) -> None:
    marked = "\u2603" + value
    literal = "'" + marked.replace("'", "''") + "'"
    key = "`" + marked.replace("`", "``") + "`"
    for text in (
        f"tags.{key} = {literal} OR metadata.{key} LIKE {literal}",
        f"name IN ({literal}, {literal}) AND span.attributes.{key} != {literal}",
        f"NOT (span.name ILIKE {literal} OR feedback.{key} = {literal})",
        f"run_id = {literal} OR issue.id = {literal} OR experiment = {literal}",
    ):
        query = Query(text, locations=[marked], order_by=[f"tags.{key} DESC"])
        sql, parameters, _ = query.explain(connection)
        assert "\u2603" not in sql
        assert marked in parameters
        query.page(connection, 3)


@settings(max_examples=300, deadline=None)
@given(text=st.text("ab%_\n", max_size=8), pattern=st.text("ab%_\n", max_size=6))
def test_like_agrees_with_its_definition(text: str, pattern: str) -> None:
    assert sql_like(text, pattern) is like(text, pattern)


def test_a_word_that_is_no_state_is_told_and_mlflows_filter_keeps_its_meaning() -> None:
    with nbtrace.start_span("step") as span:
        span.set_status("ERROR")
    with pytest.raises(NbtraceError, match=r"no trace is in the state 'error'[\s\S]*'ERROR'"):
        nbtrace.search_traces("state = 'error'")
    with pytest.raises(NbtraceError, match="no trace is in the state 'done'"):
        nbtrace.search_traces("name = 'step' AND state IN ('OK', 'done')")
    assert nbtrace.count_traces("state ILIKE 'err%' AND state != 'OK'") == 1
    # Valid in MLflow, where it finds nothing.
    assert nbtrace.count_traces("status = 'error'") == 0
    for filter_string in ("status = 'error'", "span.status = 'error'"):
        (caveat, *_) = nbtrace.explain(filter_string).caveats
        assert caveat.startswith("nothing has the status 'error': it is one of OK, ERROR")
    assert nbtrace.explain("status = 'ERROR'").caveats == []
