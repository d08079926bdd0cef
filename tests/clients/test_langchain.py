"""LangChain and LangGraph over the real OpenAI client in ``%%trace`` cells.

Both are instrumented, so that every call of the model is recorded twice: its tokens and its cost
count once. Traceloop's instrumentor is in `test_traceloop_langchain`: it leaves its patch behind
when it is switched off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import need, packages_of
from server import ANSWER, ARGUMENTS, INPUT_TOKENS, OUTPUT_TOKENS, STRUCTURED

from nbtrace.otel.conventions import is_incomplete

if TYPE_CHECKING:
    from conftest import Cell, Notebook

COST = 0.000465

SETUP = """
import gc, nbtrace, openai
from langchain.agents import create_agent
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
class City(BaseModel):
    city: str
@tool
def weather(city: str) -> str:
    "The weather of a city."
    return "sunny in " + city
table = nbtrace.autolog("openai", "langchain", prefer="{family}")
model = ChatOpenAI(model="gpt-4o-mini", base_url=url + "/v1", max_retries=0)
agent = create_agent(model, [weather])
"""


def open_langchain(notebook: Notebook, family: str) -> Notebook:
    package = packages_of("langchain")[family]
    need("langchain", "langchain-openai", package, packages_of("openai")[family])
    notebook.run(SETUP.format(family=family))
    row = notebook.shell.user_ns["table"]["langchain"]
    assert (row.state, row.package.partition(" ")[0]) == ("on", package)
    return notebook


@pytest.fixture
def opened(notebook: Notebook) -> Notebook:
    return open_langchain(notebook, "openinference")


def check_usage(cell: Cell, calls: int) -> None:
    assert cell.trace.info.token_usage == {
        "input_tokens": calls * INPUT_TOKENS,
        "output_tokens": calls * OUTPUT_TOKENS,
        "total_tokens": calls * (INPUT_TOKENS + OUTPUT_TOKENS),
    }
    assert cell.trace.info.cost == {"total_cost": pytest.approx(calls * COST)}


def check_answers(cell: Cell) -> None:
    found = cell.of_type("CHAT_MODEL")
    assert found
    for item in found:
        assert [(m.role, m.text) for m in item.input_messages] == [("user", "hi")]
        assert [(m.role, m.text) for m in item.output_messages] == [("assistant", ANSWER)]
        assert item.finish_reasons == ["stop"]


def test_a_chain(opened: Notebook) -> None:
    cell = opened.trace(
        "r = (ChatPromptTemplate.from_messages([('system', 'be kind'), ('user', '{q}')])"
        " | model).invoke({'q': 'hi'})"
    )
    check_usage(cell, 1)
    for found in cell.of_type("CHAT_MODEL"):
        told = [(item.role, item.text) for item in found.input_messages]
        assert told == [("system", "be kind"), ("user", "hi")]


@pytest.mark.parametrize(
    "call",
    ["for c in model.stream('hi'): pass", "async for c in model.astream('hi'): pass"],
    ids=["stream", "async stream"],
)
def test_a_stream(opened: Notebook, call: str) -> None:
    cell = opened.trace(call)
    check_answers(cell)
    assert not any(item.half_read for item in cell.spans)
    assert cell.trace.info.token_usage is None


@pytest.mark.parametrize(
    "call",
    [
        "r = agent.invoke({'messages': [('user', 'hi')]})",
        "r = await agent.ainvoke({'messages': [('user', 'hi')]})",
    ],
    ids=["agent", "async agent"],
)
def test_an_agent_with_a_tool(opened: Notebook, call: str) -> None:
    cell = opened.trace(call)
    check_usage(cell, 2)
    tool = cell.one("TOOL")
    assert tool.tool is not None
    assert tool.tool.name == "weather"
    assert "Paris" in str(tool.tool.arguments)
    assert "sunny in Paris" in str(tool.tool.result)
    asked = [
        found
        for item in cell.of_type("CHAT_MODEL")
        for message in item.output_messages
        for found in message.tool_calls
    ]
    assert asked
    assert {(found.name, str(found.arguments)) for found in asked} == {("weather", str(ARGUMENTS))}


def test_structured_output(opened: Notebook) -> None:
    cell = opened.trace("r = model.with_structured_output(City).invoke('hi')\nr")
    check_usage(cell, 1)
    assert cell.trace.data.spans[0].outputs == STRUCTURED


def test_an_error(opened: Notebook) -> None:
    cell = opened.trace("model.invoke('fail')")
    assert cell.error is not None
    found = cell.of_type("CHAT_MODEL")
    assert found
    assert all(item.error is not None for item in found)
    assert cell.trace.info.token_usage is None
    assert cell.trace.info.state == "ERROR"


def test_a_stream_left_half_read_arrives_later_and_says_so(opened: Notebook) -> None:
    cell = opened.trace("pieces = model.stream('hi')\nfor _ in range(3): next(pieces)")
    assert all(item.span.end_time_ns is None for item in cell.spans)
    other = opened.trace("pieces.close()\ndel pieces\nnumber = gc.collect()")
    assert cell.spans
    for item in cell.spans:
        assert item.span.end_time_ns is not None
        assert is_incomplete(item.span) or item.error is not None
    assert other.spans == []
