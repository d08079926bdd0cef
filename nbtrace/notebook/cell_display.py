"""Decides what a cell shows of its trace, and shows it.

One tree for each traced cell and never more: below a notebook cell the live tree, in a terminal the
finished tree as text. Nothing here may break the cell, so a tree that cannot be shown is left out
with a line in the log.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from nbtrace.config import options
from nbtrace.notebook.environment import has_kernel
from nbtrace.notebook.output_guard import OutputGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from nbtrace.widgets.source import TraceSource

_logger = logging.getLogger("nbtrace")


class CellDisplay:
    """The tree of one traced cell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that runs the cell.
    wanted : bool
        Whether the person asked for the tree; ``configure(display="never")`` overrules it.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> display = CellDisplay(InteractiveShell.instance(), wanted=False)
    >>> display.finish(failed=False)
    """

    def __init__(self, shell: InteractiveShell, *, wanted: bool) -> None:
        self._shell = shell
        self._wanted = wanted and options.display != "never"
        self._source: TraceSource | None = None
        self._tree: Any = None
        self._guard: OutputGuard | None = None

    def prepare(self) -> None:
        """Import what showing a tree needs, so that none of it counts as the trace's time."""
        if self._wanted and has_kernel(self._shell):
            with _logged("load the widget"):
                import nbtrace.widgets.span_tree  # noqa: F401 - for its effect on sys.modules

    def start(self, source: TraceSource | None) -> None:
        """Show the tree of a trace that has just begun.

        Parameters
        ----------
        source : TraceSource or None
            The running trace; None when it is not recorded (tracing is off, or sampled out).
        """
        self._source = source
        # Inside %%capture the tree waits for the end of the cell, where it can be seen.
        if self._wanted and source is not None and not self.captured:
            self._show(source)

    def finish(self, *, failed: bool) -> None:
        """Show the trace as it ended.

        Parameters
        ----------
        failed : bool
            Whether the cell ended in a traceback.
        """
        guard, self._guard = self._guard, None
        if guard is not None:
            with _logged("show the tree again"):
                guard.stop(failed=failed)
        if not self._wanted or self._source is None:
            return
        if self._tree is None:
            self._show(self._source, guarded=False)  # all there is to do for a trace that has ended
        else:
            with _logged("show the tree"):
                self._tree.finish()

    def _show(self, source: TraceSource, *, guarded: bool = True) -> None:
        with _logged("show the tree"):
            from nbtrace.widgets.display import TreeDisplay

            tree = TreeDisplay(source)
            tree.show()
            self._tree = tree
            if guarded and has_kernel(self._shell):
                self._guard = OutputGuard(self._shell, tree.redisplay)
                self._guard.start()

    @property
    def captured(self) -> bool:
        """Whether ``%%capture`` would swallow the tree if it were shown now."""
        from IPython.core.displaypub import CapturingDisplayPublisher

        return isinstance(self._shell.display_pub, CapturingDisplayPublisher)


def show_trace(trace_id: str) -> bool:
    """Show a trace as it is now, below a notebook cell or as text in a terminal.

    Parameters
    ----------
    trace_id : str
        Id of a trace of this process or in the store.

    Returns
    -------
    bool
        Whether there is such a trace.
    """
    from nbtrace.tracing.traces import get_trace
    from nbtrace.widgets.display import TreeDisplay

    trace = get_trace(trace_id, silent=True)
    if trace is None:
        return False
    TreeDisplay(trace).show()
    return True


@contextlib.contextmanager
def _logged(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        complain(what, error)


def complain(what: str, error: BaseException) -> None:
    """Tell in the log, and so below the cell, that something of nbtrace's own went wrong.

    Parameters
    ----------
    what : str
        What could not be done.
    error : BaseException
        Why; its text is left out of the line, as it may hold anything.
    """
    # A log handler that is broken, or an interrupt just now, must not stop the cell either.
    with contextlib.suppress(BaseException):
        _logger.warning("nbtrace could not %s: %s", what, type(error).__name__)
        _logger.debug("details", exc_info=error)
