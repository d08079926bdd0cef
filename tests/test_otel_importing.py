"""A fork while another thread imports nbtrace: its child can use nbtrace."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# The import is slow at the module that is named, and the fork comes while it is there.
PROGRAM = """
import importlib.abc, logging, os, sys, threading, time

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            there.set()
            time.sleep(0.3)

there = threading.Event()
sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=__import__, args=("nbtrace",))
thread.start()
there.wait()
child = os.fork()
import nbtrace
with nbtrace.start_span("step") as span:
    pass
nbtrace.flush()
if child == 0:
    os._exit(0 if nbtrace.get_trace(span.trace_id) else 1)
thread.join()
print(os.waitpid(child, 0)[1], len(nbtrace.search_traces(return_type="list")))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("module", ["nbtrace.tracing", "orjson", "nbtrace.tracing.traces"])
def test_the_child_of_a_fork_during_the_first_import_can_trace(module, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM, module],
        env={**os.environ, "NBTRACE_DIR": str(tmp_path / ".nbtrace")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (["0", "2"], "")
