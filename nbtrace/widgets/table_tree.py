"""The span tree that a table opens in place.

It is a `SpanTree` as any other, but for its way to the page: it has no comm of its own and talks
through the table's, each message in an envelope that names the tree. So it works wherever the table
does, and whatever the tree learns works in the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.widgets.source import StoredTrace
from nbtrace.widgets.span_tree import SpanTree

if TYPE_CHECKING:
    from collections.abc import Callable

# What travels as rows messages, or is the table's own.
_NOT_SENT = ("_columns", "_texts", "_summary", "_esm", "_css", "layout")


class NestedTree(SpanTree):
    """The tree of a stored trace inside a table.

    Parameters
    ----------
    trace_id : str
        ``tr-`` and 32 hexadecimal digits.
    name : str
        What the trace is called.
    send : callable
        Takes a message and its buffers to the page.
    """

    def __init__(
        self,
        trace_id: str,
        name: str,
        send: Callable[[dict[str, Any], list[bytes]], None],
    ) -> None:
        self._to_page = send
        super().__init__(StoredTrace(trace_id, name))
        # marimo gives every widget a comm, whatever `open` says.
        widget: Any = self
        if widget.comm is not None:
            widget.comm.close()
            widget.comm = None

    def _module(self) -> str:
        """Return none: the table's module draws the tree, and marimo takes none outside a cell."""
        return ""

    def open(self) -> None:
        """Make no comm: the table has one."""

    def send(self, content: Any, buffers: Any = None) -> None:
        """Send a message to the page, through the table."""
        if content.get("kind") != "bundle":
            self._to_page(content, list(buffers or []))

    def state(self) -> dict[str, Any]:
        """Return what the page's model of the tree begins with."""
        found = self.get_state()
        return {
            name: value
            for name, value in found.items()
            if name not in _NOT_SENT and isinstance(value, str | int | float | bool | None)
        }

    def receive(self, content: dict[str, Any]) -> None:
        """Take a message of the page, or a change of its model."""
        if content.get("kind") == "set":
            allowed = self.state()
            for name, value in content.get("values", {}).items():
                if name in allowed and not name.startswith("_"):
                    setattr(self, name, value)
        else:
            self._answer(content)
