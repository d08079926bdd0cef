"""Where there can be no store at all, traced code runs on, and one warning says why."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

# imported first: CPython 3.13.0 cannot import socket where the working directory is gone
IMPORTS = """
import asyncio, os, warnings
import nbtrace
from nbtrace.tracing.provider import get_bridged_tracer_provider
"""
PROGRAM = """
@nbtrace.trace
def function(x):
    return x

@nbtrace.trace
async def coroutine(x):
    return x

@nbtrace.trace
def generator():
    yield 1

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    with nbtrace.start_span("block") as span:
        span.set_inputs(1)
        nbtrace.update_current_trace(tags={"a": "b"})
        print(function(1), asyncio.run(coroutine(2)), list(generator()))
    nbtrace.start_span_no_context("root").end()
    with get_bridged_tracer_provider().get_tracer("library").start_as_current_span("call"):
        print("library")
    print("flushed", nbtrace.flush())
print(len(caught), "warning:", caught[0].message)
try:
    nbtrace.search_traces()
except nbtrace.NbtraceError as error:
    print("search:", error)
"""


def run(directory, prepare):
    environment = {key: value for key, value in os.environ.items() if key != "NBTRACE_DIR"}
    return subprocess.run(
        [sys.executable, "-c", IMPORTS + textwrap.dedent(prepare) + PROGRAM],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


GONE = "import os; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n"
UNSAFE = "import os; os.mkdir('.nbtrace'); os.chmod('.nbtrace', 0o777)\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no directory that is in use")
@pytest.mark.parametrize(
    ("prepare", "reason"),
    [(GONE, "the working directory is gone"), (UNSAFE, "other users may write it")],
)
def test_traced_code_runs_and_one_warning_says_why(tmp_path, prepare, reason):
    done = run(tmp_path, prepare)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["1 2 [1]", "library", "flushed False"]
    assert lines[3].startswith("1 warning: nothing is traced: ")
    assert reason in lines[3]
    assert lines[4].startswith("search: ")
    assert reason in lines[4]
    assert "Traceback" not in done.stderr
