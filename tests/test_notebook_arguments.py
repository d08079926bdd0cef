"""The options after ``%%trace`` and ``%trace on``."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from nbtrace.notebook.arguments import TraceArguments, parse_cell_line, parse_on_line

plain_words = st.text(st.characters(categories=["L", "N"]), min_size=1)
values = st.text(st.characters(categories=["L", "N", "P", "Zs"], exclude_characters="'"))


def test_nothing_given() -> None:
    assert parse_cell_line("") == TraceArguments()


def test_all_options() -> None:
    line = "'my run' --tag user=ada --tag 'note=two words' --experiment trials --no-display"
    assert parse_cell_line(line) == TraceArguments(
        name="my run",
        tags={"user": "ada", "note": "two words"},
        experiment="trials",
        display=False,
    )


def test_quotes_within_a_tag() -> None:
    assert parse_cell_line("--tag k='two words'").tags == {"k": "two words"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--bad", "--bad"),
        ("two words", "quotes around"),
        ("--tag", "expected one argument"),
        ("--tag x", "key=value"),
        ("--tag =x", "key=value"),
        ("'open", "closing quotation"),
        ("--exp trials", "--exp"),
    ],
)
def test_what_is_wrong_is_a_usage_error(line: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse_cell_line(line)
    assert "usage: %%trace" in str(caught.value)


def test_on_takes_no_name() -> None:
    assert parse_on_line("--tag a=b").tags == {"a": "b"}
    with pytest.raises(UsageError, match="unrecognized"):
        parse_on_line("name")


@given(plain_words, st.dictionaries(plain_words, values))
def test_tags_come_back(name: str, tags: dict[str, str]) -> None:
    line = " ".join([name, *(f"--tag '{key}={value}'" for key, value in tags.items())])
    assert parse_cell_line(line) == TraceArguments(name=name, tags=tags)


@given(st.text())
def test_any_line_is_read_or_refused(line: str) -> None:
    with contextlib.suppress(UsageError):
        parse_cell_line(line)
