"""Traces and spans as DataFrames.

Every column has its type also in a frame of no rows, and the same type under pandas 2 and 3 but for
text, which is ``object`` in the one and ``str`` in the other, as in MLflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from nbtrace.entities.constant import SpanAttributeKey, TokenUsageKey, TraceTagKey
from nbtrace.search.extract import extract, parse_extract_field
from nbtrace.search.traces import TraceFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from nbtrace.entities import Trace

__all__ = ["SPAN_COLUMNS", "TRACE_COLUMNS", "frame_of_spans", "spans_frame", "to_pandas"]

MLFLOW_COLUMNS = (
    "trace_id",
    "trace",
    "client_request_id",
    "state",
    "request_time",
    "execution_duration",
    "request",
    "response",
    "trace_metadata",
    "tags",
    "spans",
    "assessments",
)
TRACE_COLUMNS = (
    *MLFLOW_COLUMNS,
    "start_time",
    "duration",
    "name",
    "session",
    "user",
    "span_count",
    "tokens",
    "cost",
)
SPAN_COLUMNS = (
    "trace_id",
    "span_id",
    "parent_id",
    "depth",
    "name",
    "type",
    "status",
    "start_time",
    "duration",
    "self_time",
    "model",
    "tokens",
    "cost",
    "inputs",
    "outputs",
)

# The first major version whose text is not object.
PANDAS_WITH_STR = 3

_KINDS = {
    "client_request_id": "text",
    "request": "object",
    "response": "object",
    "trace_metadata": "object",
    "tags": "object",
    "spans": "object",
    "assessments": "object",
    "inputs": "object",
    "outputs": "object",
    "request_time": "int64",
    "span_count": "int64",
    "depth": "int64",
    "execution_duration": "Int64",
    "tokens": "Int64",
    "cost": "float64",
}


def to_pandas(
    traces: Sequence[Trace],
    facts: Mapping[str, TraceFacts] | None = None,
    extract_fields: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return a DataFrame with a row per trace.

    Parameters
    ----------
    traces : sequence of Trace
        The traces.
    facts : mapping of str to TraceFacts, optional
        What the database knows of them, by trace id; else it is taken from the traces.
    extract_fields : sequence of str, optional
        Values from inside inputs and outputs as further columns.

    Returns
    -------
    pandas.DataFrame
        MLflow's twelve columns, then ``start_time`` (datetime64[ms, UTC]), ``duration``
        (timedelta64[ms]), ``name``, ``session``, ``user``, ``span_count``, ``tokens`` (Int64) and
        ``cost`` (float64, US dollars), then those extracted.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for an item of ``extract_fields`` that says nothing.

    Examples
    --------
    >>> list(to_pandas([]).columns[:3])
    ['trace_id', 'trace', 'client_request_id']
    """
    import pandas as pd

    fields = [parse_extract_field(text) for text in extract_fields or ()]
    rows = [_trace_row(trace, (facts or {}).get(trace.trace_id)) for trace in traces]
    columns = {
        name: _series([row[index] for row in rows], name)
        for index, name in enumerate(TRACE_COLUMNS)
    }
    for field in fields:
        columns[field.column] = pd.Series(extract(traces, field), dtype=object)
    return pd.DataFrame(columns)


def spans_frame(trace: Trace) -> pd.DataFrame:
    """Return a DataFrame with a row per span of a trace.

    Parameters
    ----------
    trace : Trace
        With its spans.

    Returns
    -------
    pandas.DataFrame
        The columns `SPAN_COLUMNS`, in the order of the trace. ``depth`` is 0 for a root;
        ``self_time`` is the part of ``duration`` during which no child ran; both are missing for
        an open span.

    Examples
    --------
    >>> from nbtrace.entities import Trace, TraceData, TraceInfo, TraceLocation
    >>> info = TraceInfo("tr-" + "0a" * 16, TraceLocation.from_experiment_id("0"), 1000, "OK")
    >>> spans_frame(Trace(info, TraceData())).shape
    (0, 15)
    """
    spans = trace.data.spans
    places = depths(spans)
    busy = child_time(spans)
    return frame_of_spans(
        [
            (
                span.trace_id,
                span.span_id,
                span.parent_id,
                places[span.span_id],
                span.name,
                span.span_type,
                str(getattr(span.status.status_code, "value", span.status.status_code)),
                span.start_time_ns,
                span.duration_ns,
                None if span.duration_ns is None else span.duration_ns - busy.get(span.span_id, 0),
                span.model_name,
                _total(span.get_attribute(SpanAttributeKey.CHAT_USAGE), TokenUsageKey.TOTAL_TOKENS),
                _total(span.llm_cost, "total_cost"),
                span.inputs,
                span.outputs,
            )
            for span in spans
        ]
    )


def frame_of_spans(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return the DataFrame of spans whose values are known already.

    Parameters
    ----------
    rows : sequence of sequence
        The values of `SPAN_COLUMNS`, times and durations in nanoseconds.

    Returns
    -------
    pandas.DataFrame
        The columns `SPAN_COLUMNS`, each of its type also without any row.

    Examples
    --------
    >>> frame_of_spans([]).shape
    (0, 15)
    """
    import pandas as pd

    return pd.DataFrame(
        {
            name: _series([row[index] for row in rows], name, "ns")
            for index, name in enumerate(SPAN_COLUMNS)
        }
    )


def _trace_row(trace: Trace, facts: TraceFacts | None) -> tuple[Any, ...]:
    from nbtrace.entities.json_text import dumps

    info = trace.info
    root = trace.data.root
    whole = trace.to_dict()
    tags = info.tags
    if facts is None:
        facts = TraceFacts(
            tags.get(TraceTagKey.TRACE_NAME),
            len(trace.data.spans),
            _total(info.token_usage, TokenUsageKey.TOTAL_TOKENS),
            _total(info.cost, "total_cost"),
        )
    return (
        info.trace_id,
        dumps(whole),
        info.client_request_id,
        info.state.value,
        info.request_time,
        info.execution_duration,
        None if root is None else root.inputs,
        None if root is None else root.outputs,
        info.trace_metadata,
        dict(tags),
        whole["data"]["spans"],
        [item.to_dictionary() for item in info.assessments],
        info.request_time,
        info.execution_duration,
        facts.name,
        tags.get(TraceTagKey.SESSION),
        tags.get(TraceTagKey.USER),
        facts.span_count,
        facts.tokens,
        facts.cost,
    )


def _total(value: object, key: str) -> Any:
    total = value.get(key) if isinstance(value, dict) else None
    return total if isinstance(total, int | float) else None


def _series(values: list[Any], name: str, unit: str = "ms") -> pd.Series[Any]:
    import pandas as pd

    if name == "start_time":
        moments = pd.Series(_integers(values, f"datetime64[{unit}]"))
        return moments.dt.tz_localize("UTC")
    if name in {"duration", "self_time"}:
        return pd.Series(_integers(values, f"timedelta64[{unit}]"))
    kind = _KINDS.get(name, "text")
    if kind == "text":
        # What pandas calls text: object before 3, str since.
        modern = int(pd.__version__.partition(".")[0]) >= PANDAS_WITH_STR
        return pd.Series(values, dtype="str" if modern else "object")
    return pd.Series(values, dtype=kind)


def _integers(values: list[Any], kind: str) -> Any:
    import numpy as np

    missing = np.iinfo(np.int64).min  # NaT
    return np.array([missing if value is None else value for value in values], "int64").view(kind)


class PlacedSpan(Protocol):
    """What `depths` and `child_time` ask of a span."""

    @property
    def span_id(self) -> str:
        """16 hex digits."""

    @property
    def parent_id(self) -> str | None:
        """Its parent's, ``None`` for a root."""

    @property
    def start_time_ns(self) -> int:
        """Nanoseconds since the epoch."""

    @property
    def end_time_ns(self) -> int | None:
        """Nanoseconds since the epoch, ``None`` while open."""


def depths(spans: Sequence[PlacedSpan]) -> dict[str, int]:
    """Return how many ancestors each span has among the spans.

    Parameters
    ----------
    spans : sequence of PlacedSpan
        The spans of one trace.

    Returns
    -------
    dict of str to int
        By span id; 0 for a root and for a span whose parent is not there.
    """
    parents = {span.span_id: span.parent_id for span in spans}
    found: dict[str, int] = {}
    for span_id in parents:
        # Upwards without recursion: chains of calls are long, and damaged files have circles.
        path: list[str] = []
        seen: set[str] = set()
        place: str | None = span_id
        while place in parents and place not in found and place not in seen:
            path.append(place)
            seen.add(place)
            place = parents[place]
        depth = found.get(place, -1) if place is not None else -1
        for known in reversed(path):
            depth += 1
            found[known] = depth
    return found


def child_time(spans: Sequence[PlacedSpan]) -> dict[str, int]:
    """Return for each span how long at least one of its children ran.

    Parameters
    ----------
    spans : sequence of PlacedSpan
        The spans of one trace.

    Returns
    -------
    dict of str to int
        Nanoseconds by span id; a span without children is left out.
    """
    own = {span.span_id: span for span in spans}
    ends: dict[str, int] = {}
    busy: dict[str, int] = {}
    for span in sorted(spans, key=lambda item: item.start_time_ns):
        parent = own.get(span.parent_id or "")
        if parent is None or parent.end_time_ns is None:
            continue
        begin = max(span.start_time_ns, parent.start_time_ns, ends.get(parent.span_id, 0))
        end = min(span.end_time_ns or parent.end_time_ns, parent.end_time_ns)
        if end > begin:
            busy[parent.span_id] = busy.get(parent.span_id, 0) + end - begin
            ends[parent.span_id] = end
    return busy
