"""The static HTML and the terminal tree: bounded, escaped, complete about what is left out."""

from __future__ import annotations

import itertools
import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace.config import options
from nbtrace.entities import Span, SpanStatus, Trace
from nbtrace.widgets.display import TEXT_BYTES
from nbtrace.widgets.forest import chosen_lines, forest_of
from nbtrace.widgets.html import MAX_ROWS, MAX_SAVED_BYTES, brief_html, static_html
from nbtrace.widgets.source import TraceSnapshot
from nbtrace.widgets.text import fenced, terminal_tree

TRACE_ID = "tr-" + "0a" * 16
ALLOWED_TAGS = {"style", "div", "details", "summary", "b", "i", "code"}
VOID = {"br", "meta"}


def span(number: int, parent: int | None = None, name: str = "step", **keywords) -> Span:
    return Span(
        trace_id=TRACE_ID,
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=name,
        start_time_ns=number,
        **{"end_time_ns": number + 5, **keywords},
    )


class Checker(HTMLParser):
    """Fails on elements and attributes that the static tree never makes, and on bad nesting."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        assert tag in ALLOWED_TAGS
        assert {name for name, _ in attrs} <= {"class", "style", "open"}
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(text: str) -> None:
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []


def test_large_trace_is_cut_and_says_so():
    spans = [span(0)] + [
        span(number, (number - 1) // 10, attributes={"mlflow.spanInputs": '"' + "x" * 500 + '"'})
        for number in range(1, 5_000)
    ]
    text = static_html(Trace.from_spans(spans), "key")
    check(text)
    assert len(json.dumps(text)) < MAX_SAVED_BYTES + 2_000
    assert text.count("<summary>") <= 2 * MAX_ROWS
    assert "4,8" in text
    assert "not shown here" in text
    assert ".nbtrace-static-key" in text


def test_hostile_text_is_only_text():
    hostile = "<script>alert(1)</script>\" onload='x' \u202e\x00\ud800"
    bad = span(
        1,
        name=hostile,
        status=SpanStatus("ERROR", hostile),
        attributes={"mlflow.spanInputs": hostile, "mlflow.spanType": json.dumps(hostile)},
    )
    text = static_html(Trace.from_spans([bad]), "key")
    check(text)
    assert "<script" not in text
    assert "\u202e" not in text
    text.encode()
    tree = terminal_tree(Trace.from_spans([bad, span(2, 1, name="\x1b[31mred")]))
    assert "\x1b" not in tree
    tree.encode()


def test_deep_nesting_and_cycles_end():
    deep = [span(number, number - 1 if number else None) for number in range(1_000)]
    text = static_html(Trace.from_spans(deep), "key")
    check(text)
    lines = terminal_tree(Trace.from_spans(deep)).splitlines()
    assert len(lines) <= 202
    cycle = Trace.from_spans([span(1, 2), span(2, 1), span(3, 3)])
    check(static_html(cycle))
    assert terminal_tree(cycle).count("step") >= 3


@pytest.mark.parametrize(
    ("saved", "names", "values"), [("full", 1, 1), ("names", 1, 0), ("none", 0, 0)]
)
def test_what_is_saved_is_an_option(monkeypatch, saved, names, values):
    monkeypatch.setattr(options, "saved", saved)
    child = span(2, 1, name="inner", attributes={"mlflow.spanInputs": '"secret value"'})
    text = static_html(Trace.from_spans([span(1), child]), "key")
    assert ("inner" in text, "secret value" in text) == (bool(names), bool(values))
    for form in Trace.from_spans([span(1), child])._repr_mimebundle_().values():
        assert "secret value" not in form or values
        assert "inner" not in form or names


@pytest.mark.parametrize(("saved", "shown"), [("full", True), ("names", False), ("none", False)])
def test_the_row_of_an_error_says_why(monkeypatch, saved, shown):
    monkeypatch.setattr(options, "saved", saved)
    failed = span(1, status=SpanStatus("ERROR", "ValueError: <no>\nsecond line"))
    text = static_html(Trace.from_spans([failed]))
    check(text)
    assert ("✗ ValueError: &lt;no&gt; second line" in text) == shown
    assert ("ValueError" in text) == shown


def test_the_first_line_of_a_terminal_tree_tells_the_root():
    attributes = {"mlflow.spanType": '"AGENT"'}
    failed = SpanStatus("ERROR", "KeyboardInterrupt")
    root = span(1, name="answer", attributes=attributes, status=failed)
    assert terminal_tree(Trace.from_spans([root])) == (
        "answer · AGENT · 5 ns · 1 span · 1 error · ERROR: KeyboardInterrupt"
    )
    assert terminal_tree(Trace.from_spans([root, span(2, name="other")])).splitlines()[1:] == [
        "├─ answer  AGENT  5 ns  ERROR: KeyboardInterrupt",
        "└─ other  5 ns",
    ]


def test_a_displayed_trace_is_printed_where_there_is_no_page(capsys):
    Trace.from_spans([span(1, name="answer")])._ipython_display_()
    assert capsys.readouterr().out == "answer · 5 ns · 1 span\n"


def test_terminal_tree_shows_structure_errors_and_tokens():
    usage = '{"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}'
    tree = terminal_tree(
        Trace.from_spans(
            [
                span(1, name="answer"),
                span(2, 1, name="chain"),
                span(
                    3,
                    2,
                    name="chat",
                    attributes={"mlflow.spanType": '"LLM"', "mlflow.chat.tokenUsage": usage},
                ),
                span(4, 1, name="fetch", status=SpanStatus("ERROR", "TimeoutError: late")),
            ]
        )
    )
    assert tree.splitlines()[1:] == [
        "├─ chain  5 ns",
        "│  └─ chat  LLM  5 ns  5 tokens",
        "└─ fetch  5 ns  ERROR: TimeoutError: late",
    ]
    assert tree.startswith("answer · 8 ns · 4 spans · 5 tokens · 1 error")


def test_a_trace_is_html_markdown_and_text():
    trace = Trace.from_spans([span(1, name="answer"), span(2, 1, name="search")])
    forms = trace._repr_mimebundle_()
    # Front ends take the first that they know.
    assert list(forms) == ["text/html", "text/markdown", "text/plain"]
    assert forms["text/plain"].endswith("└─ search  5 ns")
    assert forms["text/markdown"] == f"````text\n{forms['text/plain']}\n````"


def test_the_texts_beside_the_html_are_bounded():
    spans = [span(0)] + [span(n, 0, name="\N{WHALE}" * 200) for n in range(1, 100)]
    for form in ("text/markdown", "text/plain"):
        text = Trace.from_spans(spans)._repr_mimebundle_()[form]
        assert "more" in text
        assert len(text.encode()) < TEXT_BYTES + 100


class Running(TraceSnapshot):
    """A trace of which no more is known than that it runs."""

    finished = False


def test_what_is_kept_of_a_running_trace_says_when_it_ran():
    trace = Trace.from_spans([span(1, name="answer", end_time_ns=None)])
    # By the time it is read the kernel may be another one.
    for text in (static_html(Running(trace)), brief_html("answer", "key")):
        assert text.count("running when this was saved") == 1
        assert text.count("running") == 1
    assert terminal_tree(Running(trace)).endswith(" · running")


def test_markdown_is_fenced_whatever_names_hold():
    trace = Trace.from_spans([span(1, name="````")])
    assert fenced(terminal_tree(trace)).count("````") == 2


@given(st.lists(st.integers(min_value=-1, max_value=20), max_size=20), st.integers(1, 25))
def test_lines_are_chosen_once_each_and_parents_first(parents, limit):
    spans = [span(number, None if parent < 0 else parent) for number, parent in enumerate(parents)]
    forest = forest_of(spans)
    lines = chosen_lines(forest, limit)
    places = [line.place for line in lines]
    assert len(places) == len(set(places)) == min(limit, len(spans))
    left_out = sum(line.left_out for line in lines)
    assert left_out <= len(spans) - len(lines)
    for before, line in itertools.pairwise(lines):
        assert line.depth <= before.depth + 1


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_any_name_makes_well_formed_html(names):
    trace = Trace.from_spans(
        [span(number, 0 if number else None, name=name) for number, name in enumerate(names)]
    )
    check(static_html(trace, "key"))
    terminal_tree(trace).encode()


def test_messages_and_documents_are_told_in_words():
    asked = {"messages": [{"role": "system", "content": "Be brief."}]}
    asked["messages"] += [{"role": "user", "content": "<b>Weather</b>\nin Paris?"}]
    documents = [{"page_content": "Paris is mild", "metadata": {"score": 0.912}, "id": "d1"}]
    text = static_html(
        Trace.from_spans(
            [
                span(
                    1,
                    attributes={
                        "mlflow.spanType": '"CHAT_MODEL"',
                        "mlflow.spanInputs": json.dumps(asked),
                        "mlflow.spanOutputs": json.dumps({"role": "assistant", "content": "Sunny"}),
                    },
                ),
                span(
                    2,
                    1,
                    attributes={
                        "mlflow.spanType": '"RETRIEVER"',
                        "mlflow.spanInputs": '{"query": "Paris"}',
                        "mlflow.spanOutputs": json.dumps(documents),
                    },
                ),
            ]
        )
    )
    check(text)
    assert "user <code>&lt;b&gt;Weather&lt;/b&gt; in Paris?</code>" in text
    assert "assistant <code>Sunny</code>" in text
    assert "1 · 0.912 <code>Paris is mild</code>" in text
