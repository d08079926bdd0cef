"""Real clients of models in real ``%%trace`` cells, against a server on the loopback interface.

The tests of a library are left out where it or an instrumentor of it is missing. With
``NBTRACE_CLIENTS=required`` those of ``REQUIRED`` must be there; the others are always optional.
"""

from __future__ import annotations

import gc
import os
import textwrap
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest
from server import ModelServer

import nbtrace
from nbtrace.otel.conventions import SpanView, views
from nbtrace.tracing.libraries import by_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace.entities import Trace

REQUIRED = frozenset(
    {
        "openai", "anthropic", "langchain", "langchain-openai",
        "openinference-instrumentation-openai", "openinference-instrumentation-anthropic",
        "openinference-instrumentation-langchain",
    }
)  # fmt: skip
# Of other people's packages; nbtrace's own warnings stay errors.
IGNORED = (
    "ignore::DeprecationWarning",
    "ignore::PendingDeprecationWarning",
    "ignore::ResourceWarning",
    "ignore:.*pydantic.*:UserWarning",
    "ignore:.*Pydantic.*:UserWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

CLOSE = """
import inspect as _inspect
for _value in list(globals().values()):
    if hasattr(type(_value), "with_options") and hasattr(_value, "close"):
        _closed = _value.close()
        if _inspect.isawaitable(_closed):
            await _closed
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "clients":
            for line in IGNORED:
                item.add_marker(pytest.mark.filterwarnings(line))


def need(*distributions: str) -> None:
    """Leave the test out where a distribution is missing, unless it must be there."""
    for name in distributions:
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if os.environ.get("NBTRACE_CLIENTS", "") == "required" and name in REQUIRED:
                pytest.fail(f"NBTRACE_CLIENTS=required, but {name} is not installed")
            pytest.skip(f"{name} is not installed")


def packages_of(library: str) -> dict[str, str]:
    """Return the instrumentor of each family for a library."""
    found = by_name(library)
    assert found is not None
    return found.packages


@pytest.fixture(scope="session")
def server() -> Iterator[ModelServer]:
    """Return the server that the clients are pointed at."""
    with ModelServer() as running:
        yield running


class Cell:
    """A ``%%trace`` cell that was run."""

    def __init__(self, trace_id: str, error: BaseException | None) -> None:
        self.trace_id = trace_id
        self.error = error

    @property
    def trace(self) -> Trace:
        """The trace as it is stored now."""
        nbtrace.flush()
        found = nbtrace.get_trace(self.trace_id)
        assert found is not None
        return found

    @property
    def spans(self) -> list[SpanView]:
        """What the spans below the cell's say, in the words of the conventions."""
        trace = self.trace
        roots = [span for span in trace.data.spans if span.parent_id is None]
        assert [root.name for root in roots] == [trace.data.spans[0].name], "one tree, one root"
        known = {span.span_id for span in trace.data.spans}
        assert {span.parent_id for span in trace.data.spans if span.parent_id} <= known
        return [found for found in views(trace.data.spans) if found.span.parent_id is not None]

    def of_type(self, *types: str) -> list[SpanView]:
        """Return the spans of some types."""
        return [found for found in self.spans if found.type in types]

    def one(self, *types: str) -> SpanView:
        """Return the only span of some types; without any, the only span below the cell's."""
        found = self.of_type(*types) if types else self.spans
        assert len(found) == 1, [(item.span.name, item.type) for item in self.spans]
        return found[0]


class Notebook:
    """An IPython with nbtrace loaded, whose cells are run one by one."""

    def __init__(self, shell: Any, url: str) -> None:
        self.shell = shell
        self.run("%load_ext nbtrace")
        self.shell.user_ns["url"] = url

    def run(self, source: str) -> Any:
        """Run a cell as it is."""
        result = self.shell.run_cell(textwrap.dedent(source).strip(), store_history=True)
        result.raise_error()
        return result.result

    def trace(self, source: str) -> Cell:
        """Run a cell below a ``%%trace`` line; its error is in what is returned."""
        body = textwrap.dedent(source).strip()
        result = self.shell.run_cell("%%trace\n" + body, store_history=True)
        trace_id = nbtrace.get_last_active_trace_id()
        assert trace_id is not None
        return Cell(trace_id, result.error_in_exec or result.error_before_exec)


@pytest.fixture
def notebook(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Return an IPython of the test's own."""
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "OTEL_PYTHON_TRACER_PROVIDER"):
        monkeypatch.delenv(name, raising=False)
    shell = InteractiveShell.instance()
    opened = Notebook(shell, server.url)
    yield opened
    nbtrace.autolog(disable=True)
    opened.run(CLOSE)
    opened.run("%unload_ext nbtrace")
    shell.reset(new_session=False)
    InteractiveShell.clear_instance()
    gc.collect()  # here, where what other people's clients leave unclosed is no failure
