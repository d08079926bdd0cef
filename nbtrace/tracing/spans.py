"""Starting spans by hand: ``start_span`` around a block, ``start_span_no_context`` without one.

Both give a ``LiveSpan``, or a ``NoOpSpan`` where nothing is recorded.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import Span as OtelSpan

from nbtrace.entities import Link, SpanType
from nbtrace.entities.checks import checked_items, checked_nanoseconds
from nbtrace.exceptions import NbtraceError
from nbtrace.tracing.context import leave, split_standard_keys
from nbtrace.tracing.current import SPAN_KEY, attach, get_current, with_span
from nbtrace.tracing.live_span import LiveSpan
from nbtrace.tracing.no_op_span import NO_OP, NoOpSpan
from nbtrace.tracing.record import SpanRecord
from nbtrace.tracing.recorder import existing_recorder
from nbtrace.tracing.span_data import OK, UNSET, monotonic_ns, time_ns
from nbtrace.tracing.span_ids import new_span_id, ready_ids
from nbtrace.tracing.span_processors import span_processors
from nbtrace.tracing.starting import begin, begin_trace, switch
from nbtrace.tracing.unsampled import UNSAMPLED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from nbtrace.entities import SpanLogLevel
    from nbtrace.tracing.active import ActiveTrace

logger = logging.getLogger("nbtrace")

new_object: Callable[[type[SpanRecord]], SpanRecord] = object.__new__
new_scope: Callable[[type[SpanScope]], SpanScope] = object.__new__
put_span = dict.__setitem__


class SpanScope(LiveSpan):
    """What ``start_span`` returns: a block whose span is the current one, and that span.

    It is both, since a second object would be a noticeable part of what a span costs.
    """

    __slots__ = ("_current", "_name", "_options", "_previous", "_type")

    _name: str
    _type: str
    _options: tuple[Any, ...] | None
    record: SpanRecord

    def __enter__(self) -> LiveSpan | NoOpSpan:
        """Start the span."""
        self._previous = previous = get_current()
        try:
            parent = previous.get(SPAN_KEY)
            # `begin`, `new_record`, `with_span` without their calls: a call is a tenth of a span
            if type(parent) is SpanRecord and switch.on:
                trace = parent.trace
                if not trace.announced:
                    trace.announce()
                self.record = record = new_object(SpanRecord)
                record.trace = trace
                record.name = self._name
                record.span_type = self._type
                record.parent_id = parent.span_id
                try:
                    span_id = ready_ids.pop()
                except IndexError:
                    span_id = new_span_id()
                record.span_id = span_id
                record.inputs = record.outputs = record.end_time = None
                record.function = record.details = None
                record.status_code = UNSET
                if self._options is not None:
                    configure_span(self, *self._options)
                self._current = current = Context() if len(previous) == 1 else Context(previous)
                put_span(current, SPAN_KEY, record)
                attach(current)
                record.mono = monotonic_ns()
                record.start_time = time_ns()
                trace.open[span_id] = record
                return self
            started = begin_trace(previous, parent, self._name, self._type)
            if started is None:
                self._current = current = with_span(previous, UNSAMPLED)
                attach(current)
                return NO_OP
            self.record = record = started
            if self._options is not None:
                configure_span(self, *self._options)
            self._current = current = with_span(previous, record)
            attach(current)
            return self
        except BaseException as error:  # a Ctrl-C that struck here, or options that cannot be
            self._give_up(error)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the span, recording what was raised."""
        try:
            if get_current() is self._current:
                attach(self._previous)
            else:
                leave(self._previous, self._current)
            try:
                record = self.record
            except AttributeError:  # it was not recorded
                return
            if record.end_time is not None:
                return
            if error is not None:
                record.fail(error)
            elif record.status_code == UNSET:
                record.status_code = OK
            if span_processors.functions:
                span_processors.run(self)
            record.finish()
        except BaseException as struck:  # a Ctrl-C that struck here
            self._give_up(struck)
            raise

    def _give_up(self, error: BaseException) -> None:
        """Leave no span open and none current after the start or the end was interrupted."""
        current = getattr(self, "_current", None)
        if current is not None and get_current() is current:
            attach(self._previous)
        record = getattr(self, "record", None)
        if record is not None:
            record.give_up(error)


def configure_span(  # noqa: PLR0913, PLR0917 - as start_span takes them
    span: LiveSpan,
    attributes: Mapping[str, Any] | None,
    log_level: SpanLogLevel | int | str | None,
    links: Iterable[Link] | None,
    description: str | None,
    run_id: str | None = None,
    trace_destination: Any = None,
) -> None:
    """Set the optional things of a span that has just begun."""
    if attributes:
        span.set_attributes(attributes)
    if log_level is not None:
        span.set_log_level(log_level)
    for link in checked_items("links", links):
        span.add_link(link)
    if description is not None:
        span.set_description(description)
    if run_id is not None or trace_destination is not None:
        trace = span.record.trace
        if trace.root is not span.record:
            logger.warning("run_id and trace_destination belong to the root span; ignored here")
            return
        if run_id is not None:
            trace.metadata["mlflow.sourceRun"] = str(run_id)
        if trace_destination is not None:
            trace.experiment_id = experiment_of(trace_destination)


def experiment_of(destination: Any) -> str:
    """Return the experiment id that a destination names.

    Parameters
    ----------
    destination : str, MlflowExperimentLocation or TraceLocation
        An experiment id, or MLflow's objects that hold one.

    Raises
    ------
    NbtraceError
        For a destination that is not an experiment.
    """
    inner = getattr(destination, "mlflow_experiment", destination)
    found = inner if isinstance(inner, str) else getattr(inner, "experiment_id", None)
    if not isinstance(found, str):
        msg = f"a trace destination is an experiment id or a TraceLocation, got {destination!r}"
        raise NbtraceError.invalid(msg)
    return found


def start_span(  # noqa: PLR0913, PLR0917 - MLflow's signature
    name: str = "span",
    span_type: str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    trace_destination: Any = None,
    log_level: SpanLogLevel | int | str | None = None,
    run_id: str | None = None,
    links: Iterable[Link] | None = None,
    description: str | None = None,
) -> SpanScope:
    """Trace a block: a context manager that gives the span.

    Parameters
    ----------
    name : str
        What the step is called.
    span_type : str
        A ``SpanType``, or any other word.
    attributes : mapping, optional
        Typed values, set at once.
    trace_destination : str or TraceLocation, optional
        The experiment of the trace; for a root span only.
    log_level : SpanLogLevel, int or str, optional
        How much the span matters.
    run_id : str, optional
        The MLflow run the trace belongs to; for a root span only.
    links : iterable of Link, optional
        Spans it points at.
    description : str, optional
        What it does, in words.

    Returns
    -------
    SpanScope
        Entering it starts the span and gives a ``LiveSpan``; leaving it ends the span. What is
        raised inside is recorded and goes on.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("search", span_type="RETRIEVER") as span:
    ...     span.set_inputs({"query": "walrus"})
    ...     span.set_outputs(["a document"])
    """
    scope = new_scope(SpanScope)
    scope._name = name  # noqa: SLF001 - its constructor, without the call
    scope._type = span_type  # noqa: SLF001
    scope._options = (  # noqa: SLF001
        None
        if attributes is None
        and trace_destination is None
        and log_level is None
        and run_id is None
        and links is None
        and description is None
        else (attributes, log_level, links, description, run_id, trace_destination)
    )
    return scope


def start_span_no_context(  # noqa: PLR0913, PLR0917 - MLflow's signature
    name: str,
    span_type: str = SpanType.UNKNOWN,
    parent_span: Any = None,
    inputs: Any = None,
    attributes: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    experiment_id: str | None = None,
    start_time_ns: int | None = None,
    log_level: SpanLogLevel | int | str | None = None,
    links: Iterable[Link] | None = None,
    description: str | None = None,
) -> LiveSpan | NoOpSpan:
    """Start a span without making it current; end it with ``span.end()``.

    Parameters
    ----------
    name, span_type
        As for ``start_span``.
    parent_span : LiveSpan, optional
        Its parent; without one the span is the root of a new trace.
    inputs : object, optional
        Recorded at once.
    attributes : mapping, optional
        Typed values.
    tags, metadata : mapping of str to str, optional
        Of the trace; for a root span only.
    experiment_id : str, optional
        Experiment of the trace; for a root span only.
    start_time_ns : int, optional
        Nanoseconds since the epoch; now by default.
    log_level, links, description
        As for ``start_span``.

    Returns
    -------
    LiveSpan or NoOpSpan
        The span; a ``NoOpSpan`` while tracing is off.

    Examples
    --------
    >>> import nbtrace
    >>> root = nbtrace.start_span_no_context("job", inputs={"n": 1})
    >>> child = nbtrace.start_span_no_context("step", parent_span=root)
    >>> child.end()
    >>> root.end(outputs="done")
    """
    start_time = checked_nanoseconds("start_time_ns", start_time_ns)
    new_tags, new_metadata = split_standard_keys(tags, metadata)
    if isinstance(parent_span, NoOpSpan):
        return NO_OP
    if parent_span is None:
        current = get_current()
        record = begin_trace(current, None, name, span_type, start_time)
    elif isinstance(parent_span, LiveSpan):
        record = begin(Context({SPAN_KEY: parent_span.record}), name, span_type, start_time)
    else:
        msg = "parent_span must be a span from start_span, start_span_no_context or trace"
        raise NbtraceError.invalid(msg)
    if record is None:
        return NO_OP
    span = LiveSpan(record)
    try:
        configure_span(span, attributes, log_level, links, description)
    except BaseException as error:
        record.give_up(error)
        raise
    if parent_span is None:
        trace = record.trace
        if experiment_id is not None:
            trace.experiment_id = str(experiment_id)
        for key, value in new_tags.items():
            trace.set_tag(key, value)
        trace.metadata.update(new_metadata)
    if inputs is not None:
        span.set_inputs(inputs)
    return span


def get_current_active_span() -> LiveSpan | None:
    """Return the span that is current here, None when there is none of nbtrace's.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("outer"):
    ...     nbtrace.get_current_active_span().name
    'outer'
    """
    record = get_current().get(SPAN_KEY)
    return LiveSpan(record) if type(record) is SpanRecord else None


def current_trace() -> ActiveTrace | None:
    """Return the trace that is current here, whichever tracer made the current span."""
    span = get_current().get(SPAN_KEY)
    if type(span) is SpanRecord:
        return span.trace
    recorder = existing_recorder()
    if recorder is None or not isinstance(span, OtelSpan):
        return None
    return recorder.find(f"{span.get_span_context().trace_id:032x}")


def get_active_trace_id() -> str | None:
    """Return the id of the trace that is being recorded here, ``tr-`` and 32 hex digits.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("outer") as span:
    ...     nbtrace.get_active_trace_id() == span.trace_id
    True
    """
    trace = current_trace()
    return None if trace is None else trace.trace_id
