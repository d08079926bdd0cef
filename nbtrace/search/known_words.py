"""Fields whose values are a few words: what a filter compares them with that none of them is.

MLflow takes ``status = 'error'`` and finds nothing, since the words are in capitals. A filter that
is valid there means the same here, so `nbtrace.search.explain` tells of it; under nbtrace's own
name ``state`` it is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nbtrace.search.syntax import Condition

__all__ = ["known_words", "unknown_word"]

_WORDS: Final = {
    ("trace", "state"): ("OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED"),
    ("span", "status"): ("OK", "ERROR", "UNSET"),
}
_WHOLE_WORDS: Final = frozenset({"=", "!=", "IN", "NOT IN"})


def known_words(condition: Condition) -> tuple[str, ...]:
    """Return the words that the field of a condition can have; none where it can be anything."""
    return _WORDS.get((condition.field.scope, condition.field.name), ())


def unknown_word(condition: Condition) -> str | None:
    """Return a word of a condition that its field never has.

    Parameters
    ----------
    condition : Condition
        Any condition.

    Returns
    -------
    str or None
        The first such word; ``None`` where all is well.

    Examples
    --------
    >>> from nbtrace.search.parser import parse
    >>> unknown_word(parse("status = 'error'"))
    'error'
    """
    words = known_words(condition)
    if not words or condition.operator not in _WHOLE_WORDS:
        return None
    value = condition.value
    values = value if isinstance(value, tuple) else (value,)
    return next((str(item) for item in values if item not in words), None)
