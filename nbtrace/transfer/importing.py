"""``import_traces``: bring traces that others wrote into this store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nbtrace.entities import Span, Trace
from nbtrace.entities.figures import count
from nbtrace.exceptions import NbtraceError
from nbtrace.transfer.carried import without_carried
from nbtrace.transfer.ingest import Ingest
from nbtrace.transfer.langfuse import Row
from nbtrace.transfer.reading import contents, loaded

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.store.store import Store

# Spans held in memory before they are written, so that a file of any length can be brought in.
WINDOW_SPANS = 20_000
# Problems that are kept word by word; beyond that they are counted.
MAX_PROBLEMS = 100


@dataclass(slots=True)
class ImportResult:
    """What was brought in.

    Attributes
    ----------
    trace_ids : list of str
        In the order in which they were first met.
    spans : int
        How many spans.
    problems : list of str
        What could not be read, each with its place.
    known : int
        How many of the traces were in the store before.

    Examples
    --------
    >>> ImportResult(["tr-1"], 3)
    3 spans of 1 trace
    """

    trace_ids: list[str] = field(default_factory=list)
    spans: int = 0
    problems: list[str] = field(default_factory=list)
    known: int = 0

    def __repr__(self) -> str:
        traces = len(self.trace_ids)
        text = f"{count(self.spans, 'span')} of "
        text += count(traces, "trace")
        if self.known:
            which = f"{self.known:,} of which were" if self.known < traces else "all of which were"
            text += f", {'which was' if traces == 1 else which} here before"
        elif not traces and not self.problems:
            text += ": there are none in it"
        if self.problems:
            text += f"; {len(self.problems)} could not be read, the first: {self.problems[0]}"
        return text


def import_into(  # noqa: PLR0913 - what it joins
    store: Store,
    source: Any,
    *,
    redact: Callable[[Any], Any],
    experiment_id: str = "0",
    on_error: Literal["raise", "skip"] = "raise",
    progress: Callable[[int], None] | None = None,
) -> ImportResult:
    """Bring traces into a store; see ``nbtrace.import_traces``.

    Parameters
    ----------
    store : Store
        Where to.
    source : object
        What ``reading.contents`` reads.
    redact : callable
        Returns plain data without its secrets.
    experiment_id : str
        The experiment of traces that are new.
    on_error : {"raise", "skip"}
        Whether one thing that cannot be read stops it all, before anything is written.
    progress : callable, optional
        Called with the number of spans brought in so far.

    Raises
    ------
    NbtraceError
        When something cannot be read.
    """
    if on_error not in {"raise", "skip"}:
        msg = f"on_error takes 'raise' or 'skip', got {on_error!r}"
        raise NbtraceError.invalid(msg)
    source = loaded(source)
    if on_error == "raise":
        # A look before anything is written: half a file brought in helps nobody.
        for found in contents(source):
            if isinstance(found.item, NbtraceError):
                msg = f"{found.item.message}; on_error='skip' brings in what is sound"
                raise NbtraceError.invalid(msg)
    taking = _Taking(store, Ingest(store, redact, "import", experiment_id), progress)
    for found in contents(source):
        taking.take(found.item)
    taking.write()
    return taking.result


class _Taking:
    """Gathers spans by trace and writes them when there are enough."""

    def __init__(
        self, store: Store, ingest: Ingest, progress: Callable[[int], None] | None
    ) -> None:
        self.result = ImportResult()
        self._store = store
        self._ingest = ingest
        self._progress = progress
        self._known: set[str] = set()
        self._spans: dict[str, list[Span]] = {}
        self._waiting = 0

    def take(self, item: Span | Trace | Row | NbtraceError) -> None:
        """Take one thing that was read."""
        if isinstance(item, NbtraceError):
            if len(self.result.problems) < MAX_PROBLEMS:
                self.result.problems.append(item.message)
            return
        if isinstance(item, Row):  # `contents` has made traces of them
            return
        if item.trace_id not in self._known:
            self._known.add(item.trace_id)
            self.result.trace_ids.append(item.trace_id)
            self.result.known += self._store.get_trace_info(item.trace_id) is not None
        if isinstance(item, Trace):
            self._ingest.add([item])
            self.result.spans += len(item.data.spans)
            return
        self._spans.setdefault(item.trace_id, []).append(item)
        self._waiting += 1
        if self._waiting >= WINDOW_SPANS:
            self.write()

    def write(self) -> None:
        """Write what has been gathered."""
        self._ingest.add(without_carried(Trace.from_spans(spans)) for spans in self._spans.values())
        self._spans.clear()
        self.result.spans += self._waiting
        self._waiting = 0
        if self._progress is not None:
            self._progress(self.result.spans)
