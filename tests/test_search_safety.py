"""What a person types: faults are shown with their place, and nothing of it becomes SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_search_grammar import FAULTS
from test_search_language import NOW, filters, known_traces

from nbtrace.exceptions import INVALID_PARAMETER_VALUE, NbtraceError
from nbtrace.search.listing import Listing
from nbtrace.search.query import Query
from nbtrace.search.spans import search_spans
from nbtrace.search.traces import count_traces, search_traces
from nbtrace.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

SNOWMAN = "\u2603"
STRING = re.compile(r"'(?:[^']|'')*'")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    from search_reference import fill

    store = Store(tmp_path_factory.mktemp("safety") / ".nbtrace")
    traces = known_traces()
    for trace in traces:  # what no one can log cannot be read as an assessment
        trace.assessments = [item for item in trace.assessments if item.value is not None]
    fill(store.database, traces)
    yield store
    store.close()


def place_of(error: NbtraceError) -> tuple[str, int]:
    """Return the filter as shown and where in it the caret is."""
    assert error.error_code == INVALID_PARAMETER_VALUE
    lines = error.message.split("\n")
    shown, caret = lines[-3], lines[-2]
    assert caret.lstrip(" ") == "^"
    assert lines[-1].startswith("Expected ")
    assert len(caret) <= len(shown) + 1
    return shown, len(caret) - 1


@settings(max_examples=200, deadline=None)
@given(
    text=filters,
    fault=st.sampled_from(FAULTS),
    word=st.sampled_from([" AND ", " or ", " AND NOT "]),
)
def test_a_fault_behind_any_filter_is_shown_at_its_place(
    text: str, fault: tuple[str, int, str], word: str
) -> None:
    faulty, position, expected = fault
    if faulty == "name = 'a')":  # closes a parenthesis of the random part
        text = "name = 'b'"
    with pytest.raises(NbtraceError) as caught:
        Query(f"({text}){word}{faulty}")
    shown, caret = place_of(caught.value)
    visible = shown[caret : caret + 8].removesuffix("...")
    assert faulty[position:].startswith(visible) or visible.startswith(faulty[position:])
    assert expected in caught.value.message


@st.composite
def broken(draw: st.DrawFn) -> str:
    """Draw a valid filter with characters taken out, put in or cut off."""
    text = draw(filters)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text)))
        other = draw(st.integers(0, len(text)))
        change = draw(st.sampled_from(["delete", "insert", "cut", "double", "swap"]))
        first, last = sorted((place, other))
        if change == "delete":
            text = text[:first] + text[min(last, first + 5) :]
        elif change == "insert":
            text = (
                text[:place] + draw(st.sampled_from(list("'\"`()=<>!%;,.\\-\0é 5"))) + text[place:]
            )
        elif change == "cut":
            text = text[:place]
        elif change == "double":
            text = text[:last] + text[first:]
        else:
            text = text[last:] + text[first:last] + text[:first]
    return text


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=broken())
@example("name = 'a' AND")
@example("name = 'a' OR")
@example("tags.`k = 'a'")
def test_a_broken_filter_is_shown_with_a_place_or_still_means_something(
    store: Store, text: str
) -> None:
    try:
        query = Query(text, now_ms=NOW)
    except NbtraceError as error:
        place_of(error)
        return
    with store.database.reading() as connection:
        assert len(query.page(connection, 1000)) == query.count(connection)


def everything(store: Store, planted: str) -> list[str]:
    """Let a text go everywhere a person's text can go; return the statements without values."""
    literal = "'" + planted.replace("'", "''") + "'"
    key = "`" + planted.replace("`", "``") + "`"
    seen: list[str] = []
    connection = store.database.connection()
    connection.set_trace_callback(seen.append)
    try:
        for text in (
            f"tags.{key} = {literal} OR metadata.{key} != {literal}",
            f"name IN ({literal}, {literal}) AND span.attributes.{key} != {literal}",
            f"NOT (span.name RLIKE '{SNOWMAN}' OR feedback.{key} = {literal})",
            f"run_id = {literal} OR issue.id = {literal} OR experiment = {literal}",
            f"session = {literal} AND span.model BETWEEN {literal} AND {literal}",
            f"expectation.{key} IS NOT NULL OR trace_id = {literal}",
        ):
            search_traces(store, filter_string=text, locations=[planted, "0"], include_spans=False)
            for order in (f"tags.{key} DESC", f"metadata.{key}"):
                search_traces(store, filter_string=text, order_by=[order], include_spans=False)
            count_traces(store, text)
            search_spans(store, text, include_content=False)
            shown = Listing(store, text, [f"tags.{key}"], locations=[planted])
            shown.rows(0, 10)
            shown.trace_ids(1)  # waits for the thread that gathers the keys
            shown.count()
            shown.position(planted)
            shown.newer()
            shown.facet(f"tags.{planted}")
            shown.facet("state")
            shown.histogram("cost")
    finally:
        connection.set_trace_callback(None)
    assert all(SNOWMAN not in STRING.sub("?", statement) for statement in seen)
    # SQLite hands the statements over with their values put in as literals.
    assert any(SNOWMAN in statement for statement in seen)
    return [STRING.sub("?", statement) for statement in seen]


@pytest.fixture(scope="module")
def harmless(store: Store) -> list[str]:
    return everything(store, SNOWMAN)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    value=st.text(
        st.one_of(
            st.sampled_from("'\"`;-/*()%_\\[]{}?:@$"),
            st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
        )
    )
)
@example("'; DROP TABLE traces; --")
@example("' OR ''='")
@example('" OR 1=1 --')
@example("?1 :a @b $c")
@example("\\' UNION SELECT 1")
def test_what_a_person_types_never_becomes_sql(
    store: Store, harmless: list[str], value: str
) -> None:
    assert everything(store, SNOWMAN + value + "'") == harmless


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
@example('") OR ("a')
@example("a* NEAR b ^c {d}: -e")
def test_words_of_a_text_search_never_become_sql_nor_fts_syntax(store: Store, value: str) -> None:
    literal = "'" + (SNOWMAN + value).replace("'", "''") + "'"
    seen: list[str] = []
    connection = store.database.connection()
    connection.set_trace_callback(seen.append)
    try:
        for operator in ("LIKE", "ILIKE", "MATCH", "NOT LIKE"):
            for field in ("text", "span.content", "span.inputs"):
                count_traces(store, f"{field} {operator} {literal}")
    finally:
        connection.set_trace_callback(None)
    assert all(SNOWMAN not in STRING.sub("?", statement) for statement in seen)
