"""The magics: ``%trace`` to switch and ask, ``%traces`` to search, ``%%trace`` in nested cells.

A ``%%trace`` cell normally never reaches the magic (see ``transformer.py``). It does inside a
cell that another magic runs, such as ``%%time`` above ``%%trace``, with options that are wrong, and
with an empty body.
"""

from __future__ import annotations

import ast
import inspect
import sys
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import (
    Magics,
    cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
    output_can_be_silenced,
)

from nbtrace.exceptions import NbtraceError
from nbtrace.notebook.arguments import LINE_USAGE, parse_cell_line, parse_on_line
from nbtrace.notebook.cell_display import complain, show_trace
from nbtrace.notebook.frames import execution_count
from nbtrace.notebook.search_display import show_table
from nbtrace.notebook.status import last_trace_id, status_text, tell_if_disabled
from nbtrace.notebook.traced_cell import TracedCell

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from nbtrace.notebook.cell_events import CellEvents


@magics_class
class TraceMagics(Magics):
    """``%trace``, ``%%trace`` and ``%traces`` of one shell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell the magics are registered with.
    events : CellEvents
        What ``%trace on`` and ``%trace off`` switch.
    """

    def __init__(self, shell: InteractiveShell, events: CellEvents) -> None:
        super().__init__(shell)
        self._shell = shell
        self._events = events

    @no_var_expand
    @line_magic("trace")  # type: ignore[arg-type]
    def trace_line(self, line: str) -> None:
        """Switch tracing of every cell on or off, show the last trace, or tell how things are.

        ``%trace on [--tag key=value ...] [--experiment name] [--no-display]`` traces every cell
        from the next one on, ``%trace off`` only those that say ``%%trace``, ``%trace autolog
        [library ...] [--off]`` traces the calls of libraries, ``%trace last`` shows the newest
        trace, ``%trace diff [before] [after]`` compares two traces by their ids, or the newest one
        with the run before it, and ``%trace status`` (or ``%trace`` alone) prints where traces go.
        """
        command, _, rest = line.strip().partition(" ")
        if command == "on":
            self._events.every_cell = parse_on_line(rest)
            off = _off_notice()
            _print(
                f"{off} Then every cell is traced."
                if off
                else "Every cell is traced from the next one on; %trace off ends it."
            )
            return
        if command == "autolog":
            _autolog(rest.split())
            return
        if command == "diff":
            _show_diff(rest.split())
            return
        if rest.strip() or command not in {"", "off", "last", "status"}:
            msg = f"%trace does not know {line.strip()!r}; usage: {LINE_USAGE}"
            raise UsageError(msg)
        if command == "off":
            self._events.every_cell = None
            _print("Only cells with %%trace are traced now.")
        elif command == "last":
            found = last_trace_id()
            if found is None or not show_trace(found):
                _print("There is no trace yet; put %%trace on the first line of a cell.")
        else:
            _print(status_text(self._shell, every_cell=self._events.every_cell))

    @no_var_expand
    @line_magic("traces")  # type: ignore[arg-type]
    def traces(self, line: str) -> None:
        """Show the traces that satisfy a filter as a table, all traces without one.

        ``%traces [filter]``, such as ``%traces state = 'ERROR' AND execution_time > 500``.
        """
        show_table(line.strip())

    @no_var_expand
    @output_can_be_silenced
    @cell_magic("trace")  # type: ignore[arg-type]
    def trace_cell(self, line: str, cell: str) -> object:
        """Trace what the cell does and show it as a tree, live.

        ``%%trace [name] [--tag key=value ...] [--experiment name] [--no-display]``

        ``name`` names the trace (quote a name with spaces; ``In [n]`` without it), ``--tag`` sets
        a tag of the trace and may be repeated, ``--experiment`` files the trace under an
        experiment, and ``--no-display`` records without showing the tree.
        """
        arguments = parse_cell_line(line)
        if not cell.strip():
            msg = "%%trace has no code below it to trace"
            raise UsageError(msg)
        __tracebackhide__ = True  # the person's traceback is about the person's code
        count = execution_count(self._shell)
        run = self._compile(cell, count)
        if self._events.tracing_cell:
            from nbtrace.tracing.spans import start_span

            # One cell has one trace: what is nested in it is a span of it.
            with start_span(arguments.name or "%%trace"):
                return run()
        tell_if_disabled()
        traced = TracedCell(
            self._shell,
            arguments,
            source=f"%%trace {line}".rstrip() + "\n" + cell,
            cell_id=self._events.cell_id,
            execution_count=count,
        )
        try:
            value = run()
        except BaseException as error:
            self._end(traced, error=error)
            raise
        self._end(traced, value=value)
        return value

    def _end(
        self, traced: TracedCell, *, value: object = None, error: BaseException | None = None
    ) -> None:
        try:
            traced.end(value=value, error=error)
            failed = error is not None
            if traced.display.captured:
                self._events.after_cell(lambda: traced.display.finish(failed=failed))
            else:
                traced.display.finish(failed=failed)
        except Exception as problem:
            complain("end the trace of this cell", problem)

    def _compile(self, cell: str, count: int | None) -> Callable[[], object]:
        """Compile a cell's body so that running it gives the value of its last expression."""
        shell: Any = self._shell
        code = shell.transform_cell(cell)
        file = shell.compile.cache(code, count or 0, raw_code=cell)
        tree = shell.transform_ast(shell.compile.ast_parse(code, filename=file))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        flags = shell.compile.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        body = compile(tree, file, "exec", flags, dont_inherit=True)
        value = last and compile(ast.Expression(last.value), file, "eval", flags, dont_inherit=True)
        if any(part and part.co_flags & inspect.CO_COROUTINE for part in (body, value)):
            msg = (
                "%%trace cannot await inside another magic; "
                "put %%trace on the first line of the cell, above the other magic"
            )
            raise UsageError(msg)

        def run() -> object:
            __tracebackhide__ = True
            spaces = shell.user_global_ns, shell.user_ns
            exec(body, *spaces)  # noqa: S102 - the user's own cell
            return eval(value, *spaces) if value else None  # noqa: S307 - as above

        return run


def _show_diff(ids: list[str]) -> None:
    """Compare two traces, or one with the run before it."""
    from IPython.display import display

    from nbtrace.tracing.traces import flush_traces
    from nbtrace.widgets.trace_diff import compare_traces

    newest = last_trace_id()
    if not ids and newest is not None:
        ids = [newest]
    if not 1 <= len(ids) <= 2:  # noqa: PLR2004 - two sides
        msg = f"%trace diff takes at most two ids of traces; usage: {LINE_USAGE}"
        raise UsageError(msg if ids else "There is no trace yet to compare")
    flush_traces()
    try:
        display(compare_traces(*ids))  # type: ignore[no-untyped-call]
    except NbtraceError as error:
        raise UsageError(error.message) from error


def _autolog(words: list[str]) -> None:
    from IPython.display import display

    from nbtrace.tracing.autolog import autolog

    libraries = [word for word in words if word != "--off"]
    try:
        table = autolog(*libraries, disable="--off" in words)
    except NbtraceError as error:
        raise UsageError(error.message) from None
    display(table)  # type: ignore[no-untyped-call]


def _off_notice() -> str:
    from nbtrace.tracing.starting import switch

    return switch.notice()


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
