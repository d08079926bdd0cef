"""Traces cells around IPython's own run of them: ``pre_run_cell`` starts, ``post_run_cell`` ends.

The events say when a cell begins and ends but do not touch how it runs, so a traced cell behaves as
it would without the trace. They must never raise: IPython answers an exception in a callback by
printing the cell's result, user values included, and a value whose ``__repr__`` raises then leaves
the cell running for ever.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrace.config import options
from nbtrace.notebook.cell_display import complain, show_trace
from nbtrace.notebook.environment import cell_id
from nbtrace.notebook.frames import cell_frame, execution_count
from nbtrace.notebook.status import last_trace_id, tell_if_disabled
from nbtrace.notebook.traced_cell import TracedCell
from nbtrace.notebook.transformer import has_code, traced_arguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import (
        ExecutionInfo,
        ExecutionResult,
        InteractiveShell,
    )

    from nbtrace.notebook.arguments import TraceArguments

# A cell that only switches tracing or asks about it, or says %%trace above nothing.
_trace_command = re.compile(r"\s*%%?trace\b")


@dataclass(slots=True)
class _Run:
    """A cell between its two events, and its trace if it has one."""

    info: ExecutionInfo
    traced: TracedCell | None
    last_trace_id: str | None


class CellEvents:
    """The callbacks of one shell, and what ``%trace on`` switched on.

    Parameters
    ----------
    shell : InteractiveShell
        The shell whose cells are traced.

    Attributes
    ----------
    every_cell : TraceArguments or None
        The options of ``%trace on``; None while only cells with ``%%trace`` are traced.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> events = CellEvents(InteractiveShell.instance())
    >>> events.register()
    >>> events.unregister()
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._runs = threading.local()
        self._leaving = False
        self.every_cell: TraceArguments | None = None

    def register(self) -> None:
        """Ask IPython to call back around every cell."""
        self._shell.events.register("pre_run_cell", self.pre_run_cell)
        self._shell.events.register("post_run_cell", self.post_run_cell)

    def unregister(self) -> None:
        """Ask IPython to call back no more; a cell that runs now is still traced to its end."""
        self._shell.events.unregister("pre_run_cell", self.pre_run_cell)
        self._leaving = True
        self._leave()

    def _leave(self) -> None:
        if self._leaving and not self._running():
            self._leaving = False
            self._shell.events.unregister("post_run_cell", self.post_run_cell)

    @property
    def tracing_cell(self) -> bool:
        """Whether the cell that runs in this thread is being traced."""
        return any(run.traced for run in self._running())

    @property
    def cell_id(self) -> str | None:
        """The front end's id of the cell that runs in this thread."""
        runs = self._running()
        return cell_id(runs[-1].info) if runs else None

    def after_cell(self, show: Callable[[], object]) -> None:
        """Call something at the end of the running cell, where its output can be seen.

        Parameters
        ----------
        show : callable
            What to call, without arguments; at once when no cell runs.
        """
        if self._running():
            self._waiting().append(show)
        else:
            show()

    def pre_run_cell(self, info: ExecutionInfo) -> None:
        """Start the trace of a cell that asks for one.

        Parameters
        ----------
        info : ExecutionInfo
            What IPython is about to run.
        """
        try:
            # The innermost frame is this cell's own; a second one means that a cell runs this one,
            # as %run and some magics do, and it is a part of that cell.
            if cell_frame(self._shell, skip=1) is None:
                self._running().append(self._start(info))
        except BaseException as error:
            complain("trace this cell", error)

    def post_run_cell(self, result: ExecutionResult | None) -> None:
        """End the trace of the cell that has ended.

        Parameters
        ----------
        result : ExecutionResult or None
            How the cell ended; None when an interrupt ended an ``await``.
        """
        try:
            if cell_frame(self._shell) is None:
                run = self._take(result)
                if run is not None:
                    self._end(run, result)
                self._leave()
        except BaseException as error:
            complain("end the trace of this cell", error)

    def _start(self, info: ExecutionInfo) -> _Run:
        source = info.raw_cell or ""
        arguments = self._arguments(source)
        traced = None
        if arguments is not None:
            if arguments is not self.every_cell:
                tell_if_disabled()
            traced = TracedCell(
                self._shell,
                arguments,
                source=source,
                cell_id=cell_id(info),
                execution_count=execution_count(self._shell),
            )
        watches = traced is None and options.display == "always"
        return _Run(info, traced, last_trace_id() if watches else None)

    def _arguments(self, raw_cell: str) -> TraceArguments | None:
        found = traced_arguments(raw_cell)
        if found is None and self.every_cell is not None and _does_something(raw_cell):
            return self.every_cell
        return found

    def _take(self, result: ExecutionResult | None) -> _Run | None:
        """Remove and return the run that a result belongs to.

        A loop runner that raises makes IPython build a second info for the same cell, and an
        interrupted ``await`` has no result at all.
        """
        runs = self._running()
        info: Any = result and result.info
        matches = [run for run in runs if info is None or run.info is info] or [
            run for run in runs if run.info.raw_cell == info.raw_cell
        ]
        if not matches:
            return None
        runs.remove(matches[-1])
        return matches[-1]

    def _end(self, run: _Run, result: ExecutionResult | None) -> None:
        error = result and (result.error_before_exec or result.error_in_exec)
        failed = result is None or error is not None
        if run.traced is not None:
            ending: dict[str, Any] = {
                "value": result and result.result,
                "error": error,
                "interrupted": result is None,
                "execution_count": result and result.execution_count,
            }
            try:
                run.traced.end(**ending)
            except KeyboardInterrupt:  # came while ending; the trace still has to
                run.traced.end(**ending)
            run.traced.display.finish(failed=failed)
        waiting = self._waiting()
        while waiting:
            waiting.pop(0)()
        if run.traced is None and options.display == "always":
            last = last_trace_id()
            if last is not None and last != run.last_trace_id:
                show_trace(last)

    def _running(self) -> list[_Run]:
        runs: list[_Run] = vars(self._runs).setdefault("running", [])
        return runs

    def _waiting(self) -> list[Callable[[], object]]:
        waiting: list[Callable[[], object]] = vars(self._runs).setdefault("waiting", [])
        return waiting


def _does_something(raw_cell: str) -> bool:
    lines = raw_cell.splitlines()
    return has_code([line for line in lines if not _trace_command.match(line)])
