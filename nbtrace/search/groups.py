"""The traces of a listing by what they have in common: how many, how slow, how dear.

A group is one value of a field. Its figures come from the columns of the traces, see
`nbtrace.search.columns`; of a small part of the traces each is looked up by itself.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.search.group_fields import FIELDS, cell_labels, filter_of, place_of
from nbtrace.search.indexes import finite, trace_index

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nbtrace.search.facets import Source
    from nbtrace.search.members import Members
    from nbtrace.search.running import Run

__all__ = ["FIELDS", "ORDERS", "Group", "Groups", "compute"]

ORDERS = ("value", "count", "errors", "p50", "p95", "tokens", "cost", "newest")

_COLUMNS = ("request_time", "execution_duration", "total_tokens", "cost")
_QUANTILES = (0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Group:
    """Traces that have a value in common.

    Attributes
    ----------
    value : str or None
        The value; ``None`` for the traces that have none.
    label : str
        What to show for it: of a cell the number of its last run and its first line, otherwise the
        value. Empty for the traces without.
    filter : str
        What finds them, to be joined with AND to the filter of the listing.
    count : int
        How many they are.
    errors : int
        How many of them are in state ERROR.
    p50, p95 : float or None
        Median and 95th percentile of the known durations in milliseconds, with linear interpolation
        as pandas has it; ``None`` when no duration is known.
    tokens : int or None
        Sum of the known ones, ``None`` when none is known.
    cost : float or None
        The same in US dollars.
    newest : int
        Start of the newest in milliseconds since the epoch.

    Examples
    --------
    >>> Group("a", "a", "name = 'a'", 1, 0, 5.0, 5.0, None, None, 0).count
    1
    """

    value: str | None
    label: str
    filter: str
    count: int
    errors: int
    p50: float | None
    p95: float | None
    tokens: int | None
    cost: float | None
    newest: int


class Groups(NamedTuple):
    """One page of the groups of a listing.

    Attributes
    ----------
    groups : list of Group
        Those of the page, in order.
    total : int
        How many groups there are in all.
    """

    groups: list[Group]
    total: int


class _Facts(NamedTuple):
    """Numbers of the traces, by key or by the place of the key among some."""

    keys: Any
    columns: dict[str, Any]
    failed: Any

    def places(self, traces: Any) -> Any:
        import numpy as np

        return traces if self.keys is None else np.searchsorted(self.keys, traces)

    def there(self, traces: Any) -> Any:
        import numpy as np

        if self.keys is not None:
            return np.isin(traces, self.keys)
        return ~np.isnan(self.columns["request_time"][traces])


def compute(  # noqa: PLR0913 - what a person chooses
    run: Run,
    members: Members,
    by: str,
    order_by: str = "count",
    *,
    descending: bool = True,
    offset: int = 0,
    limit: int = 100,
) -> Groups:
    """Group traces by a field.

    Parameters
    ----------
    run : Run
        Reads the database.
    members : Members
        The traces.
    by : str
        One of `FIELDS`, or ``"tags.<key>"``. A trace with several models is in the group of each.
    order_by : str
        One of `ORDERS`. Groups without the figure come last, equal ones by value.
    descending : bool
        Whether the largest comes first.
    offset, limit : int
        Which page of the groups.

    Returns
    -------
    Groups
        Exact figures.

    Raises
    ------
    Interrupted
        If somebody has stopped it.
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for another field or order.
    """
    if order_by not in ORDERS:
        message = f"groups cannot be ordered by {order_by!r}; take one of {', '.join(ORDERS)}"
        raise NbtraceError.invalid(message)
    place = place_of(by)
    if offset < 0 or limit < 0:
        message = f"offset and limit must not be negative, got {offset} and {limit}"
        raise NbtraceError.invalid(message)
    values, codes, traces, facts = _entries(run, members, place)
    if place.named:
        names = dict(run.rows("SELECT experiment_id, name FROM experiments"))
        values = [names.get(value, value) for value in values]
    figures = _figures(codes, traces, facts, len(values))
    present = figures["count"].nonzero()[0]
    ordered = _ordered(values, figures, present, order_by, descending=descending)
    page = ordered[offset : offset + limit].tolist()
    latest = figures["latest"][page].tolist()
    labels = cell_labels(run, latest) if by == "cell" else {}
    groups = []
    for at, last in zip(page, latest, strict=True):
        value = values[at]
        known = {name: _known(figures[name][at]) for name in ORDERS[1:]}
        known["tokens"] = None if known["tokens"] is None else int(known["tokens"])
        label = "" if value is None else labels.get(last, value)
        groups.append(Group(value, label, filter_of(by, value), **known))
    return Groups(groups, len(present))


def _entries(run: Run, members: Members, place: Source) -> tuple[list[Any], Any, Any, _Facts]:
    """Return the values, and of each trace and value the place of the value and the key."""
    import numpy as np

    few = members.few(place.scan)
    if few is not None:
        rows = run.rows(
            f"SELECT json_group_array(value), json_group_array(trace) FROM ({place.look_up})"
            " WHERE value IS NOT NULL",
            (few, *place.parameters),
        )[0]
        found = [str(value) for value in orjson.loads(rows[0])]
        traces = np.array(orjson.loads(rows[1]), dtype=np.int64)
        values: list[Any] = sorted(set(found))
        at = {value: number for number, value in enumerate(values)}
        codes = np.array([at[value] for value in found], dtype=np.int64)
        facts = _few_facts(run, few)
        every = facts.keys
    else:
        column, mask = members.column(run, place.scan, traces=True)
        values = [None if value is None else str(value) for value in column.values]
        mask = members.mask() if mask is None else mask
        inside = mask.of(column.traces)
        codes = np.repeat(np.arange(len(values)), column.entries)[inside]
        traces = column.traces[inside].astype(np.int64)
        facts = _all_facts(run, members)
        every = mask.inside[:-1].nonzero()[0]
        every = every[facts.there(every)]
        for number in column.everywhere.nonzero()[0]:
            codes = np.concatenate([codes, np.full(len(every), number)])
            traces = np.concatenate([traces, every])
    # Those that were deleted since the listing was made have no figures.
    there = facts.there(traces)
    codes, traces = codes[there], traces[there]
    without = every[~np.isin(every, traces)]
    if None not in values[:1]:
        values = [*values, None]
    codes = np.concatenate([codes, np.full(len(without), values.index(None))])
    return values, codes, np.concatenate([traces, without]), facts


def _few_facts(run: Run, few: str) -> _Facts:
    import numpy as np

    names = ["t.id", "t.state"]
    names += [f"iif({finite(f't.{name}')}, t.{name}, NULL)" for name in _COLUMNS]
    selected = ", ".join(f"json_group_array({name})" for name in names)
    rows = run.rows(
        f"SELECT {selected} FROM (SELECT t.* FROM json_each(?) m CROSS JOIN traces t"
        " ON t.id = m.value ORDER BY t.id) t",
        (few,),
    )[0]
    keys, states, *numbers = (orjson.loads(text) for text in rows)
    columns = {
        name: np.array(column, dtype=np.float64)
        for name, column in zip(_COLUMNS, numbers, strict=True)
    }
    failed = np.array([state == "ERROR" for state in states], dtype=np.bool_)
    return _Facts(np.array(keys, dtype=np.int64), columns, failed)


def _all_facts(run: Run, members: Members) -> _Facts:
    import numpy as np

    columns = {}
    for name in _COLUMNS:
        column, _ = members.column(run, trace_index(name), traces=True)
        numbers = np.full(max(members.last, column.newest) + 1, np.nan)
        numbers[column.traces] = np.repeat(column.values, column.sizes)
        columns[name] = numbers
    column, _ = members.column(run, trace_index("state"), traces=True)
    failed = np.zeros(max(members.last, column.newest) + 1, dtype=np.bool_)
    states = np.array([value == "ERROR" for value in column.values], dtype=np.bool_)
    failed[column.traces] = np.repeat(states, column.sizes)
    return _Facts(None, columns, failed)


def _figures(codes: Any, traces: Any, facts: _Facts, size: int) -> dict[str, npt.NDArray[Any]]:
    """Return the figures of each group, NaN where nothing is known."""
    import numpy as np

    places = facts.places(traces)
    figures: dict[str, npt.NDArray[Any]] = {
        "count": np.bincount(codes, minlength=size),
        "errors": np.bincount(codes[facts.failed[places]], minlength=size),
        "newest": np.full(size, np.iinfo(np.int64).min),
        "latest": np.zeros(size, dtype=np.int64),
    }
    np.maximum.at(figures["latest"], codes, traces)
    times = facts.columns["request_time"][places].astype(np.int64)
    np.maximum.at(figures["newest"], codes, times)
    for name, column in (("tokens", "total_tokens"), ("cost", "cost")):
        numbers = facts.columns[column][places]
        known = ~np.isnan(numbers)
        sums = np.bincount(codes[known], weights=numbers[known], minlength=size)
        some = np.bincount(codes[known], minlength=size)
        figures[name] = np.where(some > 0, sums, np.nan)
    durations = facts.columns["execution_duration"][places]
    known = ~np.isnan(durations)
    middle, slow = _quantiles(codes[known], durations[known], size)
    return figures | {"p50": middle, "p95": slow}


def _quantiles(codes: Any, numbers: Any, size: int) -> list[npt.NDArray[Any]]:
    """Return the quantiles of the numbers of each group."""
    import numpy as np

    ordered = numbers[np.lexsort((numbers, codes))]
    sizes = np.bincount(codes, minlength=size)
    starts = np.cumsum(sizes) - sizes
    found = []
    for quantile in _QUANTILES:
        exact = quantile * np.maximum(sizes - 1, 0)
        below = np.floor(exact).astype(np.int64)
        share = exact - below
        result = np.full(size, np.nan)
        some = sizes > 0
        low = ordered[(starts + below)[some]]
        high = ordered[(starts + np.minimum(below + 1, np.maximum(sizes - 1, 0)))[some]]
        result[some] = low + (high - low) * share[some]
        found.append(result)
    return found


def _ordered(
    values: list[Any], figures: dict[str, Any], present: Any, order_by: str, *, descending: bool
) -> npt.NDArray[np.int64]:
    """Return the places of the groups, those without the figure or the value last."""
    import numpy as np

    ranks = np.empty(len(values), dtype=np.int64)
    known = sorted(
        (at for at in range(len(values)) if values[at] is not None), key=values.__getitem__
    )
    ranks[known] = np.arange(len(known))
    none = np.array([value is None for value in values])
    ranks[none] = len(values)
    if order_by == "value":
        key = np.where(none, np.nan, ranks)
    else:
        key = figures[order_by].astype(np.float64)
    key = -key if descending else key
    found: npt.NDArray[np.int64] = present[np.lexsort((ranks[present], key[present]))]
    return found


def _known(value: Any) -> Any:
    plain = value.item()
    return None if plain != plain else plain  # noqa: PLR0124 - NaN
