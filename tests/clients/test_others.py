"""LlamaIndex, LiteLLM, pydantic-ai and MCP in ``%%trace`` cells; each is left out where missing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from conftest import need
from server import ANSWER, ARGUMENTS, INPUT_TOKENS, OUTPUT_TOKENS

from nbtrace.otel.conventions import is_incomplete

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Cell, Notebook

COST = 0.000465

LLAMA_INDEX = """
import gc, nbtrace
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI
def weather(city: str) -> str:
    "The weather of a city."
    return "sunny in " + city
table = nbtrace.autolog("llama_index")
model = OpenAI(model="gpt-4o-mini", api_base=url + "/v1", max_retries=0)
hi, fail = [ChatMessage(role="user", content="hi")], [ChatMessage(role="user", content="fail")]
agent = FunctionAgent(tools=[weather], llm=model, streaming=False)
"""
LITELLM = """
import gc, nbtrace, litellm
table = nbtrace.autolog("litellm")
options = {"model": "openai/gpt-4o-mini", "api_base": url + "/v1", "api_key": "test"}
hi, fail = [{"role": "user", "content": "hi"}], [{"role": "user", "content": "fail"}]
"""
PYDANTIC_AI = """
import nbtrace
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
table = nbtrace.autolog("pydantic_ai")
provider = OpenAIProvider(base_url=url + "/v1", api_key="test")
model = OpenAIChatModel("gpt-4o-mini", provider=provider)
agent, teller = Agent(model, instructions="be kind"), Agent(model, name="teller")
async def read(started):
    async with started as run:
        async for text in run.stream_text(debounce_by=None):
            pass
@teller.tool_plain
def weather(city: str) -> str:
    "The weather of a city."
    return "sunny in " + city
"""
# One of them has the server, under its older or its newer name.
MCP_SERVER = """
try:
    from mcp.server import MCPServer as Server
except ImportError:
    from mcp.server.fastmcp import FastMCP as Server
server = Server("weather")
@server.tool()
def weather(city: str) -> str:
    return "sunny in " + city
server.run()
"""
MCP = """
import nbtrace
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
table = nbtrace.autolog("mcp")
async def call(city):
    program = StdioServerParameters(command=python, args=[script])
    async with stdio_client(program) as (r, w), ClientSession(r, w) as session:
        await session.initialize()
        return await session.call_tool("weather", {"city": city})
"""


@pytest.fixture
def llama_index(notebook: Notebook) -> Notebook:
    need("llama-index-core", "llama-index-llms-openai", "openinference-instrumentation-llama-index")
    notebook.run(LLAMA_INDEX)
    return notebook


@pytest.fixture
def litellm(notebook: Notebook) -> Notebook:
    need("litellm", "openinference-instrumentation-litellm")
    notebook.run(LITELLM)
    return notebook


@pytest.fixture
def pydantic_ai(notebook: Notebook) -> Notebook:
    need("pydantic-ai-slim", "openai")
    notebook.run(PYDANTIC_AI)
    return notebook


def check(cell: Cell, *, calls: int = 1, usage: bool = True) -> None:
    """See that the last call of the model answered, and that usage is counted once."""
    last = cell.of_type("CHAT_MODEL")[-1]
    assert ("user", "hi") in [(item.role, item.text) for item in last.input_messages]
    assert [(item.role, item.text) for item in last.output_messages] == [("assistant", ANSWER)]
    assert last.finish_reasons == ["stop"]
    assert not any(item.half_read for item in cell.spans)
    expected = {
        "input_tokens": calls * INPUT_TOKENS,
        "output_tokens": calls * OUTPUT_TOKENS,
        "total_tokens": calls * (INPUT_TOKENS + OUTPUT_TOKENS),
    }
    assert cell.trace.info.token_usage == (expected if usage else None)
    cost = {"total_cost": pytest.approx(calls * COST)} if usage else None
    assert cell.trace.info.cost == cost


def check_tool(cell: Cell) -> None:
    [tool] = cell.of_type("TOOL")
    assert tool.tool is not None
    assert tool.tool.name == "weather"
    assert "Paris" in str(tool.tool.arguments)
    assert "sunny in Paris" in str(tool.tool.result)


def check_error(cell: Cell) -> None:
    assert cell.error is not None
    assert any(item.error is not None for item in cell.of_type("CHAT_MODEL"))
    assert cell.trace.info.state == "ERROR"


def check_half_read(notebook: Notebook, cell: Cell) -> None:
    assert any(item.span.end_time_ns is None for item in cell.spans)
    other = notebook.trace("del pieces\nnumber = gc.collect()")
    for item in cell.spans:
        assert is_incomplete(item.span) or item.error is not None
    assert other.spans == []


@pytest.mark.parametrize("call", ["r = model.chat(hi)", "r = await model.achat(hi)"])
def test_llama_index(llama_index: Notebook, call: str) -> None:
    check(llama_index.trace(call))


def test_an_agent_of_llama_index(llama_index: Notebook) -> None:
    cell = llama_index.trace("r = await agent.run('hi')")
    check(cell, calls=2)
    check_tool(cell)


def test_a_stream_of_llama_index(llama_index: Notebook) -> None:
    check(llama_index.trace("for c in model.stream_chat(hi): pass"), usage=False)
    check_error(llama_index.trace("model.chat(fail)"))
    cell = llama_index.trace("pieces = model.stream_chat(hi)\nfor _ in range(3): next(pieces)")
    check_half_read(llama_index, cell)


@pytest.mark.parametrize(
    "call",
    [
        "r = litellm.completion(messages=hi, **options)",
        "r = await litellm.acompletion(messages=hi, **options)",
    ],
)
def test_litellm(litellm: Notebook, call: str) -> None:
    check(litellm.trace(call))


def test_a_stream_of_litellm(litellm: Notebook) -> None:
    stream = "litellm.completion(messages=hi, stream=True, **options)"
    check(litellm.trace(f"for c in {stream}: pass"), usage=False)
    check_error(litellm.trace("litellm.completion(messages=fail, **options)"))
    cell = litellm.trace(f"pieces = iter({stream})\nfor _ in range(3): next(pieces)")
    check_half_read(litellm, cell)


@pytest.mark.parametrize(
    "call",
    [
        "r = await agent.run('hi')",
        "await read(agent.run_stream('hi'))",
    ],
    ids=["run", "stream"],
)
def test_pydantic_ai(pydantic_ai: Notebook, call: str) -> None:
    cell = pydantic_ai.trace(call)
    check(cell)
    agent = cell.one("AGENT")
    told = [(item.role, item.text) for item in agent.input_messages]
    assert told == [("system", "be kind"), ("user", "hi")]
    assert agent.output_messages[-1].text == ANSWER


def test_an_agent_of_pydantic_ai(pydantic_ai: Notebook) -> None:
    cell = pydantic_ai.trace("r = await teller.run('hi')")
    check(cell, calls=2)
    check_tool(cell)
    assert cell.one("TOOL").tool.arguments == ARGUMENTS
    check_error(pydantic_ai.trace("await agent.run('fail')"))


PYDANTIC_STREAMS = {
    "sync": (
        """
        result = agent.run_stream_sync("hi")
        pieces = result.stream_text(delta=True, debounce_by=None)
        next(pieces), next(pieces)
        """,
        "del pieces, result\nnumber = gc.collect()",
    ),
    "task": (
        """
        task = asyncio.ensure_future(read_some(agent.run_stream("hi")))
        await begun.wait()
        """,
        "go_on.set()\nawait task",
    ),
    "cancelled": (
        """
        task = asyncio.ensure_future(read_some(agent.run_stream("hi")))
        await begun.wait()
        """,
        "cancelled = task.cancel()\nawait asyncio.wait([task])",
    ),
}


@pytest.mark.parametrize("how", PYDANTIC_STREAMS)
def test_a_stream_of_pydantic_ai_left_half_read(
    pydantic_ai: Notebook, store_directory: Path, how: str
) -> None:
    begin, leave = PYDANTIC_STREAMS[how]
    pydantic_ai.run(
        """
        import asyncio, gc
        begun, go_on = asyncio.Event(), asyncio.Event()
        async def read_some(started):
            async with started as run:
                async for text in run.stream_text(debounce_by=None):
                    begun.set()
                    await go_on.wait()
                    break
        """
    )
    cell = pydantic_ai.trace(begin)
    assert [item.span.end_time_ns for item in cell.spans] == [None, None]
    assert cell.trace.info.state == "OK"
    other = pydantic_ai.trace(leave)
    # It arrived later, in the trace of the cell that had begun it.
    assert all(item.span.end_time_ns is not None for item in cell.spans)
    assert cell.one("AGENT").span.parent_id == cell.trace.data.spans[0].span_id
    chat = cell.one("CHAT_MODEL")
    assert chat.span.parent_id == cell.one("AGENT").span.span_id
    assert is_incomplete(chat.span)
    assert [item.text for item in chat.input_messages] == ["be kind", "hi"]
    assert ANSWER.startswith(chat.output_messages[0].text)
    assert chat.output_messages[0].text != ANSWER
    # What it costs is not known, and so not nothing.
    assert (chat.usage.total, chat.cost) == (None, None)
    assert (cell.trace.info.token_usage, cell.trace.info.cost) == (None, None)
    assert other.spans == []
    assert len(list(store_directory.rglob(f"{cell.trace_id}*.json"))) > 1


def test_mcp(notebook: Notebook, tmp_path: Path) -> None:
    need("mcp", "openinference-instrumentation-mcp")
    script = tmp_path / "weather.py"
    script.write_text(MCP_SERVER)
    notebook.shell.user_ns |= {"python": sys.executable, "script": str(script)}
    notebook.run(MCP)
    cell = notebook.trace("answer = await call('Paris')")
    assert "sunny in Paris" in str(notebook.shell.user_ns["answer"])
    # Newer clients make spans themselves, older ones none at all.
    for found in cell.spans:
        if found.span.name.endswith("tools/call weather"):
            assert found.type == "TOOL"
            assert found.tool is not None
            assert found.tool.name == "weather"
