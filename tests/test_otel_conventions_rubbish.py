"""No attribute value, however odd, makes a view or the index raise."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrace.entities import InstrumentationScope, Span, SpanEvent, SpanStatus
from nbtrace.otel import conventions
from nbtrace.otel.conventions import chat_previews, index_fields, views
from nbtrace.otel.conventions.messages import messages, tool_definitions
from nbtrace.otel.conventions.payload import (
    payload_finish_reasons,
    payload_id,
    payload_usage,
    request_messages,
    response_messages,
)
from nbtrace.otel.usage import totals

# The package has a function of the same name.
VIEW_MODULE = import_module("nbtrace.otel.conventions.view")
FIXTURES = Path(__file__).parent / "fixtures"


def fixture_attributes() -> list[dict[str, Any]]:
    found = []
    for path in sorted(FIXTURES.glob("*.json")):
        for case in json.loads(path.read_text()).get("cases", {}).values():
            spans = case["data"]["spans"] if "data" in case else case["spans"]
            found += [span["attributes"] for span in spans if span["attributes"]]
    return found


RECORDED = fixture_attributes()
KEYS = sorted(
    {key for attributes in RECORDED for key in attributes}
    | {
        "gen_ai.prompt",
        "gen_ai.completion",
        "gen_ai.system_instructions",
        "llm.input_messages.0",
        "llm.input_messages.0.message",
        "llm.input_messages.0.message.role.x",
        "llm.tools.0.tool",
        "reranker.output_documents.0.document.score",
        "traceloop.span.kind",
        "traceloop.entity.input",
        "model_request_parameters",
        "response_data",
        "mlflow.llm.provider",
        "session.id",
        "user.id",
        "error.type",
    }
)
WORDS = [
    "messages", "input", "instructions", "system", "prompt", "contents", "request", "choices",
    "candidates", "output", "usage", "generation_info", "response_metadata", "documents", "value",
    "role", "content", "parts", "type", "text", "function", "name", "id", "arguments", "tool_calls",
    "kwargs", "data", "message", "generations", "update", "image", "source", "url", "input_audio",
    "document", "metadata", "score", "delta", "finish_reason", "function_declarations", "audio",
]  # fmt: skip
KINDS = [
    "text", "image", "image_url", "input_audio", "file", "blob", "uri", "tool_call", "tool_use",
    "tool_result", "function_call", "function_call_output", "message", "reasoning", "thinking",
    "constructor", "tool", "ai", "human", "user", "assistant", "system", "log", "span", "chat",
    "LLM", "TOOL", "RETRIEVER", "EMBEDDING", "embeddings", "execute_tool", "retrieval", "image/png",
    "ai.toolCall", "ai.embedMany.doEmbed", "ai.generateText", '"CHAT_MODEL"', '"TOOL"', '"AGENT"',
    '"RETRIEVER"', '"EMBEDDING"', "http://x", "data:image/png;base64,AA==", "\ud800", "1" * 400,
]  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(KINDS)
)
structures = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=20,
)
json_texts = structures.map(json.dumps)
values = structures | json_texts | st.binary(max_size=4)
rubbish = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), values, max_size=12)
# Real attributes with some values replaced reach further into the readers than rubbish alone.
damaged = st.builds(lambda real, odd: {**real, **odd}, st.sampled_from(RECORDED), rubbish)
events = st.lists(
    st.builds(
        SpanEvent,
        st.sampled_from(["gen_ai.choice", "gen_ai.user.message", "exception", "x"]),
        st.integers(0, 10),
        rubbish | st.dictionaries(st.just("gen_ai.event.content"), values, max_size=1),
    ),
    max_size=2,
)
spans = st.builds(
    Span,
    trace_id=st.just("tr-" + "0a" * 16),
    span_id=st.sampled_from(["01" * 8, "02" * 8, "03" * 8]),
    parent_id=st.sampled_from([None, "01" * 8, "02" * 8, "03" * 8]),
    name=st.sampled_from(["a", "b"]),
    start_time_ns=st.integers(0, 10**9),
    end_time_ns=st.none() | st.integers(0, 10**9),
    status=st.sampled_from([SpanStatus("OK"), SpanStatus("ERROR", "no")]),
    attributes=rubbish | damaged,
    events=events,
    scope=st.sampled_from([None, InstrumentationScope("s", "")]),
)
logs = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "trace_id": st.just("0a" * 16) | scalars,
            "span_id": st.just("01" * 8) | scalars,
            "event_name": scalars,
            "body": values,
            "attributes": rubbish | scalars,
            "timestamp": scalars,
        },
    ),
    max_size=2,
)
thorough = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@thorough
@given(st.lists(spans, max_size=3), logs)
def test_views_of_anything(given_spans: list[Span], given_logs: list[dict[str, Any]]) -> None:
    for one in views(given_spans, given_logs):
        one.to_dict()
        chat_previews(one)


@thorough
@given(spans)
def test_no_reader_relies_on_the_guard(span: Span) -> None:
    with patch.object(VIEW_MODULE, "_guarded", lambda read, _: read()):
        for one in views([span]):
            one.to_dict()


@thorough
@given(rubbish | damaged)
def test_index_fields_of_anything(attributes: dict[str, Any]) -> None:
    fields = index_fields(attributes)
    assert conventions._index_fields(attributes, None).type == fields.type
    kind, model, *tokens, cost = fields
    assert isinstance(kind, str)
    assert model is None or isinstance(model, str)
    assert all(value is None or type(value) is int for value in tokens)
    assert cost is None or 0 <= cost < float("inf")


@thorough
@given(st.lists(spans, max_size=6))
def test_totals_of_anything(given_spans: list[Span]) -> None:
    found = totals(given_spans)
    known = [index_fields(span.raw_attributes).input_tokens for span in given_spans]
    assert found.input is None or found.input <= sum(value or 0 for value in known)


@thorough
@given(values)
def test_payloads_of_anything(value: object) -> None:
    messages(value)
    tool_definitions(value)
    request_messages(value)
    response_messages(value)
    payload_usage(value)
    payload_id(value)
    payload_finish_reasons(value)
