"""What listings have read of the indexes: shared, exact, and not older than the database."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING

import pytest
from search_reference import KnownSpan, KnownTrace, fill

from nbtrace.search import columns, members, snapshots
from nbtrace.search.columns import Column, Columns
from nbtrace.search.indexes import trace_index
from nbtrace.search.listing import Interrupted, Listing
from nbtrace.search.running import Runs
from nbtrace.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbtrace.search.running import Run

COUNT = 40


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store of which every figure reads whole indexes."""
    monkeypatch.setattr(members, "FEW", 0)
    monkeypatch.setattr(snapshots, "FEW", 0)
    store = Store(tmp_path / ".nbtrace")
    traces = [
        KnownTrace(
            f"tr-{index:032x}",
            1_000 + index,
            state="ERROR" if index % 4 == 0 else "OK",
            tags={"all": "yes", "k": str(index % 3)} | ({"rare": "x"} if index % 9 == 0 else {}),
            spans=[
                KnownSpan("01", "root", "CHAIN"),
                KnownSpan("02", "ask", "LLM" if index % 2 else "TOOL", model=f"m{index % 2}"),
                KnownSpan("03", "ask again", "LLM" if index % 2 else "TOOL", model=f"m{index % 2}"),
            ],
        )
        for index in range(COUNT)
    ]
    fill(store.database, traces)
    yield store
    store.close()


def test_figures_follow_what_this_thread_others_and_other_programs_write(store: Store) -> None:
    shown = Listing(store)
    assert shown.facet("state").values == [("OK", 30), ("ERROR", 10)]

    def write() -> None:
        with store.database.transaction() as connection:
            connection.execute("UPDATE traces SET state = 'ERROR' WHERE request_time = 1001")

    write()
    assert shown.facet("state").values == [("OK", 29), ("ERROR", 11)]
    assert Listing(store).facet("state").values == [("OK", 29), ("ERROR", 11)]
    thread = threading.Thread(
        target=lambda: store.database.connection().execute(
            "UPDATE traces SET state = 'ERROR' WHERE request_time = 1002"
        )
    )
    thread.start()
    thread.join()
    assert Listing(store).facet("state").values == [("OK", 28), ("ERROR", 12)]
    other = sqlite3.connect(store.database.path)
    other.execute("UPDATE traces SET state = 'ERROR' WHERE request_time = 1003")
    other.commit()
    other.close()
    assert Listing(store, "tags.all = 'yes'").facet("state").values == [("OK", 27), ("ERROR", 13)]


def test_an_index_is_read_once_for_all_figures_and_searches(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    traces = Column.read_traces

    def counted(column: Column, run: Run) -> None:
        read.append(column.index.value)
        traces(column, run)

    monkeypatch.setattr(Column, "read_traces", counted)
    first = Listing(store, "tags.all = 'yes'")
    first.facet("state")
    first.groups("state")
    second = Listing(store, "tags.k = '1'")
    second.facet("state")
    thread = threading.Thread(target=lambda: Listing(store, "state = 'OK'").facet("state"))
    thread.start()
    thread.join()
    assert read.count("t.state") == 1
    # With the last listing it is let go.
    kept = weakref.ref(Columns.of(store.database))
    del first, second
    gc.collect()
    assert kept() is None


def test_values_that_every_trace_has_need_no_entries(store: Store) -> None:
    shown = Listing(store, "state = 'ERROR'")
    assert shown.facet("tag_keys").values == [("all", 10), ("k", 10), ("rare", 2)]
    assert shown.facet("span.type") == ([("CHAIN", 10), ("TOOL", 10)], 0, 0)
    # A trace with two spans of a model counts once.
    assert shown.facet("model") == ([("m0", 10)], 0, 0)


def test_a_very_large_field_is_read_value_by_value(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Listing(store, "state = 'ERROR'").facet("span.name")
    for limit, values in ((1, 100), (1, 0), (1_000, 0)):
        monkeypatch.setattr(columns, "MAX_ENTRIES_AT_ONCE", limit)
        monkeypatch.setattr(columns, "MAX_VALUES_APART", values)
        assert Listing(store, "state = 'ERROR'").facet("span.name") == wanted


def test_figures_can_be_asked_for_within_a_transaction(store: Store) -> None:
    shown = Listing(store)
    with store.database.transaction() as connection:
        connection.execute("UPDATE traces SET state = 'ERROR'")
        assert shown.facet("state").values == [("ERROR", COUNT)]


def test_a_listing_leaves_out_what_came_after_it(store: Store) -> None:
    shown, filtered = Listing(store), Listing(store, "tags.all = 'yes'")
    later = KnownTrace("tr-" + "f" * 32, 5_000, execution_duration=7, tags={"all": "yes", "b": "c"})
    fill(store.database, [later])
    for each in (shown, filtered):
        assert dict(each.facet("state").values) == {"OK": 30, "ERROR": 10}
        assert dict(each.facet("tag_keys").values) == {"all": COUNT, "k": COUNT, "rare": 5}
        assert each.histogram("request_time").edges[-1] == 1_000 + COUNT - 1
        assert each.groups("state").groups[0].count == 30
        assert each.count() == COUNT


def test_waiting_for_what_another_thread_reads_can_be_interrupted(store: Store) -> None:
    shared, runs = Columns.of(store.database), Runs(store.database)
    index = trace_index("state")
    lock = shared._slot(index).lock
    outcome: list[BaseException] = []

    def ask() -> None:
        try:
            with runs.run() as run:
                shared.read(run, index, traces=True)
        except Interrupted as error:
            outcome.append(error)

    with lock:
        thread = threading.Thread(target=ask)
        thread.start()
        while thread.is_alive():
            runs.interrupt()
            thread.join(0.05)
    assert len(outcome) == 1
    with runs.run() as run:
        assert shared.read(run, index, traces=True).sizes.tolist() == [10, 30]


def test_the_version_of_a_database_differs_after_every_commit(store: Store) -> None:
    database = store.database
    seen = [database.version()]
    assert database.version() == seen[0]
    with database.transaction() as connection:
        connection.execute("DELETE FROM traces WHERE request_time = 1001")
    seen.append(database.version())
    other = sqlite3.connect(database.path)
    other.execute("DELETE FROM traces WHERE request_time = 1002")
    other.commit()
    other.close()
    seen.append(database.version())
    database.close()
    seen.append(database.version())
    assert len(set(seen)) == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_the_version_can_be_asked_on_both_sides_of_a_fork(store: Store) -> None:
    before = store.database.version()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if store.database.version() == store.database.version() else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert store.database.version() == store.database.version() != before
