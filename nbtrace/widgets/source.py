"""Where a tree gets its spans: from a trace that runs, or from one that is finished.

`TraceSource` is what the tree needs of a trace. The active trace of the tracing room has exactly
these members; `TraceSnapshot` gives them to a finished `Trace`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import orjson

from nbtrace.entities.trace import Trace
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace.entities.span import Span


@runtime_checkable
class TraceSource(Protocol):
    """A trace as the tree reads it, from any thread.

    Attributes
    ----------
    trace_id : str
        ``tr-`` and 32 hexadecimal digits.
    name : str
        What the trace is called.
    finished : bool
        Whether its root has ended.
    """

    @property
    def trace_id(self) -> str:
        """``tr-`` and 32 hexadecimal digits."""

    @property
    def name(self) -> str:
        """What the trace is called."""

    @property
    def finished(self) -> bool:
        """Whether its root has ended."""

    def changes(self, cursor: int) -> tuple[int, list[Span]]:
        """Return the next cursor and the spans that changed since ``cursor`` (0: all of them).

        Open spans have no end. It is cheap, may be called from any thread, and never waits for the
        traced code.
        """

    def span(self, span_id: str) -> Span | None:
        """Return one span with everything it holds."""


class TraceSnapshot:
    """A finished trace as a source.

    Parameters
    ----------
    trace : Trace
        The trace; it is not copied.

    Examples
    --------
    >>> from nbtrace.entities import Span, Trace
    >>> trace = Trace.from_spans([Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask",
    ...                                start_time_ns=1, end_time_ns=2)])
    >>> source = TraceSnapshot(trace)
    >>> source.name, source.changes(0)[0], source.changes(1)
    ('ask', 1, (1, []))
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._by_id: dict[str, Span] = {}

    @property
    def trace_id(self) -> str:
        """``tr-`` and 32 hexadecimal digits."""
        return self.trace.info.trace_id

    @property
    def name(self) -> str:
        """The trace's name, else that of its root."""
        root = self.trace.data.root
        return self.trace.info.name or (root.name if root else "") or self.trace_id

    @property
    def finished(self) -> bool:
        """True: what a snapshot holds does not change."""
        return True

    def changes(self, cursor: int) -> tuple[int, list[Span]]:
        """Return all spans once."""
        return 1, [] if cursor else list(self.trace.data.spans)

    def span(self, span_id: str) -> Span | None:
        """Return one span, None when the trace has no such span."""
        if not self._by_id:
            self._by_id = {span.span_id: span for span in self.trace.data.spans}
        return self._by_id.get(span_id)


class StoredTrace:
    """A finished trace of the store, of which nothing is kept in memory.

    A notebook keeps the widgets of all its cells for as long as the kernel lives; with this source
    a widget costs no more than its state.

    Parameters
    ----------
    trace_id : str
        ``tr-`` and 32 hexadecimal digits.
    name : str
        What the trace is called.
    """

    finished = True

    def __init__(self, trace_id: str, name: str) -> None:
        self.trace_id = trace_id
        self.name = name

    def changes(self, cursor: int) -> tuple[int, list[Span]]:
        """Read all spans from the store, once."""
        from nbtrace.store import current_store

        trace = None if cursor else current_store().get_trace(self.trace_id)
        return 1, list(trace.data.spans) if trace else []

    def lines(self) -> Iterator[bytes]:
        """Read the spans as they stand in the files, one JSON text each."""
        from nbtrace.store import current_store

        store = current_store()
        with store.database.reading() as connection:
            row = connection.execute(
                "SELECT experiment_id, request_time, parts FROM traces WHERE trace_id = ?",
                (self.trace_id,),
            ).fetchone()
        if row is not None:
            experiment_id, request_time, parts = row
            for suffix in orjson.loads(parts):
                yield from store.part_lines(experiment_id, self.trace_id, request_time, suffix)

    def span(self, span_id: str) -> Span | None:
        """Read one span from the store, by its place in the file."""
        from nbtrace.store import current_store

        return current_store().get_span(self.trace_id, span_id)


def source_of(trace: TraceSource | Trace) -> TraceSource:
    """Return the source that a person's argument means.

    Raises
    ------
    NbtraceError
        When it is neither a trace nor a source.
    """
    if isinstance(trace, Trace):
        return TraceSnapshot(trace)
    if isinstance(trace, TraceSource):
        return trace
    message = (
        f"a tree shows a Trace, got {type(trace).__name__}; "
        "get one with nbtrace.get_trace(trace_id) or nbtrace.search_traces(return_type='list')"
    )
    raise NbtraceError.invalid(message)
