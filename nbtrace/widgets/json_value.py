"""Values as JSON text for the page, which shows it without parsing numbers.

Integers of any size and NaN keep what they are: a page that parsed them would round the one and
refuse the other.
"""

from __future__ import annotations

import math
from typing import Any

import orjson


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
    if not _has_special(value):
        try:
            return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:
            # Lone surrogates and integers over 64 bits, which orjson refuses.
            pass
    import json

    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        # Nested deeper than Python's encoder goes, or in itself.
        return json.dumps(f"a {type(value).__name__} that JSON cannot hold")


def _has_special(value: Any) -> bool:
    """Tell whether there is a number that orjson would write as null."""
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, float):
            if not math.isfinite(item):
                return True
        elif isinstance(item, dict):
            rest.extend(item.values())
        elif isinstance(item, list | tuple):
            rest.extend(item)
    return False


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
