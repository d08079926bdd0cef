"""Where a span of nbtrace's own comes to life.

A child of one of them costs next to nothing; everything else (a new trace, a parent from another
tracer, sampling, tracing switched off) is off the hot path in ``begin_trace``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span as OtelSpan

from nbtrace.config import options
from nbtrace.tracing import threads
from nbtrace.tracing.active import ActiveTrace
from nbtrace.tracing.context import current_defaults, is_suppressed
from nbtrace.tracing.current import SPAN_KEY
from nbtrace.tracing.processes import inherited
from nbtrace.tracing.record import SpanRecord, new_record
from nbtrace.tracing.recorder import current_recorder
from nbtrace.tracing.unsampled import UNSAMPLED

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from nbtrace.tracing.recorder import Recorder

_SAMPLING_BYTES = 7  # a fraction of so many is exact in a float


class Switch:
    """Whether tracing is on in this process."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = True


switch = Switch()


def begin(
    current: Context, name: str, span_type: str, start_time: int | None = None
) -> SpanRecord | None:
    """Start a span under whatever is current.

    Parameters
    ----------
    current : Context
        The OpenTelemetry context.
    name, span_type : str
        Of the span.
    start_time : int, optional
        Nanoseconds since the epoch.

    Returns
    -------
    SpanRecord or None
        None where nothing is recorded.
    """
    parent = current.get(SPAN_KEY)
    if type(parent) is SpanRecord and switch.on:
        trace = parent.trace
        if not trace.announced:
            trace.announce()
        record = new_record(trace, name, span_type, parent.span_id, start_time)
        trace.open[record.span_id] = record
        return record
    return begin_trace(current, parent, name, span_type, start_time)


def begin_trace(  # noqa: PLR0913, PLR0917 - what a start needs
    current: Context,
    parent: object,
    name: str,
    span_type: str,
    start_time: int | None = None,
    ratio: float | None = None,
) -> SpanRecord | None:
    """Start a span that has no parent of nbtrace's own: a new trace, or one begun elsewhere."""
    if not switch.on or parent is UNSAMPLED or is_suppressed(current):
        return None
    recorder = current_recorder()
    threads.carry_context()
    context = parent.get_span_context() if isinstance(parent, OtelSpan) else None
    if context is None or not context.is_valid:
        context = inherited()
        if context is not None and not context.trace_flags.sampled:
            return None
    if context is not None and context.is_valid:
        hex_id = f"{context.trace_id:032x}"
        trace = recorder.find(hex_id)
        if trace is None:
            parent_id = f"{context.span_id:016x}"
            return _begin_root(recorder, hex_id, name, span_type, parent_id, start_time)
        if not trace.announced:
            trace.announce()
        record = new_record(trace, name, span_type, f"{context.span_id:016x}", start_time)
        trace.open[record.span_id] = record
        return record
    ratio = options.sampling_ratio if ratio is None else ratio
    if ratio < 1 and _chance() >= ratio:
        return None
    return _begin_root(recorder, None, name, span_type, None, start_time)


def _chance() -> float:
    """Return a number from 0 to 1 that the user's random.seed() does not decide."""
    return int.from_bytes(os.urandom(_SAMPLING_BYTES)) / (1 << 8 * _SAMPLING_BYTES)


def _begin_root(  # noqa: PLR0913, PLR0917 - what a start needs
    recorder: Recorder,
    hex_id: str | None,
    name: str,
    span_type: str,
    parent_id: str | None,
    start_time: int | None,
) -> SpanRecord:
    trace = new_trace(recorder, hex_id)
    try:
        record = new_record(trace, name, span_type, parent_id, start_time)
        trace.open[record.span_id] = record
        trace.begin(record)
    except BaseException:  # a Ctrl-C that struck here: nobody would ever end the trace
        recorder.traces.pop(trace.hex, None)
        raise
    return record


def new_trace(recorder: Any, hex_id: str | None = None) -> ActiveTrace:
    """Make a trace with what the current context says of new traces."""
    trace = ActiveTrace(recorder, hex_id)
    defaults = current_defaults()
    if defaults.tags:
        trace.tags.update(defaults.tags)
        trace.unwritten_tags.update(defaults.tags)
    if defaults.metadata:
        trace.metadata.update(defaults.metadata)
    return trace
