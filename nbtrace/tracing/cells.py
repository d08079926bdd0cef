"""A notebook cell as a trace: its root span, and the context it runs in.

The notebook extension calls ``start_cell`` before a cell's code runs and ``Cell.end`` after it.
Neither raises: an exception in a cell event can hang the kernel. The context is attached once and
taken back only where it is still the current one.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from nbtrace.config import options
from nbtrace.entities import SpanType
from nbtrace.entities.constant import NbtraceKey
from nbtrace.tracing.context import leave
from nbtrace.tracing.current import get_current
from nbtrace.tracing.live_span import LiveSpan, finish
from nbtrace.tracing.provider import offer_provider
from nbtrace.tracing.record import activate
from nbtrace.tracing.redaction import redact_text
from nbtrace.tracing.starting import begin_trace
from nbtrace.tracing.texts import plain_text
from nbtrace.tracing.values import encode_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

    from nbtrace.tracing.active import ActiveTrace

logger = logging.getLogger("nbtrace")

UNSET: Any = object()


class Cell:
    """A traced cell while it runs.

    Attributes
    ----------
    source : ActiveTrace or None
        The trace, as the widget reads it; None where nothing is recorded.
    """

    def __init__(self, span: LiveSpan | None, contexts: tuple[Context, Context] | None) -> None:
        self._span = span
        self._contexts = contexts
        self._stopped: int | None = None
        self.source: ActiveTrace | None = None if span is None else span.record.trace

    @property
    def trace_id(self) -> str | None:
        """``tr-`` and 32 hex digits, None where nothing is recorded."""
        return None if self.source is None else self.source.trace_id

    def restart_clock(self) -> None:
        """Begin the cell's time now: what came before, such as showing the tree, was nbtrace's.

        It also journals the cell, so that its source is found though the very first line of it
        should kill the process: once before, since the first time makes the journal's file, and
        once with the time that holds.
        """
        try:
            if self._span is not None and self.source is not None:
                self.source.announce()
                self._span.record.restart_clock()
                self.source.start_time = self._span.record.start_time
                self.source.announce()
        except Exception:
            logger.warning("nbtrace could not journal the cell", exc_info=True)

    def stop_clock(self) -> None:
        """Take the time: should the cell turn out to have failed, it ended now."""
        if self._span is not None:
            self._stopped = self._span.record.now()

    def end(
        self,
        *,
        result: Any = UNSET,
        error: BaseException | None = None,
        interrupted: bool = False,
        execution_count: int | None = None,
    ) -> None:
        """End the cell's span and see to it that its trace is on disk.

        Parameters
        ----------
        result : object, optional
            The cell's last value; left out where it has none.
        error : BaseException, optional
            What it raised.
        interrupted : bool
            Whether a person stopped it.
        execution_count : int, optional
            The number in front of the cell.
        """
        try:
            self._end(result, error, interrupted, execution_count)
        except Exception:
            logger.warning("nbtrace could not end the trace of the cell", exc_info=True)

    def _end(
        self,
        result: Any,
        error: BaseException | None,
        interrupted: bool,  # noqa: FBT001 - private
        execution_count: int | None,
    ) -> None:
        if self._contexts is not None:
            leave(*self._contexts)
        span = self._span
        if span is None:
            return
        record = span.record
        if execution_count is not None:
            record.put(NbtraceKey.CELL_EXECUTION_COUNT, execution_count)
            record.trace.metadata[NbtraceKey.CELL_EXECUTION_COUNT] = str(execution_count)
        if result is not UNSET and record.outputs is None and options.capture_content:
            record.outputs = encode_json(result, record.trace)
        if interrupted:
            record.put(NbtraceKey.INTERRUPTED, value=True)
        if error is not None:
            record.fail(error)
        elif interrupted:
            span.set_status("ERROR")
            record.status_message = "interrupted"
        # A child that was still being ended meanwhile, in a thread, does not matter here: what
        # IPython did after the cell's code had failed was to render the traceback.
        finish(record, self._stopped if error is not None else None)
        record.trace.recorder.flush()


def start_cell(  # noqa: PLR0913 - what the extension knows of a cell
    name: str,
    *,
    source: str,
    tags: Mapping[str, str] | None = None,
    experiment: str | None = None,
    cell_id: str | None = None,
    execution_count: int | None = None,
    notebook: str | None = None,
    kernel: str | None = None,
) -> Cell:
    """Begin the trace of a cell and make its root span current.

    Parameters
    ----------
    name : str
        Name of the trace.
    source : str
        The cell's code; redacted before it is kept.
    tags : mapping of str to str, optional
        Tags of the trace.
    experiment : str, optional
        Name of its experiment; made where it is missing.
    cell_id : str, optional
        The front end's id of the cell.
    execution_count : int, optional
        Where it is known before the cell runs.
    notebook, kernel : str, optional
        The notebook's path and the kernel's id.

    Returns
    -------
    Cell
        To be ended; it never raises.
    """
    try:
        offer_provider()
        record = begin_trace(get_current(), None, name, SpanType.CHAIN)
        if record is None:
            return Cell(None, None)
        span = LiveSpan(record)
        trace = record.trace
        facts = {
            NbtraceKey.CELL_ID: cell_id,
            NbtraceKey.CELL_EXECUTION_COUNT: execution_count,
            NbtraceKey.NOTEBOOK: notebook,
            NbtraceKey.KERNEL: kernel,
        }
        for key, value in facts.items():
            if value is not None:
                record.put(key, value)
        if cell_id is not None:
            # of the trace as well, so that a table shows it without reading spans
            trace.metadata[NbtraceKey.CELL_ID] = plain_text(cell_id)
        if options.capture_content:
            text = redact_text(source)
            record.put(NbtraceKey.CELL_SOURCE, text)
            record.inputs = encode_json(text)
        for key, value in (tags or {}).items():
            trace.put_tag(plain_text(key), plain_text(value))
        if experiment is not None:
            with contextlib.suppress(Exception):
                trace.experiment_id = _experiment_id(experiment)
        return Cell(span, activate(record))
    except Exception:
        logger.warning("nbtrace could not start the trace of the cell", exc_info=True)
        return Cell(None, None)


def _experiment_id(name: str) -> str:
    from nbtrace.store import current_store

    return current_store().ensure_experiment(plain_text(name)).experiment_id
