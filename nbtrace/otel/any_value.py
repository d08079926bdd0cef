"""Attribute values to and from OTLP's AnyValue.

Each value is an object with one field that names its type: ``{"stringValue": "a"}``,
``{"intValue": "1"}``, ``{"arrayValue": {"values": [...]}}``; an empty object is null.
"""

from __future__ import annotations

import binascii
import math
from typing import TYPE_CHECKING, Any

from nbtrace.entities.json_text import dumps
from nbtrace.entities.text import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nbtrace.entities.constant import AttributeValue

# Protobuf's readers give up at 100 nested messages. A list takes two, a map three a level, and an
# event's attribute sits in seven others: 30 levels of maps stay below.
MAX_NESTING = 30
INT64_MIN = -(1 << 63)
INT64_MAX = (1 << 63) - 1


def encode_value(value: AttributeValue) -> dict[str, Any]:
    """Return OTLP's AnyValue of a value; never fails.

    Parameters
    ----------
    value : AttributeValue
        Text, truth value, number, bytes, None, list or dict; anything else becomes its ``str``.

    Returns
    -------
    dict
        One field, or none for None.

    Examples
    --------
    >>> encode_value(7), encode_value(None), encode_value([True])
    ({'intValue': '7'}, {}, {'arrayValue': {'values': [{'boolValue': True}]}})
    """
    encoder = _ENCODERS.get(type(value))
    return _encode(value, 0) if encoder is None else encoder(value)


def encode_attributes(attributes: Mapping[str, AttributeValue]) -> list[dict[str, Any]]:
    """Return OTLP's list of key and value.

    Parameters
    ----------
    attributes : Mapping of str to AttributeValue
        The attributes.

    Returns
    -------
    list of dict
        In the order of the mapping.

    Examples
    --------
    >>> encode_attributes({"k": "v"})
    [{'key': 'k', 'value': {'stringValue': 'v'}}]
    """
    return [
        {"key": key if key.isascii() else clean_text(key), "value": encode_value(value)}
        for key, value in attributes.items()
    ]


def _encode_text(value: str) -> dict[str, Any]:
    return {"stringValue": value if value.isascii() else clean_text(value)}


def _encode_int(value: int) -> dict[str, Any]:
    if INT64_MIN <= value <= INT64_MAX:
        return {"intValue": str(value)}
    try:
        return {"stringValue": str(value)}
    except ValueError:
        # Python refuses to write thousands of decimal digits, not hexadecimal ones.
        return {"stringValue": hex(value)}


def _encode_float(value: float) -> dict[str, Any]:
    if math.isfinite(value):
        return {"doubleValue": value}
    if math.isnan(value):
        return {"doubleValue": "NaN"}
    return {"doubleValue": "Infinity" if value > 0 else "-Infinity"}


def _encode_bytes(value: bytes) -> dict[str, Any]:
    return {"bytesValue": binascii.b2a_base64(value, newline=False).decode()}


_ENCODERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    str: _encode_text,
    bool: lambda value: {"boolValue": value},
    int: _encode_int,
    float: _encode_float,
    bytes: _encode_bytes,
    type(None): lambda _: {},
}


_BASE_VALUE: dict[type, Callable[[Any], object]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    bytes: bytes,
}


def _encode(value: Any, depth: int) -> dict[str, Any]:
    encoder = _ENCODERS.get(type(value))
    if encoder is not None:
        return encoder(value)
    if isinstance(value, dict | list | tuple):
        if depth >= MAX_NESTING:
            return _encode_text(dumps(value))
        if isinstance(value, dict):
            pairs = [
                {"key": clean_text(_text(key)), "value": _encode(item, depth + 1)}
                for key, item in value.items()
            ]
            return {"kvlistValue": {"values": pairs}}
        return {"arrayValue": {"values": [_encode(item, depth + 1) for item in value]}}
    # Subclasses, such as enums, whose own str() may say something else.
    for kind in (str, int, float, bytes):
        if isinstance(value, kind):
            return _ENCODERS[kind](_BASE_VALUE[kind](value))
    return _encode_text(_text(value))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def decode_value(data: Mapping[str, Any]) -> AttributeValue:
    """Return the value of OTLP's AnyValue.

    Parameters
    ----------
    data : Mapping
        The object; field names may be in either spelling, numbers may be text.

    Returns
    -------
    AttributeValue
        None for an empty object, or one whose type is not known.

    Raises
    ------
    ValueError
        When a number or base64 text cannot be read.

    Examples
    --------
    >>> decode_value({"intValue": "7"}), decode_value({"doubleValue": "NaN"}), decode_value({})
    (7, nan, None)
    """
    for field, item in data.items():
        decoder = _DECODERS.get(field)
        if decoder is not None and item is not None:
            return decoder(item)
    return None


def decode_attributes(attributes: Iterable[Mapping[str, Any]] | None) -> dict[str, AttributeValue]:
    """Return the attributes of OTLP's list of key and value.

    Parameters
    ----------
    attributes : iterable of Mapping, or None
        The list; of a key that is there twice the last one counts.

    Returns
    -------
    dict of str to AttributeValue
        The attributes.

    Examples
    --------
    >>> decode_attributes([{"key": "k", "value": {"stringValue": "v"}}])
    {'k': 'v'}
    """
    return {
        item.get("key") or "": decode_value(item.get("value") or {}) for item in attributes or ()
    }


def _decode_int(item: Any) -> int:
    try:
        return int(item)
    except ValueError:
        # Protobuf also allows 1e3 and 1.0.
        number = float(item)
        if not number.is_integer():
            raise
        return int(number)


def _decode_bytes(item: str) -> bytes:
    text = item.replace("-", "+").replace("_", "/")
    return binascii.a2b_base64(text + "=" * (-len(text) % 4))


def _decode_array(item: Mapping[str, Any]) -> list[AttributeValue]:
    return [decode_value(value or {}) for value in item.get("values") or ()]


def _decode_map(item: Mapping[str, Any]) -> dict[str, AttributeValue]:
    return decode_attributes(item.get("values"))


_DECODERS: dict[str, Callable[[Any], AttributeValue]] = {
    "stringValue": str,
    "boolValue": bool,
    "intValue": _decode_int,
    "doubleValue": float,
    "arrayValue": _decode_array,
    "kvlistValue": _decode_map,
    "bytesValue": _decode_bytes,
    "string_value": str,
    "bool_value": bool,
    "int_value": _decode_int,
    "double_value": float,
    "array_value": _decode_array,
    "kvlist_value": _decode_map,
    "bytes_value": _decode_bytes,
}
