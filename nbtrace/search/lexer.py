"""The words of a filter: names, literals, operators, each with its place in the text.

The lexer walks the text once with one compiled pattern for what is simple and by hand for quotes.
Every complaint is an `NbtraceError` that shows the filter with a caret under the place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from nbtrace.exceptions import NbtraceError

__all__ = ["MAX_FILTER_CHARACTERS", "Token", "TokenKind", "filter_error", "tokenize"]

TokenKind = Literal["name", "text", "number", "operator", "(", ")", ",", "end"]

# Room for `trace_id IN (...)` with 20,000 ids; far more is a program gone wrong.
MAX_FILTER_CHARACTERS = 1_000_000
# What fits on a line of a traceback beside the caret.
SHOWN_CHARACTERS = 100

_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[^\W\d][\w.:/@$#-]*")
_OPERATOR = re.compile(r"!=|>=|<=|==|<>|=|>|<")
_PUNCTUATION: dict[str, TokenKind] = {"(": "(", ")": ")", ",": ","}
_CURLY_QUOTES = "\u2018\u2019\u201c\u201d"


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a filter.

    Attributes
    ----------
    kind : str
        ``"name"``, ``"text"`` (a quoted literal), ``"number"``, ``"operator"``, a punctuation mark
        or ``"end"``.
    text : str
        Unquoted text of a literal or the word as it stands; for a name what precedes its quoted
        part, without the dot.
    start, end : int
        Place in the filter, in characters.
    quoted : str or None
        Unquoted last part of a name such as ``tags."a key"``.
    double : bool
        Whether a literal stood in double quotes, which may also name a field.

    Examples
    --------
    >>> [token.kind for token in tokenize("tags.k = 'v'")]
    ['name', 'operator', 'text', 'end']
    """

    kind: TokenKind
    text: str
    start: int
    end: int
    quoted: str | None = None
    double: bool = False

    @property
    def word(self) -> str:
        """Upper case of a bare word, empty for everything else; what keywords compare with."""
        return self.text.upper() if self.kind == "name" and self.quoted is None else ""


def filter_error(text: str, position: int, problem: str, expected: str) -> NbtraceError:
    """Return an error that shows the filter with a caret under the place.

    Parameters
    ----------
    text : str
        The whole filter.
    position : int
        Place of the fault, in characters from 0.
    problem : str
        What is wrong there.
    expected : str
        What would be right there.

    Returns
    -------
    NbtraceError
        With the code ``INVALID_PARAMETER_VALUE``.

    Examples
    --------
    >>> print(filter_error("name == 'a'", 5, "'==' is not an operator", "'='").message)
    Invalid filter: '==' is not an operator
      name == 'a'
           ^
    Expected '='.
    """
    position = max(0, min(position, len(text)))
    start = text.rfind("\n", 0, position) + 1
    stop = text.find("\n", position)
    line = text[start : len(text) if stop < 0 else stop]
    column = position - start
    before, after = "", ""
    if len(line) > SHOWN_CHARACTERS:
        first = max(0, min(column - SHOWN_CHARACTERS // 2, len(line) - SHOWN_CHARACTERS))
        before = "..." if first else ""
        after = "..." if first + SHOWN_CHARACTERS < len(line) else ""
        line = line[first : first + SHOWN_CHARACTERS]
        column -= first
    shown = "".join(mark if mark.isprintable() else " " for mark in line)
    caret = " " * (len(before) + column) + "^"
    message = (
        f"Invalid filter: {problem}\n  {before}{shown}{after}\n  {caret}\nExpected {expected}."
    )
    return NbtraceError.invalid(message)


def tokenize(text: str) -> list[Token]:
    """Split a filter into words, the last of kind ``"end"``.

    Parameters
    ----------
    text : str
        A filter.

    Returns
    -------
    list of Token
        At least the ``"end"`` token.

    Raises
    ------
    NbtraceError
        For a character or a quote that belongs to no word.

    Examples
    --------
    >>> tokenize("'it''s'")[0].text
    "it's"
    """
    if len(text) > MAX_FILTER_CHARACTERS:
        message = (
            f"The filter has {len(text):,} characters; at most {MAX_FILTER_CHARACTERS:,} are "
            "read. Split it and join the results, or narrow it with a time range."
        )
        raise NbtraceError.invalid(message)
    return _Lexer(text).tokens()


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def fail(self, position: int, problem: str, expected: str) -> NoReturn:
        raise filter_error(self.text, position, problem, expected)

    def tokens(self) -> list[Token]:
        found: list[Token] = []
        text = self.text
        while True:
            space = _SPACE.match(text, self.position)
            if space:
                self.position = space.end()
            start = self.position
            if start >= len(text):
                found.append(Token("end", "", start, start))
                return found
            found.append(self.token(text[start], start))

    def token(self, mark: str, start: int) -> Token:  # noqa: PLR0911 - one per kind
        if mark in _PUNCTUATION:
            self.position += 1
            return Token(_PUNCTUATION[mark], mark, start, self.position)
        if mark in "'\"":
            literal = self.quoted(mark)
            return Token("text", literal, start, self.position, double=mark == '"')
        if mark == "`":
            return Token("name", "", start, self.position, quoted=self.quoted(mark))
        operator = _OPERATOR.match(self.text, start)
        if operator:
            return self.operator(operator.group(), start)
        number = _NUMBER.match(self.text, start)
        if number:
            return self.number(number.group(), start)
        word = _WORD.match(self.text, start)
        if word:
            return self.name(word.group(), start)
        return self.unknown(mark, start)

    def operator(self, mark: str, start: int) -> Token:
        if mark in {"==", "<>"}:
            right = "'='" if mark == "==" else "'!='"
            self.fail(start, f"'{mark}' is not an operator of this language", right)
        self.position += len(mark)
        return Token("operator", mark, start, self.position)

    def number(self, digits: str, start: int) -> Token:
        self.position += len(digits)
        if _WORD.match(self.text, self.position):
            self.fail(
                start,
                "a number ends in letters",
                "a plain number such as 1500, or a quoted value such as '1.5s'",
            )
        return Token("number", digits, start, self.position)

    def name(self, word: str, start: int) -> Token:
        self.position += len(word)
        following = self.text[self.position : self.position + 1]
        if not word.endswith(".") or not following or following not in "`\"'":
            return Token("name", word, start, self.position)
        key = self.quoted(following)
        after = self.text[self.position : self.position + 1]
        if after == "." or _WORD.match(after):
            self.fail(
                self.position,
                "a name goes on behind its closing quote",
                "an operator; put the whole key in one pair of quotes, as in tags.`a.b`",
            )
        return Token("name", word[:-1], start, self.position, quoted=key)

    def quoted(self, mark: str) -> str:
        start = self.position
        text = self.text
        pieces = []
        position = start + 1
        while True:
            stop = text.find(mark, position)
            if stop < 0:
                self.fail(start, f"this {mark} is never closed", f"a closing {mark}")
            pieces.append(text[position:stop])
            if text[stop + 1 : stop + 2] != mark:
                break
            position = stop + 2
        self.position = stop + 1
        literal = mark.join(pieces)
        for index, character in enumerate(literal):
            if character == "\0" or "\ud800" <= character <= "\udfff":
                self.fail(
                    min(start + 1 + index, stop),
                    "a NUL or half a surrogate pair is never stored",
                    "text without it",
                )
        return literal

    def unknown(self, mark: str, start: int) -> NoReturn:
        if mark == ";":
            self.fail(start, "a search is one filter", "its end; join conditions with AND or OR")
        if mark in _CURLY_QUOTES:
            self.fail(start, "this is a typographic quotation mark", "a straight one: ' or \"")
        self.fail(start, f"{mark!r} starts no word", "a field, an operator or a value")
