"""Two traces side by side."""

from __future__ import annotations

import json

import pytest

import nbtrace
from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.diff_text import diff_html, diff_text
from nbtrace.widgets.previous_run import previous_run
from nbtrace.widgets.trace_comparison import TraceComparison, speed_of
from nbtrace.widgets.trace_diff import TraceDiff


def run(
    answer: str,
    *steps: str,
    name: str = "ask",
    cell: str | None = None,
    notebook: str | None = None,
) -> str:
    with nbtrace.start_span(name) as root:
        if cell is not None:
            root.set_attribute("nbtrace.cell.id", cell)
        if notebook is not None:
            root.set_attribute("nbtrace.notebook", notebook)
        for step in steps:
            with nbtrace.start_span(step, span_type="TOOL") as span:
                span.set_inputs({"step": step})
        root.set_outputs(answer)
    nbtrace.flush()
    return root.trace_id


def loaded(trace_id: str) -> nbtrace.entities.Trace:
    trace = nbtrace.get_trace(trace_id)
    assert trace is not None
    return trace


def test_what_was_added_removed_and_changed_is_marked():
    before = run("a", "search", "fetch")
    after = run("b", "search", "rerank")
    frame = nbtrace.compare(before, after).to_pandas()
    marks = dict(zip(frame["name"], frame["mark"], strict=True))
    assert marks == {"ask": "changed", "search": "same", "fetch": "removed", "rerank": "added"}
    assert frame["changes"].tolist()[0] == "outputs"
    assert str(frame["duration_before"].dtype) == "timedelta64[ns]"
    assert frame["span_id_after"].isna().sum() == 1


def test_the_text_lists_the_differences_with_what_is_above_them():
    before = run("a", "search", "fetch")
    after = run("a", "search", "fetch", "rerank")
    lines = str(nbtrace.compare(before, after)).splitlines()
    assert lines[-2].startswith("+   rerank")
    assert lines[-1] == "  2 spans the same in both"


def test_one_trace_is_compared_with_the_run_before_it(deterministic):
    run("first", name="other")
    older = run("a")
    run("between", name="other")
    newer = run("b")
    assert previous_run(newer) == older
    assert previous_run(older) is None
    assert nbtrace.compare(newer).before.info.trace_id == older


def test_runs_of_a_cell_belong_together_whatever_they_are_called(deterministic):
    older = run("a", name="In [3]", cell="c'1")
    run("a", name="In [4]", cell="c2")
    newer = run("a", name="In [5]", cell="c'1")
    assert previous_run(newer) == older


def test_a_cell_that_never_ran_is_compared_with_its_name_here_and_then_anywhere(deterministic):
    elsewhere = run("a", cell="c9", notebook="b.ipynb")
    here = run("a", cell="c1", notebook="a.ipynb")
    run("a", cell="c8", notebook="b.ipynb")
    run("a", name="other", cell="c3", notebook="a.ipynb")
    # The cell was copied: it is another one, of the same name.
    assert previous_run(run("b", cell="c2", notebook="a.ipynb")) == here
    assert previous_run(here) == elsewhere
    # A number is no name.
    run("a", name="In [3]", cell="c4", notebook="a.ipynb")
    assert previous_run(run("b", name="In [3]", cell="c5", notebook="a.ipynb")) is None


def test_nothing_to_compare_with_says_so():
    only = run("a")
    with pytest.raises(NbtraceError, match="no earlier run"):
        nbtrace.compare(only)
    with pytest.raises(NbtraceError, match="there is no trace"):
        nbtrace.compare(only, "tr-" + "0" * 32)
    with pytest.raises(NbtraceError, match="two traces or their ids"):
        nbtrace.compare(only, 3)  # type: ignore[arg-type]


def test_small_differences_of_time_are_none():
    assert speed_of(10_000_000, 11_000_000) == ""
    assert speed_of(100, 900_000) == ""
    assert speed_of(None, 1) == ""


def test_the_page_gets_the_lines_and_then_the_values_it_asks_for():
    diff = TraceDiff(run("<a>"), run("<b>"))
    sent = []
    diff.send = lambda content, buffers=(): sent.append((content, buffers))
    diff._answer({"kind": "snapshot"})
    diff._answer({"kind": "request", "id": "1", "method": "values", "params": {"line": 0}})
    data, values = (json.loads(buffers[0]) for _, buffers in sent)
    assert data["lines"][0]["changes"] == ["outputs"]
    assert (values["before"]["outputs"], values["after"]["outputs"]) == ('"<a>"', '"<b>"')


def test_what_is_saved_is_bounded_and_escaped():
    before = run("a", *[f"<i>{number}" for number in range(2_000)])
    after = run("a", *[f"<b>{number}" for number in range(2_000)])
    diff = nbtrace.compare(before, after)
    page = diff_html(TraceComparison(loaded(before), loaded(after)).data, "key")
    assert len(page) + len(diff._data) < 75_000
    assert "<b>1" not in page
    assert "&lt;b&gt;1" in page
    assert "more lines" in page


@pytest.mark.parametrize("saved", ["names", "none"])
def test_saved_without_content_holds_no_values(saved: str):
    before, after = run("secret a", "tool"), run("secret b")
    nbtrace.configure(saved=saved)
    diff = nbtrace.compare(before, after)
    data = diff_html(TraceComparison(loaded(before), loaded(after)).data)
    assert "secret" not in diff._data + data
    assert ("tool" in diff._data) is (saved == "names")


def test_a_text_for_long_comparisons_is_cut():
    data = TraceComparison(loaded(run("a", *"abcdefgh")), loaded(run("a"))).data
    assert "… 5 more lines" in diff_text(data, limit=4)
