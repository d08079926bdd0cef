"""nbtrace's files are what OpenTelemetry's own exporters write for the same spans.

Spans of every kind are recorded with the SDK, and written by the official JSON file exporter, by
the official protobuf encoder, and by nbtrace.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

import nbtrace
from nbtrace.entities import Span
from nbtrace.otel.otlp import decode_traces_data, encode_traces_data
from nbtrace.transfer import protobuf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

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


def record(attributes: dict[str, Any] | None = None) -> Sequence[ReadableSpan]:
    """Record spans with whatever OpenTelemetry's API can set."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "shop", "list": ["a", "b"]}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("lib", "1.2", schema_url="https://a.example/1")
    remote = SpanContext(0x0A << 120, 0x0B << 56, is_remote=True, trace_flags=TraceFlags(1))
    with tracer.start_as_current_span("root \u2603", kind=SpanKind.SERVER) as root:
        root.set_attributes({"s": "t", "i": 7, "f": 0.5, "b": True, "l": ["x", "y"], "n": [1, 2]})
        root.set_attribute("large", 2**53 + 1)
        root.add_event("e", {"k": "v"}, timestamp=1_700_000_000_000_000_001)
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
            scope = ordered(inner.get("scope", {})), inner.get("schemaUrl", "")
            for span in inner["spans"]:
                found[span["spanId"]] = {**ordered(span), "resource": resource, "scope": scope}
    return found


def ordered(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object without what is a default, and its attributes in one order."""
    item = {**item, "status": {k: v for k, v in item.get("status", {}).items() if v}}
    kept = {key: value for key, value in item.items() if value not in ([], {}, 0, "0", "")}
    if "attributes" in kept:
        kept["attributes"] = sorted(kept["attributes"], key=lambda pair: pair["key"])
    return kept


@pytest.mark.parametrize("through", ["codec", "store"])
def test_the_official_json_file_is_what_nbtrace_writes(tmp_path: Path, through: str) -> None:
    official = pytest.importorskip("opentelemetry.exporter.otlp.json.file.trace_exporter")
    spans = record()
    stream = io.StringIO()
    official.FileSpanExporter(stream=stream).export(spans)
    lines = stream.getvalue().splitlines()
    expected = {}
    for line in lines:
        expected |= by_id(orjson.loads(line))
    assert len(expected) == 4
    if through == "codec":
        decoded = [span for line in lines for span in decode_traces_data(line)]
        assert by_id(encode_traces_data(decoded)) == expected
        return
    (tmp_path / "theirs.jsonl").write_text(stream.getvalue())
    nbtrace.import_traces(tmp_path / "theirs.jsonl")
    parts = list((tmp_path.parent).rglob("none"))
    from nbtrace.store import current_store

    parts = list((current_store().directory / "traces").rglob("*.json"))
    ours = {}
    for part in parts:
        ours |= by_id(orjson.loads(part.read_bytes()))
    assert ours == expected


def test_spans_that_are_captured_live_make_the_same_file(tmp_path: Path) -> None:
    official = pytest.importorskip("opentelemetry.exporter.otlp.json.file.trace_exporter")
    from nbtrace.tracing.processor import SpanProcessor

    stream = io.StringIO()
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(SpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(official.FileSpanExporter(stream=stream)))
    tracer = provider.get_tracer("lib", "1.2")
    with tracer.start_as_current_span("root", kind=SpanKind.SERVER) as root:
        root.set_attributes({"s": "t", "i": 7, "f": 0.5, "b": True, "l": ["x", "y"]})
        with tracer.start_as_current_span("child") as child:
            child.add_event("e", {"k": 1})
            child.set_status(Status(StatusCode.ERROR, "broke"))
    nbtrace.flush()
    expected = {}
    for line in stream.getvalue().splitlines():
        expected |= by_id(orjson.loads(line))
    from nbtrace.store import current_store

    ours = {}
    for part in (current_store().directory / "traces").rglob("*.json"):
        ours |= by_id(orjson.loads(part.read_bytes()))
    assert len(expected) == 2
    assert ours == expected


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
