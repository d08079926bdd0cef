"""The table where no widget can be drawn: saved HTML, a terminal, the magic."""

from __future__ import annotations

import copy
import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbtrace
from nbtrace.config import options
from nbtrace.widgets.table_html import MAX_ROWS, MAX_SAVED_BYTES, table_html, table_text

ROW = {
    "id": "tr-" + "0a" * 16,
    "time": 1_767_225_600_000,
    "duration": 1_240,
    "state": "ERROR",
    "name": "ask",
    "spans": 12,
    "errors": 2,
    "tokens": None,
    "input_tokens": None,
    "output_tokens": None,
    "cost": 0.01234,
    "session": None,
    "user": None,
    "request": "what?",
    "response": "",
    "tags": {},
    "cell": "",
    "cell_id": "",
    "source": "",
}
texts = st.text(max_size=300)


class Elements(HTMLParser):
    """Collects what a sanitiser would look at."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.seen.update(name for name, _ in attrs)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@given(st.lists(st.tuples(texts, texts, texts), max_size=60), texts)
def test_any_text_is_escaped_and_the_size_bounded(values, text):
    rows = [{**ROW, "name": a, "request": b, "response": c} for a, b, c in values]
    page = table_html(rows, len(rows), text)
    parser = Elements()
    parser.feed(page)
    assert not parser.open
    assert parser.seen <= {
        "div",
        "class",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "align",
        "i",
    }
    assert len(json.dumps(page, ensure_ascii=False).encode("utf-8", "replace")) < 60_000
    plain = table_text(rows, len(rows), text)
    assert len(plain.splitlines()) == len(plain.split("\n"))


def test_what_is_left_out_is_said():
    rows = [{**ROW, "request": "ä" * 240, "response": "<" * 240}] * 100
    page = table_html(rows, 1_000_000, "state = 'ERROR'", "key")
    assert len(json.dumps(page, ensure_ascii=False).encode()) <= MAX_SAVED_BYTES + 1_000
    shown = page.count("<tr>") - 1
    assert 0 < shown <= MAX_ROWS
    assert f"{1_000_000 - shown:,} more traces" in page
    assert "nbtrace-static-key" in page


def test_text_is_in_columns_and_an_unknown_figure_is_empty():
    text = table_text([ROW, {**ROW, "state": "OK", "tokens": 1_234}], 2, "")
    lines = text.splitlines()
    assert lines[0] == "2 traces"
    assert "2026-01-01 00:00:00" in lines[2]
    assert "✗ error (2)" in lines[2]
    assert " 0 " not in lines[2]
    assert lines[3].index("1,234") + 5 == lines[1].index("tokens") + 6


@pytest.mark.parametrize(
    ("saved", "name", "preview"), [("names", True, False), ("none", False, False)]
)
def test_what_is_not_to_be_saved_is_not_there(monkeypatch, saved, name, preview):
    monkeypatch.setattr(options, "saved", saved)
    for form in (table_html([ROW], 1, ""), table_text([ROW], 1, "")):
        assert ("ask" in form) is name
        assert ("what?" in form) is preview


def test_in_a_terminal_the_magic_prints_rows(deterministic, capsys):
    from IPython.core.error import UsageError
    from IPython.core.interactiveshell import InteractiveShell

    for number in range(3):
        with nbtrace.start_span(f"step {number}"):
            pass
    shell = InteractiveShell.instance()
    nbtrace.load_ipython_extension(shell)
    try:
        shell.run_line_magic("traces", "name = 'step 1'")
        printed = capsys.readouterr().out
        assert printed.startswith("1 trace · name = 'step 1'\n")
        assert "step 2" not in printed
        with pytest.raises(UsageError, match=r"\^"):
            shell.run_line_magic("traces", "name = ")
    finally:
        nbtrace.unload_ipython_extension(shell)
    assert "traces" not in shell.magics_manager.magics["line"]


@pytest.fixture
def found(deterministic):
    for number in range(4):
        with nbtrace.start_span(f"step {number}"):
            pass
    return nbtrace.search_traces("name != 'step 0'", return_type="list")


def test_a_list_of_traces_is_a_list(found):
    assert isinstance(found, list)
    assert type(found[:2]) is list
    assert found == list(found)
    assert repr(found) == repr(list(found))
    assert copy.copy(found).filter_string == "name != 'step 0'"
    assert nbtrace.search_traces("name = 'nothing'", return_type="list") == []


def test_a_list_of_traces_in_a_terminal_is_its_text(found, capsys):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.user_ns["found"] = found
    shell.run_cell("found")
    assert found[0].info.trace_id in capsys.readouterr().out


def shown_in_a_kernel(found, monkeypatch):
    """Return the tables and trees that a notebook is given."""
    given = []
    monkeypatch.setattr("nbtrace.widgets.table_display.in_kernel", lambda: True)
    monkeypatch.setattr(
        "nbtrace.widgets.table_display.show_widget",
        lambda table, html, text: given.append((table, html, text)),
    )
    monkeypatch.setattr("nbtrace.widgets.table_display.show_trace", given.append)
    found._ipython_display_()
    return given


def test_several_traces_are_shown_as_the_table_of_their_search(found, monkeypatch):
    ((table, page, text),) = shown_in_a_kernel(found, monkeypatch)
    assert table.filter == "name != 'step 0'"
    assert text.startswith("3 traces · name != 'step 0'\n")
    assert "step\N{NO-BREAK SPACE}3" in page
    table.close()


def test_a_part_of_a_search_is_shown_as_that_part(found, monkeypatch):
    ids = [trace.info.trace_id for trace in found]
    del found[1]
    ((table, _, text),) = shown_in_a_kernel(found, monkeypatch)
    assert list(table.to_pandas()["trace_id"]) == [ids[0], ids[2]]
    assert text.startswith("2 traces\n")
    table.close()
    del found[1]
    assert shown_in_a_kernel(found, monkeypatch) == found
    found.clear()
    with pytest.raises(NotImplementedError):
        shown_in_a_kernel(found, monkeypatch)


def test_a_long_part_of_a_search_says_how_much_it_shows(found, monkeypatch, capsys):
    monkeypatch.setattr("nbtrace.widgets.table_display.PORTION", 2)
    found.filter_string = None
    ((table, _, _),) = shown_in_a_kernel(found, monkeypatch)
    assert len(table) == 2
    assert "2 of the list's 3 traces" in capsys.readouterr().out
    table.close()
