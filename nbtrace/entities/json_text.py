"""JSON text that any value of a span survives.

orjson does the work; what it refuses (integers beyond 64 bits, lone surrogates) or would change in
silence (NaN becomes null) goes through the standard library, whose reader and MLflow's agree.
"""

from __future__ import annotations

import json
from typing import Any, cast

import orjson

from nbtrace.entities.text import clean_text

_ORJSON_OPTIONS = orjson.OPT_NON_STR_KEYS
_SMALLEST_ROUNDED = float(1 << 63)


def _fallback(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def dumps(value: object, *, indent: bool = False) -> str:
    """Return JSON text of a value; what JSON has no word for becomes its ``str``.

    Parameters
    ----------
    value : object
        Any value; NaN and infinities are written as Python's ``json`` writes them.
    indent : bool
        Whether to indent by two spaces.

    Returns
    -------
    str
        The JSON text, without spaces where orjson wrote it.

    Examples
    --------
    >>> dumps({"question": "why?"})
    '{"question":"why?"}'
    """
    option = _ORJSON_OPTIONS | orjson.OPT_INDENT_2 if indent else _ORJSON_OPTIONS
    try:
        data = orjson.dumps(value, default=_fallback, option=option)
    except (TypeError, ValueError, RecursionError):
        pass
    else:
        # orjson writes NaN as null; only a text with a null in it can have lost one.
        if b"null" not in data or _is_finite(value):
            return data.decode()
    try:
        text = _standard_dumps(value, indent=indent, ascii_only=False)
        # Lone surrogates have to stay escaped, or the text could not be written anywhere.
        if clean_text(text) is not text:
            text = _standard_dumps(value, indent=indent, ascii_only=True)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(_fallback(value))
    return text


def _standard_dumps(value: object, *, indent: bool, ascii_only: bool) -> str:
    return json.dumps(
        value,
        default=_fallback,
        ensure_ascii=ascii_only,
        indent=2 if indent else None,
        separators=None if indent else (",", ":"),
    )


def _is_finite(value: object) -> bool:
    try:
        json.dumps(value, default=_fallback, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def loads(text: str | bytes) -> Any:
    """Return the value of a JSON text, reading all that `dumps` writes.

    Parameters
    ----------
    text : str or bytes
        JSON text; NaN, Infinity and large integers are accepted.

    Returns
    -------
    object
        The decoded value.

    Raises
    ------
    ValueError
        When the text is not JSON.

    Examples
    --------
    >>> loads("[1,NaN]")
    [1, nan]
    """
    try:
        value = orjson.loads(text)
    except ValueError:
        return _standard_loads(text)
    # orjson reads an integer beyond 64 bits as the nearest float.
    return _standard_loads(text) if _may_be_rounded(value) else value


def _standard_loads(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        message = "the JSON text is nested too deeply"
        raise ValueError(message) from error


def _may_be_rounded(value: object) -> bool:
    # No recursion: a value may be nested deeper than the stack of whoever reads it allows.
    waiting = [value]
    while waiting:
        one = waiting.pop()
        kind = type(one)
        if kind is list:
            waiting.extend(cast("list[object]", one))
        elif kind is dict:
            waiting.extend(cast("dict[str, object]", one).values())
        elif kind is float and abs(cast("float", one)) >= _SMALLEST_ROUNDED:
            return True
    return False


def decode(value: object) -> Any:
    """Return the value of a JSON text, or the argument itself where it is none.

    Parameters
    ----------
    value : object
        Usually the stored text of a reserved attribute; foreign tools may have put plain text.

    Returns
    -------
    object
        The decoded value.

    Examples
    --------
    >>> decode('"LLM"'), decode("LLM"), decode(5)
    ('LLM', 'LLM', 5)
    """
    if isinstance(value, str):
        try:
            return loads(value)
        except ValueError:
            return value
    return value


def is_json(text: str) -> bool:
    """Tell whether a text is JSON.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    bool
        True where `loads` would return.

    Examples
    --------
    >>> is_json("{}"), is_json("hello")
    (True, False)
    """
    try:
        loads(text)
    except ValueError:
        return False
    return True
