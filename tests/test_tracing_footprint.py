"""What a traced program does besides: it opens no connection and loads no SDK."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import sys
network = []
sys.addaudithook(lambda event, _: event.startswith("socket.") and network.append(event))

import nbtrace
from opentelemetry import trace
from nbtrace.tracing.provider import offer_provider

@nbtrace.trace
def answer(question):
    with nbtrace.start_span("look up", span_type="RETRIEVER") as span:
        span.set_outputs(["a document"])
    with trace.get_tracer("library").start_as_current_span("call"):
        pass
    return question

offer_provider()
answer("why?")
assert nbtrace.flush(durable=True)
found = nbtrace.search_traces("name = 'answer'", return_type="list")
print(sorted(span.name for span in found[0].data.spans))
print("network:", network)
print("sdk:", [name for name in sys.modules if name.startswith("opentelemetry.sdk")])
"""


def test_nothing_leaves_the_machine_and_no_sdk_is_needed():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "['answer', 'call', 'look up']",
        "network: []",
        "sdk: []",
    ]
