"""From one condition to SQL that is true, or false or NULL, for one candidate trace.

Every literal is a parameter. A condition on a missing value comes out false or NULL; whoever
negates says ``IS NOT TRUE``, so the two never differ. Columns stand behind a unary plus: a
predicate verifies what a stream (`nbtrace.search.streams`) has found and must not tempt SQLite into
another index, whose order would be another.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.entities.constant import JSON_ATTRIBUTE_KEYS, TraceMetadataKey, TraceTagKey
from nbtrace.search.comparisons import (
    MAX_LISTED_PARAMETERS,
    TRUE,
    Fragment,
    StoredScalar,
    all_of,
    any_of,
    compare,
    compare_scalar,
    membership,
    scalars,
)
from nbtrace.search.contents import some_text, text_of_span, text_of_trace
from nbtrace.search.syntax import And, Condition, Field, Not, Or, SpanGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.search.syntax import Expression, Operator, Scalar, Value

__all__ = [
    "Candidate",
    "assessed_traces",
    "compile_expression",
    "compile_for_span",
    "tree_of",
]

# What JSON never escapes and no number is written with: a letter that is no exponent.
_PLAIN_TEXT = re.compile(r"[A-Za-z0-9 .:-]*[A-DF-Za-df-z][A-Za-z0-9 .:-]*")
_SESSION_OF_ASSESSMENT = f"""json_extract(a.metadata, '$."{TraceTagKey.SESSION}"')"""


class Candidate(NamedTuple):
    """What a query calls the time and the key of the trace that is being looked at."""

    time: str
    trace: str


def compile_expression(expression: Expression, candidate: Candidate) -> Fragment:
    """Return SQL that is true exactly for the candidates that satisfy a tree.

    Parameters
    ----------
    expression : Expression
        A tree after `group_spans`.
    candidate : Candidate
        What the query calls the candidate.

    Returns
    -------
    Fragment
        A boolean expression.

    Examples
    --------
    >>> from nbtrace.search.parser import parse
    >>> tree = parse("NOT state = 'OK'")
    >>> compile_expression(tree, Candidate("t.request_time", "t.id"))[:2]
    ('(+t.state = ?) IS NOT TRUE', ('OK',))
    """
    if isinstance(expression, SpanGroup):
        simple = _single_span(expression.expression, candidate)
        if simple is not None:
            return simple
        inner = tree_of(expression.expression, _span_condition)
        sql = f"EXISTS (SELECT 1 FROM spans s WHERE s.trace = {candidate.trace} AND {inner.sql})"
        return Fragment(sql, inner.parameters)
    if isinstance(expression, Condition):
        return _condition(expression, candidate)
    return tree_of(expression, lambda part: compile_expression(part, candidate))


def compile_for_span(expression: Expression) -> Fragment:
    """Return SQL that is true exactly for the spans that satisfy a tree.

    Parameters
    ----------
    expression : Expression
        A tree as the parser makes it: its conditions on spans speak of the span ``s``, the others
        of its trace ``t``.

    Returns
    -------
    Fragment
        A boolean expression.

    Examples
    --------
    >>> from nbtrace.search.parser import parse
    >>> compile_for_span(parse("NOT span.name = 'a' AND state = 'OK'")).sql
    '((s.name = ?) IS NOT TRUE AND +t.state = ?)'
    """

    def leaf(condition: Condition) -> Fragment:
        if condition.field.of_span:
            return _span_condition(condition)
        return _condition(condition, Candidate("t.request_time", "t.id"))

    return tree_of(expression, leaf)


def tree_of(expression: Expression, leaf: Callable[[Any], Fragment]) -> Fragment:
    """Return SQL of a tree from that of its conditions.

    Parameters
    ----------
    expression : Expression
        A tree.
    leaf : callable
        Gives the SQL of what is neither AND, OR nor NOT.

    Returns
    -------
    Fragment
        A boolean expression.
    """
    if isinstance(expression, And):
        return all_of(tree_of(operand, leaf) for operand in expression.operands)
    if isinstance(expression, Or):
        return any_of(tree_of(operand, leaf) for operand in expression.operands)
    if isinstance(expression, Not):
        inner = tree_of(expression.operand, leaf)
        return Fragment(f"({inner.sql}) IS NOT TRUE", inner.parameters, inner.reads_trace)
    return leaf(expression)


def _span_condition(condition: Condition) -> Fragment:
    name = condition.field.name
    if condition.field.scope == "attribute":
        return _attribute(name, condition.operator, condition.value)
    if condition.field.type == "content":
        return compare(text_of_span(name), condition.operator, condition.value)
    expression = {
        "duration": "((s.end_ns - s.start_ns) / 1000000.0)",
        "start_time": "(s.start_ns / 1000000.0)",
    }.get(name, f"s.{name}")
    return compare(expression, condition.operator, condition.value)


def _attribute(key: str, operator: Operator, value: Value) -> Fragment:
    source = "json_each(s.attributes)"
    if key in JSON_ATTRIBUTE_KEYS:
        # MLflow's reserved attributes hold JSON text; people compare with what it says.
        source = (
            "(SELECT key, CASE WHEN json_valid(atom) THEN json_type(atom) ELSE type END AS type,"
            " CASE WHEN json_valid(atom) THEN json_extract(atom, '$') ELSE atom END AS atom"
            " FROM json_each(s.attributes))"
        )
    text = "(CASE WHEN j.type IN ('true', 'false') THEN j.type ELSE CAST(j.atom AS TEXT) END)"
    test = compare_scalar(StoredScalar("j.type", "j.atom", text), operator, value)
    negation = "NOT " if operator == "IS NULL" else ""
    sql = f"{negation}EXISTS (SELECT 1 FROM {source} j WHERE j.key = ? AND {test.sql})"
    literal = _verbatim(operator, value)
    if literal is None:
        return Fragment(sql, (key, *test.parameters))
    # Taking JSON apart costs ten times what it costs to see that the text is not in it.
    return Fragment(f"(instr(s.attributes, ?) > 0 AND {sql})", (literal, key, *test.parameters))


def _verbatim(operator: Operator, value: Value) -> str | None:
    """Return text that stands as it is in the JSON of every value that satisfies a condition."""
    if operator not in {"=", "LIKE"} or not isinstance(value, str):
        return None
    text = value.strip("%") if operator == "LIKE" else value
    return text if _PLAIN_TEXT.fullmatch(text) else None


def _single_span(expression: Expression, candidate: Candidate) -> Fragment | None:
    """Answer a single condition from its own table, without reading the spans."""
    if not isinstance(expression, Condition) or expression.field.scope != "span":
        return None
    if expression.field.type == "content" and not expression.operator.startswith("IS"):
        return some_text(expression, candidate.trace)
    name = expression.field.name
    if name not in {"name", "type", "status"} or expression.operator not in {"=", "IN"}:
        return None
    return _index_probe("span_values", "field", name, scalars(expression.value), candidate)


def _index_probe(
    table: str, column: str, key: str, values: tuple[Scalar, ...], candidate: Candidate
) -> Fragment | None:
    if len(values) > MAX_LISTED_PARAMETERS:
        return None
    members = membership(values)
    return Fragment(
        f"EXISTS (SELECT 1 FROM {table} x WHERE x.{column} = ? AND x.value IN {members.sql}"
        f" AND x.request_time = {candidate.time} AND x.trace = {candidate.trace})",
        (key, *members.parameters),
    )


def _condition(  # noqa: PLR0911 - one per kind of field
    condition: Condition, candidate: Candidate
) -> Fragment:
    field, operator, value = condition.field, condition.operator, condition.value
    if field.scope in {"tag", "metadata"}:
        return _keyed(field, operator, value, candidate)
    if field.scope in {"feedback", "expectation"}:
        return _assessment(condition, candidate)
    if field.scope == "issue":
        return _linked("issue", operator, value, candidate)
    if field.type == "content":
        return text_of_trace(condition, candidate.trace)
    if field.name == "prompt":
        return _linked("prompt", operator, value, candidate)
    if field.name == "run_id":
        return _run(operator, value, candidate)
    if field.name == "request_time":
        return compare(f"+{candidate.time}", operator, value)
    if field.name == "end_time" and not operator.startswith("IS"):
        expression = "(t.request_time + coalesce(t.execution_duration, 0))"
    elif field.name == "experiment":
        expression = "(SELECT e.name FROM experiments e WHERE e.experiment_id = t.experiment_id)"
    else:
        # An open trace has no end yet, though MLflow compares its end with its start.
        column = "execution_duration" if field.name == "end_time" else field.name
        expression = f"+t.{column}"
    return compare(expression, operator, value)._replace(reads_trace=True)


def _keyed(field: Field, operator: Operator, value: Value, candidate: Candidate) -> Fragment:
    tags = field.scope == "tag"
    if operator in {"=", "IN"}:
        table = "trace_tags" if tags else "trace_metadata"
        probe = _index_probe(table, "key", field.name, scalars(value), candidate)
        if probe is not None:
            return probe
    column = "tags" if tags else "metadata"
    negation = "NOT " if operator == "IS NULL" else ""
    test = TRUE if operator.startswith("IS") else compare("j.atom", operator, value)
    return Fragment(
        f"{negation}EXISTS (SELECT 1 FROM json_each(t.{column}) j WHERE j.key = ? AND {test.sql})",
        (field.name, *test.parameters),
        reads_trace=True,
    )


def assessed_traces(condition: Condition) -> Fragment:
    """Return the SELECT of the traces that have an assessment which satisfies a condition.

    Parameters
    ----------
    condition : Condition
        On feedback or an expectation, not ``IS NULL``.

    Returns
    -------
    Fragment
        A SELECT of ``traces.id``.
    """
    direct, of_session = _assessed(condition)
    return Fragment(
        f"SELECT a.trace FROM assessments a WHERE {direct.sql} UNION {of_session.sql}",
        (*direct.parameters, *of_session.parameters),
    )


def _assessed(condition: Condition) -> tuple[Fragment, Fragment]:
    """Return what is true of a matching assessment, and the SELECT of its session's traces."""
    operator = condition.operator
    kind = "json_type(a.value)"
    atom = "json_extract(a.value, '$')"
    text = f"(CASE {kind} WHEN 'text' THEN {atom} WHEN 'null' THEN NULL ELSE a.value END)"
    test = (
        TRUE
        if operator.startswith("IS")
        else compare_scalar(StoredScalar(kind, atom, text), operator, condition.value)
    )
    rows = f"a.kind = ? AND a.name = ? AND a.valid = 1 AND {test.sql}"
    parameters = (condition.field.scope, condition.field.name, *test.parameters)
    # MLflow: what is said of a session is said of each of its traces.
    of_session = (
        "SELECT x.trace FROM assessments a JOIN trace_tags x"
        f" ON x.key = ? AND x.value = {_SESSION_OF_ASSESSMENT}"
        f" WHERE a.metadata IS NOT NULL AND {rows}"
    )
    return Fragment(rows, parameters), Fragment(of_session, (TraceTagKey.SESSION, *parameters))


def _assessment(condition: Condition, candidate: Candidate) -> Fragment:
    rows, of_session = _assessed(condition)
    sql = (
        f"(EXISTS (SELECT 1 FROM assessments a WHERE a.trace = {candidate.trace} AND {rows.sql})"
        f" OR {candidate.trace} IN ({of_session.sql}))"
    )
    if condition.operator == "IS NULL":
        sql = f"(NOT {sql})"
    return Fragment(sql, (*rows.parameters, *of_session.parameters))


def _linked(kind: str, operator: Operator, value: Value, candidate: Candidate) -> Fragment:
    values = scalars(value)
    members = membership(values)
    match = f" AND l.target IN {members.sql}" if values else ""
    sql = f"EXISTS (SELECT 1 FROM links l WHERE l.trace = {candidate.trace} AND l.kind = ?{match})"
    parameters: tuple[Any, ...] = (kind, *members.parameters)
    reads_trace = False
    if kind == "prompt":
        # MLflow keeps the linked versions in a tag as well, which is what an import brings.
        reads_trace = True
        named = "json_extract(p.value, '$.name') || '/' || json_extract(p.value, '$.version')"
        match = f" AND {named} IN {members.sql}" if values else ""
        sql = (
            f"({sql} OR EXISTS (SELECT 1 FROM json_each(t.tags) j, json_each(CASE WHEN"
            " json_valid(j.atom) THEN j.atom ELSE '[]' END) p"
            f" WHERE j.key = ? AND p.type = 'object'{match}))"
        )
        parameters += (TraceTagKey.LINKED_PROMPTS, *members.parameters)
    elif kind == "issue":
        match = f" AND a.name IN {members.sql}" if values else ""
        sql = (
            f"({sql} OR EXISTS (SELECT 1 FROM assessments a WHERE a.trace = {candidate.trace}"
            f" AND a.kind = ? AND a.valid = 1{match}))"
        )
        parameters += ("issue", *members.parameters)
    if operator == "IS NULL":
        sql = f"(NOT {sql})"
    return Fragment(sql, parameters, reads_trace)


def _run(operator: Operator, value: Value, candidate: Candidate) -> Fragment:
    key = Field("metadata", TraceMetadataKey.SOURCE_RUN, "text")
    stored = _keyed(key, operator, value, candidate)
    if operator not in {"=", "IN"}:
        return stored
    linked = _linked("run", operator, value, candidate)
    return any_of((stored, linked))
