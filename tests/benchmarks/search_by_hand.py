"""The questions of the search benchmark as SQL that somebody writes by hand, in three forms.

``EXISTS`` asks for each trace, newest first; ``IN`` collects the traces of a condition first;
``index`` reads the condition's own index, newest first where it ends in the time, and verifies the
other conditions. Which of them is best depends on how many traces a condition has and where; a
person who writes SQL would have to know that beforehand.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from search_data import OLD_SHARE, SPACING_MS, START_MS

__all__ = ["PAGE", "Index", "Question", "forms", "questions"]

PAGE = 100


class Index(NamedTuple):
    """One condition as each of the three forms needs it."""

    table: str
    where: str
    values: tuple[Any, ...]
    time: str | None = "d.request_time"
    trace: str = "d.trace"


class Question(NamedTuple):
    """What is asked, in both languages."""

    name: str
    text: str | None
    conditions: list[Index]
    word: str = "AND"


def tag(key: str, value: str) -> Index:
    return Index("trace_tags d", "d.key = ? AND d.value = ?", (key, value))


def span_name(value: str) -> Index:
    return Index("span_values d", "d.field = ? AND d.value = ?", ("name", value))


def state(value: str) -> Index:
    return Index("traces d", "d.state = ?", (value,), trace="d.id")


def between(low: int, high: int) -> Index:
    return Index("traces d", "d.request_time BETWEEN ? AND ?", (low, high), trace="d.id")


def attribute(key: str, value: str) -> Index:
    path = f'$."{key}"'
    return Index("spans d", "json_extract(d.attributes, ?) = ?", (path, value), time=None)


def text(part: str, word: str) -> Index:
    where = "instr(d.name || char(10) || coalesce(d.inputs, '') || coalesce(d.outputs, ''), ?) > 0"
    index = "d.id IN (SELECT rowid FROM span_words WHERE span_words MATCH ?) AND "
    return Index("span_texts d", f"{index if word else ''}{where}", (word, part)[not word :], None)


def forms(question: Question) -> dict[str, tuple[str, tuple[Any, ...]]]:
    """Return SELECTs of (request_time, id), without the limit."""
    tail = " ORDER BY t.request_time DESC, t.id DESC"
    select = "SELECT t.request_time, t.id FROM traces t"
    conditions, word = question.conditions, question.word
    if not conditions:
        return {"index": (select + tail, ())}
    plain = [_without_index(item) for item in conditions]
    values = tuple(value for item in plain for value in item.values)
    exists = [
        f"EXISTS (SELECT 1 FROM {item.table} WHERE {item.where}"
        + (f" AND {item.time} = t.request_time" if item.time else "")
        + f" AND {item.trace} = t.id)"
        for item in plain
    ]
    members = [
        f"t.id IN (SELECT {item.trace} FROM {item.table} WHERE {item.where})" for item in plain
    ]
    found = {
        "EXISTS": (f"{select} WHERE " + f" {word} ".join(exists) + tail, values),
        "IN": (f"{select} WHERE " + f" {word} ".join(members) + tail, values),
    }
    if all(item.time for item in conditions):
        found["index"] = (_driven(conditions, word), values)
    elif conditions != plain:
        (item,) = conditions
        sql = f"{select} WHERE t.id IN (SELECT d.trace FROM {item.table} WHERE {item.where})"
        found["index"] = (sql + tail, item.values)
    return found


def _without_index(item: Index) -> Index:
    mark = "MATCH ?) AND "
    if mark not in item.where:
        return item
    return item._replace(where=item.where.partition(mark)[2], values=item.values[1:])


def _driven(conditions: list[Index], word: str) -> str:
    driving = [
        f"SELECT {item.time}, {item.trace} FROM {item.table} WHERE {item.where}"
        for item in conditions
    ]
    if word == "OR":
        return " UNION ".join(driving) + " ORDER BY 1 DESC, 2 DESC"
    first = conditions[0]
    rest = [
        f"EXISTS (SELECT 1 FROM {item.table[:-1]}x WHERE {item.where.replace('d.', 'x.')}"
        f" AND {str(item.time).replace('d.', 'x.')} = {first.time}"
        f" AND {item.trace.replace('d.', 'x.')} = {first.trace})"
        for item in conditions[1:]
    ]
    return " AND ".join([driving[0], *rest]) + " ORDER BY 1 DESC, 2 DESC"


def questions(count: int) -> list[Question]:
    """Return what is asked of a store of so many traces."""
    end = START_MS + count * SPACING_MS
    old = START_MS + count // OLD_SHARE * SPACING_MS
    middle, share = START_MS + count * SPACING_MS // 2, count * SPACING_MS // 100
    found = [Question("latest 100", None, [])]
    found += [
        Question(f"tag, {share}", f"tags.{key} = '{value}'", [tag(key, value)])
        for share, key, value in (
            ("100 %", "all", "yes"),
            ("1 %", "rare", "yes"),
            ("old 5 %", "old", "yes"),
            ("none", "all", "no"),
        )
    ]
    found += [
        Question(f"state, {share}", f"state = '{value}'", [state(value)])
        for share, value in (
            ("94 %", "OK"),
            ("1 %", "ERROR"),
            ("old 5 %", "STATE_UNSPECIFIED"),
            ("none", "IN_PROGRESS"),
        )
    ]
    found += [
        Question(f"time, {share}", f"timestamp BETWEEN {low} AND {high}", [between(low, high)])
        for share, low, high in (
            ("100 %", START_MS, end),
            ("1 %", middle, middle + share),
            ("old 5 %", START_MS, old),
            ("none", end + 1_000, end + 2_000),
        )
    ]
    found += [
        Question(f"span name, {share}", f"span.name = '{value}'", [span_name(value)])
        for share, value in (
            ("100 %", "answer"),
            ("1 %", "retry"),
            ("old 5 %", "old step"),
            ("none", "absent"),
        )
    ]
    rare, common, old_step = tag("rare", "yes"), tag("all", "yes"), span_name("old step")
    found += [
        Question(
            "OR: tag 1 %, span name old",
            "tags.rare = 'yes' OR span.name = 'old step'",
            [rare, old_step],
            "OR",
        ),
        Question(
            "OR: state 1 %, tag 100 %",
            "state = 'ERROR' OR tags.all = 'yes'",
            [state("ERROR"), common],
            "OR",
        ),
        Question(
            "OR: span name none, tag old",
            "span.name = 'absent' OR tags.old = 'yes'",
            [span_name("absent"), tag("old", "yes")],
            "OR",
        ),
        Question(
            "OR: time old, state none",
            f"timestamp BETWEEN {START_MS} AND {old} OR state = 'IN_PROGRESS'",
            [between(START_MS, old), state("IN_PROGRESS")],
            "OR",
        ),
        Question(
            "AND: common, rare",
            "tags.all = 'yes' AND tags.rare = 'yes'",
            [rare, common],
        ),
        Question(
            "AND: two of 50 % that rarely meet",
            "tags.side = 'left' AND tags.other = 'b'",
            [tag("side", "left"), tag("other", "b")],
        ),
        Question(
            "AND: two that never meet",
            "tags.old = 'yes' AND span.name = 'step'",
            [tag("old", "yes"), span_name("step")],
        ),
        Question(
            "span attribute, 0.1 %",
            "span.attributes.`user.id` = 'u7'",
            [attribute("user.id", "u7")],
        ),
        Question(
            "span attribute, none",
            "span.attributes.`user.id` = 'nobody'",
            [attribute("user.id", "nobody")],
        ),
    ]
    found += [
        Question(f"text LIKE, {share}", f"text LIKE '%{part}%'", [text(part, word)])
        for share, part, word in (
            ("100 %", "question", "question"),
            ("1 %", "escalation", "escalation"),
            ("old 5 %", "the archive", "archive"),
            ("none", "absentee", "absentee"),
        )
    ]
    return found
