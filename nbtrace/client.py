"""`MlflowClient`: MLflow's object for what its functions do as well, and for spans by their ids.

A span that is started here is nobody's current span; it belongs to the trace and the parent that
are named, and is ended by its ids, from any thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from nbtrace import deletion, finding
from nbtrace.entities.constant import NO_OP_SPAN_TRACE_ID
from nbtrace.entities.span_type import SpanType
from nbtrace.exceptions import NbtraceError
from nbtrace.experiment_methods import ExperimentMethods
from nbtrace.store import current_store
from nbtrace.store.links import link_traces_to_run
from nbtrace.tracing.current import SPAN_KEY
from nbtrace.tracing.live_span import LiveSpan
from nbtrace.tracing.no_op_span import NO_OP
from nbtrace.tracing.record import SpanRecord
from nbtrace.tracing.spans import configure_span, start_span_no_context
from nbtrace.tracing.starting import begin
from nbtrace.tracing.traces import (
    active_trace,
    delete_trace_tag,
    flush_traces,
    get_trace,
    set_trace_tag,
)
from nbtrace.tracing.tracking import names_current_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbtrace.entities import Link, PagedList, Span, SpanStatus, Trace
    from nbtrace.tracing.active import ActiveTrace

__all__ = ["MlflowClient"]

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class MlflowClient(ExperimentMethods):
    """MLflow's client, as far as it is about traces and experiments.

    Parameters
    ----------
    tracking_uri : str, optional
        The store in use, or nothing; ``set_tracking_uri`` chooses another for the process.
    registry_uri : str, optional
        Without meaning here.

    Raises
    ------
    NbtraceError
        For the address of another store.

    Examples
    --------
    >>> import nbtrace
    >>> client = nbtrace.MlflowClient()
    >>> root = client.start_trace("job", inputs={"n": 2})
    >>> step = client.start_span("step", root.trace_id, root.span_id)
    >>> client.end_span(root.trace_id, step.span_id, outputs=4)
    >>> client.end_trace(root.trace_id, outputs=4)
    >>> [span.name for span in client.get_trace(root.trace_id).data.spans]
    ['job', 'step']
    """

    def __init__(self, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        del registry_uri
        if tracking_uri and not names_current_store(tracking_uri):
            raise NbtraceError.invalid(
                f"a process has one store, {current_store().directory}; call "
                f"set_tracking_uri({tracking_uri!r}) to work in that one from here on"
            )

    @property
    def tracking_uri(self) -> str:
        """The store's directory, as a ``file:`` address."""
        return current_store().directory.as_uri()

    # Recording

    def start_trace(  # noqa: PLR0913, PLR0917 - MLflow's signature
        self,
        name: str,
        span_type: str = SpanType.UNKNOWN,
        inputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        experiment_id: str | None = None,
        start_time_ns: int | None = None,
        run_id: str | None = None,
        links: Iterable[Link] | None = None,
    ) -> Span:
        """Start a trace and return its root span; end it with `end_trace`.

        Parameters
        ----------
        name, span_type, inputs, attributes, tags, experiment_id, start_time_ns, links
            As for ``start_span_no_context``.
        run_id : str, optional
            The MLflow run the trace belongs to.

        Returns
        -------
        Span
            The root.
        """
        span = start_span_no_context(
            name,
            span_type=span_type,
            inputs=inputs,
            attributes=attributes,
            tags=tags,
            experiment_id=experiment_id,
            start_time_ns=start_time_ns,
            links=links,
        )
        if run_id is not None and isinstance(span, LiveSpan):
            configure_span(span, None, None, None, None, run_id)
        return span

    def end_trace(
        self,
        trace_id: str,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: SpanStatus | str = "OK",
        end_time_ns: int | None = None,
    ) -> None:
        """End the root span of a trace, and with it the trace.

        Parameters
        ----------
        trace_id : str
            With or without ``tr-``.
        outputs, attributes, status, end_time_ns
            As for ``LiveSpan.end``.

        Raises
        ------
        NbtraceError
            ``RESOURCE_DOES_NOT_EXIST`` if this process records no such trace,
            ``INVALID_PARAMETER_VALUE`` if it has ended.
        """
        if trace_id == NO_OP_SPAN_TRACE_ID:
            return
        trace = _recording(trace_id)
        root = trace.root
        if not isinstance(root, SpanRecord):
            raise NbtraceError.invalid(
                f"the trace {trace_id} was begun by another tracer, which has to end it"
            )
        LiveSpan(root).end(outputs, attributes, status, end_time_ns)

    def start_span(  # noqa: PLR0913, PLR0917 - MLflow's signature
        self,
        name: str,
        trace_id: str,
        parent_id: str,
        span_type: str = SpanType.UNKNOWN,
        inputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        start_time_ns: int | None = None,
        links: Iterable[Link] | None = None,
    ) -> Span:
        """Start a span below another one; end it with `end_span`.

        Parameters
        ----------
        name : str
            What the step is called.
        trace_id : str
            A trace that this process is recording.
        parent_id : str
            The span it belongs to, open or ended.
        span_type, inputs, attributes, start_time_ns, links
            As for ``start_span_no_context``.

        Returns
        -------
        Span
            The span.

        Raises
        ------
        NbtraceError
            ``RESOURCE_DOES_NOT_EXIST`` if this process records no such trace,
            ``INVALID_PARAMETER_VALUE`` if it has ended or no parent is named.
        """
        if trace_id == NO_OP_SPAN_TRACE_ID:
            return NO_OP
        trace = _recording(trace_id)
        if not parent_id:
            raise NbtraceError.invalid(
                "parent_id must name a span of the trace; start_trace makes the first one"
            )
        if trace.span(parent_id) is None:
            raise NbtraceError.missing(f"the trace {trace_id} has no span {parent_id!r}")
        context = SpanContext(
            int(trace.hex, 16), int(parent_id, 16), is_remote=False, trace_flags=_SAMPLED
        )
        parent = Context({SPAN_KEY: trace.open.get(parent_id) or NonRecordingSpan(context)})
        record = begin(parent, name, span_type, start_time_ns)
        if record is None:
            return NO_OP
        span = LiveSpan(record)
        configure_span(span, attributes, None, links, None)
        if inputs is not None:
            span.set_inputs(inputs)
        return span

    def end_span(  # noqa: PLR0913, PLR0917 - MLflow's signature
        self,
        trace_id: str,
        span_id: str,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: SpanStatus | str = "OK",
        end_time_ns: int | None = None,
    ) -> None:
        """End a span by its ids.

        Parameters
        ----------
        trace_id, span_id : str
            As `start_span` gave them.
        outputs, attributes, status, end_time_ns
            As for ``LiveSpan.end``.

        Raises
        ------
        NbtraceError
            ``RESOURCE_DOES_NOT_EXIST`` if this process has no such open span.
        """
        if trace_id == NO_OP_SPAN_TRACE_ID:
            return
        trace = active_trace(trace_id)
        record = None if trace is None else trace.open.get(span_id)
        if not isinstance(record, SpanRecord):
            raise NbtraceError.missing(
                f"the trace {trace_id} has no open span {span_id!r} in this process"
            )
        LiveSpan(record).end(outputs, attributes, status, end_time_ns)

    # Reading and keeping

    def get_trace(
        self,
        trace_id: str,
        display: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
        flush: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    ) -> Trace:
        """Return a trace by its id.

        Parameters
        ----------
        trace_id : str
            With or without ``tr-``.
        display : bool
            Accepted for MLflow's sake: a trace that is a cell's last value shows its tree.
        flush : bool
            Accepted for MLflow's sake: what has ended is always found.

        Raises
        ------
        NbtraceError
            ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace.
        """
        del display
        found = get_trace(trace_id, silent=True, flush=flush)
        if found is None:
            raise NbtraceError.no_trace(trace_id, current_store().directory)
        return found

    def search_traces(  # noqa: PLR0913, PLR0917 - MLflow's signature
        self,
        experiment_ids: Sequence[str] | None = None,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
        run_id: str | None = None,
        include_spans: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
        model_id: str | None = None,
        locations: Sequence[str] | None = None,
        flush: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    ) -> PagedList[Trace]:
        """Return a page of the traces that satisfy a filter.

        Parameters
        ----------
        experiment_ids, filter_string, order_by, run_id, include_spans, model_id, locations, flush
            As for ``nbtrace.search_traces``.
        max_results : int
            Traces of the page.
        page_token : str, optional
            The ``token`` of the page before.

        Returns
        -------
        PagedList of Trace
            A list with the ``token`` of the next page, None on the last.
        """
        del flush
        return finding.search_page(
            filter_string,
            max_results=max_results,
            order_by=order_by,
            page_token=page_token,
            run_id=run_id,
            include_spans=include_spans,
            model_id=model_id,
            locations=experiment_ids if locations is None else locations,
        )

    def delete_traces(
        self,
        experiment_id: str,
        max_timestamp_millis: int | None = None,
        max_traces: int | None = None,
        trace_ids: Sequence[str] | None = None,
    ) -> int:
        """Delete traces; see ``nbtrace.delete_traces``."""
        return deletion.delete_traces(experiment_id, max_timestamp_millis, max_traces, trace_ids)

    def set_trace_tag(self, trace_id: str, key: str, value: str) -> None:
        """Set a tag of a trace; see ``nbtrace.set_trace_tag``."""
        set_trace_tag(trace_id, key, value)

    def delete_trace_tag(self, trace_id: str, key: str) -> None:
        """Delete a tag of a trace; see ``nbtrace.delete_trace_tag``."""
        delete_trace_tag(trace_id, key)

    def link_traces_to_run(self, trace_ids: Sequence[str], run_id: str) -> None:
        """Say that traces belong to a run; ``run_id = '...'`` in a filter then finds them.

        Parameters
        ----------
        trace_ids : sequence of str
            At most 100.
        run_id : str
            The run.

        Raises
        ------
        NbtraceError
            When one of the traces is not there; then none is linked.
        """
        flush_traces()
        link_traces_to_run(current_store().database, trace_ids, run_id)


def _recording(trace_id: str) -> ActiveTrace:
    trace = active_trace(trace_id)
    if trace is not None and not trace.finished:
        return trace
    if trace is None and get_trace(trace_id, silent=True) is None:
        raise NbtraceError.missing(
            f"there is no trace {trace_id!r}; start_trace begins one and returns its id"
        )
    raise NbtraceError.invalid(
        f"the trace {trace_id!r} is not being recorded by this process, or has ended already"
    )
