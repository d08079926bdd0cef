"""Where the code runs: which front end, which notebook, which kernel.

The kernel protocol carries none of this, so each answer comes from what a front end is known to
leave behind, and is None where it leaves nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

FrontEnd = Literal["terminal", "colab", "vscode", "databricks", "jupyter", "kernel"]

# VS Code puts the notebook's path into the user's namespace under this name.
_VSCODE_PATH = "__vsc_ipynb_file__"
# jupyter-server gives a kernel the path of the notebook that started it.
_JUPYTER_PATH = "JPY_SESSION_NAME"


def has_kernel(shell: InteractiveShell) -> bool:
    """Tell whether the shell belongs to a kernel, so that a front end can show rich output.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that runs the cells; a terminal's shell has no kernel.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> has_kernel(InteractiveShell.instance())
    False
    """
    return getattr(shell, "kernel", None) is not None


def front_end(shell: InteractiveShell) -> FrontEnd:
    """Return the kind of front end that shows the cells, as far as a kernel can know.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that runs the cells.

    Returns
    -------
    str
        ``"jupyter"`` for whatever jupyter-server serves, ``"kernel"`` for a kernel that tells
        nothing about its front end (nbclient, papermill, a console).

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> front_end(InteractiveShell.instance())
    'terminal'
    """
    if not has_kernel(shell):
        return "terminal"
    if "google.colab" in sys.modules:
        return "colab"
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return "databricks"
    if _VSCODE_PATH in shell.user_ns:
        return "vscode"
    return "jupyter" if os.environ.get(_JUPYTER_PATH) else "kernel"


def notebook_path(shell: InteractiveShell) -> str | None:
    """Return the notebook's path or name as its front end gave it.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that runs the cells.

    Returns
    -------
    str or None
        None where the front end tells nothing; a kernel's name is not a notebook's.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> notebook_path(InteractiveShell.instance()) is None
    True
    """
    if not has_kernel(shell):
        return None
    path = shell.user_ns.get(_VSCODE_PATH)
    if isinstance(path, str) and path:
        return path
    return os.environ.get(_JUPYTER_PATH) or None


def kernel_id(shell: InteractiveShell) -> str | None:
    """Return the kernel's id, taken from the name of its connection file.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that runs the cells.

    Returns
    -------
    str or None
        The id that jupyter-server shows for the kernel; None without a kernel.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> kernel_id(InteractiveShell.instance()) is None
    True
    """
    if not has_kernel(shell):
        return None
    try:
        from ipykernel.connect import get_connection_file

        return Path(get_connection_file()).stem.removeprefix("kernel-") or None
    except Exception:  # a kernel that is not ipykernel, or has no connection file
        return None


def cell_id(info: object) -> str | None:
    """Return the id of the cell that IPython is about to run.

    Parameters
    ----------
    info : IPython.core.interactiveshell.ExecutionInfo
        What ``pre_run_cell`` is called with.

    Returns
    -------
    str or None
        None where the front end sends none (nbclient, a terminal).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> cell_id(SimpleNamespace(cell_id="5f2a"))
    '5f2a'
    """
    found = getattr(info, "cell_id", None)
    return found if isinstance(found, str) and found else None
