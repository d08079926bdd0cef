"""From rows of the table ``traces`` to `TraceInfo`.

`read_infos` answers for a whole page of a search in two queries, however long the page is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities.trace_info import TraceInfo
from nbtrace.entities.trace_location import TraceLocation
from nbtrace.store.assessments import read_assessments

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from nbtrace.entities import Assessment

__all__ = ["INFO_COLUMNS", "info_of_row", "read_infos"]

# What `info_of_row` reads, in its order, to be put after SELECT.
INFO_COLUMNS = (
    "id, trace_id, experiment_id, request_time, execution_duration, state, client_request_id,"
    " request_preview, response_preview, tags, metadata"
)


def info_of_row(row: Sequence[Any], assessments: list[Assessment] | None = None) -> TraceInfo:
    """Return the `TraceInfo` of a row.

    Parameters
    ----------
    row : sequence
        The columns `INFO_COLUMNS` of the table ``traces``, and anything behind them.
    assessments : list of Assessment, optional
        Those of the trace.

    Returns
    -------
    TraceInfo
        The info.

    Examples
    --------
    >>> row = (1, "tr-" + "0a" * 16, "0", 1000, 5, "OK", None, None, None, '{"k":"v"}', "{}")
    >>> info_of_row(row).tags
    {'k': 'v'}
    """
    return TraceInfo(
        trace_id=row[1],
        trace_location=TraceLocation.from_experiment_id(row[2]),
        request_time=row[3],
        state=row[5],
        request_preview=row[7],
        response_preview=row[8],
        client_request_id=row[6],
        execution_duration=row[4],
        trace_metadata=orjson.loads(row[10]),
        tags=orjson.loads(row[9]),
        assessments=assessments,
    )


def read_infos(connection: sqlite3.Connection, ids: Sequence[int]) -> list[TraceInfo]:
    """Return the infos of traces in two queries.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the store.
    ids : sequence of int
        Keys of the traces (``traces.id``).

    Returns
    -------
    list of TraceInfo
        In the order of `ids`; a trace that is gone is left out.
    """
    rows = {
        row[0]: row
        for row in connection.execute(
            f"SELECT {INFO_COLUMNS} FROM traces"  # noqa: S608 - columns of ours
            " WHERE id IN (SELECT value FROM json_each(?))",
            (orjson.dumps(list(ids)).decode(),),
        )
    }
    assessments = read_assessments(connection, list(rows))
    return [info_of_row(rows[key], assessments.get(key)) for key in ids if key in rows]
