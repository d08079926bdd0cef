"""Comparing what is stored with literals, as SQL: of one type, and of types known per row.

Every literal is a parameter. What compares with a missing value comes out false or NULL.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbtrace.search.syntax import Operator, Scalar, Value

__all__ = [
    "TRUE",
    "Fragment",
    "StoredScalar",
    "all_of",
    "any_of",
    "compare",
    "compare_scalar",
    "membership",
    "scalars",
]

# Longer lists travel as one JSON parameter, since SQLite bounds the number of parameters.
MAX_LISTED_PARAMETERS = 20


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


def membership(values: tuple[Scalar, ...]) -> Fragment:
    """Return what stands behind ``IN``.

    Parameters
    ----------
    values : tuple
        The members.

    Returns
    -------
    Fragment
        A list or a SELECT, in parentheses.
    """
    if len(values) <= MAX_LISTED_PARAMETERS:
        return Fragment(f"({', '.join('?' * len(values))})", values)
    return Fragment("(SELECT value FROM json_each(?))", (json.dumps(values, ensure_ascii=False),))


def compare(expression: str, operator: Operator, value: Value) -> Fragment:
    """Compare an SQL expression with literals of one type.

    Parameters
    ----------
    expression : str
        The stored value.
    operator : str
        How.
    value : scalar, tuple or None
        `Condition.value`.

    Returns
    -------
    Fragment
        A boolean expression, NULL when the value is missing.
    """
    if operator in {"IS NULL", "IS NOT NULL"}:
        return Fragment(f"{expression} {operator}")
    values = scalars(value)
    if operator in {"IN", "NOT IN"}:
        members = membership(values)
        return Fragment(f"{expression} {operator} {members.sql}", members.parameters)
    if operator in {"BETWEEN", "NOT BETWEEN"}:
        return Fragment(f"({expression} {operator} ? AND ?)", values)
    if operator.endswith(("LIKE", "MATCH")):
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
            # NULL for a missing value, so that neither this nor its opposite is true of it.
            return Fragment(f"(length({expression}) >= 0)")
        if "%" not in inner and pattern.endswith("%"):
            position = "> 0" if pattern.startswith("%") else "= 1"
            return Fragment(f"(instr({expression}, ?) {position})", (inner,))
    return Fragment(f"nbtrace_{operator.lower()}({expression}, ?)", (pattern,))


class StoredScalar(NamedTuple):
    """The SQL of a JSON value.

    Attributes
    ----------
    type : str
        Its type by SQLite's names: ``'text'``, ``'integer'``, ``'real'``, ``'true'``...
    atom : str
        Its value as SQL has it.
    text : str
        Its text.
    """

    type: str
    atom: str
    text: str


def compare_scalar(  # noqa: PLR0911 - one per kind of operator
    source: StoredScalar, operator: Operator, value: Value
) -> Fragment:
    """Compare a typed value with literals of any type; a text literal with the value's text.

    Parameters
    ----------
    source : StoredScalar
        The stored value.
    operator : str
        How.
    value : scalar, tuple or None
        `Condition.value`.

    Returns
    -------
    Fragment
        A boolean expression, false or NULL when the value is missing.
    """
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
        return compare(source.text, operator, value)
    if operator in {"BETWEEN", "NOT BETWEEN"}:
        both = all_of(
            _ordered(source, comparison, bound)
            for comparison, bound in zip((">=", "<="), values, strict=True)
        )
        if operator == "BETWEEN":
            return both
        return Fragment(f"({present} AND ({both.sql}) IS NOT TRUE)", both.parameters)
    return _ordered(source, operator, values[0])


def _equals_any(source: StoredScalar, values: tuple[Scalar, ...]) -> Fragment:
    flags = tuple(value for value in values if isinstance(value, bool))
    texts = tuple(value for value in values if isinstance(value, str))
    numbers = tuple(value for value in values if not isinstance(value, bool | str))
    parts = []
    if flags:
        members = membership(tuple("true" if flag else "false" for flag in flags))
        parts.append(Fragment(f"{source.type} IN {members.sql}", members.parameters))
    if texts:
        members = membership(texts)
        parts.append(Fragment(f"{source.text} IN {members.sql}", members.parameters))
    if numbers:
        members = membership(numbers)
        numeric = f"({source.type} IN ('integer', 'real') AND {source.atom} IN {members.sql})"
        parts.append(Fragment(numeric, members.parameters))
    return any_of(parts)


def _ordered(source: StoredScalar, operator: str, value: Scalar) -> Fragment:
    types = "('text')" if isinstance(value, str) else "('integer', 'real')"
    return Fragment(f"({source.type} IN {types} AND {source.atom} {operator} ?)", (value,))
