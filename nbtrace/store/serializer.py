"""Turning what is new of a trace into the content of its span files and its database rows."""

from __future__ import annotations

import functools
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.entities.constant import TraceTagKey
from nbtrace.otel import importing
from nbtrace.store.ownership import has_root
from nbtrace.store.plain_spans import plain_span, span_line
from nbtrace.store.segments import PLAIN
from nbtrace.store.span_files import PartDocument, part_path, write_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.store.indexing import SpanIndexer
    from nbtrace.store.journal import Journal
    from nbtrace.store.plain_spans import PlainSpan
    from nbtrace.store.rows import SpanRow, TraceRow
    from nbtrace.store.scopes import ScopeTable
    from nbtrace.store.store import Store
    from nbtrace.store.trace_update import PendingTrace, TraceUpdate

# A part is closed at this size: what one reader has to load, and one POST has to carry.
PART_BYTES = 8 << 20
_scope = itemgetter(0)


@functools.cache
def _row_types() -> tuple[type[SpanIndexer], type[TraceRow]]:
    # on the writer's thread, and not when nbtrace is imported
    with importing.held():
        from nbtrace.store.indexing import SpanIndexer
        from nbtrace.store.rows import TraceRow

    return SpanIndexer, TraceRow


class SerializedTrace(NamedTuple):
    """An update as it is to be on disk.

    Attributes
    ----------
    pending, update
        The trace, and what was new of it.
    parts : list of str
        Suffix of each new part.
    files : list of tuple of str and bytes
        Path or URL of each part, and what it is to hold.
    row : TraceRow
        For the database, with the rows of the spans.
    """

    pending: PendingTrace
    update: TraceUpdate
    parts: list[str]
    files: list[tuple[str, bytes]]
    row: TraceRow

    def write_files(self) -> None:
        """Write the parts.

        Raises
        ------
        OSError
            If one could not be written.
        """
        for path, data in self.files:
            write_file(path, data)


class Serializer:
    """Makes files and rows of what traces have in the journal.

    Parameters
    ----------
    store : Store
        Where they will go.
    journal : Journal
        Where the records are.
    scopes : ScopeTable
        The meaning of the records' scope numbers.
    process : str
        Name of the journal, part of the names of later parts.
    """

    def __init__(self, store: Store, journal: Journal, scopes: ScopeTable, process: str) -> None:
        self._store = store
        self._journal = journal
        self._scopes = scopes
        self._process = process
        self._part_count = 0

    def serialize(self, pending: PendingTrace, new_tags: Mapping[str, str]) -> SerializedTrace:
        """Return what is new of a trace as files and rows.

        Parameters
        ----------
        pending : PendingTrace
            The trace.
        new_tags : mapping of str to str
            Tags of a trace that has no row yet.
        """
        update = pending.take()
        indexer = pending.indexer
        if indexer is None:
            indexer = pending.indexer = _row_types()[0]()
        rows: list[SpanRow] = []
        parts: list[str] = []
        documents: list[PartDocument] = []
        size = PART_BYTES
        for scope, line, plain in self._lines(update):
            if size >= PART_BYTES:
                document = PartDocument()
                documents.append(document)
                parts.append(self._part_name(update, len(parts)))
                current = -1
            if scope != current:
                group = self._scopes.group(scope)
                document.begin(group)
                current = scope
            offset = document.add(line)
            size = document.size
            rows.append(
                indexer.row(line, len(parts) - 1, offset, size - offset, group.scope, plain)
            )
        if not parts and update.root is not None:
            indexer.see_root(update.root[1])
        location = self._store.span_location(update.experiment_id) if parts else ""
        files = [
            (part_path(location, update.trace_id, update.request_time, part), document.data())
            for part, document in zip(parts, documents, strict=True)
        ]
        row = self._row(update, indexer, rows, parts, new_tags)
        return SerializedTrace(pending, update, parts, files, row)

    def _lines(self, update: TraceUpdate) -> list[tuple[int, bytes, PlainSpan | None]]:
        """Return scope, line and, of a plain span, fields; those of a scope stand together."""
        lines: list[tuple[int, bytes, PlainSpan | None]] = []
        records = self._journal.ended(update.positions)
        if not update.final:
            update.held.extend(
                position
                for position, (_, _, payload) in zip(update.positions, records, strict=True)
                if not payload
            )
        for kind, scope, payload in records:
            if kind == PLAIN:
                span = plain_span(payload)
                lines.append((scope, span_line(*span), span))
            elif payload:
                lines.append((scope, payload, None))
        lines += [(scope, line, None) for scope, line in update.open_spans]
        if len(lines) > 1:
            lines.sort(key=_scope)
        return lines

    def _part_name(self, update: TraceUpdate, number: int) -> str:
        # The name of the first part is the root's: two processes must not write the same file.
        if update.owned and update.first and number == 0 and not update.remote_parent:
            return ""
        self._part_count += 1
        return f"{self._process}-{self._part_count}"

    def _row(
        self,
        update: TraceUpdate,
        indexer: SpanIndexer,
        rows: list[SpanRow],
        parts: list[str],
        new_tags: Mapping[str, str],
    ) -> TraceRow:
        tags = dict(update.tags)
        metadata = dict(update.metadata)
        request, response = indexer.previews()
        # The process with the root says what the trace is called and how long it took.
        owned = update.owned and not (
            update.remote_parent and has_root(self._store.database, update.trace_id, self._process)
        )
        if update.first and owned:
            tags = {**new_tags, **tags}
        named = owned and TraceTagKey.TRACE_NAME not in update.deleted_tags
        if named and update.name:
            tags[TraceTagKey.TRACE_NAME] = update.name
        totals: dict[str, Any] = indexer.totals()
        if totals:
            metadata.update(indexer.usage_metadata(totals))
        return _row_types()[1](
            trace_id=update.trace_id,
            experiment_id=update.experiment_id,
            request_time=update.request_time,
            execution_duration=update.execution_duration if owned else None,
            state=update.state if owned and update.state else "IN_PROGRESS",
            name=update.name if named else None,
            client_request_id=update.client_request_id,
            request_preview=update.request_preview or request,
            response_preview=update.response_preview or response,
            tags=tags,
            deleted_tags=update.deleted_tags,
            metadata=metadata,
            spans=rows,
            parts=parts,
            process=self._process if owned and not update.state else None,
            **totals,
        )
