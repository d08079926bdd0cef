"""New traces into the database: the rows of many with few statements.

A trace has a row of its own, one a span, one for each tag and metadata entry, and one for each
distinct name, type and status of its spans, so that any of these finds the newest traces without
reading others. The cost is in the number of statements and of bound values: so many rows go in by
one statement, and what all traces of a batch have in common (their source, say) by one that binds
it once.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities.constant import STANDARD_TAG_KEYS, TraceTagKey

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from nbtrace.store.rows import SpanRow, TextRow, TraceRow

__all__ = [
    "OPEN_STATES",
    "distinct_spans",
    "divided",
    "insert_spans",
    "insert_texts",
    "insert_traces",
]

OPEN_STATES = frozenset({"IN_PROGRESS", "STATE_UNSPECIFIED"})
# So many rows go in by one statement, which more than halves what a row costs. The parameters of
# the widest table stay below the 999 that old versions of SQLite allow.
ROWS_AT_ONCE = 40
# Binding None takes six times as long as a text or a number, so what is not known is left out where
# it is most of a row: what only a call of a model has.
_INSERT_TRACE = (
    "INSERT INTO traces (id, trace_id, experiment_id, request_time, execution_duration, state,"
    " name, request_preview, response_preview, span_count, error_count, tags, metadata, parts,"
    " client_request_id, input_tokens, output_tokens, total_tokens, cost, process)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_PLAIN_TRACE = (
    "INSERT INTO traces (id, trace_id, experiment_id, request_time, execution_duration, state,"
    " name, request_preview, response_preview, span_count, error_count, tags, metadata, parts)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_NOTHING_OF_TRACE = (None,) * 6
_INSERT_SPAN = (
    "INSERT OR REPLACE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_PLAIN_SPAN = (
    "INSERT OR REPLACE INTO spans (trace, span_id, parent_id, name, type, status, start_ns, end_ns,"
    " part, offset, length) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# Fields of a `SpanRow` from the attributes on.
_PLAIN_FIELDS = 10
_NOTHING_OF_SPAN = (None,) * 6
_INSERT_PENDING = "INSERT INTO text_pending VALUES (?, ?)"

# Where the index rows of a value go: by key and value, the request time and key of each trace.
_Places = dict[tuple[str, str], list[tuple[int, int]]]


def insert_traces(connection: sqlite3.Connection, rows: Sequence[TraceRow]) -> None:
    """Insert traces that the database does not have.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    rows : sequence of TraceRow
        One a trace.
    """
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'traces'").fetchone()
    first = key = (found[0] if found else 0) + 1
    dumps = orjson.dumps
    plain: list[tuple[Any, ...]] = []
    others: list[tuple[Any, ...]] = []
    all_spans: list[tuple[int, list[SpanRow]]] = []
    pending: list[tuple[int, int]] = []
    texts: list[tuple[int, list[TextRow]]] = []
    of_tags: _Places = {}
    of_metadata: _Places = {}
    of_spans: _Places = {}
    for key, row in enumerate(rows, first):
        place = (row.request_time, key)
        tags, metadata = divided(row)
        for item in tags.items():
            of_tags.setdefault(item, []).append(place)
        for item in metadata.items():
            of_metadata.setdefault(item, []).append(place)
        spans = distinct_spans(row.spans)
        all_spans.append((key, spans))
        for value in _values(spans):
            of_spans.setdefault(value, []).append(place)
        if row.texts is None:
            pending += [(key, number) for number in range(len(row.parts))]
        elif row.texts:
            texts.append((key, row.texts))
        known = (
            key,
            row.trace_id,
            row.experiment_id,
            row.request_time,
            row.execution_duration,
            row.state,
            tags.get(TraceTagKey.TRACE_NAME) if row.name is None else row.name,
            row.request_preview,
            row.response_preview,
            len(spans),
            sum([span[4] == "ERROR" for span in spans]),
            dumps(tags).decode(),
            dumps(metadata).decode(),
            dumps(row.parts).decode(),
        )
        rest = (
            row.client_request_id,
            row.input_tokens,
            row.output_tokens,
            row.total_tokens,
            row.cost,
            row.process if row.state in OPEN_STATES else None,
        )
        if rest == _NOTHING_OF_TRACE:
            plain.append(known)
        else:
            others.append(known + rest)
    _insert_rows(connection, _INSERT_PLAIN_TRACE, plain)
    _insert_rows(connection, _INSERT_TRACE, others)
    insert_spans(connection, all_spans)
    _insert_rows(connection, _INSERT_PENDING, pending)
    keys = range(first, key + 1)
    for table, places in (
        ("trace_tags", of_tags),
        ("trace_metadata", of_metadata),
        ("span_values", of_spans),
    ):
        _insert_values(connection, table, places, keys)
    for trace, rows_of_trace in texts:
        insert_texts(connection, trace, rows_of_trace)


def insert_spans(
    connection: sqlite3.Connection, spans: Iterable[tuple[int, Iterable[SpanRow]]]
) -> None:
    """Insert spans, or replace those with the same id.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    spans : iterable of tuple of int and iterable of SpanRow
        The key of each trace and its spans.
    """
    plain: list[tuple[Any, ...]] = []
    others: list[tuple[Any, ...]] = []
    for key, of_trace in spans:
        for span in of_trace:
            if span[_PLAIN_FIELDS:] == _NOTHING_OF_SPAN:
                plain.append((key, *span[:_PLAIN_FIELDS]))
            else:
                others.append((key, *span))
    _insert_rows(connection, _INSERT_PLAIN_SPAN, plain)
    _insert_rows(connection, _INSERT_SPAN, others)


def _values(spans: Sequence[SpanRow]) -> Sequence[tuple[str, str]] | set[tuple[str, str]]:
    """Return what the spans of a trace are found by, each once."""
    if len(spans) == 1:
        span = spans[0]
        return ("name", span[2]), ("type", span[3]), ("status", span[4])
    values = {("name", span[2]) for span in spans}
    values.update(("type", span[3]) for span in spans)
    values.update(("status", span[4]) for span in spans)
    return values


def _insert_values(
    connection: sqlite3.Connection, table: str, places: _Places, keys: range
) -> None:
    """Insert index rows, where every trace has the value by its key and value alone."""
    rows: list[tuple[Any, ...]] = []
    for item, found in places.items():
        if len(found) == len(keys) > 1:
            connection.execute(
                f"INSERT INTO {table} SELECT ?, ?, request_time, id FROM traces"  # noqa: S608 - a table of ours
                " WHERE id BETWEEN ? AND ?",
                (*item, keys[0], keys[-1]),
            )
        else:
            rows += [(*item, *place) for place in found]
    _insert_rows(connection, f"INSERT INTO {table} VALUES (?, ?, ?, ?)", rows)  # noqa: S608 - a table of ours


def _insert_rows(
    connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    whole = len(rows) - len(rows) % ROWS_AT_ONCE
    if whole:
        values = statement[statement.index("VALUES") + 6 :]
        several = statement + f", {values}" * (ROWS_AT_ONCE - 1)
        for first in range(0, whole, ROWS_AT_ONCE):
            connection.execute(
                several, list(chain.from_iterable(rows[first : first + ROWS_AT_ONCE]))
            )
        rows = rows[whole:]
    connection.executemany(statement, rows)


def insert_texts(connection: sqlite3.Connection, trace: int, texts: list[TextRow]) -> None:
    """Put the text of a trace's spans, which is at hand, where it is searched.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    trace : int
        The trace's key.
    texts : list of TextRow
        Of its spans.
    """
    # on use: `import nbtrace` comes by here, and the writer leaves the text for later
    from nbtrace.store.text_index import replace_texts

    replace_texts(connection, trace, texts)


def divided(row: TraceRow) -> tuple[dict[str, str], dict[str, str]]:
    """Return tags and metadata with the standard tags on their side.

    Parameters
    ----------
    row : TraceRow
        Left as it is.

    Examples
    --------
    >>> from nbtrace.store.rows import TraceRow
    >>> divided(TraceRow("tr-1", "0", 1, metadata={"mlflow.trace.user": "ann", "k": "v"}))
    ({'mlflow.trace.user': 'ann'}, {'k': 'v'})
    """
    if STANDARD_TAG_KEYS.isdisjoint(row.metadata):
        return row.tags, row.metadata
    moved = {name: value for name, value in row.metadata.items() if name in STANDARD_TAG_KEYS}
    rest = {name: value for name, value in row.metadata.items() if name not in STANDARD_TAG_KEYS}
    return moved | row.tags, rest


def distinct_spans(spans: list[SpanRow]) -> list[SpanRow]:
    """Return spans in the order of their key, the last of those with the same id.

    Parameters
    ----------
    spans : list of SpanRow
        Of one trace.
    """
    if len(spans) < 2:  # noqa: PLR2004 - nothing to sort
        return spans
    by_id = {span[0]: span for span in spans}
    return [by_id[span_id] for span_id in sorted(by_id)]
