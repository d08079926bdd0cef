"""Turns a source into rows messages: the state's first rows, deltas, and whole snapshots."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import orjson

from nbtrace.config import options
from nbtrace.entities.constant import NbtraceKey
from nbtrace.entities.span_status import SpanStatusCode
from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.detail_requests import answered
from nbtrace.widgets.details import details_of
from nbtrace.widgets.rows import Packed, RowNumbers
from nbtrace.widgets.source import StoredTrace, TraceSnapshot
from nbtrace.widgets.span_facts import facts_of, safe_text, usage_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbtrace.entities.span import Span
    from nbtrace.widgets.detail_messages import Details
    from nbtrace.widgets.messages import RowsMessage, SavedSummary, Summary
    from nbtrace.widgets.source import TraceSource

# What nbclient saves of a widget; with the static tree it stays below 100 kB (DESIGN, budgets).
SAVED_ROWS = 200
SAVED_BYTES = 14_000
# The first screen of a large trace comes before the rest is packed.
FIRST_ROWS = 2_000
# 20,000 rows are 1.2 MB: one message that a page takes in without a pause.
CHUNK_ROWS = 20_000
# Short texts are for a person who looks while the kernel is busy; they cost more than the rows.
PREVIEW_ROWS = 1_000

Outgoing = tuple["RowsMessage", list[bytes]]


class SavedState(NamedTuple):
    """What a widget's state holds."""

    summary: SavedSummary
    columns: bytes
    texts: str


class RowFeed:
    """The rows of one source, in the order in which a page is to get them.

    Parameters
    ----------
    source : TraceSource
        The trace.
    """

    def __init__(self, source: TraceSource) -> None:
        self.lock = threading.RLock()
        self._source = source
        self._rows = RowNumbers()
        self._sequence = 0
        # What the totals of a running trace are counted from; the other spans are not kept.
        self._counted_spans: dict[str, Span] = {}
        self._parents: dict[str, str | None] = {}
        self._tokens: int | None = None
        self._cost: float | None = None
        self._uncounted = False
        # Whether spans may still come, also after the trace's end.
        self.live = not isinstance(source, TraceSnapshot | StoredTrace)
        # Whether the totals are those of the finished trace.
        self._counted = False
        self._cursor, spans = source.changes(0)
        self._waiting = _by_start(spans)
        self._total = len(spans)
        self._errors = sum(_failed(span) for span in spans)
        if source.finished:
            self._count_all(spans)
        else:
            self._note(spans)

    @property
    def waiting(self) -> int:
        """Number of spans that have not been sent."""
        return len(self._waiting)

    @property
    def spans(self) -> int:
        """Number of spans known."""
        return max(self._total, self._rows.spans)

    @property
    def open(self) -> int:
        """Number of spans sent that have not ended."""
        return self._rows.open

    def replace(self, source: TraceSource, *, read: bool = True) -> None:
        """Go on with another source of the same trace.

        Parameters
        ----------
        source : TraceSource
            The other source.
        read : bool
            Whether to read its spans now; else they are read when somebody asks.
        """
        with self.lock:
            self._source = source
            self._cursor = 1
            self._counted_spans.clear()
            self._parents.clear()
            if read:
                spans = _by_start(source.changes(0)[1])
                self._total = len(spans)
                self._errors = sum(_failed(span) for span in spans)
                self._waiting = spans
                self._count_all(spans)

    def _note(self, spans: Sequence[Span]) -> None:
        """Keep what the totals of a running trace are counted from."""
        for span in spans:
            self._parents[span.span_id] = span.parent_id
            facts = facts_of(span)
            if facts.tokens is not None or facts.cost is not None:
                self._counted_spans[span.span_id] = span
                self._uncounted = True

    def _count_live(self) -> None:
        if self._uncounted:
            self._uncounted = False
            self._tokens, self._cost = usage_of(self._counted_spans.values(), self._parents)

    def _count_all(self, spans: Sequence[Span]) -> None:
        self._counted = True
        if isinstance(self._source, TraceSnapshot):
            info = self._source.trace.info
            usage, cost = info.token_usage, info.cost
            if usage is not None:
                self._tokens = usage.get("total_tokens")
                self._cost = cost.get("total_cost") if cost else None
                return
        self._tokens, self._cost = usage_of(spans)

    def _summary(self, *, finished: bool) -> Summary:
        rows = self._rows
        base = rows.base_ns
        if base is None:
            base = self._waiting[0].start_time_ns if self._waiting else time.time_ns()
        failed = rows.root_failed
        if isinstance(self._source, TraceSnapshot):
            failed = self._source.trace.info.state == "ERROR"
        growing = not finished or (self.live and rows.open > 0)
        state = "IN_PROGRESS" if not finished else "ERROR" if failed else "OK"
        snapshot = self._source.trace.info if isinstance(self._source, TraceSnapshot) else None
        recovered = snapshot is not None and NbtraceKey.RECOVERED in snapshot.tags
        last = max((span.end_time_ns or 0 for span in self._waiting), default=0)
        return {
            "trace_id": self._source.trace_id,
            "name": safe_text(self._source.name[:200]),
            "state": state,
            "finished": finished,
            "live": self.live,
            "note": "recovered" if recovered else "interrupted" if rows.interrupted else "",
            "base_ms": base / 1e6,
            "now_ns": (time.time_ns() if growing else max(rows.last_ns, last, base)) - base,
            "spans": self.spans,
            "errors": max(self._errors, rows.errors),
            "tokens": self._tokens,
            "cost": self._cost,
            "model": rows.model,
        }

    def saved_state(self) -> SavedState:
        """Return the summary and the first rows, within what may be saved."""
        with self.lock:
            chosen: list[Span] = []
            if options.saved != "none":
                chosen = _by_start(self._waiting or self._source.changes(0)[1])[:SAVED_ROWS]
            while True:
                packed = self._rows.pack(chosen)
                texts = orjson.dumps(packed.texts).decode()
                if len(packed.columns) + len(texts) <= SAVED_BYTES or not chosen:
                    break
                chosen = chosen[: len(chosen) * 3 // 4]
            summary = self._summary(finished=self._source.finished)
            if options.saved == "none":
                summary["model"] = None
            return SavedState({**summary, "rows": packed.rows}, packed.columns, texts)

    def messages(self, *, first: bool, finished: bool, anyway: bool = False) -> Iterator[Outgoing]:
        """Yield what a page does not have yet.

        Parameters
        ----------
        first : bool
            Whether this is the first time: the table starts anew, and only its first rows are sent.
        finished : bool
            Whether the trace has ended.
        anyway : bool
            Whether to say that all is well even where nothing is new.
        """
        with self.lock:
            self._cursor, spans = self._source.changes(self._cursor)
            if finished and not self._counted:
                self._count_all(self._source.changes(0)[1])
                self._note(spans)
                self._uncounted = False
            elif self.live:
                self._note(spans)
                self._count_live()
            self._waiting.extend(spans)
            limit = FIRST_ROWS if first else len(self._waiting)
            now, self._waiting = self._waiting[:limit], self._waiting[limit:]
            if now or first or anyway:
                yield from self._chunks(now, reset=first, finished=finished)

    def snapshot(self, *, finished: bool) -> Iterator[Outgoing]:
        """Yield all rows, for a page that came late."""
        with self.lock:
            self._cursor, spans = self._source.changes(0)
            self._waiting = []
            self._total = len(spans)
            yield from self._chunks(_by_start(spans), reset=True, finished=finished)

    def details(self, source: TraceSource, span_id: str) -> Details:
        """Return everything of one span.

        Raises
        ------
        NbtraceError
            When the source does not have it any more.
        """
        span = source.span(span_id)
        if span is None:
            message = f"span {span_id} is not in the store any more; was its trace deleted?"
            raise NbtraceError.missing(message)
        base = self._rows.base_ns
        return details_of(answered(source, span), span.start_time_ns if base is None else base)

    def _chunks(self, spans: Sequence[Span], *, reset: bool, finished: bool) -> Iterator[Outgoing]:
        starts = range(0, max(len(spans), 1), CHUNK_ROWS)
        chunks = [spans[start : start + CHUNK_ROWS] for start in starts]
        left = PREVIEW_ROWS
        for place, chunk in enumerate(chunks):
            packed = self._rows.pack(chunk, preview_rows=left)
            left = max(0, left - packed.rows)
            more = place + 1 < len(chunks)
            yield self._message(
                packed, reset=reset and place == 0, more=more, finished=finished and not more
            )

    def _message(self, packed: Packed, *, reset: bool, more: bool, finished: bool) -> Outgoing:
        message: RowsMessage = {
            "kind": "rows",
            "sequence": self._sequence,
            "reset": reset,
            "more": more,
            "count": packed.rows,
            "summary": self._summary(finished=finished),
        }
        self._sequence += 1
        return message, [packed.columns, orjson.dumps(packed.texts)]


def _by_start(spans: Sequence[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: span.start_time_ns)


def _failed(span: Span) -> bool:
    return span.status.status_code is SpanStatusCode.ERROR
