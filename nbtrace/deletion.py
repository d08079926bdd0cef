"""Deleting traces and bringing them back, as people call it.

What has ended is written first, so that a trace can be deleted in the same cell that made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.store import current_store
from nbtrace.tracing.traces import flush_traces

if TYPE_CHECKING:
    from collections.abc import Sequence


def delete_traces(
    experiment_id: str,
    max_timestamp_millis: int | None = None,
    max_traces: int | None = None,
    trace_ids: Sequence[str] | None = None,
) -> int:
    """Delete traces; for a week, and until ``nbtrace gc``, `restore_traces` brings them back.

    Parameters
    ----------
    experiment_id : str
        Only traces of this experiment.
    max_timestamp_millis : int, optional
        Those that began then or earlier, in milliseconds since the epoch.
    max_traces : int, optional
        Together with `max_timestamp_millis`: so many at most, the oldest first.
    trace_ids : sequence of str, optional
        Those with these ids, instead of by time.

    Returns
    -------
    int
        How many were deleted.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` unless exactly one of time and ids is given.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("step") as span:
    ...     pass
    >>> nbtrace.delete_traces("0", trace_ids=[span.trace_id])
    1
    >>> nbtrace.restore_traces([span.trace_id])
    1
    """
    from nbtrace.store import trash

    flush_traces()
    return trash.delete_traces(
        current_store().database, experiment_id, max_timestamp_millis, max_traces, trace_ids
    )


def restore_traces(trace_ids: Sequence[str]) -> int:
    """Bring deleted traces back, with everything that belongs to them.

    Parameters
    ----------
    trace_ids : sequence of str
        With or without ``tr-``.

    Returns
    -------
    int
        How many came back.
    """
    from nbtrace.store import trash

    return trash.restore_traces(current_store().database, trace_ids)
