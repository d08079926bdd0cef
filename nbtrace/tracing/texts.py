"""Any value as a short text: names, tags, metadata.

What MLflow keeps as ``str(value)`` is kept so here, as long as that costs nothing: a tag may be
given an object whose ``__str__`` raises, or a list of millions.
"""

from __future__ import annotations

import orjson

from nbtrace.config import options
from nbtrace.tracing.redaction import redact_text, without_surrogates
from nbtrace.tracing.snapshot import MAX_INTEGER_BITS, cut_text
from nbtrace.tracing.values import encode_json, is_small

# str() of what these modules hold is short, and runs nobody's code.
_SPOKEN_MODULES = frozenset({"datetime", "decimal", "uuid", "pathlib", "enum"})


def plain_text(value: object) -> str:
    """Return a value as text that can be stored: bounded, redacted, without lone surrogates.

    Parameters
    ----------
    value : object
        Anything; it is not changed or kept.

    Returns
    -------
    str
        ``str(value)`` of plain small values, JSON of all others.

    Examples
    --------
    >>> plain_text(3), plain_text("password=hunter2"), plain_text([1])
    ('3', 'password=[REDACTED]', '[1]')
    """
    kind = type(value)
    if kind is str:
        text = str(value)
    elif kind is int:
        # mypy does not see that the value is an int
        bits = int(value).bit_length()  # type: ignore[call-overload]
        text = str(value) if bits <= MAX_INTEGER_BITS else f"<int of {bits:,} bits>"
    elif kind.__module__ in _SPOKEN_MODULES or is_small(value):
        text = str(value)
    else:
        encoded = encode_json(value)
        text = str(orjson.loads(encoded)) if encoded.startswith('"') else encoded
    if len(text) > options.max_string_characters:
        text = cut_text(text, options.max_string_characters)
    return redact_text(without_surrogates(text))
