"""Misuse of the public functions: one clear error with MLflow's code, and nothing is changed by it.

Each row is a call that a person could write. The error must be nbtrace's own, say what to give
instead, and show no second traceback.
"""

from __future__ import annotations

import re
import traceback

import pytest

import nbtrace
from nbtrace import MlflowClient
from nbtrace.entities import Span, SpanEvent, Trace
from nbtrace.exceptions import (
    INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    NbtraceError,
)

NOWHERE = "tr-" + "0" * 32
SPAN = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="x", start_time_ns=1, end_time_ns=2)


def function():
    return 1


def started():
    return nbtrace.start_span_no_context("x")


def entered(**options):
    with nbtrace.start_span("x", **options):
        pass


def inside(**options):
    with nbtrace.start_span("x"):
        nbtrace.update_current_trace(**options)


def within(**options):
    with nbtrace.context(**options):
        pass


def within_request(headers):
    with nbtrace.tracing.set_tracing_context_from_http_request_headers(headers):
        pass


INVALID = [
    (lambda: nbtrace.trace("name"), "decorates functions"),
    (lambda: nbtrace.trace(function, attributes=3), "attributes takes a mapping"),
    (lambda: nbtrace.trace(function, links=3), "links takes a list"),
    (lambda: entered(attributes=[1]), "attributes takes a mapping"),
    (lambda: entered(links=3), "links takes a list"),
    (lambda: entered(links=["tr-1"]), "a link is a Link"),
    (lambda: nbtrace.start_span_no_context("x", tags=3), "tags takes a mapping"),
    (lambda: nbtrace.start_span_no_context("x", metadata=[("a", 1)]), "metadata takes a mapping"),
    (lambda: nbtrace.start_span_no_context("x", start_time_ns="now"), "nanoseconds"),
    (lambda: nbtrace.start_span_no_context("x", start_time_ns=2**64), "nanoseconds"),
    (lambda: started().end(end_time_ns=float("nan")), "nanoseconds"),
    (lambda: started().set_attributes(3), "attributes takes a mapping"),
    (lambda: started().add_event("name"), "SpanEvent"),
    (lambda: started().add_event(SpanEvent("name", attributes=3)), "attributes .* a mapping"),
    (lambda: started().add_link(3), "a link is a Link"),
    (lambda: inside(tags=3), "tags takes a mapping"),
    (lambda: inside(metadata=3), "metadata takes a mapping"),
    (lambda: within(tags=3), "tags takes a mapping"),
    (lambda: nbtrace.get_trace(None), "a trace's id is a text"),
    (lambda: nbtrace.set_trace_tag(3, "k", "v"), "a trace's id is a text"),
    (lambda: nbtrace.search_traces(experiment_ids=3), "experiment_ids takes a list"),
    (lambda: nbtrace.delete_traces("0", max_timestamp_millis="now"), "a whole number"),
    (lambda: nbtrace.delete_traces("0", max_timestamp_millis=9, max_traces="a"), "a whole number"),
    (lambda: nbtrace.delete_traces("0", trace_ids=3), "trace_ids takes a list"),
    (lambda: nbtrace.restore_traces(3), "trace_ids takes a list"),
    (lambda: MlflowClient().link_traces_to_run(3, "run"), "trace_ids takes a list"),
    (lambda: nbtrace.set_experiment(3), "name must be a string"),
    (lambda: nbtrace.create_experiment(3), "name must be a string"),
    (lambda: nbtrace.create_experiment("a", tags=3), "tags takes a mapping"),
    (lambda: nbtrace.create_experiment("a", artifact_location=3), "a directory or a URL"),
    (lambda: nbtrace.set_experiment_tags(3), "tags takes a mapping"),
    (lambda: nbtrace.configure(redact_patterns=3), "a list of strings"),
    (lambda: nbtrace.configure(redact_patterns=[3]), "a list of strings"),
    (lambda: nbtrace.configure(redact_keys=3), "a list of strings"),
    (lambda: nbtrace.configure(max_value_bytes=True), "a positive integer"),
    (lambda: nbtrace.configure(sampling_ratio=True), "from 0 to 1"),
    (lambda: nbtrace.configure(span_processors=3), "span_processors takes a list"),
    (lambda: nbtrace.log_assessment(NOWHERE, 3), "give a Feedback"),
    (lambda: nbtrace.update_assessment(NOWHERE, "a-1", 3), "give a Feedback"),
    (lambda: nbtrace.log_trace(name="x", tags=3), "tags takes a mapping"),
    (lambda: nbtrace.export_traces(to=3), "a file's name"),
    (lambda: nbtrace.forward(3), "an address"),
    (lambda: nbtrace.forward("http://localhost:1", timeout="a"), "timeout takes seconds"),
    (lambda: nbtrace.stop_forwarding(3), "an address"),
    (lambda: nbtrace.export_traces(to="traces.jsonl", max_results=-1), "a number from 1"),
    (lambda: nbtrace.export_traces(to="traces.jsonl", max_results="all"), "max_results"),
    (lambda: nbtrace.add_trace(Trace.from_spans([SPAN]), target=3), "target takes a span"),
    (lambda: nbtrace.receive(port="http"), "a whole number"),
    (lambda: nbtrace.receive(port=99_999), "from 0 to 65535"),
    (lambda: nbtrace.set_tracking_uri(3), "a store is a directory"),
    (lambda: nbtrace.autolog(3), "names of libraries"),
    (lambda: nbtrace.tracing.set_span_chat_tools(3, []), "the span first"),
    (lambda: nbtrace.search_traces("colour = 'red'"), "unknown field 'colour'"),
    (lambda: nbtrace.search_traces(locations=3), "locations takes a list"),
    (lambda: nbtrace.trace(function, sampling_ratio_override="half"), "from 0 to 1"),
    (lambda: nbtrace.log_trace(start_time_ms="now"), "start_time_ms takes milliseconds"),
    (lambda: nbtrace.log_trace(execution_time_ms="long"), "execution_time_ms takes milliseconds"),
    (lambda: nbtrace.log_trace(intermediate_outputs=3), "intermediate_outputs takes a mapping"),
    (lambda: nbtrace.import_traces({}, experiment=3), "experiment must be a name, got 3"),
    (lambda: nbtrace.export_traces(3, to="traces.jsonl"), "a filter, a Trace or a list"),
    (lambda: nbtrace.forward("http://localhost:1", headers=3), "headers takes a mapping"),
    (lambda: Trace.from_json("{"), "not JSON"),
    (lambda: Trace.from_dict({"info": 3, "data": 4}), "not a trace info"),
    (lambda: Span.from_dict({}), "not a span"),
    (lambda: within_request(3), "headers takes a mapping"),
]


def raised(call) -> NbtraceError:
    with pytest.raises(NbtraceError) as caught:
        call()
    shown = "".join(traceback.format_exception(caught.value))
    assert shown.count("Traceback (most recent call last)") == 1, shown
    return caught.value


@pytest.mark.parametrize(("call", "words"), INVALID)
def test_what_cannot_work_says_what_can(call, words):
    error = raised(call)
    assert error.error_code == INVALID_PARAMETER_VALUE
    assert re.search(words, str(error)), str(error)


@pytest.mark.parametrize(
    "call",
    [
        lambda: nbtrace.set_trace_tag(NOWHERE, "k", "v"),
        lambda: nbtrace.delete_trace_tag(NOWHERE, "k"),
        lambda: nbtrace.log_feedback(trace_id=NOWHERE, name="a", value=1),
        lambda: nbtrace.get_experiment("9"),
        lambda: nbtrace.delete_experiment("9"),
        lambda: nbtrace.compare(NOWHERE, NOWHERE),
        lambda: nbtrace.import_traces("no such file.json"),
        lambda: MlflowClient().get_trace(NOWHERE),
        lambda: MlflowClient().end_trace(NOWHERE),
        lambda: MlflowClient().link_traces_to_run([NOWHERE], "run"),
    ],
)
def test_what_is_not_there_is_said_to_be_missing(call):
    assert raised(call).error_code == RESOURCE_DOES_NOT_EXIST


def test_a_trace_that_is_not_there_is_not_compared_with_an_earlier_run():
    assert "there is no trace" in str(raised(lambda: nbtrace.compare(NOWHERE)))


def test_what_is_there_already():
    assert (
        raised(lambda: nbtrace.create_experiment("Default")).error_code == RESOURCE_ALREADY_EXISTS
    )


def test_a_wrong_time_deletes_nothing():
    entered()
    raised(lambda: nbtrace.delete_traces("0", max_timestamp_millis="yesterday"))
    assert nbtrace.count_traces() == 1


def test_a_refused_span_leaves_nothing_current_and_its_trace_is_an_error():
    raised(lambda: entered(attributes=[1]))
    assert nbtrace.get_current_active_span() is None
    found = nbtrace.search_traces(return_type="list")
    assert [trace.info.state.value for trace in found] == ["ERROR"]
