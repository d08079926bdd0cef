"""Which span of one trace is which of another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbtrace.entities import Span
from nbtrace.widgets.alignment import align

TRACE = "tr-" + "0a" * 16


def spans(*rows: tuple[str, int | None] | tuple[str, int | None, str]) -> list[Span]:
    """Make spans of (name, place of the parent, inputs)."""
    return [
        Span(
            trace_id=TRACE,
            span_id=f"{at + 1:016x}",
            parent_id=None if row[1] is None else f"{row[1] + 1:016x}",
            name=row[0],
            start_time_ns=at,
            attributes={"mlflow.spanInputs": row[2]} if len(row) > 2 else {},
        )
        for at, row in enumerate(rows)
    ]


def names(before: list[Span], after: list[Span]) -> list[str]:
    """Write each pair as a line: its depth in dashes, then its mark and its name."""
    lines = []
    for pair in align(before, after):
        mark = "+" if pair.before is None else "-" if pair.after is None else "="
        span = pair.after or pair.before
        lines.append("." * pair.depth + ("~" if pair.moved else mark) + (span.name if span else ""))
    return lines


def test_an_inserted_and_a_removed_span_do_not_shift_the_rest():
    before = spans(("ask", None), ("search", 0), ("read", 0), ("read", 0), ("answer", 0))
    after = spans(("ask", None), ("plan", 0), ("search", 0), ("read", 0), ("answer", 0))
    assert names(before, after) == ["=ask", ".+plan", ".=search", ".=read", ".-read", ".=answer"]


def test_equal_names_are_told_apart_by_their_inputs():
    before = spans(("ask", None), ("read", 0, "1"), ("read", 0, "2"), ("read", 0, "3"))
    after = spans(("ask", None), ("read", 0, "2"), ("read", 0, "3"))
    pairs = align(before, after)
    assert [(pair.before and pair.before.inputs, pair.after and pair.after.inputs)
            for pair in pairs[1:]] == [(1, None), (2, 2), (3, 3)]  # fmt: skip


def test_what_stands_elsewhere_is_moved_and_not_gone():
    before = spans(("ask", None), ("a", 0), ("b", 0), ("c", 0))
    after = spans(("ask", None), ("c", 0), ("a", 0), ("b", 0))
    assert names(before, after) == ["=ask", ".~c", ".=a", ".=b"]


def test_children_follow_their_parents():
    before = spans(("ask", None), ("plan", 0), ("chat", 1), ("chat", 0))
    after = spans(("ask", None), ("plan", 0), ("chat", 1), ("tool", 1), ("chat", 0))
    assert names(before, after) == ["=ask", ".=plan", "..=chat", "..+tool", ".=chat"]


def test_traces_with_nothing_in_common_share_nothing():
    before = spans(("a", None), ("b", None))
    after = spans(("c", None), ("d", None))
    assert sorted(names(before, after)) == ["+c", "+d", "-a", "-b"]
    assert align([], []) == []


def test_the_only_root_is_the_same_whatever_its_name():
    assert names(spans(("In [3]", None), ("ask", 0)), spans(("In [4]", None), ("ask", 0))) == [
        "=In [4]",
        ".=ask",
    ]


def test_ten_thousand_equal_siblings_and_a_thousand_levels():
    wide = [("root", None), *[("same", 0)] * 10_000]
    assert len(align(spans(*wide), spans(*wide[:-1]))) == 10_001
    deep = [("root", None), *[("deeper", at) for at in range(2_000)]]
    assert len(align(spans(*deep), spans(*deep))) == 2_001


@st.composite
def trees(draw: st.DrawFn) -> list[Span]:
    rows: list[tuple[str, int | None, str]] = []
    for at in range(draw(st.integers(0, 12))):
        parent = draw(st.none() | st.integers(-1, at)) if at else None
        rows.append((draw(st.sampled_from("abc")), parent, draw(st.sampled_from("12"))))
    return spans(*rows)


@given(trees(), trees())
def test_every_span_is_listed_once_below_its_parent(before: list[Span], after: list[Span]):
    pairs = align(before, after)
    for side, given_spans in (("before", before), ("after", after)):
        listed = [span.span_id for pair in pairs if (span := getattr(pair, side))]
        assert sorted(listed) == sorted(span.span_id for span in given_spans)
    for pair in pairs:
        if pair.before and pair.after and pair.depth:
            assert pair.before.name == pair.after.name


@given(trees())
def test_a_trace_is_like_itself(tree: list[Span]):
    assert all(
        pair.before is pair.after and not pair.moved
        for pair in align(tree, tree)
    )  # fmt: skip
