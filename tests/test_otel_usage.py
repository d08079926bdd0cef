"""Totals of a trace where calls are recorded more than once, and where they only look so."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrace.entities import InstrumentationScope, Span
from nbtrace.otel.usage import Usage, totals


def call(
    number: int,
    parent: int | None,
    start: int,
    end: int | None,
    scope: str = "client",
    *,
    response: str | None = None,
    tokens: tuple[int | None, int | None] | None = (12, 5),
    **attributes: Any,
) -> Span:
    known: dict[str, Any] = {"gen_ai.operation.name": "chat"}
    if response is not None:
        known["gen_ai.response.id"] = response
    if tokens is not None:
        keys = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
        known |= {key: n for key, n in zip(keys, tokens, strict=True) if n is not None}
    return Span(
        trace_id="tr-" + "0a" * 16,
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=f"chat of {scope}",
        start_time_ns=start * 10**9,
        end_time_ns=None if end is None else end * 10**9,
        attributes=known | attributes,
        scope=InstrumentationScope(scope, ""),
    )


def tokens(*spans: Span) -> tuple[int | None, int | None, int | None]:
    found = totals(spans)
    return found.input, found.output, found.total


def test_nothing_is_unknown_and_not_zero() -> None:
    assert totals([]) == Usage()
    assert tokens(call(1, None, 0, 1, tokens=None)) == (None, None, None)


def test_a_half_known_call_has_no_total() -> None:
    assert tokens(call(1, None, 0, 1, tokens=(12, None))) == (12, None, None)


def test_only_the_lowest_of_one_line_counts() -> None:
    agent = call(1, None, 0, 9, "agent", tokens=(24, 10))
    step = call(2, 1, 0, 9, "step", tokens=None)
    first = call(3, 2, 1, 2)
    second = call(4, 2, 3, 4)
    assert tokens(agent, step, first, second) == (24, 10, 34)
    assert tokens(second, first, step, agent) == (24, 10, 34)


def test_a_call_that_no_one_repeats_below_counts_itself() -> None:
    agent = call(1, None, 0, 9, "agent", tokens=(24, 10))
    assert tokens(agent, call(2, 1, 1, 2, tokens=None)) == (24, 10, 34)


def test_siblings_with_one_response_id_are_one_call() -> None:
    outer = call(1, None, 0, 9, "framework", response="r1", tokens=(12, 6))
    inner = call(2, None, 1, 8, "client", response="r1")
    assert tokens(outer, inner) == (12, 5, 17)
    assert tokens(inner, outer) == (12, 5, 17)


def test_three_records_of_one_call() -> None:
    spans = [
        call(1, None, 0, 9, "framework", response="r1"),
        call(2, None, 1, 8, "instrumentor", response="r1"),
        call(3, None, 2, 7, "client", response="r1"),
    ]
    assert tokens(*spans) == (12, 5, 17)
    assert tokens(*reversed(spans)) == (12, 5, 17)


def test_siblings_without_id_are_one_call_when_they_say_the_same() -> None:
    outer = call(1, None, 0, 9, "framework")
    inner = call(2, None, 1, 8, "client", response="r1")
    assert tokens(outer, inner) == (12, 5, 17)
    said = '[{"role": "assistant", "parts": [{"type": "text", "content": "other"}]}]'
    other = call(2, None, 1, 8, "client", **{"gen_ai.output.messages": said})
    assert tokens(outer, other) == (24, 10, 34)


def test_calls_with_one_response_id_that_are_not_one_call() -> None:
    # A cache or a test server answers different calls with the same id.
    after = [call(1, None, 0, 1, response="r1"), call(2, None, 2, 3, "other", response="r1")]
    assert tokens(*after) == (24, 10, 34)
    parallel = [call(n, None, 0, 9 - n, response="r1") for n in range(5)]
    assert tokens(*parallel) == (60, 25, 85)


def test_different_ids_are_different_calls() -> None:
    spans = [
        call(1, None, 0, 9, "framework", response="r1"),
        call(2, None, 1, 8, "client", response="r2"),
    ]
    assert tokens(*spans) == (24, 10, 34)


def test_what_the_counted_span_does_not_know_comes_from_the_one_around_it() -> None:
    outer = call(1, None, 0, 9, "framework", **{"operation.cost": 0.5})
    inner = call(2, 1, 1, 8, "client", **{"gen_ai.usage.cache_read.input_tokens": 4})
    found = totals([outer, inner])
    assert (found.cost, found.cached) == (0.5, 4)
    two = [outer, inner, call(3, 1, 1, 8, "client")]
    assert totals(two).cost is None


def test_a_cycle_of_parents_ends() -> None:
    spans = [call(1, 2, 0, 1), call(2, 1, 0, 1), call(3, 3, 0, 1)]
    assert totals(spans).input in (12, 24, None)


@pytest.mark.parametrize("end", [None, 9])
def test_an_open_span_counts_what_it_has(end: int | None) -> None:
    assert tokens(call(1, None, 0, end)) == (12, 5, 17)


def test_a_long_line_of_descent() -> None:
    depth = 20_000
    spans = [call(n, n - 1 if n else None, n, None, tokens=None) for n in range(depth)]
    spans.append(call(depth, depth - 1, depth, None))
    spans.append(call(depth + 1, depth - 1, depth, None))
    assert tokens(*spans) == (24, 10, 34)
