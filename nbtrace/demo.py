"""What ``nbtrace demo`` does: trace the quickstart's program and read the trace back.

The program runs in this process; the tree and the row of the DataFrame are printed by other
processes, which know nothing but the store's directory. What they print was therefore on disk.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTEBOOK = "quickstart.ipynb"
# The copy's name says whose it is, since it is put among the person's own files.
COPY = "nbtrace-quickstart.ipynb"


def run(directory: Path | None = None) -> int:
    """Trace the program and print its tree as another process reads it.

    Parameters
    ----------
    directory : pathlib.Path, optional
        Where the store is made; by default where it would be for any code started here.

    Returns
    -------
    int
        0 when everything could be read back, else the exit code of what failed.

    Raises
    ------
    NbtraceError
        When the ``openai`` client is not installed.

    Examples
    --------
    >>> run(Path("somewhere"))  # doctest: +SKIP
    """
    _require("openai", "the demo calls a model through the openai client")
    _keep_traces_in(directory)
    import nbtrace
    from nbtrace.examples.answering import QUESTION, DocumentationAssistant
    from nbtrace.store import current_store

    with DocumentationAssistant() as assistant:
        click.secho(f"Asking {assistant.model} at {assistant.endpoint}", bold=True)
        click.echo(f"{QUESTION}\n")
        assistant.ask(QUESTION)
    nbtrace.flush()
    trace_id = nbtrace.get_last_active_trace_id()
    if trace_id is None:
        message = (
            "tracing is switched off: call nbtrace.tracing.enable() or unset NBTRACE_* options"
        )
        raise NbtraceError.invalid(message)

    # Readers find the same store, wherever they are started.
    os.environ["NBTRACE_DIR"] = str(current_store().directory)
    code = _read_back("Its tree", ["show", trace_id])
    code = code or _read_back("Its row", ["search", "--full", f"trace_id = '{trace_id}'"])
    click.secho("\nNext", bold=True)
    click.echo(f"The same in a notebook, with the tree in the cell:  {_typed()} demo --lab")
    store = current_store().directory
    click.echo(f"From Python started in {store.parent}:  nbtrace.get_trace({trace_id!r})")
    click.echo(f"The traces are in {store}")
    return code


def open_lab(directory: Path | None = None, options: Sequence[str] = ()) -> int:
    """Open JupyterLab on a copy of the quickstart notebook.

    Parameters
    ----------
    directory : pathlib.Path, optional
        Where the copy and the store are put; the working directory by default.
    options : sequence of str, optional
        Further options for JupyterLab.

    Returns
    -------
    int
        JupyterLab's exit code, where it cannot take this process's place (on Windows).

    Raises
    ------
    NbtraceError
        When JupyterLab or the ``openai`` client is not installed.

    Examples
    --------
    >>> open_lab(options=["--no-browser"])  # doctest: +SKIP
    """
    _require("jupyterlab", "the notebook opens in JupyterLab")
    _require("openai", "the notebook calls a model through the openai client")
    _keep_traces_in(directory)
    copy = copy_notebook(directory or Path.cwd())
    click.echo(f"Opening {copy}")
    command = [sys.executable, "-m", "jupyterlab", str(copy), *options]
    if os.name == "posix":
        # JupyterLab takes this process's place: Ctrl-C asks it, and ending this ends its kernels.
        sys.stdout.flush()
        os.chdir(copy.parent)
        os.execv(sys.executable, command)  # noqa: S606 - our own interpreter
    return subprocess.run(command, cwd=copy.parent, check=False).returncode  # noqa: S603


def copy_notebook(directory: Path) -> Path:
    """Put a copy of the quickstart notebook into a directory, unless one is there.

    Parameters
    ----------
    directory : pathlib.Path
        Made when missing.

    Returns
    -------
    pathlib.Path
        The copy; one that was there before is left as it is.

    Examples
    --------
    >>> copy_notebook(Path("somewhere")).name  # doctest: +SKIP
    'nbtrace-quickstart.ipynb'
    """
    directory.mkdir(parents=True, exist_ok=True)
    copy = (directory / COPY).resolve()
    if not copy.exists():
        installed = files("nbtrace.examples") / NOTEBOOK
        # An editable install has the notebook only where git has it.
        source = (
            installed if installed.is_file() else files("nbtrace") / ".." / "notebooks" / NOTEBOOK
        )
        with as_file(source) as path:
            shutil.copyfile(path, copy)
    return copy


def _keep_traces_in(directory: Path | None) -> None:
    if directory is not None:
        os.environ["NBTRACE_DIR"] = str((directory / ".nbtrace").resolve())


def _require(module: str, purpose: str) -> None:
    if importlib.util.find_spec(module) is None:
        message = f"{purpose}, and {module} is not installed: pip install 'nbtrace[lab]'"
        raise NbtraceError.invalid(message)


def _typed() -> str:
    """Return how this program was called, so that what is printed can be typed."""
    program = sys.argv[0]
    if Path(program).stem != "nbtrace" or program == shutil.which("nbtrace"):
        return "nbtrace"
    return f'"{program}"' if " " in program else program


def _read_back(title: str, arguments: Sequence[str]) -> int:
    shown = " ".join(f'"{part}"' if " " in part else part for part in arguments)
    click.secho(f"\n{title}, read from disk by another process:  {_typed()} {shown}", bold=True)
    # The other process writes to the same place, past this one's buffer.
    sys.stdout.flush()
    command = [sys.executable, "-m", "nbtrace", *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own interpreter
