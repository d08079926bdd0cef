"""Assessments in the database: rows to entities and back.

Feedback, expectations and issues share one table; ``kind`` tells them apart and ``value`` is JSON,
so that a filter can compare it by type. NaN, for which JSON has no word, is stored as null.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from nbtrace.entities import Assessment

__all__ = ["insert_assessment", "read_assessments"]

_COLUMNS = (
    "assessment_id, trace, span_id, kind, name, value, error, rationale, source_type, source_id,"
    " run_id, metadata, create_time, last_update_time, overrides, valid"
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
        f"SELECT {', '.join('a.' + name for name in _COLUMNS.split(', '))}, t.trace_id"  # noqa: S608 - columns of ours
        " FROM assessments a JOIN traces t ON t.id = a.trace"
        " WHERE a.trace IN (SELECT value FROM json_each(?)) ORDER BY a.create_time, a.rowid",
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
