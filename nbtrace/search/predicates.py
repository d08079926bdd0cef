"""From one condition to SQL that is true, or false or NULL, for one candidate trace.

Every literal is a parameter. A condition on a missing value comes out false or NULL; whoever
negates says ``IS NOT TRUE``, so the two never differ. Columns stand behind a unary plus: a
predicate verifies what a stream (`nbtrace.search.streams`) has found and must not tempt SQLite into
another index, whose order would be another.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.entities.constant import JSON_ATTRIBUTE_KEYS, TraceMetadataKey, TraceTagKey
from nbtrace.search.syntax import And, Condition, Field, Not, Or, SpanGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nbtrace.search.syntax import Expression, Operator, Scalar, Value

__all__ = ["TRUE", "Candidate", "Fragment", "all_of", "any_of", "compile_expression", "scalars"]

# Longer lists travel as one JSON parameter, since SQLite bounds the number of parameters.
MAX_LISTED_PARAMETERS = 20

_SESSION_OF_ASSESSMENT = f"""json_extract(a.metadata, '$."{TraceTagKey.SESSION}"')"""


class Fragment(NamedTuple):
    """A piece of SQL and its parameters.

    Attributes
    ----------
    sql : str
        The text; a question mark per parameter.
    parameters : tuple
        What is bound, in order.
    reads_trace : bool
        Whether it reads the row ``t`` of ``traces`` beyond the candidate's time and key.
    """

    sql: str
    parameters: tuple[Any, ...] = ()
    reads_trace: bool = False


class Candidate(NamedTuple):
    """What a query calls the time and the key of the trace that is being looked at."""

    time: str
    trace: str


TRUE = Fragment("1")


def all_of(fragments: Iterable[Fragment]) -> Fragment:
    """Join fragments with AND.

    Parameters
    ----------
    fragments : iterable of Fragment
        Operands; none means true.

    Returns
    -------
    Fragment
        One operand.
    """
    return _join(list(fragments), " AND ", TRUE)


def any_of(fragments: Iterable[Fragment]) -> Fragment:
    """Join fragments with OR.

    Parameters
    ----------
    fragments : iterable of Fragment
        Operands; none means false.

    Returns
    -------
    Fragment
        One operand.
    """
    return _join(list(fragments), " OR ", Fragment("0"))


def _join(fragments: list[Fragment], word: str, empty: Fragment) -> Fragment:
    if not fragments:
        return empty
    if len(fragments) == 1:
        return fragments[0]
    # In halves: SQLite's limit is on the depth of an expression, which is then a logarithm.
    middle = len(fragments) // 2
    left = _join(fragments[:middle], word, empty)
    right = _join(fragments[middle:], word, empty)
    return Fragment(
        f"({left.sql}{word}{right.sql})",
        left.parameters + right.parameters,
        left.reads_trace or right.reads_trace,
    )


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
        simple = _indexed_span(expression.expression, candidate)
        if simple is not None:
            return simple
        inner = _tree(expression.expression, _span_condition)
        sql = f"EXISTS (SELECT 1 FROM spans s WHERE s.trace = {candidate.trace} AND {inner.sql})"
        return Fragment(sql, inner.parameters)
    if isinstance(expression, Condition):
        return _condition(expression, candidate)
    return _tree(expression, lambda part: compile_expression(part, candidate))


def _tree(expression: Expression, leaf: Callable[[Any], Fragment]) -> Fragment:
    if isinstance(expression, And):
        return all_of(_tree(operand, leaf) for operand in expression.operands)
    if isinstance(expression, Or):
        return any_of(_tree(operand, leaf) for operand in expression.operands)
    if isinstance(expression, Not):
        inner = _tree(expression.operand, leaf)
        return Fragment(f"({inner.sql}) IS NOT TRUE", inner.parameters, inner.reads_trace)
    return leaf(expression)


def scalars(value: Value) -> tuple[Scalar, ...]:
    """Return the literals of a condition as a tuple, whatever its operator.

    Parameters
    ----------
    value : scalar, tuple or None
        `Condition.value`.

    Returns
    -------
    tuple
        None, one or more literals.
    """
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _membership(values: tuple[Scalar, ...]) -> Fragment:
    if len(values) <= MAX_LISTED_PARAMETERS:
        return Fragment(f"({', '.join('?' * len(values))})", values)
    return Fragment("(SELECT value FROM json_each(?))", (json.dumps(values, ensure_ascii=False),))


def _compare(expression: str, operator: Operator, value: Value) -> Fragment:
    """Compare an SQL expression with literals of one type."""
    if operator in {"IS NULL", "IS NOT NULL"}:
        return Fragment(f"{expression} {operator}")
    values = scalars(value)
    if operator in {"IN", "NOT IN"}:
        members = _membership(values)
        return Fragment(f"{expression} {operator} {members.sql}", members.parameters)
    if operator in {"BETWEEN", "NOT BETWEEN"}:
        return Fragment(f"({expression} {operator} ? AND ?)", values)
    if operator.endswith("LIKE"):
        matched = _match(expression, operator.removeprefix("NOT "), str(value))
        if operator.startswith("NOT "):
            return Fragment(f"(NOT {matched.sql})", matched.parameters)
        return matched
    return Fragment(f"{expression} {operator} ?", values)


def _match(expression: str, operator: str, pattern: str) -> Fragment:
    if operator == "LIKE" and "_" not in pattern:
        # What needs no wildcards is faster in SQLite than a call of Python.
        inner = pattern.strip("%")
        if "%" not in pattern:
            return Fragment(f"({expression} = ?)", (pattern,))
        if not inner:
            return Fragment(f"({expression} IS NOT NULL)")
        if "%" not in inner and pattern.endswith("%"):
            position = "> 0" if pattern.startswith("%") else "= 1"
            return Fragment(f"(instr({expression}, ?) {position})", (inner,))
    return Fragment(f"nbtrace_{operator.lower()}({expression}, ?)", (pattern,))


class _Scalar(NamedTuple):
    """The SQL of a JSON value: its type, its value as SQL has it, its text."""

    type: str
    atom: str
    text: str


def _compare_scalar(  # noqa: PLR0911 - one per kind of operator
    source: _Scalar, operator: Operator, value: Value
) -> Fragment:
    """Compare a typed value with literals of any type; a text literal with the value's text."""
    present = f"{source.type} != 'null'"
    if operator in {"IS NULL", "IS NOT NULL"}:
        return Fragment(present)
    values = scalars(value)
    if operator in {"=", "!=", "IN", "NOT IN"}:
        equal = _equals_any(source, values)
        if operator in {"=", "IN"}:
            return equal
        return Fragment(f"({present} AND ({equal.sql}) IS NOT TRUE)", equal.parameters)
    if operator.endswith("LIKE"):
        return _compare(source.text, operator, value)
    if operator in {"BETWEEN", "NOT BETWEEN"}:
        both = all_of(
            _ordered(source, comparison, bound)
            for comparison, bound in zip((">=", "<="), values, strict=True)
        )
        if operator == "BETWEEN":
            return both
        return Fragment(f"({present} AND ({both.sql}) IS NOT TRUE)", both.parameters)
    return _ordered(source, operator, values[0])


def _equals_any(source: _Scalar, values: tuple[Scalar, ...]) -> Fragment:
    flags = tuple(value for value in values if isinstance(value, bool))
    texts = tuple(value for value in values if isinstance(value, str))
    numbers = tuple(value for value in values if not isinstance(value, bool | str))
    parts = []
    if flags:
        members = _membership(tuple("true" if flag else "false" for flag in flags))
        parts.append(Fragment(f"{source.type} IN {members.sql}", members.parameters))
    if texts:
        members = _membership(texts)
        parts.append(Fragment(f"{source.text} IN {members.sql}", members.parameters))
    if numbers:
        members = _membership(numbers)
        numeric = f"({source.type} IN ('integer', 'real') AND {source.atom} IN {members.sql})"
        parts.append(Fragment(numeric, members.parameters))
    return any_of(parts)


def _ordered(source: _Scalar, operator: str, value: Scalar) -> Fragment:
    types = "('text')" if isinstance(value, str) else "('integer', 'real')"
    return Fragment(f"({source.type} IN {types} AND {source.atom} {operator} ?)", (value,))


def _span_condition(condition: Condition) -> Fragment:
    name = condition.field.name
    if condition.field.scope == "attribute":
        return _attribute(name, condition.operator, condition.value)
    expression = {
        "duration": "((s.end_ns - s.start_ns) / 1000000.0)",
        "start_time": "(s.start_ns / 1000000.0)",
    }.get(name, f"s.{name}")
    return _compare(expression, condition.operator, condition.value)


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
    test = _compare_scalar(_Scalar("j.type", "j.atom", text), operator, value)
    negation = "NOT " if operator == "IS NULL" else ""
    return Fragment(
        f"{negation}EXISTS (SELECT 1 FROM {source} j WHERE j.key = ? AND {test.sql})",
        (key, *test.parameters),
    )


def _indexed_span(expression: Expression, candidate: Candidate) -> Fragment | None:
    """Answer a single equality from the index rows, without reading the spans."""
    if not isinstance(expression, Condition) or expression.field.scope != "span":
        return None
    name = expression.field.name
    if name not in {"name", "type", "status"} or expression.operator not in {"=", "IN"}:
        return None
    return _index_probe("span_values", "field", name, scalars(expression.value), candidate)


def _index_probe(
    table: str, column: str, key: str, values: tuple[Scalar, ...], candidate: Candidate
) -> Fragment | None:
    if len(values) > MAX_LISTED_PARAMETERS:
        return None
    members = _membership(values)
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
        return _assessment(field, operator, value, candidate)
    if field.scope == "issue":
        return _linked("issue", operator, value, candidate)
    if field.name == "prompt":
        return _linked("prompt", operator, value, candidate)
    if field.name == "run_id":
        return _run(operator, value, candidate)
    if field.name == "request_time":
        return _compare(f"+{candidate.time}", operator, value)
    if field.name == "end_time" and not operator.startswith("IS"):
        expression = "(t.request_time + coalesce(t.execution_duration, 0))"
    elif field.name == "experiment":
        expression = "(SELECT e.name FROM experiments e WHERE e.experiment_id = t.experiment_id)"
    else:
        # An open trace has no end yet, though MLflow compares its end with its start.
        column = "execution_duration" if field.name == "end_time" else field.name
        expression = f"+t.{column}"
    return _compare(expression, operator, value)._replace(reads_trace=True)


def _keyed(field: Field, operator: Operator, value: Value, candidate: Candidate) -> Fragment:
    tags = field.scope == "tag"
    if operator in {"=", "IN"}:
        table = "trace_tags" if tags else "trace_metadata"
        probe = _index_probe(table, "key", field.name, scalars(value), candidate)
        if probe is not None:
            return probe
    column = "tags" if tags else "metadata"
    negation = "NOT " if operator == "IS NULL" else ""
    test = TRUE if operator.startswith("IS") else _compare("j.atom", operator, value)
    return Fragment(
        f"{negation}EXISTS (SELECT 1 FROM json_each(t.{column}) j WHERE j.key = ? AND {test.sql})",
        (field.name, *test.parameters),
        reads_trace=True,
    )


def _assessment(field: Field, operator: Operator, value: Value, candidate: Candidate) -> Fragment:
    kind = "json_type(a.value)"
    atom = "json_extract(a.value, '$')"
    text = f"(CASE {kind} WHEN 'text' THEN {atom} WHEN 'null' THEN NULL ELSE a.value END)"
    test = (
        TRUE
        if operator.startswith("IS")
        else _compare_scalar(_Scalar(kind, atom, text), operator, value)
    )
    rows = f"a.kind = ? AND a.name = ? AND a.valid = 1 AND {test.sql}"
    parameters = (field.scope, field.name, *test.parameters)
    # MLflow: what is said of a session is said of each of its traces.
    of_session = (
        f"{candidate.trace} IN (SELECT x.trace FROM assessments a JOIN trace_tags x"
        f" ON x.key = ? AND x.value = {_SESSION_OF_ASSESSMENT}"
        f" WHERE a.metadata IS NOT NULL AND {rows})"
    )
    sql = (
        f"(EXISTS (SELECT 1 FROM assessments a WHERE a.trace = {candidate.trace} AND {rows})"
        f" OR {of_session})"
    )
    if operator == "IS NULL":
        sql = f"(NOT {sql})"
    return Fragment(sql, (*parameters, TraceTagKey.SESSION, *parameters))


def _linked(kind: str, operator: Operator, value: Value, candidate: Candidate) -> Fragment:
    values = scalars(value)
    members = _membership(values)
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
