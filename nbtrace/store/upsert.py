"""Writing traces into the database: insert what is new, merge what is there.

`upsert` runs inside a transaction that the caller opened. What a batch needs to know is read in two
queries; new traces, which are nearly all, then go in together. A trace that is stored already is
merged by itself: columns are overwritten by what the row knows, tags that
others have set stay, spans are replaced by id, and index rows follow.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities.constant import TraceTagKey
from nbtrace.store.insertion import (
    OPEN_STATES,
    distinct_spans,
    divided,
    insert_spans,
    insert_texts,
    insert_traces,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from nbtrace.store.rows import SpanRow, TraceRow

__all__ = ["cleaned", "index_table", "upsert"]

_INT64 = 2**63
_INSERT_PENDING = "INSERT OR IGNORE INTO text_pending VALUES (?, ?)"
_INSERT_VALUE = "INSERT OR IGNORE INTO span_values VALUES (?, ?, ?, ?)"
# Columns that a later row overwrites with what it knows.
_KNOWN = (
    "execution_duration",
    "name",
    "client_request_id",
    "request_preview",
    "response_preview",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cost",
)
_SPAN_FIELDS = ("name", "type", "status")


def upsert(connection: sqlite3.Connection, rows: Sequence[TraceRow]) -> None:
    """Insert or merge traces, within the transaction of the caller.

    Parameters
    ----------
    connection : sqlite3.Connection
        With ``BEGIN IMMEDIATE`` done.
    rows : sequence of TraceRow
        Rows of the same trace are merged in their order.
    """
    wave: dict[str, TraceRow] = {}
    for row in rows:
        if row.trace_id in wave:
            _upsert_distinct(connection, wave)
            wave = {}
        wave[row.trace_id] = row
    _upsert_distinct(connection, wave)


def _upsert_distinct(connection: sqlite3.Connection, wave: dict[str, TraceRow]) -> None:
    ids = orjson.dumps(list(wave)).decode()
    cursor = connection.execute(
        "SELECT * FROM traces WHERE trace_id IN (SELECT value FROM json_each(?))", (ids,)
    )
    names = [column[0] for column in cursor.description]
    stored = {values[1]: dict(zip(names, values, strict=True)) for values in cursor}
    # What a person has deleted does not come back because a late span arrives.
    deleted = {
        values[0]
        for values in connection.execute(
            "SELECT trace_id FROM trash_traces WHERE trace_id IN (SELECT value FROM json_each(?))",
            (ids,),
        )
    }
    fresh = []
    for trace_id, row in wave.items():
        if trace_id in stored:
            _merge(connection, stored[trace_id], row)
        elif trace_id not in deleted:
            fresh.append(row)
    if fresh:
        insert_traces(connection, fresh)


def _merge(connection: sqlite3.Connection, stored: dict[str, Any], row: TraceRow) -> None:
    changed = {column: getattr(row, column) for column in _KNOWN}
    changed = {column: value for column, value in changed.items() if value is not None}
    changed |= _merge_state(stored, row)
    time = min(stored["request_time"], row.request_time)
    if time != stored["request_time"]:
        changed["request_time"] = time
        for table in ("trace_tags", "trace_metadata", "span_values"):
            _move(connection, table, stored, time)
    changed |= _merge_texts(connection, stored, row, time)
    parts: list[str] = orjson.loads(stored["parts"])
    parts += [suffix for suffix in row.parts if suffix not in parts]
    changed["parts"] = orjson.dumps(parts).decode()
    if row.spans:
        spans = distinct_spans(row.spans)
        places = [parts.index(suffix) for suffix in row.parts]
        if places != list(range(len(places))):
            spans = [span._replace(part=places[span.part]) for span in spans]
        changed |= _merge_spans(connection, stored, spans, time)
    if row.texts is None:
        places = [parts.index(suffix) for suffix in row.parts]
        connection.executemany(_INSERT_PENDING, [(stored["id"], place) for place in places])
    elif row.texts:
        insert_texts(connection, stored["id"], row.texts)

    # Only what differs: SQLite rewrites the index of every column that is named.
    changed = {name: value for name, value in changed.items() if value != stored[name]}
    if changed:
        assignments = ", ".join(f"{name} = ?" for name in changed)
        connection.execute(
            f"UPDATE traces SET {assignments} WHERE id = ?",  # noqa: S608 - column names of ours
            (*changed.values(), stored["id"]),
        )


def _merge_state(stored: dict[str, Any], row: TraceRow) -> dict[str, Any]:
    """Merge the state: a finished trace stays so, whatever a late span's process believes."""
    state = stored["state"]
    if row.state != "STATE_UNSPECIFIED" and (row.state not in OPEN_STATES or state in OPEN_STATES):
        state = row.state
    if state not in OPEN_STATES:
        return {"state": state, "process": None}
    return {"state": state, "process": row.process or stored["process"]}


def _merge_texts(
    connection: sqlite3.Connection, stored: dict[str, Any], row: TraceRow, time: int
) -> dict[str, Any]:
    """Merge tags and metadata, and keep their index rows in step."""
    changed: dict[str, Any] = {}
    tags, metadata = divided(row)
    if tags or row.deleted_tags:
        before: dict[str, str] = orjson.loads(stored["tags"])
        after = {name: value for name, value in before.items() if name not in row.deleted_tags}
        after |= tags
        index_table(connection, "trace_tags", before, after, (time, stored["id"]))
        changed["tags"] = orjson.dumps(after).decode()
        name = tags.get(TraceTagKey.TRACE_NAME)
        if row.name is None and (name is not None or TraceTagKey.TRACE_NAME in row.deleted_tags):
            changed["name"] = name
    if metadata:
        before = orjson.loads(stored["metadata"])
        after = before | metadata
        index_table(connection, "trace_metadata", before, after, (time, stored["id"]))
        changed["metadata"] = orjson.dumps(after).decode()
    return changed


def index_table(
    connection: sqlite3.Connection,
    table: str,
    before: dict[str, str],
    after: dict[str, str],
    place: tuple[int, int],
) -> None:
    """Bring the index rows of one trace from one mapping to another.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    table : str
        ``"trace_tags"`` or ``"trace_metadata"``.
    before, after : dict of str to str
        What the rows say and what they are to say.
    place : tuple of int
        The trace's request time and key.
    """
    gone = [(*item, *place) for item in before.items() if after.get(item[0]) != item[1]]
    come = [(*item, *place) for item in after.items() if before.get(item[0]) != item[1]]
    connection.executemany(
        f"DELETE FROM {table} WHERE key = ? AND value = ? AND request_time = ? AND trace = ?",  # noqa: S608 - a table of ours
        gone,
    )
    connection.executemany(
        f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)",  # noqa: S608 - a table of ours
        come,
    )


def _move(connection: sqlite3.Connection, table: str, stored: dict[str, Any], time: int) -> None:
    """Give a trace's index rows another time, which is part of their key."""
    place = (stored["request_time"], stored["id"])
    if table == "span_values":
        pairs = [
            (field, value)
            for field in _SPAN_FIELDS
            for (value,) in connection.execute(
                f"SELECT DISTINCT {field} FROM spans WHERE trace = ?",  # noqa: S608 - a column of ours
                (stored["id"],),
            )
        ]
        name = "field"
    else:
        pairs = list(orjson.loads(stored[table.removeprefix("trace_")]).items())
        name = "key"
    connection.executemany(
        f"UPDATE {table} SET request_time = ? WHERE {name} = ? AND value = ?"  # noqa: S608 - names of ours
        " AND request_time = ? AND trace = ?",
        [(time, *pair, *place) for pair in pairs],
    )


def _merge_spans(
    connection: sqlite3.Connection, stored: dict[str, Any], spans: list[SpanRow], time: int
) -> dict[str, Any]:
    """Write the spans of a stored trace; return the counts that follow from them."""
    key = stored["id"]
    replaced: list[tuple[str, str, str]] = []
    if stored["span_count"]:
        replaced = connection.execute(
            "SELECT name, type, status FROM spans WHERE trace = ?"
            " AND span_id IN (SELECT value FROM json_each(?))",
            (key, orjson.dumps([span.span_id for span in spans]).decode()),
        ).fetchall()
    insert_spans(connection, [(key, spans)])
    old = [{values[index] for values in replaced} for index in range(3)]
    new = [{span[index] for span in spans} for index in (2, 3, 4)]
    for field, before, after in zip(_SPAN_FIELDS, old, new, strict=True):
        connection.executemany(_INSERT_VALUE, [(field, value, time, key) for value in after])
        for value in before - after:
            # The value of a replaced span goes unless another span of the trace still has it.
            connection.execute(
                "DELETE FROM span_values WHERE field = ? AND value = ? AND request_time = ?"  # noqa: S608 - a column of ours
                f" AND trace = ? AND NOT EXISTS (SELECT 1 FROM spans WHERE trace = ?"
                f" AND {field} = ?)",
                (field, value, time, key, key, value),
            )
    errors = sum(span.status == "ERROR" for span in spans)
    errors -= sum(status == "ERROR" for _, _, status in replaced)
    return {
        "span_count": stored["span_count"] + len(spans) - len(replaced),
        "error_count": stored["error_count"] + errors,
    }


def cleaned(row: TraceRow) -> TraceRow:
    r"""Return a row without what SQLite and JSON refuse: lone surrogates, integers over 64 bits.

    Parameters
    ----------
    row : TraceRow
        A row that could not be written; it is left as it is.

    Returns
    -------
    TraceRow
        With ``?`` for each lone surrogate and ``None`` for each such integer.

    Examples
    --------
    >>> from nbtrace.store.rows import TraceRow
    >>> cleaned(TraceRow("tr-" + "0" * 32, "0", 1, name="a\ud800", cost=None)).name
    'a?'
    """
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    for name, value in values.items():
        if isinstance(value, dict):
            values[name] = {_clean(key): _clean(text) for key, text in value.items()}
        elif name in {"spans", "texts"} and value:
            values[name] = [type(item)(*map(_clean, item)) for item in value]
        elif isinstance(value, set | list):
            values[name] = type(value)(map(_clean, value))
        else:
            values[name] = _clean(value)
    return type(row)(**values)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return None
    return value
