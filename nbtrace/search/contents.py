"""Conditions on the text of spans: comparing it, and finding it by the word index.

A text search compares the stored text, so it finds any substring, and what it finds never depends
on the index. The index gives candidates: of each run of letters and digits in a pattern the words
that contain it are looked up, and the texts that have such a word are the only ones in which the
pattern can be. A pattern whose words are too many, or that has none, is compared newest first.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.search.comparisons import Fragment, compare
from nbtrace.search.functions import asked_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.search.syntax import Condition

__all__ = ["TextIndex", "some_text", "text_of_span", "text_of_trace", "word_parts"]

# A part of more words than this is in too many texts to be worth looking them up.
MAX_TERMS = 200
# Texts that a search looks up one by one, at 4 microseconds each; with more of them a page is full
# sooner when the newest traces are compared.
MAX_TEXTS = 300_000
# Shorter parts are in too many words.
SHORTEST_PART = 2
# Letters by which the words that have a part are found.
TRIGRAM = 3
MOST_PARTS = 4

_HITS = "SELECT rowid FROM span_words WHERE span_words MATCH ?"
_TEXTS = {
    "name": "x.name",
    "inputs": "x.inputs",
    "outputs": "x.outputs",
    "whole": (
        "(x.name || char(10) || coalesce(x.inputs, '') || char(10) || coalesce(x.outputs, '')"
        " || char(10) || coalesce(x.other, ''))"
    ),
}
# What the tokenizer of the word index takes for letters in every version of Unicode: ASCII, and
# letters without case of the scripts that are written without blanks.
_RUN = re.compile(r"[A-Za-z0-9\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fcb\uac00-\ud7a3]+")
# Folding case makes two ASCII letters of one character here (as in straße, ﬁsh), or a letter and
# a mark (as in ẖ), which the index leaves alone. Such letters say nothing about its words.
_FOLDED_PAIRS = re.compile(r"(?=(ss|st|ff|fi|fl))")
_FOLDED_ENDS = "ahijtwy"
_FOLDED_STARTS = "n"


def some_text(condition: Condition, trace: str) -> Fragment:
    """Return SQL that is true when the text of some span of a trace satisfies a condition.

    Parameters
    ----------
    condition : Condition
        On the text of spans, no test for NULL.
    trace : str
        What the query calls the key of the trace.

    Returns
    -------
    Fragment
        A boolean expression.
    """
    test = compare(_text(condition.field.name), condition.operator, condition.value)
    sql = f"EXISTS (SELECT 1 FROM span_texts x WHERE x.trace = {trace} AND {test.sql})"
    return Fragment(sql, test.parameters)


def text_of_span(name: str) -> str:
    """Return SQL for a text of the span ``s``.

    Parameters
    ----------
    name : str
        ``"content"``, ``"inputs"`` or ``"outputs"``.

    Returns
    -------
    str
        An expression, NULL where there is no text.
    """
    return (
        f"(SELECT {_text(name)} FROM span_texts x"
        " WHERE x.trace = s.trace AND x.span_id = s.span_id)"
    )


def text_of_trace(condition: Condition, trace: str) -> Fragment:
    """Return SQL for a condition on ``text``, which is the text of all spans of a trace.

    Parameters
    ----------
    condition : Condition
        The condition; a negated one is true when no span satisfies what is negated.
    trace : str
        What the query calls the key of the trace.

    Returns
    -------
    Fragment
        A boolean expression.
    """
    operator = condition.operator
    there = f"EXISTS (SELECT 1 FROM span_texts x WHERE x.trace = {trace})"
    if operator.startswith("IS"):
        return Fragment(f"(NOT {there})" if operator == "IS NULL" else there)
    if not operator.startswith("NOT "):
        return some_text(condition, trace)
    test = compare(_text("text"), operator.removeprefix("NOT "), condition.value)  # type: ignore[arg-type]
    sql = f"EXISTS (SELECT 1 FROM span_texts x WHERE x.trace = {trace} AND {test.sql})"
    return Fragment(f"({there} AND NOT {sql})", test.parameters)


def _text(name: str) -> str:
    return _TEXTS[name if name in {"inputs", "outputs"} else "whole"]


def word_parts(condition: Condition) -> list[str]:
    """Return what must be part of some word of every text that satisfies a condition.

    Parameters
    ----------
    condition : Condition
        On the text of spans.

    Returns
    -------
    list of str
        Lower-case parts, the longest first; none when nothing can be said.

    Examples
    --------
    >>> from nbtrace.search.parser import parse
    >>> word_parts(parse("text LIKE '%binomial_Coefficient(%'"))
    ['coefficient', 'binomial']
    >>> word_parts(parse("text ILIKE '%strasse%'"))
    ['ra']
    """
    value = condition.value
    if not isinstance(value, str):
        return []
    if condition.operator == "LIKE":
        parts = [run.lower() for run in _RUN.findall(_without_wildcards(value))]
    elif condition.operator == "ILIKE":
        parts = _folded(_without_wildcards(value.casefold()))
    elif condition.operator == "MATCH":
        parts = _folded(" ".join(word for word, _ in asked_words(value)))
    else:
        return []
    long = {part for part in parts if len(part) >= SHORTEST_PART}
    return sorted(long, key=lambda part: (-len(part), part))[:MOST_PARTS]


def _without_wildcards(pattern: str) -> str:
    return pattern.replace("%", " ").replace("_", " ")


def _folded(text: str) -> list[str]:
    """Return the parts of a case-folded text that no folding has made."""
    parts: list[str] = []
    for run in _RUN.findall(text):
        made = {
            place
            for found in _FOLDED_PAIRS.finditer(run)
            for place in (found.start(), found.start() + 1)
        }
        kept = "".join(" " if place in made else mark for place, mark in enumerate(run))
        if kept[-1] in _FOLDED_ENDS:
            kept = kept[:-1]
        if kept[:1] in _FOLDED_STARTS:
            kept = kept[1:]
        parts += kept.split()
    return parts


class _Words(NamedTuple):
    """The words of which a text must have one."""

    terms: tuple[str, ...]


class TextIndex:
    """Looks up which texts can satisfy a condition.

    Parameters
    ----------
    rows : callable
        Runs a SELECT and returns its rows.
    """

    def __init__(self, rows: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]) -> None:
        self._rows = rows

    def hits(self, condition: Condition, limit: int) -> int:
        """Return how many texts the index names for a condition.

        Parameters
        ----------
        condition : Condition
            On the text of spans.
        limit : int
            Where counting stops.

        Returns
        -------
        int
            0 also when the index says nothing.
        """
        asked = self._asked(condition)
        if not asked:
            return 0
        return int(self._rows(f"SELECT count(*) FROM ({_HITS} LIMIT {limit})", (asked,))[0][0])

    def traces(self, condition: Condition) -> Fragment | None:
        """Return the traces of which some text satisfies a condition.

        Parameters
        ----------
        condition : Condition
            On the text of spans.

        Returns
        -------
        Fragment or None
            A SELECT of ``traces.id``; ``None`` when there are too many, or the index says nothing.
        """
        asked = self._asked(condition)
        # What is not indexed yet is compared as it is.
        late = "SELECT x.trace FROM span_texts x WHERE x.id > (SELECT last_id FROM text_progress)"
        if asked is None or self._exceeds(late, (), MAX_TEXTS):
            return None
        test = compare(_text(condition.field.name), condition.operator, condition.value)
        late += f" AND {test.sql}"
        if not asked:
            return Fragment(late, test.parameters)
        if self._exceeds(_HITS, (asked,), MAX_TEXTS):
            return None
        # The index says where to look, the stored text whether it is there.
        sql = f"SELECT x.trace FROM span_texts x WHERE x.id IN ({_HITS}) AND {test.sql}"
        return Fragment(f"{sql} UNION ALL {late}", (asked, *test.parameters, *test.parameters))

    def _asked(self, condition: Condition) -> str | None:
        """Return what to ask the index; nothing when no text has it, ``None`` without an answer."""
        parts = word_parts(condition)
        if not parts or not self._has("span_words"):
            return None
        words = [found for part in parts if (found := self._terms(part)) is not None]
        if not words:
            return None
        if not all(found.terms for found in words):
            return ""
        return " AND ".join(
            "(" + " OR ".join(f'"{term}"' for term in found.terms) + ")" for found in words
        )

    def _has(self, table: str) -> bool:
        return bool(self._rows("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)))

    def _terms(self, part: str) -> _Words | None:
        where = "instr(term, ?) > 0"
        parameters: tuple[Any, ...] = (part, MAX_TERMS + 1)
        if len(part) >= TRIGRAM and self._has("term_parts"):
            where = f"id IN (SELECT rowid FROM term_parts WHERE term_parts MATCH ?) AND {where}"
            places = range(len(part) - TRIGRAM + 1)
            trigrams = " AND ".join(f'"{part[place : place + TRIGRAM]}"' for place in places)
            parameters = (trigrams, *parameters)
        rows = self._rows(f"SELECT term FROM text_terms WHERE {where} LIMIT ?", parameters)
        return None if len(rows) > MAX_TERMS else _Words(tuple(row[0] for row in rows))

    def _exceeds(self, sql: str, parameters: tuple[Any, ...], limit: int) -> bool:
        """Say whether a SELECT has more rows than a limit."""
        counted = f"SELECT count(*) > {limit} FROM ({sql} LIMIT {limit + 1})"
        return bool(self._rows(counted, parameters)[0][0])
