"""Writing traces into the database: insert what is new, merge what is there.

`upsert` runs inside a transaction that the caller opened. What a batch needs to know is read in two
queries; new traces, which are nearly all, then go in with one ``executemany`` a table. A trace that
is stored already is merged by itself: columns are overwritten by what the row knows, tags that
others have set stay, spans are replaced by id, and index rows follow.
"""

from __future__ import annotations

import dataclasses
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities.constant import STANDARD_TAG_KEYS, TraceTagKey

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from nbtrace.store.rows import SpanRow, TextRow, TraceRow

__all__ = ["cleaned", "index_table", "upsert"]

_INT64 = 2**63
_OPEN_STATES = frozenset({"IN_PROGRESS", "STATE_UNSPECIFIED"})
# So many rows go in by one statement: SQLite then takes them without the GIL in one piece, and the
# thread that writes the files beside it does not have to ask for it at each row. The parameters of
# the widest table stay below the 999 that old versions of SQLite allow.
ROWS_AT_ONCE = 40
_INSERT_TRACE = (
    "INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_SPAN = (
    "INSERT OR REPLACE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
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
        _insert(connection, fresh)


def _insert(connection: sqlite3.Connection, rows: Iterable[TraceRow]) -> None:
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'traces'").fetchone()
    key = found[0] if found else 0
    dumps = orjson.dumps
    traces: list[tuple[Any, ...]] = []
    tag_rows: list[tuple[Any, ...]] = []
    metadata_rows: list[tuple[Any, ...]] = []
    span_rows: list[tuple[Any, ...]] = []
    value_rows: list[tuple[Any, ...]] = []
    pending: list[tuple[int, int]] = []
    texts: list[tuple[int, list[TextRow]]] = []
    for row in rows:
        key += 1
        time = row.request_time
        tags, metadata = _divided(row)
        spans = _distinct(row.spans)
        errors = 0
        if spans:
            keyed = (key,)
            span_rows += [keyed + span for span in spans]
            statuses = [span[4] for span in spans]
            errors = statuses.count("ERROR")
            value_rows += [("name", name, time, key) for name in {span[2] for span in spans}]
            value_rows += [("type", kind, time, key) for kind in {span[3] for span in spans}]
            value_rows += [("status", status, time, key) for status in set(statuses)]
        tag_rows += [(name, value, time, key) for name, value in tags.items()]
        metadata_rows += [(name, value, time, key) for name, value in metadata.items()]
        if row.texts is None:
            pending += [(key, place) for place in range(len(row.parts))]
        elif row.texts:
            texts.append((key, row.texts))
        traces.append(
            (
                key,
                row.trace_id,
                row.experiment_id,
                time,
                row.execution_duration,
                row.state,
                tags.get(TraceTagKey.TRACE_NAME) if row.name is None else row.name,
                row.client_request_id,
                row.request_preview,
                row.response_preview,
                len(spans),
                errors,
                row.input_tokens,
                row.output_tokens,
                row.total_tokens,
                row.cost,
                dumps(tags).decode(),
                dumps(metadata).decode(),
                dumps(row.parts).decode(),
                row.process if row.state in _OPEN_STATES else None,
            )
        )
    _insert_rows(connection, _INSERT_TRACE, traces)
    _insert_rows(connection, "INSERT INTO trace_tags VALUES (?, ?, ?, ?)", tag_rows)
    _insert_rows(connection, "INSERT INTO trace_metadata VALUES (?, ?, ?, ?)", metadata_rows)
    _insert_rows(connection, _INSERT_SPAN, span_rows)
    _insert_rows(connection, _INSERT_VALUE, value_rows)
    _insert_rows(connection, _INSERT_PENDING, pending)
    for trace, rows_of_trace in texts:
        _put_texts(connection, trace, rows_of_trace)


def _insert_rows(
    connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    whole = len(rows) - len(rows) % ROWS_AT_ONCE
    if whole:
        values = statement[statement.index("(") :]
        several = statement + f", {values}" * (ROWS_AT_ONCE - 1)
        for first in range(0, whole, ROWS_AT_ONCE):
            connection.execute(
                several, list(chain.from_iterable(rows[first : first + ROWS_AT_ONCE]))
            )
        rows = rows[whole:]
    connection.executemany(statement, rows)


def _put_texts(connection: sqlite3.Connection, trace: int, texts: list[TextRow]) -> None:
    # on use: `import nbtrace` comes by here, and the writer leaves the text for later
    from nbtrace.store.text_index import replace_texts

    replace_texts(connection, trace, texts)


def _divided(row: TraceRow) -> tuple[dict[str, str], dict[str, str]]:
    """Return tags and metadata with the standard tags on their side."""
    if STANDARD_TAG_KEYS.isdisjoint(row.metadata):
        return row.tags, row.metadata
    moved = {name: value for name, value in row.metadata.items() if name in STANDARD_TAG_KEYS}
    rest = {name: value for name, value in row.metadata.items() if name not in STANDARD_TAG_KEYS}
    return moved | row.tags, rest


def _distinct(spans: list[SpanRow]) -> list[SpanRow]:
    """Return the spans in the order of their key, the last of those with the same id."""
    if len(spans) < 2:  # noqa: PLR2004 - nothing to sort
        return spans
    by_id = {span[0]: span for span in spans}
    return [by_id[span_id] for span_id in sorted(by_id)]


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
        spans = _distinct(row.spans)
        places = [parts.index(suffix) for suffix in row.parts]
        if places != list(range(len(places))):
            spans = [span._replace(part=places[span.part]) for span in spans]
        changed |= _merge_spans(connection, stored, spans, time)
    if row.texts is None:
        places = [parts.index(suffix) for suffix in row.parts]
        connection.executemany(_INSERT_PENDING, [(stored["id"], place) for place in places])
    elif row.texts:
        _put_texts(connection, stored["id"], row.texts)

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
    if row.state != "STATE_UNSPECIFIED" and (
        row.state not in _OPEN_STATES or state in _OPEN_STATES
    ):
        state = row.state
    if state not in _OPEN_STATES:
        return {"state": state, "process": None}
    return {"state": state, "process": row.process or stored["process"]}


def _merge_texts(
    connection: sqlite3.Connection, stored: dict[str, Any], row: TraceRow, time: int
) -> dict[str, Any]:
    """Merge tags and metadata, and keep their index rows in step."""
    changed: dict[str, Any] = {}
    tags, metadata = _divided(row)
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
    connection.executemany(_INSERT_SPAN, [(key, *span) for span in spans])
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
