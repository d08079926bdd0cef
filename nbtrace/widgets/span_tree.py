"""The live span tree: one widget, whose rows travel as messages.

A widget's state is saved with the notebook, so it holds a summary and the first rows; the others
travel as custom messages, as does whatever a person asks for. A daemon thread looks for changes at
most ten times a second, and less often where looking takes long, so that it never costs more than
a tenth of a core.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import traitlets

from nbtrace.entities.figures import count
from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.base import NotebookWidget
from nbtrace.widgets.detail_requests import DetailRequests
from nbtrace.widgets.feed import RowFeed
from nbtrace.widgets.source import StoredTrace, TraceSource, source_of
from nbtrace.widgets.span_search import search_spans
from nbtrace.widgets.tree_requests import TreeRequests

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.entities.span import Span
    from nbtrace.entities.trace import Trace
    from nbtrace.widgets.detail_messages import Details
    from nbtrace.widgets.messages import Found

_logger = logging.getLogger("nbtrace")

# Ten pictures a second look continuous in a tree; each costs the kernel a message.
INTERVAL_SECONDS = 0.1
# Looking for changes takes at most this share of the time.
SHARE = 0.1
# A page that hears nothing for three of these says so: the kernel may have died.
HEARTBEAT_SECONDS = 5.0
# Tasks go on after their cell; one whose first span comes later than this is not waited for.
LATE_SECONDS = 60.0


class SpanTree(NotebookWidget):
    """The tree and timeline of a trace, live while it runs.

    Parameters
    ----------
    trace : Trace or TraceSource
        The trace to show.
    theme : {"auto", "light", "dark"}
        Colours; ``auto`` follows the front end.

    Raises
    ------
    NbtraceError
        When ``trace`` is not a trace, for an unknown keyword or theme, and when this installation
        has no front end.

    Examples
    --------
    >>> from nbtrace.entities import Span, Trace
    >>> trace = Trace.from_spans([Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask",
    ...                                start_time_ns=1, end_time_ns=2)])
    >>> tree = SpanTree(trace)
    >>> tree.selected_id = "0b" * 8
    >>> tree.selected.name
    'ask'
    """

    _summary = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    _columns = traitlets.Bytes(b"").tag(sync=True)
    _texts = traitlets.Unicode("").tag(sync=True)
    selected_id = traitlets.Unicode("").tag(sync=True)
    """Span id of the selected row, empty when none is selected."""

    def __init__(self, trace: Trace | TraceSource, *, theme: str = "auto", **unknown: Any) -> None:
        if unknown:
            message = (
                f"SpanTree has no option {', '.join(map(repr, sorted(unknown)))}; "
                "its options are trace and theme"
            )
            raise NbtraceError.invalid(message)
        self._source = source_of(trace)
        self._detail_requests = DetailRequests(lambda: self._source, self.send)
        self._tree_requests = TreeRequests(lambda: self._source)
        self._feed = RowFeed(self._source)
        self._ended = threading.Event()
        self._closed = threading.Event()
        self._sent_at = float("-inf")
        self._told_end = False
        state = self._feed.saved_state()
        super().__init__(
            "tree",
            theme=theme,
            _summary=dict(state.summary),
            _columns=state.columns,
            _texts=state.texts,
        )
        self._start()

    @property
    def selected(self) -> Span | None:
        """The selected span with all it holds, None when none is selected."""
        return self._source.span(self.selected_id) if self.selected_id else None

    @selected.setter
    def selected(self, span: Span | str | None) -> None:
        self.selected_id = span if isinstance(span, str) else "" if span is None else span.span_id

    def finish(self, trace: Trace | None = None) -> None:
        """Send what is left, now that the trace has ended.

        Parameters
        ----------
        trace : Trace, optional
            The finished trace, where it is at hand; else the source is read once more.
        """
        self._ended.set()
        if trace is not None:
            self._source = source_of(trace)
            self._feed.replace(self._source)
        self._flush(finished=True, anyway=True)
        self._save()
        if self._feed.live and trace is None:
            self._start_following(_follow_late)
        else:
            self._let_go()

    def _save(self) -> None:
        """Bring the state that front ends save to what is known now."""
        state = self._feed.saved_state()
        with self.hold_sync():
            self._summary = dict(state.summary)
            self._columns = state.columns
            self._texts = state.texts

    def _let_go(self) -> None:
        """End: nothing more will come."""
        if self._feed.live:
            self._feed.live = False
            self._flush(finished=True, anyway=True)
            self._save()
        self._forget_spans()

    def close(self) -> None:
        """Stop following the trace and close the widget."""
        # ipywidgets closes whatever it deletes, also a tree whose arguments were refused.
        if hasattr(self, "_ended"):
            self._ended.set()
            self._closed.set()
        super().close()

    def __repr__(self) -> str:
        return f"SpanTree({self._source.name!r}, {count(self._feed.spans, 'span')})"

    def _ipython_display_(self, **_: Any) -> None:
        from nbtrace.widgets.display import TreeDisplay

        TreeDisplay(self._source, tree=self).show()

    # Rows

    def _start(self) -> None:
        self._flush(first=True)
        if self._source.finished and not self._feed.waiting:
            return
        if not self._start_following(_follow):
            self._flush()

    def _start_following(self, follow: Callable[[weakref.ref[SpanTree]], None]) -> bool:
        """Follow the trace on a thread; without threads (Pyodide) the rest comes with `finish`."""
        thread = threading.Thread(
            target=follow, args=(weakref.ref(self),), name="nbtrace-tree", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            return False
        return True

    def _flush(self, *, first: bool = False, finished: bool = False, anyway: bool = False) -> bool:
        """Send new rows, or a sign of life; return whether the trace goes on."""
        with self._feed.lock:
            done = finished or self._source.finished
            silent = time.monotonic() - self._sent_at > HEARTBEAT_SECONDS
            saying = anyway or silent or (done and not self._told_end)
            for message, buffers in self._feed.messages(first=first, finished=done, anyway=saying):
                self.send(message, buffers=buffers)
                self._sent_at = time.monotonic()
                self._told_end = done and not message["more"]
        return not done

    def _forget_spans(self) -> None:
        """Let the store answer from here on, if it has the trace: spans need not stay in memory."""
        store = sys.modules.get("nbtrace.store")
        if store is None or isinstance(self._source, StoredTrace):
            return
        try:
            info = store.current_store().get_trace_info(self._source.trace_id)
        except Exception:
            _logger.debug("could not look the trace up in the store", exc_info=True)
            return
        if info is not None and info.state != "IN_PROGRESS":
            self._source = StoredTrace(self._source.trace_id, self._source.name)
            self._feed.replace(self._source, read=False)

    # Messages

    def _methods(self) -> dict[str, Callable[..., object]]:
        return {
            "details": self._details,
            "search": self._search,
            **self._detail_requests.methods(),
            **self._tree_requests.methods(),
        }

    def _details(self, span_id: str) -> Details:
        return self._feed.details(self._source, span_id)

    def _search(self, text: str, *, regex: bool = False) -> Found:
        return search_spans(self._source, text, regex=regex)

    def _snapshot(self) -> None:
        with self._feed.lock:
            for message, buffers in self._feed.snapshot(finished=self._source.finished):
                self.send(message, buffers=buffers)


def _follow(reference: weakref.ref[SpanTree]) -> None:
    """Send changes until the trace ends; a tree that nobody holds any more is let go."""
    wait = INTERVAL_SECONDS
    while True:
        tree = reference()
        if tree is None or tree._ended.wait(wait):  # noqa: SLF001 - this module's own class
            return
        # Its own CPU time: what it waited for a busy kernel is no cost of looking.
        started = time.thread_time()
        try:
            if not tree._flush():  # noqa: SLF001 - this module's own class
                return
        except Exception:
            _logger.debug("could not update the tree", exc_info=True)
        del tree
        wait = max(INTERVAL_SECONDS, (time.thread_time() - started) / SHARE)


def _follow_late(reference: weakref.ref[SpanTree]) -> None:
    """Send the spans of tasks that outlive their cell, until all is quiet."""
    quiet_since = time.monotonic()
    while True:
        tree = reference()
        if tree is None or tree._closed.wait(INTERVAL_SECONDS):  # noqa: SLF001 - as above
            return
        try:
            tree._flush(finished=True)  # noqa: SLF001 - as above
            if tree._feed.open:  # noqa: SLF001 - as above
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > LATE_SECONDS:
                tree._let_go()  # noqa: SLF001 - as above
                return
        except Exception:
            _logger.debug("could not update the tree", exc_info=True)
        del tree
