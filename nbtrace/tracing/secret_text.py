"""Replace the secrets in plain text: prose, source code, logs, URLs, headers, env files.

The fast gate of ``secret_patterns.Locator`` says of a block of text whether a secret may begin in
it. A block where one may is halved until the stretch is short, and only that is searched with
``re``; each place found is judged by what surrounds it, and what holds a secret becomes
``[REDACTED]``. No part of the text is looked at again, save what stands right beside a replaced
stretch, where the secret may have hidden another. So the time grows with the length of the text
and with the number of places, and an ``Allowance`` bounds the latter.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from nbtrace.tracing.secret_judges import JUDGES, MAX_NAME_CHARACTERS
from nbtrace.tracing.secret_names import REDACTED

if TYPE_CHECKING:
    from nbtrace.tracing.secret_judges import Stretch
    from nbtrace.tracing.secret_patterns import Locator

# Passes over what stands beside secrets; the second seldom finds more, the third never did.
MAX_PASSES = 4
# The gate answers for so much at once, and halves it down to so much, which `re` then searches.
BLOCK_CHARACTERS = 512
STRETCH_CHARACTERS = 128
# Judges look so far around a place, quoted texts aside.
NEIGHBOUR_CHARACTERS = 128
# Finding and replacing one secret takes 5 to 10 µs. One a kB is within the budget of 10 µs a kB, so
# every value may have 128 at once (1 ms) and one more for each 800 characters it has.
FREE_SECRETS = 128
CHARACTERS_PER_SECRET = 800
# A place that turns out harmless ("token": "Hello" in a log of what a model streams) is cheaper and
# hides nothing: only text made of little else uses up its allowance by them.
PLACES_PER_SECRET = 8
PLACES_PER_CHARACTER = PLACES_PER_SECRET / CHARACTERS_PER_SECRET

_LONG_WORD = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")


class Allowance:
    """How many places one value may have judged.

    What is beyond it is not examined, and so not kept.

    Attributes
    ----------
    places : float
        How many are left; a secret counts as ``PLACES_PER_SECRET`` of them.

    Examples
    --------
    >>> allowance = Allowance()
    >>> allowance.read(800_000)
    >>> allowance.places
    9024.0
    """

    __slots__ = ("places",)

    def __init__(self, places: float = FREE_SECRETS * PLACES_PER_SECRET) -> None:
        self.places = places

    def read(self, characters: int) -> None:
        """Add what a text of this length allows for."""
        self.places += characters * PLACES_PER_CHARACTER


def unexamined(characters: int) -> str:
    """Return what stands for text that was left out because it holds too many secrets.

    Examples
    --------
    >>> unexamined(12_345)
    '[REDACTED: 12,345 characters, too many secrets to examine]'
    """
    return f"{REDACTED[:-1]}: {characters:,} characters, too many secrets to examine]"


class _Search:
    """One walk over some ranges of a text.

    Attributes
    ----------
    secrets : list of tuple
        The stretches that hold secrets, in order and apart from each other.
    rest : int or None
        From where on the text was not examined.
    """

    __slots__ = ("allowance", "done", "locator", "paid", "rest", "secrets", "seen", "text")

    def __init__(self, text: str, locator: Locator, allowance: Allowance) -> None:
        self.text = text
        self.locator = locator
        self.allowance = allowance
        self.secrets: list[Stretch] = []
        self.rest: int | None = None
        self.done = 0
        self.seen = -1
        # up to where the text has been counted for the allowance
        self.paid = 0

    def walk(self, start: int, end: int) -> None:
        """Find what begins in a range."""
        text, reach = self.text, self.locator.reach
        is_suspicious = self.locator.is_suspicious
        position = max(start, self.done)
        while position < end and self.rest is None:
            stop = position + BLOCK_CHARACTERS
            if is_suspicious(text[position : stop + reach]):
                while stop - position > STRETCH_CHARACTERS:
                    middle = (position + stop) // 2
                    if is_suspicious(text[position : middle + reach]):
                        stop = middle
                    else:
                        position = middle
                if self._judge(position, stop + reach):
                    stop = self.done
            position = max(stop, self.done)

    def _judge(self, start: int, end: int) -> bool:
        """Judge the places in a stretch, as far as the first that holds a secret."""
        text, allowance = self.text, self.allowance
        for kind, place in self.locator.places(text, start, end):
            if place < self.done or place <= self.seen:
                continue
            self.seen = place
            judge = JUDGES.get(kind)
            if judge is None:
                continue
            allowance.places += (place - self.paid) * PLACES_PER_CHARACTER - 1
            self.paid = place
            if allowance.places < 0:
                self.rest = max(self.done, place - MAX_NAME_CHARACTERS)
                return False
            found = False
            for secret in judge(text, place):
                if secret[0] >= self.done and secret[1] > secret[0]:
                    self.secrets.append(secret)
                    allowance.places -= PLACES_PER_SECRET - 1
                    # A secret's own characters count for nothing: when the text is redacted again,
                    # they are gone, and the allowance must not be used up earlier than now.
                    self.done = self.paid = secret[1]
                    found = True
            if found:
                return True
        return False


def _is_aws_secret(word: str) -> bool:
    return (
        any(character.isdigit() for character in word)
        and any(character.isupper() for character in word)
        and any(character.islower() for character in word)
    )


def _without_aws_secrets(text: str) -> str:
    """Redact what stands beside an AWS key id, which has no mark of its own."""
    return _LONG_WORD.sub(
        lambda found: REDACTED if _is_aws_secret(found.group()) else found.group(), text
    )


def _ranges(places: list[int], length: int) -> list[tuple[int, int]]:
    """Return what is near to some positions, joined where it overlaps."""
    ranges: list[tuple[int, int]] = []
    for place in places:
        start = max(0, place - NEIGHBOUR_CHARACTERS)
        end = min(length, place + NEIGHBOUR_CHARACTERS)
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((start, end))
    return ranges


def redact_plain(text: str, locator: Locator, allowance: Allowance | None = None) -> str:
    """Return a text without its secrets.

    Parameters
    ----------
    text : str
        Any text, without lone surrogates.
    locator : Locator
        Where to look.
    allowance : Allowance, optional
        What the value that the text is part of has left; by default the text is all of it.

    Returns
    -------
    str
        The text itself when it holds no secret.

    Examples
    --------
    >>> from nbtrace.tracing.secret_patterns import Locator
    >>> redact_plain("PASSWORD=hunter2 max_tokens=5", Locator())
    'PASSWORD=[REDACTED] max_tokens=5'
    """
    allowance = allowance or Allowance()
    ranges = [(0, len(text))]
    # Again, since what stood beside a secret may show itself for one without it.
    for _ in range(MAX_PASSES):
        search = _Search(text, locator, allowance)
        for start, end in ranges:
            search.walk(start, end)
        if search.rest is None:
            allowance.read(max(0, len(text) - search.paid))
            if not search.secrets:
                break
        text, ranges = _replaced(text, search)
        allowance = Allowance(math.inf)  # these places have been counted
    return text


def _replaced(text: str, search: _Search) -> tuple[str, list[tuple[int, int]]]:
    """Return the text without what a search found, and the ranges to look at again."""
    parts = []
    places = []
    done = length = 0
    key_pair = False
    for start, end in search.secrets:
        key_pair = key_pair or text.startswith(("AKIA", "ASIA"), start)
        kept = text[done:start]
        length += len(kept)
        places.append(length)
        length += len(REDACTED)
        parts += [kept, REDACTED]
        done = end
    if search.rest is None:
        parts.append(text[done:])
    else:
        kept = text[done : search.rest]
        places.append(length + len(kept))
        parts += [kept, unexamined(len(text) - search.rest)]
    redacted = "".join(parts)
    if not key_pair:
        return redacted, _ranges(places, len(redacted))
    # An AWS key id is often shown with its secret.
    redacted = _without_aws_secrets(redacted)
    return redacted, [(0, len(redacted))]
