"""The right side of a condition: which literals a field takes, and what they become."""

from __future__ import annotations

import math
import re
import sys
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

from nbtrace.entities.constant import TRACE_ID_PREFIX
from nbtrace.search.lexer import filter_error
from nbtrace.search.times import DURATION_FORMS, TIME_FORMS, read_duration, read_time

if TYPE_CHECKING:
    from nbtrace.search.lexer import Token
    from nbtrace.search.syntax import Field, Operator, Scalar

__all__ = ["LiteralReader", "compile_pattern"]

# SQLite's integers; a larger literal is compared as a float, which is right for every stored value.
MAX_INTEGER = 2**63 - 1
# Python refuses to read integers of more digits, and no stored number has so many.
MAX_DIGITS = 1_000

_PATTERN_OPERATORS = {"LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "RLIKE", "NOT RLIKE"}
_ORDERINGS = {">", ">=", "<", "<=", "BETWEEN", "NOT BETWEEN"}
_BARE_TRACE_ID = re.compile(r"[0-9a-f]{32}")


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile an ``RLIKE`` pattern once.

    Parameters
    ----------
    pattern : str
        A regular expression of Python's `re`.

    Returns
    -------
    re.Pattern
        The compiled pattern.

    Raises
    ------
    re.error, RecursionError, OverflowError
        When it is not one.

    Examples
    --------
    >>> bool(compile_pattern("^a").search("abc"))
    True
    """
    with warnings.catch_warnings():
        # A pattern that Python finds doubtful is still a pattern.
        warnings.simplefilter("ignore")
        return re.compile(pattern)


class LiteralReader:
    """Turns the literals of one filter into values.

    Parameters
    ----------
    text : str
        The whole filter, for messages.
    now_ms : int
        What relative times count from, in milliseconds since the epoch.
    """

    def __init__(self, text: str, now_ms: int) -> None:
        self.text = text
        self.now_ms = now_ms

    def read(self, token: Token, field: Field, operator: Operator) -> Scalar:
        """Return the value of a token that stands where a value belongs.

        Parameters
        ----------
        token : Token
            The token.
        field : Field
            What it is compared with.
        operator : str
            How.

        Returns
        -------
        str, int, float or bool
            The value; milliseconds for times and durations.

        Raises
        ------
        NbtraceError
            When the field takes no such literal.
        """
        if operator in _PATTERN_OPERATORS:
            return self._pattern(token, operator)
        if field.type == "scalar":
            return self._scalar(token, field, operator)
        if field.type in {"time", "duration", "number"}:
            return self._number(token, field)
        return self._text(token, field)

    def _fail(self, token: Token, problem: str, expected: str) -> NoReturn:
        raise filter_error(self.text, token.start, problem, expected)

    def _wrong(self, token: Token, expected: str) -> NoReturn:
        if token.kind == "end":
            self._fail(token, "a value is missing", expected)
        shown = self.text[token.start : min(token.end, token.start + 40)]
        if token.kind == "name":
            self._fail(token, f"{shown} is not a value", f"{expected}; quote text as '{shown}'")
        self._fail(token, f"{shown} does not fit here", expected)

    def _pattern(self, token: Token, operator: Operator) -> str:
        if token.kind != "text":
            self._wrong(token, "a quoted pattern such as '%word%'")
        if operator.endswith("RLIKE"):
            try:
                compile_pattern(token.text)
            except (re.error, RecursionError, OverflowError, ValueError, MemoryError) as error:
                self._fail(
                    token,
                    f"not a regular expression: {error}",
                    "a pattern of Python's re; escape what is meant literally with a backslash",
                )
        return token.text

    def _text(self, token: Token, field: Field) -> str:
        if token.kind != "text":
            self._wrong(token, "a quoted text such as 'answer'")
        if field.type == "prompt" and token.text.count("/") != 1:
            self._wrong(token, "a prompt and its version such as 'greeting/2'")
        if field.name == "trace_id" and _BARE_TRACE_ID.fullmatch(token.text):
            return TRACE_ID_PREFIX + token.text
        return token.text

    def _number(self, token: Token, field: Field) -> int | float:
        expected = {"time": TIME_FORMS, "duration": DURATION_FORMS}.get(field.type, "a number")
        if token.kind == "number":
            return _plain_number(token.text)
        if token.kind != "text":
            self._wrong(token, expected)
        value = (
            read_time(token.text, self.now_ms)
            if field.type == "time"
            else read_duration(token.text)
            if field.type == "duration"
            else _quoted_number(token.text)
        )
        if value is None:
            self._wrong(token, expected)
        return value

    def _scalar(self, token: Token, field: Field, operator: Operator) -> Scalar:
        if token.kind == "number":
            return _plain_number(token.text)
        if token.kind == "text":
            if operator in _ORDERINGS and field.scope != "attribute":
                self._wrong(token, "a number without quotes")
            return token.text
        if token.word in {"TRUE", "FALSE"} and operator in {"=", "!=", "IN", "NOT IN"}:
            return token.word == "TRUE"
        return self._wrong(token, "a quoted text, a number, TRUE or FALSE")


def _plain_number(digits: str) -> int | float:
    try:
        if len(digits) <= MAX_DIGITS:
            whole = int(digits)
            return whole if abs(whole) <= MAX_INTEGER else float(whole)
    except (ValueError, OverflowError):
        pass
    # An infinite literal would not survive as JSON; the largest float compares the same.
    return max(-sys.float_info.max, min(float(digits), sys.float_info.max))


def _quoted_number(text: str) -> int | float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) <= MAX_INTEGER else value
