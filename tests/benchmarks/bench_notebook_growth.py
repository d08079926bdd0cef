"""What a traced cell adds to the notebook's file, as nbclient saves it.

A notebook with one to three traced cells and the same notebook without ``%%trace`` are run by
nbclient, which keeps widget states as ``jupyter execute`` does, and written by nbformat. The growth
per traced cell is the difference in bytes over the number of traced cells; stated is the worse of
one cell (which carries what the notebook needs once) and several. A cell makes 10 or 100,000 spans,
or 10 with 20 kB of text as input each.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import measure
import nbformat
from measure import Figure
from nbclient import NotebookClient

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_BYTES = 100_000
TIMEOUT = 600

BODY = """
with nbtrace.start_span("work") as work:
    for index in range({steps}):
        with nbtrace.start_span("step", span_type="TOOL") as span:
            question = f"and how far is it to town {{index:05d}}?"
            span.set_inputs({{"question": question, "text": {text}}})
            span.set_outputs({{"answer": f"it is about {{index:05d}} km by train"}})
"""


def notebook_bytes(directory: Path, cells: int, *, traced: bool, steps: int, text: str) -> int:
    """Run a notebook, save it, and return the size of the file."""
    body = BODY.format(steps=steps, text=text)
    sources = ["import nbtrace\n%load_ext nbtrace"]
    sources += ["%%trace" + body if traced else body.strip() for _ in range(cells)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    variables = measure.environment(directory / ".nbtrace")
    variables["IPYTHONDIR"] = str(directory / "ipython")
    client = NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3")
    client.execute(env=variables, cwd=str(directory), stderr=subprocess.DEVNULL)
    path = directory / "notebook.ipynb"
    nbformat.write(notebook, path)
    if traced and "nbtrace" not in str(notebook.cells[1].outputs):
        message = f"the traced cell shows no tree: {notebook.cells[1].outputs}"
        raise RuntimeError(message)
    return path.stat().st_size


def growth(steps: int, counts: tuple[int, ...], text: str = '""') -> float:
    """Return the bytes that a traced cell adds, the worst of several numbers of cells."""
    found = []
    for cells in counts:
        with measure.temporary_directory() as directory:
            plain = notebook_bytes(directory, cells, traced=False, steps=min(steps, 10), text=text)
        with measure.temporary_directory() as directory:
            traced = notebook_bytes(directory, cells, traced=True, steps=steps, text=text)
        found.append((traced - plain) / cells)
        measure.note(f"{steps:,} spans, {cells} traced: {found[-1]:,.0f} bytes more a cell")
    return max(found)


def measure_notebook_growth(quick: bool) -> list[Figure]:
    counts = (1,) if quick else (1, 3)
    kinds = [
        ("10 spans", growth(9, counts)),
        ("10 spans with 20 kB of input each", growth(9, counts, '"lorem ipsum " * 1700')),
        ("100,000 spans", growth(99_999, (1,) if quick else (1, 2))),
    ]
    return [
        Figure(
            f".ipynb growth per traced cell, saved by nbclient, {name}",
            f"{size / 1000:.1f} kB",
            budget=f"less than {LIMIT_BYTES // 1000} kB",
            holds=size < LIMIT_BYTES,
        )
        for name, size in kinds
    ]


if __name__ == "__main__":
    measure.main(measure_notebook_growth, __doc__)
