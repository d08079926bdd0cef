"""Keeps the tree in a cell whose code clears the cell's output.

Every streaming loop calls ``clear_output``, which takes away whatever the cell has shown, the tree
too. While a traced cell runs the guard sees its outputs pass and shows the tree again at the moment
it costs nothing: right after a clear that works at once, and for ``wait=True`` (which works at the
next output) right before that output, so that neither the tree nor the text is ever missing.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

_logger = logging.getLogger("nbtrace")

# A loop that clears often would have the front end rebuild the tree as often. It keeps the old
# picture meanwhile, but not while the first one is still being made: showing again at once is
# right then, and so is a pause of a second afterwards.
FIRST_SECONDS = 0.7
PAUSE_SECONDS = 1.0


class OutputGuard:
    """Watches the outputs of one running cell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell of a kernel; in a terminal there is nothing to guard.
    redisplay : callable
        Shows the tree again under the ids it has.
    clock : callable
        Seconds that only grow.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> guard = OutputGuard(InteractiveShell.instance(), redisplay=lambda: None)
    >>> guard.start()
    >>> guard.stop(failed=False)
    """

    def __init__(
        self,
        shell: InteractiveShell,
        redisplay: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shell = shell
        self._publisher: Any = shell.display_pub
        self._redisplay = redisplay
        self._clock = clock
        self._started = self._shown = clock()
        self._thread = threading.get_ident()
        # A clear with wait=True that the front end has and that has not worked yet.
        self._pending = False
        # The same clear held back here, while the tree is not on the page.
        self._held = False
        self._gone = False
        # Off while the tree itself is being shown, and outside start and stop.
        self._watching = False
        self._undo: list[Callable[[], object]] = []

    def start(self) -> None:
        """Begin to watch the outputs of the running cell."""
        # Not the publisher's own hooks: they are per thread, older kernels do not call them for a
        # clear, and an OutStream's run on another thread after the fact.
        self._wrap(self._publisher, "publish", self._on_publish)
        self._wrap(self._publisher, "clear_output", self._on_clear)
        for stream in (sys.stdout, sys.stderr):
            if type(stream).__module__.startswith("ipykernel."):
                self._wrap(stream, "write", self._on_output)
        # IPython sends a cell's last value by itself, past the publisher.
        self._wrap(self._shell.displayhook, "start_displayhook", self._on_output)
        self._watching = True

    def stop(self, *, failed: bool) -> None:
        """End the watch, and show the tree again if the cell's code took it away.

        Parameters
        ----------
        failed : bool
            Whether the cell ended in a traceback, which is an output no hook sees.
        """
        self._watching = False
        while self._undo:
            try:
                self._undo.pop()()
            except Exception:
                _logger.debug("could not stop watching the cell's output", exc_info=True)
        if failed and self._pending:
            self._gone = True
        # What is held back would only have worked at an output that never came.
        self._held = False
        if self._gone:
            self._show()

    def _wrap(self, owner: Any, name: str, first: Callable[..., bool]) -> None:
        original = getattr(owner, name)
        before = vars(owner).get(name)

        def watched(*arguments: Any, **keywords: Any) -> Any:
            passes = True
            if self._watching:
                try:
                    passes = first(*arguments, **keywords)
                except Exception:
                    _logger.debug("could not keep the tree in the cell's output", exc_info=True)
            return original(*arguments, **keywords) if passes else None

        def undo() -> None:
            # Somebody who wrapped it after us goes on calling `watched`, which then only passes on.
            if vars(owner).get(name) is not watched:
                return
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

        setattr(owner, name, watched)
        self._undo.append(undo)

    def _on_publish(self, *_arguments: Any, update: bool = False, **_keywords: Any) -> bool:
        # An update changes an output where it stands, and makes no waiting clear work.
        return update or self._on_output()

    def _on_clear(self, wait: bool = False) -> bool:  # noqa: FBT001, FBT002 - the publisher's own
        if _redirected():
            return True
        if wait and self._gone:
            # Showing the tree at the cell's end would be the output that makes this clear work,
            # and blank the text; so it goes out together with the next output.
            self._held = True
            return False
        self._held = False
        self._pending = wait
        if wait:
            return True
        self._clear(wait=False)
        self._gone = True
        if self._due():
            self._show()
        return False

    def _on_output(self, *_arguments: Any) -> bool:
        # Looking for a redirection takes time that grows with the number of widgets, and this
        # runs for every `print`.
        if not (self._pending or self._held or (self._gone and self._due())) or _redirected():
            return True
        if self._held:
            self._held = False
            self._clear(wait=True)
        if self._pending:
            self._pending = False
            self._gone = True
        if self._gone and self._due():
            self._show()
        return True

    def _due(self) -> bool:
        # A kernel displays from the thread of its cell only, and %%capture would swallow the tree.
        if self._thread != threading.get_ident() or self._shell.display_pub is not self._publisher:
            return False
        now = self._clock()
        return now - self._started < FIRST_SECONDS or now - self._shown >= PAUSE_SECONDS

    def _show(self) -> None:
        watching, self._watching = self._watching, False
        try:
            self._redisplay()
            self._gone = False
            self._shown = self._clock()
        finally:
            self._watching = watching

    def _clear(self, *, wait: bool) -> None:
        watching, self._watching = self._watching, False
        try:
            self._publisher.clear_output(wait=wait)
        finally:
            self._watching = watching


def _redirected() -> bool:
    """Tell whether an ``ipywidgets.Output`` takes the cell's outputs, and the clears, right now."""
    module = sys.modules.get("ipywidgets.widgets.widget_output")
    if module is None:
        return False
    widget = sys.modules["ipywidgets.widgets.widget"]
    # ipywidgets 8 keeps its widgets in the module, earlier ones in the class.
    instances = getattr(widget, "_instances", None) or getattr(module.Output, "widgets", {})
    return any(
        isinstance(item, module.Output) and item.msg_id for item in tuple(instances.values())
    )
