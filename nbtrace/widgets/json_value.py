"""Values as JSON text for the page, which shows it without parsing numbers.

Integers of any size and NaN keep what they are: a page that parsed them would round the one and
refuse the other.
"""

from __future__ import annotations

import math
from typing import Any

import orjson

# Deeper values are the work of an attacker; Python's own encoder would raise on them.
MAX_DEPTH = 500


def json_text(value: Any) -> str:
    """Return the JSON text of a value.

    Parameters
    ----------
    value : object
        What a span holds: plain values, bytes, or anything else, which becomes its ``str``.

    Returns
    -------
    str
        JSON text; NaN and infinities are written as Python writes them.

    Examples
    --------
    >>> json_text({"n": 2**70, "x": float("nan")}), json_text(b"ab")
    ('{"n":1180591620717411303424,"x":NaN}', '"6162"')
    """
    if not _has_special(value, 0):
        try:
            return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:
            # Lone surrogates and integers over 64 bits, which orjson refuses.
            pass
    import json

    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return json.dumps(str(type(value).__name__))


def _has_special(value: Any, depth: int) -> bool:
    """Tell whether orjson would write null for a number, or stop at the depth."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if depth > MAX_DEPTH:
        return True
    if isinstance(value, dict):
        return any(_has_special(item, depth + 1) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_has_special(item, depth + 1) for item in value)
    return False


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
