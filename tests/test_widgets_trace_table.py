"""The table's kernel side: what it searches, sends and answers. The page is in tests/browser."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest

import nbtrace
from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store
from nbtrace.tracing.cells import start_cell
from nbtrace.widgets.table_actions import PORTION
from nbtrace.widgets.trace_table import FIRST_ROWS, TraceTable


class Sent(TraceTable):
    """A table whose messages are kept."""

    def __init__(self, *arguments, **keywords) -> None:
        self.sent: list[tuple[dict, list[bytes]]] = []
        super().__init__(*arguments, **keywords)

    def send(self, content, buffers=None):
        self.sent.append((content, buffers or []))

    def of(self, kind):
        return [item for item in self.sent if item[0]["kind"] == kind]

    def ask(self, method, **params):
        """Ask as a page does; return the result or raise what it would show."""
        request = {"kind": "request", "id": "1", "method": method, "params": params}
        self._answer(request)
        content, buffers = self.of("response")[-1]
        if content["error"] is not None:
            raise NbtraceError(content["error"])
        return json.loads(buffers[0])

    def wait_for(self, kind, test=lambda _: True):
        """Wait for a message that comes from another thread."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = [item for item in self.of(kind) if test(item[0])]
            if found:
                return found[-1]
            time.sleep(0.01)
        message = f"no {kind} among {[item[0]['kind'] for item in self.sent]}"
        raise AssertionError(message)


def record(number: int, *, failed: bool = False, **tags: str) -> str:
    try:
        with nbtrace.start_span(f"step {number}") as span:
            nbtrace.update_current_trace(tags=tags)
            span.set_inputs({"question": f"what is {number}?"})
            if failed:
                raise ValueError(number)  # noqa: TRY301 - the span is to fail
            span.set_outputs(number)
    except ValueError:
        pass
    return span.trace_id


@pytest.fixture
def ids(deterministic):
    made = [record(number, failed=number % 3 == 0, group=f"g{number % 2}") for number in range(12)]
    nbtrace.flush()
    return made


@pytest.fixture
def table(ids):
    shown = Sent()
    yield shown
    shown.close()


def test_first_rows_are_sent_at_once_and_the_total_behind_them(table, ids):
    message, buffers = table.of("listing")[0]
    rows = json.loads(buffers[0])
    assert [row["id"] for row in rows] == ids[::-1]
    assert message["more"] is False
    assert rows[0]["name"] == "step 11"
    assert rows[0]["tags"] == {"group": "g1"}
    assert "what is 11?" in rows[0]["request"]
    assert json.loads(table.wait_for("figure")[1][0]) == {"total": 12}
    assert len(table) == 12


def test_the_state_that_is_saved_is_small(table):
    state = table.get_state()
    state.pop("_esm")
    assert len(json.dumps(state, default=str)) < 2_000


def test_a_page_searches_and_python_sees_the_filter(table, ids):
    table.ask("query", filter="state = 'ERROR'", order_by=["name ASC"])
    assert table.filter == table.query == "state = 'ERROR'"
    assert table.order_by == ["name ASC"]
    message, buffers = table.of("listing")[-1]
    assert [row["name"] for row in json.loads(buffers[0])] == [
        "step 0",
        "step 3",
        "step 6",
        "step 9",
    ]
    assert message["version"] == 1
    table.filter = "tags.group = 'g0'"
    assert table.of("listing")[-1][0]["filter"] == "tags.group = 'g0'"
    table.query = ""
    assert len(table) == len(ids)


def test_a_faulty_filter_shows_the_place_and_changes_nothing(table):
    with pytest.raises(NbtraceError, match=r"\^"):
        table.ask("query", filter="state = ", order_by=["timestamp_ms DESC"])
    with pytest.raises(NbtraceError, match=r"\^"):
        table.filter = "stat = 'OK'"
    with pytest.raises(NbtraceError, match="order_by"):
        table.order_by = ["nothing DESC"]
    assert (table.filter, table.order_by) == ("", ["timestamp_ms DESC"])
    assert len(table.of("listing")) == 1
    with pytest.raises(NbtraceError, match=r"\^"):
        TraceTable("state = ")


@pytest.mark.parametrize("options", [{"height": 3}, {"height": "tall"}, {"theme": "pink"}])
def test_options_that_cannot_work_raise(options):
    with pytest.raises(NbtraceError):
        TraceTable(**options)


def test_a_row_says_which_cell_made_it(table):
    cell = start_cell("ask", source="1", cell_id="c-1")
    cell.end(execution_count=7)
    assert table.first_rows[0]["cell"] == ""
    table.refresh()
    assert table.first_rows[0]["cell"] == "7"
    assert table.first_rows[0]["cell_id"] == "c-1"


def test_rows_by_place_and_none_for_another_search(table, ids):
    found = table.ask("rows", version=0, offset=3, limit=2)
    assert [row["id"] for row in found["rows"]] == [ids[8], ids[7]]
    assert table.ask("rows", version=9, offset=0, limit=2)["rows"] == []


def test_facets_and_histograms_come_as_messages(table):
    table.ask("figures", version=0, facets=["state"], histograms=["duration"])
    _, buffers = table.wait_for("figure", lambda message: message["figure"] == "facet")
    assert sorted(json.loads(buffers[0])["values"]) == [["ERROR", 4], ["OK", 8]]
    _, buffers = table.wait_for("figure", lambda message: message["figure"] == "histogram")
    found = json.loads(buffers[0])
    assert sum(found["counts"]) == 12
    assert len(found["edges"]) == len(found["counts"]) + 1


def test_groups_come_as_a_message(table, ids):
    wanted = {"by": "tags.group", "order_by": "errors", "descending": True, "limit": 1}
    table.ask("figures", version=0, facets=[], histograms=[], groups=wanted)
    message, buffers = table.wait_for("figure", lambda message: message["figure"] == "groups")
    assert message["field"] == "tags.group"
    found = json.loads(buffers[0])
    (group,) = found["groups"]
    assert found["total"] == 2
    assert (group["label"], group["count"], group["errors"]) == ("g0", 6, 2)
    assert (group["tokens"], group["cost"]) == (None, None)
    assert group["p95"] >= group["p50"] >= 0
    # A group is a filter: the same traces are found by it.
    table.filter = group["filter"]
    assert len(table) == 6


def test_selection_in_both_directions(table, ids):
    table.ask("select", all=False, ids=ids[:2])
    assert table.selected == ids[:2]
    assert list(table.to_pandas()["trace_id"]) == ids[:2]
    table.ask("select", all=True, ids=[ids[0]])
    assert table.selected == ids[:0:-1]
    table.selected = [ids[3]]
    assert table.of("selection")[-1][0]["ids"] == [ids[3]]
    with pytest.raises(NbtraceError, match="list"):
        table.selected = ids[0]
    table.selected = []
    table.filter = "state = 'ERROR'"
    assert len(table.to_pandas()) == 4
    assert table.ask("range", version=1, offset=1, limit=2) == [ids[6], ids[3]]


def test_a_tag_is_changed_in_place(table, ids):
    selection = {"all": False, "ids": [ids[0]]}
    (row,) = table.ask("tag", selection=selection, key="reviewed", value="yes")
    assert row["tags"] == {"group": "g0", "reviewed": "yes"}
    (row,) = table.ask("tag", selection=selection, key="group", value=None)
    assert row["tags"] == {"reviewed": "yes"}
    assert nbtrace.count_traces("tags.reviewed = 'yes'") == 1
    assert nbtrace.count_traces("tags.group = 'g0'") == 5
    with pytest.raises(NbtraceError, match="key"):
        table.ask("tag", selection=selection, key=" ", value="x")


def values(key):
    found = nbtrace.search_traces(return_type="list", include_spans=False)
    return [trace.info.tags.get(key) for trace in found][::-1]


@pytest.mark.parametrize("at_once", [100, 1])
def test_a_change_of_tags_is_taken_back_as_each_was(table, ids, monkeypatch, at_once):
    monkeypatch.setattr("nbtrace.widgets.table_changes.AT_ONCE", at_once)
    before = values("group")
    nbtrace.set_trace_tag(ids[1], "note", "mine")
    for key, value in (("group", "new"), ("group", None), ("note", "all")):
        known = values(key)
        table.sent.clear()
        table.ask("tag", selection={"all": True, "ids": []}, key=f" {key} ", value=value)
        work, _ = table.wait_for("work", lambda message: message["finished"])
        assert (work["work"], work["done"], work["undo"]) == ("tag", 12, True)
        assert set(values(key)) == {value}
        rows = table.ask("undo")
        work, _ = table.wait_for(
            "work", lambda message: message["finished"] and message["work"] == "untag"
        )
        assert (work["done"], work["undo"], work["error"]) == (12, False, None)
        assert values(key) == known
        assert len(rows) == (12 if at_once > 12 else 0)
    assert values("group") == before
    with pytest.raises(NbtraceError, match="nothing to undo"):
        table.ask("undo")


def test_a_refused_tag_leaves_the_last_change_to_be_undone(table, ids):
    selection = {"all": False, "ids": [ids[0]]}
    table.ask("tag", selection=selection, key="group", value="new")
    with pytest.raises(NbtraceError, match="key"):
        table.ask("tag", selection=selection, key=" ", value="x")
    (row,) = table.ask("undo")
    assert row["tags"] == {"group": "g0"}


def test_many_are_tagged_deleted_and_restored_behind_the_page(table, ids, monkeypatch):
    monkeypatch.setattr("nbtrace.widgets.table_changes.AT_ONCE", 1)
    every = {"all": True, "ids": [ids[0]]}
    assert table.ask("tag", selection=every, key="seen", value="1") == []
    table.wait_for("work", lambda message: message["finished"])
    assert nbtrace.count_traces("tags.seen = '1'") == 11
    table.ask("delete", selection={"all": False, "ids": ids[4:]})
    work, _ = table.wait_for(
        "work", lambda message: message["finished"] and message["work"] == "delete"
    )
    assert (work["done"], work["undo"], work["error"]) == (8, True, None)
    assert nbtrace.count_traces() == len(table) == 4
    assert table.of("stale")
    table.ask("undo")
    table.wait_for("work", lambda message: message["finished"] and message["work"] == "restore")
    assert len(table) == 12
    assert nbtrace.count_traces("tags.seen = '1'") == 11


def test_a_trace_that_came_is_announced_and_not_put_in(table):
    table.wait_for("figure")
    record(99)
    nbtrace.flush()
    message, _ = table.wait_for("newer")
    assert message["count"] == 1
    assert len(table) == 12
    table.ask("refresh")
    assert len(table) == 13
    assert json.loads(table.of("listing")[-1][1][0])[0]["name"] == "step 99"


def test_export_pieces_make_one_document(table, ids, monkeypatch):
    monkeypatch.setattr("nbtrace.widgets.table_actions.EXPORTED_AT_ONCE", 5)

    def whole(form, selection):
        text, offset, written = "", 0, 0
        while offset is not None:
            piece = table.ask(
                "export", form=form, selection=selection, offset=offset, written=written
            )
            text, offset = text + piece["text"], piece["next"]
            written += piece["rows"]
        return text

    every = {"all": True, "ids": []}
    found = json.loads(whole("json", every))
    assert [item["trace_id"] for item in found] == ids[::-1]
    assert found[0]["tags"]["group"] == "g1"
    lines = list(csv.DictReader(io.StringIO(whole("csv", every))))
    assert [line["trace_id"] for line in lines] == ids[::-1]
    some = {"all": False, "ids": ids[2:4]}
    assert [item["name"] for item in json.loads(whole("json", some))] == ["step 2", "step 3"]
    without = {"all": True, "ids": ids[1:]}
    assert [item["name"] for item in json.loads(whole("json", without))] == ["step 0"]
    assert json.loads(whole("json", {"all": False, "ids": []})) == []


def test_a_trace_is_opened_in_place(table, ids):
    answer = table.ask("open_trace", key="k", trace_id=ids[5])
    assert answer["row"]["name"] == "step 5"
    assert table.opened == ids[5]
    nested = [content for content, _ in table.of("nested")]
    assert {content["key"] for content in nested} == {"k"}
    assert nested[0]["content"]["summary"]["name"] == "step 5"
    # What the page asks of the tree goes to the tree, what it answers comes in the envelope.
    span = current_store().get_trace(ids[5]).data.spans[0].span_id
    request = {"kind": "request", "id": "7", "method": "details", "params": {"span_id": span}}
    table._answer({"kind": "nested", "key": "k", "content": request})
    content, buffers = table.of("nested")[-1]
    assert (content["content"]["id"], content["content"]["error"]) == ("7", None)
    assert "what is 5?" in buffers[0].decode()
    table._answer(
        {"kind": "nested", "key": "k", "content": {"kind": "set", "values": {"selected_id": span}}}
    )
    table.ask("close_trace", key="k")
    assert table.opened == ""
    with pytest.raises(NbtraceError, match="not in the store"):
        table.ask("open_trace", key="k", trace_id="tr-" + "0" * 32)


def test_python_opens_a_trace(table, ids):
    table.open_trace(ids[2])
    message, _ = table.of("open")[-1]
    assert (message["trace_id"], message["place"]) == (ids[2], 9)


def test_the_place_of_an_opened_trace_in_another_search(table, ids):
    assert table.ask("place", version=0, trace_id=ids[2]) == 9
    table.filter = "tags.group = 'g0'"
    assert table.ask("place", version=1, trace_id=ids[2]) == 4
    assert table.ask("place", version=1, trace_id=ids[1]) is None
    assert table.ask("place", version=0, trace_id=ids[2]) is None


def test_columns_are_kept_for_the_next_table(table, store_directory):
    table.ask("layout", layout={"hidden": ["cost"]})
    again = Sent()
    assert again._layout == {"hidden": ["cost"]}
    again.close()
    (store_directory / "table.json").write_text("{rubbish")
    again = Sent()
    assert again._layout == {}
    again.close()


def test_a_page_that_came_late_gets_the_first_rows_again(table):
    table._answer({"kind": "snapshot"})
    first, second = table.of("listing")
    assert first == second


def test_more_rows_than_are_sent_at_first(deterministic):
    for number in range(FIRST_ROWS + 1):
        record(number)
    nbtrace.flush()
    table = Sent()
    message, buffers = table.of("listing")[0]
    assert message["more"] is True
    assert len(json.loads(buffers[0])) == FIRST_ROWS
    assert PORTION > FIRST_ROWS
    table.close()
