"""A real JupyterLab, isolated, and a Chromium that drives it.

The commands go through JupyterLab's own application object: clicking cells and waiting for a status
bar is a race with the session.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
]
# A Python that has marimo, where this one has not.
MARIMO = os.environ.get("NBTRACE_MARIMO", sys.executable)
KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}
READY = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  while (!app.shell.currentWidget?.context) {
    await new Promise((done) => setTimeout(done, 50));
  }
  const panel = app.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
}"""
RUN = """(index) => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = index;
  window.jupyterapp.commands.execute("notebook:run-cell");
}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def marimo_app(directory: Path, notebook: str) -> Iterator[str]:
    """Serve a marimo notebook as an app; yield its address."""
    if subprocess.run([MARIMO, "-c", "import marimo"], check=False, capture_output=True).returncode:
        leave_out("marimo is not installed")
    path = directory / "notebook.py"
    path.write_text(notebook)
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "NBTRACE_DIR": str(directory / ".nbtrace"),
        "HOME": str(directory),
    }
    command = [MARIMO, "-m", "marimo", "run", "--headless", "--no-token"]
    url = f"http://127.0.0.1:{port}/"
    with (directory / "marimo.log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"--port={port}", str(path)],
            env=environment,
            cwd=directory,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    urllib.request.urlopen(url, timeout=2)
                    break
                except OSError:
                    time.sleep(0.3)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Server:
    """A Jupyter server in a directory of its own."""

    def __init__(self, directory: Path, application: str = "lab") -> None:
        self.directory = directory
        self.notebooks = directory / "notebooks"
        self.notebooks.mkdir()
        self.port = free_port()
        settings = directory / "config" / "labconfig"
        settings.mkdir(parents=True)
        quiet = {
            "@jupyterlab/apputils-extension:notification": {
                "fetchNews": "false",
                "checkForUpdates": False,
            }
        }
        (settings / "default_setting_overrides.json").write_text(json.dumps(quiet))
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(directory / "config"),
            "JUPYTER_DATA_DIR": str(directory / "data"),
            "JUPYTER_RUNTIME_DIR": str(directory / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(directory / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(directory / "workspaces"),
            "IPYTHONDIR": str(directory / "ipython"),
            "PYTHONPATH": os.pathsep.join(
                filter(None, [os.environ.get("PYTHONPATH"), str(ROOT), str(Path(__file__).parent)])
            ),
            "NBTRACE_DIR": str(directory / ".nbtrace"),
        }
        name = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}[application]
        self.log = (directory / "server.log").open("w")
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab" if application == "lab" else "notebook",
                "--no-browser",
                f"--port={self.port}",
                "--ServerApp.port_retries=0",
                "--IdentityProvider.token=",
                f"--{name}.expose_app_in_browser=True",
                "--allow-root",
                f"--ServerApp.root_dir={self.notebooks}",
            ],
            env=environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/status", timeout=1)
            except OSError:
                time.sleep(0.2)
            else:
                return
        message = f"Jupyter did not start; see {self.log.name}"
        raise RuntimeError(message)

    def write(self, name: str, *cells: str) -> Path:
        """Write a notebook of code cells."""
        notebook = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{place}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": source,
                }
                for place, source in enumerate(cells)
            ],
            "metadata": {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        path = self.notebooks / name
        path.write_text(json.dumps(notebook))
        return path

    def read(self, name: str) -> dict[str, Any]:
        return json.loads((self.notebooks / name).read_text())

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Notebook:
    """One notebook in a page."""

    def __init__(self, server: Server, page: Any, name: str, *, application: str = "lab") -> None:
        self.server, self.page, self.name = server, page, name
        route = "lab/tree" if application == "lab" else "notebooks"
        page.goto(f"http://127.0.0.1:{server.port}/{route}/{name}?reset")
        page.wait_for_function("() => window.jupyterapp")
        page.evaluate(READY)

    def run(self, index: int) -> None:
        """Start a cell; it may still run afterwards."""
        self.page.evaluate(RUN, index)

    def run_to_end(self, index: int) -> None:
        """Run a cell and wait until it has ended."""
        self.page.evaluate(
            """async (index) => {
              const app = window.jupyterapp;
              app.shell.currentWidget.content.activeCellIndex = index;
              await app.commands.execute("notebook:run-cell");
            }""",
            index,
        )

    def cell(self, index: int) -> Any:
        return self.page.locator(".jp-Cell").nth(index)

    def row(self, index: int, name: str) -> Any:
        """Return the rows of a cell's trees that have exactly this name."""
        return self.cell(index).locator(f'.nbt-row:has(.nbt-text:text-is("{name}"))')

    def cells(self) -> int:
        return int(
            self.page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")
        )

    def ask(self, expression: str) -> str:
        """Evaluate an expression in the kernel, as soon as it is free."""
        return str(
            self.page.evaluate(
                """async (code) => {
                  const session = window.jupyterapp.shell.currentWidget.sessionContext.session;
                  const future = session.kernel.requestExecute({
                    code: "", user_expressions: { value: code }, store_history: false,
                  });
                  const reply = await future.done;
                  const value = reply.content.user_expressions.value;
                  return value.data ? value.data["text/plain"] : JSON.stringify(value);
                }""",
                expression,
            )
        )

    def save(self) -> dict[str, Any]:
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        return self.server.read(self.name)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a Chromium, from ``NBTRACE_CHROMIUM`` or PATH."""
    found = os.environ.get("NBTRACE_CHROMIUM") or next(
        filter(None, map(shutil.which, BROWSERS)), None
    )
    if found is None:
        leave_out("no Chromium: install one or name it in NBTRACE_CHROMIUM")
    return found


@pytest.fixture(scope="session")
def axe() -> Path:
    """Return the file of axe-core, which finds faults of access."""
    found = ROOT / "js" / "node_modules" / "axe-core" / "axe.min.js"
    if not found.exists():
        leave_out("no axe-core: run `npm ci` in js/")
    return found


def leave_out(reason: str) -> NoReturn:
    """Skip a test for what is not installed, or fail it where browser tests are required."""
    if os.environ.get("NBTRACE_BROWSER", "").lower() == "required":
        pytest.fail(reason)
    pytest.skip(reason)


# Not for the session: Playwright keeps an event loop running, beside which no other test could run
# one of its own.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Any:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Any:
    server = Server(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture
def page(browser: Any) -> Any:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(15_000)
    opened = context.new_page()
    yield opened
    context.close()
