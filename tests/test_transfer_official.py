"""nbtrace's files are what OpenTelemetry's own exporters write for the same spans.

Spans of every kind are recorded with the SDK and with nbtrace, and written by the official JSON
file exporter, by the official protobuf encoder, and by nbtrace. The same means: the same document
but for the order of keys and spans, one span a line, defaults such as an empty list that are left
out, the resource repeated for each scope, what was dropped told by attributes too, and of a link
what the official exporter for Python forgets: the ``tracestate`` and the W3C flags of its span.
"""

from __future__ import annotations

import io
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

import nbtrace
from nbtrace.entities import Span, SpanEvent
from nbtrace.otel.otlp import decode_traces_data, encode_traces_data
from nbtrace.store import current_store
from nbtrace.tracing.processor import SpanProcessor
from nbtrace.transfer import protobuf

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Tracer

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
KEYS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
# What the specification allows: AnyValue, of any nesting.
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        TEXT,
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.binary(max_size=20),
        st.none(),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


W3C_FLAGS = 0xFF


def record(attributes: dict[str, Any] | None = None) -> Sequence[ReadableSpan]:
    """Record spans with whatever OpenTelemetry's API can set."""
    memory = InMemorySpanExporter()
    around = {"service.name": "shop", "list": ["a", "b"]}
    provider = TracerProvider(
        resource=Resource(around, "https://a.example/2"),
        span_limits=SpanLimits(max_attributes=7, max_events=1, max_links=1, max_event_attributes=1),
    )
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("lib", "1.2", schema_url="https://a.example/1")
    remote = SpanContext(0x0A << 120, 0x0B << 56, is_remote=True, trace_flags=TraceFlags(1))
    with tracer.start_as_current_span("root \u2603", kind=SpanKind.SERVER) as root:
        root.set_attributes({"s": "t", "i": 7, "f": 0.5, "b": True, "l": ["x", "y"], "n": [1, 2]})
        root.set_attributes({"large": 2**53 + 1, "more": 1})
        root.add_event("the first goes")
        root.add_event("e", {"goes": 1, "k": "v"}, timestamp=1_700_000_000_000_000_001)
        with tracer.start_as_current_span("child", links=[Link(remote, {"why": "x"})]) as child:
            child.set_status(Status(StatusCode.ERROR, "broke"))
        with tracer.start_as_current_span("call", kind=SpanKind.CLIENT) as call:
            call.set_attributes(attributes or {})
            call.set_status(StatusCode.OK)
    with provider.get_tracer("other").start_as_current_span("alone", kind=SpanKind.PRODUCER):
        pass
    return memory.get_finished_spans()


def by_id(document: dict[str, Any]) -> dict[str, Any]:
    """Return the spans of a document with their surroundings, whatever the order."""
    found = {}
    for group in document["resourceSpans"]:
        resource = ordered(group.get("resource", {}))
        for inner in group["scopeSpans"]:
            urls = group.get("schemaUrl", ""), inner.get("schemaUrl", "")
            scope = ordered(inner.get("scope", {})), urls
            for span in inner["spans"]:
                found[span["spanId"]] = {**ordered(span), "resource": resource, "scope": scope}
    return found


def ordered(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object without what is a default, and its attributes in one order."""
    item = {**item, "status": {k: v for k, v in item.get("status", {}).items() if v}}
    kept = {key: value for key, value in item.items() if value not in ([], {}, 0, "0", "")}
    if "events" in kept:
        kept["events"] = [ordered(event) for event in kept["events"]]
    if "links" in kept:
        kept["links"] = [
            {**ordered(link), "flags": link["flags"] & ~W3C_FLAGS, "traceState": ""}
            for link in kept["links"]
        ]
    if "attributes" in kept:
        told = [pair for pair in kept["attributes"] if not pair["key"].startswith("otel.dropped_")]
        kept["attributes"] = sorted(told, key=lambda pair: pair["key"])
    return kept


def official(spans: Sequence[Any]) -> tuple[list[str], dict[str, Any]]:
    """Return the lines that the official exporter writes, and the spans in them by id."""
    stream = io.StringIO()
    FileSpanExporter(stream=stream).export(spans)
    lines = stream.getvalue().splitlines()
    return lines, spans_of(map(orjson.loads, lines))


def spans_of(documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the spans of several documents by id."""
    return {key: span for document in documents for key, span in by_id(document).items()}


def stored() -> dict[str, Any]:
    """Return the spans of nbtrace's own files by id."""
    nbtrace.flush()
    parts = (current_store().directory / "traces").rglob("*.json")
    return spans_of(orjson.loads(part.read_bytes()) for part in parts)


@pytest.mark.parametrize("through", ["codec", "store"])
def test_the_official_json_file_is_what_nbtrace_writes(tmp_path: Path, through: str) -> None:
    lines, expected = official(record())
    assert len(expected) == 4
    if through == "codec":
        decoded = [span for line in lines for span in decode_traces_data(line)]
        assert by_id(encode_traces_data(decoded)) == expected
        return
    (tmp_path / "theirs.jsonl").write_text("\n".join(lines))
    nbtrace.import_traces(tmp_path / "theirs.jsonl")
    assert stored() == expected


def test_spans_that_are_captured_live_make_the_same_file() -> None:
    stream = io.StringIO()
    provider = TracerProvider(resource=Resource({"service.name": "shop"}, "https://a.example/2"))
    provider.add_span_processor(SpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(stream=stream)))
    tracer = provider.get_tracer("lib", "1.2", "https://a.example/1", {"k": 1})
    with tracer.start_as_current_span("root", kind=SpanKind.SERVER) as root:
        root.set_attributes({"s": "t", "i": 7, "f": 0.5, "b": True, "l": ["x", "y"]})
        with tracer.start_as_current_span("child") as child:
            child.add_event("e", {"k": 1})
            child.set_status(Status(StatusCode.ERROR, "broke"))
    expected = spans_of(map(orjson.loads, stream.getvalue().splitlines()))
    assert len(expected) == 2
    assert stored() == expected


# A call of OpenTelemetry's API, which nbtrace's own tracer and the SDK's both get.
MAKE = 1_700_000_000_000_000_000
OUTSIDE = SpanContext(
    0x0A << 120, 0x0B << 56, is_remote=True, trace_flags=TraceFlags(1),
    trace_state=TraceState([("vendor", "x"), ("other", "y")]),
)  # fmt: skip


class Ids(IdGenerator):
    """Gives the ids that nbtrace gave."""

    def __init__(self, spans: list[Any]) -> None:
        self._contexts = [span.get_span_context() for span in spans]

    def generate_span_id(self) -> int:
        return self._contexts.pop(0).span_id

    def generate_trace_id(self) -> int:
        return self._contexts[0].trace_id


def use(tracer: Tracer) -> list[Any]:
    """Make spans of every kind, at times that are told."""
    made: list[Any] = []

    def start(name: str, parent: Any = None, **more: Any) -> Any:
        context = set_span_in_context(parent, Context()) if parent else Context()
        span = tracer.start_span(name, context, start_time=MAKE + len(made), **more)
        made.append(span)
        return span

    root = start("root \u2603", kind=SpanKind.CLIENT, attributes={"at": "start"})
    root.set_attributes({"s": "t", "i": 7, "f": 0.5, "nan": math.inf, "b": True, "l": ["x", "y"]})
    root.set_attribute("large", 2**53 + 1)
    root.add_event("note", {"k": "v", "n": [1, 2]}, timestamp=MAKE + 20)
    start("plain", root).end(end_time=MAKE + 21)
    child = start("child", root, links=[Link(made[1].get_span_context(), {"why": "x"})])
    child.update_name("renamed")
    try:
        msg = "broke"
        raise ValueError(msg)  # noqa: TRY301 - what is recorded needs a stack trace
    except ValueError as error:
        child.record_exception(error, timestamp=MAKE + 22)
    child.set_status(Status(StatusCode.ERROR, "broke"))
    child.end(end_time=MAKE + 23)
    root.set_status(StatusCode.OK)
    root.end(end_time=MAKE + 24)
    server = start("server", NonRecordingSpan(OUTSIDE), kind=SpanKind.SERVER)
    inner = start("inner", server, kind=SpanKind.PRODUCER)
    start("innermost", inner, kind=SpanKind.CONSUMER).end(end_time=MAKE + 30)
    inner.end(end_time=MAKE + 31)
    server.end(end_time=MAKE + 32)
    return made


def test_spans_of_nbtraces_own_tracer_make_the_file_that_the_sdk_makes_of_the_same_calls() -> None:
    options = ("lib", "1.2", "https://a.example/1", {"k": 1})
    ours = use(nbtrace.tracing.get_bridged_tracer_provider().get_tracer(*options))
    resource = Resource(dict(ours[0].resource))
    provider = TracerProvider(resource=resource, id_generator=Ids(ours))
    theirs = use(provider.get_tracer(*options))
    _, expected = official(theirs)
    assert len(expected) == 6
    assert stored() == expected
    # and the official exporter takes nbtrace's own as if they were the SDK's
    assert official(ours)[1] == expected


def test_spans_of_nbtraces_own_functions_make_the_file_that_the_official_exporter_makes() -> None:
    made: list[Any] = []

    @nbtrace.trace(span_type="TOOL", attributes={"unit": "\u00b0C"})
    def weather(city: str) -> dict[str, Any]:
        made.append(get_current_span())
        return {"city": city, "degrees": 21.5}

    with nbtrace.start_span("ask", span_type="AGENT") as root:
        made.append(get_current_span())
        root.set_inputs({"question": "why? \u2603", "n": [1, 2.5, None, True]})
        root.add_event(SpanEvent("note", attributes={"k": "v", "n": 3}))
        root.set_attributes({"score": 0.5, "list": ["a", "b"], "map": {"deep": [1, None]}})
        weather("Paris")
        with suppress(ValueError), nbtrace.start_span("fails"):
            made.append(get_current_span())
            msg = "no weather"
            raise ValueError(msg)
        root.set_outputs("because")
    ours = stored()
    assert len(ours) == 3
    assert official(made)[1] == ours


@given(st.dictionaries(KEYS, VALUES, max_size=5))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_survives_json_and_protobuf_both_ways(attributes: dict[str, Any]) -> None:
    span = Span(
        trace_id="tr-" + "0a" * 16,
        span_id="0b" * 8,
        name="a",
        start_time_ns=1,
        end_time_ns=2,
        attributes=attributes,
    )
    document = encode_traces_data([span])
    by_json = decode_traces_data(orjson.loads(orjson.dumps(document)))[0]
    by_protobuf = decode_traces_data(protobuf.decode(protobuf.encode(document)))[0]
    for back in (by_json, by_protobuf):
        assert repr(dict(back.raw_attributes)) == repr(attributes)
    # and the official library reads the same out of both
    from google.protobuf.json_format import MessageToDict

    official = TracesData.FromString(protobuf.encode(document))
    again = TracesData.FromString(
        protobuf.encode(encode_traces_data(decode_traces_data(orjson.dumps(document))))
    )
    assert MessageToDict(official) == MessageToDict(again) or "NaN" in str(document)
