"""What every test gets: a store of its own, and the rule for browser tests.

``NBTRACE_DIR`` points into a directory of the test before and after each test, and tracing and the
store are reset, so that no test sees what another one traced.

Tests marked ``browser`` need Playwright and a Chromium. Where one of them is missing the tests are
left out and one line says so; with ``NBTRACE_BROWSER=required`` a missing browser is a failure, and
with ``NBTRACE_BROWSER=off`` they are left out in any case.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LEFT_OUT = pytest.StashKey[str]()


def missing_for_browser_tests() -> str | None:
    """Return what browser tests lack here, or None."""
    if os.environ.get("NBTRACE_BROWSER", "").lower() == "off":
        return "NBTRACE_BROWSER=off"
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed (pip install playwright)"
    if importlib.util.find_spec("jupyterlab") is None:
        return "JupyterLab is not installed (pip install jupyterlab)"
    if not (os.environ.get("NBTRACE_CHROMIUM") or any(map(shutil.which, BROWSERS))):
        return "no Chromium on PATH or in NBTRACE_CHROMIUM (on Debian: apt-get install chromium)"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("browser") is not None]
    missing = missing_for_browser_tests() if marked else None
    if missing is None:
        return
    if os.environ.get("NBTRACE_BROWSER", "").lower() == "required":
        message = f"NBTRACE_BROWSER=required, but {missing}"
        raise pytest.UsageError(message)
    config.stash[LEFT_OUT] = f"{len(marked)} browser tests left out: {missing}"
    config.hook.pytest_deselected(items=marked)
    items[:] = [item for item in items if item.get_closest_marker("browser") is None]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    line = config.stash.get(LEFT_OUT, None)
    if line is not None:
        terminalreporter.write_line(line)


def reset() -> None:
    """Forget traces, provider and store, as far as the test has loaded any of them."""
    tracing = sys.modules.get("nbtrace.tracing")
    if tracing is not None and hasattr(tracing, "reset"):
        tracing.reset()
    store = sys.modules.get("nbtrace.store")
    if store is not None and hasattr(store, "reset_store"):
        store.reset_store()


@pytest.fixture(autouse=True)
def store_directory(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Return the directory of a store that only this test uses."""
    # Resetting first lets a store that a module opened on import finish in its own directory.
    reset()
    directory = tmp_path_factory.mktemp("store") / ".nbtrace"
    monkeypatch.setenv("NBTRACE_DIR", str(directory))
    yield directory
    reset()


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """Return an IPython in a terminal that has loaded nbtrace."""
    from IPython.core.interactiveshell import InteractiveShell

    from nbtrace.notebook import load_ipython_extension, unload_ipython_extension

    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    load_ipython_extension(shell)
    yield shell
    unload_ipython_extension(shell)
    InteractiveShell.clear_instance()


@pytest.fixture
def deterministic(store_directory: Path) -> Iterator[Any]:
    """Return what ``nbtrace.testing.deterministic`` yields: ids and a clock that repeat."""
    from nbtrace.testing import deterministic as repeatable

    with repeatable() as controls:
        yield controls
