"""From a listed trace to the row that a page shows, and to a line of an export."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import orjson

from nbtrace.entities.constant import NbtraceKey, TraceTagKey
from nbtrace.widgets.span_facts import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.search.listing import ListedTrace
    from nbtrace.widgets.table_messages import TableRow

# A row shows one line of each; the whole of it is in the trace.
PREVIEW_CHARACTERS = 240
TAG_CHARACTERS = 200
# What libraries and servers keep for themselves; a person did not set them.
INTERNAL_PREFIXES = ("mlflow.", "nbtrace.")

ExportFormat = Literal["csv", "json"]
EXPORT_COLUMNS = (
    "trace_id",
    "request_time",
    "duration_ms",
    "state",
    "name",
    "spans",
    "errors",
    "tokens",
    "input_tokens",
    "output_tokens",
    "cost",
    "session",
    "user",
    "request_preview",
    "response_preview",
    "tags",
)


def table_row(trace: ListedTrace) -> TableRow:
    """Return a trace as the table shows it.

    Parameters
    ----------
    trace : ListedTrace
        The trace as the search lists it.

    Returns
    -------
    TableRow
        Texts are short and hold no half surrogate pair, which JSON could not carry.
    """
    return {
        "id": trace.trace_id,
        "time": trace.request_time,
        "duration": trace.duration,
        "state": str(trace.state),
        "name": _short(trace.name, TAG_CHARACTERS),
        "spans": trace.spans,
        "errors": trace.errors,
        "tokens": trace.tokens,
        "input_tokens": trace.input_tokens,
        "output_tokens": trace.output_tokens,
        "cost": trace.cost,
        "session": None if trace.session is None else safe_text(trace.session),
        "user": None if trace.user is None else safe_text(trace.user),
        "request": _short(trace.request_preview, PREVIEW_CHARACTERS),
        "response": _short(trace.response_preview, PREVIEW_CHARACTERS),
        "tags": own_tags(trace.tags),
        "cell": _short(trace.metadata.get(NbtraceKey.CELL_EXECUTION_COUNT), TAG_CHARACTERS),
        "cell_id": safe_text(trace.metadata.get(NbtraceKey.CELL_ID, "")),
        "source": _short(trace.tags.get(TraceTagKey.SOURCE_NAME), TAG_CHARACTERS),
    }


def own_tags(tags: dict[str, str]) -> dict[str, str]:
    """Return the tags that a person set.

    Examples
    --------
    >>> own_tags({"mlflow.trace.user": "ada", "kind": "test"})
    {'kind': 'test'}
    """
    return {
        safe_text(key): _short(value, TAG_CHARACTERS)
        for key, value in tags.items()
        if not key.startswith(INTERNAL_PREFIXES)
    }


def export_text(
    traces: Sequence[ListedTrace], form: ExportFormat, *, first: bool, last: bool, written: int
) -> str:
    r"""Return one piece of an export; all pieces joined are one CSV or JSON document.

    Parameters
    ----------
    traces : sequence of ListedTrace
        The piece.
    form : {"csv", "json"}
        CSV with a header line, or a JSON array of objects.
    first, last : bool
        Whether the piece begins or ends the document.
    written : int
        How many traces the pieces before it hold.

    Returns
    -------
    str
        Text.

    Examples
    --------
    >>> export_text([], "json", first=True, last=True, written=0)
    '[\n]\n'
    """
    if form == "json":
        lines = ",\n".join(orjson.dumps(_record(trace)).decode() for trace in traces)
        between = ",\n" if written and lines else "\n" if lines else ""
        return ("[" if first else "") + between + lines + ("\n]\n" if last else "")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if first:
        writer.writerow(EXPORT_COLUMNS)
    for trace in traces:
        record = _record(trace)
        record["tags"] = orjson.dumps(record["tags"]).decode()
        writer.writerow(["" if value is None else value for value in record.values()])
    return out.getvalue()


def _record(trace: ListedTrace) -> dict[str, Any]:
    started = datetime.fromtimestamp(trace.request_time / 1000, UTC)
    values = (
        trace.trace_id,
        started.isoformat(timespec="milliseconds"),
        trace.duration,
        str(trace.state),
        trace.name,
        trace.spans,
        trace.errors,
        trace.tokens,
        trace.input_tokens,
        trace.output_tokens,
        trace.cost,
        trace.session,
        trace.user,
        trace.request_preview,
        trace.response_preview,
        {safe_text(key): safe_text(value) for key, value in trace.tags.items()},
    )
    return {
        name: safe_text(value) if isinstance(value, str) else value
        for name, value in zip(EXPORT_COLUMNS, values, strict=True)
    }


def _short(text: object, limit: int) -> str:
    if text is None:
        return ""
    shown = safe_text(str(text)[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
