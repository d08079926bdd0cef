"""Page tokens: where a search goes on, as opaque text.

A token says the place behind the last trace of a page by its values, so pages neither repeat nor
skip a trace while others arrive. It is base64 of JSON and bound to its search by a digest. MLflow's
form, ``{"offset": n}``, is read as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PageToken", "decode_token", "digest", "encode_token"]

# A place holds a few values, of which a tag's is the longest: 8,000 characters of up to 6 bytes.
MAX_TOKEN_CHARACTERS = 200_000
_INT64 = 2**63


class PageToken(NamedTuple):
    """What a token says.

    Attributes
    ----------
    place : tuple or None
        The place that the page starts behind.
    offset : int
        How many traces to pass over from there.
    """

    place: tuple[Any, ...] | None = None
    offset: int = 0


def digest(*parts: object) -> str:
    """Return what tells one search from another.

    Parameters
    ----------
    *parts : object
        Everything that decides which traces come in which order; of types JSON knows.

    Returns
    -------
    str
        16 hex digits.

    Examples
    --------
    >>> digest("a", None) == digest("a", None), digest("a") == digest("b")
    (True, False)
    """
    text = json.dumps(parts, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def encode_token(place: Sequence[Any], search: str) -> str:
    """Return the token of the page behind a place.

    Parameters
    ----------
    place : sequence
        A value per key of the order.
    search : str
        The `digest` of the search.

    Returns
    -------
    str
        ASCII text.

    Examples
    --------
    >>> decode_token(encode_token((5, 1), "d"), "d", 2).place
    (5, 1)
    """
    text = json.dumps({"place": list(place), "search": search}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def decode_token(token: str | None, search: str, length: int) -> PageToken:
    """Return what a token says.

    Parameters
    ----------
    token : str or None
        What an earlier page gave; ``None`` or empty for the first page.
    search : str
        The `digest` of this search.
    length : int
        How many keys its order has.

    Returns
    -------
    PageToken
        Where to go on.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for anything else, and for the token of another search.
    """
    if not token:
        return PageToken()
    data = _read(token)
    if isinstance(data, dict):
        offset = data.get("offset")
        if isinstance(offset, int) and not isinstance(offset, bool) and 0 <= offset < _INT64:
            return PageToken(offset=offset)
        place = data.get("place")
        if isinstance(place, list):
            if data.get("search") != search:
                raise NbtraceError.invalid(
                    "page_token belongs to another search; keep filter_string, locations and "
                    "order_by the same from page to page"
                )
            if len(place) == length and all(map(_is_value, place)):
                return PageToken(tuple(place))
    raise _unreadable()


def _read(token: object) -> Any:
    if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARACTERS:
        raise _unreadable()
    try:
        # Both alphabets: MLflow's tokens are in the standard one.
        plain = token.encode("ascii").translate(bytes.maketrans(b"-_", b"+/"))
        return json.loads(base64.b64decode(plain, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _unreadable() from None


def _is_value(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= mark <= "\udfff" for mark in value)
    if isinstance(value, int):
        return not isinstance(value, bool) and -_INT64 <= value < _INT64
    return value is None or isinstance(value, float)


def _unreadable() -> NbtraceError:
    return NbtraceError.invalid(
        "page_token is not one that search_traces gave; pass the .token of the page before, or "
        "None for the first page"
    )
