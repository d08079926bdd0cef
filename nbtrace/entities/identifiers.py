"""Identifiers of traces and spans, and their spellings elsewhere.

A trace is ``tr-`` and 32 hexadecimal digits, a span 16 hexadecimal digits. MLflow's v3 JSON has the
same bytes in base64, its v2 form as ``0x...``, its v4 ids as ``trace:/<location>/<hex>``.
"""

from __future__ import annotations

import binascii
from functools import lru_cache

from nbtrace.entities.constant import TRACE_ID_PREFIX
from nbtrace.exceptions import NbtraceError

TRACE_HEX_DIGITS = 32
SPAN_HEX_DIGITS = 16
_HEX_DIGITS = frozenset("0123456789abcdef")


def is_hex(text: str, digits: int) -> bool:
    """Tell whether a text is so many lower-case hexadecimal digits.

    Examples
    --------
    >>> is_hex("00f067aa0ba902b7", 16)
    True
    """
    return len(text) == digits and _HEX_DIGITS.issuperset(text)


def is_trace_id(text: str) -> bool:
    """Tell whether a text is ``tr-`` and 32 hexadecimal digits.

    Examples
    --------
    >>> is_trace_id("tr-" + "0a" * 16)
    True
    """
    return text.startswith(TRACE_ID_PREFIX) and is_hex(text[3:], TRACE_HEX_DIGITS)


def normalize_trace_id(text: str) -> str:
    """Return ``tr-<32 hex>`` for any spelling of a trace id that is known.

    Parameters
    ----------
    text : str
        ``tr-<hex>``, bare hex, ``0x<hex>``, ``trace:/<location>/<hex>``, base64 of the 16 bytes, or
        a UUID with dashes. Anything else is returned as it is.

    Returns
    -------
    str
        The trace id.

    Raises
    ------
    NbtraceError
        For what is no text.

    Examples
    --------
    >>> normalize_trace_id("0x" + "0A" * 16)
    'tr-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a'
    """
    if not isinstance(text, str):
        msg = f"a trace's id is a text such as 'tr-' and 32 hex digits, got {text!r}"
        raise NbtraceError.invalid(msg)
    if text.startswith(TRACE_ID_PREFIX) and is_hex(text[3:], TRACE_HEX_DIGITS):
        return text
    hexadecimal = _hexadecimal(text.removeprefix(TRACE_ID_PREFIX), TRACE_HEX_DIGITS)
    return text if hexadecimal is None else TRACE_ID_PREFIX + hexadecimal


def normalize_span_id(text: str) -> str:
    """Return 16 hexadecimal digits for any spelling of a span id that is known.

    Parameters
    ----------
    text : str
        Hex, ``0x<hex>`` or base64 of the 8 bytes. Anything else is returned as it is.

    Returns
    -------
    str
        The span id.

    Examples
    --------
    >>> normalize_span_id("Mz7BCRMDydk=")
    '333ec1091303c9d9'
    """
    hexadecimal = _hexadecimal(text, SPAN_HEX_DIGITS)
    return text if hexadecimal is None else hexadecimal


def _hexadecimal(text: str, digits: int) -> str | None:
    if is_hex(text, digits):
        return text
    lower = text.lower()
    if lower.startswith("0x"):
        # MLflow wrote v2 ids with hex(), which drops leading zeros.
        lower = lower[2:].rjust(digits, "0")
    if lower.startswith("trace:/"):
        lower = lower.rpartition("/")[2].removeprefix(TRACE_ID_PREFIX)
    lower = lower.replace("-", "")
    if is_hex(lower, digits):
        return lower
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) * 2 == digits else None


# A trace's spans come together, so the last few ids are nearly always known.
@lru_cache(maxsize=256)
def hex_of(trace_id: str) -> str:
    """Return the 32 hexadecimal digits of a trace id.

    Parameters
    ----------
    trace_id : str
        Any spelling that `normalize_trace_id` knows.

    Returns
    -------
    str
        32 lower-case hexadecimal digits.

    Raises
    ------
    NbtraceError
        When the text is no trace id.

    Examples
    --------
    >>> hex_of("tr-" + "0a" * 16)
    '0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a'
    """
    text = normalize_trace_id(trace_id)
    if not is_trace_id(text):
        message = f"a trace id is 'tr-' and 32 hexadecimal digits; got {trace_id!r}"
        raise NbtraceError.invalid(message)
    return text[3:]


def to_base64(hexadecimal: str) -> str:
    """Return the base64 text of hexadecimal digits, as MLflow's v3 JSON has it.

    Examples
    --------
    >>> to_base64("333ec1091303c9d9")
    'Mz7BCRMDydk='
    """
    return binascii.b2a_base64(bytes.fromhex(hexadecimal), newline=False).decode()
