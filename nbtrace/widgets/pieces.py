"""Long texts in pieces: the panel gets the start of each, and the rest when somebody wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.widgets.span_facts import safe_text

if TYPE_CHECKING:
    from nbtrace.widgets.detail_messages import LongText

# Two screens of text: what is read without asking for more.
PIECE_CHARACTERS = 20_000
# All starts together: a conversation of hundreds of long messages must not be one huge message.
ALL_CHARACTERS = 2_000_000
# What each text still gets when the others have used that up.
LEAST_CHARACTERS = 500
# What is sent at once when the rest is asked for; a page takes it in without a pause.
MAX_PIECE_CHARACTERS = 2_000_000


class Pieces:
    """The texts of one span, by place.

    Parameters
    ----------
    characters : int
        How much of each text to give.
    wanted : str
        Place of the one text that is wanted whole; it is kept in ``found``.

    Examples
    --------
    >>> pieces = Pieces(characters=3)
    >>> pieces.cut("inputs", "abcdef")
    {'text': 'abc', 'size': 6, 'place': 'inputs', 'next': 3}
    """

    def __init__(self, characters: int = PIECE_CHARACTERS, wanted: str = "") -> None:
        self._characters = characters
        self._left = ALL_CHARACTERS
        self._wanted = wanted
        self.found: str | None = None

    def cut(self, place: str, text: str) -> LongText:
        """Return the start of a text.

        Parameters
        ----------
        place : str
            Names the text in its span; the same each time the span is read.
        text : str
            The whole text.

        Returns
        -------
        LongText
            Its start, and where the rest begins.
        """
        if place == self._wanted:
            self.found = text
        limit = max(min(self._characters, self._left), LEAST_CHARACTERS)
        limit = min(limit, self._characters)
        self._left -= min(len(text), limit)
        return piece(place, text, 0, limit)

    def maybe(self, place: str, text: str | None) -> LongText | None:
        """Return the start of a text, None where there is none."""
        return None if text is None else self.cut(place, text)


def piece(place: str, text: str, offset: int, characters: int) -> LongText:
    """Return a part of a text.

    Parameters
    ----------
    place : str
        Name of the text in its span.
    text : str
        The whole text.
    offset : int
        Where to begin, as ``next`` of the piece before said.
    characters : int
        Most characters to return, at most 2,000,000.

    Returns
    -------
    LongText
        The part, and where the rest begins.

    Examples
    --------
    >>> piece("inputs", "abcdef", 3, 100)
    {'text': 'def', 'size': 6, 'place': 'inputs', 'next': None}
    """
    start = max(0, offset)
    end = start + min(max(1, characters), MAX_PIECE_CHARACTERS)
    return {
        "text": safe_text(text[start:end]),
        "size": len(text),
        "place": place,
        "next": end if end < len(text) else None,
    }
