"""Assessments in the database: rows to entities and back.

Feedback, expectations and issues share one table; ``kind`` tells them apart and ``value`` is JSON,
so that a filter can compare it by type. NaN, for which JSON has no word, is stored as null.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.store.keys import trace_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from nbtrace.entities import Assessment
    from nbtrace.store.database import Database

__all__ = [
    "add_assessment",
    "change_assessment",
    "find_assessment",
    "insert_assessment",
    "read_assessments",
    "remove_assessment",
]

_COLUMNS = (
    "assessment_id, trace, span_id, kind, name, value, error, rationale, source_type, source_id,"
    " run_id, metadata, create_time, last_update_time, overrides, valid"
)
_SELECT = (
    f"SELECT {', '.join('a.' + name for name in _COLUMNS.split(', '))}, t.trace_id"  # noqa: S608 - columns of ours
    " FROM assessments a JOIN traces t ON t.id = a.trace"
)


def add_assessment(database: Database, trace_id: str, assessment: Assessment) -> str:
    """Store a new assessment of a trace; one that it overrides is no longer valid.

    Parameters
    ----------
    database : Database
        Where the trace is.
    trace_id : str
        ``"tr-"`` and 32 hex digits.
    assessment : Assessment
        Its ``assessment_id`` is set when it has none.

    Returns
    -------
    str
        Its id.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace, or nothing to override;
        ``RESOURCE_ALREADY_EXISTS`` if its id is in use.
    """
    with database.transaction() as connection:
        trace = trace_key(connection, database, trace_id)
        taken = connection.execute(
            "SELECT 1 FROM assessments WHERE assessment_id = ?", (assessment.assessment_id,)
        )
        if taken.fetchone():
            raise NbtraceError.exists(
                f"there is an assessment {assessment.assessment_id!r} already; change it with "
                "update_assessment, or log one without an assessment_id"
            )
        if assessment.overrides:
            done = connection.execute(
                "UPDATE assessments SET valid = 0 WHERE assessment_id = ? AND trace = ?",
                (assessment.overrides, trace),
            )
            if done.rowcount == 0:
                raise _missing(assessment.overrides, trace_id)
        return insert_assessment(connection, trace, assessment)


def find_assessment(database: Database, trace_id: str, assessment_id: str) -> Assessment:
    """Return one assessment.

    Parameters
    ----------
    database : Database
        Where the trace is.
    trace_id : str
        ``"tr-"`` and 32 hex digits.
    assessment_id : str
        The assessment.

    Returns
    -------
    Assessment
        Also one that has been overridden.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace or assessment.
    """
    with database.reading() as connection:
        return _read_one(connection, database, trace_id, assessment_id)


def change_assessment(
    database: Database, trace_id: str, assessment_id: str, changes: Assessment
) -> Assessment:
    """Give an assessment another name, value, rationale or metadata.

    Parameters
    ----------
    database : Database
        Where the trace is.
    trace_id : str
        ``"tr-"`` and 32 hex digits.
    assessment_id : str
        The assessment.
    changes : Assessment
        Its name and value replace the stored ones, its rationale and metadata where it has any;
        metadata are merged. Source and span stay.

    Returns
    -------
    Assessment
        As it is now.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace or assessment,
        ``INVALID_PARAMETER_VALUE`` if the two are of different kinds.
    """
    with database.transaction() as connection:
        trace = trace_key(connection, database, trace_id)
        known = _read_one(connection, database, trace_id, assessment_id)
        was, kind = _value(known)[0], _value(changes)[0]
        if was != kind:
            raise NbtraceError.invalid(
                f"the assessment {assessment_id!r} is of kind {was} and cannot become {kind}; "
                "delete it and log another"
            )
        known.name = changes.name
        known.feedback, known.expectation = changes.feedback, changes.expectation
        known.issue, known.error = changes.issue, changes.error
        if changes.rationale is not None:
            known.rationale = changes.rationale
        if changes.metadata:
            known.metadata = {**(known.metadata or {}), **changes.metadata}
        known.last_update_time_ms = time.time_ns() // 1_000_000
        insert_assessment(connection, trace, known)
        return known


def remove_assessment(database: Database, trace_id: str, assessment_id: str) -> None:
    """Delete an assessment; one that it had overridden is valid again.

    Parameters
    ----------
    database : Database
        Where the trace is.
    trace_id : str
        ``"tr-"`` and 32 hex digits.
    assessment_id : str
        The assessment; if there is none, nothing happens, as in MLflow.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace.
    """
    with database.transaction() as connection:
        trace = trace_key(connection, database, trace_id)
        row = connection.execute(
            "SELECT overrides FROM assessments WHERE assessment_id = ? AND trace = ?",
            (assessment_id, trace),
        ).fetchone()
        if row is None:
            return
        connection.execute("DELETE FROM assessments WHERE assessment_id = ?", (assessment_id,))
        connection.execute(
            "UPDATE assessments SET valid = 1 WHERE assessment_id = ? AND trace = ?",
            (row[0], trace),
        )


def _read_one(
    connection: sqlite3.Connection, database: Database, trace_id: str, assessment_id: str
) -> Assessment:
    row = connection.execute(
        f"{_SELECT} WHERE t.trace_id = ? AND a.assessment_id = ?", (trace_id, assessment_id)
    ).fetchone()
    if row is None:
        trace_key(connection, database, trace_id)
        raise _missing(assessment_id, trace_id)
    return _entity(row)


def _missing(assessment_id: str, trace_id: str) -> NbtraceError:
    return NbtraceError.missing(
        f"the trace {trace_id!r} has no assessment {assessment_id!r}; those it has are in "
        "get_trace(...).info.assessments"
    )


def insert_assessment(connection: sqlite3.Connection, trace: int, assessment: Assessment) -> str:
    """Store an assessment of a trace, replacing one with the same id.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    trace : int
        Key of the trace.
    assessment : Assessment
        Its ``assessment_id`` is made up and set when it has none.

    Returns
    -------
    str
        The assessment's id, ``"a-"`` and 32 hex digits for a new one.
    """
    if assessment.assessment_id is None:
        assessment.assessment_id = f"a-{secrets.token_hex(16)}"
    kind, value = _value(assessment)
    error = assessment.error
    connection.execute(
        f"INSERT OR REPLACE INTO assessments ({_COLUMNS})"  # noqa: S608 - columns of ours
        f" VALUES ({', '.join('?' * 16)})",
        (
            assessment.assessment_id,
            trace,
            assessment.span_id,
            kind,
            assessment.name,
            _json(value),
            None if error is None else _json(error.to_dictionary()),
            assessment.rationale,
            assessment.source.source_type,
            assessment.source.source_id,
            assessment.run_id,
            _json(assessment.metadata) if assessment.metadata else None,
            assessment.create_time_ms,
            assessment.last_update_time_ms,
            assessment.overrides,
            assessment.valid is not False,
        ),
    )
    return assessment.assessment_id


def _value(assessment: Assessment) -> tuple[str, Any]:
    if assessment.feedback is not None:
        return "feedback", assessment.feedback.value
    if assessment.expectation is not None:
        return "expectation", assessment.expectation.value
    if assessment.issue is not None:
        return "issue", assessment.issue.issue_name
    raise NbtraceError.invalid("an assessment needs feedback, an expectation or an issue")


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # Integers beyond 64 bits and lone surrogates, which the standard library writes.
        return json.dumps(value, default=str)


def read_assessments(
    connection: sqlite3.Connection, traces: Sequence[int]
) -> dict[int, list[Assessment]]:
    """Return the assessments of traces in one query.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the store.
    traces : sequence of int
        Keys of the traces.

    Returns
    -------
    dict of int to list of Assessment
        By key of the trace, oldest first; traces without any are left out.
    """
    found: dict[int, list[Assessment]] = {}
    rows = connection.execute(
        f"{_SELECT} WHERE a.trace IN (SELECT value FROM json_each(?))"  # noqa: S608 - ours
        " ORDER BY a.create_time, a.rowid",
        (orjson.dumps(list(traces)).decode(),),
    )
    for row in rows:
        found.setdefault(row[1], []).append(_entity(row))
    return found


def _entity(row: Sequence[Any]) -> Assessment:
    from nbtrace.entities import AssessmentSource, Expectation, Feedback, IssueReference
    from nbtrace.entities.assessment_error import AssessmentError

    value: Any = json.loads(row[5]) if row[5] is not None else None
    common: dict[str, Any] = {
        "source": AssessmentSource(row[8], row[9]),
        "trace_id": row[16],
        "metadata": orjson.loads(row[11]) if row[11] else None,
        "span_id": row[2],
        "create_time_ms": row[12],
        "last_update_time_ms": row[13],
    }
    assessment: Assessment
    if row[3] == "feedback":
        error = AssessmentError.from_dictionary(json.loads(row[6])) if row[6] else None
        assessment = Feedback(row[4], value=value, error=error, valid=bool(row[15]), **common)
    else:
        if row[3] == "expectation":
            assessment = Expectation(row[4], value, **common)
        else:
            assessment = IssueReference(row[4], value, **common)
        # Only a replaced one says anything about its validity.
        assessment.valid = None if row[15] else False
    assessment.assessment_id = row[0]
    assessment.rationale = row[7]
    assessment.run_id = row[10]
    assessment.overrides = row[14]
    return assessment
