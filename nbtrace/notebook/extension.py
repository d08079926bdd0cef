"""``%load_ext nbtrace``: puts the transformer, the cell events and the magics into a shell.

What was installed is kept on the shell itself, so that loading twice, ``%reload_ext`` and a module
imported anew all find it and replace it instead of tracing every cell twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.notebook.cell_events import CellEvents
from nbtrace.notebook.magics import TraceMagics
from nbtrace.notebook.transformer import TraceLineTransformer

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_ATTRIBUTE = "nbtrace_extension"


class Extension:
    """What nbtrace has put into one shell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell of the notebook or the terminal.

    Attributes
    ----------
    events : CellEvents
        The callbacks around every cell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._transformer = TraceLineTransformer(shell)
        self.events = CellEvents(shell)

    def install(self) -> None:
        """Take part in the shell's cells from the next one on."""
        self._shell.input_transformers_cleanup.append(self._transformer)
        self.events.register()
        self._shell.register_magics(TraceMagics(self._shell, self.events))

    def remove(self) -> None:
        """Take no part any more; a cell that runs now is still traced to its end."""
        transformers = self._shell.input_transformers_cleanup
        if self._transformer in transformers:
            transformers.remove(self._transformer)
        self.events.unregister()
        for kind in ("line", "cell"):
            for name in ("trace", "traces"):
                self._shell.magics_manager.magics[kind].pop(name, None)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Load nbtrace into a shell; ``%load_ext nbtrace`` calls it.

    It sets no OpenTelemetry provider and opens no store: the first traced cell does.

    Parameters
    ----------
    shell : InteractiveShell
        The shell of the notebook or the terminal.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> shell = InteractiveShell.instance()
    >>> load_ipython_extension(shell)
    >>> "trace" in shell.magics_manager.magics["cell"]
    True
    >>> unload_ipython_extension(shell)
    """
    every_cell = None
    if (before := vars(shell).get(_ATTRIBUTE)) is not None:
        every_cell = before.events.every_cell
        before.remove()
    extension = Extension(shell)
    extension.events.every_cell = every_cell
    vars(shell)[_ATTRIBUTE] = extension
    extension.install()


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take nbtrace out of a shell again; ``%unload_ext nbtrace`` calls it.

    Parameters
    ----------
    shell : InteractiveShell
        A shell; nothing happens in one without nbtrace.
    """
    extension = vars(shell).pop(_ATTRIBUTE, None)
    if extension is not None:
        extension.remove()
