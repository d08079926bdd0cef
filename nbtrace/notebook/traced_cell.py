"""A running cell that is traced: its root span and its tree, started and ended together.

The cell events and the fallback magic both use it, the first around a normal run of the cell, the
second around code it runs itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from nbtrace.notebook.cell_display import CellDisplay
from nbtrace.notebook.environment import kernel_id, notebook_path

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbtrace.notebook.arguments import TraceArguments


class TracedCell:
    """The trace of one run of a cell, from just before its code until its output is complete.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that runs the cell.
    arguments : TraceArguments
        What the ``%%trace`` or ``%trace on`` line asked for.
    source : str
        The cell as it was typed.
    cell_id : str or None
        The front end's id of the cell.
    execution_count : int or None
        The number in the cell's prompt; None for a cell outside the history.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        arguments: TraceArguments,
        *,
        source: str,
        cell_id: str | None,
        execution_count: int | None,
    ) -> None:
        from nbtrace.tracing.cells import start_cell

        count = " " if execution_count is None else execution_count
        self._execution_count = execution_count
        self.display = CellDisplay(shell, wanted=arguments.display)
        self.display.prepare()
        self._cell = start_cell(
            arguments.name or f"In [{count}]",
            source=source,
            tags=arguments.tags,
            experiment=arguments.experiment,
            cell_id=cell_id,
            execution_count=execution_count,
            notebook=notebook_path(shell),
            kernel=kernel_id(shell),
        )
        self.display.start(self._cell.source)
        self._shell = shell
        self._watch_tracebacks()
        # Showing the tree takes milliseconds that are not the cell's.
        self._cell.restart_clock()

    def _watch_tracebacks(self) -> None:
        """Note when IPython begins to print a traceback: rendering it is not the cell's time."""
        show = self._shell.showtraceback

        def stop_and_show(*args: Any, **kwargs: Any) -> Any:
            self._cell.stop_clock()
            return show(*args, **kwargs)

        self._stop_and_show = stop_and_show
        vars(self._shell)["showtraceback"] = stop_and_show

    def _unwatch_tracebacks(self) -> None:
        # whoever has put another function there since keeps it
        if vars(self._shell).get("showtraceback") is self._stop_and_show:
            del vars(self._shell)["showtraceback"]

    def end(
        self,
        *,
        value: object = None,
        error: BaseException | None = None,
        interrupted: bool = False,
        execution_count: int | None = None,
    ) -> None:
        """End the root span; the trace is on disk afterwards.

        Parameters
        ----------
        value : object, optional
            The cell's last value; None, which a cell does not show, is none.
        error : BaseException, optional
            What ended the cell.
        interrupted : bool
            Whether the person interrupted it. An error that says so is enough.
        execution_count : int, optional
            The number in the prompt, where it was not known at the start.
        """
        self._unwatch_tracebacks()
        ending: dict[str, Any] = {} if value is None else {"result": value}
        self._cell.end(
            **ending,
            error=error,
            interrupted=interrupted
            or isinstance(error, KeyboardInterrupt | asyncio.CancelledError),
            execution_count=execution_count or self._execution_count,
        )
