"""Searches everything that the spans of one trace hold, for the tree's search box.

A page has names and the starts of some values; what attributes, inputs, outputs and events hold in
full is looked for here. Case does not count. A stored trace is searched line by line: only lines
that may hold the text are decoded.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.source import StoredTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nbtrace.entities.span import Span
    from nbtrace.widgets.messages import Found
    from nbtrace.widgets.source import TraceSource

# Nobody steps through more; the total is told all the same.
MOST_IDS = 20_000
# A regular expression may take exponential time on long texts, and holds up the kernel meanwhile.
REGEX_CHARACTERS = 10_000
# What stands in a line as it was typed, whatever the escapes around it.
PLAIN_RUN = re.compile(rb"[0-9A-Za-z_]+")


def search_spans(source: TraceSource, text: str, *, regex: bool = False) -> Found:
    """Find a text in all that the spans of a trace hold.

    Parameters
    ----------
    source : TraceSource
        The trace.
    text : str
        What to look for.
    regex : bool
        Whether it is a regular expression. One looks at the first 10,000 characters of each value.

    Returns
    -------
    Found
        Ids of the spans that have it, and how many these are.

    Raises
    ------
    NbtraceError
        For a regular expression that is none.

    Examples
    --------
    >>> from nbtrace.entities import Span, Trace
    >>> from nbtrace.widgets.source import TraceSnapshot
    >>> trace = Trace.from_spans([Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask",
    ...                                start_time_ns=1, attributes={"place": "Paris"})])
    >>> search_spans(TraceSnapshot(trace), "paris")
    {'span_ids': ['0b0b0b0b0b0b0b0b'], 'total': 1}
    """
    if not text:
        return {"span_ids": [], "total": 0}
    test = _regex_test(text) if regex else _text_test(text)
    ids: dict[str, None] = {}
    for span in _candidates(source, "" if regex else text):
        if any(map(test, _texts(span))):
            ids[span.span_id] = None
    return {"span_ids": list(ids)[:MOST_IDS], "total": len(ids)}


def _regex_test(text: str) -> Callable[[str], object]:
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except re.error as error:
        message = f"{text!r} is no regular expression: {error}; switch .* off to look for the text"
        raise NbtraceError.invalid(message) from None
    return lambda value: pattern.search(value[:REGEX_CHARACTERS])


def _text_test(text: str) -> Callable[[str], object]:
    wanted = text.lower()
    # Values are JSON text, in which a quote or a new line is escaped.
    escaped = json.dumps(text, ensure_ascii=False)[1:-1].lower()
    if escaped == wanted:
        return lambda value: wanted in value.lower()
    return lambda value: wanted in (lower := value.lower()) or escaped in lower


def _candidates(source: TraceSource, text: str) -> Iterable[Span]:
    if not isinstance(source, StoredTrace):
        return source.changes(0)[1]
    run = max(PLAIN_RUN.findall(text.encode("utf-8", "replace")), key=len, default=b"")
    return _decoded(source, run.lower())


def _decoded(source: StoredTrace, run: bytes) -> Iterator[Span]:
    from nbtrace.otel.otlp import decode_span

    for line in source.lines():
        if run in line.lower():
            yield decode_span(orjson.loads(line))


def _texts(span: Span) -> Iterator[str]:
    yield span.name
    yield span.status.description
    for value in span.raw_attributes.values():
        yield _text(value)
    for event in span.events:
        yield event.name
        for value in event.attributes.values():
            yield _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
