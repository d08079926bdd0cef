"""The table of traces, as people call it: it finds also what ended a moment ago.

A table itself knows nothing of tracing; here it is told to wait for the writer before it searches.
"""

from __future__ import annotations

from nbtrace.tracing.traces import flush_traces
from nbtrace.widgets.trace_table import TraceTable

__all__ = ["TraceTable"]

TraceTable.before_reading = staticmethod(flush_traces)
