"""Replace the secrets in plain text: prose, source code, logs, URLs, headers, env files.

The fast gates of ``secret_patterns.Locator`` say of a block of text whether a secret may begin in
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
from nbtrace.tracing.secret_patterns import lowered

if TYPE_CHECKING:
    from nbtrace.tracing.secret_judges import Stretch
    from nbtrace.tracing.secret_patterns import Locator

# Passes over what stands beside secrets; the second seldom finds more, the third never did.
MAX_PASSES = 4
# The shortest text with a secret in it is like `pwd=x`.
MIN_SECRET_CHARACTERS = 5
# The gate answers for so much at once, and halves it down to so much, which `re` then searches.
BLOCK_CHARACTERS = 512
STRETCH_CHARACTERS = 128
# After a secret as near as this the next stretch is searched without asking the gate.
NEAR_CHARACTERS = 160
# Judges look so far around a place, quoted texts aside.
NEIGHBOUR_CHARACTERS = 128
# Finding and replacing one secret takes 3 to 8 µs, the less the nearer they are together. Two a kB
# are within the budget of 10 µs a kB, so every value may have 200 at once (1 ms) and one more for
# each 500 characters it has.
FREE_SECRETS = 200
CHARACTERS_PER_SECRET = 500
# A place that turns out harmless ("token": "Hello" in a log of what a model streams) is cheaper and
# hides nothing: only text made of little else uses up its allowance by them.
PLACES_PER_SECRET = 5
PLACES_PER_CHARACTER = PLACES_PER_SECRET / CHARACTERS_PER_SECRET

_AWS_BEGINNINGS = frozenset({"AKIA", "ASIA"})
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
    9000.0
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


# Stretches that hold secrets, in order and apart from each other; from where on the text was not
# examined, if it was not to its end; and up to where it has been counted for the allowance.
_Found = tuple[list["Stretch"], int | None, int]


def _search(  # noqa: C901, PLR0912 - calls cost more than branches here
    text: str, ranges: list[Stretch], locator: Locator, allowance: Allowance
) -> _Found:
    """Find the secrets that begin in some ranges of a text."""
    has_name, has_mark, search = locator.has_name, locator.has_mark, locator.search
    kinds, reach = locator.kinds, locator.reach
    low, places, near = lowered(text), allowance.places, False
    secrets: list[Stretch] = []
    done, paid, seen = 0, 0, -1
    last = len(text) - MIN_SECRET_CHARACTERS
    for start, end in ranges:
        position = max(start, done)
        while position < end and position <= last:
            if near:
                stop = position + STRETCH_CHARACTERS
            else:
                stop = position + BLOCK_CHARACTERS
                block = low[position : stop + reach]
                named, marked = has_name(block), has_mark(block)
                if not named and not marked:
                    position = stop
                    continue
                while stop - position > STRETCH_CHARACTERS:
                    middle = (position + stop) // 2
                    block = low[position : middle + reach]
                    if (named and has_name(block)) or (marked and has_mark(block)):
                        stop = middle
                    else:
                        position = middle
            near = False
            limit = stop + reach
            match = search(text, position, limit)
            position = stop
            while match is not None:
                place = match.start()
                if place > seen:
                    seen = place
                    places += (place - paid) * PLACES_PER_CHARACTER - 1
                    paid = place
                    if places < 0:
                        allowance.places = places
                        return secrets, max(done, place - MAX_NAME_CHARACTERS), paid
                    before = done
                    for secret in JUDGES[kinds[match.lastindex or 0]](text, place):
                        if done <= secret[0] < secret[1]:
                            secrets.append(secret)
                            places -= PLACES_PER_SECRET - 1
                            done = secret[1]
                    if done > before:
                        # A secret's own characters count for nothing: when the text is redacted
                        # again, they are gone, and the allowance must not be used up earlier.
                        position = paid = done
                        near = place - before < NEAR_CHARACTERS
                        break
                match = search(text, match.end(), limit)
    allowance.places = places
    return secrets, None, paid


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


def _ranges(secrets: list[Stretch], rest: int | None, length: int) -> list[Stretch]:
    """Return what is near to the marks in a redacted text, joined where it overlaps."""
    places = []
    shorter = 0
    for start, end in secrets:
        places.append(start - shorter)
        shorter += end - start - len(REDACTED)
    if rest is not None:
        places.append(rest - shorter)
    ranges: list[Stretch] = []
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
    for _ in range(MAX_PASSES):
        secrets, rest, paid = _search(text, ranges, locator, allowance)
        if rest is None:
            if paid < len(text):
                allowance.read(len(text) - paid)
            if not secrets:
                break
        redacted, beside, holds_aws_key = _replaced(text, secrets, rest, locator.reach)
        if holds_aws_key:
            # An AWS key id is often shown with its secret.
            text = _without_aws_secrets(redacted)
            ranges = [(0, len(text))]
        elif not locator.is_suspicious(beside):
            return redacted
        else:
            # What stood beside a secret may show itself for one without it, which is rare.
            text = redacted
            ranges = _ranges(secrets, rest, len(text))
        allowance = Allowance(math.inf)  # these places have been counted
    return text


def _replaced(
    text: str, secrets: list[Stretch], rest: int | None, reach: int
) -> tuple[str, str, bool]:
    """Return the text without its secrets, what is near to them, and whether one is an AWS key."""
    parts = []
    beside = []
    holds_aws_key = False
    done = 0
    after = NEIGHBOUR_CHARACTERS + reach
    for start, end in secrets:
        if text[start] == "A" and text[start : start + 4] in _AWS_BEGINNINGS:
            holds_aws_key = True
        part = text[done:start]
        parts.append(part)
        if start - done > after + NEIGHBOUR_CHARACTERS:
            part = f"{part[:after] if done else ''}\n{part[-NEIGHBOUR_CHARACTERS:]}"
        beside.append(part)
        done = end
    if rest is None:
        parts.append(text[done:])
        beside.append(text[done : done + after])
    else:
        part = text[done:rest] + unexamined(len(text) - rest)
        parts.append(part)
        beside.append(part)
    return REDACTED.join(parts), REDACTED.join(beside), holds_aws_key
