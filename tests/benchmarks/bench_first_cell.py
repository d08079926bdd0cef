"""What ``%%trace`` puts before and after the user's code, in a real ipykernel.

Each session is a new kernel and a new store: plain cells, ``%load_ext nbtrace``, the first
``%%trace`` cell, later ones. A cell's first statement reads the clock. "Before the user's code" is
from the kernel's own message that it is busy (its header has the time) to that reading, all of
IPython's own work included; plain cells show how much that is. For "none of it inside the trace"
the start of the root span, as stored, is compared with the same reading: between them may lie only
what IPython itself does between ``pre_run_cell`` and the code, measured on plain cells, and a
millisecond. The peer is the plain cell of the same session.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

import measure
from jupyter_client.manager import KernelManager
from measure import Figure

if TYPE_CHECKING:
    from pathlib import Path

FIRST_LIMIT_MS = 1_000
LATER_LIMIT_MS = 20
# What may lie between the root's start and the code beyond what IPython needs there.
INSIDE_MS = 1.0
TIMEOUT = 60
LATER_CELLS = 20

SET_UP = """
import time as _time
_before = []
get_ipython().events.register("pre_run_cell", lambda info: _before.append(_time.time_ns()))
"""
CELL = """_first = _time.time_ns()
_at = _before[-1]
_value = sum(range(1000))
_last = _time.time_ns()"""
READ = "print([_first, _at, _last])"
ROOTS = """
import json as _json, nbtrace as _nbtrace
_found = _nbtrace.search_traces(return_type="list", order_by=["timestamp ASC"], max_results=500)
_roots = [trace.data.spans[0] for trace in _found]
print(_json.dumps([[root.start_time_ns, root.end_time_ns] for root in _roots]))
"""


class Kernel:
    """A kernel of this Python with a store of its own."""

    def __init__(self, directory: Path) -> None:
        variables = measure.environment(directory / ".nbtrace")
        variables["IPYTHONDIR"] = str(directory / "ipython")
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(env=variables, cwd=str(directory), stderr=subprocess.DEVNULL)
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=TIMEOUT)

    def run(self, source: str) -> tuple[int, int, str]:
        """Run a cell; return when it was busy and idle, in nanoseconds, and what it printed."""
        message_id = self._client.execute(source)
        busy = idle = 0
        printed = ""
        while not idle:
            message = self._client.get_iopub_msg(timeout=TIMEOUT)
            if message["parent_header"].get("msg_id") != message_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            if kind == "stream" and content["name"] == "stdout":
                printed += content["text"]
            elif kind == "status":
                moment = round(message["header"]["date"].timestamp() * 1e6) * 1_000
                if content["execution_state"] == "busy":
                    busy = moment
                else:
                    idle = moment
        return busy, idle, printed

    def timed(self, line: str = "") -> dict[str, float]:
        """Run a cell that reads the clock and return what lay around its code, milliseconds."""
        busy, idle, _ = self.run(f"{line}\n{CELL}" if line else CELL)
        first, before, last = json.loads(self.run(READ)[2])
        return {
            "before": (first - busy) / 1e6,
            "after": (idle - last) / 1e6,
            "event": (first - before) / 1e6,
            "first": first,
            "last": last,
        }

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


def session() -> dict[str, Any]:
    """Run one kernel from its first cell to the last and return what was measured."""
    with measure.temporary_directory() as directory:
        kernel = Kernel(directory)
        try:
            kernel.run(SET_UP)
            plain = [kernel.timed() for _ in range(LATER_CELLS)][2:]
            begin = time.perf_counter()
            kernel.run("%load_ext nbtrace")
            load = (time.perf_counter() - begin) * 1e3
            traced = [kernel.timed("%%trace") for _ in range(LATER_CELLS + 1)]
            roots = json.loads(kernel.run(ROOTS)[2])
        finally:
            kernel.close()
    if len(roots) != len(traced):
        message = f"{len(roots)} traces of {len(traced)} cells"
        raise RuntimeError(message)
    for cell, (start, end) in zip(traced, roots, strict=True):
        cell["inside before"] = (cell["first"] - start) / 1e6
        cell["inside after"] = (end - cell["last"]) / 1e6
    return {"plain": plain, "load": load, "first": traced[0], "later": traced[1:]}


def measure_first_cell(quick: bool) -> list[Figure]:
    sessions = [session() for _ in range(3 if quick else 9)]

    def medians(kind: str, name: str) -> float:
        values = [cell[name] for found in sessions for cell in found[kind]]
        return measure.median(values)

    first = measure.median([found["first"]["before"] for found in sessions])
    later, plain = medians("later", "before"), medians("plain", "before")
    inside_first = measure.median([found["first"]["inside before"] for found in sessions])
    inside, event = medians("later", "inside before"), medians("plain", "event")
    allowed = event + INSIDE_MS
    measure.note(
        f"%load_ext nbtrace {measure.median([found['load'] for found in sessions]):.0f} ms;"
        f" after the code: first {measure.median([f['first']['after'] for f in sessions]):.1f} ms,"
        f" later {medians('later', 'after'):.1f} ms, plain {medians('plain', 'after'):.1f} ms;"
        f" root's end after the code: {medians('later', 'inside after'):.2f} ms"
    )
    return [
        Figure(
            "first `%%trace` on a fresh store: before the user's code",
            f"{first:.0f} ms",
            f"plain cell {plain:.1f} ms",
            budget=f"at most {FIRST_LIMIT_MS / 1000:g} s",
            holds=first <= FIRST_LIMIT_MS,
        ),
        Figure(
            "later `%%trace`: before the user's code",
            f"{later:.1f} ms",
            f"plain cell {plain:.1f} ms",
            budget=f"at most {LATER_LIMIT_MS} ms",
            holds=later <= LATER_LIMIT_MS,
        ),
        Figure(
            "of that inside the root span, first and later",
            f"{inside_first:.2f} and {inside:.2f} ms",
            f"IPython between `pre_run_cell` and the code {event:.2f} ms",
            budget=f"nothing of nbtrace's (IPython's + {INSIDE_MS:g} ms)",
            holds=max(inside_first, inside) <= allowed,
        ),
        Figure(
            "later `%%trace`: after the user's code, until the cell is idle, trace on disk",
            f"{medians('later', 'after'):.1f} ms",
            f"plain cell {medians('plain', 'after'):.1f} ms",
        ),
    ]


if __name__ == "__main__":
    measure.main(measure_first_cell, __doc__)
