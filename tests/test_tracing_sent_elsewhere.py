"""Traced functions of a notebook go to other processes by their code, as job queues send them.

joblib, Dask, Ray and Spark pickle a function of ``__main__`` with cloudpickle: its code, and
whatever that names.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import nbtrace

PROGRAM = """
import asyncio, functools, sys
import cloudpickle, nbtrace

@nbtrace.trace(span_type="TOOL", attributes={"k": 1})
def add(a, b=2):
    return a + b

@nbtrace.trace
def count(n):
    return 0 if n == 0 else 1 + count(n - 1)

@nbtrace.trace(output_reducer=sum)
def numbers():
    yield 1
    yield 2

@nbtrace.trace
async def wait(x):
    return add(x)

@nbtrace.trace
async def stream():
    yield 5

class Agent:
    @nbtrace.trace
    def run(self, x):
        with nbtrace.start_span("inside"):
            return x

    @nbtrace.trace
    @staticmethod
    def still(x):
        return x

add(1)
sys.stdout.buffer.write(cloudpickle.dumps((add, count, numbers, wait, stream, Agent())))
"""

OTHER = """
import asyncio, pickle, sys
import nbtrace

add, count, numbers, wait, stream, agent = pickle.loads(sys.stdin.buffer.read())

async def chunks():
    return [chunk async for chunk in stream()]

with nbtrace.start_span("root") as root:
    print(add(3), count(2), list(numbers()), asyncio.run(wait(4)), asyncio.run(chunks()))
    print(agent.run(6), agent.still(7))
trace = nbtrace.get_trace(root.trace_id)
names = {span.span_id: span.name for span in trace.data.spans}
print([f"{names.get(span.parent_id)}>{span.name}" for span in trace.data.spans])
print(trace.search_spans(name="numbers")[0].outputs, trace.search_spans(name="add")[0].span_type)
nbtrace.tracing.disable()
print(add(1))
"""


def run(program: str, data: bytes = b"") -> bytes:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        input=data,
        capture_output=True,
        env=dict(os.environ),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_traced_functions_run_and_are_traced_where_they_are_sent():
    lines = run(OTHER, run(PROGRAM)).decode().splitlines()
    assert lines[0] == "5 2 [1, 2] 6 [5]"
    assert lines[1] == "6 7"
    assert lines[2] == str(
        [
            "None>root",
            "root>add",
            "root>count",
            "count>count",
            "count>count",
            "root>numbers",
            "root>wait",
            "wait>add",
            "root>stream",
            "root>run",
            "run>inside",
            "root>still",
        ]
    )
    assert lines[3:] == ["3 TOOL", "3"]
    assert nbtrace.count_traces() == 2
