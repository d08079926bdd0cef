"""From the text of a filter to its tree.

Recursive descent over the tokens: OR binds weakest, then AND, then NOT. Literals are checked
against the field's type here, where the place for the caret is known, and times and durations
become milliseconds.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NoReturn, cast

from nbtrace.exceptions import NbtraceError
from nbtrace.search.fields import OPERATORS, UnknownFieldError, resolve
from nbtrace.search.known_words import known_words, unknown_word
from nbtrace.search.lexer import filter_error, tokenize
from nbtrace.search.literals import LiteralReader
from nbtrace.search.syntax import And, Condition, Not, Or

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.search.lexer import Token, TokenKind
    from nbtrace.search.syntax import Expression, Field, Operator, Scalar

__all__ = ["MAX_CONDITIONS", "MAX_DEPTH", "parse", "split_name"]

# SQLite refuses expressions nested deeper than 1,000; each level here takes a few of those.
MAX_DEPTH = 50
# A page's SQL stays short enough to be planned in a millisecond or two; IN takes long lists.
MAX_CONDITIONS = 200

_COMPARISONS = {"=", "!=", ">", ">=", "<", "<="}
_WORDS = {"LIKE", "ILIKE", "RLIKE", "MATCH", "IN", "BETWEEN"}
_RESERVED = {"AND", "OR", "NOT", "IS", "NULL", *_WORDS}
_ANY_OPERATOR = (
    "an operator: =, !=, >, >=, <, <=, LIKE, ILIKE, RLIKE, MATCH, IN, BETWEEN, IS NULL, each "
    "but the comparisons also with NOT"
)
_A_CONDITION = "a condition such as name = 'answer', tags.user = 'ada' or execution_time > 500"


def parse(
    text: str | None,
    *,
    now_ms: int | None = None,
    names: Callable[[str | None, str], Field] = resolve,
) -> Expression | None:
    """Return the tree of a filter, ``None`` for an empty one.

    Parameters
    ----------
    text : str or None
        The filter.
    now_ms : int or None
        What relative times count from, in milliseconds since the epoch; ``None`` means now.
    names : callable
        Gives the field of a name that is split at its first dot; those of traces unless told.

    Returns
    -------
    Expression or None
        Conditions under `And`, `Or` and `Not`; no `And` directly inside another.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` with the filter and a caret under the place.

    Examples
    --------
    >>> parse("tags.k = 'v' OR name = 'a'").operands[0].field.name
    'k'
    >>> parse("  ") is None
    True
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise _not_text(text)
    now = int(time.time() * 1000) if now_ms is None else now_ms
    try:
        tokens = tokenize(text)
        return None if len(tokens) == 1 else _Parser(text, tokens, now, names).filter()
    except NbtraceError as error:
        # The way through this module helps nobody with a typo, and would be kept in the notebook.
        raise error.with_traceback(None) from None


def _not_text(value: object) -> NbtraceError:
    message = (
        f"filter_string must be a str such as \"tags.user = 'ada'\", got {type(value).__name__}"
    )
    return NbtraceError.invalid(message)


class _Parser:
    def __init__(
        self,
        text: str,
        tokens: list[Token],
        now_ms: int,
        names: Callable[[str | None, str], Field],
    ) -> None:
        self.names = names
        self.text = text
        self.tokens = tokens
        self.index = 0
        self.depth = 0
        self.count = 0
        self.literals = LiteralReader(text, now_ms)

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def at(self, kind: TokenKind) -> bool:
        return self.tokens[self.index].kind == kind

    def fail(self, token: Token, problem: str, expected: str) -> NoReturn:
        raise filter_error(self.text, token.start, problem, expected)

    def unexpected(self, expected: str) -> NoReturn:
        token = self.token
        if token.kind == "end":
            self.fail(token, "the filter ends too early", expected)
        shown = self.text[token.start : min(token.end, token.start + 40)]
        self.fail(token, f"unexpected {shown}", expected)

    def take(self) -> Token:
        token = self.token
        self.index += 1
        return token

    def accept(self, word: str) -> bool:
        if self.token.word != word:
            return False
        self.index += 1
        return True

    def filter(self) -> Expression:
        expression = self.disjunction()
        # MLflow accepts a trailing AND, which programs that join conditions leave behind.
        if self.token.word == "AND" and self.tokens[self.index + 1].kind == "end":
            self.index += 1
        if not self.at("end"):
            self.unexpected("AND, OR or the end of the filter")
        return expression

    def disjunction(self) -> Expression:
        operands = [self.conjunction()]
        while self.accept("OR"):
            operands.append(self.conjunction())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def conjunction(self) -> Expression:
        operands = [self.negation()]
        while self.token.word == "AND" and not self.trailing():
            self.index += 1
            operands.append(self.negation())
        if len(operands) == 1:
            return operands[0]
        flat: list[Expression] = []
        for operand in operands:
            flat.extend(operand.operands if isinstance(operand, And) else (operand,))
        return And(tuple(flat))

    def trailing(self) -> bool:
        return self.depth == 0 and self.tokens[self.index + 1].kind == "end"

    def negation(self) -> Expression:
        start = self.token
        if not self.accept("NOT"):
            return self.primary()
        self.deeper(start)
        operand = self.negation()
        self.depth -= 1
        return Not(operand)

    def deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(token, f"nested deeper than {MAX_DEPTH} levels", "fewer parentheses and NOTs")

    def primary(self) -> Expression:
        token = self.token
        if token.kind != "(":
            return self.condition()
        self.deeper(token)
        self.index += 1
        inside = self.disjunction()
        if not self.at(")"):
            self.unexpected("AND, OR or a closing )")
        self.index += 1
        self.depth -= 1
        return inside

    def condition(self) -> Condition:
        start = self.token
        condition = self.comparison(start)
        word = unknown_word(condition)
        # MLflow takes other words under its own names, and finds nothing.
        if word is not None and self.text[start.start : start.end] == "state":
            names = ", ".join(map(repr, known_words(condition)))
            self.fail(start, f"no trace is in the state {word!r}", f"one of {names}")
        return condition

    def comparison(self, start: Token) -> Condition:
        self.count += 1
        if self.count > MAX_CONDITIONS:
            self.fail(start, f"more than {MAX_CONDITIONS} conditions", "IN (...) for long lists")
        field = self.field()
        place = self.token
        operator = self.operator()
        if operator not in OPERATORS[field.type]:
            allowed = ", ".join(OPERATORS[field.type])
            name = self.text[start.start : start.end]
            self.fail(place, f"{operator} does not apply to {name}", f"one of {allowed}")
        reader = self.literals
        if operator in {"IS NULL", "IS NOT NULL"}:
            return Condition(field, operator, None, start.start)
        if operator in {"IN", "NOT IN"}:
            return Condition(field, operator, self.members(field, operator), start.start)
        if operator in {"BETWEEN", "NOT BETWEEN"}:
            low = self.value(field, operator)
            if not self.accept("AND"):
                self.unexpected("AND and the upper bound of BETWEEN")
            bounds = (low, self.value(field, operator))
            return Condition(field, operator, bounds, start.start)
        value = reader.read(self.take(), field, operator)
        return Condition(field, operator, value, start.start)

    def value(self, field: Field, operator: Operator) -> Scalar:
        return self.literals.read(self.take(), field, operator)

    def members(self, field: Field, operator: Operator) -> tuple[Scalar, ...]:
        if not self.at("("):
            self.unexpected("a list such as ('a', 'b')")
        self.index += 1
        values = []
        while not self.at(")"):
            values.append(self.value(field, operator))
            if self.at(","):
                self.index += 1
            elif not self.at(")"):
                self.unexpected("a comma or a closing )")
        if not values:
            self.unexpected("at least one value in the list")
        self.index += 1
        return tuple(values)

    def field(self) -> Field:
        token = self.token
        if token.kind == "text" and token.double:
            name: str | None = None
            key = token.text
        elif token.kind == "name" and token.word not in _RESERVED:
            name, key = split_name(token)
        else:
            self.unexpected(_A_CONDITION)
        self.index += 1
        try:
            return self.names(name, key)
        except UnknownFieldError as error:
            self.fail(token, error.problem, error.expected)

    def operator(self) -> Operator:
        token = self.token
        if token.kind == "operator" and token.text in _COMPARISONS:
            self.index += 1
            return cast("Operator", token.text)
        if self.accept("IS"):
            negated = self.accept("NOT")
            if not self.accept("NULL"):
                self.unexpected("NULL" if negated else "NULL or NOT NULL")
            return "IS NOT NULL" if negated else "IS NULL"
        negated = self.accept("NOT")
        word = self.token.word
        if word not in _WORDS:
            self.unexpected(
                "LIKE, ILIKE, RLIKE, MATCH, IN or BETWEEN" if negated else _ANY_OPERATOR
            )
        self.index += 1
        return cast("Operator", f"NOT {word}" if negated else word)


def split_name(token: Token) -> tuple[str | None, str]:
    """Split a name at its first dot, wherever its quoted part begins.

    Parameters
    ----------
    token : Token
        A token of kind ``"name"``.

    Returns
    -------
    tuple of (str or None, str)
        Entity and key; no entity for a bare name.

    Examples
    --------
    >>> split_name(tokenize("tags.a.b")[0])
    ('tags', 'a.b')
    """
    if token.quoted is None:
        entity, dot, key = token.text.partition(".")
        return (entity, key) if dot else (None, entity)
    if not token.text:
        return None, token.quoted
    entity, dot, key = f"{token.text}.{token.quoted}".partition(".")
    return entity, key
