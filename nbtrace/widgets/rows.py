"""Spans packed into the columns that the page draws from.

Spans are numbered in the order in which they are first heard of, as themselves or as somebody's
parent, so that a row keeps its number while it changes. A message's columns are one little-endian
buffer, for N rows: start, end, tokens, cost (float64, NaN is "not known"), span id (8 bytes), row
number (uint32), parent's number (int32, -1: none), name (uint32), kind (uint16), state (uint8).
Names and kinds are places in the lists of the message's texts.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, NamedTuple

from nbtrace.entities.constant import NbtraceKey
from nbtrace.widgets.messages import ERROR, OPEN, RowTexts
from nbtrace.widgets.span_facts import facts_of, previews, safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.entities.span import Span

# A name is a label here; one of 10 MB must not be what the tree is made of.
NAME_CHARACTERS = 200
NAN = float("nan")
ROW_BYTES = 5 * 8 + 3 * 4 + 2 + 1
# Ticks on a bar: more than these on one bar, or in all of one message, cannot be told apart.
EVENTS_PER_SPAN = 50
EVENTS_PER_MESSAGE = 2_000
# array's 4-byte unsigned type: "I" is 4 bytes wherever CPython runs, "L" is not.
UINT32 = "I"


class Packed(NamedTuple):
    """The rows of one message."""

    rows: int
    columns: bytes
    texts: RowTexts


class RowNumbers:
    """The numbers of a trace's spans and the figures over all of them.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> rows = RowNumbers()
    >>> packed = rows.pack([Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask",
    ...                          start_time_ns=5, end_time_ns=7)])
    >>> packed.rows, len(packed.columns) == ROW_BYTES, packed.texts["names"], rows.base_ns
    (1, True, ['ask'], 5)
    """

    def __init__(self) -> None:
        self.base_ns: int | None = None
        self.last_ns = 0
        self.spans = 0
        self.model: str | None = None
        self.root_failed = False
        self.interrupted = False
        self._open: set[int] = set()
        self._numbers: dict[str, int] = {}
        self._arrived = bytearray()
        self._errors: set[int] = set()

    @property
    def errors(self) -> int:
        """Number of spans that failed."""
        return len(self._errors)

    @property
    def open(self) -> int:
        """Number of spans that have not ended."""
        return len(self._open)

    def _number(self, span_id: str) -> int:
        number = self._numbers.get(span_id)
        if number is None:
            number = self._numbers[span_id] = len(self._numbers)
            self._arrived.append(0)
        return number

    def pack(self, spans: Sequence[Span], preview_rows: int = 0) -> Packed:
        """Pack spans, of which the first ``preview_rows`` bring short texts along.

        Parameters
        ----------
        spans : sequence of Span
            New or changed spans.
        preview_rows : int
            How many of them bring short inputs, outputs and errors.

        Returns
        -------
        Packed
            Columns and texts of a rows message.
        """
        names: dict[str, int] = {}
        kinds: dict[str, int] = {}
        texts: list[tuple[int, str, str, str]] = []
        events: list[tuple[int, int, str]] = []
        start, end, tokens, cost = array("d"), array("d"), array("d"), array("d")
        ids = bytearray()
        numbers, parents, name_places = array(UINT32), array("i"), array(UINT32)
        kind_places, states = array("H"), bytearray()
        for place, span in enumerate(spans):
            if self.base_ns is None:
                self.base_ns = span.start_time_ns
            base = self.base_ns
            number = self._number(span.span_id)
            facts = facts_of(span)
            self._count(number, span, facts.state, facts.model)
            numbers.append(number)
            parents.append(-1 if span.parent_id is None else self._number(span.parent_id))
            start.append(span.start_time_ns - base)
            end.append(NAN if span.end_time_ns is None else span.end_time_ns - base)
            tokens.append(NAN if facts.tokens is None else facts.tokens)
            cost.append(NAN if facts.cost is None else facts.cost)
            ids += _id_bytes(span.span_id)
            name = safe_text(span.name[:NAME_CHARACTERS])
            name_places.append(names.setdefault(name, len(names)))
            kind_places.append(kinds.setdefault(safe_text(facts.kind[:40]), len(kinds)))
            states.append(facts.state)
            if len(events) < EVENTS_PER_MESSAGE:
                events.extend(
                    (number, event.timestamp - base, safe_text(event.name[:NAME_CHARACTERS]))
                    for event in span.events[:EVENTS_PER_SPAN]
                )
            if place < preview_rows:
                short = previews(span)
                if any(short):
                    texts.append((number, *short))
        columns = (start, end, tokens, cost, ids, numbers, parents, name_places, kind_places)
        return Packed(
            len(numbers),
            b"".join((*(_little_endian(column) for column in columns), bytes(states))),
            {"names": list(names), "kinds": list(kinds), "previews": texts, "events": events},
        )

    def _count(self, number: int, span: Span, state: int, model: str | None) -> None:
        if not self._arrived[number]:
            self._arrived[number] = 1
            self.spans += 1
        if state == ERROR:
            self._errors.add(number)
        else:
            self._errors.discard(number)
        if state == OPEN:
            self._open.add(number)
        else:
            self._open.discard(number)
        if span.parent_id is None:
            self.root_failed = state == ERROR
            self.interrupted = bool(span.raw_attributes.get(NbtraceKey.INTERRUPTED))
        if model is not None and self.model is None:
            self.model = safe_text(model[:NAME_CHARACTERS])
        self.last_ns = max(self.last_ns, span.start_time_ns, span.end_time_ns or 0)


def _id_bytes(span_id: str) -> bytes:
    try:
        return bytes.fromhex(span_id).rjust(8, b"\0")[:8]
    except ValueError:
        # An import may bring any text; such a span is drawn but cannot be asked for.
        return bytes(8)


def _little_endian(column: array[float] | array[int] | bytearray) -> bytes:
    if isinstance(column, array) and sys.byteorder == "big":
        column.byteswap()
    return bytes(column)
