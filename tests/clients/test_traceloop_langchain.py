"""LangChain and LangGraph under Traceloop's instrumentor.

The last file of its folder, since the instrumentor's patch stays in the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import test_langchain as cases

if TYPE_CHECKING:
    from conftest import Notebook


def test_all_of_it_in_one_notebook(notebook: Notebook) -> None:
    opened = cases.open_langchain(notebook, "traceloop")
    cases.test_a_chain(opened)
    cases.test_a_stream(opened, "for c in model.stream('hi'): pass")
    cases.test_a_stream(opened, "async for c in model.astream('hi'): pass")
    cases.test_an_agent_with_a_tool(opened, "r = agent.invoke({'messages': [('user', 'hi')]})")
    cases.test_structured_output(opened)
    cases.test_an_error(opened)
    cases.test_a_stream_left_half_read_arrives_later_and_says_so(opened)
