"""Capture: from a running program to finished spans.

``record`` is one span, ``spans`` and ``decorator`` start them, ``active`` is a trace while it runs,
``recorder`` what a process needs to record; ``values`` and ``redaction`` make JSON of anything;
``provider`` and ``processor`` are the ways of OpenTelemetry; ``cells`` is for the notebook.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nbtrace.tracing.context import context
from nbtrace.tracing.provider import get_bridged_tracer_provider, offer_provider
from nbtrace.tracing.settings import (
    configure,
    disable,
    disable_notebook_display,
    enable,
    enable_notebook_display,
    reset,
    set_destination,
)

if TYPE_CHECKING:
    from nbtrace.tracing.chat_tools import set_span_chat_tools
    from nbtrace.tracing.propagation import (
        get_tracing_context_headers_for_http_request,
        set_tracing_context_from_http_request_headers,
    )

_LAZY = {
    "get_tracing_context_headers_for_http_request": "nbtrace.tracing.propagation",
    "set_span_chat_tools": "nbtrace.tracing.chat_tools",
    "set_tracing_context_from_http_request_headers": "nbtrace.tracing.propagation",
}

__all__ = [
    "configure",
    "context",
    "disable",
    "disable_notebook_display",
    "enable",
    "enable_notebook_display",
    "get_bridged_tracer_provider",
    "get_tracing_context_headers_for_http_request",
    "offer_provider",
    "reset",
    "set_destination",
    "set_span_chat_tools",
    "set_tracing_context_from_http_request_headers",
]


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is not None:
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'nbtrace.tracing' has no attribute {name!r}")
