"""The tree of a filter, and which of its parts speak of one span.

The parser makes `Condition`, `And`, `Or` and `Not`; `group_spans` then puts every maximal
expression made only of span conditions under a `SpanGroup`, which is true of a trace when one of
its spans satisfies the whole expression.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "And",
    "Condition",
    "Expression",
    "Field",
    "FieldType",
    "Not",
    "Operator",
    "Or",
    "Scalar",
    "Scope",
    "SpanGroup",
    "Value",
    "conditions",
    "group_spans",
    "speaks_of_spans",
]

Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = Scalar | tuple[Scalar, ...] | None

Operator = Literal[
    "=",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
    "LIKE",
    "NOT LIKE",
    "ILIKE",
    "NOT ILIKE",
    "RLIKE",
    "NOT RLIKE",
    "MATCH",
    "NOT MATCH",
    "IN",
    "NOT IN",
    "BETWEEN",
    "NOT BETWEEN",
    "IS NULL",
    "IS NOT NULL",
]

Scope = Literal["trace", "tag", "metadata", "span", "attribute", "feedback", "expectation", "issue"]
FieldType = Literal["text", "number", "time", "duration", "scalar", "content", "prompt", "id"]


@dataclass(frozen=True, slots=True)
class Field:
    """What a condition speaks of.

    Attributes
    ----------
    scope : str
        The part of the store: a column of the trace, a tag, a span's column, its attribute...
    name : str
        Canonical name of the column, or the key of a tag, metadatum, attribute or assessment.
    type : str
        Kind of values it compares with: ``"number"``, ``"time"`` (ms since the epoch),
        ``"duration"`` (ms), ``"scalar"`` (typed by the literal), ``"content"`` (long text),
        ``"prompt"``, ``"id"`` (equality only) or ``"text"``.

    Examples
    --------
    >>> Field("tag", "model", "text").of_span
    False
    """

    scope: Scope
    name: str
    type: FieldType

    @property
    def of_span(self) -> bool:
        """Whether conditions on it must hold for one and the same span."""
        return self.scope in {"span", "attribute"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A field, an operator and what it is compared with.

    Attributes
    ----------
    field : Field
        The left side.
    operator : str
        Upper case, one blank between words.
    value : str, int, float, bool, tuple or None
        The right side, times and durations already in milliseconds; a tuple for ``IN`` and
        ``BETWEEN``, ``None`` for ``IS NULL``.
    position : int
        Where the condition starts in the filter; not part of its meaning.
    """

    field: Field
    operator: Operator
    value: Value = None
    position: int = dataclasses.field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All operands hold; never directly inside another `And`."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one operand holds."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The complement of its operand."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class SpanGroup:
    """One span of the trace satisfies the expression, which holds span conditions only."""

    expression: Expression


Expression: TypeAlias = Condition | And | Or | Not | SpanGroup


def conditions(expression: Expression) -> list[Condition]:
    """Return every condition of a tree, from left to right.

    Parameters
    ----------
    expression : Expression
        A tree.

    Returns
    -------
    list of Condition
        At least one.

    Examples
    --------
    >>> name = Condition(Field("trace", "name", "text"), "=", "a")
    >>> len(conditions(Not(And((name, name)))))
    2
    """
    if isinstance(expression, Condition):
        return [expression]
    if isinstance(expression, Not):
        return conditions(expression.operand)
    if isinstance(expression, SpanGroup):
        return conditions(expression.expression)
    return [found for operand in expression.operands for found in conditions(operand)]


def group_spans(expression: Expression) -> Expression:
    """Put maximal expressions of span conditions under `SpanGroup`.

    The operands of an AND that speak of spans only are joined, also across parentheses, which the
    parser has removed. ``NOT`` at the top of such an expression stays above the group: no span
    satisfies it; ``NOT`` inside one speaks of the same span as its neighbours.

    Parameters
    ----------
    expression : Expression
        A tree as the parser makes it.

    Returns
    -------
    Expression
        The same filter; conditions on spans stand only inside a `SpanGroup`.

    Examples
    --------
    >>> name = Condition(Field("span", "name", "text"), "=", "a")
    >>> isinstance(group_spans(Not(name)), Not), isinstance(group_spans(name), SpanGroup)
    (True, True)
    """
    if isinstance(expression, Not):
        return Not(group_spans(expression.operand))
    if speaks_of_spans(expression):
        return SpanGroup(expression)
    if isinstance(expression, Or):
        return Or(tuple(group_spans(operand) for operand in expression.operands))
    if isinstance(expression, And):
        spans = tuple(operand for operand in expression.operands if speaks_of_spans(operand))
        others = tuple(group_spans(item) for item in expression.operands if item not in spans)
        if not spans:
            return And(others)
        joined = group_spans(spans[0]) if len(spans) == 1 else SpanGroup(And(spans))
        return And((joined, *others))
    return expression


def speaks_of_spans(expression: Expression) -> bool:
    """Say whether a tree holds conditions on spans only.

    Parameters
    ----------
    expression : Expression
        A tree.

    Returns
    -------
    bool
        ``False`` for a `SpanGroup`, which speaks of a trace.

    Examples
    --------
    >>> speaks_of_spans(Condition(Field("span", "name", "text"), "=", "a"))
    True
    """
    if isinstance(expression, SpanGroup):
        return False
    return all(condition.field.of_span for condition in conditions(expression))
