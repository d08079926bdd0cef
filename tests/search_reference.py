"""What the search is tested against: a store of known traces, and the language in plain Python.

`matches` is written from the paragraphs of the design and reads entities, not rows: it knows
nothing of SQL, indexes or JSON columns. Both sides share the parser only.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from nbtrace.entities.constant import STANDARD_TAG_KEYS
from nbtrace.search.syntax import And, Condition, Not, Or
from nbtrace.store.rows import SpanRow, TextRow, TraceRow

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace.search.syntax import Expression, Value
    from nbtrace.store.database import Database


@dataclasses.dataclass
class KnownSpan:
    span_id: str
    name: str
    type: str = "UNKNOWN"
    status: str = "OK"
    model: str | None = None
    total_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    start_ns: int = 0
    end_ns: int | None = 1
    parent_id: str | None = None
    attributes: dict[str, Any] = dataclasses.field(default_factory=dict)
    inputs: str | None = None
    outputs: str | None = None
    other: str | None = None

    @property
    def content(self) -> str:
        texts = (self.name, self.inputs, self.outputs, self.other)
        return "\n".join(text or "" for text in texts)


@dataclasses.dataclass
class KnownAssessment:
    kind: str
    name: str
    value: Any
    valid: bool = True
    session: str | None = None


@dataclasses.dataclass
class KnownTrace:
    trace_id: str
    request_time: int
    experiment_id: str = "0"
    experiment: str = "Default"
    execution_duration: int | None = None
    state: str = "OK"
    name: str | None = None
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    total_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    tags: dict[str, str] = dataclasses.field(default_factory=dict)
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    spans: list[KnownSpan] = dataclasses.field(default_factory=list)
    assessments: list[KnownAssessment] = dataclasses.field(default_factory=list)
    links: list[tuple[str, str]] = dataclasses.field(default_factory=list)


def open_database(directory: Path) -> Database:
    from nbtrace.store.database import Database

    return Database(directory / "nbtrace.db")


def fill(database: Database, traces: list[KnownTrace]) -> None:
    rows = []
    for trace in traces:
        spans = [
            SpanRow(
                span.span_id,
                span.parent_id,
                span.name,
                span.type,
                span.status,
                span.start_ns,
                span.end_ns,
                0,
                0,
                0,
                json.dumps(span.attributes, ensure_ascii=False) if span.attributes else None,
                span.model,
                span.input_tokens,
                span.output_tokens,
                span.total_tokens,
                span.cost,
            )
            for span in trace.spans
        ]
        names = {field.name for field in dataclasses.fields(TraceRow)}
        values = {
            field.name: getattr(trace, field.name)
            for field in dataclasses.fields(trace)
            if field.name in names
        }
        texts = [
            TextRow(span.span_id, span.name, span.inputs, span.outputs, span.other)
            for span in trace.spans
        ]
        rows.append(TraceRow(**{**values, "spans": spans, "parts": [""], "texts": texts}))
    database.upsert_traces(rows)
    with database.transaction() as connection:
        for trace in traces:
            connection.execute(
                "INSERT OR IGNORE INTO experiments VALUES (?, ?, NULL, 'active', 0, 0, '{}')",
                (trace.experiment_id, trace.experiment),
            )
            (key,) = connection.execute(
                "SELECT id FROM traces WHERE trace_id = ?", (trace.trace_id,)
            ).fetchone()
            for kind, target in trace.links:
                connection.execute("INSERT INTO links VALUES (?, ?, ?)", (key, kind, target))
            for index, item in enumerate(trace.assessments):
                metadata = (
                    json.dumps({"mlflow.trace.session": item.session}) if item.session else None
                )
                connection.execute(
                    "INSERT INTO assessments (assessment_id, trace, kind, name, value, source_type,"
                    " metadata, create_time, last_update_time, valid)"
                    " VALUES (?, ?, ?, ?, ?, 'HUMAN', ?, 0, 0, ?)",
                    (
                        f"a-{key}-{index}",
                        key,
                        item.kind,
                        item.name,
                        json.dumps(item.value),
                        metadata,
                        item.valid,
                    ),
                )


def matches(expression: Expression, trace: KnownTrace, traces: list[KnownTrace]) -> bool:
    """Say whether a trace satisfies a filter as the parser has read it."""
    if _only_spans(expression):
        if isinstance(expression, Not):
            return not matches(expression.operand, trace, traces)
        return any(_span_matches(expression, span) for span in trace.spans)
    if isinstance(expression, Not):
        return not matches(expression.operand, trace, traces)
    if isinstance(expression, Or):
        return any(matches(operand, trace, traces) for operand in expression.operands)
    if isinstance(expression, And):
        of_span = [operand for operand in expression.operands if _only_spans(operand)]
        others = [operand for operand in expression.operands if not _only_spans(operand)]
        if len(of_span) > 1:
            joined = any(
                all(_span_matches(operand, span) for operand in of_span) for span in trace.spans
            )
        else:
            joined = all(matches(operand, trace, traces) for operand in of_span)
        return joined and all(matches(operand, trace, traces) for operand in others)
    assert isinstance(expression, Condition)
    return _trace_condition(expression, trace, traces)


def _only_spans(expression: Expression) -> bool:
    if isinstance(expression, Condition):
        return expression.field.scope in {"span", "attribute"}
    if isinstance(expression, Not):
        return _only_spans(expression.operand)
    return all(_only_spans(operand) for operand in expression.operands)


def _span_matches(expression: Expression, span: KnownSpan) -> bool:
    if isinstance(expression, Not):
        return not _span_matches(expression.operand, span)
    if isinstance(expression, Or):
        return any(_span_matches(operand, span) for operand in expression.operands)
    if isinstance(expression, And):
        return all(_span_matches(operand, span) for operand in expression.operands)
    field, operator, value = expression.field, expression.operator, expression.value
    if field.scope == "attribute":
        stored = span.attributes.get(field.name)
        if field.name == "mlflow.llm.model" and stored is not None:
            stored = json.loads(stored)
        return typed(stored, operator, value)
    if field.name == "duration":
        stored = None if span.end_ns is None else (span.end_ns - span.start_ns) / 1e6
    elif field.name == "start_time":
        stored = span.start_ns / 1e6
    else:
        stored = getattr(span, field.name)
    return compare(stored, operator, value)


def _trace_condition(  # noqa: C901, PLR0911, PLR0912 - one branch per kind of field
    condition: Condition, trace: KnownTrace, traces: list[KnownTrace]
) -> bool:
    field, operator, value = condition.field, condition.operator, condition.value
    if field.scope == "tag":
        known = trace.tags.get(field.name)
        if known is None and field.name in STANDARD_TAG_KEYS:
            known = trace.metadata.get(field.name)
        return compare(known, operator, value)
    if field.scope == "metadata":
        return compare(trace.metadata.get(field.name), operator, value)
    if field.scope in {"feedback", "expectation"}:
        session = trace.tags.get("mlflow.trace.session")
        stored = [
            item.value
            for other in traces
            for item in other.assessments
            if (other is trace or (item.session is not None and item.session == session))
            and item.kind == field.scope
            and item.name == field.name
            and item.valid
        ]
        if operator == "IS NULL":
            return not stored
        if operator == "IS NOT NULL":
            return bool(stored)
        return any(typed(item, operator, value) for item in stored)
    if field.scope == "issue" or field.name == "prompt":
        kind = "issue" if field.scope == "issue" else "prompt"
        return _any_link([target for key, target in trace.links if key == kind], operator, value)
    if field.name == "run_id":
        linked = [target for kind, target in trace.links if kind == "run"]
        known = compare(trace.metadata.get("mlflow.sourceRun"), operator, value)
        return known or (operator in {"=", "IN"} and _any_link(linked, operator, value))
    if field.type == "content":
        return _any_text(trace, operator, value)
    if field.name == "end_time":
        if operator.startswith("IS"):
            return compare(trace.execution_duration, operator, None)
        return compare(trace.request_time + (trace.execution_duration or 0), operator, value)
    if field.name == "span_count":
        return compare(len(trace.spans), operator, value)
    if field.name == "error_count":
        errors = sum(span.status == "ERROR" for span in trace.spans)
        return compare(errors, operator, value)
    return compare(getattr(trace, field.name), operator, value)


def _any_text(trace: KnownTrace, operator: str, value: Value) -> bool:
    texts = [span.content for span in trace.spans]
    if operator.startswith("IS"):
        return bool(texts) is (operator == "IS NOT NULL")
    if operator.startswith("NOT "):
        positive = operator.removeprefix("NOT ")
        return bool(texts) and not any(compare(text, positive, value) for text in texts)
    return any(compare(text, operator, value) for text in texts)


def _any_link(targets: list[str], operator: str, value: Value) -> bool:
    if operator == "IS NULL":
        return not targets
    if operator == "IS NOT NULL":
        return bool(targets)
    return any(compare(target, operator, value) for target in targets)


def compare(  # noqa: C901, PLR0911 - one branch per operator
    stored: Any, operator: str, value: Value
) -> bool:
    """Compare a stored value, ``None`` when missing, with literals of its own type."""
    if operator == "IS NULL":
        return stored is None
    if stored is None:
        return False
    if operator == "IS NOT NULL":
        return True
    if operator.startswith("NOT "):
        return not compare(stored, operator.removeprefix("NOT "), value)
    if operator == "IN":
        return stored in value
    if operator == "BETWEEN":
        return value[0] <= stored <= value[1]
    if operator == "LIKE":
        return like(stored, value)
    if operator == "ILIKE":
        return like(stored.casefold(), value.casefold())
    if operator == "MATCH":
        return has_words(stored, value)
    if operator == "RLIKE":
        return re.search(value, stored) is not None
    return {
        "=": stored == value,
        "!=": stored != value,
        ">": operator == ">" and stored > value,
        ">=": operator == ">=" and stored >= value,
        "<": operator == "<" and stored < value,
        "<=": operator == "<=" and stored <= value,
    }[operator]


def has_words(text: str, words: str) -> bool:
    """Say whether all words, of which * may be the ending, are among those of a text."""

    def split(whole: str) -> list[str]:
        return "".join(mark if mark.isalnum() or mark == "*" else " " for mark in whole).split()

    asked: list[str] = []
    for word in split(words.casefold()):
        pieces = word.split("*")
        asked += [f"{piece}*" for piece in pieces[:-1] if piece] + [p for p in pieces[-1:] if p]
    there = split(text.casefold().replace("*", " "))
    return bool(asked) and all(
        any(item.startswith(word[:-1]) if word.endswith("*") else item == word for item in there)
        for word in asked
    )


def like(text: str, pattern: str) -> bool:
    """Match a LIKE pattern by recursion over its characters."""
    reachable = {0}
    for mark in pattern:
        if mark == "%":
            reachable = set(range(min(reachable), len(text) + 1)) if reachable else set()
        else:
            reachable = {
                place + 1 for place in reachable if place < len(text) and mark in ("_", text[place])
            }
    return len(text) in reachable


def typed(  # noqa: C901, PLR0911 - one branch per operator and type
    stored: Any, operator: str, value: Value
) -> bool:
    """Compare a value that carries its type with literals that carry theirs."""
    if stored is None or operator in {"IS NULL", "IS NOT NULL"}:
        return compare(stored, operator, value)
    if operator.startswith("NOT ") and not operator.endswith("LIKE"):
        return not typed(stored, operator.removeprefix("NOT "), value)
    if operator == "!=":
        return not typed(stored, "=", value)
    if operator == "IN":
        return any(typed(stored, "=", item) for item in value)
    if operator == "BETWEEN":
        return typed(stored, ">=", value[0]) and typed(stored, "<=", value[1])
    if operator == "=":
        if isinstance(value, bool):
            return stored is value
        if isinstance(value, str):
            return text_of(stored) == value
        return _is_number(stored) and stored == value
    if operator.endswith("LIKE"):
        return compare(text_of(stored), operator, value)
    if isinstance(value, str):
        return isinstance(stored, str) and compare(stored, operator, value)
    return _is_number(stored) and compare(stored, operator, value)


def text_of(stored: Any) -> str:
    return stored if isinstance(stored, str) else json.dumps(stored)


def _is_number(stored: Any) -> bool:
    return isinstance(stored, int | float) and not isinstance(stored, bool)


def compare_spans(
    expression: Expression, span: KnownSpan, trace: KnownTrace, traces: list[KnownTrace]
) -> bool:
    """Say whether a span satisfies a filter whose other conditions speak of its trace."""
    if isinstance(expression, Not):
        return not compare_spans(expression.operand, span, trace, traces)
    if isinstance(expression, Or | And):
        each = (compare_spans(operand, span, trace, traces) for operand in expression.operands)
        return any(each) if isinstance(expression, Or) else all(each)
    assert isinstance(expression, Condition)
    if expression.field.type == "content":
        name = expression.field.name if expression.field.of_span else "content"
        return compare(getattr(span, name), expression.operator, expression.value)
    if _only_spans(expression):
        return _span_matches(expression, span)
    return _trace_condition(expression, trace, traces)
