"""Spans of a store that satisfy a filter, one row each.

The filter's conditions on spans speak of the row's span, the others of its trace, and bare ``text``
of the span's own text. Which traces can have such spans is asked of `nbtrace.search.query`, page by
page; then one query gives all spans of the page's traces and says of each whether it is meant. The
others are needed for depth and self time.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.exceptions import NbtraceError
from nbtrace.search.comparisons import TRUE
from nbtrace.search.fetching import fetch
from nbtrace.search.frame import child_time, depths, frame_of_spans
from nbtrace.search.parser import parse
from nbtrace.search.predicates import compile_for_span
from nbtrace.search.query import Query
from nbtrace.search.syntax import (
    And,
    Condition,
    Field,
    Not,
    Or,
    SpanGroup,
    conditions,
    speaks_of_spans,
)
from nbtrace.search.traces import check_limit, experiment_ids
from nbtrace.store.errors import StoreWarning
from nbtrace.store.text_index import catch_up
from nbtrace.store.texts import span_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from nbtrace.entities import Span
    from nbtrace.search.comparisons import Fragment
    from nbtrace.search.syntax import Expression
    from nbtrace.store.store import Store

__all__ = ["search_spans", "traces_with"]

# Traces looked at together: enough to make the query's overhead small, few enough for a small
# max_results to stop early.
TRACES_AT_ONCE = 200
# Up to so many spans of a trace are read one by one, each by its place in the file.
READ_SINGLY = 4

_CONTENT = Field("span", "content", "content")
_COLUMNS = (
    "t.id, t.trace_id, s.span_id, s.parent_id, s.start_ns, s.end_ns, s.name, s.type, s.status,"
    " s.model, s.total_tokens, s.cost"
)


class _Row(NamedTuple):
    """A span as the query gives it, with the names that `depths` and `child_time` know."""

    trace: int
    trace_id: str
    span_id: str
    parent_id: str | None
    start_time_ns: int
    end_time_ns: int | None
    name: str
    type: str
    status: str
    model: str | None
    tokens: int | None
    cost: float | None
    meant: int


def search_spans(  # noqa: PLR0913 - what a search takes
    store: Store,
    filter_string: str | None = None,
    *,
    max_results: int | None = None,
    locations: Sequence[str] | None = None,
    include_content: bool = True,
    now_ms: int | None = None,
) -> pd.DataFrame:
    """Return the spans that satisfy a filter, as a DataFrame.

    Parameters
    ----------
    store : Store
        Where to look.
    filter_string : str or None
        A filter; all spans without.
    max_results : int or None
        Number of spans at most; all without.
    locations : sequence of str or None
        Ids or names of experiments; all of the store without.
    include_content : bool
        Whether to read inputs and outputs, which are in the span files.
    now_ms : int or None
        What relative times count from, in milliseconds since the epoch; ``None`` means now.

    Returns
    -------
    pandas.DataFrame
        See `nbtrace.search.frame.SPAN_COLUMNS`; traces newest first, the spans of each by start.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a filter or a number that cannot work.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nbtrace.store.store import Store
    >>> with tempfile.TemporaryDirectory() as name:
    ...     store = Store(Path(name, ".nbtrace"))
    ...     print(len(search_spans(store, "span.status = 'ERROR'")))
    ...     store.close()
    0
    """
    if max_results is not None:
        check_limit(max_results)
    rows: list[tuple[Any, ...]] = []
    for spans in _matching(store, parse(filter_string, now_ms=now_ms), locations):
        found = [span for span in spans if span.meant]
        found.sort(key=lambda span: (span.start_time_ns, span.span_id))
        if max_results is not None:
            found = found[: max_results - len(rows)]
        places, busy = depths(spans), child_time(spans)
        contents = _contents(store, found) if include_content else {}
        rows += [
            _values(span, places[span.span_id], busy.get(span.span_id, 0), contents)
            for span in found
        ]
        if len(rows) == max_results:
            break
    return frame_of_spans(rows)


def _values(
    span: _Row, depth: int, busy: int, contents: dict[str, tuple[Any, Any]]
) -> tuple[Any, ...]:
    duration = None if span.end_time_ns is None else span.end_time_ns - span.start_time_ns
    return (
        span.trace_id,
        span.span_id,
        span.parent_id,
        depth,
        span.name,
        span.type,
        span.status,
        span.start_time_ns,
        duration,
        None if duration is None else duration - busy,
        span.model,
        span.tokens,
        span.cost,
        *contents.get(span.span_id, (None, None)),
    )


def _matching(
    store: Store, tree: Expression | None, locations: Sequence[str] | None
) -> Iterator[list[_Row]]:
    """Yield all spans of each trace that has some that are meant."""
    meant = TRUE
    extra: tuple[Expression, ...] = ()
    if tree is not None:
        tree = _of_the_span(tree)
        wider = traces_with(tree)
        if wider is not None:
            extra = wider.operands if isinstance(wider, And) else (wider,)
        meant = compile_for_span(tree)
    query = Query(None, experiment_ids(store, locations), extra=extra)
    if tree is not None and any(item.field.type == "content" for item in conditions(tree)):
        catch_up(store)
    place: Sequence[Any] | None = None
    while True:
        with store.database.reading() as connection:
            places = query.page(connection, TRACES_AT_ONCE, place)
            keys = [item[-1] for item in places]
            rows = [_Row(*row) for row in fetch(connection, *_spans_of(keys, meant))]
        by_trace: dict[int, list[_Row]] = {}
        for row in rows:
            by_trace.setdefault(row.trace, []).append(row)
        for key in keys:
            spans = by_trace.get(key, [])
            if any(span.meant for span in spans):
                yield spans
        if len(places) < TRACES_AT_ONCE:
            return
        place = places[-1]


def _spans_of(keys: list[int], meant: Fragment) -> tuple[str, tuple[Any, ...]]:
    listed = "[" + ",".join(map(str, keys)) + "]"
    sql = (
        f"SELECT {_COLUMNS}, ({meant.sql}) IS TRUE FROM json_each(?) k"
        " CROSS JOIN traces t ON t.id = k.value CROSS JOIN spans s ON s.trace = t.id"
    )
    return sql, (*meant.parameters, listed)


def _contents(store: Store, spans: list[_Row]) -> dict[str, tuple[Any, Any]]:
    """Return inputs and outputs by span id; a file that is gone costs its contents only."""
    if not spans:
        return {}
    trace_id = spans[0].trace_id
    found: list[Span | None] = []
    if len(spans) <= READ_SINGLY:
        for span in spans:
            try:
                found.append(store.get_span(trace_id, span.span_id))
            except NbtraceError as error:
                message = f"{error}; the span {span.span_id} is given without inputs and outputs"
                warnings.warn(message, StoreWarning, stacklevel=2)
    else:
        info = store.get_trace_info(trace_id)
        found.extend(store.get_spans(info) if info is not None else ())
    return {span.span_id: span_content(span) for span in found if span is not None}


def _of_the_span(tree: Expression) -> Expression:
    """Let ``text`` speak of the span of the row."""
    if isinstance(tree, Condition):
        if tree.field.scope == "trace" and tree.field.type == "content":
            return Condition(_CONTENT, tree.operator, tree.value, tree.position)
        return tree
    if isinstance(tree, Not):
        return Not(_of_the_span(tree.operand))
    if isinstance(tree, SpanGroup):
        return tree
    return type(tree)(tuple(_of_the_span(operand) for operand in tree.operands))


def traces_with(tree: Expression) -> Expression | None:
    """Return what is true of every trace that has a span which satisfies a tree.

    Parameters
    ----------
    tree : Expression
        A tree as the parser makes it.

    Returns
    -------
    Expression or None
        A tree after `group_spans`; ``None`` when nothing can be said.

    Examples
    --------
    >>> isinstance(traces_with(parse("NOT span.name = 'a'")), SpanGroup)
    True
    """
    if speaks_of_spans(tree):
        return SpanGroup(tree)
    if not any(condition.field.of_span for condition in conditions(tree)):
        return tree
    if isinstance(tree, Or):
        parts = [traces_with(operand) for operand in tree.operands]
        known = tuple(part for part in parts if part is not None)
        return Or(known) if len(known) == len(parts) else None
    if isinstance(tree, And):
        spans = tuple(operand for operand in tree.operands if speaks_of_spans(operand))
        joined = [SpanGroup(spans[0] if len(spans) == 1 else And(spans))] if spans else []
        others = [traces_with(operand) for operand in tree.operands if operand not in spans]
        all_known = (*joined, *(part for part in others if part is not None))
        if not all_known:
            return None
        return all_known[0] if len(all_known) == 1 else And(all_known)
    return None
