from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrace.entities import (
    AssessmentError,
    AssessmentSource,
    Expectation,
    Feedback,
    IssueReference,
)
from nbtrace.store.assessments import insert_assessment, read_assessments
from nbtrace.store.rows import TraceRow
from nbtrace.store.store import Store

ID = "tr-" + "0a" * 16


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / ".nbtrace")
    opened.database.upsert_traces([TraceRow(ID, "0", 1000)])
    yield opened
    opened.close()


def round_trip(store, assessment):
    with store.database.transaction() as connection:
        found = insert_assessment(connection, 1, assessment)
    with store.database.reading() as connection:
        [kept] = [
            item for item in read_assessments(connection, [1])[1] if item.assessment_id == found
        ]
    assessment.trace_id = ID
    return kept


@pytest.mark.parametrize(
    "assessment",
    [
        Feedback("good", value=True, rationale="because", metadata={"k": "v"}, span_id="0" * 16),
        Feedback("broken", error=ValueError("no"), valid=False, overrides="a-1"),
        Feedback("coded", error=AssessmentError("CODE", "text")),
        Feedback("by", value=0.5, source=AssessmentSource("HUMAN", "ada")),
        Feedback("nested", value={"a": [1, None, "x"]}),
        Expectation("expected", {"answer": 42}),
        Expectation("text", "Paris"),
        IssueReference("i-1", "wrong language", run_id="r"),
    ],
)
def test_round_trip(store, assessment):
    kept = round_trip(store, assessment)
    assert type(kept) is type(assessment)
    assert kept == assessment
    assert kept.assessment_id.startswith("a-")


def test_same_id_is_replaced(store):
    first = Feedback("good", value=1)
    round_trip(store, first)
    first.value = 2
    assert round_trip(store, first).value == 2
    assert len(store.get_trace_info(ID).assessments) == 1


def test_columns_that_filters_read(store):
    round_trip(store, Feedback("good", value="yes"))
    with store.database.reading() as connection:
        rows = connection.execute("SELECT kind, name, value, valid FROM assessments").fetchall()
    assert rows == [("feedback", "good", '"yes"', 1)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
).filter(lambda value: value is not None)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=json_values)
def test_any_value(store, value):
    def finite(item):
        text = json.dumps(item)
        return "Infinity" not in text

    kept = round_trip(store, Feedback("v", value=value))
    if finite(value):
        assert kept.value == value
    with store.database.reading() as connection:
        assert connection.execute("SELECT min(json_valid(value)) FROM assessments").fetchone() == (
            1,
        )
