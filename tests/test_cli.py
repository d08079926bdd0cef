from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import nbtrace
from nbtrace.cli import main

README = Path(__file__).parents[1] / "README.md"


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def trace_something(name: str, number: int = 1) -> str:
    with nbtrace.start_span(name, span_type="TASK") as span:
        span.set_inputs({"number": number})
        with nbtrace.start_span("inner", span_type="TOOL"):
            pass
    nbtrace.flush()
    return span.trace_id


def test_version_names_the_store(store_directory: Path) -> None:
    lines = run("version").splitlines()
    assert re.fullmatch(
        r"nbtrace (\d+\.\d+\.\d+|\(a source tree that is not installed\))", lines[0]
    )
    assert lines[1] == f"store {store_directory}"


def test_show_prints_every_span_of_the_tree() -> None:
    tree = run("show", trace_something("outer"))
    assert "outer" in tree
    assert "inner" in tree


def test_show_takes_the_bare_hexadecimal_id() -> None:
    trace_id = trace_something("outer")
    assert "outer" in run("show", trace_id.removeprefix("tr-"))


def test_show_of_an_unknown_trace_says_where_it_looked(store_directory: Path) -> None:
    unknown = "tr-" + "0" * 32
    trace_something("outer")
    message = run("show", unknown, code=1)
    assert message.startswith(f"Error: there is no trace {unknown!r} in {store_directory}")
    assert "nbtrace search" in message


def test_search_lists_newest_first() -> None:
    first, second = trace_something("first"), trace_something("second")
    table = run("search")
    assert table.index(second) < table.index(first)


def test_search_filters_orders_and_limits() -> None:
    first, second = trace_something("first"), trace_something("second")
    assert second not in run("search", "name = 'first'")
    assert second not in run("search", "-n", "1", "--order-by", "timestamp_ms ASC")
    assert first in run("search", "-n", "1", "--order-by", "timestamp_ms ASC")


def test_search_full_prints_every_column() -> None:
    trace_id = trace_something("outer", 42)
    text = run("search", "--full")
    assert re.search(rf"^trace_id +{trace_id}$", text, re.MULTILINE)
    assert re.search(r"^state +OK$", text, re.MULTILINE)
    assert re.search(r"^request .*42", text, re.MULTILINE)


def test_search_without_a_match_says_so(store_directory: Path) -> None:
    trace_something("outer")
    assert run("search", "name = 'other'") == f"No trace in {store_directory} matches.\n"


def test_a_bad_filter_is_a_message_not_a_traceback() -> None:
    message = run("search", "name =", code=1)
    assert message.startswith("Error: ")
    assert "Traceback" not in message


def test_demo_keeps_options_for_jupyterlab_apart() -> None:
    assert "add --lab" in run("demo", "--", "--no-browser", code=2)


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help_and_stands_in_the_readme(command: str) -> None:
    assert len(run(command, "--help").splitlines()) > 3
    assert f"nbtrace {command}" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["main", "test"])
def test_the_readme_has_one_line_for_each_command(name: str) -> None:
    text = README.read_text(encoding="utf-8")
    (block,) = re.findall(rf"<!-- command: {name} -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert len(block.splitlines()) == 1
    assert block.startswith("python3 -m venv ")


def test_export_and_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace_id = trace_something("outer")
    file = tmp_path / "traces.jsonl.gz"
    assert "2 spans of 1 trace" in run("export", "name = 'outer'", "--to", str(file))
    monkeypatch.setenv("NBTRACE_DIR", str(tmp_path / ".nbtrace"))
    nbtrace.set_tracking_uri(tmp_path)
    assert "1 trace, 2 spans" in run("import", str(file), "--experiment", "others")
    assert "outer" in run("show", trace_id)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"resourceSpans": []}\n{broken\n')
    assert "line 2" in run("import", str(bad), code=1)
    assert "line 2" in run("import", str(bad), "--skip-errors")
    message = run("export", "--to", "http://127.0.0.1:9", "--header", "x", code=2)
    assert "NAME=VALUE" in message


def test_receive_until_interrupted(tmp_path: Path) -> None:
    environment = {**os.environ, "NBTRACE_DIR": str(tmp_path / ".nbtrace")}
    program = [sys.executable, "-m", "nbtrace", "receive", "--port", "0"]
    with subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        found = re.search(r"http://127.0.0.1:[0-9]+", running.stdout.readline())
        assert found is not None
        trace_something("sent")
        nbtrace.export_traces(to=found.group())
        running.send_signal(signal.SIGINT)
        assert "2 spans in 1 request." in running.communicate(timeout=20)[0]
    nbtrace.set_tracking_uri(tmp_path)
    assert nbtrace.count_traces("name = 'sent'") == 1


@pytest.mark.parametrize("command", ["search", "show"])
def test_reading_where_nothing_was_traced_makes_no_store_and_says_where_it_looked(
    command: str, store_directory: Path
) -> None:
    text = run(command, code=0 if command == "search" else 1)
    assert f"There is no store: {store_directory} does not exist" in text
    assert not store_directory.exists()


def test_every_command_says_in_one_line_what_it_does() -> None:
    for line in run("--help").partition("Commands:")[2].strip().splitlines():
        assert line.endswith("."), line
        assert not line.endswith("..."), line


def test_counts_are_in_good_english() -> None:
    trace_id = trace_something("outer")
    assert run("gc", "--dry-run").startswith("would free 0 traces, 0 files")
    nbtrace.delete_traces("0", trace_ids=[trace_id])
    assert run("gc").startswith("freed 1 trace, 1 file, ")


def test_output_into_a_closed_pipe_is_silent() -> None:
    for number in range(3):
        trace_something("outer", number)
    program = f"{sys.executable} -m nbtrace search --full | head -n 1"
    done = subprocess.run(program, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
