"""Tags and feedback in the panel: what is stored is what is shown, and changes are told."""

from __future__ import annotations

import pytest

import nbtrace
from nbtrace.entities import AssessmentSource, Trace
from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.detail_requests import DetailRequests
from nbtrace.widgets.source import source_of


@pytest.fixture
def trace():
    with nbtrace.start_span("answer") as span:
        pass
    nbtrace.flush()
    return nbtrace.get_trace(span.trace_id)


@pytest.fixture
def sent():
    return []


@pytest.fixture
def requests(trace, sent):
    source = source_of(trace)
    return DetailRequests(lambda: source, sent.append)


def test_thumbs_and_their_note(trace, requests):
    given = requests.feedback(True, None, None, None)["assessments"]
    assert [(one["value"], one["source"], one["span_id"]) for one in given] == [
        ("true", "HUMAN", None)
    ]
    changed = requests.feedback(False, "too long", None, given[0]["id"])["assessments"]
    assert [(one["value"], one["rationale"]) for one in changed] == [("false", "too long")]
    assert nbtrace.count_traces("feedback.feedback = false") == 1
    # The thumb alone leaves the note as it was.
    again = requests.feedback(True, None, None, given[0]["id"])["assessments"]
    assert again[0]["rationale"] == "too long"
    assert requests.delete_feedback(given[0]["id"])["assessments"] == []
    span_id = trace.data.spans[0].span_id
    assert requests.feedback(True, None, span_id, None)["assessments"][0]["span_id"] == span_id


def test_a_judge_is_overridden_and_kept(trace, requests):
    judge = AssessmentSource("LLM_JUDGE", "some-model")
    nbtrace.log_feedback(
        trace_id=trace.trace_id, name="correct", value=False, rationale="why", source=judge
    )
    (one,) = requests.annotations()["assessments"]
    assert (one["name"], one["source"], one["source_id"]) == ("correct", "LLM_JUDGE", "some-model")
    found = requests.feedback(True, None, None, one["id"])["assessments"]
    assert sorted((item["value"], item["valid"], item["name"]) for item in found) == [
        ("false", False, "correct"),
        ("true", True, "correct"),
    ]


def test_tags_are_changed_in_place(trace, requests):
    requests.set_tag("reviewed", "yes")
    assert nbtrace.get_trace(trace.trace_id).info.tags["reviewed"] == "yes"
    tags = requests.delete_tag("reviewed")["tags"]
    assert "reviewed" not in [tag["key"] for tag in tags]
    with pytest.raises(NbtraceError, match="key"):
        requests.set_tag("k" * 300, "x")


def test_the_page_is_told_of_changes_from_python(trace, requests, sent):
    requests.tell_changes()
    requests.annotations()
    requests.tell_changes()
    assert sent == []
    nbtrace.set_trace_tag(trace.trace_id, "reviewed", "yes")
    requests.tell_changes()
    assert sent == [{"kind": "changed", "what": "annotations"}]
    assert {"key": "reviewed", "value": "yes", "fixed": False} in requests.annotations()["tags"]


def test_a_linked_span_is_opened_or_said_to_be_elsewhere(trace, requests):
    root = trace.data.spans[0]
    assert requests.linked(trace.trace_id, root.span_id)["name"] == "answer"
    with pytest.raises(NbtraceError, match="not in this store"):
        requests.linked("tr-" + "0e" * 16, "0f" * 8)


def test_the_span_as_json(trace, requests):
    import json

    root = trace.data.spans[0]
    piece = requests.span_json(trace.trace_id, root.span_id)
    assert json.loads(piece["text"])["name"] == "answer"


def test_a_trace_of_no_store_shows_what_it_carries(trace, sent):
    foreign = Trace.from_dict(
        {
            **trace.to_dict(),
            "info": {**trace.to_dict()["info"], "trace_id": "tr-" + "0b" * 16, "tags": {"a": "b"}},
        }
    )
    source = source_of(foreign)
    requests = DetailRequests(lambda: source, sent.append)
    found = requests.annotations()
    assert not found["stored"]
    assert {"key": "a", "value": "b", "fixed": True} in found["tags"]
    with pytest.raises(NbtraceError, match="no trace"):
        requests.feedback(True, None, None, None)
