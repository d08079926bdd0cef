"""What a trace gives the writer, and what the writer tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from array import array
    from collections.abc import Sequence

    from nbtrace.store.indexing import SpanIndexer


class TraceUpdate(NamedTuple):
    """What is new of one trace since it was last written.

    Attributes
    ----------
    owned : bool
        Whether this process has the root; others leave state and times alone.
    request_time, execution_duration : int
        Milliseconds; the duration is None while the trace is open.
    state : str or None
        None while the trace is open.
    tags : dict
        Tags not written yet.
    root : tuple of int and bytes, or None
        Scope number and line of the root while it is open, for name and preview.
    positions : array
        Journal positions of the records not written yet.
    open_spans : list of tuple of int and bytes
        Scope number and line of each span that outlives its finished trace.
    first : bool
        Whether the trace has no row of this process yet.
    final : bool
        Whether the trace has finished. Until then the journal keeps what only a crash would need:
        the open spans and the trace's own record.
    more : bool
        Whether there is more to write than one update should hold in memory.
    held : list of int
        Positions kept in the journal by earlier updates, and then by this one.
    remote_parent : bool
        Whether the first span of this process has its parent in another one.
    """

    trace_id: str
    owned: bool
    experiment_id: str
    request_time: int
    execution_duration: int | None
    state: str | None
    name: str | None
    client_request_id: str | None
    request_preview: str | None
    response_preview: str | None
    tags: dict[str, str]
    deleted_tags: set[str]
    metadata: dict[str, str]
    root: tuple[int, bytes] | None
    positions: array[int]
    open_spans: list[tuple[int, bytes]]
    first: bool
    final: bool
    more: bool
    held: list[int]
    remote_parent: bool = False


class PendingTrace(Protocol):
    """A trace that has something to write.

    Attributes
    ----------
    indexer : SpanIndexer or None
        What the writer remembers of the spans it has written; None before the first.
    """

    indexer: SpanIndexer | None

    def take(self) -> TraceUpdate:
        """Return what is new."""

    def written(self, update: TraceUpdate, parts: Sequence[str]) -> None:
        """Note that an update is on disk, its spans in the named parts."""
