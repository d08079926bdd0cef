"""The one way into the store for traces that this process did not record.

Spans become part files and rows as the background writer makes them, redacted first. A part is
named after what is in it, so that bringing in the same thing twice leaves one copy. Of a trace that
is stored already the new spans are added; what its row says of tokens and cost is counted anew over
all its spans.
"""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities import Assessment, Link, Span, SpanEvent, SpanStatus, TraceState
from nbtrace.entities.constant import IMMUTABLE_TAG_KEYS, TraceTagKey
from nbtrace.entities.resource import Resource, schema_url_of
from nbtrace.entities.scope import InstrumentationScope
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import encode_resource, encode_scope, encode_span
from nbtrace.store.assessments import add_assessment
from nbtrace.store.attachments import TraceAttachments
from nbtrace.store.indexing import SpanIndexer
from nbtrace.store.rows import SpanRow, TraceRow
from nbtrace.store.span_files import SpanGroup, write_part
from nbtrace.store.taken_out import TakenOut
from nbtrace.transfer.media import taken_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nbtrace.entities import Trace, TraceInfo
    from nbtrace.store.store import Store

    Redact = Callable[[Any], Any]
    # By the ids of both objects, which the span in it keeps alive.
    Sources = dict[tuple[int, int], tuple["Resource | None", "InstrumentationScope | None", Span]]

# As the background writer: what one reader has to load, and one POST has to carry.
PART_BYTES = 8 << 20
# Rows of one transaction: short enough that another process never waits long for the database.
BATCH_TRACES = 200
NS_PER_MS = 1_000_000


@dataclass(slots=True)
class Ingest:
    """Writes traces into a store.

    Parameters
    ----------
    store : Store
        Where to.
    redact : callable
        Returns plain data without its secrets.
    process : str
        What the parts' names begin with, such as ``"import"``.
    experiment_id : str
        The experiment of traces that are new to the store.
    awaits_root : bool
        Whether a trace without a root is one whose root is still to come.
    """

    store: Store
    redact: Redact
    process: str
    experiment_id: str = "0"
    awaits_root: bool = False

    def add(self, traces: Iterable[Trace]) -> None:
        """Write traces, or what has come of them so far.

        Raises
        ------
        OSError, StoreUnavailable
            When the disk or the database cannot be written.
        """
        traces = list(traces)
        for start in range(0, len(traces), BATCH_TRACES):
            batch = traces[start : start + BATCH_TRACES]
            self.store.database.upsert_traces([self._row(trace) for trace in batch])
            for trace in batch:
                self._add_assessments(trace)

    def _row(self, trace: Trace) -> TraceRow:
        stored = self.store.get_trace_info(trace.trace_id)
        experiment_id = (stored and stored.experiment_id) or self.experiment_id
        request_time = trace.info.request_time if stored is None else stored.request_time
        indexer = SpanIndexer()
        rows: list[SpanRow] = []
        names: list[str] = []
        sources: Sources = {}
        attachments = TraceAttachments(self.store.directory, trace.trace_id)
        spans = [
            taken_out(
                span,
                TakenOut(attachments, self.redact),
                lambda span: redacted(span, self.redact, sources),
            )
            for span in trace.data.spans
        ]
        for part in _parts(spans):
            name = f"{self.process}-{_digest(part)}"
            location = self.store.span_location(experiment_id)
            places = write_part(location, trace.trace_id, request_time, name, part)
            rows += [
                indexer.row(line, len(names), offset, length, group.scope)
                for group, where in zip(part, places, strict=True)
                for line, (offset, length) in zip(group.lines, where, strict=True)
            ]
            names.append(name)
        totals = indexer.totals()
        if totals and stored is not None:
            totals = self._totals_of_all(stored, spans)
        row = TraceRow(trace.trace_id, experiment_id, trace.info.request_time)
        row.spans, row.parts = rows, names
        for name, value in totals.items():
            setattr(row, name, value)
        row.metadata = indexer.usage_metadata(totals)
        has_root = any(span.parent_id is None for span in spans)
        if has_root or (stored is None and not self.awaits_root):
            self._describe(row, trace, indexer)
        elif stored is not None:
            row.request_time = min(trace.info.request_time, stored.request_time)
        return row

    def _totals_of_all(self, stored: TraceInfo, spans: Sequence[Span]) -> dict[str, Any]:
        indexer = SpanIndexer()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged part is told of when the trace is read
            known = {span.span_id: span for span in self.store.get_spans(stored)}
        for span in (known | {span.span_id: span for span in spans}).values():
            scope = orjson.dumps(encode_scope(span.scope))
            indexer.row(orjson.dumps(encode_span(span)), 0, 0, 0, scope)
        return indexer.totals()

    def _describe(self, row: TraceRow, trace: Trace, indexer: SpanIndexer) -> None:
        """Put into the row what the root says of the whole trace."""
        info = trace.info
        request, response = indexer.previews()
        row.execution_duration = info.execution_duration
        row.state = TraceState(info.state).value
        row.client_request_id = self._text(info.client_request_id)
        row.request_preview = self._text(info.request_preview) or request
        row.response_preview = self._text(info.response_preview) or response
        row.tags = {
            self._text(key) or "": self._text(value) or ""
            for key, value in info.tags.items()
            if key not in IMMUTABLE_TAG_KEYS
        }
        row.metadata = {
            **{self._text(key) or "": self._text(value) or "" for key, value in _own(info)},
            **row.metadata,
        }
        row.name = row.tags.get(TraceTagKey.TRACE_NAME)

    def _text(self, value: object) -> str | None:
        return None if value is None else str(self.redact(str(value)))

    def _add_assessments(self, trace: Trace) -> None:
        for assessment in trace.info.assessments:
            plain = self.redact(assessment.to_dictionary())
            # Brought in before, or of a trace that lies in the trash.
            with contextlib.suppress(NbtraceError):
                kept = Assessment.from_dictionary(plain)
                add_assessment(self.store.database, trace.trace_id, kept)


def _own(info: TraceInfo) -> Iterable[tuple[str, str]]:
    return info.own_metadata.items()


def _parts(spans: Sequence[Span]) -> list[list[SpanGroup]]:
    """Return the lines of spans by resource and scope, in parts of a readable size."""
    parts: list[dict[tuple[bytes, bytes, str, str], list[bytes]]] = []
    size = PART_BYTES
    heads: dict[tuple[int, int], tuple[bytes, bytes, str, str]] = {}
    for span in spans:
        if size >= PART_BYTES:
            parts.append({})
            size = 0
        identity = (id(span.resource), id(span.scope))
        head = heads.get(identity)
        if head is None:
            scope = span.scope
            head = heads[identity] = (
                orjson.dumps(encode_resource(span.resource)),
                orjson.dumps(encode_scope(scope)),
                "" if scope is None else scope.schema_url,
                schema_url_of(span.resource),
            )
        line = orjson.dumps(encode_span(span))
        parts[-1].setdefault(head, []).append(line)
        size += len(line)
    return [
        [SpanGroup(head[0], head[1], lines, *head[2:]) for head, lines in part.items()]
        for part in parts
    ]


def _digest(part: Iterable[SpanGroup]) -> str:
    found = hashlib.blake2b(digest_size=8)
    for group in part:
        urls = f"{group.schema_url}{group.resource_schema_url}".encode()
        found.update(group.resource + group.scope + urls + b"\n".join(group.lines))
    return found.hexdigest()


def redacted(span: Span, redact: Redact, sources: Sources | None = None) -> Span:
    """Return a span without its secrets.

    Parameters
    ----------
    span : Span
        Any span.
    redact : callable
        Returns plain data without its secrets.
    sources : dict, optional
        Resources and scopes that are redacted already, for the next spans that share them.
    """
    status = span.status
    sources = {} if sources is None else sources
    source = sources.get((id(span.resource), id(span.scope)))
    if source is None:
        source = _redacted_source(span, redact)
        sources[id(span.resource), id(span.scope)] = source
    resource, scope, _ = source
    return Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        name=redact(span.name),
        start_time_ns=span.start_time_ns,
        parent_id=span.parent_id,
        end_time_ns=span.end_time_ns,
        status=SpanStatus(status.status_code, redact(status.description or "")),
        attributes=redact(dict(span.raw_attributes)),
        events=[
            SpanEvent(redact(event.name), event.timestamp, redact(dict(event.attributes or {})))
            for event in span.events
        ],
        links=[
            Link(
                link.trace_id,
                link.span_id,
                redact(dict(link.attributes)) if link.attributes else None,
                trace_state=redact(link.trace_state),
                flags=link.flags,
            )
            for link in span.links
        ],
        kind=span.kind,
        scope=scope,
        resource=resource,
        trace_state=redact(span.trace_state),
        flags=span.flags,
    )


def _redacted_source(
    span: Span, redact: Redact
) -> tuple[Resource | None, InstrumentationScope | None, Span]:
    resource, scope = span.resource, span.scope
    return (
        None
        if resource is None
        else Resource(redact(dict(resource)), redact(schema_url_of(resource))),
        None
        if scope is None
        else InstrumentationScope(
            redact(scope.name),
            redact(scope.version),
            redact(scope.schema_url),
            redact(dict(scope.attributes)) if scope.attributes else None,
        ),
        span,
    )
