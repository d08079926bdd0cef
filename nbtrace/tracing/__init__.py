"""Capture: from a running program to finished spans.

``record`` is one span, ``spans`` and ``decorator`` start them, ``active`` is a trace while it runs,
``recorder`` what a process needs to record; ``values`` and ``redaction`` make JSON of anything;
``provider`` and ``processor`` are the ways of OpenTelemetry; ``cells`` is for the notebook.
"""

from __future__ import annotations

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

__all__ = [
    "configure",
    "context",
    "disable",
    "disable_notebook_display",
    "enable",
    "enable_notebook_display",
    "get_bridged_tracer_provider",
    "offer_provider",
    "reset",
    "set_destination",
]
