"""What the panel of a span gets: every convention's messages, long values in pieces, errors."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_otel_conventions import FAMILIES, load

from nbtrace.entities import Link, Span, SpanEvent, SpanStatus, Trace
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.conventions import merge_log_events
from nbtrace.widgets.curl import curl_of
from nbtrace.widgets.detail_requests import previous_call
from nbtrace.widgets.details import details_of, value_piece
from nbtrace.widgets.feed import RowFeed
from nbtrace.widgets.json_value import json_text
from nbtrace.widgets.page_answers import previous_calls
from nbtrace.widgets.pieces import ALL_CHARACTERS, PIECE_CHARACTERS
from nbtrace.widgets.source import source_of

TRACE_ID = "tr-" + "0a" * 16
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
CHAT = {
    "mlflow.spanType": '"CHAT_MODEL"',
    "mlflow.spanInputs": json.dumps(
        {
            "messages": [
                {"role": "user", "content": "What is\n1 + 1?"},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c1", "content": "2"},
            ]
        }
    ),
    "mlflow.spanOutputs": json.dumps({"role": "assistant", "content": "Two."}),
    "mlflow.spanFunctionName": '"complete"',
}


def span(number: int = 1, **keywords) -> Span:
    fields = {
        "trace_id": TRACE_ID,
        "span_id": f"{number:016x}",
        "name": f"step {number}",
        "start_time_ns": 1_000 * number,
        "end_time_ns": 1_000 * number + 500,
        **keywords,
    }
    return Span(**fields)


def test_the_conversation_in_parts():
    details = details_of(span(attributes=CHAT), 0)
    told = [
        (message["role"], message["answer"], [part["kind"] for part in message["parts"]])
        for message in details["messages"]
    ]
    assert told == [
        ("user", False, ["text"]),
        ("assistant", False, ["tool_call"]),
        ("tool", False, ["tool_result"]),
        ("assistant", True, ["text"]),
    ]
    call = details["messages"][1]["parts"][0]
    assert (call["name"], call["id"], call["text"]["text"], call["json"]) == (
        "add",
        "c1",
        '{"a":1}',
        True,
    )
    assert details["messages"][2]["parts"][0]["id"] == "c1"
    # MLflow's own keys hold JSON; a person reads the text.
    assert [item["value"]["text"] for item in details["attributes"]] == ["complete"]
    assert details_of(span(2), 0)["messages"] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_every_convention_tells_its_conversations(family):
    told = 0
    for spans, logs in load(family).values():
        for one in merge_log_events(spans, logs):
            details = details_of(one, one.start_time_ns)
            orjson.dumps(details)
            told += bool(details["messages"])
            for message in details["messages"]:
                assert message["role"] in ("system", "user", "assistant", "tool")
                for part in message["parts"]:
                    assert part["text"] or part["uri"]
    # Two families record no content at all.
    assert (told == 0) == (family in ("native", "otel_genai"))


def test_a_streamed_call_has_the_answer_that_came_later():
    spans, _ = load("logfire")["chat_stream"]
    feed = RowFeed(source_of(Trace.from_spans(spans)))
    request = next(one for one in spans if one.raw_attributes.get("request_data"))
    source = source_of(Trace.from_spans(spans))
    assert feed.details(source, request.span_id)["messages"][-1]["answer"]


def test_the_source_of_a_cell_is_told_once():
    source = "%%trace\nprint('ä')"
    cell = {"nbtrace.cell.source": source, "mlflow.spanInputs": orjson.dumps(source).decode()}
    details = details_of(span(attributes=cell), 0)
    assert (details["type"], details["attributes"]) == ("CELL", [])
    cell["mlflow.spanInputs"] = '"what the cell set"'
    details = details_of(span(attributes=cell), 0)
    assert [item["value"]["text"] for item in details["attributes"]] == [source]


def test_usage_is_broken_down():
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "some-model",
        "llm.provider": "somebody",
        "llm.token_count.prompt": 812,
        "llm.token_count.completion": 64,
        "llm.token_count.prompt_details.cache_read": 300,
        "llm.token_count.completion_details.reasoning": 20,
    }
    details = details_of(span(attributes=attributes), 0)
    usage = details["usage"]
    assert (usage["input"], usage["output"], usage["total"]) == (812, 64, 876)
    assert (usage["cached"], usage["reasoning"], usage["cost"]) == (300, 20, None)
    assert (details["model"], details["provider"]) == ("some-model", "somebody")


def test_documents_before_and_after_a_reranker():
    attributes = {
        "openinference.span.kind": "RERANKER",
        "reranker.input_documents.0.document.id": "a",
        "reranker.input_documents.0.document.content": "about a",
        "reranker.input_documents.1.document.id": "b",
        "reranker.output_documents.0.document.id": "b",
        "reranker.output_documents.0.document.score": 0.9,
        "reranker.output_documents.0.document.metadata": '{"page": 3}',
    }
    details = details_of(span(attributes=attributes), 0)
    assert [one["id"] for one in details["documents_before"]] == ["a", "b"]
    (document,) = details["documents"]
    assert (document["id"], document["score"], document["content"]) == ("b", 0.9, None)
    assert document["metadata"]["text"] == '{"page":3}'


def test_embeddings_in_figures():
    vector = [0.6, 0.8, *[0.0] * 10]
    attributes = {
        "openinference.span.kind": "EMBEDDING",
        "embedding.embeddings.0.embedding.text": "hello",
        "embedding.embeddings.0.embedding.vector": vector,
    }
    found = details_of(span(attributes=attributes), 0)["embeddings"]
    assert (found["count"], found["dimensions"], found["texts"][0]["text"]) == (1, 12, "hello")
    assert found["vectors"][0]["norm"] == pytest.approx(1)
    assert found["vectors"][0]["first"][:2] == ["0.6", "0.8"]
    assert details_of(span(), 0)["embeddings"] is None


def test_a_long_value_comes_in_pieces():
    text = json.dumps("ä" * 100_000 + "end", ensure_ascii=False)
    one = span(
        attributes={"mlflow.spanInputs": text, "other": "y" * 50_000, "deep": [["z"] * 9_000]}
    )
    details = details_of(one, 0)
    start = details["inputs"]
    assert (len(start["text"]), start["size"], start["next"]) == (
        PIECE_CHARACTERS,
        len(text),
        PIECE_CHARACTERS,
    )
    joined, place = start["text"], start["next"]
    while place is not None:
        piece = value_piece(one, "inputs", place, 30_000)
        joined, place = joined + piece["text"], piece["next"]
    assert joined == text
    for item in details["attributes"]:
        value = item["value"]
        rest = value_piece(one, value["place"], value["next"], 10**9)
        assert len(value["text"] + rest["text"]) == value["size"]
    with pytest.raises(NbtraceError, match="open its details again"):
        value_piece(one, "nowhere", 0, 10)


def test_many_long_texts_are_no_huge_message():
    messages = [{"role": "user", "content": "x" * 50_000} for _ in range(300)]
    attributes = {
        "mlflow.spanType": '"CHAT_MODEL"',
        "mlflow.spanInputs": json.dumps({"messages": messages}),
    }
    one = span(attributes=attributes)
    details = details_of(one, 0)
    assert len(orjson.dumps(details)) < 1.5 * ALL_CHARACTERS
    last = details["messages"][-1]["parts"][0]["text"]
    assert value_piece(one, last["place"], 0, 10**6)["text"] == "x" * 50_000


def test_an_exception_is_read_back():
    def fail() -> None:
        try:
            json.loads("{x")
        except ValueError as error:
            raise KeyError("Atlantis") from error

    with pytest.raises(KeyError) as caught:
        fail()
    one = span(
        status=SpanStatus("ERROR", "KeyError"), events=[SpanEvent.from_exception(caught.value)]
    )
    (error,) = details_of(one, 0)["errors"]
    raised, cause = error["chain"]
    assert (raised["type"], raised["message"], raised["relation"]) == ("KeyError", "'Atlantis'", "")
    assert raised["frames"][-1]["function"] == "fail"
    assert raised["frames"][-1]["own"]
    assert raised["frames"][-1]["code"].startswith("raise KeyError")
    assert (cause["type"], cause["relation"]) == ("json.decoder.JSONDecodeError", "cause")
    assert [frame["own"] for frame in cause["frames"]] == [True, False, False, False]


def test_links_and_events():
    one = span(
        links=[Link("tr-" + "0e" * 16, "0f" * 8, {"reason": "queue"})],
        events=[SpanEvent("retry", 1_500, {"attempt": 2})],
    )
    details = details_of(one, 1_000)
    assert details["links"][0]["attributes"][0]["value"]["text"] == "queue"
    assert (details["events"][0]["name"], details["events"][0]["time_ns"]) == ("retry", 500)


def test_a_request_as_curl():
    attributes = {
        "http.request.method": "POST",
        "url.full": "https://api.example.org/v1?q='a'",
        "http.request.header.authorization": ["[REDACTED]"],
        "http.request.header.content_type": "application/json",
        "http.request.body": '{"a": "it\'s"}',
    }
    command = curl_of(attributes)
    assert command.startswith("curl \\\n  -X POST \\\n  'https://api.example.org/v1?q='\"'\"'a'")
    assert "-H 'authorization: [REDACTED]'" in command
    assert "-H 'content-type: application/json'" in command
    assert curl_of({"http.method": "GET", "http.url": "http://x.org/"}) == "curl http://x.org/"
    assert curl_of({"url.full": "file:///etc/passwd"}) is None
    assert curl_of({"http.request.method": "GET"}) is None


def test_the_call_before():
    def call(number: int, **fields) -> Span:
        return span(number, attributes=CHAT, **fields)

    spans = [
        call(1),
        span(2),
        call(3),
        # Told by two instrumentors at once.
        call(5, start_time_ns=4_900, end_time_ns=6_000),
        call(6, start_time_ns=5_000, end_time_ns=5_900),
    ]
    assert previous_call(spans, spans[3].span_id).span.span_id == spans[2].span_id
    assert previous_call(spans, spans[4].span_id).span.span_id == spans[2].span_id
    assert previous_call(spans, spans[0].span_id) is None
    assert previous_call(spans, "ff" * 8) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.none() | st.integers(0, 6), st.booleans()), max_size=12
    )
)
def test_the_calls_before_are_found_at_once(lives):
    spans = [
        span(
            number,
            start_time_ns=start,
            end_time_ns=None if length is None else start + length,
            attributes=CHAT if talks else {},
        )
        for number, (start, length, talks) in enumerate(lives)
    ]
    one_by_one = {one.span_id: previous_call(spans, one.span_id) for one in spans}
    assert previous_calls(spans) == {
        span_id: seen.span.span_id for span_id, seen in one_by_one.items() if seen is not None
    }


def test_values_that_json_has_no_word_for():
    assert json_text([float("nan"), float("inf"), 2**80]) == f"[NaN,Infinity,{2**80}]"
    assert json_text({1: b"a"}) == '{"1":"61"}'
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    json.loads(json_text(deep))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    (
        "mlflow.spanInputs",
        "mlflow.spanOutputs",
        "mlflow.spanType",
        "openinference.span.kind",
        "llm.input_messages.0.message.content",
        "gen_ai.operation.name",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "embedding.embeddings.0.embedding.vector",
        "retrieval.documents.0.document.score",
        "ai.operationId",
        "url.full",
        "http.request.header.x",
        "nbtrace.cell.source",
        "other",
    )
)


@given(st.dictionaries(KEYS, values), st.text(), st.text())
def test_whatever_a_span_holds_its_details_can_be_shown(attributes, stack, message):
    event = SpanEvent(
        "exception", 1, {"exception.stacktrace": stack, "exception.message": attributes}
    )
    one = span(attributes=attributes, events=[event], status=SpanStatus("ERROR", message))
    details = details_of(one, 0)
    orjson.dumps(details)
    for name in ("inputs", "outputs", "message"):
        if details[name] is not None:
            assert value_piece(one, name, 0, 10**9)["text"].startswith(details[name]["text"])


FRAME = '  File "{}", line 3, in f\n    g()\n'


@given(st.lists(st.text(max_size=30), max_size=5), st.text(max_size=200))
def test_any_stack_trace_is_read(files, message):
    text = "Traceback (most recent call last):\n"
    text += "".join(FRAME.format(file) for file in files)
    text += f"ValueError: {message}\n"
    event = SpanEvent("exception", 1, {"exception.stacktrace": text})
    orjson.dumps(details_of(span(events=[event]), 0))
