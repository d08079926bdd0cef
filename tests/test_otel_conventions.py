"""Every family's record of the same call gives the same view, and is counted once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nbtrace
from nbtrace.entities import InstrumentationScope, Span, SpanEvent, SpanStatus
from nbtrace.otel.conventions import (
    SpanView,
    chat_previews,
    index_fields,
    is_incomplete,
    view,
    views,
)
from nbtrace.otel.usage import totals

FIXTURES = Path(__file__).parent / "fixtures"
FAMILIES = (
    "logfire",
    "mlflow",
    "native",
    "openinference",
    "openllmetry",
    "openllmetry_legacy",
    "otel_genai",
    "otel_genai_events",
    "otel_genai_latest",
    "otel_v2_legacy",
    "vercel_ai",
)
# The name of the same case in the families that were dumped by other scripts.
RENAMED = {
    "tools": "chat_tools",
    "stream": "chat_stream",
    "err": "chat_error",
    "embed": "embeddings",
}
WEATHER_TOOL = ("get_weather", {"city": "Paris"}, "call_1")


def load(family: str) -> dict[str, tuple[list[Span], list[dict[str, Any]]]]:
    cases = json.loads((FIXTURES / f"{family}.json").read_text())["cases"]
    if family == "mlflow":
        return {
            RENAMED.get(name, name): ([Span.from_dict(s) for s in case["data"]["spans"]], [])
            for name, case in cases.items()
        }
    return {
        RENAMED.get(name, name): (
            [span_of(s, index) for index, s in enumerate(case["spans"])],
            case["logs"],
        )
        for name, case in cases.items()
        if "error" not in case
    }


def span_of(dumped: dict[str, Any], index: int) -> Span:
    status = dumped["status"] if isinstance(dumped["status"], str) else "UNSET"
    scope = dumped["scope"]
    start = dumped.get("start", 1_795_361_000_000_000_000 + index)
    return Span(
        trace_id="tr-" + dumped["trace_id"],
        span_id=dumped["span_id"],
        parent_id=dumped["parent_span_id"],
        name=dumped["name"],
        start_time_ns=start,
        end_time_ns=dumped.get("end", start + 1),
        status=SpanStatus(status, dumped.get("status_description") or ""),
        attributes=dumped["attributes"],
        events=[
            SpanEvent(event["name"], event.get("time", start), event["attributes"])
            for event in dumped["events"]
        ],
        scope=InstrumentationScope(scope["name"], scope.get("version", "")),
    )


def read(family: str, case: str) -> list[SpanView]:
    spans, logs = load(family)[case]
    return views(spans, logs)


def calls(family: str, case: str) -> list[SpanView]:
    """Views of the calls of a model, without the ones that repeat another's."""
    found = [
        one
        for one in read(family, case)
        if one.type in ("CHAT_MODEL", "LLM", "EMBEDDING")
        and one.span.name != "ChatOpenAI"
        and one.attributes.get("logfire.span_type") != "log"
    ]
    by_instrumentor = [one for one in found if one.span.name != "anthropic.messages.create"]
    return by_instrumentor or found


def told(found: SpanView) -> list[tuple[Any, ...]]:
    """The conversation as tuples, the names of authors left out."""
    lines: list[tuple[Any, ...]] = []
    for message in found.messages:
        for part in message.parts:
            if part.tool_call is not None:
                call = part.tool_call
                lines.append((message.role, "tool_call", call.name, call.arguments, call.id))
            elif part.kind == "tool_result":
                lines.append((message.role, "tool_result", part.id, part.result))
            else:
                lines.append((message.role, part.kind, part.text or part.uri))
    return lines


SYSTEM = ("system", "text", "Be brief.")
QUESTION = ("user", "text", "Weather in Paris?")
HELLO = ("assistant", "text", "Hello from fake.")
CALL = ("assistant", "tool_call", *WEATHER_TOOL)
RESULT = ("tool", "tool_result", "call_1", "22C sunny")
IMAGE = ("user", "image", "data:image/png;base64,iVBORw0KGgo=")
ANTHROPIC_CALL = ("assistant", "tool_call", "get_weather", {"city": "Paris"}, "toolu_1")

# What each case says, call by call: the conversation and the finish reason.
TOLD: dict[str, list[tuple[list[tuple[Any, ...]], str | None]]] = {
    "chat": [([SYSTEM, QUESTION, HELLO], "stop")],
    "chat_async": [([SYSTEM, QUESTION, HELLO], "stop")],
    "chat_stream": [([SYSTEM, QUESTION, HELLO], "stop")],
    "chat_tools": [
        ([SYSTEM, QUESTION, CALL], "tool_call"),
        ([SYSTEM, QUESTION, CALL, RESULT, HELLO], "stop"),
    ],
    "chat_stream_tools": [([SYSTEM, QUESTION, CALL], "tool_call")],
    "chat_image": [([("user", "text", "What is this?"), IMAGE, HELLO], "stop")],
    "chat_error": [([SYSTEM, QUESTION], None)],
    "responses": [([SYSTEM, ("user", "text", "hi"), HELLO], "stop")],
    "anth": [([SYSTEM, ("user", "text", "hi"), HELLO], "stop")],
    "anth_tools": [
        ([QUESTION, ("assistant", "text", "Let me look."), ANTHROPIC_CALL], "tool_call")
    ],
    "anth_stream": [([("user", "text", "hi"), HELLO], "stop")],
    "langgraph": [([QUESTION, CALL], "tool_call"), ([QUESTION, CALL, RESULT, HELLO], "stop")],
}
# What a family did not record, so that the view cannot say it.
SILENT = {"otel_genai", "native"}
NOT_TOLD = {
    ("openllmetry", "chat_image"): [[HELLO]],
    ("openllmetry_legacy", "chat_image"): [[HELLO]],
    ("mlflow", "chat_tools"): [[SYSTEM, QUESTION, CALL]],
    ("mlflow", "responses"): [[("user", "text", "hi"), HELLO]],
    ("vercel_ai", "chat_tools"): [[QUESTION, CALL], [QUESTION, CALL, RESULT, HELLO]],
    ("vercel_ai", "chat_stream"): [[("user", "text", "hi"), HELLO]],
}
NO_REASON = {("logfire", "responses"), ("openllmetry_legacy", "responses")}
CHAT_CASES = [
    (family, case)
    for family in FAMILIES
    for case in load(family)
    if case in TOLD and calls(family, case)
]
OPENAI = "gpt-4o-mini-2024-07-18"


def families_with(case: str) -> list[str]:
    """Return the families that recorded a call of a case."""
    return [family for family in FAMILIES if case in load(family) and calls(family, case)]


@pytest.mark.parametrize(("family", "case"), CHAT_CASES)
def test_the_same_call_is_the_same_conversation(family: str, case: str) -> None:
    found = calls(family, case)
    if family in SILENT:
        assert all(one.messages == [] for one in found)
        return
    expected = NOT_TOLD.get((family, case)) or [conversation for conversation, _ in TOLD[case]]
    assert [told(one) for one in found] == expected


@pytest.mark.parametrize(("family", "case"), CHAT_CASES)
def test_the_same_call_has_the_same_type_and_finish_reason(family: str, case: str) -> None:
    found = calls(family, case)
    assert {one.type for one in found} == {"CHAT_MODEL"}
    if (family, case) in NO_REASON:
        assert [one.finish_reasons for one in found] == [[]]
        return
    reasons = [[reason] if reason else [] for _, reason in TOLD[case]]
    assert [one.finish_reasons for one in found] == reasons[: len(found)]
    assert all(
        [item.finish_reason for item in one.output_messages] == one.finish_reasons
        for one in found
        if one.output_messages
    )


@pytest.mark.parametrize(("family", "case"), CHAT_CASES)
def test_the_same_call_has_the_same_model_and_provider(family: str, case: str) -> None:
    for one in calls(family, case):
        if case == "chat_error":
            assert one.model == "bad-model"
        elif case.startswith("anth"):
            assert one.model == "claude-sonnet-4-5"
        elif family == "logfire" and "stream" in case:
            assert one.model == "gpt-4o-mini"  # it records no model of a streamed response
        else:
            assert one.model == OPENAI
        provider = "anthropic" if case.startswith("anth") else "openai"
        expected = {"mlflow": None, "vercel_ai": "fake"}.get(family, provider)
        assert one.provider == expected


USAGE = {
    "chat_stream_tools": (None, None, None, None, None),  # nobody asked for usage in the stream
    "chat_error": (None, None, None, None, None),
    "anth": (16, 5, 21, 4, None),
    "anth_tools": (16, 5, 21, 4, None),
    "anth_stream": (12, 5, 17, None, None),
}
OTHER_USAGE = {
    ("mlflow", "chat_stream"): (None, None, None, None, None),
    ("openllmetry_legacy", "anth_stream"): (None, None, None, None, None),
    ("openllmetry", "chat_stream"): (12, 5, 17, 4, None),
    ("openllmetry_legacy", "chat_stream"): (12, 5, 17, 4, None),
    ("openllmetry", "anth_stream"): (12, 6, 18, 0, None),  # it counts one too many itself
}


@pytest.mark.parametrize(("family", "case"), CHAT_CASES)
def test_the_same_call_has_the_same_usage(family: str, case: str) -> None:
    expected = OTHER_USAGE.get((family, case)) or USAGE.get(case, (12, 5, 17, 4, 2))
    if family == "otel_v2_legacy" and expected[0] is not None:
        expected = (*expected[:3], None, None)  # it records neither
    for one in calls(family, case):
        usage = one.usage
        found = (usage.input, usage.output, usage.total, usage.cached, usage.reasoning)
        assert found == expected
        fields = index_fields(one.attributes, one.span.start_time_ns)
        if family != "logfire" or "stream" not in case:  # there the log span has the usage
            assert fields[2:5] == expected[:3]
        assert fields.type == one.type
        assert fields.model == one.model


@pytest.mark.parametrize("family", FAMILIES)
def test_response_ids(family: str) -> None:
    for case in ("chat", "responses", "anth"):
        if case in load(family) and calls(family, case):
            expected = {"chat": "chatcmpl-1", "responses": "resp_1", "anth": "msg_1"}[case]
            assert [one.response_id for one in calls(family, case)] == [expected]


@pytest.mark.parametrize(
    "family", sorted({*families_with("chat_tools")} - SILENT - {"otel_v2_legacy"})
)
def test_tool_definitions(family: str) -> None:
    for one in calls(family, "chat_tools"):
        assert [tool.name for tool in one.tools] == ["get_weather"]
        assert one.tools[0].description == ("w" if family == "vercel_ai" else "weather")
        assert one.tools[0].parameters["properties"] == {"city": {"type": "string"}}


@pytest.mark.parametrize("family", families_with("chat_error"))
def test_errors(family: str) -> None:
    (one,) = calls(family, "chat_error")
    assert one.error is not None
    assert one.error.name == "NotFoundError"
    assert one.error.message.startswith("Error code: 404 - ")
    assert "no such model" in one.error.message
    assert one.cost is None
    assert calls(family, "chat" if "chat" in load(family) else "anth")[0].error is None


@pytest.mark.parametrize("family", families_with("embeddings"))
def test_embeddings(family: str) -> None:
    (one,) = calls(family, "embeddings")
    assert one.type == "EMBEDDING"
    assert one.model == "text-embedding-3-small"
    assert one.messages == []
    assert (one.usage.input, one.usage.output, one.usage.total) == (3, None, 3)
    assert index_fields(one.attributes)[2:5] == (3, None, 3)
    assert one.embeddings is not None
    assert one.embeddings.dimensions in (3, None)
    if family not in ("logfire", *SILENT) and not family.startswith("otel_"):
        assert one.embeddings.texts == (("a",) if family == "mlflow" else ("a", "b"))


def tool_spans() -> list[SpanView]:
    found = []
    for family in FAMILIES:
        for case in load(family):
            found += [one for one in read(family, case) if one.type == "TOOL"]
    return found


def test_tool_spans_say_what_ran() -> None:
    found = tool_spans()
    assert {one.convention for one in found} == {"mlflow", "openinference", "genai", "vercel"}
    for one in found:
        assert one.tool is not None
        assert one.tool.name == "get_weather"
        assert one.tool.id == (None if one.convention == "mlflow" else "call_1")
        if one.convention == "openinference":
            assert one.tool.arguments == "Paris"  # it records the only argument's text
        elif one.tool.arguments is not None:
            assert one.tool.arguments == {"city": "Paris"}
        if one.tool.result is not None:
            assert one.tool.result == "22C sunny"


def test_documents() -> None:
    (found,) = [one for one in read("openinference", "retriever") if one.type == "RETRIEVER"]
    assert [(d.id, d.page_content, d.score) for d in found.documents] == [
        ("d1", "Paris is sunny", 0.9),
        (None, "Rain", None),
    ]
    assert found.documents[0].document.metadata == {"source": "a.md", "score": 0.9}
    assert found.inputs == "weather"
    (found,) = [one for one in read("otel_genai_latest", "retriever") if one.type == "RETRIEVER"]
    assert [(d.id, d.page_content, d.score) for d in found.documents] == [
        ("d1", None, 0.9),
        (None, None, None),
    ]
    assert found.inputs == "weather"
    (found,) = [one for one in read("mlflow", "agent") if one.type == "RETRIEVER"]
    assert [(d.id, d.page_content) for d in found.documents] == [("d1", "Paris is sunny")]


TOTALS = {
    "chat_tools": (24, 10, 34),
    "langgraph": (24, 10, 34),
    "chat_error": (None, None, None),
    "chat_stream_tools": (None, None, None),
    "retriever": (None, None, None),
    "embeddings": (3, None, 3),
    "anth": (16, 5, 21),
    "anth_tools": (16, 5, 21),
    "anth_stream": (12, 5, 17),
}
OTHER_TOTALS = {
    ("mlflow", "chat_tools"): (12, 5, 17),  # it has the first call only
    ("mlflow", "chat_stream"): (None, None, None),
    ("openllmetry_legacy", "anth_stream"): (None, None, None),
}


@pytest.mark.parametrize(
    ("family", "case"), [(family, case) for family in FAMILIES for case in load(family)]
)
def test_totals_are_counted_once(family: str, case: str) -> None:
    spans, logs = load(family)[case]
    found = totals(spans)
    expected = OTHER_TOTALS.get((family, case)) or TOTALS.get(case, (12, 5, 17))
    if not calls(family, case):
        expected = (None, None, None)
    assert (found.input, found.output, found.total) == expected
    merged = totals([one.span for one in views(spans, logs)])
    assert (merged.input, merged.output, merged.total) == expected
    with_usage = [
        span
        for span in spans
        if any(value is not None for value in index_fields(span.raw_attributes)[2:])
        or "logfire.span_type" in span.raw_attributes
    ]
    parents = {span.span_id: span.parent_id for span in spans}
    assert totals(with_usage, parents=parents) == found


def test_sessions_and_users() -> None:
    assert {one.user for one in read("vercel_ai", "chat")} == {"u1"}
    for key, value in (("user.id", "ada"), ("mlflow.trace.user", '"ada"')):
        span = Span(
            trace_id="tr-" + "0a" * 16,
            span_id="0b" * 8,
            name="x",
            start_time_ns=1,
            attributes={key: value, "session.id": "s1"},
        )
        assert (view(span).user, view(span).session) == ("ada", "s1")


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in SILENT])
def test_previews_of_a_chat(family: str) -> None:
    for one in calls(family, "chat"):
        assert chat_previews(one) == ("Weather in Paris?", "Hello from fake.")


def test_previews_of_chains_and_of_other_spans() -> None:
    (graph,) = [one for one in read("openinference", "langgraph") if one.name == "LangGraph"]
    assert chat_previews(graph) == ("Weather in Paris?", "Hello from fake.")
    outer = [one for one in read("vercel_ai", "chat_tools") if one.type == "CHAIN"]
    assert [chat_previews(one) for one in outer] == [("Weather in Paris?", "Hello from fake.")]
    (root,) = [one for one in read("mlflow", "agent") if one.type == "AGENT"]
    assert chat_previews(root) == (None, None)


def test_logfire_shows_the_message_and_not_its_template() -> None:
    (one,) = calls("logfire", "chat")
    assert one.name == "Chat Completion with 'gpt-4o-mini'"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_view_is_plain_json(family: str) -> None:
    for case in load(family):
        for one in read(family, case):
            text = json.dumps(one.to_dict(), allow_nan=False)
            assert json.loads(text)["type"] == one.type


def test_stored_spans_stay_as_they_came() -> None:
    for family in FAMILIES:
        for spans, logs in load(family).values():
            before = json.dumps([dict(span.raw_attributes) for span in spans])
            events = [len(span.events) for span in spans]
            for one in views(spans, logs):
                one.to_dict()
            assert json.dumps([dict(span.raw_attributes) for span in spans]) == before
            assert [len(span.events) for span in spans] == events


def test_genai_tokens_on_a_span_of_ones_own_are_counted() -> None:
    with nbtrace.start_span("ask", span_type="CHAT_MODEL") as span:
        span.set_inputs("why?")
        span.set_attributes(
            {
                "gen_ai.response.model": "gpt-4o-mini",
                "gen_ai.provider.name": "openai",
                "gen_ai.usage.input_tokens": 7,
                "gen_ai.usage.output_tokens": 5,
            }
        )
    row = nbtrace.search_spans("span.tokens = 12").iloc[0]
    assert (row["type"], row["model"], row["tokens"]) == ("CHAT_MODEL", "gpt-4o-mini", 12)
    assert row["cost"] > 0
    usage = nbtrace.get_trace(span.trace_id).info.token_usage
    assert usage == {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}


def test_mlflows_own_tokens_go_before_genais() -> None:
    attributes = {
        "mlflow.spanType": '"LLM"',
        "mlflow.chat.tokenUsage": '{"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}',
        "gen_ai.usage.input_tokens": 70,
    }
    assert index_fields(attributes)[2:5] == (1, 2, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_only_a_stream_left_half_read_is_incomplete(family: str) -> None:
    for name, (spans, logs) in load(family).items():
        for found in views(spans, logs):
            assert not found.half_read, (name, found.name)


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "openinference.span.kind": "LLM",
            "llm.invocation_parameters": '{"model": "m", "stream": true}',
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "Hel",
        },
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.is_streaming": True,
            "gen_ai.output.messages": '[{"role": "assistant", "parts": '
            '[{"type": "text", "content": "Hel"}], "finish_reason": ""}]',
        },
    ],
)
def test_a_stream_left_half_read_says_so(attributes: dict[str, Any]) -> None:
    def incomplete(end: int | None, **more: Any) -> bool:
        return is_incomplete(
            Span(
                trace_id="tr-" + "0a" * 16,
                span_id="0b" * 8,
                name="chat",
                start_time_ns=1,
                end_time_ns=end,
                attributes=attributes | more,
            )
        )

    assert incomplete(2)
    assert not incomplete(None)
    finished = {"llm.finish_reason": "stop", "gen_ai.response.finish_reasons": ["stop"]}
    assert not incomplete(2, **finished)


def test_an_agent_of_pydantic_ai_shows_its_conversation() -> None:
    conversation = [
        {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "Sunny."}]},
    ]
    instructions = [{"type": "text", "content": "Be kind."}]
    found = view(
        Span(
            trace_id="tr-" + "0a" * 16,
            span_id="0b" * 8,
            name="invoke_agent helper",
            start_time_ns=1,
            attributes={
                "gen_ai.operation.name": "invoke_agent",
                "logfire.msg": "helper run",
                "gen_ai.system_instructions": json.dumps(instructions),
                "pydantic_ai.all_messages": json.dumps(conversation),
                "final_result": "Sunny.",
            },
        )
    )
    assert [(m.role, m.text) for m in found.input_messages] == [
        ("system", "Be kind."),
        ("user", "Weather?"),
    ]
    assert [(m.role, m.text) for m in found.output_messages] == [("assistant", "Sunny.")]
    assert found.outputs == "Sunny."


def test_a_call_over_the_model_context_protocol_is_a_tool() -> None:
    found = view(
        Span(
            trace_id="tr-" + "0a" * 16,
            span_id="0b" * 8,
            name="MCP send tools/call weather",
            start_time_ns=1,
            attributes={"mcp.method.name": "tools/call", "jsonrpc.request.id": "3"},
        )
    )
    assert found.type == "TOOL"
    assert found.tool is not None
    assert found.tool.name == "weather"
