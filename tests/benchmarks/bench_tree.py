"""What a tree of 10, 10,000 and 100,000 spans costs the person who looks at it.

A real JupyterLab in a headless Chromium. For each size: the time from running the cell to the first
rows, the 95th percentile of a frame while scrolling, while dragging the scroll bar over all rows
and while zooming with the wheel, the time until a search for a value has its answer from the
kernel, the page's memory after the collector has run, what the model's state holds, and what the
file grows by when JupyterLab and Notebook 7 save it (`bench_notebook_growth.py` has nbclient), and
marimo's session beside its file.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import measure
from measure import Figure

sys.path.insert(0, str(measure.REPOSITORY / "tests" / "browser"))

from conftest import BROWSERS, CHROMIUM_ARGUMENTS, Notebook, Server

if TYPE_CHECKING:
    from pathlib import Path

SIZES = (10, 10_000, 100_000)
FIRST_ROWS_LIMIT_MS = 1_000
FRAME_LIMIT_MS = 20
GROWTH_LIMIT_BYTES = 100_000
TIMEOUT_MS = 120_000
SETUP = "from live_source import large\nimport json, nbtrace"
TRACE = "trace = large({spans})"
SHOWN = "tree = nbtrace.SpanTree(trace)\ntree"
STATE = (
    "sum(len(key) + (len(value) * 4 // 3 if isinstance(value, bytes)"
    " else len(json.dumps(value, default=str))) for key, value in tree.get_state().items())"
)
# Each returns milliseconds.
FIRST_ROWS = """async (index) => {
  const panel = jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = index;
  const started = performance.now();
  jupyterapp.commands.execute("notebook:run-cell");
  while (!document.querySelector(".nbt-row")) {
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  return performance.now() - started;
}"""
FRAMES = """const frames = async (count, act) => {
  const taken = [];
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < count; frame++) {
    act(frame);
    const now = await new Promise(requestAnimationFrame);
    taken.push(now - last);
    last = now;
  }
  taken.sort((a, b) => a - b);
  return taken[Math.floor(count * 0.95)];
};"""
# A wheel turned fast moves by some rows a frame; who drags the bar sees other rows in each.
WHEEL_PIXELS = 120
SCROLLING = f"""async (pixels) => {{
  {FRAMES}
  const list = document.querySelector(".nbt-scroll");
  const step = pixels || (list.scrollHeight - list.clientHeight) / 200;
  return frames(200, (frame) => {{ list.scrollTop = step * frame; }});
}}"""
ZOOMING = f"""async () => {{
  {FRAMES}
  document.querySelector(".nbt-scroll").scrollTop = 0;
  const time = document.querySelector(".nbt-row .nbt-time");
  const box = time.getBoundingClientRect();
  return frames(120, (frame) => time.dispatchEvent(new WheelEvent("wheel", {{
    deltaY: frame < 60 ? -40 : 40, ctrlKey: true, bubbles: true, cancelable: true,
    clientX: box.x + box.width / 3, clientY: box.y + 5,
  }})));
}}"""
SEARCH = """async (text) => {
  const field = document.querySelector(".nbt-finder input");
  const started = performance.now();
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  const told = () => {
    const found = document.querySelector(".nbt-found")?.innerText ?? "…";
    return found !== "" && !found.includes("…");
  };
  let quiet = 0;
  let at = 0;
  // The kernel is asked a moment after the last key.
  while (quiet < 20) {
    await new Promise(requestAnimationFrame);
    if (told()) {
      at = quiet === 0 ? performance.now() : at;
      quiet += 1;
    } else {
      quiet = 0;
    }
  }
  return at - started;
}"""


def heap_megabytes(page: Any) -> float:
    """Return the page's JavaScript heap after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used) / 1e6


def file_bytes(notebook: Notebook) -> int:
    """Save a notebook and return the size of its file."""
    notebook.save()
    return (notebook.server.notebooks / notebook.name).stat().st_size


def in_jupyterlab(server: Server, browser: Any, spans: int) -> dict[str, float]:
    """Return the figures of one size."""
    name = f"tree-{spans}.ipynb"
    server.write(name, SETUP, TRACE.format(spans=spans), SHOWN)
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    notebook = Notebook(server, page, name)
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    found: dict[str, float] = {"plain": file_bytes(notebook)}
    before = heap_megabytes(page)
    found["first rows"] = page.evaluate(FIRST_ROWS, 2)
    page.locator(".nbt-figures", has_text=f"{spans:,} spans").wait_for()
    page.locator(".nbt-grid").focus()
    page.keyboard.press("]")
    page.wait_for_function(
        f"document.querySelector('.nbt-grid').ariaRowCount == '{spans + 1}'", timeout=TIMEOUT_MS
    )
    found["memory"] = heap_megabytes(page) - before
    found["scrolling"] = page.evaluate(SCROLLING, WHEEL_PIXELS)
    found["dragging the scroll bar"] = page.evaluate(SCROLLING, 0)
    found["zooming"] = page.evaluate(ZOOMING)
    # In the values, of which the page has next to none.
    found["search"] = page.evaluate(SEARCH, f'"number": {spans - 3}')
    found["model"] = int(notebook.ask(STATE))
    found["growth"] = file_bytes(notebook) - found["plain"]
    context.close()
    return found


def growth_in_notebook_7(server: Server, browser: Any, spans: int) -> float:
    """Return the bytes that the traced cell adds as Notebook 7 saves it."""
    name = f"tree-{spans}.ipynb"
    server.write(name, SETUP, TRACE.format(spans=spans), SHOWN)
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    notebook = Notebook(server, page, name, application="notebook")
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    plain = file_bytes(notebook)
    notebook.run_to_end(2)
    page.locator(".nbt-row").first.wait_for()
    grown = file_bytes(notebook) - plain
    context.close()
    return grown


MARIMO = """import marimo
app = marimo.App()

@app.cell
def _():
    import sys
    sys.path += {paths!r}
    from live_source import large
    import nbtrace
    {shown}
    return
"""


def growth_in_marimo(directory: Path, spans: int) -> float | None:
    """Return what a tree adds to marimo's session file; None without marimo."""
    paths = [str(measure.REPOSITORY), str(measure.REPOSITORY / "tests" / "browser")]
    sizes = []
    for name, shown in (("plain", "1"), ("tree", f"nbtrace.SpanTree(large({spans}))")):
        path = directory / f"{name}_{spans}.py"
        path.write_text(MARIMO.format(paths=paths, shown=shown))
        command = [sys.executable, "-m", "marimo", "export", "session", str(path)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=directory)
        session = directory / "__marimo__" / "session" / f"{path.name}.json"
        if not session.exists():
            measure.note(f"marimo wrote no session: {done.stderr[-300:]}")
            return None
        sizes.append(session.stat().st_size)
        if name == "tree" and "marimo-anywidget" not in session.read_text():
            measure.note("marimo's session holds no tree")
            return None
    return float(sizes[1] - sizes[0])


def figures_of(spans: int, found: dict[str, float]) -> list[Figure]:
    """Return one size's rows of the table."""
    limit = f"at most {FRAME_LIMIT_MS} ms"
    return [
        Figure(
            f"{spans:,} spans: first rows after the cell is run",
            f"{found['first rows']:.0f} ms",
            budget=f"at most {FIRST_ROWS_LIMIT_MS / 1000:g} s",
            holds=found["first rows"] <= FIRST_ROWS_LIMIT_MS,
        ),
        *(
            Figure(
                f"{spans:,} spans: a frame while {what}, 95th percentile",
                f"{found[what]:.1f} ms",
                budget=limit if what == "scrolling" else "",
                holds=found[what] <= FRAME_LIMIT_MS if what == "scrolling" else None,
            )
            for what in ("scrolling", "dragging the scroll bar", "zooming")
        ),
        Figure(f"{spans:,} spans: search in all values", f"{found['search']:.0f} ms"),
        Figure(f"{spans:,} spans: memory of the page", f"{found['memory']:.1f} MB"),
        Figure(f"{spans:,} spans: state of the model", f"{found['model'] / 1000:.1f} kB"),
    ]


def growth_figure(spans: int, where: str, size: float) -> Figure:
    return Figure(
        f"{spans:,} spans: growth of the file as {where} saves it",
        f"{size / 1000:.1f} kB",
        budget=f"less than {GROWTH_LIMIT_BYTES // 1000} kB",
        holds=size < GROWTH_LIMIT_BYTES,
    )


def measure_tree(quick: bool) -> list[Figure]:
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, BROWSERS)))
    sizes = SIZES[:2] if quick else SIZES
    figures: list[Figure] = []
    with measure.temporary_directory() as directory, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        for application in ("lab", "notebook"):
            (directory / application).mkdir()
            server = Server(directory / application, application)
            try:
                for spans in sizes:
                    if application == "lab":
                        found = in_jupyterlab(server, browser, spans)
                        figures += figures_of(spans, found)
                        figures.append(growth_figure(spans, "JupyterLab", found["growth"]))
                    else:
                        size = growth_in_notebook_7(server, browser, spans)
                        figures.append(growth_figure(spans, "Notebook 7", size))
            finally:
                server.close()
        browser.close()
        for spans in sizes:
            grown = growth_in_marimo(directory, spans)
            if grown is not None:
                figures.append(growth_figure(spans, "marimo (its session)", grown))
    return figures


if __name__ == "__main__":
    measure.main(measure_tree, __doc__)
