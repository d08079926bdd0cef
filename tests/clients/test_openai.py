"""The real OpenAI client in ``%%trace`` cells, under each family of instrumentors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import need, packages_of
from server import (
    ANSWER,
    ARGUMENTS,
    CACHED_TOKENS,
    EMBEDDING_TOKENS,
    INPUT_TOKENS,
    MODEL,
    OUTPUT_TOKENS,
    STRUCTURED,
)

from nbtrace.otel.conventions import is_incomplete

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Notebook

    from nbtrace.otel.conventions import SpanView

# 1,000 tokens of input at $0.15 a million, 200 cached at $0.075, 500 of output at $0.60
COST = pytest.approx(0.000465)

SETUP = """
import asyncio, gc, nbtrace, openai
from pydantic import BaseModel
table = nbtrace.autolog("openai", prefer="{family}")
client = openai.OpenAI(base_url=url + "/v1", max_retries=0)
async_client = openai.AsyncOpenAI(base_url=url + "/v1", max_retries=0)
chat = {{"model": "gpt-4o-mini", "messages": [{{"role": "user", "content": "hi"}}]}}
with_usage = {{"stream": True, "stream_options": {{"include_usage": True}}}}
weather = {{"type": "function", "function": {{"name": "weather", "parameters": {{
    "type": "object", "properties": {{"city": {{"type": "string"}}}}}}}}}}
class City(BaseModel):
    city: str
"""


@pytest.fixture(params=["openinference", "genai", "traceloop"])
def opened(notebook: Notebook, request: pytest.FixtureRequest) -> Notebook:
    package = packages_of("openai")[request.param]
    need("openai", package)
    notebook.run(SETUP.format(family=request.param))
    row = notebook.shell.user_ns["table"]["openai"]
    assert (row.state, row.package.partition(" ")[0]) == ("on", package)
    return notebook


def check_chat(found: SpanView, *, usage: bool = True) -> None:
    assert found.type == "CHAT_MODEL"
    assert found.model == MODEL
    assert found.provider == "openai"
    assert [(item.role, item.text) for item in found.input_messages] == [("user", "hi")]
    assert [(item.role, item.text) for item in found.output_messages] == [("assistant", ANSWER)]
    assert found.finish_reasons == ["stop"]
    assert not found.half_read
    if usage:
        usage_of = (found.usage.input, found.usage.output, found.usage.total)
        assert usage_of == (INPUT_TOKENS, OUTPUT_TOKENS, INPUT_TOKENS + OUTPUT_TOKENS)
        assert found.usage.cached == CACHED_TOKENS
        assert found.cost == COST
    else:  # unknown, never zero
        assert found.usage.total is None
        assert found.cost is None


@pytest.mark.parametrize(
    "call",
    [
        "r = client.chat.completions.create(**chat)",
        "r = client.responses.create(model='gpt-4o-mini', input='hi')",
        "r = await async_client.chat.completions.create(**chat)",
        "for c in client.chat.completions.create(**chat, **with_usage): pass",
    ],
    ids=["chat", "responses", "async", "stream"],
)
def test_a_call(opened: Notebook, call: str) -> None:
    cell = opened.trace(call)
    check_chat(cell.one())
    info = cell.trace.info
    assert info.state == "OK"
    assert info.token_usage == {
        "input_tokens": INPUT_TOKENS,
        "output_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    }
    assert info.cost == {"total_cost": COST}


@pytest.mark.parametrize(
    "call",
    [
        "for c in client.chat.completions.create(**chat, stream=True): pass",
        "async for c in await async_client.chat.completions.create(**chat, stream=True): pass",
    ],
    ids=["stream", "async stream"],
)
def test_a_stream_without_usage(opened: Notebook, call: str) -> None:
    cell = opened.trace(call)
    check_chat(cell.one(), usage=False)
    assert cell.trace.info.token_usage is None


@pytest.mark.parametrize(
    "call",
    [
        "r = client.chat.completions.create(**chat, tools=[weather])",
        "for c in client.chat.completions.create(**chat, tools=[weather], stream=True): pass",
    ],
    ids=["call", "stream"],
)
def test_tools(opened: Notebook, call: str) -> None:
    found = opened.trace(call).one()
    assert [tool.name for tool in found.tools] == ["weather"]
    [asked] = [call for item in found.output_messages for call in item.tool_calls]
    assert (asked.id, asked.name, asked.arguments) == ("call_1", "weather", ARGUMENTS)
    assert found.finish_reasons == ["tool_call"]


def test_structured_output(opened: Notebook) -> None:
    cell = opened.trace(
        "r = client.chat.completions.parse(**chat, response_format=City)\n"
        "r.choices[0].message.parsed"
    )
    assert cell.one().output_messages[0].text == '{"city": "Paris"}'
    assert cell.trace.data.spans[0].outputs == STRUCTURED


def test_embeddings(opened: Notebook) -> None:
    found = opened.trace(
        "r = client.embeddings.create(model='text-embedding-3-small', input=['hello', 'you'])"
    ).one()
    assert found.type == "EMBEDDING"
    assert (found.usage.input, found.usage.output) == (EMBEDDING_TOKENS, None)
    assert found.cost == pytest.approx(6e-8)


def test_an_error(opened: Notebook) -> None:
    cell = opened.trace(
        "client.chat.completions.create(model='gpt-4o-mini',"
        " messages=[{'role': 'user', 'content': 'fail'}])"
    )
    assert type(cell.error).__name__ == "BadRequestError"
    found = cell.one()
    assert found.error is not None
    assert found.error.type == "openai.BadRequestError"
    assert found.input_messages[0].text == "fail"
    assert found.usage.total is None
    assert cell.trace.info.state == "ERROR"


def test_a_stream_left_half_read_arrives_later_and_says_so(
    opened: Notebook, store_directory: Path
) -> None:
    cell = opened.trace(
        "stream = client.chat.completions.create(**chat, stream=True)\npieces = iter(stream)\n"
        "for _ in range(3): next(pieces)"
    )
    assert cell.one().span.end_time_ns is None
    assert cell.trace.info.state == "OK"
    other = opened.trace("stream.close()\ndel stream, pieces\nnumber = gc.collect()")
    found = cell.one()
    assert found.span.end_time_ns is not None
    assert found.output_messages[0].text == "Hello "
    assert found.usage.total is None
    # OpenTelemetry's own says it with a status
    assert is_incomplete(found.span) or found.span.status.description == "abandoned stream"
    assert other.spans == []
    assert len(list(store_directory.rglob(f"{cell.trace_id}*.json"))) > 1


def test_a_task_that_outlives_its_cell(opened: Notebook) -> None:
    cell = opened.trace(
        """
        async def late():
            await asyncio.sleep(0.1)
            return await async_client.chat.completions.create(**chat)

        task = asyncio.ensure_future(late())
        await asyncio.sleep(0)
        """
    )
    assert cell.spans == []
    other = opened.trace("r = await task")
    check_chat(cell.one())
    assert cell.trace.info.token_usage is not None
    assert other.spans == []
