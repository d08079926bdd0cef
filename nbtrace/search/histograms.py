"""How traces are spread over a range of numbers.

The values of all traces are read once, sorted, and kept with the listing (8 bytes each), so that a
person who brushes a range gets its bins at once.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.search.indexes import finite, trace_index

if TYPE_CHECKING:
    from nbtrace.search.members import Members
    from nbtrace.search.running import Run

__all__ = ["Histogram", "column", "compute", "read"]

_COLUMNS = {
    "request_time": "request_time",
    "duration": "execution_duration",
    "tokens": "total_tokens",
    "cost": "cost",
}
# Values are skewed when half of them lie in less than this share of the range ...
SKEWED_SHARE = 0.1
# ... and the highest is this many times the lowest.
SKEWED_RATIO = 20


class Histogram(NamedTuple):
    """Counts of traces per range of values.

    Attributes
    ----------
    edges : list of float
        One more than there are bins; a bin reaches from its edge to just below the next, the last
        one includes its upper edge. Empty when there is no value.
    counts : list of int
        Traces per bin.
    missing : int
        How many traces have no value.
    scale : {"linear", "log"}
        Whether the bins are of equal width or of equal ratio. The first bin of a logarithmic scale
        may begin with 0.

    Examples
    --------
    >>> Histogram([0, 1, 2], [3, 4], 0).scale
    'linear'
    """

    edges: list[float]
    counts: list[int]
    missing: int
    scale: Literal["linear", "log"] = "linear"


def column(field: str) -> str:
    """Return the column of a field.

    Parameters
    ----------
    field : str
        As `Listing.histogram` takes it.

    Returns
    -------
    str
        Its name in the database.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a field that has no histogram.

    Examples
    --------
    >>> column("tokens")
    'total_tokens'
    """
    name = _COLUMNS.get(field)
    if name is None:
        message = f"there is no histogram of {field!r}; take one of {', '.join(_COLUMNS)}"
        raise NbtraceError.invalid(message)
    return name


def read(run: Run, name: str, members: Members) -> array[float]:
    """Return the values of some traces, sorted.

    Parameters
    ----------
    run : Run
        Reads the database.
    name : str
        The column.
    members : Members
        The traces.

    Returns
    -------
    array of float
        Those that are known.

    Raises
    ------
    Interrupted
        If somebody has stopped it.
    """
    index = trace_index(name)
    few = members.few(index)
    if few is None:
        import numpy as np

        column, mask = members.column(run, index)
        numbers = column.values.astype(np.float64)
        counts = np.where(np.isnan(numbers), 0, column.counts(mask))
        return array("d", np.repeat(numbers, counts).tobytes())
    text = run.rows(
        f"SELECT json_group_array(t.{name}) FROM json_each(?) m CROSS JOIN traces t"
        f" ON t.id = m.value WHERE {finite(f't.{name}')}",
        (few,),
    )[0][0]
    return array("d", sorted(orjson.loads(text)))


def compute(  # noqa: PLR0913 - what a person chooses
    values: array[float],
    missing: int,
    name: str,
    bins: int,
    *,
    low: float | None = None,
    high: float | None = None,
) -> Histogram:
    """Count sorted values in bins.

    Parameters
    ----------
    values : array of float
        Sorted.
    missing : int
        How many traces have none.
    name : str
        The column they are from.
    bins : int
        How many bins at most.
    low, high : float or None
        What to look at; everything without.

    Returns
    -------
    Histogram
        The counts.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` without a bin, or for a range that ends before it begins.

    Examples
    --------
    >>> compute(array("d", [1, 2, 2, 4]), 0, "total_tokens", 3).counts
    [1, 2, 1]
    >>> compute(array("d", [0, 1, 2, 3, 9, 5000]), 0, "execution_duration", 4).scale
    'log'
    """
    if bins < 1:
        message = f"bins must be at least 1, got {bins}"
        raise NbtraceError.invalid(message)
    if low is not None and high is not None and low > high:
        message = f"low must not be above high, got {low} and {high}"
        raise NbtraceError.invalid(message)
    first = 0 if low is None else bisect_left(values, low)
    last = len(values) if high is None else bisect_right(values, high)
    if first >= last:
        return Histogram([], [], missing)
    begin = values[first] if low is None else float(low)
    end = values[last - 1] if high is None else float(high)
    if begin == end:
        return Histogram([begin, end], [last - first], missing)
    positive = bisect_right(values, 0.0, first, last)
    smallest = values[positive] if positive < last else 0.0
    middle = values[(first + last) // 2]
    skewed = (
        name != "request_time"
        and begin >= 0
        and smallest > 0
        and middle - begin < SKEWED_SHARE * (end - begin)
        and end > SKEWED_RATIO * max(begin, smallest)
    )
    if skewed:
        start = begin if begin > 0 else smallest
        low_log, high_log = math.log(start), math.log(end)
        step = (high_log - low_log) / bins
        edges = [min(end, math.exp(low_log + step * place)) for place in range(bins)]
        edges[0] = begin
    else:
        if name != "cost":
            bins = max(1, min(bins, int(end - begin)))  # of whole numbers, no bin without one
        edges = [min(end, begin + (end - begin) * place / bins) for place in range(bins)]
    edges.append(end)
    places = [first, *(bisect_left(values, edge) for edge in edges[1:-1]), last]
    counts = [after - before for before, after in pairwise(places)]
    return Histogram(edges, counts, missing, "log" if skewed else "linear")
