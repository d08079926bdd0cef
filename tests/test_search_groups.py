"""Traces of a listing by what they have in common, against a plain evaluator and pandas."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from search_reference import KnownSpan, KnownTrace, fill, matches

from nbtrace.exceptions import NbtraceError
from nbtrace.search import members, snapshots
from nbtrace.search.groups import FIELDS, ORDERS
from nbtrace.search.listing import Listing
from nbtrace.search.parser import parse
from nbtrace.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_700_000_000_000
CELL = "nbtrace.cell.id"
SOURCE = "mlflow.source.name"


def known_traces() -> list[KnownTrace]:
    chance = random.Random(7)
    traces = []
    for index in range(120):
        tags = {
            "it's `odd`": chance.choice(["a", "b'c"]),
            "mlflow.trace.session": chance.choice(["s1", "s2", "s3"]),
            SOURCE: "a.ipynb",
        }
        for key in list(tags):
            if chance.random() < 0.3:
                del tags[key]
        root = KnownSpan("0000000000000001", "root", "CHAIN", "OK")
        if chance.random() < 0.6:
            cell = chance.choice(["c1", "c2"])
            root.attributes = {CELL: cell, "nbtrace.cell.execution_count": index}
        spans = [root]
        for place in range(chance.randrange(3)):
            span = KnownSpan(f"{place + 2:016x}", "ask", "LLM", "OK", parent_id=root.span_id)
            span.model = chance.choice(["m1", "m2"])
            spans.append(span)
        traces.append(
            KnownTrace(
                f"tr-{index:032x}",
                NOW + chance.randrange(60_000),
                "1" if chance.random() < 0.3 else "0",
                execution_duration=chance.choice([None, 0, 10, 250, 70_000]),
                state=chance.choice(["OK", "OK", "ERROR", "IN_PROGRESS"]),
                name=chance.choice([None, "answer", "Ask", "été", ""]),
                total_tokens=chance.choice([None, 0, 5, 900]),
                cost=chance.choice([None, 0.25, 2.5]),
                request_preview=f'"%%trace\\nask({index})"',
                tags=tags,
                spans=spans,
            )
        )
        traces[-1].experiment = "other" if traces[-1].experiment_id == "1" else "Default"
    return traces


TRACES = known_traces()
VALUES: dict[str, Any] = {
    "name": lambda trace: {trace.name},
    "session": lambda trace: {trace.tags.get("mlflow.trace.session")},
    "user": lambda _: {None},
    "state": lambda trace: {trace.state},
    "experiment": lambda trace: {trace.experiment},
    "cell": lambda trace: {trace.spans[0].attributes.get(CELL)},
    "notebook": lambda trace: {trace.tags.get(SOURCE)},
    "model": lambda trace: {span.model for span in trace.spans if span.model} or {None},
    "tags.it's `odd`": lambda trace: {trace.tags.get("it's `odd`")},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("groups") / ".nbtrace")
    fill(store.database, TRACES)
    yield store
    store.close()


@pytest.fixture(params=["few", "many"])
def counting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the ways in which traces are read."""
    few = {"few": 100_000, "many": 0}[request.param]
    monkeypatch.setattr(members, "FEW", few)
    monkeypatch.setattr(snapshots, "FEW", few)


def expected(by: str, traces: list[KnownTrace]) -> dict[str | None, tuple[Any, ...]]:
    rows = [
        {
            "value": value,
            "error": trace.state == "ERROR",
            "duration": trace.execution_duration,
            "tokens": trace.total_tokens,
            "cost": trace.cost,
            "time": trace.request_time,
        }
        for trace in traces
        for value in VALUES[by](trace)
    ]
    found: dict[str | None, tuple[Any, ...]] = {}
    for value in {row["value"] for row in rows}:
        some = pd.DataFrame([row for row in rows if row["value"] == value])
        durations = some["duration"].astype(float)
        tokens, cost = some["tokens"].dropna(), some["cost"].dropna()
        found[value] = (
            len(some),
            int(some["error"].sum()),
            None if durations.isna().all() else durations.quantile(0.5),
            None if durations.isna().all() else durations.quantile(0.95),
            int(tokens.sum()) if len(tokens) else None,
            float(cost.sum()) if len(cost) else None,
            int(some["time"].max()),
        )
    return found


@pytest.mark.parametrize("by", VALUES)
@pytest.mark.parametrize("text", [None, "state = 'OK'", "execution_time >= 250", "name = 'nobody'"])
@pytest.mark.usefixtures("counting")
def test_groups_have_the_figures_that_pandas_gives(store: Store, by: str, text: str | None) -> None:
    tree = parse(text)
    shown = Listing(store, text)
    answer = shown.groups(by)
    wanted = expected(by, [t for t in TRACES if tree is None or matches(tree, t, TRACES)])
    assert answer.total == len(answer.groups) == len(wanted)
    for group in answer.groups:
        count, errors, p50, p95, tokens, cost, newest = wanted[group.value]
        assert (group.count, group.errors, group.newest) == (count, errors, newest)
        assert (group.p50, group.p95) == pytest.approx((p50, p95))
        assert group.tokens == tokens
        assert group.cost == pytest.approx(cost)
        # The filter of a group, joined to that of the listing, finds its traces and no others.
        joined = group.filter if text is None else f"({text}) AND ({group.filter})"
        assert Listing(store, joined).count() == count


@pytest.mark.parametrize("order_by", ORDERS)
@pytest.mark.parametrize("descending", [True, False])
def test_groups_come_in_order_those_without_the_figure_last(
    store: Store, order_by: str, descending: bool
) -> None:
    shown = Listing(store)
    answer = shown.groups("name", order_by, descending=descending)
    figures = [getattr(group, order_by) for group in answer.groups]
    known = [figure for figure in figures if figure is not None]
    assert known == sorted(known, reverse=descending)
    assert figures[len(known) :] == [None] * (len(figures) - len(known))
    pages = [
        group
        for offset in range(0, answer.total, 2)
        for group in shown.groups(
            "name", order_by, descending=descending, offset=offset, limit=2
        ).groups
    ]
    assert pages == answer.groups


def test_a_cell_is_shown_by_its_last_run_and_its_first_line(store: Store) -> None:
    found = {group.value: group.label for group in Listing(store).groups("cell").groups}
    last = {
        cell: max(
            place for place, trace in enumerate(TRACES)
            if trace.spans[0].attributes.get(CELL) == cell
        )
        for cell in ("c1", "c2")
    }  # fmt: skip
    assert found == {cell: f"[{place}] ask({place})" for cell, place in last.items()} | {None: ""}


def test_a_deleted_trace_is_in_no_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for few in (100_000, 0):
        monkeypatch.setattr(members, "FEW", few)
        monkeypatch.setattr(snapshots, "FEW", few)
        store = Store(tmp_path / str(few) / ".nbtrace")
        fill(store.database, TRACES)
        shown = Listing(store)
        assert sum(group.count for group in shown.groups("name").groups) == len(TRACES)
        with store.database.transaction() as connection:
            connection.execute("DELETE FROM traces WHERE trace_id = ?", (TRACES[-1].trace_id,))
        assert sum(group.count for group in shown.groups("state").groups) == len(TRACES) - 1
        store.close()


@pytest.mark.usefixtures("counting")
def test_numbers_that_no_program_should_record_cost_themselves_only(tmp_path: Path) -> None:
    store = Store(tmp_path / ".nbtrace")
    costs = [1.0, math.inf, -math.inf, None, math.nan, 2.0]
    traces = [
        KnownTrace(
            f"tr-{index:032x}",
            NOW + index,
            cost=cost,
            execution_duration=[2**60, -5, 0][index % 3],
            total_tokens=2**62,
            name="a\0b",
            tags={"": "x", "k": "é\n,"},
        )
        for index, cost in enumerate(costs)
    ]
    fill(store.database, traces)
    shown = Listing(store)
    assert shown.histogram("cost", bins=2) == ([1.0, 1.5, 2.0], [1, 1], 4, "linear")
    (group,) = shown.groups("name").groups
    assert (group.value, group.cost, group.p50) == ("a\0b", 3.0, 0.0)
    assert shown.facet("tags.") == ([("x", 6)], 0, 0)
    dearest = [row.cost for row in Listing(store, None, ["cost DESC"]).rows(0, 9)]
    assert dearest[:4] == [math.inf, 2.0, 1.0, -math.inf]
    store.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"by": "colour"}, "cannot be grouped by 'colour'; take one of name"),
        ({"by": "name", "order_by": "colour"}, "cannot be ordered by 'colour'; take one of value"),
        ({"by": "name", "offset": -1}, "must not be negative"),
    ],
)
def test_misuse_says_what_to_do(store: Store, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(NbtraceError, match=words):
        Listing(store).groups(**arguments)


def test_every_field_is_tested() -> None:
    assert set(FIELDS) < set(VALUES)
