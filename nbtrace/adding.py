"""Traces not recorded step by step: `add_trace` of another program's, `log_trace` in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities import Trace, TraceState
from nbtrace.entities.checks import checked_mapping, checked_nanoseconds
from nbtrace.entities.constant import (
    IMMUTABLE_TAG_KEYS,
    JSON_ATTRIBUTE_KEYS,
    SpanAttributeKey,
    TraceMetadataKey,
    TraceTagKey,
)
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp_span import encode_span
from nbtrace.store.taken_out import TakenOut
from nbtrace.tracing.live_span import LiveSpan
from nbtrace.tracing.no_op_span import NoOpSpan
from nbtrace.tracing.redaction import redact_value
from nbtrace.tracing.spans import get_current_active_span, start_span_no_context
from nbtrace.tracing.starting import switch
from nbtrace.tracing.texts import plain_text
from nbtrace.transfer.ingest import redacted
from nbtrace.transfer.media import content_of, taken_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.tracing.active import ActiveTrace

NS_PER_MS = 1_000_000
# They speak of the other trace as a whole, or of where it was recorded.
_NOT_MERGED = IMMUTABLE_TAG_KEYS | {
    TraceTagKey.TRACE_NAME,
    TraceTagKey.SOURCE_NAME,
    TraceTagKey.SOURCE_TYPE,
    TraceTagKey.SOURCE_GIT_COMMIT,
    TraceMetadataKey.INPUTS,
    TraceMetadataKey.OUTPUTS,
    TraceMetadataKey.TOKEN_USAGE,
    TraceMetadataKey.COST,
    TraceMetadataKey.SIZE_STATS,
    TraceMetadataKey.SIZE_BYTES,
    TraceMetadataKey.SCHEMA_VERSION,
}


def add_trace(trace: Trace | Mapping[str, Any], target: LiveSpan | None = None) -> None:
    """Put a finished trace, such as one that a service sent back, into the trace recorded here.

    Parameters
    ----------
    trace : Trace or dict
        The other trace, or what its ``to_dict`` gave; MLflow's too.
    target : LiveSpan, optional
        The span that its root becomes a child of; the current one by default. Without a current
        span a trace named ``Remote Trace <name>`` is made of it.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for what is not a trace, or one that has not ended.

    Notes
    -----
    Span ids stay as they were, the trace id becomes this trace's. Tags and metadata are added;
    where both traces have a key this trace's value stays.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("service") as far:
    ...     pass
    >>> answer = nbtrace.get_trace(far.trace_id).to_dict()
    >>> with nbtrace.start_span("caller") as near:
    ...     nbtrace.add_trace(answer)
    >>> [span.name for span in nbtrace.get_trace(near.trace_id).data.spans]
    ['service', 'caller']
    """
    other = _checked(trace)
    if not isinstance(target, LiveSpan | NoOpSpan | None):
        msg = f"target takes a span that start_span gave, got {target!r:.60}"
        raise NbtraceError.invalid(msg)
    if not switch.on or isinstance(target, NoOpSpan) or not other.data.spans:
        return
    parent = target or get_current_active_span()
    if parent is not None:
        _merge(other, parent)
        return
    root = other.data.root or other.data.spans[0]
    made = start_span_no_context(
        f"Remote Trace <{root.name}>",
        span_type=root.span_type,
        inputs=root.inputs,
        attributes={
            key: value for key, value in root.raw_attributes.items()
            if key not in JSON_ATTRIBUTE_KEYS
        },
        # just before what it holds, so that it sorts in front
        start_time_ns=max(root.start_time_ns - 1, 0),
    )  # fmt: skip
    if isinstance(made, NoOpSpan):
        return
    _merge(other, made)
    made.end(root.outputs, status=other.info.state.value, end_time_ns=root.end_time_ns)


def _checked(trace: object) -> Trace:
    if isinstance(trace, dict):
        trace = Trace.from_dict(trace)
    if not isinstance(trace, Trace):
        message = (
            f"add_trace takes a Trace or the dict that its to_dict gave, got {type(trace).__name__}"
        )
        raise NbtraceError.invalid(message)
    if trace.info.state not in {TraceState.OK, TraceState.ERROR}:
        message = (
            "only a trace that has ended can be added; "
            f"{trace.trace_id} is {trace.info.state.value}"
        )
        raise NbtraceError.invalid(message)
    return trace


def _merge(other: Trace, parent: LiveSpan) -> None:
    trace = parent.record.trace
    if not trace.announced:
        trace.announce()
    known = {span.span_id for span in other.data.spans}
    recorder = trace.recorder
    # What it refers to goes when that trace goes, so this one gets its own.
    for span in content_of(other, recorder.store.directory).data.spans:
        above = span.parent_id if span.parent_id in known else parent.span_id
        taken = TakenOut(trace.attachments, redact_value)
        plain = taken_out(span, taken, lambda span: redacted(span, redact_value))
        plain = plain.replace(trace_id=parent.trace_id, parent_id=above)
        number = recorder.sources.number(plain.scope, plain.resource)
        trace.keep(number, orjson.dumps(encode_span(plain)))
    _merge_words(other, trace)


def _merge_words(other: Trace, trace: ActiveTrace) -> None:
    with trace.lock:
        for key, value in other.info.tags.items():
            if key not in _NOT_MERGED and key not in trace.tags:
                trace.put_tag(key, value)
        for key, value in other.info.own_metadata.items():
            if key not in _NOT_MERGED:
                trace.metadata.setdefault(plain_text(key), plain_text(value))
    trace.changed()


def log_trace(  # noqa: PLR0913, PLR0917 - MLflow's signature
    name: str = "Task",
    request: Any = None,
    response: Any = None,
    intermediate_outputs: Mapping[str, Any] | None = None,
    attributes: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    start_time_ms: int | None = None,
    execution_time_ms: int | None = None,
) -> str:
    """Record a trace of one span whose inputs, outputs and times are known already.

    Parameters
    ----------
    name : str
        Of the trace.
    request, response : object, optional
        Its inputs and outputs.
    intermediate_outputs : mapping, optional
        What came up on the way, by name.
    attributes : mapping, optional
        Of the span.
    tags : mapping of str to str, optional
        Of the trace.
    start_time_ms : int, optional
        Milliseconds since the epoch; now by default.
    execution_time_ms : int, optional
        How long it took, in milliseconds.

    Returns
    -------
    str
        The trace's id.

    Examples
    --------
    >>> import nbtrace
    >>> trace_id = nbtrace.log_trace("answer", {"q": "why?"}, "because", execution_time_ms=20)
    >>> nbtrace.get_trace(trace_id).info.execution_duration
    20
    """
    everything = dict(checked_mapping("attributes", attributes))
    between = checked_mapping("intermediate_outputs", intermediate_outputs)
    if between:
        everything[SpanAttributeKey.INTERMEDIATE_OUTPUTS] = dict(between)
    start_time = _nanoseconds("start_time_ms", start_time_ms)
    duration = _nanoseconds("execution_time_ms", execution_time_ms)
    span = start_span_no_context(
        name,
        inputs=request,
        attributes=everything,
        tags=tags,
        start_time_ns=start_time,
    )
    end = None if duration is None else span.start_time_ns + duration
    span.end(response, end_time_ns=end)
    return span.trace_id


def _nanoseconds(name: str, milliseconds: float | None) -> int | None:
    if milliseconds is None:
        return None
    if not isinstance(milliseconds, int | float):
        message = f"{name} takes milliseconds, got {milliseconds!r:.60}"
        raise NbtraceError.invalid(message)
    return checked_nanoseconds(name, milliseconds * NS_PER_MS)
