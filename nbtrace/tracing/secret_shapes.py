"""What the shape of a mapping says of the values in it.

``{"name": "api_key", "value": "..."}`` is a key and its value spelled out; what has a ``type`` of
JSON Schema describes a value, as the parameters of a tool do, and holds none.
"""

from __future__ import annotations

from typing import Any

from nbtrace.tracing.secret_names import NameKind, name_kind

# What a schema says by example may be a secret all the same.
SCHEMA_SAMPLES = frozenset({"default", "const", "enum", "example", "examples"})

_SCHEMA_TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array", "null"})
_SCHEMA_WORDS = frozenset({"type", "$ref", "anyOf", "oneOf", "allOf"})
_NAMING_KEYS = ("name", "key", "header", "Name", "Key")


def named_value(tree: dict[str, Any]) -> NameKind:
    """Return what the name in ``{"name": "api_key", "value": ...}`` says of the value.

    Parameters
    ----------
    tree : dict
        Any mapping; ``HARMLESS`` is returned for one of another shape.

    Examples
    --------
    >>> named_value({"name": "api_key", "value": "x"}).name
    'STRONG'
    """
    if "value" in tree:
        for key in _NAMING_KEYS:
            name = tree.get(key)
            if type(name) is str:
                return name_kind(name)
    return NameKind.HARMLESS


def is_schema(tree: dict[str, Any]) -> bool:
    """Return whether a mapping describes a value, as a tool's parameters do, and is none.

    Examples
    --------
    >>> is_schema({"type": "string", "title": "Api Key"}), is_schema({"token": "x"})
    (True, False)
    """
    kind = tree.get("type")
    if type(kind) is str:
        return kind in _SCHEMA_TYPES
    return not _SCHEMA_WORDS.isdisjoint(tree)
