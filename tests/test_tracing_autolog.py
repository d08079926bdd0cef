"""``autolog`` against tiny instrumentors, installed as packages into a directory of the test."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

import nbtrace
from nbtrace.exceptions import NbtraceError
from nbtrace.tracing import import_hooks
from nbtrace.tracing.autolog import autolog
from nbtrace.tracing.instrumentors import CAPTURE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Install = Callable[..., None]

LIBRARY = """
def complete(prompt):
    return prompt.upper()
"""
# What a real one does: it patches a function of the library and gives it back.
INSTRUMENTOR = """
import importlib


class Instrumentor:
    _instance = None
    calls = []

    def __new__(cls):
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            cls._instance.is_instrumented_by_opentelemetry = False
        return cls._instance

    def instrumentation_dependencies(self):
        return ["{module} >= 1.0"]

    def instrument(self, *, tracer_provider):
        {failure}
        self.calls.append("on")
        self.is_instrumented_by_opentelemetry = True
        library = importlib.import_module("{module}")
        self.original = library.complete
        tracer = tracer_provider.get_tracer("{scope}", "1.0")

        def complete(prompt):
            with tracer.start_as_current_span("{scope}") as span:
                span.set_attribute("gen_ai.operation.name", "chat")
                return self.original(prompt)

        library.complete = complete

    def uninstrument(self):
        self.calls.append("off")
        self.is_instrumented_by_opentelemetry = False
        {restore}
"""
RESTORE = 'importlib.import_module("{module}").complete = self.original'


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a directory on ``sys.path``, hiding what else is installed for autolog."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def entry_points(group: str) -> list[metadata.EntryPoint]:
        return [
            entry
            for distribution in metadata.distributions(path=[str(tmp_path)])
            for entry in distribution.entry_points
            if entry.group == group
        ]

    monkeypatch.setattr("nbtrace.tracing.instrumentors.metadata.entry_points", entry_points)
    for variable in (CAPTURE_VARIABLE, "TRACELOOP_TRACE_CONTENT"):
        monkeypatch.delenv(variable, raising=False)
    before = set(sys.modules)
    yield tmp_path
    autolog(disable=True)
    for name in set(sys.modules) - before:
        if name.startswith(("anthropic", "acme", "fake_", "pinecone")):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Return a function that installs an instrumentor as a distribution."""

    def install_one(  # noqa: PLR0917 - a test's tool
        package: str,
        module: str = "anthropic",
        entry: str = "anthropic",
        failure: str = "pass",
        source: str | None = None,
        restore: str = RESTORE,
    ) -> None:
        if not (site / f"{module}.py").exists() and module != "missing_library":
            (site / f"{module}.py").write_text(LIBRARY)
        name = "fake_" + package.replace("-", "_")
        text = INSTRUMENTOR.format(
            module=module, scope=package, failure=failure, restore=restore.format(module=module)
        )
        (site / f"{name}.py").write_text(text if source is None else source)
        information = site / f"{package.replace('-', '_')}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        (information / "entry_points.txt").write_text(
            f"[opentelemetry_instrumentor]\n{entry} = {name}:Instrumentor\n"
        )
        importlib.invalidate_caches()

    return install_one


def spans_of_a_call(module: str = "anthropic") -> list[str]:
    library = importlib.import_module(module)
    with nbtrace.start_span("cell") as span:
        assert library.complete("hi") == "HI"
    trace = nbtrace.get_trace(span.trace_id)
    assert trace is not None
    return [item.name for item in trace.data.spans]


def test_a_library_is_traced_from_when_it_is_imported(install: Install) -> None:
    install("openinference-instrumentation-anthropic")
    row = nbtrace.autolog()["anthropic"]
    assert (row.state, row.package) == (
        "when imported",
        "openinference-instrumentation-anthropic 1.0",
    )
    assert "anthropic" not in sys.modules
    assert spans_of_a_call() == ["cell", "openinference-instrumentation-anthropic"]
    assert nbtrace.autolog()["anthropic"].state == "on"
    # what a module says of its loader is as without autolog
    library = sys.modules["anthropic"]
    assert type(library.__loader__).__name__ == "SourceFileLoader"
    assert library.__spec__.loader is library.__loader__


def test_a_span_of_a_library_has_no_type_but_what_its_convention_says(install: Install) -> None:
    install("openinference-instrumentation-anthropic")
    nbtrace.autolog()
    spans_of_a_call()
    trace = nbtrace.get_trace(nbtrace.get_last_active_trace_id())
    [span] = [item for item in trace.data.spans if item.parent_id]
    assert span.raw_attributes == {"gen_ai.operation.name": "chat"}


def test_one_instrumentor_a_library_in_the_order_of_preference(install: Install) -> None:
    install("opentelemetry-instrumentation-anthropic")
    install("opentelemetry-instrumentation-genai-anthropic")
    nbtrace.autolog("anthropic")
    assert spans_of_a_call() == ["cell", "opentelemetry-instrumentation-genai-anthropic"]
    nbtrace.autolog(disable=True)
    nbtrace.autolog("anthropic", prefer="traceloop")
    assert spans_of_a_call() == ["cell", "opentelemetry-instrumentation-anthropic"]


def test_a_rerun_changes_nothing(install: Install) -> None:
    install("openinference-instrumentation-anthropic")
    importlib.import_module("anthropic")
    first, second = nbtrace.autolog(), nbtrace.autolog()
    assert first["anthropic"] == second["anthropic"]
    module = importlib.import_module("fake_openinference_instrumentation_anthropic")
    assert module.Instrumentor.calls == ["on"]


@pytest.mark.parametrize(
    "broken",
    [
        {"source": "raise ImportError('no such name')"},
        {"source": "Instrumentor = 3"},
        {"failure": "raise ValueError('unknown version')"},
    ],
)
def test_a_broken_one_gives_way_to_the_next(install: Install, broken: dict[str, str]) -> None:
    install("openinference-instrumentation-anthropic", **broken)
    install("opentelemetry-instrumentation-anthropic")
    importlib.import_module("anthropic")
    row = nbtrace.autolog()["anthropic"]
    assert (row.state, row.package) == ("on", "opentelemetry-instrumentation-anthropic 1.0")
    assert "openinference-instrumentation-anthropic 1.0" in row.note
    assert spans_of_a_call() == ["cell", "opentelemetry-instrumentation-anthropic"]


def test_only_broken_ones_are_reported(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    install("openinference-instrumentation-anthropic", source="raise ImportError('no such name')")
    importlib.import_module("anthropic")
    row = nbtrace.autolog()["anthropic"]
    assert row.state == "failed"
    assert "ImportError: no such name" in row.note
    assert "anthropic is not traced" in caplog.text
    assert spans_of_a_call() == ["cell"]


def test_a_broken_one_does_not_break_the_import(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("openinference-instrumentation-anthropic", source="raise ImportError('no such name')")
    nbtrace.autolog()
    assert spans_of_a_call() == ["cell"]
    assert "no such name" in caplog.text


def test_a_missing_library_is_left_out_unless_named(install: Install) -> None:
    install("openinference-instrumentation-pinecone-x", "missing_library", "missing_library")
    with pytest.raises(KeyError):
        nbtrace.autolog()["anthropic"]
    assert nbtrace.autolog("anthropic")["anthropic"].state == "missing"


def test_what_is_imported_and_not_covered_gets_a_hint(site: Path) -> None:
    (site / "pinecone.py").write_text("")
    importlib.invalidate_caches()
    importlib.import_module("pinecone")
    row = nbtrace.autolog()["pinecone"]
    assert (row.state, row.note) == (
        "missing",
        "pip install opentelemetry-instrumentation-pinecone",
    )


def test_http_and_databases_are_traced_only_when_named(install: Install) -> None:
    install("opentelemetry-instrumentation-acmedb", "acmedb", "acmedb")
    importlib.import_module("acmedb")
    with pytest.raises(KeyError):
        nbtrace.autolog()["acmedb"]
    assert nbtrace.autolog("acmedb")["acmedb"].state == "on"
    assert spans_of_a_call("acmedb") == ["cell", "opentelemetry-instrumentation-acmedb"]


def test_a_further_package_is_asked_what_it_is_for(install: Install) -> None:
    install("acme-tracing", "acmellm", "acmellm")
    importlib.import_module("acmellm")
    assert nbtrace.autolog()["acmellm"].package == "acme-tracing 1.0"


def test_content_is_captured_while_it_is_on(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("openinference-instrumentation-anthropic")
    monkeypatch.setenv("TRACELOOP_TRACE_CONTENT", "false")
    nbtrace.autolog()
    assert os.environ[CAPTURE_VARIABLE] == "SPAN_ONLY"
    assert os.environ["TRACELOOP_TRACE_CONTENT"] == "false"
    nbtrace.autolog(disable=True)
    assert CAPTURE_VARIABLE not in os.environ
    with nbtrace.configure(capture_content=False):
        nbtrace.autolog()
        assert os.environ[CAPTURE_VARIABLE] == "NO_CONTENT"
        assert os.environ["OPENINFERENCE_HIDE_INPUTS"] == "true"
    nbtrace.autolog(disable=True)


def test_the_old_form_of_the_content_variable_is_replaced(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del site
    monkeypatch.setenv(CAPTURE_VARIABLE, "true")
    nbtrace.autolog()
    assert os.environ[CAPTURE_VARIABLE] == "SPAN_ONLY"
    nbtrace.autolog(disable=True)


def test_disabling_takes_it_back(install: Install) -> None:
    install("openinference-instrumentation-anthropic")
    importlib.import_module("anthropic")
    nbtrace.autolog()
    table = nbtrace.autolog(disable=True)
    assert table["anthropic"].state == "off"
    assert spans_of_a_call() == ["cell"]
    assert len(nbtrace.autolog(disable=True)) == 0


def test_disabling_silences_one_that_leaves_its_patch(install: Install) -> None:
    install("openinference-instrumentation-anthropic", restore="pass")
    importlib.import_module("anthropic")
    nbtrace.autolog()
    assert len(spans_of_a_call()) == 2
    nbtrace.autolog("anthropic", disable=True)
    assert spans_of_a_call() == ["cell"]


def test_disabling_before_the_import_leaves_the_import_alone(install: Install) -> None:
    install("openinference-instrumentation-anthropic")
    nbtrace.autolog()
    nbtrace.autolog(disable=True)
    assert spans_of_a_call() == ["cell"]
    assert "anthropic" not in import_hooks._waiting


def test_what_a_person_enabled_by_hand_is_not_doubled(install: Install) -> None:
    install("openinference-instrumentation-anthropic")
    install("opentelemetry-instrumentation-anthropic")
    importlib.import_module("anthropic")
    module = importlib.import_module("fake_opentelemetry_instrumentation_anthropic")
    module.Instrumentor().instrument(tracer_provider=nbtrace.tracing.get_bridged_tracer_provider())
    row = nbtrace.autolog()["anthropic"]
    assert (row.state, row.note) == ("on", "by your own code")
    assert spans_of_a_call() == ["cell", "opentelemetry-instrumentation-anthropic"]


def test_a_library_has_a_module_with_its_own_autolog(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("openinference-instrumentation-anthropic")
    importlib.import_module("anthropic")
    table = nbtrace.anthropic.autolog(log_models=True, silent=True)
    nbtrace.anthropic.autolog(log_models=True)
    assert [row.library for row in table] == ["anthropic"]
    assert caplog.text.count("autolog ignores log_models") == 1
    assert nbtrace.anthropic is nbtrace.anthropic
    assert nbtrace.anthropic.autolog(disable=True)["anthropic"].state == "off"
    assert not hasattr(nbtrace, "no_such_library")


def test_disabled_instrumentors_of_opentelemetry_stay_off(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("openinference-instrumentation-anthropic")
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "anthropic, other")
    with pytest.raises(KeyError):
        nbtrace.autolog()["anthropic"]


def test_misuse_says_what_to_do() -> None:
    with pytest.raises(NbtraceError, match="no instrumentor is known or installed for 'opanai'"):
        nbtrace.autolog("opanai")
    with pytest.raises(NbtraceError, match="no keyword 'lag_traces'"):
        nbtrace.autolog(lag_traces=True)
    with pytest.raises(NbtraceError, match="prefer takes openinference, genai"):
        nbtrace.autolog(prefer="arize")


def test_the_table_reads_as_text_and_as_html(install: Install) -> None:
    install("openinference-instrumentation-anthropic", source="raise ImportError('<b>')")
    importlib.import_module("anthropic")
    table = nbtrace.autolog("anthropic", silent=True)
    assert repr(table).splitlines()[0].split() == ["library", "tracing", "by"]
    assert "ImportError: <b>" in repr(table)
    assert "ImportError: &lt;b&gt;" in table._repr_html_()
    assert "No library" in repr(nbtrace.autolog(disable=True))


def test_an_sdk_provider_set_before_gets_the_spans(install: Install) -> None:
    import opentelemetry.trace as otel_trace
    from opentelemetry.sdk.trace import TracerProvider

    install("openinference-instrumentation-anthropic")
    importlib.import_module("anthropic")
    before = otel_trace._TRACER_PROVIDER
    otel_trace._TRACER_PROVIDER = TracerProvider()
    try:
        nbtrace.autolog()
        assert spans_of_a_call() == ["cell", "openinference-instrumentation-anthropic"]
    finally:
        otel_trace._TRACER_PROVIDER = before


def test_nothing_is_logged_when_all_is_well(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("openinference-instrumentation-anthropic")
    with caplog.at_level(logging.INFO):
        nbtrace.autolog()
        spans_of_a_call()
    assert caplog.text == ""


def test_one_that_leaves_its_patch_is_not_put_in_place_twice(install: Install) -> None:
    install("opentelemetry-instrumentation-anthropic", restore="pass")
    library = importlib.import_module("anthropic")
    nbtrace.autolog()
    patched = library.complete
    assert nbtrace.autolog(disable=True)["anthropic"].state == "off"
    assert spans_of_a_call() == ["cell"]
    assert nbtrace.autolog()["anthropic"].note == ""
    assert library.complete is patched
    assert spans_of_a_call() == ["cell", "opentelemetry-instrumentation-anthropic"]
