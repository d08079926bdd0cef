"""Messages, parts and payloads in the spellings that the fixtures do not hold."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from nbtrace.entities import Span
from nbtrace.otel.conventions import Message, MessagePart, ToolCall, view
from nbtrace.otel.conventions.documents import documents
from nbtrace.otel.conventions.events import merge_log_events
from nbtrace.otel.conventions.messages import message, messages, to_chat, tool_definitions
from nbtrace.otel.conventions.payload import payload_usage, request_messages, response_messages
from nbtrace.otel.conventions.reading import indexed


def test_anthropic_results_and_thinking() -> None:
    read = messages(
        [
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "x"},
                    {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "content": [{"type": "text", "text": "22C"}],
                    }
                ],
            },
        ]
    )
    assert [item.kind for item in read[0].parts] == ["reasoning", "tool_call"]
    assert read[0].tool_calls == [ToolCall("t1", "f", {"a": 1})]
    assert read[1] == Message("tool", (MessagePart("tool_result", id="t1", result="22C"),))


def test_items_of_the_responses_api_are_one_answer() -> None:
    value = {
        "object": "response",
        "status": "completed",
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "think"}]},
            {"type": "message", "role": "assistant", "content": [
                {"type": "output_text", "text": "Let me look."}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
        ],
    }  # fmt: skip
    (read,) = response_messages(value)
    assert [item.kind for item in read.parts] == ["reasoning", "text", "tool_call"]
    assert read.finish_reason == "tool_call"
    sent = request_messages(
        {"input": [*value["output"], {"type": "function_call_output", "call_id": "c1",
                                      "output": "22C"}]}
    )  # fmt: skip
    assert [item.role for item in sent] == ["assistant", "tool"]
    assert sent[1].parts[0].result == "22C"


def test_gemini_bedrock_and_ollama() -> None:
    gemini = {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": "Hello"}]},
                "finishReason": "STOP",
            }
        ]
    }
    bedrock = {
        "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
        "stopReason": "end_turn",
    }
    ollama = {"message": {"role": "assistant", "content": "Hello"}, "done_reason": "stop"}
    expected = Message("assistant", (MessagePart("text", text="Hello"),), None, "stop")
    assert [response_messages(value) for value in (gemini, bedrock, ollama)] == [[expected]] * 3
    call = message({"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]})
    assert call is not None
    assert call.tool_calls == [ToolCall(None, "f", {"a": 1})]


def test_media_parts_become_addresses() -> None:
    base64 = "iVBORw0KGgo="
    uri = f"data:image/png;base64,{base64}"
    for part in (
        {"type": "image_url", "image_url": {"url": uri}},
        {"type": "input_image", "image_url": uri},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64}},
        {"type": "image", "image": base64, "mediaType": "image/png"},
        {"type": "blob", "mime_type": "image/png", "modality": "image", "content": base64},
        {"inline_data": {"mime_type": "image/png", "data": base64}},
        {"type": "file", "data": base64, "mediaType": "image/png"},
    ):
        (found,) = messages([{"role": "user", "content": [part]}])[0].parts
        assert (found.kind, found.uri, found.mime_type) == ("image", uri, "image/png")
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}
    (found,) = messages([{"role": "user", "content": [sound]}])[0].parts
    assert (found.kind, found.uri) == ("audio", "data:audio/mp3;base64,AAAA")


def test_a_part_of_an_unknown_kind_is_kept() -> None:
    (found,) = messages([{"role": "user", "content": [{"type": "hologram", "x": 1}]}])[0].parts
    assert (found.kind, found.result) == ("data", {"type": "hologram", "x": 1})


def test_usage_counts_cached_tokens_among_the_input() -> None:
    anthropic = {"input_tokens": 12, "output_tokens": 5, "cache_read_input_tokens": 4}
    assert payload_usage({"usage": anthropic}).input == 16
    openai = {"prompt_tokens": 12, "prompt_tokens_details": {"cached_tokens": 4}}
    assert (payload_usage(openai).input, payload_usage(openai).cached) == (12, 4)
    assert payload_usage({"usage": None}).input is None


def test_tool_definitions_in_every_spelling() -> None:
    schema = {"type": "object"}
    for definition in (
        {"type": "function", "function": {"name": "f", "parameters": schema}},
        {"name": "f", "input_schema": schema},
        {"toolSpec": {"name": "f", "inputSchema": {"json": schema}}},
        {"function_declarations": [{"name": "f", "parameters": schema}]},
        json.dumps({"type": "function", "name": "f", "inputSchema": {"$schema": "x", **schema}}),
    ):
        (found,) = tool_definitions([definition])
        assert (found.name, found.parameters) == ("f", schema)


def test_documents_of_frameworks() -> None:
    plain = {"page_content": "Rain", "metadata": {"source": "b.md"}}
    serialised = {"lc": 1, "type": "constructor", "kwargs": plain}
    for value in ([plain], {"documents": [plain]}, [serialised], [[plain, 0.5]]):
        (found,) = documents(value)
        assert (found.page_content, found.metadata) == ("Rain", {"source": "b.md"})
    assert documents([[plain, 0.5]])[0].score == 0.5
    assert documents("Rain") == []


def test_a_function_that_takes_an_input_is_not_a_chat() -> None:
    def read(kind: str, inputs: object, outputs: object) -> list[Message]:
        attributes = {
            "mlflow.spanType": json.dumps(kind),
            "mlflow.spanInputs": json.dumps(inputs),
            "mlflow.spanOutputs": json.dumps(outputs),
        }
        span = Span(
            trace_id="tr-" + "0a" * 16,
            span_id="0b" * 8,
            name="f",
            start_time_ns=1,
            attributes=attributes,
        )
        return view(span).messages

    assert read("UNKNOWN", {"input": "hi"}, "hello") == []
    assert read("TOOL", {"messages": [{"role": "user", "content": "x"}]}, "hello") == []
    chat = read("UNKNOWN", {"messages": [{"role": "user", "content": "hi"}]}, "hello")
    assert [(item.role, item.text) for item in chat] == [("user", "hi"), ("assistant", "hello")]
    assert [item.role for item in read("LLM", {"prompt": "hi"}, "hello")] == ["user", "assistant"]


def test_log_records_become_events_of_their_spans() -> None:
    span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="chat", start_time_ns=5)
    record = {
        "trace_id": "0a" * 16,
        "span_id": "0b" * 8,
        "event_name": "gen_ai.choice",
        "body": {"message": {"content": b"\xff"}},
        "attributes": {"gen_ai.system": "openai"},
        "timestamp": 7,
    }
    (merged,) = merge_log_events([span], [record, {**record, "span_id": "ff" * 8}, {}])
    assert span.events == []
    assert [(event.name, event.timestamp) for event in merged.events] == [("gen_ai.choice", 7)]
    assert merged.events[0].attributes["gen_ai.system"] == "openai"
    assert view(merged).convention == "genai"


def test_indexes_are_put_in_order_and_conflicts_do_not_matter() -> None:
    attributes = {"p.10.a": 3, "p.9.a": 2, "p.0": 1, "p.0.a": 1, "p.x.a": 9, "p.": 1, "q": 1}
    assert indexed(attributes, "p.") == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert len(indexed({"p.0" + ".1" * 100_000: 1}, "p.")) == 1


texts = st.text(min_size=1, max_size=10)
parts = st.one_of(
    st.builds(lambda text: MessagePart("text", text=text), texts),
    st.builds(
        lambda name, number: MessagePart(
            "tool_call", tool_call=ToolCall(f"call_{number}", name, {"a": number})
        ),
        texts,
        st.integers(0, 9),
    ),
)


def call_id(part: MessagePart) -> str | None:
    return None if part.tool_call is None else part.tool_call.id


@given(
    st.sampled_from(["system", "user", "assistant"]),
    st.lists(parts, min_size=1, max_size=4, unique_by=call_id),
)
def test_the_chat_shape_reads_back(role: str, given_parts: list[MessagePart]) -> None:
    ordered = sorted(given_parts, key=lambda part: part.kind == "tool_call")
    said = Message(role, tuple(ordered))
    assert message(to_chat(said)) == said
