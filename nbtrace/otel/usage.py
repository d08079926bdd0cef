"""Tokens and cost of a trace, every call of a model counted once.

The same call is often recorded more than once: by the framework and by the client below it, by an
instrumentor and by the client itself, by an agent that repeats the sum of its calls. So:

1. Of spans with usage in one line of descent, only the lowest count.
2. Logfire's log span with the answer of a stream stands where the request stands.
3. Spans that are not in one line but are the same call count once: they come from different
   instrumentation, one lies within the time of the other, and they have the same response id or,
   where one of them has none, the same model, usage and output. The inner one counts, and takes
   from the outer one what it does not know itself.

An equal response id alone does not make two spans one call: caches and test servers answer
different calls with the same one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from nbtrace.otel.conventions import index_fields, view
from nbtrace.otel.conventions.logfire import stream_requests
from nbtrace.otel.conventions.words import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from nbtrace.entities import Span
    from nbtrace.otel.conventions.view import SpanView

__all__ = ["Usage", "totals"]

# Frameworks take times from callbacks with less precision than the client below them.
NESTING_SLACK_NS: Final = 2_000_000


@dataclass(slots=True)
class _Call:
    """A span with usage, on its way to being counted."""

    span: Span
    view: SpanView
    position: str
    usage: Usage
    instrumentation: tuple[str | None, str]
    end: float


def totals(spans: Iterable[Span], *, parents: Mapping[str, str | None] | None = None) -> Usage:
    """Return the tokens and the cost of a trace, every call counted once.

    Parameters
    ----------
    spans : iterable of Span
        Spans of one trace. With `parents`, those for which `index_fields` found tokens or a cost,
        and Logfire's, suffice.
    parents : mapping of str to (str or None), optional
        Span id to parent's span id for all spans of the trace, where `spans` are not all of them.

    Returns
    -------
    Usage
        Sums of what is known; a field that no span knows is ``None``.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 12}
    >>> chat = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 12}
    >>> trace = "tr-" + "0a" * 16
    >>> totals([
    ...     Span(trace_id=trace, span_id="01" * 8, name="a", start_time_ns=1, attributes=agent),
    ...     Span(trace_id=trace, span_id="02" * 8, parent_id="01" * 8, name="c", start_time_ns=2,
    ...          attributes=chat),
    ... ]).input
    12
    """
    listed = list(spans)
    if parents is None:
        parents = {span.span_id: span.parent_id for span in listed}
    found = [span for span in listed if _has_usage(span)]
    if not found:
        return Usage()
    requests = stream_requests(listed)
    known = {span.span_id for span in found}
    calls = [
        _call(span, position)
        for span in found
        for position in [requests.get(span.span_id, span.span_id)]
        # A request that `merge_streams` completed has the numbers of its log span already.
        if position == span.span_id or position not in known
    ]
    return _sum(_distinct(_lowest(calls, parents)))


def _has_usage(span: Span) -> bool:
    fields = index_fields(span.raw_attributes, span.start_time_ns)
    return any(value is not None for value in fields[2:])


def _call(span: Span, position: str) -> _Call:
    found = view(span)
    scope = span.scope.name if span.scope is not None else None
    end = math.inf if span.end_time_ns is None else span.end_time_ns
    return _Call(span, found, position, found.usage, (scope, span.name), end)


def _lowest(calls: Sequence[_Call], parents: Mapping[str, str | None]) -> list[_Call]:
    """Leave out the calls that have a call below them, after these took what only they know."""
    at: dict[str, list[_Call]] = {}
    for call in calls:
        at.setdefault(call.position, []).append(call)
    below: dict[str, list[_Call]] = {}
    seen: set[str] = set()
    for position, here in at.items():
        nearest = _call_above(position, parents, at)
        if nearest is not None:
            below.setdefault(nearest, []).extend(here)
            seen.add(nearest)
    for position, lower in below.items():
        if len(lower) == 1:
            lower[0].usage = _completed(lower[0].usage, at[position][0].usage)
    return [call for call in calls if call.position not in seen]


def _call_above(
    position: str, parents: Mapping[str, str | None], at: Mapping[str, list[_Call]]
) -> str | None:
    """Return the nearest ancestor with usage; a cycle of parents ends the search."""
    passed = {position}
    above = parents.get(position)
    while above is not None and above not in passed:
        if above in at:
            return above
        passed.add(above)
        above = parents.get(above)
    return None


def _distinct(calls: list[_Call]) -> list[_Call]:
    """Count calls that several instrumentors recorded once: by response id, then by content."""
    by_id = _collapsed(calls, lambda call: call.view.response_id)
    unnamed = any(call.view.response_id is None for call in by_id)
    return _collapsed(by_id, _content) if unnamed and len(by_id) > 1 else by_id


def _content(call: _Call) -> Hashable:
    return (call.view.model, call.usage.input, call.usage.output)


def _collapsed(calls: list[_Call], key: Callable[[_Call], Hashable]) -> list[_Call]:
    groups: dict[Hashable, list[_Call]] = {}
    kept: list[_Call] = []
    for call in calls:
        group = key(call)
        if group is None:
            kept.append(call)
        else:
            groups.setdefault(group, []).append(call)
    for group_calls in groups.values():
        kept += _innermost(group_calls) if len(group_calls) > 1 else group_calls
    return kept


def _innermost(calls: list[_Call]) -> list[_Call]:
    """Drop each call that encloses one of other instrumentation; it gives what it knows."""
    if len({call.instrumentation for call in calls}) == 1:
        return calls
    kept: list[_Call] = []
    for call in sorted(calls, key=lambda item: (item.span.start_time_ns, -item.end)):
        outer = next((item for item in reversed(kept) if _is_same_call(item, call)), None)
        if outer is not None:
            inner, outer = (call, outer) if _within(call, outer) else (outer, call)
            inner.usage = _completed(inner.usage, outer.usage)
            kept = [item for item in kept if item is not outer and item is not inner]
            kept.append(inner)
        else:
            kept.append(call)
    return kept


def _within(inner: _Call, outer: _Call) -> bool:
    return (
        inner.span.start_time_ns >= outer.span.start_time_ns - NESTING_SLACK_NS
        and inner.end <= outer.end + NESTING_SLACK_NS
    )


def _library(call: _Call) -> str | None:
    return call.instrumentation[0]


def _is_same_call(one: _Call, other: _Call) -> bool:
    if one.instrumentation == other.instrumentation:
        return False
    if not (_within(one, other) or _within(other, one)):
        return False
    first, second = one.view.response_id, other.view.response_id
    if first is not None and second is not None:
        return first == second
    said = [item.parts for item in one.view.output_messages]
    if not said and one.view.model is None and _library(one) == _library(other):
        return False  # one library, and nothing is known but a count: counts often agree
    return said == [item.parts for item in other.view.output_messages]


def _completed(inner: Usage, outer: Usage) -> Usage:
    """Fill what the inner span does not know, if the outer one speaks of the same numbers."""
    if (inner.input, inner.output) != (outer.input, outer.output):
        return inner
    changes = {
        name: getattr(outer, name)
        for name in ("total", "cached", "reasoning", "cost", "cache_written")
        if getattr(inner, name) is None and getattr(outer, name) is not None
    }
    return replace(inner, **changes) if changes else inner


def _sum(calls: Sequence[_Call]) -> Usage:
    def added(name: str) -> int | None:
        known = [value for call in calls if (value := getattr(call.usage, name)) is not None]
        return sum(known) if known else None

    costs = [call.usage.cost for call in calls if call.usage.cost is not None]
    return Usage(
        added("input"),
        added("output"),
        added("total"),
        added("cached"),
        added("reasoning"),
        math.fsum(costs) if costs else None,
        added("cache_written"),
    )
