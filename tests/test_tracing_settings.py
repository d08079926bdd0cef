"""``configure``, the switch, experiments and ``reset``."""

from __future__ import annotations

import re

import pytest

import nbtrace
from nbtrace.config import options
from nbtrace.entities import TraceLocation
from nbtrace.exceptions import NbtraceError
from nbtrace.tracing import disable, enable, reset, set_destination


def a_trace():
    with nbtrace.start_span("step") as span:
        span.set_inputs({"patient_id": "p-17", "note": "ticket 4711"})
    return nbtrace.get_trace(span.trace_id, silent=True)


def test_a_block_takes_its_change_back():
    with nbtrace.configure(redact_keys=["Patient_ID"], redact_patterns=[r"ticket \d+"]):
        assert options.redact_keys == ("patient_id",)
        assert options.redact_patterns == (re.compile(r"ticket \d+"),)
        inside = a_trace().data.spans[0].inputs
    assert inside == {"patient_id": "[REDACTED]", "note": "[REDACTED]"}
    assert options.redact_keys == ()
    assert a_trace().data.spans[0].inputs["patient_id"] == "p-17"


def test_without_a_block_it_stays():
    nbtrace.configure(max_string_characters=5)
    nbtrace.configure(display="never", saved="names")
    assert (options.max_string_characters, options.display, options.saved) == (5, "never", "names")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "unknown option 'colour'; the options are"),
        ({"version": 3}, "unknown option 'version'"),
        ({"display": "sometimes"}, "auto, always, never"),
        ({"saved": "half"}, "full, names, none"),
        ({"redact": "no"}, "True or False"),
        ({"capture_content": 1}, "True or False"),
        ({"redact_patterns": ["("]}, "no regular expression"),
        ({"redact_patterns": "abc"}, "list"),
        ({"redact_keys": "abc"}, "list"),
        ({"sampling_ratio": 1.5}, "from 0 to 1"),
        ({"sampling_ratio": "half"}, "from 0 to 1"),
        ({"max_value_nodes": 0}, "positive integer"),
        ({"max_value_bytes": 1.5}, "positive integer"),
        ({"span_processors": [3]}, "functions of one span"),
        ({"span_processors": [lambda: None]}, "must take one argument"),
    ],
)
def test_misuse_says_what_to_do_and_changes_nothing(change, message):
    before = {name: getattr(options, name) for name in type(options).__slots__}
    with pytest.raises(NbtraceError, match=message):
        nbtrace.configure(**{"redact_keys": ["x"], **change})
    assert {name: getattr(options, name) for name in type(options).__slots__} == before


def test_processors_see_each_own_span_before_it_ends():
    seen = []

    def shorten(span):
        seen.append((span.name, span.end_time_ns))
        span.set_outputs("changed")
        span.set_attribute("seen", True)

    with nbtrace.configure(span_processors=[shorten]):
        trace = a_trace()
    assert seen == [("step", None)]
    assert trace.data.spans[0].outputs == "changed"
    assert trace.data.spans[0].raw_attributes["seen"] is True
    a_trace()
    assert len(seen) == 1


def test_a_processor_that_fails_costs_a_warning_and_no_span(caplog):
    def fail(span):
        raise ValueError("broken")

    with nbtrace.configure(span_processors=[fail, lambda span: span.set_attribute("next", 1)]):
        trace = a_trace()
    assert trace.data.spans[0].raw_attributes["next"] == 1
    assert "broken" in caplog.text


def test_the_switch():
    disable()
    assert a_trace() is None
    enable()
    assert a_trace() is not None
    with nbtrace.start_span("outer") as outer:
        disable()
        with nbtrace.start_span("inner"):
            pass
        enable()
    assert len(nbtrace.get_trace(outer.trace_id).data.spans) == 1


def test_an_experiment_is_made_once_and_used():
    first = nbtrace.set_experiment("prompts")
    assert nbtrace.set_experiment("prompts").experiment_id == first.experiment_id
    assert a_trace().info.experiment_id == first.experiment_id
    default = nbtrace.set_experiment(experiment_id="0")
    assert default.name == "Default"
    assert a_trace().info.experiment_id == "0"
    set_destination(first.experiment_id)
    assert a_trace().info.experiment_id == first.experiment_id
    nbtrace.set_experiment(trace_location=TraceLocation.from_experiment_id("0"))
    assert a_trace().info.experiment_id == "0"


def test_misuse_of_experiments():
    with pytest.raises(NbtraceError, match="one of the two"):
        nbtrace.set_experiment()
    with pytest.raises(NbtraceError, match="one of the two"):
        nbtrace.set_experiment("a", "0")
    with pytest.raises(NbtraceError, match="create_experiment"):
        nbtrace.set_experiment(experiment_id="99")
    with pytest.raises(NbtraceError, match="destination"):
        set_destination(object())


def test_span_files_go_where_the_experiment_says(tmp_path):
    experiment_id = nbtrace.create_experiment(
        "elsewhere", artifact_location=str(tmp_path / "spans")
    )
    nbtrace.set_experiment(experiment_id=experiment_id)
    trace = a_trace()
    assert len(list((tmp_path / "spans").rglob(f"{trace.info.trace_id}.json"))) == 1


def test_reset_writes_what_is_left_and_begins_anew():
    nbtrace.set_experiment("prompts")
    nbtrace.configure(redact=False, span_processors=[lambda span: None])
    disable()
    enable()
    with nbtrace.start_span("open") as span:
        reset()
        assert options.redact is True
    trace = nbtrace.get_trace(span.trace_id)
    assert trace.info.state == "ERROR"
    assert trace.data.spans[0].raw_attributes["nbtrace.incomplete"] is True
    assert a_trace().info.experiment_id == "0"


def test_a_reset_inside_a_span_loses_nothing_that_follows():
    with nbtrace.start_span("root") as root:
        reset()
        with nbtrace.start_span("after"):
            pass
    nbtrace.flush()
    spans = {span.name: span for span in nbtrace.get_trace(root.trace_id).data.spans}
    assert spans.keys() == {"root", "after"}
    assert spans["after"].parent_id == root.span_id


def test_names_follow_the_options():
    def name():
        with nbtrace.start_span("ticket 4711 of https://ada:hunter2@host/") as span:
            pass
        trace = nbtrace.get_trace(span.trace_id)
        assert trace.info.tags["mlflow.traceName"] == trace.data.spans[0].name
        return trace.data.spans[0].name

    assert name() == "ticket 4711 of https://ada:[REDACTED]@host/"
    with nbtrace.configure(redact_patterns=[r"ticket \d+"]):
        assert name() == "[REDACTED] of https://ada:[REDACTED]@host/"
    with nbtrace.configure(redact=False):
        assert "hunter2" in name()
    assert "hunter2" not in name()
