"""Shows a tree in a cell: the static one, and after it the live one, as two outputs.

Two outputs, because one that holds both shows "model not found" in a trusted notebook reopened the
next day. The static output carries a style sheet that shows the one or the other. Both have display
ids: the static tree of a running cell is made anew when the cell ends, without drawing the live one
again, and both can be shown again after the cell's code has cleared its output.
"""

from __future__ import annotations

import logging
import sys
import uuid
from typing import TYPE_CHECKING, Any

from nbtrace.config import options
from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.html import brief_html, static_html
from nbtrace.widgets.overview import (
    NAME_CHARACTERS,
    RUNNING_WHEN_SAVED,
    one_line,
    overview_of,
)
from nbtrace.widgets.saved_notebook import MARK
from nbtrace.widgets.source import source_of
from nbtrace.widgets.text import fenced, terminal_tree

if TYPE_CHECKING:
    from nbtrace.entities.trace import Trace
    from nbtrace.widgets.base import NotebookWidget
    from nbtrace.widgets.overview import Overview
    from nbtrace.widgets.source import TraceSource
    from nbtrace.widgets.span_tree import SpanTree

_logger = logging.getLogger("nbtrace")

# Saved beside the HTML, twice, and counted against the same budget.
TEXT_ROWS = (40, 20, 10)
TEXT_BYTES = 5_000
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# A loop that displays a hundred traces must not make a hundred widgets (mlflow#12110).
TREES_PER_CELL = 10


class _Shown:
    """How many trees the running cell shows."""

    cell: tuple[int, int] | None = None
    count = 0


class TreeDisplay:
    """One tree in one cell.

    Parameters
    ----------
    source : TraceSource or Trace
        The trace.
    tree : SpanTree, optional
        The widget, where there is one already.

    Examples
    --------
    >>> from nbtrace.entities import Span, Trace
    >>> trace = Trace.from_spans([Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask",
    ...                                start_time_ns=1, end_time_ns=2)])
    >>> TreeDisplay(trace).present()
    False
    """

    def __init__(self, source: TraceSource | Trace, *, tree: SpanTree | None = None) -> None:
        self._source = source_of(source)
        self._tree = tree
        self._key = tree.key if tree else uuid.uuid4().hex[:12]
        self._shown = False
        self._text_only = False

    @property
    def tree(self) -> SpanTree | None:
        """The widget, None while nothing is shown and where there is none."""
        return self._tree

    def present(self) -> bool:
        """Tell whether the tree has been shown."""
        return self._shown

    def show(self) -> None:
        """Show the tree as the next outputs of the cell; in a terminal it is printed at the end."""
        if not in_kernel():
            self._shown = True
            if self._source.finished:
                _print(self._source)
            return
        self._shown = True
        # A tree that a person made is shown in any case.
        if self._tree is None and not _take_place():
            self._text_only = True
            self._show_line()
            return
        self._make_tree()
        # Reading a large trace for the static form takes longer than drawing its first rows.
        self._show_brief()
        self._show_widget()
        if self._source.finished:
            self._update_static()

    def redisplay(self) -> None:
        """Show the tree again under the same ids, after the cell's output was cleared."""
        if not self._shown or not in_kernel():
            return
        if self._text_only:
            self._show_line()
            return
        self._show_brief()
        self._show_widget()

    def finish(self, trace: Trace | None = None) -> None:
        """Bring the live and the static tree to their last state.

        Parameters
        ----------
        trace : Trace, optional
            The finished trace, where it is at hand; else the source is read once more.
        """
        if trace is not None:
            self._source = source_of(trace)
        if not self._shown:
            return
        if not in_kernel():
            _print(self._source)
            return
        if self._text_only:
            return
        # The static tree first: afterwards the live one may let go of the spans.
        self._update_static()
        if self._tree is not None:
            self._tree.finish(trace)

    def _make_tree(self) -> None:
        if self._tree is not None:
            return
        from nbtrace.widgets.span_tree import SpanTree

        try:
            self._tree = SpanTree(self._source)
            self._key = self._tree.key
        except NbtraceError as error:
            # Without its front end the static tree is what there is; the cell runs all the same.
            _logger.warning("%s", error)

    def _show_brief(self) -> None:
        name = one_line(self._source.name, NAME_CHARACTERS)
        bundle = _forms(brief_html(name, self._key), f"{name} · {RUNNING_WHEN_SAVED}")
        _display(bundle, f"nbtrace-static-{self._key}", update=False)

    def _update_static(self) -> None:
        bundle = _static_forms(overview_of(self._source), self._key)
        _display(bundle, f"nbtrace-static-{self._key}", update=True)

    def _show_widget(self) -> None:
        if self._tree is not None:
            view = {"version_major": 2, "version_minor": 0, "model_id": self._tree.model_id}
            # An empty text: what a front end without widgets shows is the static tree above.
            _display({WIDGET_VIEW: view, "text/plain": ""}, f"nbtrace-{self._key}", update=False)

    def _show_line(self) -> None:
        line = (
            f"{overview_of(self._source).headline}\n"
            f"nbtrace.SpanTree(nbtrace.get_trace({self._source.trace_id!r})) shows it; "
            f"a cell shows {TREES_PER_CELL} trees by itself."
        )
        _display({"text/plain": line}, f"nbtrace-line-{self._key}", update=False)


def mimebundle(
    trace: Trace,
    include: Any = None,  # noqa: ARG001 - IPython's signature
    exclude: Any = None,  # noqa: ARG001 - IPython's signature
) -> dict[str, Any]:
    """Return what a front end shows for a trace: the static tree, as HTML, Markdown and text.

    Parameters
    ----------
    trace : Trace
        The trace.
    include, exclude : object
        What IPython asks for; it filters by itself.

    Returns
    -------
    dict
        Data by MIME type.
    """
    return _static_forms(overview_of(trace))


def show_trace(trace: Trace) -> None:
    """Show a finished trace in the cell, live and static."""
    TreeDisplay(trace).show()


def show_widget(widget: NotebookWidget, static: str, text: str) -> None:
    """Show a widget as the next outputs of the cell: its static form, and after it the live one.

    Parameters
    ----------
    widget : NotebookWidget
        The widget.
    static : str
        Its static HTML, made with the widget's key.
    text : str
        What front ends without HTML show.
    """
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    _display(_forms(static, text), f"nbtrace-static-{widget.key}", update=False)
    _display({WIDGET_VIEW: view, "text/plain": ""}, f"nbtrace-{widget.key}", update=False)


def in_kernel() -> bool:
    """Tell whether outputs go to a notebook's page and not to a terminal."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module else None
    return shell is not None and hasattr(shell, "kernel")


def _static_forms(overview: Overview, key: str = "") -> dict[str, str]:
    """Return the static tree; its text must not say what the HTML is not to hold."""
    overview = overview.to_save()
    text = overview.headline
    for rows in TEXT_ROWS if options.saved == "full" else ():
        tree = terminal_tree(overview, rows)
        if len(tree.encode("utf-8", "replace")) <= TEXT_BYTES:
            text = tree
            break
    return _forms(static_html(overview, key), text)


def _forms(page: str, text: str) -> dict[str, str]:
    """Return what is saved: HTML for pages, Markdown for what reads a notebook, and text.

    Front ends prefer them in this order.
    """
    return {"text/html": page, "text/markdown": fenced(text), "text/plain": text}


def _take_place() -> bool:
    """Count a tree of the running cell; return whether there is room for it."""
    shell: Any = sys.modules["IPython"].get_ipython()
    cell = (id(shell), shell.execution_count)
    if _Shown.cell != cell:
        _Shown.cell, _Shown.count = cell, 0
    _Shown.count += 1
    return _Shown.count <= TREES_PER_CELL


def _display(bundle: dict[str, Any], display_id: str, *, update: bool) -> None:
    from IPython.display import display

    show: Any = display
    show(bundle, raw=True, display_id=display_id, update=update, metadata={MARK: {}})


def _print(source: TraceSource) -> None:
    print(terminal_tree(source))  # noqa: T201 - a terminal's way of showing
