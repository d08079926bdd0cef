"""The real Anthropic client in ``%%trace`` cells, under each family of instrumentors.

The client makes a span of its own inside the instrumentor's: usage counts once all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import need, packages_of
from server import ANSWER, ARGUMENTS, CACHED_TOKENS, CLAUDE, INPUT_TOKENS, OUTPUT_TOKENS

if TYPE_CHECKING:
    from conftest import Cell, Notebook

    from nbtrace.otel.conventions import SpanView

# 1,000 tokens of input at $3 a million, 200 read from the cache at $0.30, 500 of output at $15
COST = pytest.approx(0.01056)

SETUP = """
import gc, nbtrace, anthropic
table = nbtrace.autolog("anthropic", prefer="{family}")
client = anthropic.Anthropic(base_url=url, max_retries=0)
async_client = anthropic.AsyncAnthropic(base_url=url, max_retries=0)
chat = {{"model": "claude-sonnet-4-5", "max_tokens": 9,
        "messages": [{{"role": "user", "content": "hi"}}]}}
weather = {{"name": "weather", "input_schema": {{
    "type": "object", "properties": {{"city": {{"type": "string"}}}}}}}}
"""


@pytest.fixture(params=["openinference", "genai", "traceloop"])
def opened(notebook: Notebook, request: pytest.FixtureRequest) -> Notebook:
    package = packages_of("anthropic")[request.param]
    need("anthropic", package)
    notebook.run(SETUP.format(family=request.param))
    row = notebook.shell.user_ns["table"]["anthropic"]
    assert (row.state, row.package.partition(" ")[0]) == ("on", package)
    return notebook


def instrumented(cell: Cell) -> SpanView:
    """Return the instrumentor's span, without the client's own."""
    [found] = [item for item in cell.spans if item.span.name != "anthropic.messages.create"]
    return found


@pytest.mark.parametrize(
    "call",
    [
        "r = client.messages.create(**chat)",
        "r = await async_client.messages.create(**chat)",
        "for event in client.messages.create(**chat, stream=True): pass",
        "async for event in await async_client.messages.create(**chat, stream=True): pass",
        "with client.messages.stream(**chat) as stream: text = ''.join(stream.text_stream)",
    ],
    ids=["chat", "async", "stream", "async stream", "stream()"],
)
def test_a_call(opened: Notebook, call: str) -> None:
    cell = opened.trace(call)
    found = instrumented(cell)
    assert (found.type, found.model, found.provider) == ("CHAT_MODEL", CLAUDE, "anthropic")
    assert [(item.role, item.text) for item in found.input_messages] == [("user", "hi")]
    assert [(item.role, item.text) for item in found.output_messages] == [("assistant", ANSWER)]
    assert found.finish_reasons == ["stop"]
    assert found.usage.cached == CACHED_TOKENS
    assert not found.half_read
    assert cell.trace.info.token_usage == {
        "input_tokens": INPUT_TOKENS,
        "output_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    }
    assert cell.trace.info.cost == {"total_cost": COST}


def test_tools(opened: Notebook) -> None:
    found = instrumented(opened.trace("r = client.messages.create(**chat, tools=[weather])"))
    assert [tool.name for tool in found.tools] == ["weather"]
    [asked] = [call for item in found.output_messages for call in item.tool_calls]
    assert (asked.id, asked.name, asked.arguments) == ("t1", "weather", ARGUMENTS)
    assert found.finish_reasons == ["tool_call"]


def test_an_error(opened: Notebook) -> None:
    cell = opened.trace(
        "client.messages.create(**chat | {'messages': [{'role': 'user', 'content': 'fail'}]})"
    )
    assert type(cell.error).__name__ == "BadRequestError"
    found = instrumented(cell)
    assert found.error is not None
    assert found.error.type == "anthropic.BadRequestError"
    assert cell.trace.info.state == "ERROR"


def test_a_stream_left_half_read_is_one_tree(opened: Notebook) -> None:
    cell = opened.trace(
        "stream = client.messages.create(**chat, stream=True)\npieces = iter(stream)\n"
        "for _ in range(4): next(pieces)"
    )
    assert instrumented(cell).span.end_time_ns is None
    other = opened.trace("stream.close()\ndel stream, pieces\nnumber = gc.collect()")
    found = instrumented(cell)
    # Traceloop's never ends it: it stays open until the process ends
    said = found.half_read or found.span.status.description == "abandoned stream"
    assert said or found.span.end_time_ns is None
    assert other.spans == []
