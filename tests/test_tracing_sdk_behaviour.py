"""nbtrace's provider beside the SDK's: the same code, the same behaviour, the same variables.

Each case runs in a process of its own, since the variables are read when nbtrace is imported, once
with a tracer of the SDK and once with nbtrace's; what both say is compared, and what nbtrace stored
as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest

START = """
import json, logging
logging.disable(logging.WARNING)
from opentelemetry.trace import (
    Link, NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags, TraceState,
    set_span_in_context, use_span,
)
from opentelemetry.sdk.trace import TracerProvider
import nbtrace
from nbtrace.tracing.provider import get_bridged_tracer_provider

def from_outside(flags, trace_id=0xAA, remote=True, state=(("k", "v"),)):
    context = SpanContext(trace_id, 0xBB, remote, TraceFlags(flags), TraceState(state))
    return set_span_in_context(NonRecordingSpan(context))

def said_of(context):
    return [context.is_remote, int(context.trace_flags), context.trace_state.to_header()]
"""
END = """
theirs = case(TracerProvider().get_tracer("library", "1.2"))
ours = case(get_bridged_tracer_provider().get_tracer("library", "1.2"))
nbtrace.flush()
stored = [json.loads(line.rstrip().rstrip(","))
          for trace in nbtrace.search_traces(return_type="list")
          for line in trace_lines(trace)]
print(json.dumps([theirs, ours, stored], default=repr))
"""
LINES = """
def trace_lines(trace):
    from pathlib import Path
    import os
    hex_id = trace.info.trace_id.removeprefix("tr-")
    for part in sorted(Path(os.environ["NBTRACE_DIR"]).rglob("*.json")):
        if hex_id in part.name:
            for resource in json.loads(part.read_text())["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    yield from map(json.dumps, scope["spans"])
"""


def compare(code: str, **variables: str) -> tuple[Any, Any, list[dict[str, Any]]]:
    """Run `case(tracer)` with both; return what the SDK said, what nbtrace said, what it stored."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", START + LINES + textwrap.dedent(code) + END],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**kept, **variables},
    )
    assert done.returncode == 0, done.stderr
    theirs, ours, stored = json.loads(done.stdout.splitlines()[-1])
    return theirs, ours, stored


def test_what_comes_with_a_remote_parent_is_kept() -> None:
    theirs, ours, stored = compare("""
        def case(tracer):
            found = []
            with tracer.start_as_current_span("parent", context=from_outside(1)) as parent:
                with tracer.start_as_current_span("middle"):
                    child = tracer.start_span("child")
                    child.end()
            late = tracer.start_span("late", context=set_span_in_context(parent))
            late.end()
            for span in (parent, child, late):
                found += [said_of(span.get_span_context()), said_of(span.parent)]
            random = tracer.start_span("random", context=from_outside(3, 0xCC))
            root = tracer.start_span("root")
            return found + [said_of(random.get_span_context()), said_of(root.get_span_context())]
    """)
    assert ours == theirs
    assert theirs[0] == [False, 1, "k=v"]
    assert theirs[-1] == [False, 3, ""]
    parent = next(span for span in stored if span["name"] == "parent")
    assert (parent["traceState"], parent["flags"]) == ("k=v", 0x300)


def test_the_limits_of_the_variables_drop_the_oldest_and_count() -> None:
    theirs, ours, stored = compare(
        """
        def case(tracer):
            links = [Link(SpanContext(1, 2, True, TraceFlags(1)), {"a": "0123456789", "b": 1}),
                     Link(SpanContext(3, 4, False, TraceFlags(1), TraceState([("k", "v")])),
                          {"a": "0123456789", "b": 1})]
            attributes = {"x": 1, "y": 2, "z": 3, "w": "0123456789abcdef"}
            span = tracer.start_span("span", attributes=attributes, links=links)
            for number in range(4):
                span.add_event(f"event {number}", {"k": number, "long": "0123456789"})
            span.set_attribute("z", 4)
            span.set_attributes({"list": ["0123456789abcdef", "s"], "map": {"k": "0123456789abc"}})
            span.add_link(SpanContext(0, 0, False))
            span.end()
            return [dict(span.attributes), span.dropped_attributes,
                    [[e.name, dict(e.attributes)] for e in span.events], span.dropped_events,
                    [[said_of(l.context), dict(l.attributes)] for l in span.links],
                    span.dropped_links]
        """,
        OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="3",
        OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT="10",
        OTEL_SPAN_EVENT_COUNT_LIMIT="2",
        OTEL_SPAN_LINK_COUNT_LIMIT="1",
        OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT="1",
        OTEL_LINK_ATTRIBUTE_COUNT_LIMIT="1",
        OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT="5",
    )
    assert ours == theirs
    assert theirs[1::2] == [3, 2, 1]
    (span,) = stored
    assert [span[f"dropped{kind}Count"] for kind in ("Attributes", "Events", "Links")] == [3, 2, 1]
    assert [event["droppedAttributesCount"] for event in span["events"]] == [1, 1]
    assert span["links"][0]["droppedAttributesCount"] == 1
    # what no SDK tells: that a value was cut, and how long it was
    text = json.dumps(next(a for a in span["attributes"] if a["key"] == "nbtrace.cut_attributes"))
    assert '"list"' in text
    assert '"16"' in text


def test_the_limit_of_all_attributes_holds_for_spans_events_and_links() -> None:
    theirs, ours, _ = compare(
        """
        def case(tracer):
            link = Link(SpanContext(1, 2, True), {"a": 1, "b": 2})
            span = tracer.start_span("span", links=[link])
            span.set_attributes({"a": "long text", "b": b"bytes stay", "c": "long text"})
            span.add_event("event", {"a": 1, "b": "long text"})
            span.end()
            return [dict(span.attributes), dict(span.events[0].attributes),
                    dict(span.links[0].attributes), span.dropped_attributes]
        """,
        OTEL_ATTRIBUTE_COUNT_LIMIT="1",
        OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT="4",
    )
    assert ours == theirs == [{"c": "long"}, {"b": "long"}, {"b": 2}, 2]


def test_a_limit_of_zero_keeps_nothing() -> None:
    theirs, ours, _ = compare(
        """
        def case(tracer):
            span = tracer.start_span("span", attributes={"a": 1})
            span.set_attribute("b", 1)
            span.add_event("event")
            span.add_link(SpanContext(1, 2, True))
            span.end()
            return [dict(span.attributes), len(span.events), len(span.links),
                    span.dropped_attributes, span.dropped_events, span.dropped_links]
        """,
        OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="0",
        OTEL_SPAN_EVENT_COUNT_LIMIT="0",
        OTEL_SPAN_LINK_COUNT_LIMIT="0",
    )
    assert ours == theirs == [{}, 0, 0, 2, 1, 1]


def test_nbtraces_own_inputs_stay_whole_and_secrets_are_gone_before_the_cut() -> None:
    secret = "sk-" + "a1B2" * 12
    _, found, stored = compare(
        f"""
        def case(tracer):
            with nbtrace.start_span("mine") as span:
                span.set_inputs({{"question": "a long one, longer than the limit"}})
                span.set_attributes({{"a": 1, "b": 2, "c": "it is {secret}"}})
            return span.inputs
        """,
        OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="1",
        OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT="12",
    )
    assert found == {"question": "a long one, longer than the limit"}
    assert len(stored) == 2  # one by each run
    for span in stored:
        values = {item["key"]: item["value"] for item in span["attributes"]}
        assert "longer than the limit" in values["mlflow.spanInputs"]["stringValue"]
        assert values["c"] == {"stringValue": "it is [REDAC"}
        assert span["droppedAttributesCount"] == 2
        assert values["otel.dropped_attributes_count"] == {"intValue": "2"}
    assert "sk-" not in json.dumps(stored)


@pytest.mark.parametrize(
    ("sampler", "argument"),
    [
        ("", ""),
        ("always_on", ""),
        ("always_off", ""),
        ("parentbased_always_on", ""),
        ("parentbased_always_off", ""),
        ("traceidratio", "0.5"),
        ("parentbased_traceidratio", "0"),
        ("traceidratio", "2"),
        ("rubbish", "0"),
    ],
)
def test_samplers_decide_alike(sampler: str, argument: str) -> None:
    theirs, ours, stored = compare(
        """
        def case(tracer):
            found = []
            low, high = 0x1000, 0xF000_0000_0000_1000
            for trace_id in (low, high):
                for flags in (0, 1):
                    outside = from_outside(flags, trace_id + flags)
                    with tracer.start_as_current_span("span", context=outside) as span:
                        child = tracer.start_span("child")
                        found.append([hex(span.get_span_context().trace_id),
                                      span.is_recording(), child.is_recording()])
                        child.end()
            with tracer.start_as_current_span("local", context=from_outside(0, 5, False)) as span:
                found.append(span.is_recording())
            if RATIO != "0.5":
                with tracer.start_as_current_span("root") as span:
                    found.append(span.is_recording())
            return found
        """.replace("RATIO", repr(argument)),
        OTEL_TRACES_SAMPLER=sampler,
        OTEL_TRACES_SAMPLER_ARG=argument,
    )
    assert ours == theirs
    recorded = sum(2 * item[1] if isinstance(item, list) else item for item in theirs)
    assert len(stored) == recorded


def test_nbtraces_ratio_wins_over_the_sampler_of_the_variable() -> None:
    code = """
        def case(tracer):
            {}
            with tracer.start_as_current_span("root") as span:
                return span.is_recording()
    """
    off = {"OTEL_TRACES_SAMPLER": "always_off"}
    assert compare(code.format("pass"), **off)[:2] == (False, False)
    assert compare(code.format("nbtrace.configure(sampling_ratio=1)"), **off)[:2] == (False, True)
    ratio = {"NBTRACE_TRACE_SAMPLING_RATIO": "1"}
    assert compare(code.format("pass"), **off, **ratio)[:2] == (False, True)


def test_a_request_that_is_not_sampled_is_not_recorded() -> None:
    _, found, stored = compare("""
        def case(tracer):
            headers = {"traceparent": "00-" + "0a" * 16 + "-" + "0b" * 8 + "-00"}
            with nbtrace.tracing.set_tracing_context_from_http_request_headers(headers):
                with nbtrace.start_span("handle") as span, tracer.start_as_current_span("inner"):
                    return span.trace_id
    """)
    assert stored == []
    assert found == "MLFLOW_NO_OP_SPAN_TRACE_ID"


def test_opentelemetry_switched_off_is_nbtrace_switched_off_until_it_is_asked_for() -> None:
    theirs, ours, stored = compare(
        """
        def case(tracer):
            found = []
            with tracer.start_as_current_span("off") as span, nbtrace.start_span("mine"):
                found.append(span.is_recording())
            nbtrace.tracing.enable()
            with nbtrace.start_span("asked for"):
                pass
            nbtrace.tracing.reset()
            with nbtrace.start_span("off again"):
                pass
            return found
        """,
        OTEL_SDK_DISABLED="True",
    )
    assert ours == theirs == [False]
    assert [span["name"] for span in stored] == ["asked for", "asked for"]


def test_a_spans_own_block_leaves_errors_alone_when_told_to() -> None:
    theirs, ours, _ = compare("""
        def case(tracer):
            found = []
            for event, status in [(True, True), (True, False), (False, True), (False, False)]:
                options = {"record_exception": event, "set_status_on_exception": status}
                try:
                    with tracer.start_span("span", **options) as span:
                        raise ValueError("no")
                except ValueError:
                    pass
                found.append([[e.name for e in span.events],
                              [e.attributes["exception.escaped"] for e in span.events],
                              span.status.status_code.name, span.status.description])
            return found
    """)
    assert ours == theirs


def test_what_is_read_of_a_span_has_the_sdks_types() -> None:
    theirs, ours, _ = compare(
        """
        def case(tracer):
            span = tracer.start_span("span", attributes={"list": [1, [2]], "map": {"k": [1]}})
            span.add_event("event", {"list": ["a"]})
            resource = span.resource.attributes
            return [repr(dict(span.attributes)), repr(dict(span.events[0].attributes)),
                    {key: resource[key] for key in ("service.name", "team")},
                    span.instrumentation_scope.name, span.instrumentation_scope.version]
        """,
        OTEL_SERVICE_NAME="service",
        OTEL_RESOURCE_ATTRIBUTES="team=a%20b",
    )
    assert ours == theirs


def test_what_differs_on_purpose() -> None:
    theirs, ours, _ = compare("""
        from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, set_value

        class Odd:
            def __repr__(self):
                return "an odd one"

        def case(tracer):
            suppressed = set_value(_SUPPRESS_INSTRUMENTATION_KEY, True)
            span = tracer.start_span("span", attributes={"odd": Odd()})
            for number in range(200):
                span.add_event("token")
            return [tracer.start_span("quiet", context=suppressed).is_recording(),
                    "odd one" in str(span.attributes["odd"]), len(span.events)]
    """)
    assert ours == [False, True, 200]
    assert theirs[2] == 128
