from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

import nbtrace
from nbtrace import demo
from nbtrace.examples import extractive, tools
from nbtrace.examples.answering import QUESTION, DocumentationAssistant, cited
from nbtrace.examples.docstrings import DocumentationIndex, words
from nbtrace.examples.endpoint import LoopbackEndpoint, count_tokens
from nbtrace.exceptions import NbtraceError

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "quickstart.ipynb"
KEY = "sk-proj-" + "Abcd1234" * 6


@pytest.fixture(autouse=True)
def _no_real_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def answered() -> nbtrace.entities.Trace:
    with DocumentationAssistant(show=lambda _: None) as assistant:
        assistant.ask(QUESTION)
    nbtrace.flush()
    trace = nbtrace.get_trace(nbtrace.get_last_active_trace_id())
    assert trace is not None
    return trace


def texts_below(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


def test_the_demo_is_read_back_by_other_processes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbtrace", "demo", "--dir", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    trace_id = re.search(r"nbtrace show (tr-[0-9a-f]{32})", done.stdout)
    assert trace_id is not None
    tree = done.stdout.partition("Its tree")[2].partition("Its row")[0]
    for name in ("answer_question", "retrieve", "chat.completions", "calculate", "cited"):
        assert name in tree
    row = done.stdout.partition("Its row")[2]
    assert re.search(rf"^trace_id +{trace_id.group(1)}$", row, re.MULTILINE)
    assert re.search(r"^state +OK$", row, re.MULTILINE)
    assert int(re.search(r"^span_count +(\d+)$", row, re.MULTILINE).group(1)) >= 8
    assert "nbtrace demo --lab" in done.stdout
    assert (tmp_path / ".nbtrace").is_dir()


def test_the_trace_has_the_steps_of_the_program(answered: nbtrace.entities.Trace) -> None:
    spans = answered.data.spans
    assert [
        (span.name, span.span_type) for span in sorted(spans, key=lambda s: s.start_time_ns)
    ] == [
        ("answer_question", "AGENT"),
        ("retrieve", "RETRIEVER"),
        ("rerank", "RERANKER"),
        ("decide", "CHAIN"),
        ("chat.completions", "LLM"),
        ("wait_before_retry", "TASK"),
        ("chat.completions", "LLM"),
        ("look_up_signature", "TOOL"),
        ("calculate", "TOOL"),
        ("chat.completions", "LLM"),
        ("cited", "PARSER"),
    ]
    (root,) = (span for span in spans if span.parent_id is None)
    assert root.outputs["sources"][0] == "math.comb"
    assert "120" in root.outputs["answer"]


def test_the_refused_request_is_an_error_and_the_trace_is_not(
    answered: nbtrace.entities.Trace,
) -> None:
    failed = [span for span in answered.data.spans if span.status.status_code.value == "ERROR"]
    assert [span.name for span in failed] == ["chat.completions"]
    (event,) = (event for event in failed[0].events if event.name == "exception")
    assert event.attributes["exception.type"].endswith("InternalServerError")
    assert answered.info.state.value == "OK"


def test_documents_messages_and_tokens_are_recorded(answered: nbtrace.entities.Trace) -> None:
    (retriever,) = answered.search_spans(span_type="RETRIEVER")
    assert {"page_content", "metadata", "id"} <= set(retriever.outputs[0])
    assert retriever.outputs[0]["metadata"]["score"] > 0
    _, asked, streamed = sorted(
        answered.search_spans(span_type="LLM"), key=lambda span: span.start_time_ns
    )
    assert [message["role"] for message in asked.inputs["messages"]] == ["system", "user"]
    assert asked.outputs["tool_calls"][0]["function"]["name"] == "look_up_signature"
    assert streamed.outputs["role"] == "assistant"
    usages = [span.get_attribute("mlflow.chat.tokenUsage") for span in (asked, streamed)]
    assert all(usage["total_tokens"] > usage["output_tokens"] > 0 for usage in usages)
    assert answered.info.token_usage["total_tokens"] == sum(
        usage["total_tokens"] for usage in usages
    )


def test_a_real_endpoint_is_used_when_base_url_and_key_are_set(
    monkeypatch: pytest.MonkeyPatch, store_directory: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with DocumentationAssistant() as assistant:
        # A key alone is no wish to send anything anywhere.
        assert assistant.endpoint.startswith("http://127.0.0.1:")
    with LoopbackEndpoint(refusals=0) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
        monkeypatch.setenv("OPENAI_MODEL", "another-model")
        with DocumentationAssistant(show=lambda _: None) as assistant:
            assert assistant.endpoint == endpoint.base_url
            assert assistant.model == "another-model"
            assert assistant.ask(QUESTION)["sources"]
    nbtrace.flush()
    assert KEY.encode() not in texts_below(store_directory)


def test_an_endpoint_that_stays_busy_makes_the_trace_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from openai import InternalServerError

    with LoopbackEndpoint(refusals=99) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        with DocumentationAssistant() as assistant, pytest.raises(InternalServerError):
            assistant.ask(QUESTION)
    nbtrace.flush()
    trace = nbtrace.get_trace(nbtrace.get_last_active_trace_id())
    assert trace.info.state.value == "ERROR"
    assert len(trace.search_spans(span_type="LLM")) == 3


def test_the_notebook_is_clean_and_names_its_kernel() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


def test_a_copy_of_the_notebook_is_never_overwritten(tmp_path: Path) -> None:
    copy = demo.copy_notebook(tmp_path / "new")
    assert json.loads(copy.read_text(encoding="utf-8")) == json.loads(
        NOTEBOOK.read_text(encoding="utf-8")
    )
    copy.write_text("mine", encoding="utf-8")
    assert demo.copy_notebook(tmp_path / "new").read_text(encoding="utf-8") == "mine"


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    environment = {**os.environ, "NBTRACE_DIR": str(tmp_path / ".nbtrace")}
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute(env=environment)
    shown = json.dumps([cell.get("outputs") for cell in notebook.cells])
    assert "answer_question" in shown
    assert "math.comb" in shown
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert len(list((tmp_path / ".nbtrace" / "traces").rglob("tr-*.json"))) == 3


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(NbtraceError, match=r"pip install 'nbtrace\[lab\]'"):
        demo.run()


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What returns the greatest common divisor?", "math.gcd"),
        ("What wraps a paragraph of text so that it fits a width?", "textwrap.wrap"),
        ("Which function finds the median of data?", "statistics.median"),
        ('What about "quotes" AND (NEAR) * punctuation?', None),
    ],
)
def test_the_index_finds_what_was_asked_for(question: str, name: str | None) -> None:
    with DocumentationIndex(["math", "textwrap", "statistics"]) as index:
        found = index.search(question, limit=5)
    assert name is None or name in [passage.name for passage in found]
    assert [passage.score for passage in found] == sorted(
        (passage.score for passage in found), reverse=True
    )


def test_words_without_meaning_find_nothing() -> None:
    assert words("How do I do it?") == []
    with DocumentationIndex(["bisect"]) as index:
        assert index.search("How do I do it?") == []


@pytest.mark.parametrize(
    ("expression", "value"),
    [("1+2*3", 7), ("-(2**10)", -1024), ("7//2 % 2", 1), ("10*9*8 / (3*2*1)", 120.0)],
)
def test_calculate(expression: str, value: float) -> None:
    assert tools.calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["__import__('os')", "1/0", "9**9**9**9", "(-1)**0.5", "True+1", "'a'*9", "1+", "1" * 500, "x"],
)
def test_calculate_refuses_what_is_not_arithmetic(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        tools.calculate(expression)


def test_signatures_are_looked_up() -> None:
    assert tools.look_up_signature("textwrap.shorten") == "textwrap.shorten(text, width, **kwargs)"
    with pytest.raises(ValueError, match="dotted name"):
        tools.look_up_signature("math.nothing")


def test_the_model_asks_for_tools_once_and_only_for_those_offered() -> None:
    prompt = "[1] math.gcd\nGreatest Common Divisor.\n\nQuestion: greatest divisor? What is 2*3?"
    message = {"role": "user", "content": prompt}
    assert extractive.reply([message], tools.DESCRIPTIONS).calls == [
        ("look_up_signature", {"name": "math.gcd"}),
        ("calculate", {"expression": "2*3"}),
    ]
    assert extractive.reply([message], tools.DESCRIPTIONS[1:]).calls == [
        ("calculate", {"expression": "2*3"})
    ]
    result = {"role": "tool", "tool_call_id": "x", "content": "6"}
    assert extractive.reply([message, result], tools.DESCRIPTIONS).calls == []
    assert extractive.reply([]).content == "The passages do not answer this."


def test_citations_outside_the_passages_are_left_out() -> None:
    assert cited("One [2], two [1], again [2], none [7] [0].", ["a", "b"]) == ["a", "b"]


def test_the_endpoint_counts_tokens_and_explains_bad_requests() -> None:
    from openai import BadRequestError, NotFoundError, OpenAI

    assert count_tokens("Hello, world") == 3
    with (
        LoopbackEndpoint(refusals=0) as endpoint,
        OpenAI(base_url=endpoint.base_url, api_key="any", max_retries=0) as client,
    ):
        assert client.models.list().data[0].id == endpoint.model
        with pytest.raises(BadRequestError, match="not a chat completion request"):
            client.chat.completions.create(model="any", messages=["text"])
        with pytest.raises(NotFoundError, match="there is no"):
            client.embeddings.create(model="any", input="text")


def with_base64_ids(value: object) -> object:
    """Return an OTLP/JSON document as protobuf's own JSON reader wants its ids."""
    if isinstance(value, list):
        return [with_base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode()
        if key in {"traceId", "spanId", "parentSpanId"}
        else with_base64_ids(item)
        for key, item in value.items()
    }


def test_its_span_file_is_otlp_with_nothing_unknown_and_nothing_lost(
    answered: nbtrace.entities.Trace, store_directory: Path
) -> None:
    parts = sorted((store_directory / "traces").rglob(f"{answered.info.trace_id}*.json"))
    assert parts
    found: dict[str, tuple[str, int, int, int]] = {}
    for part in parts:
        document = json.loads(part.read_text(encoding="utf-8"))
        # ParseDict refuses any field it does not know
        message = json_format.ParseDict(with_base64_ids(document), TracesData())
        back = json_format.MessageToDict(message)
        assert back == json_format.MessageToDict(TracesData.FromString(message.SerializeToString()))
        for resource in message.resource_spans:
            assert {item.key for item in resource.resource.attributes} >= {"service.name"}
            for scope in resource.scope_spans:
                assert scope.scope.name
                for span in scope.spans:
                    assert "tr-" + span.trace_id.hex() == answered.info.trace_id
                    found[span.span_id.hex()] = (
                        span.name,
                        span.end_time_unix_nano - span.start_time_unix_nano,
                        len(span.attributes),
                        len(span.events),
                    )
    assert found == {
        span.span_id: (
            span.name,
            (span.end_time_ns or 0) - span.start_time_ns,
            len(span.raw_attributes),
            len(span.events),
        )
        for span in answered.data.spans
    }
