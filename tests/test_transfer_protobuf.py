from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrace.entities import InstrumentationScope, Link, Span, SpanEvent, SpanStatus
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import decode_traces_data, encode_traces_data
from nbtrace.transfer import protobuf

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
SCALARS = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=20),
    st.none(),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
ATTRIBUTES = st.dictionaries(TEXT, VALUES, max_size=5)
TIMES = st.integers(1, 2**63 - 1)
TRACE_IDS = st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex).map("tr-{}".format)
SPAN_IDS = st.binary(min_size=8, max_size=8).filter(any).map(bytes.hex)

SPANS = st.builds(
    Span,
    trace_id=TRACE_IDS,
    span_id=SPAN_IDS,
    parent_id=st.none() | SPAN_IDS,
    name=TEXT,
    start_time_ns=TIMES,
    end_time_ns=st.none() | TIMES,
    status=st.builds(SpanStatus, st.sampled_from(["OK", "ERROR", "UNSET"]), TEXT),
    attributes=ATTRIBUTES,
    events=st.lists(st.builds(SpanEvent, TEXT, TIMES, ATTRIBUTES), max_size=2),
    links=st.lists(st.builds(Link, TRACE_IDS, SPAN_IDS, ATTRIBUTES), max_size=2),
    kind=st.sampled_from(["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER", "UNSPECIFIED"]),
    scope=st.none() | st.builds(InstrumentationScope, TEXT, TEXT, TEXT),
    resource=st.none() | ATTRIBUTES,
    trace_state=TEXT,
    flags=st.integers(0, 2**32 - 1),
)


@given(st.lists(SPANS, max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_span_survives_both_ways(spans: list[Span]) -> None:
    document = encode_traces_data(spans)
    back = decode_traces_data(protobuf.decode(protobuf.encode(document)))
    assert encode_traces_data(back) == encode_traces_data(decode_traces_data(document))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**63 - 1, -(2**63), b"\0\xff"])
def test_values_at_the_edge(value: Any) -> None:
    span = Span(
        trace_id="tr-" + "0a" * 16,
        span_id="0b" * 8,
        name="edge",
        start_time_ns=1,
        attributes={"v": value},
    )
    [back] = decode_traces_data(protobuf.decode(protobuf.encode(encode_traces_data([span]))))
    assert repr(back.raw_attributes["v"]) == repr(value)


def test_protobuf_of_the_official_library_is_read() -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = b"\x0a" * 16, b"\x0b" * 8, "ask"
    span.start_time_unix_nano = 5
    [back] = decode_traces_data(protobuf.decode(request.SerializeToString()))
    assert (back.trace_id, back.name, back.end_time_ns) == ("tr-" + "0a" * 16, "ask", None)


@given(st.binary(min_size=1, max_size=60))
@settings(max_examples=100)
def test_rubbish_is_refused_or_read_but_never_breaks(data: bytes) -> None:
    try:
        protobuf.decode(data)
    except NbtraceError as error:
        assert "not OTLP" in error.message  # noqa: PT017 - both outcomes are fine


def test_an_answer_survives() -> None:
    assert protobuf.encode_response(0, "") == b""
    assert protobuf.decode_response(protobuf.encode_response(3, "no")) == (3, "no")
