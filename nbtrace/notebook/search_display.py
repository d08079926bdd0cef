"""Shows what a search finds, below a notebook cell or as text in a terminal."""

from __future__ import annotations

from IPython.core.error import UsageError

from nbtrace.exceptions import NbtraceError


def show_table(filter_string: str) -> None:
    """Show the traces of a search.

    Parameters
    ----------
    filter_string : str
        In the language of `nbtrace.search_traces`; empty for all traces.

    Raises
    ------
    IPython.core.error.UsageError
        For a filter that cannot work, with a caret under the place.
    """
    from nbtrace.tracing.traces import flush_traces
    from nbtrace.widgets.table_display import show_table as show
    from nbtrace.widgets.trace_table import TraceTable

    flush_traces()
    try:
        table = TraceTable(filter_string)
    except NbtraceError as error:
        raise UsageError(error.message) from None
    show(table)
