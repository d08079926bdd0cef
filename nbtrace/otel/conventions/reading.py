"""Reading attribute values that may hold anything.

OpenTelemetry attributes may be strings, numbers, bytes, lists, nested mappings or ``None``, and
what a convention calls "JSON" is sometimes a JSON text and sometimes the structure itself. Every
function here takes any value and answers with the wanted kind or ``None``; none of them raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson

__all__ = [
    "Attributes",
    "count",
    "decoded",
    "first_count",
    "first_text",
    "indexed",
    "json_safe",
    "mapping",
    "number",
    "sequence",
    "text",
]

Attributes: TypeAlias = Mapping[str, Any]

# Token counts go into SQLite columns, which hold 64 bits.
LARGEST_COUNT = 2**63 - 1
COUNT_DIGITS = len(str(LARGEST_COUNT))
# Dotted keys of the known conventions have at most nine parts; more are kept in the last one.
MAX_KEY_PARTS = 12
# A list index longer than this is not one that an instrumentor wrote.
MAX_INDEX_DIGITS = 6
# Values are bounded when they are captured; this only keeps a foreign value from ending the stack.
MAX_JSON_DEPTH = 64


def text(value: object) -> str | None:
    """Return a text that is not empty, or ``None`` for anything else.

    Examples
    --------
    >>> text("gpt-4o"), text(""), text(3)
    ('gpt-4o', None, None)
    """
    return value if isinstance(value, str) and value else None


def first_text(attributes: Attributes, *keys: str) -> str | None:
    """Return the first of the attributes that is a text and not empty.

    Examples
    --------
    >>> first_text({"a": None, "b": "x"}, "a", "b")
    'x'
    """
    for key in keys:
        value = attributes.get(key)
        if isinstance(value, str) and value:
            return value
    return None


def count(value: object) -> int | None:
    """Return a count (an integer, 0 or more), or ``None`` where the value is not one.

    Examples
    --------
    >>> count(12), count("12"), count(12.0), count(True), count(-1)
    (12, 12, 12, None, None)
    """
    if type(value) is int:
        return value if 0 <= value <= LARGEST_COUNT else None
    if isinstance(value, float):
        return count(int(value)) if value.is_integer() else None
    if isinstance(value, str) and len(value) <= COUNT_DIGITS and _is_number(value):
        return count(int(value))
    return None


def first_count(attributes: Attributes, *keys: str) -> int | None:
    """Return the first of the attributes that is a count.

    Examples
    --------
    >>> first_count({"a": "?", "b": 0}, "a", "b")
    0
    """
    for key in keys:
        value = attributes.get(key)
        if value is not None and (found := count(value)) is not None:
            return found
    return None


def number(value: object) -> float | None:
    """Return a finite number, 0 or more, as a float, or ``None``.

    Examples
    --------
    >>> number(4.5e-06), number("0.5"), number(float("nan")), number(True)
    (4.5e-06, 0.5, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found < float("inf") else None


def decoded(value: object) -> Any:
    """Return the value of a JSON text, and any other value as it is.

    A text that is not JSON stays the text, and so does a bare ``42`` or ``true``, since conventions
    that write plain text write such texts too.

    Examples
    --------
    >>> decoded('{"a": 1}'), decoded("hello"), decoded('"quoted"'), decoded("42"), decoded([1])
    ({'a': 1}, 'hello', 'quoted', '42', [1])
    """
    if not isinstance(value, str):
        return value
    start = value.lstrip()[:1]
    if not start or start not in '{["':
        return value
    try:
        return orjson.loads(value)
    except (ValueError, RecursionError):
        return value


def mapping(value: object) -> dict[str, Any]:
    """Return a mapping, decoded from JSON text where it is one, else an empty one.

    Examples
    --------
    >>> mapping('{"a": 1}'), mapping("[1]"), mapping(None)
    ({'a': 1}, {}, {})
    """
    found = decoded(value)
    return found if isinstance(found, dict) else {}


def sequence(value: object) -> list[Any]:
    """Return a list, decoded from JSON text where it is one, else an empty one.

    Examples
    --------
    >>> sequence('["stop"]'), sequence(("a",)), sequence("stop")
    (['stop'], ['a'], [])
    """
    found = decoded(value)
    if isinstance(found, tuple):
        return list(found)
    return found if isinstance(found, list) else []


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _is_index(key: str) -> bool:
    return len(key) <= MAX_INDEX_DIGITS and _is_number(key)


def _listed(value: Any) -> Any:
    """Turn mappings whose keys are all indexes into lists, in the order of the indexes."""
    if not isinstance(value, _Branch):
        return value
    branch = {key: _listed(item) for key, item in value.items()}
    if branch and all(_is_index(key) for key in branch):
        return [branch[key] for key in sorted(branch, key=int)]
    return branch


class _Branch(dict[str, Any]):
    """A mapping made of dotted keys, told apart from a mapping that is an attribute's value."""


def indexed(attributes: Attributes, prefix: str) -> list[Any]:
    """Return the list that is spread over dotted keys such as ``prefix.0.role``.

    Parameters
    ----------
    attributes : mapping of str to object
        Attributes of a span.
    prefix : str
        What the keys begin with, including the last dot.

    Returns
    -------
    list of object
        Nested mappings and lists in the order of the indexes; ``[]`` where there is no such key.

    Examples
    --------
    >>> indexed({"p.1.role": "user", "p.0.role": "system", "q": 1}, "p.")
    [{'role': 'system'}, {'role': 'user'}]
    """
    root = _Branch()
    for key, value in attributes.items():
        if not isinstance(key, str) or not key.startswith(prefix):
            continue
        parts = key[len(prefix) :].split(".", MAX_KEY_PARTS)
        if not _is_index(parts[0]):
            continue
        branch = root
        for part in parts[:-1]:
            below = branch.get(part)
            if not isinstance(below, _Branch):
                below = branch[part] = _Branch()
            branch = below
        if not isinstance(branch.get(parts[-1]), _Branch):
            branch[parts[-1]] = value
    found = _listed(root)
    return found if isinstance(found, list) else []


def json_safe(value: object, depth: int = 0) -> Any:
    """Return a value that any JSON encoder takes, for messages to the browser.

    Bytes become a text that states their number, other objects their type's name.

    Examples
    --------
    >>> json_safe({"a": b"123", 1: (None,)})
    {'a': '<3 bytes>', '1': [None]}
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if depth >= MAX_JSON_DEPTH:
        return f"<{type(value).__name__} below {MAX_JSON_DEPTH} levels>"
    if isinstance(value, dict):
        return {str(key): json_safe(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item, depth + 1) for item in value]
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    return f"<{type(value).__name__}>"
