"""nbtrace: the tracer that lives in the notebook.

The names are MLflow's: ``import nbtrace as mlflow`` runs a notebook that uses only tracing. What
capture needs is imported at once and is light; search, widgets and the notebook extension are
imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nbtrace.otel.importing import held as _held

# A fork of another thread waits for this: in its child, what is half imported would stay locked.
with _held():
    from nbtrace import tracing
    from nbtrace.config import __version__
    from nbtrace.deletion import delete_traces, restore_traces
    from nbtrace.exceptions import NbtraceError
    from nbtrace.finding import (
        count_traces,
        explain,
        search_sessions,
        search_spans,
        search_traces,
    )
    from nbtrace.tracing.context import context
    from nbtrace.tracing.decorator import trace
    from nbtrace.tracing.settings import configure, set_experiment
    from nbtrace.tracing.spans import (
        get_active_trace_id,
        get_current_active_span,
        start_span,
        start_span_no_context,
    )
    from nbtrace.tracing.traces import (
        delete_trace_tag,
        flush_trace_async_logging,
        get_last_active_trace_id,
        get_trace,
        set_trace_tag,
        update_current_trace,
    )
    from nbtrace.tracing.traces import flush_traces as flush

if TYPE_CHECKING:
    from nbtrace.adding import add_trace, log_trace
    from nbtrace.annotations import (
        delete_assessment,
        get_assessment,
        log_assessment,
        log_expectation,
        log_feedback,
        override_feedback,
        update_assessment,
    )
    from nbtrace.attachments import get_attachment
    from nbtrace.client import MlflowClient
    from nbtrace.comparing import compare
    from nbtrace.exchange import import_traces, receive
    from nbtrace.experiments import (
        create_experiment,
        delete_experiment,
        delete_experiment_tag,
        get_experiment,
        get_experiment_by_name,
        search_experiments,
        set_experiment_tag,
        set_experiment_tags,
    )
    from nbtrace.exports import export_traces
    from nbtrace.forwarders import forward, forwarding, stop_forwarding
    from nbtrace.notebook.extension import load_ipython_extension, unload_ipython_extension
    from nbtrace.tables import TraceTable
    from nbtrace.tracing.autolog import autolog
    from nbtrace.tracing.tracking import get_tracking_uri, set_tracking_uri
    from nbtrace.widgets.span_tree import SpanTree
    from nbtrace.widgets.trace_diff import TraceDiff

_LAZY = {
    "MlflowClient": "nbtrace.client",
    "SpanTree": "nbtrace.widgets.span_tree",
    "TraceTable": "nbtrace.tables",
    "TraceDiff": "nbtrace.widgets.trace_diff",
    "compare": "nbtrace.comparing",
    "add_trace": "nbtrace.adding",
    "create_experiment": "nbtrace.experiments",
    "delete_experiment": "nbtrace.experiments",
    "delete_experiment_tag": "nbtrace.experiments",
    "get_experiment": "nbtrace.experiments",
    "get_experiment_by_name": "nbtrace.experiments",
    "log_trace": "nbtrace.adding",
    "search_experiments": "nbtrace.experiments",
    "set_experiment_tag": "nbtrace.experiments",
    "set_experiment_tags": "nbtrace.experiments",
    "delete_assessment": "nbtrace.annotations",
    "get_assessment": "nbtrace.annotations",
    "autolog": "nbtrace.tracing.autolog",
    "get_attachment": "nbtrace.attachments",
    "export_traces": "nbtrace.exports",
    "forward": "nbtrace.forwarders",
    "forwarding": "nbtrace.forwarders",
    "get_tracking_uri": "nbtrace.tracing.tracking",
    "import_traces": "nbtrace.exchange",
    "load_ipython_extension": "nbtrace.notebook.extension",
    "log_assessment": "nbtrace.annotations",
    "log_expectation": "nbtrace.annotations",
    "log_feedback": "nbtrace.annotations",
    "override_feedback": "nbtrace.annotations",
    "receive": "nbtrace.exchange",
    "set_tracking_uri": "nbtrace.tracing.tracking",
    "stop_forwarding": "nbtrace.forwarders",
    "unload_ipython_extension": "nbtrace.notebook.extension",
    "update_assessment": "nbtrace.annotations",
}

__all__ = [
    "MlflowClient",
    "NbtraceError",
    "SpanTree",
    "TraceDiff",
    "TraceTable",
    "__version__",
    "add_trace",
    "autolog",
    "compare",
    "configure",
    "context",
    "count_traces",
    "create_experiment",
    "delete_assessment",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_trace_tag",
    "delete_traces",
    "explain",
    "export_traces",
    "flush",
    "flush_trace_async_logging",
    "forward",
    "forwarding",
    "get_active_trace_id",
    "get_assessment",
    "get_attachment",
    "get_current_active_span",
    "get_experiment",
    "get_experiment_by_name",
    "get_last_active_trace_id",
    "get_trace",
    "get_tracking_uri",
    "import_traces",
    "load_ipython_extension",
    "log_assessment",
    "log_expectation",
    "log_feedback",
    "log_trace",
    "override_feedback",
    "receive",
    "restore_traces",
    "search_experiments",
    "search_sessions",
    "search_spans",
    "search_traces",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_trace_tag",
    "set_tracking_uri",
    "start_span",
    "start_span_no_context",
    "stop_forwarding",
    "trace",
    "tracing",
    "unload_ipython_extension",
    "update_assessment",
    "update_current_trace",
]


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is not None:
        return getattr(importlib.import_module(module), name)
    if not name.startswith("_"):
        from nbtrace.tracing.library_modules import library_module

        of_library = library_module(name)
        if of_library is not None:
            return of_library
    raise AttributeError(f"module 'nbtrace' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
