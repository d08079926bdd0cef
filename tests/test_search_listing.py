"""Pages, neighbours, facets and histograms of a listing, against a plain evaluator."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from search_reference import KnownSpan, KnownTrace, fill, matches

from nbtrace.exceptions import NbtraceError
from nbtrace.search import listing, members, query, snapshots, walking, whole_query
from nbtrace.search.histograms import compute
from nbtrace.search.listing import Interrupted, Listing
from nbtrace.search.parser import parse
from nbtrace.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_700_000_000_000
COUNT = 90
SESSION, USER = "mlflow.trace.session", "mlflow.trace.user"


def known_traces(seed: int = 3) -> list[KnownTrace]:
    chance = random.Random(seed)

    def maybe(values: list[Any]) -> Any:
        return chance.choice(values) if chance.random() < 0.7 else None

    traces = []
    for index in range(COUNT):
        tags = {
            "env": maybe(["prod", "test", "it's"]),
            SESSION: maybe(["s1", "s2", "s3"]),
            USER: maybe(["ada", "bob"]),
            "rare": "yes" if index % 17 == 0 else None,
        }
        tokens = maybe([0, 5, 40, 900])
        traces.append(
            KnownTrace(
                f"tr-{index:032x}",
                NOW + chance.randrange(0, 50) * 1000,
                "1" if chance.random() < 0.3 else "0",
                execution_duration=maybe([0, 10, 10, 250, 70_000]),
                state=chance.choice(["OK", "OK", "ERROR", "IN_PROGRESS"]),
                name=maybe(["answer", "Ask", "été", ""]),
                request_preview=maybe(["a", "b", "long " * 9]),
                total_tokens=tokens,
                input_tokens=tokens,
                cost=maybe([0.0, 0.001, 2.5]),
                tags={key: value for key, value in tags.items() if value is not None},
                metadata={"k": "v"},
                spans=[
                    KnownSpan(
                        f"{place + 1:016x}",
                        chance.choice(["plan", "search"]),
                        chance.choice(["LLM", "TOOL", "UNKNOWN"]),
                        chance.choice(["OK", "ERROR"]),
                        model=maybe(["m1", "m2"]),
                    )
                    for place in range(chance.randrange(0, 4))
                ],
            )
        )
        traces[-1].experiment = "other" if traces[-1].experiment_id == "1" else "Default"
    return traces


TRACES = known_traces()
KEYS = {trace.trace_id: place for place, trace in enumerate(TRACES)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("listing") / ".nbtrace")
    fill(store.database, TRACES)
    yield store
    store.close()


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / ".nbtrace")
    fill(store.database, TRACES)
    yield store
    store.close()


@pytest.fixture(params=["few", "many"])
def counting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the ways in which a part of the traces is counted."""
    few = {"few": 100_000, "many": 0}[request.param]
    monkeypatch.setattr(members, "FEW", few)
    monkeypatch.setattr(snapshots, "FEW", few)
    return str(request.param)


FILTERS = [
    None,
    "state = 'OK'",
    "tags.env = 'prod'",
    "tags.env != 'prod' OR name = 'Ask'",
    "NOT tags.env = 'prod'",
    "tags.rare = 'yes'",
    "span.type = 'LLM'",
    "execution_time >= 250",
    f"timestamp >= {NOW + 20_000} AND state != 'ERROR'",
    "experiment = 'other'",
    "name = 'nobody'",
    "tokens IS NULL AND name IS NOT NULL",
]
ORDERS = {
    "timestamp_ms": lambda trace: trace.request_time,
    "state": lambda trace: trace.state,
    "name": lambda trace: trace.name,
    "execution_time": lambda trace: trace.execution_duration,
    "tokens": lambda trace: trace.total_tokens,
    "cost": lambda trace: trace.cost,
    "experiment_id": lambda trace: trace.experiment_id,
    "span_count": lambda trace: len(trace.spans),
    "error_count": lambda trace: sum(span.status == "ERROR" for span in trace.spans),
    "input_tokens": lambda trace: trace.input_tokens,
    "output_tokens": lambda trace: trace.output_tokens,
    "tags.env": lambda trace: trace.tags.get("env"),
    "tags.rare": lambda trace: trace.tags.get("rare"),
    "tags.nobody": lambda trace: None,
    "session": lambda trace: trace.tags.get(SESSION),
    "user": lambda trace: trace.tags.get(USER),
    "metadata.k": lambda trace: trace.metadata.get("k"),
    "request_preview": lambda trace: trace.request_preview,
}


def found(filter_string: str | None) -> list[KnownTrace]:
    tree = parse(filter_string)
    return [trace for trace in TRACES if tree is None or matches(tree, trace, TRACES)]


def ordered(filter_string: str | None, field: str, word: str) -> list[str]:
    """Sort in plain Python: missing last, newest first among equals."""
    value = ORDERS[field]
    newest = sorted(
        found(filter_string), key=lambda t: (t.request_time, KEYS[t.trace_id]), reverse=True
    )
    if field == "timestamp_ms":
        return [t.trace_id for t in (newest if word == "DESC" else reversed(newest))]
    known = [trace for trace in newest if value(trace) is not None]
    missing = [trace for trace in newest if value(trace) is None]
    if word == "DESC":
        distinct = sorted({value(trace) for trace in known}, reverse=True)
    else:
        distinct = sorted({value(trace) for trace in known})
    found_in_order = [trace for item in distinct for trace in known if value(trace) == item]
    return [trace.trace_id for trace in (*found_in_order, *missing)]


def ids(rows: list[Any]) -> list[str]:
    return [row.trace_id for row in rows]


@pytest.mark.parametrize("word", ["DESC", "ASC"])
@pytest.mark.parametrize("field", ORDERS)
@pytest.mark.parametrize("many", [False, True])
def test_every_order_is_that_of_the_plain_evaluator(
    store: Store, monkeypatch: pytest.MonkeyPatch, field: str, word: str, many: bool
) -> None:
    if many:  # as in a store so large that nothing is sorted and every value is not looked up
        monkeypatch.setattr(query, "MAX_SORTED", 1)
        monkeypatch.setattr(whole_query, "MAX_SORTED", 1)
        monkeypatch.setattr(walking, "MAX_VALUES", 1)
    for text in FILTERS:
        expected = ordered(text, field, word)
        shown = Listing(store, text, [f"{field} {word}"])
        assert ids(shown.rows(0, 7)) == expected[:7]
        assert shown.trace_ids(COUNT) == expected
        assert shown.count() == len(expected)
        assert ids(shown.rows(max(0, len(expected) - 5), 50)) == expected[-5:]
        assert ids(shown.rows(4, 6)) == expected[4:10]


def test_near_rows_do_not_wait_for_the_keys(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    gather = snapshots.gather_keys

    def slow(*arguments: Any) -> Any:
        go_on.wait(10)
        return gather(*arguments)

    monkeypatch.setattr(snapshots, "gather_keys", slow)
    shown = Listing(store)
    expected = ordered(None, "timestamp_ms", "DESC")
    assert ids(shown.rows(0, 5)) == expected[:5]
    assert ids(shown.rows(5, 5)) == expected[5:10]
    assert shown.count() == COUNT
    go_on.set()
    assert shown.trace_ids(3) == expected[:3]


@pytest.mark.parametrize("word", ["DESC", "ASC"])
@pytest.mark.parametrize(
    "text", [None, "state = 'OK'", "tags.env = 'prod'", "span.type = 'LLM'", "timestamp > 5"]
)
def test_far_rows_of_one_condition_do_not_wait_for_the_keys_either(
    store: Store, monkeypatch: pytest.MonkeyPatch, text: str | None, word: str
) -> None:
    go_on = threading.Event()

    def never(*_: Any) -> None:
        go_on.wait(10)

    monkeypatch.setattr(snapshots, "gather_keys", never)
    monkeypatch.setattr(listing, "NEAR", 0)
    expected = ordered(text, "timestamp_ms", word)
    shown = Listing(store, text, [f"timestamp {word}"])
    whole = len(expected)
    for offset in (0, 3, whole // 2, whole - 4, whole, whole + 3):
        assert ids(shown.rows(offset, 7)) == expected[offset : offset + 7]
    go_on.set()


def test_a_row_holds_what_the_table_shows(store: Store) -> None:
    known = next(trace for trace in TRACES if SESSION in trace.tags and trace.spans)
    (row,) = Listing(store, f"trace_id = '{known.trace_id}'").rows(0, 10)
    assert row.experiment_id == known.experiment_id
    assert (row.request_time, row.duration) == (known.request_time, known.execution_duration)
    assert (row.state, row.name, row.cost) == (known.state, known.name, known.cost)
    assert (row.spans, row.tokens) == (len(known.spans), known.total_tokens)
    assert row.errors == sum(span.status == "ERROR" for span in known.spans)
    assert (row.session, row.user) == (known.tags[SESSION], known.tags.get(USER))
    assert row.request_preview == known.request_preview
    assert row.tags == known.tags
    # As in `search_traces`: MLflow keeps these in the metadata, nbtrace as tags; both show them.
    assert row.metadata["k"] == "v"
    assert row.metadata[SESSION] == known.tags[SESSION]


def test_neighbours_and_positions_respect_the_filter(store: Store) -> None:
    expected = ordered("state = 'OK'", "name", "ASC")
    shown = Listing(store, "state = 'OK'", ["name"])
    for place, trace_id in enumerate(expected):
        assert shown.position(trace_id) == place
        after = expected[place + 1] if place + 1 < len(expected) else None
        assert shown.neighbour(trace_id, 1) == after
        assert shown.neighbour(trace_id, -1) == (expected[place - 1] if place else None)
    other = next(trace for trace in TRACES if trace.state != "OK")
    assert shown.position(other.trace_id) is None
    assert shown.neighbour(other.trace_id, 1) is None
    assert shown.position("tr-nobody") is None


def test_what_arrives_later_is_announced_and_shown_after_a_refresh(own_store: Store) -> None:
    shown = Listing(own_store, "state = 'OK'")
    before = shown.rows(0, 100)
    fill(
        own_store.database,
        [
            KnownTrace("tr-" + "a" * 32, NOW + 10**9, state="OK"),
            KnownTrace("tr-" + "b" * 32, NOW + 10**9, state="ERROR"),
        ],
    )
    assert shown.newer() == 1
    assert shown.rows(0, 100) == before
    assert shown.count() == len(before)
    assert dict(shown.facet("state").values) == {"OK": len(before)}
    assert Listing(own_store, "state = 'OK'").newer() == 0
    shown.refresh()
    assert shown.newer() == 0
    assert ids(shown.rows(0, 1)) == ["tr-" + "a" * 32]
    assert shown.count() == len(before) + 1


def test_what_is_deleted_is_passed_over(own_store: Store) -> None:
    shown = Listing(own_store)
    everything = shown.trace_ids(COUNT)
    with own_store.database.transaction() as connection:
        connection.execute("DELETE FROM traces WHERE trace_id = ?", (everything[1],))
    assert shown.neighbour(everything[0], 1) == everything[2]
    assert shown.neighbour(everything[2], -1) == everything[0]
    assert ids(shown.rows(0, 3)) == [everything[0], everything[2]]
    shown.refresh()
    assert shown.count() == COUNT - 1


VALUES = {
    "state": lambda trace: [trace.state],
    "name": lambda trace: [trace.name],
    "experiment": lambda trace: [trace.experiment],
    "session": lambda trace: [trace.tags.get(SESSION)],
    "user": lambda trace: [trace.tags.get(USER)],
    "tags.env": lambda trace: [trace.tags.get("env")],
    "tags.nobody": lambda trace: [None],
    "tag_keys": lambda trace: list(trace.tags),
    "span.type": lambda trace: [span.type for span in trace.spans],
    "span.name": lambda trace: [span.name for span in trace.spans],
    "span.status": lambda trace: [span.status for span in trace.spans],
    "model": lambda trace: [span.model for span in trace.spans],
}


@pytest.mark.parametrize("field", VALUES)
@pytest.mark.usefixtures("counting")
def test_facets_are_those_of_the_plain_evaluator(store: Store, field: str) -> None:
    for text in FILTERS:
        traces = found(text)
        values = [{v for v in VALUES[field](trace) if v is not None} for trace in traces]
        counts = Counter(value for each in values for value in each)
        expected = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        facet = Listing(store, text).facet(field)
        if field == "experiment":  # equally frequent ones by id
            assert sorted(facet.values) == sorted(expected)
        else:
            assert facet.values == expected
        assert facet.other == 0
        assert facet.missing == sum(not each for each in values)
        short = Listing(store, text).facet(field, limit=1)
        assert short.values == facet.values[:1]
        assert short.other == sum(n for _, n in facet.values[1:])
        assert short.missing == facet.missing


NUMBERS = {
    "request_time": lambda trace: trace.request_time,
    "duration": lambda trace: trace.execution_duration,
    "tokens": lambda trace: trace.total_tokens,
    "cost": lambda trace: trace.cost,
}


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.usefixtures("counting")
def test_histograms_count_every_trace_once(store: Store, field: str) -> None:
    for text in FILTERS:
        values = [NUMBERS[field](trace) for trace in found(text)]
        known = [value for value in values if value is not None]
        histogram = Listing(store, text).histogram(field, bins=6)
        assert histogram.missing == len(values) - len(known)
        assert sum(histogram.counts) == len(known)
        if len(set(known)) > 1:
            assert histogram.edges[0] == min(known)
            assert histogram.edges[-1] == max(known)


@given(
    st.lists(st.one_of(st.integers(0, 30), st.floats(0, 1e6)), min_size=1),
    st.integers(1, 50),
    st.sampled_from(["cost", "total_tokens"]),
    st.one_of(st.none(), st.floats(0, 100)),
    st.one_of(st.none(), st.floats(100, 1e6)),
)
def test_bins_hold_what_lies_between_their_edges(
    values: list[float], bins: int, name: str, low: float | None, high: float | None
) -> None:
    from array import array

    seen = sorted(values)
    histogram = compute(array("d", seen), 0, name, bins, low=low, high=high)
    inside = [v for v in seen if (low is None or v >= low) and (high is None or v <= high)]
    assert sum(histogram.counts) == len(inside)
    assert len(histogram.counts) <= max(1, bins)
    if inside:
        assert len(histogram.edges) == len(histogram.counts) + 1
        assert histogram.edges == sorted(histogram.edges)
        ends = zip(histogram.edges, histogram.edges[1:], strict=False)
        for place, (begin, end) in enumerate(ends):
            last = place == len(histogram.counts) - 1
            here = [v for v in inside if begin <= v and (v < end or (last and v <= end))]
            assert histogram.counts[place] == len(here)


def test_a_skewed_range_has_bins_of_equal_ratio_and_a_brushed_one_its_own(store: Store) -> None:
    shown = Listing(store)
    assert shown.histogram("duration").scale == "log"
    assert shown.histogram("request_time").scale == "linear"
    brushed = shown.histogram("duration", bins=4, low=5, high=300)
    known = [trace.execution_duration for trace in TRACES if trace.execution_duration is not None]
    assert sum(brushed.counts) == sum(5 <= value <= 300 for value in known)
    assert (brushed.edges[0], brushed.edges[-1]) == (5, 300)


def test_interrupt_stops_what_runs_and_nothing_after(own_store: Store) -> None:
    shown = Listing(own_store)
    shown.trace_ids(1)
    started, outcome = threading.Event(), []

    def endless() -> None:
        try:
            with shown._runs.run() as run:
                started.set()
                run.rows(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                    " SELECT count(*) FROM n"
                )
        except Interrupted as error:
            outcome.append(error)

    thread = threading.Thread(target=endless)
    thread.start()
    assert started.wait(10)
    shown.interrupt()
    thread.join(30)
    assert len(outcome) == 1
    assert shown.count() == COUNT
    assert shown.facet("state").missing == 0


def test_interrupt_stops_waiting_for_the_keys_but_not_the_gathering(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    gather = snapshots.gather_keys

    def slow(*arguments: Any) -> Any:
        go_on.wait(10)
        return gather(*arguments)

    monkeypatch.setattr(snapshots, "gather_keys", slow)
    shown = Listing(store, order_by=["name"])
    outcome: list[BaseException] = []
    waiting = threading.Event()

    def ask() -> None:
        waiting.set()
        try:
            shown.rows(listing.NEAR, 10)
        except Interrupted as error:
            outcome.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    waiting.wait(10)
    while thread.is_alive():  # it may not have begun to wait yet
        shown.interrupt()
        thread.join(0.05)
    assert len(outcome) == 1
    go_on.set()
    assert len(shown.trace_ids(COUNT)) == COUNT


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda shown: shown.facet("colour"), "there is no facet 'colour'"),
        (lambda shown: shown.histogram("name"), "there is no histogram of 'name'"),
        (lambda shown: shown.histogram("cost", bins=0), "bins must be at least 1"),
        (lambda shown: shown.histogram("cost", low=2, high=1), "low must not be above high"),
        (lambda shown: shown.rows(-1, 5), "must not be negative"),
    ],
)
def test_misuse_says_what_to_do(store: Store, call: Any, words: str) -> None:
    with pytest.raises(NbtraceError, match=words):
        call(Listing(store))


def test_an_empty_store_has_empty_answers(tmp_path: Path) -> None:
    store = Store(tmp_path / ".nbtrace")
    shown = Listing(store, order_by=["name"])
    assert shown.rows(0, 10) == [] == shown.trace_ids(5)
    assert (shown.count(), shown.newer()) == (0, 0)
    assert shown.facet("model") == ([], 0, 0)
    assert shown.histogram("cost") == ([], [], 0, "linear")
    store.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(FILTERS),
    st.sampled_from(sorted(ORDERS)),
    st.sampled_from(["ASC", "DESC"]),
    st.lists(st.tuples(st.integers(0, COUNT + 5), st.integers(0, 30)), max_size=4),
)
def test_any_page_is_a_slice_of_the_whole(
    store: Store, text: str | None, field: str, word: str, pages: list[tuple[int, int]]
) -> None:
    expected = ordered(text, field, word)
    shown = Listing(store, text, [f"{field} {word}"])
    for offset, limit in pages:
        assert ids(shown.rows(offset, limit)) == expected[offset : offset + limit]
