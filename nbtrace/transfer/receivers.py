"""What particular receivers want of a trace: MLflow's server, Phoenix, anything that takes OTLP.

An adapter turns a trace, or what is new of one, into the spans that are sent. What it adds stands
beside what was recorded and is left out again when the trace is imported back from OTLP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from nbtrace.entities.constant import SpanAttributeKey, TraceTagKey
from nbtrace.entities.json_text import dumps
from nbtrace.entities.resource import Resource, schema_url_of
from nbtrace.exceptions import NbtraceError
from nbtrace.transfer.carried import with_attributes, with_carried
from nbtrace.transfer.openinference import openinference_attributes

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.entities import Span, Trace

    Adapter = Callable[[Trace], list[Span]]

ReceiverName = Literal["mlflow", "phoenix"]
RECEIVERS = ("mlflow", "phoenix")
EXPERIMENT_HEADER = "x-mlflow-experiment-id"
DEFAULT_EXPERIMENT = "0"
_PROJECT = "openinference.project.name"


def checked_receiver(receiver: str | None, project: str | None) -> str | None:
    """Return the receiver's name.

    Raises
    ------
    NbtraceError
        When it is not known, or a project is given for none.
    """
    if receiver is not None and receiver not in RECEIVERS:
        msg = f"receiver takes {', '.join(RECEIVERS)}, or None for any other; got {receiver!r}"
        raise NbtraceError.invalid(msg)
    if project is not None and receiver is None:
        msg = "project needs receiver='mlflow' (an experiment) or receiver='phoenix' (a project)"
        raise NbtraceError.invalid(msg)
    return receiver


def protocol_for(receiver: str | None, protocol: str | None) -> str | None:
    """Return the protocol that is asked for, else the only one that a receiver takes.

    Examples
    --------
    >>> protocol_for("phoenix", None), protocol_for(None, None)
    ('http/protobuf', None)
    """
    return protocol or ("http/protobuf" if receiver == "phoenix" else None)


def adapter(receiver: str | None = None, project: str | None = None) -> Adapter:
    """Return what makes the spans that a receiver is sent.

    Parameters
    ----------
    receiver : {"mlflow", "phoenix"}, optional
        Any other by default.
    project : str, optional
        Phoenix's project.

    Examples
    --------
    >>> from nbtrace.entities import Span, Trace
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1)
    >>> [sent] = adapter("phoenix", "trials")(Trace.from_spans([span]))
    >>> sent.resource["openinference.project.name"]
    'trials'
    """
    if receiver == "phoenix":
        return lambda trace: _for_phoenix(trace, project)
    if receiver == "mlflow":
        return _for_mlflow
    return _with_carried_on_root


def _for_mlflow(trace: Trace) -> list[Span]:
    """Name the trace as it is named here: MLflow searches by a tag, which OTLP does not set."""
    name = trace.info.tags.get(TraceTagKey.TRACE_NAME)
    key = SpanAttributeKey.TRACE_TAG_PREFIX + TraceTagKey.TRACE_NAME
    return [
        with_attributes(span, {**span.raw_attributes, key: name})
        if span.parent_id is None and name
        else span
        for span in _with_carried_on_root(trace)
    ]


def _with_carried_on_root(trace: Trace) -> list[Span]:
    """Return the spans, the root with what belongs to the trace; without a root, as they are."""
    if all(span.parent_id is not None for span in trace.data.spans):
        return list(trace.data.spans)
    return with_carried(trace)


def _for_phoenix(trace: Trace, project: str | None) -> list[Span]:
    added = [openinference_attributes(span) for span in trace.data.spans]
    resources: dict[int, Resource] = {}
    spans = []
    for span, extra in zip(_with_carried_on_root(trace), added, strict=True):
        attributes = {**extra, **span.raw_attributes}
        if span.parent_id is None:
            attributes.setdefault("metadata", dumps(dict(trace.info.tags)))
        changed = with_attributes(span, attributes)
        if project is not None:
            # Spans of one process share their resource, and are grouped by that.
            known = resources.get(id(span.resource))
            if known is None:
                url = schema_url_of(span.resource)
                known = Resource({**(span.resource or {}), _PROJECT: project}, url)
                resources[id(span.resource)] = known
            changed = with_attributes(span, attributes, resource=known)
        spans.append(changed)
    return spans
