"""A real kernel that runs cells one by one, as a notebook does, and what the cells then show."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parent.parent
WIDGET = "application/vnd.jupyter.widget-view+json"

_LAST = """
import json as _json, nbtrace as _nbtrace
def _last():
    _id = _nbtrace.get_last_active_trace_id()
    _trace = _id and _nbtrace.get_trace(_id)
    if not _trace:
        return None
    _root = _trace.data.spans[0]
    return {
        "id": _id,
        "name": _root.name,
        "state": str(_trace.info.state.value),
        "tags": dict(_trace.info.tags),
        "inputs": _root.inputs,
        "outputs": _root.outputs,
        "attributes": {k: v for k, v in _root.attributes.items() if k.startswith("nbtrace.")},
        "events": [e.attributes.get("exception.type") for e in _root.events],
        "spans": {s.name: s.parent_id for s in _trace.data.spans},
        "root": _root.span_id,
        "experiment": _trace.info.experiment_id,
    }
"""


class Session:
    """One kernel with nbtrace loaded."""

    def __init__(self, client: NotebookClient) -> None:
        self._client = client
        self.run("%load_ext nbtrace")
        self.run(_LAST)
        self.pid = int(self.run("import os; os.getpid()").text)

    def run(self, source: str, *, dedent: bool = True, timeout: int = 60) -> Cell:
        """Run a cell as a notebook would and return it."""
        self._client.timeout = timeout
        source = textwrap.dedent(source).strip("\n") if dedent else source
        cell = nbformat.v4.new_code_cell(source)
        self._client.nb.cells.append(cell)
        self._client.execute_cell(cell, len(self._client.nb.cells) - 1)
        return Cell(cell)

    def interrupt(self, source: str, marker: Path) -> Cell:
        """Run a cell that makes the file ``marker`` and then waits, and interrupt it there."""
        watch = threading.Thread(target=self._interrupt_after, args=(marker,))
        watch.start()
        cell = self.run(source)
        watch.join()
        return cell

    def _interrupt_after(self, marker: Path) -> None:
        deadline = time.monotonic() + 20
        while not marker.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
        os.kill(self.pid, signal.SIGINT)

    def last(self) -> dict[str, Any] | None:
        """Return what is stored of the last trace."""
        cell = self.run("print(_json.dumps(_last()))")
        assert not cell.errors, cell.errors
        return json.loads(cell.text)

    @property
    def connection_file(self) -> str:
        return self._client.km.connection_file


class Cell:
    """A cell that was run."""

    def __init__(self, node: Any) -> None:
        self.outputs = node.outputs
        self.execution_count = node.execution_count

    @property
    def user(self) -> list[Any]:
        """The outputs that are not the tree's."""
        return [item for item in self.outputs if not _is_tree(item)]

    @property
    def text(self) -> str:
        """What the user's code printed or showed, as text."""
        return "".join(
            item.text if item.output_type == "stream" else item.data.get("text/plain", "") + "\n"
            for item in self.user
            if item.output_type != "error"
        ).strip()

    @property
    def errors(self) -> list[str]:
        return [item.ename for item in self.outputs if item.output_type == "error"]

    @property
    def traceback(self) -> str:
        return "\n".join(
            line for item in self.outputs if item.output_type == "error" for line in item.traceback
        )

    @property
    def static(self) -> list[str]:
        return [item.data["text/html"] for item in self.outputs if _is_static(item)]

    @property
    def widgets(self) -> list[Any]:
        return [item for item in self.outputs if WIDGET in item.get("data", {}) and _is_tree(item)]

    def shows_one_tree(self) -> bool:
        return len(self.static) == 1 and len(self.widgets) == 1


def _is_static(item: Any) -> bool:
    return "nbtrace-static" in item.get("data", {}).get("text/html", "")


def _is_tree(item: Any) -> bool:
    # The tree's own widget view has an empty text; ipywidgets' views say what they are.
    data = item.get("data", {})
    return _is_static(item) or (WIDGET in data and data.get("text/plain") == "")


@contextlib.contextmanager
def open_session(directory: Path) -> Iterator[Session]:
    """Start a kernel of this Python in ``directory`` and load nbtrace into it."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *os.environ.get("PYTHONPATH", "").split()]),
        "NBTRACE_DIR": str(directory / ".nbtrace"),
        "IPYTHONDIR": str(directory / "ipython"),
    }
    manager = AsyncKernelManager(kernel_name="python3")
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="test",
        language="python",
    )
    # With errors allowed the kernel does not abort the cell that is sent right after a failed one.
    client = NotebookClient(nbformat.v4.new_notebook(), km=manager, allow_errors=True)
    with client.setup_kernel(env=environment, cwd=str(directory), cleanup_kc=True):
        yield Session(client)
