"""Functions that SQLite lacks, given to a connection when a query first needs them.

``LIKE`` is case sensitive and ``ILIKE`` is not, in every script; both know ``%`` and ``_`` and no
escape. SQLite's own LIKE folds ASCII only, and the PRAGMA that changes it changes it for everybody
who uses the connection.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from nbtrace.search.literals import compile_pattern

if TYPE_CHECKING:
    import sqlite3

__all__ = ["FUNCTIONS", "ilike", "like", "match", "register", "rlike"]

_WORD = re.compile(r"[^\W_]+")
_ASKED_WORD = re.compile(r"([^\W_]+)(\*?)")


@lru_cache(maxsize=256)
def _wildcards(pattern: str) -> re.Pattern[str]:
    pieces = [{"%": ".*", "_": "."}.get(mark) or re.escape(mark) for mark in pattern]
    # A run of % is one %; as `.*.*.*` it would be tried in every way there is.
    text = re.sub(r"(?:\.\*){2,}", ".*", "".join(pieces)) if "%%" in pattern else "".join(pieces)
    return re.compile(text, re.DOTALL)


def like(value: object, pattern: str) -> bool | None:
    """Say whether a text matches a ``LIKE`` pattern, ``None`` when there is no text.

    Parameters
    ----------
    value : object
        What the database holds; anything but text matches nothing.
    pattern : str
        ``%`` stands for any text and ``_`` for one character.

    Returns
    -------
    bool or None
        Whether the whole text matches.

    Examples
    --------
    >>> like("Answer", "A%r"), like("Answer", "a%"), like(None, "%")
    (True, False, None)
    """
    if not isinstance(value, str):
        return None
    return _wildcards(pattern).fullmatch(value) is not None


def ilike(value: object, pattern: str) -> bool | None:
    """Say whether a text matches a pattern whatever the case, ``None`` when there is no text.

    Parameters
    ----------
    value : object
        What the database holds.
    pattern : str
        A ``LIKE`` pattern.

    Returns
    -------
    bool or None
        Whether the whole text matches once both are case-folded.

    Examples
    --------
    >>> ilike("ÉTÉ", "é%"), ilike("straße", "STRASSE")
    (True, True)
    """
    if not isinstance(value, str):
        return None
    return _wildcards(pattern.casefold()).fullmatch(value.casefold()) is not None


def rlike(value: object, pattern: str) -> bool | None:
    """Say whether a regular expression is found in a text, ``None`` when there is no text.

    Parameters
    ----------
    value : object
        What the database holds.
    pattern : str
        A pattern of Python's `re` that `compile_pattern` has accepted.

    Returns
    -------
    bool or None
        Whether it is found anywhere.

    Examples
    --------
    >>> rlike("gpt-4o", "^gpt-[0-9]"), rlike(None, "a")
    (True, None)
    """
    if not isinstance(value, str):
        return None
    return compile_pattern(pattern).search(value) is not None


def match(value: object, words: str) -> bool | None:
    """Say whether all of some words are in a text, ``None`` when there is no text.

    Parameters
    ----------
    value : object
        What the database holds.
    words : str
        Words in any case and order; ``*`` behind one stands for any ending, other punctuation for
        nothing. No word at all matches nothing.

    Returns
    -------
    bool or None
        Whether each word is in the text.

    Examples
    --------
    >>> match("The binomial coefficient", "coeff* BINOMIAL!"), match("a-b", "c"), match("a", "?")
    (True, False, False)
    """
    if not isinstance(value, str):
        return None
    asked = asked_words(words)
    present = set(_WORD.findall(value.casefold()))
    return bool(asked) and all(
        any(word.startswith(part) for word in present) if prefix else part in present
        for part, prefix in asked
    )


@lru_cache(maxsize=256)
def asked_words(words: str) -> tuple[tuple[str, bool], ...]:
    """Return the words of a ``MATCH`` and whether each is the beginning of one.

    Parameters
    ----------
    words : str
        What a person asked for.

    Returns
    -------
    tuple of (str, bool)
        Case-folded words.

    Examples
    --------
    >>> asked_words("Coeff* of")
    (('coeff', True), ('of', False))
    """
    return tuple((part, bool(star)) for part, star in _ASKED_WORD.findall(words.casefold()))


FUNCTIONS = {
    "nbtrace_like": like,
    "nbtrace_ilike": ilike,
    "nbtrace_rlike": rlike,
    "nbtrace_match": match,
}


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the functions of this module.

    Parameters
    ----------
    connection : sqlite3.Connection
        The connection that a query is about to use.

    Examples
    --------
    >>> import sqlite3
    >>> connection = sqlite3.connect(":memory:")
    >>> register(connection)
    >>> connection.execute("SELECT nbtrace_like('abc', 'a%')").fetchone()
    (1,)
    """
    for name, function in FUNCTIONS.items():
        connection.create_function(name, 2, function, deterministic=True)
