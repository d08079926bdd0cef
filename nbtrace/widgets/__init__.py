"""What people see: the live span tree, its static HTML, and the tree for a terminal.

Nothing is imported here, since ipywidgets takes a second: each name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrace.widgets.display import TreeDisplay
    from nbtrace.widgets.html import static_html
    from nbtrace.widgets.source import TraceSnapshot, TraceSource
    from nbtrace.widgets.span_tree import SpanTree
    from nbtrace.widgets.text import terminal_tree
    from nbtrace.widgets.trace_table import TraceTable

_MODULES = {
    "SpanTree": "span_tree",
    "TraceSnapshot": "source",
    "TraceSource": "source",
    "TraceTable": "trace_table",
    "TreeDisplay": "display",
    "static_html": "html",
    "terminal_tree": "text",
}

__all__ = [
    "SpanTree",
    "TraceSnapshot",
    "TraceSource",
    "TraceTable",
    "TreeDisplay",
    "static_html",
    "terminal_tree",
]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
