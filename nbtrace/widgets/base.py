"""What every widget of nbtrace shares: the front end's module and the answers to its page.

A widget's state is saved with the notebook, so it holds a loader of 2 kB; the module that draws is
pushed as a custom message, which nobody saves. A page asks with a request message that names a
method and its parameters; ``_methods`` says who answers. Nothing that a widget shows while a cell
runs may need an answer, since the kernel may be busy.
"""

from __future__ import annotations

import logging
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
import traitlets
from anywidget import AnyWidget

from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.bundle import front_end, in_marimo

if TYPE_CHECKING:
    from collections.abc import Callable

_logger = logging.getLogger("nbtrace")

# A page keeps the bundle; a new tab an hour later has none, and cannot ask a busy kernel.
HAVE_HOLDS_SECONDS = 600.0
THEMES = ("auto", "light", "dark")


class _Pushes:
    """What the pages of this kernel have been sent: one push of the bundle per cell is enough."""

    cell: int | None = None
    had_at: float = float("-inf")


class NotebookWidget(AnyWidget):
    """A widget whose module is pushed and whose page asks by method.

    Parameters
    ----------
    view : str
        What the module is to draw; a key of ``VIEWS`` in ``widget.tsx``.
    theme : {"auto", "light", "dark"}
        Colours; ``auto`` follows the front end.
    **state
        Further traits.

    Raises
    ------
    NbtraceError
        For an unknown theme, and when this installation has no front end.
    """

    _esm = traitlets.Unicode("").tag(sync=True)
    _bundle = traitlets.Unicode("").tag(sync=True)
    _key = traitlets.Unicode("").tag(sync=True)
    _view = traitlets.Unicode("").tag(sync=True)
    theme = traitlets.Unicode("auto").tag(sync=True)

    _pushes: ClassVar[_Pushes] = _Pushes()

    def __init__(self, view: str, *, theme: str = "auto", **state: Any) -> None:
        if theme not in THEMES:
            message = f"theme must be one of {', '.join(THEMES)}; got {theme!r}"
            raise NbtraceError.invalid(message)
        bundle = front_end()
        super().__init__(
            _esm=self._module(),
            _bundle=bundle.hash,
            _key=uuid.uuid4().hex[:12],
            _view=view,
            theme=theme,
            **state,
        )
        self.on_msg(_receive)
        self._push_once()

    @property
    def key(self) -> str:
        """What marks this widget's elements in a page: class ``nbt-<key>``."""
        return str(self._key)

    def _module(self) -> str:
        """Return the module that front ends import for this widget."""
        bundle = front_end()
        return bundle.text if in_marimo() else bundle.loader

    def _methods(self) -> dict[str, Callable[..., object]]:
        """Return who answers each method of the page; parameters are given by keyword."""
        return {}

    def _snapshot(self) -> None:
        """Send a page that came late all it lacks."""

    def _push_once(self) -> None:
        """Push the bundle, unless a page has it or this cell has pushed it."""
        cell = _execution_count()
        pushes = self._pushes
        held = time.monotonic() - pushes.had_at < HAVE_HOLDS_SECONDS
        if not in_marimo() and not held and (cell is None or pushes.cell != cell):
            pushes.cell = cell
            self._push()

    def _push(self) -> None:
        bundle = front_end()
        self.send({"kind": "bundle", "hash": bundle.hash}, buffers=[bundle.packed])

    def _answer(self, content: dict[str, Any]) -> None:
        """Answer a page; it may come on another thread, while user code runs."""
        kind = content.get("kind")
        if kind == "have":
            self._pushes.had_at = time.monotonic()
        elif kind == "want":
            self._pushes.had_at = float("-inf")
            self._push()
        elif kind == "snapshot":
            self._snapshot()
        elif kind == "request":
            self._respond(content)

    def _respond(self, content: dict[str, Any]) -> None:
        answer: dict[str, Any] = {
            "kind": "response",
            "id": content.get("id"),
            "error": None,
            "binary": False,
        }
        buffers: list[bytes] = []
        try:
            result = self._result(content)
            answer["binary"] = isinstance(result, bytes)
            buffers.append(result if isinstance(result, bytes) else orjson.dumps(result))
        except Exception as error:
            _logger.debug("could not answer the page", exc_info=True)
            answer["error"] = str(error) or type(error).__name__
        self.send(answer, buffers=buffers)

    def _result(self, request: dict[str, Any]) -> object:
        name = request.get("method")
        method = self._methods().get(str(name))
        if method is None:
            message = f"unknown method {name!r}; reload the page to match the kernel"
            raise NbtraceError.invalid(message)
        return method(**request.get("params", {}))


def _receive(widget: NotebookWidget, content: Any, _buffers: Any) -> None:
    if isinstance(content, dict):
        widget._answer(content)  # noqa: SLF001 - the callback of this module's own class


def _execution_count() -> int | None:
    """Return the number of the cell that runs, None outside of IPython."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module else None
    return None if shell is None else int(shell.execution_count)
