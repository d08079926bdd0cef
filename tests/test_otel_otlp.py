"""OTLP/JSON: what nbtrace writes protobuf reads, and everything comes back."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path

import orjson
import pytest
from google.protobuf import json_format
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from nbtrace.entities import InstrumentationScope, Link, Span, SpanEvent, SpanStatus, Trace
from nbtrace.entities.span import SPAN_KINDS
from nbtrace.entities.text import clean_text
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.any_value import MAX_NESTING
from nbtrace.otel.otlp import (
    decode_attributes,
    decode_span,
    decode_traces_data,
    decode_value,
    encode_attributes,
    encode_span,
    encode_traces_data,
    encode_value,
)

TRACE_ID = "tr-" + "0a" * 16
SPAN_ID = "0b" * 8

any_text = st.text(st.characters(exclude_categories=()))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.binary()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
attribute_maps = st.dictionaries(any_text, values, max_size=5)
nanoseconds = st.integers(0, 2**63)


def hexadecimal(digits: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=digits, max_size=digits)


trace_ids = hexadecimal(32).map(lambda text: "tr-" + text)
span_ids = hexadecimal(16)
scopes = st.none() | st.builds(
    InstrumentationScope,
    st.text(),
    st.text(),
    st.text(),
    st.none() | st.dictionaries(st.text(), st.text(), min_size=1, max_size=2),
)
spans = st.builds(
    Span,
    trace_id=trace_ids,
    span_id=span_ids,
    parent_id=st.none() | span_ids,
    name=any_text,
    start_time_ns=nanoseconds,
    end_time_ns=st.none() | st.integers(1, 2**63),
    status=st.builds(SpanStatus, st.sampled_from(["UNSET", "OK", "ERROR"]), any_text),
    attributes=attribute_maps,
    events=st.lists(st.builds(SpanEvent, any_text, nanoseconds, attribute_maps), max_size=2),
    links=st.lists(
        st.builds(Link, trace_ids, span_ids, attribute_maps, flags=st.integers(0, 2**32 - 1)),
        max_size=2,
    ),
    kind=st.sampled_from(SPAN_KINDS),
    scope=scopes,
    resource=st.none() | attribute_maps,
    trace_state=st.text(),
    flags=st.integers(0, 2**32 - 1),
)


def expected(value):
    """What OTLP can hold of a value."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, list):
        return [expected(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): expected(item) for key, item in value.items()}
    return value


def facts(span):
    """All of a span as one text: unlike ``==`` it tells 1 from True and NaN equals itself."""
    fields = [clean_text(getattr(span, field)) for field in ("trace_id", "span_id", "name", "kind")]
    scope = span.scope and span.scope._replace(attributes=expected(span.scope.attributes))
    return repr(
        (
            fields,
            span.parent_id,
            span.start_time_ns,
            span.end_time_ns,
            span.status.status_code,
            clean_text(span.status.description),
            expected(span.raw_attributes),
            [(clean_text(e.name), e.timestamp, expected(e.attributes)) for e in span.events],
            [(x.trace_id, x.span_id, expected(x.attributes), x.flags) for x in span.links],
            scope,
            expected(span.resource),
            span.trace_state,
            span.flags,
        )
    )


def with_base64_ids(document):
    """The document as plain protobuf JSON: OTLP/JSON has hex where that has base64."""
    document = copy.deepcopy(document)
    for group in document["resourceSpans"]:
        for inner in group["scopeSpans"]:
            for span in inner["spans"]:
                for item in (span, *span.get("links", ())):
                    for key in ("traceId", "spanId", "parentSpanId"):
                        if key in item:
                            item[key] = base64.b64encode(bytes.fromhex(item[key])).decode()
    return document


def through_protobuf(document):
    return json_format.ParseDict(with_base64_ids(document), TracesData())


@given(values)
@example(float("nan"))
@example(-0.0)
@example(2**63)
@example(-(2**63))
@example("\ud800")
@example({"": {}})
def test_any_value_comes_back(value):
    text = orjson.dumps(encode_value(value))
    assert repr(decode_value(orjson.loads(text))) == repr(expected(value))


@given(attribute_maps)
def test_attributes_come_back(attributes):
    text = orjson.dumps(encode_attributes(attributes))
    assert repr(decode_attributes(orjson.loads(text))) == repr(expected(attributes))


@given(spans)
def test_a_span_comes_back(span):
    line = orjson.dumps(encode_span(span))
    back = decode_span(orjson.loads(line), resource=span.resource, scope=span.scope)
    assert facts(back) == facts(span)


@given(st.lists(spans, max_size=4))
def test_a_document_comes_back_also_through_protobuf(many):
    document = orjson.loads(orjson.dumps(encode_traces_data(many)))
    wanted = sorted(facts(span) for span in many)
    assert sorted(facts(span) for span in decode_traces_data(document)) == wanted
    # ParseDict fails on any field it does not know.
    message = TracesData.FromString(through_protobuf(document).SerializeToString())
    for preserving in (True, False):
        again = json_format.MessageToDict(message, preserving_proto_field_name=preserving)
        assert sorted(facts(span) for span in decode_traces_data(again)) == wanted


def test_the_json_form_is_otlps():
    span = Span(
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        parent_id="0c" * 8,
        name="ask",
        start_time_ns=1_700_000_000_000_000_000,
        end_time_ns=1_700_000_000_000_000_001,
        status=SpanStatus("ERROR", "no"),
        attributes={"count": 7, "none": None},
        kind="CLIENT",
        resource={"service.name": "demo"},
        scope=InstrumentationScope("nbtrace", "0.1", "https://example.org/schema"),
    )
    assert encode_traces_data([span]) == {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": "demo"}}]
                },
                "scopeSpans": [
                    {
                        "scope": {"name": "nbtrace", "version": "0.1"},
                        "schemaUrl": "https://example.org/schema",
                        "spans": [
                            {
                                "traceId": "0a" * 16,
                                "spanId": "0b" * 8,
                                "parentSpanId": "0c" * 8,
                                "name": "ask",
                                "kind": 3,
                                "startTimeUnixNano": "1700000000000000000",
                                "endTimeUnixNano": "1700000000000000001",
                                "attributes": [
                                    {"key": "count", "value": {"intValue": "7"}},
                                    {"key": "none", "value": {}},
                                ],
                                "status": {"message": "no", "code": 2},
                            }
                        ],
                    }
                ],
            }
        ]
    }


def test_spans_that_share_resource_and_scope_are_grouped():
    def span(number, resource, scope):
        return Span(
            trace_id=TRACE_ID,
            span_id=f"{number:016x}",
            name="s",
            start_time_ns=1,
            resource=resource,
            scope=scope,
        )

    many = [
        span(number, {"service.name": "a"}, InstrumentationScope(f"scope {number % 2}"))
        for number in range(6)
    ]
    many.append(span(7, {"service.name": "b"}, None))
    document = encode_traces_data(many)
    groups = document["resourceSpans"]
    assert [len(group["scopeSpans"]) for group in groups] == [2, 1]
    assert "scope" not in groups[1]["scopeSpans"][0]
    assert sorted(map(facts, decode_traces_data(document))) == sorted(map(facts, many))


@pytest.mark.parametrize("make", [lambda inner: {"k": inner}, lambda inner: [inner]])
def test_values_nested_deeper_than_protobuf_reads_become_json_text(make):
    value = "end"
    for _ in range(200):
        value = make(value)
    event = SpanEvent("deep", 1, {"deep": value})
    span = Span(
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        name="deep",
        start_time_ns=1,
        attributes={"deep": value},
        events=[event],
    )
    message = through_protobuf(encode_traces_data([span]))
    assert TracesData.FromString(message.SerializeToString()) == message
    found = decode_value(encode_value(value))
    for _ in range(MAX_NESTING):
        found = found["k"] if isinstance(found, dict) else found[0]
    assert isinstance(found, str)
    assert "end" in found
    json.loads(found)


def test_encoding_never_fails():
    class Unprintable:
        def __str__(self):
            raise RuntimeError

        __repr__ = __str__

    class Text(str):
        __slots__ = ()

        def __str__(self):
            return "something else"

    cyclic = []
    cyclic.append(cyclic)
    for value in (Unprintable(), [Unprintable()], {3: 4}, (1, 2), cyclic, 10**5000, Text("own")):
        orjson.dumps(encode_value(value))
    assert encode_value(Text("own")) == {"stringValue": "own"}
    assert encode_value(Unprintable()) == {"stringValue": "<Unprintable>"}
    assert decode_value(encode_value({3: (True,)})) == {"3": [True]}


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ({"intValue": 7}, 7),
        ({"intValue": "1e3"}, 1000),
        ({"int_value": "7"}, 7),
        ({"doubleValue": 3}, 3.0),
        ({"doubleValue": "Infinity"}, float("inf")),
        ({"doubleValue": "-Infinity"}, float("-inf")),
        ({"bytesValue": "_-8"}, b"\xff\xef"),
        ({"arrayValue": {}}, []),
        ({"kvlistValue": {"values": [{"key": "k"}]}}, {"k": None}),
        ({"kvlist_value": {"values": [{"key": "k", "value": {"bool_value": True}}]}}, {"k": True}),
        ({"stringValue": None}, None),
        ({"futureValue": 1}, None),
        ({"somethingNew": 1, "stringValue": "a"}, "a"),
    ],
)
def test_other_writers_are_read(data, value):
    assert decode_value(data) == value
    assert type(decode_value(data)) is type(value)


def test_a_span_of_another_writer_is_read():
    span = decode_span(
        {
            "trace_id": "0A" * 16,
            "span_id": "0B" * 8,
            "parent_span_id": "",
            "start_time_unix_nano": 5,
            "end_time_unix_nano": "0",
            "kind": "SPAN_KIND_SERVER",
            "status": {"code": "STATUS_CODE_ERROR"},
            "dropped_attributes_count": 3,
            "unknown": {},
            "events": [{"time_unix_nano": 4, "name": "e"}],
        }
    )
    assert span.trace_id == TRACE_ID
    assert span.span_id == SPAN_ID
    assert span.parent_id is None
    assert (span.start_time_ns, span.end_time_ns) == (5, None)
    assert span.kind == "SERVER"
    assert span.status == SpanStatus("ERROR")
    assert span.events[0].timestamp == 4


@pytest.mark.parametrize(
    "data",
    [
        "no json",
        b"\x0a\x0b",
        "[]",
        "{",
        {"spans": []},
        {"resourceSpans": 5},
        {"resourceSpans": [5]},
        {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "no ids"}]}]}]},
        {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xy", "spanId": "z"}]}]}]},
        {"resourceSpans": [{"resource": {"attributes": [5]}}]},
    ],
)
def test_what_is_not_otlp_says_so(data):
    with pytest.raises(NbtraceError, match=r"JSON|OTLP|trace id"):
        decode_traces_data(data)


def test_documents_of_other_writers_are_read():
    fixtures = Path(__file__).parent / "fixtures"
    request = fixtures / "otlp_request.json"
    if request.exists():
        read = decode_traces_data(request.read_bytes())
        assert encode_traces_data(read) == json.loads(request.read_text())
    lines = fixtures / "otlp_json_file_exporter.jsonl"
    if lines.exists():
        for line in lines.read_text().splitlines():
            assert decode_traces_data(line)


def test_a_trace_goes_to_otlp_and_back():
    root = Span(
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        name="ask",
        start_time_ns=1_000_000,
        end_time_ns=9_000_000,
        attributes={
            "mlflow.spanInputs": '{"question":"why?"}',
            "session.id": "s1",
            "mlflow.traceTag.color": "red",
        },
    )
    child = root.replace(
        span_id="0c" * 8, parent_id=SPAN_ID, start_time_ns=2_000_000, attributes={}
    )
    trace = Trace.from_otlp(orjson.dumps(encode_traces_data([child, root])))
    assert trace.data.spans == [root, child]
    assert (trace.info.request_time, trace.info.execution_duration) == (1, 8)
    assert trace.info.state == "OK"
    assert trace.info.request_preview == '{"question":"why?"}'
    assert trace.info.tags == {
        "mlflow.traceName": "ask",
        "mlflow.trace.session": "s1",
        "color": "red",
    }
    assert Trace.from_otlp(trace.to_otlp()) == trace


def test_from_otlp_wants_one_trace():
    first = Span(trace_id=TRACE_ID, span_id=SPAN_ID, name="a", start_time_ns=1)
    second = first.replace(trace_id="tr-" + "0f" * 16)
    for many in ([], [first, second]):
        with pytest.raises(NbtraceError, match="one trace"):
            Trace.from_otlp(encode_traces_data(many))
