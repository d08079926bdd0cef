"""``export_traces``: what the store holds, to a file or to an OTLP/HTTP receiver.

Traces are read one at a time and written as they come, so that a store of any size can leave. What
is safely there is noted, so that an export that was interrupted goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbtrace.entities import Trace, TraceData
from nbtrace.entities.figures import count
from nbtrace.exceptions import NbtraceError
from nbtrace.search.traces import search_traces

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence

    from nbtrace.store.store import Store
    from nbtrace.transfer.checkpoint import Checkpoint
    from nbtrace.transfer.targets import Target

# Traces looked up at a time.
PAGE_TRACES = 50
# What an interrupted export has to do again at most.
SETTLE_TRACES = 50
SETTLE_SPANS = 5_000


@dataclass(slots=True)
class ExportResult:
    """What has left.

    Attributes
    ----------
    traces, spans : int
        How many.
    target : str
        Where to.
    rejected : int
        Spans the receiver refused.
    resumed : int
        Traces that an earlier run, which was interrupted, had exported already.

    Examples
    --------
    >>> ExportResult(1, 3, "traces.jsonl")
    3 spans of 1 trace to traces.jsonl
    """

    traces: int = 0
    spans: int = 0
    target: str = ""
    rejected: int = 0
    resumed: int = 0

    def __repr__(self) -> str:
        text = f"{count(self.spans, 'span')} of "
        text += f"{count(self.traces, 'trace')} to {self.target}"
        if self.resumed:
            text += f", after {self.resumed:,} of an earlier run"
        return text + (f"; {self.rejected:,} were refused" if self.rejected else "")


def found_traces(  # noqa: PLR0913 - what a search is told
    store: Store,
    filter_string: str | None,
    *,
    locations: Sequence[str] | None = None,
    order_by: Sequence[str] | None = None,
    max_results: int | None = None,
    done: Container[str] = (),
) -> Iterator[Trace]:
    """Yield the traces that a filter finds, a page at a time.

    Parameters
    ----------
    store : Store
        Whose traces.
    filter_string, locations, order_by, max_results
        As for ``search_traces``; all traces by default.
    done : container of str
        Ids of traces that are left out, whose spans are not read.
    """
    token: str | None = None
    left = max_results
    while left is None or left > 0:
        page = search_traces(
            store,
            filter_string=filter_string,
            locations=locations,
            order_by=order_by,
            max_results=PAGE_TRACES if left is None else min(PAGE_TRACES, left),
            page_token=token,
            include_spans=False,
        )
        for trace in page.traces:
            if trace.info.trace_id not in done:
                yield Trace(trace.info, TraceData(store.get_spans(trace.info)))
        if left is not None:
            left -= len(page.traces)
        token = page.token
        if token is None:
            return


def export(
    traces: Iterable[Trace],
    target: Target,
    *,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[int], None] | None = None,
    result: ExportResult,
) -> None:
    """Export traces; see ``nbtrace.export_traces``.

    Parameters
    ----------
    traces : iterable of Trace
        What to export.
    target : Target
        Where to; it is finished, or given up.
    checkpoint : Checkpoint, optional
        Where to note what is done.
    progress : callable, optional
        Called with the number of traces exported so far.
    result : ExportResult
        Filled in.

    Raises
    ------
    NbtraceError
        When the target cannot be written or reached. The message says how much had left.
    """
    waiting: list[str] = []
    settled_spans = 0
    finished = False
    try:
        for trace in traces:
            target.put(trace)
            waiting.append(trace.info.trace_id)
            result.traces += 1
            result.spans += len(trace.data.spans)
            is_much = result.spans - settled_spans >= SETTLE_SPANS
            if checkpoint is not None and (is_much or len(waiting) >= SETTLE_TRACES):
                checkpoint.note(waiting, target.settle())
                waiting, settled_spans = [], result.spans
            if progress is not None:
                progress(result.traces + result.resumed)
        target.finish()
        finished = True
    except NbtraceError as error:
        goes_on = checkpoint is not None and checkpoint.has_notes
        again = "goes on from there" if goes_on else "is harmless"
        msg = f"{error.message} (after {result.traces:,} traces; exporting again {again})"
        raise NbtraceError(msg, error.error_code) from None
    finally:
        result.rejected = target.rejected
        if not finished:
            target.give_up(keep=checkpoint is not None and checkpoint.has_notes)
        if checkpoint is not None:
            checkpoint.close(finished=finished)
