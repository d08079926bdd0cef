"""The rows that pass between the writer and the database.

The background writer turns the spans of a trace into one `TraceRow` with a `SpanRow` per span and
hands batches of them to `Database.upsert_traces`. These classes hold plain values only, so that
neither side needs to import the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["SpanRow", "TextRow", "TraceRow"]


class SpanRow(NamedTuple):
    """One span as the database indexes it; the whole span is in its part file.

    Attributes
    ----------
    span_id : str
        16 lower-case hex digits.
    parent_id : str or None
        Span id of the parent, ``None`` for a root.
    name : str
        Name of the span.
    type : str
        Span type, such as ``"LLM"``; ``"UNKNOWN"`` where none was set.
    status : str
        ``"UNSET"``, ``"OK"`` or ``"ERROR"``.
    start_ns : int
        Start in nanoseconds since the epoch.
    end_ns : int or None
        End in nanoseconds since the epoch, ``None`` while the span is open.
    part : int
        Index into `TraceRow.parts` of the same row.
    offset : int
        Byte offset of the span's line in its part file.
    length : int
        Length of that line in bytes.
    attributes : str or None
        JSON object of the scalar attributes of at most 256 characters.
    model : str or None
        Model that answered, for spans that call one.
    input_tokens, output_tokens, total_tokens : int or None
        Token usage of the span.
    cost : float or None
        Cost in US dollars.

    Examples
    --------
    >>> row = SpanRow("00f067aa0ba902b7", None, "ask", "CHAIN", "OK", 1, 2, 0, 0, 310)
    >>> row.status, row.model
    ('OK', None)
    """

    span_id: str
    parent_id: str | None
    name: str
    type: str
    status: str
    start_ns: int
    end_ns: int | None
    part: int
    offset: int
    length: int
    attributes: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cost: float | None = None


class TextRow(NamedTuple):
    """The text of one span as it is searched, each part of it cut.

    Attributes
    ----------
    span_id : str
        16 lower-case hex digits.
    name : str
        Name of the span.
    inputs, outputs : str or None
        Text, or JSON of what is no text.
    other : str or None
        Messages and errors, a line each.

    Examples
    --------
    >>> TextRow("00f067aa0ba902b7", "ask", "Weather?").outputs is None
    True
    """

    span_id: str
    name: str
    inputs: str | None = None
    outputs: str | None = None
    other: str | None = None


@dataclass(slots=True)
class TraceRow:
    """One trace, or what is new of one, to be inserted or merged into the database.

    Attributes
    ----------
    trace_id : str
        ``"tr-"`` and 32 lower-case hex digits.
    experiment_id : str
        Experiment that the trace belongs to; ``"0"`` is the default one.
    request_time : int
        Start in milliseconds since the epoch.
    execution_duration : int or None
        Duration in milliseconds, ``None`` while the trace is open.
    state : str
        A `TraceState` value: ``"OK"``, ``"ERROR"``, ``"IN_PROGRESS"`` or ``"STATE_UNSPECIFIED"``.
    name, client_request_id, request_preview, response_preview : str or None
        ``None`` leaves what is stored.
    tags : dict of str to str
        Tags set or changed since the trace was last written.
    deleted_tags : set of str
        Tags deleted since then.
    metadata : dict of str to str
        Metadata set since then, without the standard tags.
    spans : list of SpanRow
        New or changed spans.
    parts : list of str
        Suffixes of the part files that `spans` refers to, ``""`` for the first part.
    process : str or None
        Journal that still feeds the trace, ``None`` when it is finished.
    input_tokens, output_tokens, total_tokens : int or None
        Token usage of the whole trace.
    cost : float or None
        Cost of the whole trace in US dollars.
    texts : list of TextRow or None
        The text of the spans, where it is at hand; ``None`` has it read from the parts later.

    Examples
    --------
    >>> row = TraceRow("tr-4bf92f3577b34da6a3ce929d0e0e4736", "0", 1_700_000_000_000)
    >>> row.state, row.spans
    ('IN_PROGRESS', [])
    """

    trace_id: str
    experiment_id: str
    request_time: int
    execution_duration: int | None = None
    state: str = "IN_PROGRESS"
    name: str | None = None
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    deleted_tags: set[str] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)
    spans: list[SpanRow] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    process: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cost: float | None = None
    texts: list[TextRow] | None = None
