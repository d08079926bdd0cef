"""``compare``: two traces side by side, or a trace and the run before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.tracing.traces import flush_traces

if TYPE_CHECKING:
    from nbtrace.entities import Trace
    from nbtrace.widgets.trace_diff import TraceDiff


def compare(before: Trace | str, after: Trace | str | None = None) -> TraceDiff:
    """Compare two traces, span by span.

    Parameters
    ----------
    before : Trace or str
        A trace or its id. Where it is the only one, it is compared with the run before it.
    after : Trace or str, optional
        The trace that is judged against it.

    Returns
    -------
    TraceDiff
        Shown in a cell it lists what was added, removed, changed, and what became slower or
        faster; ``print`` lists it in a terminal, ``to_pandas()`` gives a row per span.

    Raises
    ------
    NbtraceError
        When there is no such trace, or none before it.

    Examples
    --------
    >>> import nbtrace
    >>> for answer in ("a whale", "a walrus"):
    ...     with nbtrace.start_span("ask") as span:
    ...         span.set_outputs(answer)
    >>> newest, = nbtrace.search_traces(max_results=1, return_type="list")
    >>> print(str(nbtrace.compare(newest)).splitlines()[-1])  # doctest: +ELLIPSIS
    ~ ask  ... · outputs differ
    """
    flush_traces()
    from nbtrace.widgets.trace_diff import compare_traces

    return compare_traces(before, after)
