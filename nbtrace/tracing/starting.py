"""Where a span of nbtrace's own comes to life.

A child of one of them costs next to nothing; everything else (a new trace, a parent from another
tracer, sampling, tracing switched off) is off the hot path in ``begin_trace``.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span as OtelSpan

from nbtrace.config import options, parent_decides
from nbtrace.tracing import threads
from nbtrace.tracing.active import ActiveTrace
from nbtrace.tracing.context import current_defaults, is_suppressed
from nbtrace.tracing.current import SPAN_KEY
from nbtrace.tracing.processes import inherited
from nbtrace.tracing.record import SpanRecord, new_record
from nbtrace.tracing.recorder import available_recorder
from nbtrace.tracing.span_ids import new_trace_id
from nbtrace.tracing.unsampled import UNSAMPLED

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

    from nbtrace.tracing.recorder import Recorder

# OpenTelemetry samples by these bits, so that every process decides alike.
_RANDOM_HALF = (1 << 64) - 1

logger = logging.getLogger("nbtrace")


BY_ENVIRONMENT = "the environment has OTEL_SDK_DISABLED=true"


class Switch:
    """Whether tracing is on in this process: at first, unless OpenTelemetry is switched off.

    Attributes
    ----------
    on : bool
        Whether anything is recorded.
    why_off : str
        In words why it is off, for whom it may surprise.
    """

    __slots__ = ("on", "why_off")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set it as ``OTEL_SDK_DISABLED`` says."""
        self.on = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"
        self.why_off = "" if self.on else BY_ENVIRONMENT
        if not self.on:
            logger.warning("%s", self.notice())

    def notice(self) -> str:
        """Return what a person is told who asks for tracing while it is off, "" while it is on."""
        if self.on:
            return ""
        return (
            f"Nothing is traced, since {self.why_off}; nbtrace.tracing.enable() turns tracing on."
        )


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
    if (
        not switch.on
        or parent is UNSAMPLED
        or is_suppressed(current)
        or (recorder := available_recorder()) is None
    ):
        return None
    threads.carry_context()
    context = parent.get_span_context() if isinstance(parent, OtelSpan) else None
    if context is None or not context.is_valid:
        context = inherited()
    ratio = options.sampling_ratio if ratio is None else ratio
    if context is not None and context.is_valid:
        if context.is_remote and not joins(context, ratio):
            return None
        hex_id = f"{context.trace_id:032x}"
        parent_id = f"{context.span_id:016x}"
        trace = recorder.find(hex_id)
        if trace is None:
            record = _begin_root(recorder, hex_id, name, span_type, parent_id, start_time)
        else:
            if not trace.announced:
                trace.announce()
            record = new_record(trace, name, span_type, parent_id, start_time)
            trace.open[record.span_id] = record
        if context.is_remote or context.trace_state:
            record.parent_context = context
            if context.trace_state:
                record.trace.has_state = True
        return record
    hex_id = new_trace_id()
    if ratio < 1 and not _is_sampled(int(hex_id, 16), ratio):
        return None
    return _begin_root(recorder, hex_id, name, span_type, None, start_time)


def joins(parent: SpanContext, ratio: float) -> bool:
    """Return whether the child of a span that was made elsewhere is recorded."""
    if parent_decides():
        return parent.trace_flags.sampled
    return ratio >= 1 or _is_sampled(parent.trace_id, ratio)


def _is_sampled(trace_id: int, ratio: float) -> bool:
    """Return what OpenTelemetry's samplers decide by the random half of a trace's id."""
    return trace_id & _RANDOM_HALF < round(ratio * (_RANDOM_HALF + 1))


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
