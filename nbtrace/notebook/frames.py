"""Finds out from the call stack whether a cell is running, and which.

A flag set when a cell starts would stay set if the cell's end were never told, and every later
cell would then be taken for a part of it. The stack cannot be wrong about this.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell

if TYPE_CHECKING:
    from types import FrameType

_run_cell_code = InteractiveShell.run_cell_async.__code__


def cell_frame(shell: InteractiveShell, *, skip: int = 0) -> FrameType | None:
    """Return the frame in which this thread runs a cell of the shell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell whose cells count; those of an embedding shell do not.
    skip : int
        How many such frames to leave out, counted from the innermost.

    Returns
    -------
    frame or None
        None when no cell runs.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> cell_frame(InteractiveShell.instance()) is None
    True
    """
    frame = _cell_frame_above(sys._getframe(1), shell)  # noqa: SLF001 - no public way up the stack
    while frame is not None and skip:
        frame = _cell_frame_above(frame.f_back, shell)
        skip -= 1
    return frame


def _cell_frame_above(frame: FrameType | None, shell: InteractiveShell) -> FrameType | None:
    while frame is not None:
        if frame.f_code is _run_cell_code and frame.f_locals.get("self") is shell:
            return frame
        frame = frame.f_back
    return None


def execution_count(shell: InteractiveShell) -> int | None:
    """Return the number of the running cell, as its prompt will show it.

    That is the notebook's cell, not one that it runs with ``run_cell`` inside. IPython 9 counts up
    before the cell's events and IPython 8 after the cell, but both have written the number into the
    cell's result by then.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that runs the cell.

    Returns
    -------
    int or None
        None for a cell that is not kept in the history.
    """
    frame = inner = cell_frame(shell)
    while inner is not None:
        frame = inner
        inner = _cell_frame_above(inner.f_back, shell)
    if frame is None:
        return None
    count: Any = getattr(frame.f_locals.get("result"), "execution_count", None)
    return count if isinstance(count, int) else None
