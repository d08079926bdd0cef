"""Round trips with a real ``mlflow server`` and a real ``phoenix serve``: nothing is lost.

Each is looked for in the environment that ``NBTRACE_MLFLOW_SERVER`` or ``NBTRACE_PHOENIX_SERVER``
names (a virtual environment, or the command in it), then on ``PATH``. Where there is none the tests
are skipped, and with ``NBTRACE_SERVERS=required`` they fail. The servers' own clients read back, in
the servers' Python.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from test_otel_conventions import FAMILIES, load

import nbtrace
from nbtrace.entities import AssessmentSource, SpanEvent, Trace
from nbtrace.otel.conventions import view

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

START_SECONDS = 240.0
READ_SECONDS = 180.0
POLL_SECONDS = 0.05
# What a reader runs: it answers each line, arguments, with a line of JSON. It is started with the
# server, so that importing its client, which takes seconds, happens meanwhile.
READER = """
import json, os, sys
answers, sys.stdout = sys.stdout, sys.stderr
{client}
for line in sys.stdin:
    print(json.dumps(read(sys.argv[1], *json.loads(line))), file=answers, flush=True)
"""
MLFLOW_CLIENT = """
import mlflow
def read(url, project, spans=True):
    mlflow.set_tracking_uri(url)
    experiment = mlflow.get_experiment_by_name(project)
    found = mlflow.search_traces(
        locations=[experiment.experiment_id], return_type="list", max_results=1000,
        include_spans=spans,
    )
    one = mlflow.MlflowClient().get_trace(found[0].info.trace_id, display=False)
    assert one.data.spans
    return {
        "traces": [trace.to_dict() for trace in found],
        "types": {s.span_id: s.span_type for trace in found for s in trace.data.spans},
        "usage": {trace.info.trace_id: trace.info.token_usage for trace in found},
    }
"""
PHOENIX_CLIENT = """
from phoenix.client import Client
def read(url, project):
    spans = Client(base_url=url).spans
    frame = spans.get_spans_dataframe(project_identifier=project, limit=10000)
    return json.loads(frame.to_json(orient="records", date_format="iso", date_unit="ns"))
"""


class Server:
    """A server that is starting, and the client of its own that reads it.

    Parameters
    ----------
    name : str
        Of the command.
    directory : Path
        Where it keeps everything.
    arguments : list of str
        Of the command; ``{port}`` and ``{directory}`` are filled in.
    health : str
        The path that answers once it is up.
    client : str
        What defines ``read(url, project)`` in the server's Python.
    variables : dict of str to str
        Of its environment, filled in as the arguments are.
    """

    def __init__(  # noqa: PLR0917 - what a server is started with
        self,
        name: str,
        directory: Path,
        arguments: list[str],
        health: str,
        client: str,
        variables: dict[str, str],
    ) -> None:
        binary = command(name)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._health = health
        self._log = directory / "log"

        def filled(text: str) -> str:
            return text.format(port=port, directory=directory)

        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [binary, *map(filled, arguments)],
                cwd=directory,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(**{key: filled(value) for key, value in variables.items()}),
                start_new_session=True,
            )
            python = Path(binary).with_name("python.exe" if os.name == "nt" else "python")
            self._reader = subprocess.Popen(
                [python, "-W", "ignore", "-c", READER.format(client=client), self.url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                env=environment(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1"),
            )

    def wait(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.url + self._health):
            assert self._process.poll() is None, self._said()
            assert time.monotonic() < deadline, self._said()
            time.sleep(POLL_SECONDS)

    def read(self, project: str, *more: Any) -> Any:
        """Return what the server's own client reads of a project."""
        assert self._reader.stdin is not None
        assert self._reader.stdout is not None
        self._reader.stdin.write(json.dumps([project, *more]) + "\n")
        self._reader.stdin.flush()
        line = self._reader.stdout.readline()
        assert line, self._said()
        return json.loads(line)

    def stop(self) -> None:
        """End it with the workers that it has started, and its reader."""
        if os.name == "nt":
            self._process.kill()
        else:
            import signal

            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.kill()
        self._reader.communicate()

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NBTRACE", "OTEL", "PYTHON"))}
    return {**kept, "MLFLOW_DISABLE_TELEMETRY": "true", **more}


def found_command(name: str) -> str | None:
    """Return the server's command, None where there is none."""
    chosen = os.environ.get(f"NBTRACE_{name.upper()}_SERVER", "")
    for folder in (chosen, f"{chosen}/bin", f"{chosen}/Scripts"):
        found = shutil.which(name, path=folder) if chosen else None
        if found:
            return found
    return chosen if chosen and Path(chosen).is_file() else shutil.which(name)


def command(name: str) -> str:
    """Return the server's command, or leave the test out."""
    found = found_command(name)
    if found:
        return found
    message = f"no {name} on PATH or in NBTRACE_{name.upper()}_SERVER"
    if os.environ.get("NBTRACE_SERVERS", "").lower() == "required":
        pytest.fail(f"NBTRACE_SERVERS=required, but {message}")
    pytest.skip(message)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def rest(url: str) -> Any:
    """Return what a server's REST API answers."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.loads(answer.read())


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Start every server that there is at once, since each takes its time to come up."""
    started = {}
    if found_command("mlflow"):
        arguments = [
            *("server", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1"),
            *("--backend-store-uri", "sqlite:///{directory}/mlflow.db"),
            *("--default-artifact-root", "{directory}/artifacts"),
        ]
        variables = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        directory = tmp_path_factory.mktemp("mlflow")
        started["mlflow"] = Server(
            "mlflow", directory, arguments, "/health", MLFLOW_CLIENT, variables
        )
    if found_command("phoenix"):
        variables = {
            "PHOENIX_WORKING_DIR": "{directory}",
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": "{port}",
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }
        directory = tmp_path_factory.mktemp("phoenix")
        started["phoenix"] = Server(
            "phoenix", directory, ["serve"], "/healthz", PHOENIX_CLIENT, variables
        )
    yield started
    for server in started.values():
        server.stop()


def running(servers: dict[str, Server], name: str) -> Server:
    """Return a server that answers, or leave the test out."""
    command(name)
    servers[name].wait()
    return servers[name]


@pytest.fixture
def mlflow_server(servers: dict[str, Server]) -> Server:
    return running(servers, "mlflow")


@pytest.fixture
def phoenix_server(servers: dict[str, Server]) -> Server:
    return running(servers, "phoenix")


def record_everything() -> str:
    """Record one trace that has some of everything."""
    with (
        nbtrace.context(session_id="chat-7", user="ada", tags={"stage": "draft"}),
        nbtrace.start_span("everything", span_type="AGENT") as root,
    ):
        root.set_inputs({"question": "why? \u2603", "n": [1, 2.5, None, True]})
        root.add_event(SpanEvent("note", attributes={"k": "v", "n": 3}))
        with nbtrace.start_span("chat", span_type="CHAT_MODEL") as span:
            span.set_inputs({"messages": [{"role": "user", "content": "why?"}], "model": "gpt-4o"})
            message = {"role": "assistant", "content": "because"}
            span.set_outputs({"choices": [{"message": message, "finish_reason": "stop"}]})
            usage = {"input_tokens": 12, "output_tokens": 5, "total_tokens": 17}
            span.set_attribute("mlflow.chat.tokenUsage", usage)
            span.set_attribute("mlflow.llm.model", "gpt-4o")
        with nbtrace.start_span("find", span_type="RETRIEVER") as span:
            span.set_inputs("query")
            document = {"page_content": "Paris", "metadata": {"doc_uri": "a.md"}, "id": "d1"}
            span.set_outputs([document])
            span.set_attributes({"score": 0.5, "list": ["a", "b"], "flag": True, "count": 3})
        try:
            with nbtrace.start_span("tool", span_type="TOOL") as span:
                span.set_inputs({"city": "Paris"})
                msg = "no weather"
                raise ValueError(msg)  # noqa: TRY301 - what a tool that fails does
        except ValueError:
            pass
        root.set_outputs("because")
    trace_id = root.trace_id
    nbtrace.flush()
    human = AssessmentSource("HUMAN", "ada")
    nbtrace.log_feedback(trace_id=trace_id, name="useful", value=True, rationale="a", source=human)
    nbtrace.log_feedback(trace_id=trace_id, name="faith", value=0.5, span_id=span.span_id)
    nbtrace.log_expectation(trace_id=trace_id, name="answer", value={"a": 1})
    return trace_id


def run_demo() -> None:
    """Record what ``nbtrace demo`` shows."""
    from nbtrace.examples.answering import DocumentationAssistant

    with nbtrace.start_span("demo", span_type="CHAIN"):
        DocumentationAssistant().ask("How do I compute the binomial coefficient?")


def import_fixtures() -> None:
    """Bring in what every instrumentor recorded of every case."""
    for family in FAMILIES:
        for spans, _ in load(family).values():
            by_trace: dict[str, list[Any]] = {}
            for span in spans:
                by_trace.setdefault(span.trace_id, []).append(span)
            nbtrace.import_traces([Trace.from_spans(group) for group in by_trace.values()])


@pytest.fixture
def traces() -> dict[str, Trace]:
    """Return everything there is to send, by id."""
    record_everything()
    run_demo()
    nbtrace.flush()
    import_fixtures()
    found = nbtrace.search_traces(max_results=1000, return_type="list")
    assert len(found) > 40
    return {trace.info.trace_id: trace for trace in found}


def plain(value: Any) -> Any:
    """Return a value as it is after a journey through JSON, which MLflow sends all values on."""
    if isinstance(value, str):
        try:
            return plain(json.loads(value)) if value[:1] in '"{[' and value else value
        except ValueError:
            return value
    if isinstance(value, bytes):
        return None
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def test_mlflow_keeps_all_of_it(mlflow_server: Server, traces: dict[str, Trace]) -> None:
    result = nbtrace.export_traces(to=mlflow_server.url, receiver="mlflow", project="round trip")
    assert (result.traces, result.rejected) == (len(traces), 0)
    back = mlflow_server.read("round trip")
    read = {item["info"]["trace_id"]: Trace.from_dict(item) for item in back["traces"]}
    assert read.keys() == traces.keys()
    for trace_id, ours in traces.items():
        theirs = {span.span_id: span for span in read[trace_id].data.spans}
        assert theirs.keys() == {span.span_id for span in ours.data.spans}
        for span in ours.data.spans:
            same = theirs[span.span_id]
            for field in ("name", "parent_id", "start_time_ns", "end_time_ns"):
                assert getattr(same, field) == getattr(span, field), (span.name, field)
            assert same.status.status_code == span.status.status_code
            assert (same.status.description or "") == (span.status.description or "")
            assert [event.name for event in same.events] == [event.name for event in span.events]
            assert [plain(dict(e.attributes)) for e in same.events] == [
                plain(dict(e.attributes)) for e in span.events
            ]
            kept = {key: plain(value) for key, value in same.raw_attributes.items()}
            for key, value in span.raw_attributes.items():
                assert key in kept, (span.name, key)
                assert kept[key] == plain(value), (span.name, key)
            if "mlflow.spanType" in span.raw_attributes:
                assert back["types"][span.span_id] == span.span_type
    [everything] = [item for item in traces.values() if item.data.spans[0].name == "everything"]
    info = read[everything.info.trace_id].info
    assert info.tags["stage"] == "draft"
    assert info.tags["mlflow.traceName"] == "everything"
    assert info.trace_metadata["mlflow.trace.session"] == "chat-7"
    assert info.trace_metadata["mlflow.trace.user"] == "ada"
    assert back["usage"][info.trace_id]["total_tokens"] == 17
    said = {item.name: item for item in info.assessments}
    assert {name: item.value for name, item in said.items()} == {
        "useful": True,
        "faith": 0.5,
        "answer": {"a": 1},
    }
    assert (said["useful"].rationale, said["useful"].source.source_id) == ("a", "ada")
    [tool] = everything.search_spans(name="tool")
    assert said["faith"].span_id == tool.span_id
    # once more is harmless
    nbtrace.export_traces(everything, to=mlflow_server.url, receiver="mlflow", project="round trip")
    again = mlflow_server.read("round trip", False)["traces"]
    assert len(again) == len(traces)
    [same] = [item for item in again if item["info"]["trace_id"] == info.trace_id]
    assert len(same["info"]["assessments"]) == 3


def test_what_mlflow_holds_can_be_imported(mlflow_server: Server, store_directory: Path) -> None:
    trace_id = record_everything()
    nbtrace.export_traces(to=mlflow_server.url, receiver="mlflow", project="and back")
    ours = nbtrace.get_trace(trace_id)
    back = mlflow_server.read("and back")["traces"]
    nbtrace.delete_traces("0", trace_ids=[trace_id])
    other = store_directory.with_name("other")
    nbtrace.set_tracking_uri(str(other))
    assert nbtrace.import_traces({"traces": back}).trace_ids == [trace_id]
    theirs = nbtrace.get_trace(trace_id)
    assert [(s.name, s.inputs, s.outputs, s.span_type) for s in theirs.data.spans] == [
        (s.name, s.inputs, s.outputs, s.span_type) for s in ours.data.spans
    ]
    for key in ("stage", "mlflow.trace.session", "mlflow.trace.user", "mlflow.traceName"):
        assert theirs.info.tags[key] == ours.info.tags[key]
    assert {item.name: item.value for item in theirs.info.assessments} == {
        item.name: item.value for item in ours.info.assessments
    }


def test_phoenix_keeps_all_of_it(phoenix_server: Server, traces: dict[str, Trace]) -> None:
    result = nbtrace.export_traces(to=phoenix_server.url, receiver="phoenix", project="round trip")
    assert (result.traces, result.rejected) == (len(traces), 0)
    ours = {span.span_id: span for trace in traces.values() for span in trace.data.spans}
    wait_for_spans(phoenix_server, "round trip", len(ours))
    rows = phoenix_server.read("round trip")
    assert {row["context.span_id"] for row in rows} == ours.keys()
    # read as an import reads it, which proves that too
    from nbtrace.transfer.phoenix import phoenix_span

    spans = rest(f"{phoenix_server.url}/v1/projects/round%20trip/spans?limit=1000")["data"]
    for span in map(phoenix_span, [*rows, *spans]):
        same = ours[span.span_id]
        assert (span.trace_id, span.name, span.parent_id) == (
            same.trace_id,
            same.name,
            same.parent_id,
        )
        # Phoenix keeps microseconds
        assert abs(span.start_time_ns - same.start_time_ns) <= 1000
        assert abs((span.end_time_ns or 0) - (same.end_time_ns or 0)) <= 1000
        assert span.status.status_code == same.status.status_code
        assert [event.name for event in span.events] == [event.name for event in same.events]
        theirs, expected = view(span), view(same)
        if "openinference.span.kind" in same.raw_attributes:
            assert theirs.type == expected.type
        for side in ("inputs", "outputs"):
            if getattr(expected, side) is not None:
                assert plain(getattr(theirs, side)) == plain(getattr(expected, side)), span.name
        assert theirs.usage.total == expected.usage.total, span.name
        texts = [item.text for item in expected.input_messages]
        if texts:  # Phoenix makes messages of its own of what an embedding was sent
            assert [item.text for item in theirs.input_messages] == texts, span.name
    [root] = [row for row in rows if row["name"] == "everything"]
    assert (root["attributes.session.id"], root["attributes.user.id"]) == ("chat-7", "ada")
    assert root["attributes.metadata"]["stage"] == "draft"
    assert "useful" in root["attributes.nbtrace"]["trace"]
    [tool] = [row for row in rows if row["name"] == "tool" and row["parent_id"] == root_id(root)]
    said = wait_for_annotations(phoenix_server, [root_id(root), tool["context.span_id"]], 3)
    assert {name: (item["label"], item["score"]) for name, item in said.items()} == {
        "useful": ("true", 1.0),
        "faith": (None, 0.5),
        "answer": ('{"a":1}', None),
    }
    assert said["useful"]["explanation"] == "a"


def root_id(row: dict[str, Any]) -> str:
    return str(row["context.span_id"])


def wait_for_annotations(server: Server, span_ids: list[str], count: int) -> dict[str, Any]:
    deadline = time.monotonic() + READ_SECONDS
    query = "&".join(f"span_ids={span_id}" for span_id in span_ids)
    url = f"{server.url}/v1/projects/round%20trip/span_annotations?{query}"
    while True:
        found = rest(url)["data"]
        if len(found) >= count or time.monotonic() > deadline:
            return {
                item["name"]: {"label": None, "score": None, **item["result"]} for item in found
            }
        time.sleep(POLL_SECONDS)


def wait_for_spans(server: Server, project: str, count: int) -> None:
    """Phoenix answers before it has written."""
    deadline = time.monotonic() + READ_SECONDS
    url = f"{server.url}/v1/projects/{project.replace(' ', '%20')}/spans?limit=1000"
    found: list[Any] = []
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} spans are there"
        time.sleep(POLL_SECONDS)
        with suppress(urllib.error.HTTPError):  # the project is made with its first span
            found = rest(url)["data"]


@pytest.mark.parametrize("name", ["mlflow", "phoenix"])
def test_live_forwarding_reaches_them(request: pytest.FixtureRequest, name: str) -> None:
    server: Server = request.getfixturevalue(f"{name}_server")
    nbtrace.forward(server.url, receiver=name, project="live")
    record_everything()
    deadline = time.monotonic() + 60
    while nbtrace.forwarding()[0].sent < 1:
        assert time.monotonic() < deadline, nbtrace.forwarding()
        time.sleep(POLL_SECONDS)
    nbtrace.stop_forwarding()
    if name == "mlflow":
        [trace] = server.read("live")["traces"]
        assert len(trace["data"]["spans"]) == 4
    else:
        wait_for_spans(server, "live", 4)
        assert len(server.read("live")) == 4
