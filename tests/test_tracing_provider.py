"""nbtrace beside other OpenTelemetry set-ups: offered, never imposed, and nothing lost or doubled.

OpenTelemetry's global provider can be set once in a process, so most of these run in one of their
own. Logfire and Phoenix are tried where they are installed; the suite does not require them.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap

import opentelemetry.trace as otel_trace
import pytest
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode, use_span

import nbtrace
from nbtrace.tracing.provider import get_bridged_tracer_provider, provider_description

START = """
import contextlib, io, json, logging, sys, warnings
warnings.simplefilter("error")
log = io.StringIO()
logging.basicConfig(stream=log, level=logging.WARNING, force=True)
import opentelemetry.trace as otel
import nbtrace
from nbtrace.tracing.cells import start_cell

def sdk():
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter

def traces():
    return sorted(
        sorted(span.name for span in trace.data.spans)
        for trace in nbtrace.search_traces(return_type="list")
    )

def parents(trace_id):
    spans = nbtrace.get_trace(trace_id).data.spans
    names = {span.span_id: span.name for span in spans}
    return {span.name: names.get(span.parent_id) for span in spans}

def say(**found):
    print(json.dumps({"log": log.getvalue(), **found}))
"""


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", START + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("log") == ""
    return found


def test_importing_sets_no_provider():
    found = run("""
        with nbtrace.start_span("mine"):
            pass
        say(provider=repr(otel._TRACER_PROVIDER), traces=traces())
    """)
    assert found == {"provider": "None", "traces": [["mine"]]}


def test_an_sdk_provider_set_before_keeps_exporting_and_nbtrace_listens():
    found = run("""
        provider, exporter = sdk()
        otel.set_tracer_provider(provider)
        early = otel.get_tracer("early")
        cell = start_cell("cell", source="1")
        first = cell.trace_id
        with early.start_as_current_span("theirs"):
            with nbtrace.start_span("mine"):
                with otel.get_tracer("late").start_as_current_span("deep"):
                    pass
        cell.end(result=1)
        cell = start_cell("second", source="1")
        with early.start_as_current_span("theirs 2"):
            pass
        cell.end()
        say(
            traces=traces(),
            parents=parents(first),
            exported=sorted(span.name for span in exporter.get_finished_spans()),
            same=otel.get_tracer_provider() is provider,
        )
    """)
    assert found == {
        "traces": [["cell", "deep", "mine", "theirs"], ["second", "theirs 2"]],
        "parents": {"cell": None, "theirs": "cell", "mine": "theirs", "deep": "mine"},
        "exported": ["deep", "theirs", "theirs 2"],
        "same": True,
    }


def test_an_sdk_provider_set_after_wins_and_tracers_handed_out_hand_calls_on():
    found = run("""
        proxy = otel.get_tracer("from before everything")
        cell = start_cell("first", source="1")
        handed_out = otel.get_tracer("handed out")
        with handed_out.start_as_current_span("ours"):
            with proxy.start_as_current_span("ours too"):
                pass
        cell.end()
        provider, exporter = sdk()
        otel.set_tracer_provider(provider)
        cell = start_cell("second", source="1")
        with handed_out.start_as_current_span("theirs"):
            with proxy.start_as_current_span("theirs too"):
                with nbtrace.start_span("mine"):
                    span = otel.get_tracer("new").start_span("new")
                    span.end()
        cell.end()
        say(
            traces=traces(),
            exported=sorted(span.name for span in exporter.get_finished_spans()),
            same=otel.get_tracer_provider() is provider,
            scopes=sorted({s.instrumentation_scope.name for s in exporter.get_finished_spans()}),
        )
    """)
    assert found == {
        "traces": [
            ["first", "ours", "ours too"],
            ["mine", "new", "second", "theirs", "theirs too"],
        ],
        "exported": ["new", "theirs", "theirs too"],
        "same": True,
        "scopes": ["from before everything", "handed out", "new"],
    }


def test_an_sdk_provider_set_in_the_middle_of_a_cell():
    found = run("""
        cell = start_cell("cell", source="1")
        tracer = otel.get_tracer("library")
        with tracer.start_as_current_span("ours"):
            provider, exporter = sdk()
            otel.set_tracer_provider(provider)
            with tracer.start_as_current_span("theirs"):
                pass
        cell.end()
        (trace,) = nbtrace.search_traces(return_type="list")
        say(
            parents=parents(trace.info.trace_id),
            exported=[span.name for span in exporter.get_finished_spans()],
        )
    """)
    assert found == {
        "parents": {"cell": None, "ours": "cell", "theirs": "ours"},
        "exported": ["theirs"],
    }


def test_spans_open_when_nbtrace_begins_to_listen_are_not_lost():
    found = run("""
        provider, exporter = sdk()
        otel.set_tracer_provider(provider)
        tracer = otel.get_tracer("library")
        with tracer.start_as_current_span("outer"):
            with tracer.start_as_current_span("middle"):
                nbtrace.tracing.offer_provider()
                with tracer.start_as_current_span("inner"):
                    with nbtrace.start_span("mine"):
                        pass
        (trace,) = nbtrace.search_traces(return_type="list")
        info = trace.info
        say(
            parents=parents(info.trace_id),
            name=info.tags["mlflow.traceName"],
            state=info.state.value,
        )
    """)
    assert found == {
        "parents": {"outer": None, "middle": "outer", "inner": "middle", "mine": "inner"},
        "name": "outer",
        "state": "OK",
    }


def test_a_root_of_theirs_is_a_trace_of_ours_with_its_state():
    found = run("""
        provider, exporter = sdk()
        otel.set_tracer_provider(provider)
        nbtrace.tracing.offer_provider()
        tracer = otel.get_tracer("library", "1.2")
        try:
            attributes = {"llm.model_name": "m"}
            with tracer.start_as_current_span("failing", attributes=attributes) as span:
                span.add_event("token", {"n": 1})
                with nbtrace.start_span("mine"):
                    raise ValueError("no")
        except ValueError:
            pass
        (trace,) = nbtrace.search_traces(return_type="list")
        root = trace.data.spans[0]
        say(
            state=str(trace.info.state.value),
            names=[span.name for span in trace.data.spans],
            events=[event.name for event in root.events],
            attributes=dict(root.raw_attributes),
            scope=[root.scope.name, root.scope.version],
            duration=trace.info.execution_duration is not None,
        )
    """)
    assert found == {
        "state": "ERROR",
        "names": ["failing", "mine"],
        "events": ["token", "exception"],
        "attributes": {"llm.model_name": "m"},
        "scope": ["library", "1.2"],
        "duration": True,
    }


def test_offering_again_and_again_changes_nothing():
    found = run("""
        provider, exporter = sdk()
        nbtrace.tracing.offer_provider()
        nbtrace.tracing.offer_provider()
        otel.set_tracer_provider(provider)
        for _ in range(3):
            nbtrace.tracing.offer_provider()
        with otel.get_tracer("library").start_as_current_span("theirs"):
            pass
        say(traces=traces(), processors=len(provider._active_span_processor._span_processors))
    """)
    assert found == {"traces": [["theirs"]], "processors": 2}


def test_secrets_of_their_spans_are_redacted():
    secret = "sk-" + "a1B2" * 12
    found = run(f"""
        provider, exporter = sdk()
        otel.set_tracer_provider(provider)
        nbtrace.tracing.offer_provider()
        with otel.get_tracer("library").start_as_current_span("call") as span:
            value = {{"api_key": "hunter2", "text": "{secret}"}}
            span.set_attribute("input.value", json.dumps(value))
            span.set_attribute("http.request.header.authorization", "Bearer {secret}")
            span.add_event("sent", {{"key": "{secret}"}})
            span.set_status(otel.StatusCode.ERROR, "refused {secret}")
        (trace,) = nbtrace.search_traces(return_type="list")
        value = trace.data.spans[0].raw_attributes["input.value"]
        say(text=str(trace.to_dict()), valid=json.loads(value)["api_key"])
    """)
    assert secret not in found["text"]
    assert "hunter2" not in found["text"]
    assert found["valid"] == "[REDACTED]"


def test_suppressed_and_unsampled_spans_of_theirs_are_not_recorded():
    found = run("""
        from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
        provider, exporter = sdk()
        otel.set_tracer_provider(provider)
        nbtrace.tracing.offer_provider()
        tracer = otel.get_tracer("library")
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        with tracer.start_as_current_span("suppressed"):
            pass
        detach(token)
        nbtrace.tracing.disable()
        with tracer.start_as_current_span("off"):
            pass
        nbtrace.tracing.enable()
        with nbtrace.context(enabled=False):
            with tracer.start_as_current_span("disabled"):
                pass
        with tracer.start_as_current_span("kept"):
            pass
        say(traces=traces(), exported=len(exporter.get_finished_spans()))
    """)
    assert found == {"traces": [["kept"]], "exported": 4}


def test_without_an_sdk_a_library_is_recorded_by_nbtrace_itself():
    nbtrace.tracing.offer_provider()
    tracer = otel_trace.get_tracer("library", "1.2")
    with nbtrace.start_span("cell") as cell:
        with (
            tracer.start_as_current_span(
                "call", kind=SpanKind.CLIENT, attributes={"k": "v"}
            ) as span,
            nbtrace.start_span("inner"),
        ):
            assert otel_trace.get_current_span() is not span
        manual = tracer.start_span("manual", start_time=1_767_225_600_000_000_000)
        with use_span(manual, end_on_exit=True):
            pass
    spans = {span.name: span for span in nbtrace.get_trace(cell.trace_id).data.spans}
    assert spans["call"].kind == "CLIENT"
    assert spans["call"].raw_attributes["k"] == "v"
    assert (spans["call"].scope.name, spans["call"].scope.version) == ("library", "1.2")
    assert spans["inner"].parent_id == spans["call"].span_id
    assert spans["manual"].start_time_ns == 1_767_225_600_000_000_000
    assert spans["manual"].parent_id == cell.span_id
    assert provider_description() == "nbtrace's own"


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_errors_in_a_librarys_block(error):
    tracer = get_bridged_tracer_provider().get_tracer("library")
    with pytest.raises(type(error)), tracer.start_as_current_span("call") as span:
        raise error
    assert span.status.status_code is StatusCode.ERROR
    (trace,) = nbtrace.search_traces(return_type="list")
    assert trace.info.state == "ERROR"
    assert [event.name for event in trace.data.spans[0].events] == ["exception"]


def test_a_librarys_block_may_leave_errors_unrecorded_and_spans_open():
    tracer = get_bridged_tracer_provider().get_tracer("library")
    with (
        pytest.raises(ValueError, match="no"),
        tracer.start_as_current_span(
            "call", record_exception=False, set_status_on_exception=False, end_on_exit=False
        ) as span,
    ):
        raise ValueError("no")
    assert span.is_recording()
    assert span.status.status_code is StatusCode.UNSET
    assert not span.events
    span.end()


def test_a_librarys_function_may_be_decorated_with_its_tracer():
    tracer = get_bridged_tracer_provider().get_tracer("library")

    @tracer.start_as_current_span("call")
    def work(x):
        return x

    assert [work(1), work(2)] == [1, 2]
    assert len(nbtrace.search_traces(return_type="list")) == 2


def test_a_librarys_stream_closed_in_another_context_makes_no_noise(caplog):
    import contextvars

    tracer = get_bridged_tracer_provider().get_tracer("library")

    def stream():
        with tracer.start_as_current_span("stream"):
            yield 1
            yield 2

    with caplog.at_level(logging.DEBUG):
        generator = stream()
        contextvars.copy_context().run(next, generator)
        contextvars.copy_context().run(generator.close)
    assert [r for r in caplog.records if r.name.startswith("opentelemetry")] == []


def test_an_unsampled_root_of_a_library_has_no_children():
    tracer = get_bridged_tracer_provider().get_tracer("library")
    nbtrace.configure(sampling_ratio=0)
    with tracer.start_as_current_span("root") as root:
        nbtrace.configure(sampling_ratio=1)
        with tracer.start_as_current_span("child"), nbtrace.start_span("mine"):
            pass
    assert not root.get_span_context().is_valid
    assert nbtrace.search_traces(return_type="list") == []


def test_the_offer_is_withdrawn_by_reset():
    nbtrace.tracing.offer_provider()
    assert otel_trace._TRACER_PROVIDER is not None
    nbtrace.tracing.reset()
    assert otel_trace._TRACER_PROVIDER is None
    assert otel_trace.get_current_span() is INVALID_SPAN
    assert provider_description() == "none yet"


def test_a_provider_that_takes_no_processors_is_left_alone():
    found = run("""
        class Odd(otel.TracerProvider):
            def get_tracer(self, *args, **kwargs):
                return otel.NoOpTracer()
        otel.set_tracer_provider(Odd())
        cell = start_cell("cell", source="1")
        with otel.get_tracer("x").start_as_current_span("theirs"):
            pass
        cell.end()
        from nbtrace.tracing.provider import provider_description
        say(traces=traces(), words=provider_description())
    """)
    assert found == {"traces": [["cell"]], "words": "__main__.Odd, nbtrace cannot listen"}


LOGFIRE = """
        import logfire
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        def configure():
            global exporter
            exporter = InMemorySpanExporter()
            logfire.configure(
                send_to_logfire=False, console=False, inspect_arguments=False,
                additional_span_processors=[SimpleSpanProcessor(exporter)],
            )
"""


@pytest.mark.parametrize("order", ["before", "after", "twice"])
def test_logfire(order):
    found = run(
        LOGFIRE
        + f"""
        order = {order!r}
        if order == "before":
            configure()
        cell = start_cell("first", source="1")
        tracer = otel.get_tracer("library")
        if order != "before":
            configure()
        if order == "twice":
            cell.end()
            configure()
            cell = start_cell("second", source="1")
        with logfire.span("theirs"):
            with tracer.start_as_current_span("library"):
                with nbtrace.start_span("mine"):
                    pass
        cell.end()
        names = [span.name for span in exporter.get_finished_spans()
                 if span.attributes.get("logfire.span_type") != "pending_span"]
        say(traces=traces(), exported=sorted(names))
    """
    )
    # `exported` stands after the hand-over: the second set-up shuts the first one's exporter down
    spans = ["library", "mine", "theirs"]
    expected = {
        "before": [["first", *spans]],
        "after": [["first", *spans]],
        "twice": [["first"], sorted([*spans, "second"])],
    }
    assert found == {"traces": expected[order], "exported": ["library", "theirs"]}


@pytest.mark.parametrize("order", ["before", "after"])
def test_phoenix(order):
    found = run(f"""
        order = {order!r}
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        exporter = InMemorySpanExporter()
        def configure():
            from phoenix.otel import register
            provider = register(endpoint="http://127.0.0.1:9/v1/traces", verbose=False)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
        if order == "before":
            configure()
            logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        cell = start_cell("cell", source="1")
        tracer = otel.get_tracer("library")
        if order == "after":
            configure()
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        logging.getLogger("opentelemetry.sdk._shared_internal").setLevel(logging.CRITICAL)
        with tracer.start_as_current_span("library"):
            with nbtrace.start_span("mine"):
                pass
        cell.end()
        say(traces=traces(), exported=[span.name for span in exporter.get_finished_spans()])
        sys.stdout.flush()
        import os; os._exit(0)
    """)
    assert found["traces"] == [["cell", "library", "mine"]]
