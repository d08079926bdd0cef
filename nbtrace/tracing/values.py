"""Values to JSON text: a snapshot, bounded, redacted.

Most values of a span are small and plain: a few scalars in a dict. For these ``encode_json`` looks
at the types, lets orjson write, and searches the text once for anything that could be a secret;
that is the whole cost. Everything else goes through ``Snapshot``, which knows each type, cuts and
marks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.config import options
from nbtrace.tracing.encoders import find_encoder
from nbtrace.tracing.redaction import (
    current_rules,
    redact_text,
    redact_value,
    without_surrogates,
)
from nbtrace.tracing.secret_names import NameKind, name_kind
from nbtrace.tracing.snapshot import Snapshot, cut_text, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

# A value is small when its texts and nodes add up to less than this; the limits on nodes, depth and
# strings that a person may set lower are kept by shrinking it.
FAST_CHARACTERS = 20_000
FAST_DEPTH = 12
# A longer JSON text takes too long to parse, and is cut as text.
MAX_PARSED_CHARACTERS = 4_000_000
# What a container or a number counts beside texts.
_NODE = 4
# One item that is not plain.
_TOO_LARGE: tuple[tuple[str, Any], ...] = (("", ()),)

_dumps = orjson.dumps
_version = -1
_fast_characters = 0
_fast_depth = 0
_is_suspicious: Callable[[str], bool] = bool


def _refresh() -> None:
    global _version, _fast_characters, _fast_depth, _is_suspicious  # noqa: PLW0603 - see below
    # Globals cost a third of attributes on the hot path.
    _is_suspicious = current_rules().is_suspicious
    _fast_characters = min(
        FAST_CHARACTERS,
        options.max_string_characters,
        options.max_value_bytes // 2,
        options.max_value_nodes * _NODE,
    )
    _fast_depth = min(FAST_DEPTH, options.max_value_depth)
    _version = options.version


def _room_after(value: Any, room: int, depth: int) -> int:
    """Return how much room a plain list or dict leaves; negative when it is large or not plain.

    A key without a length raises, one that is no text is refused by orjson: both go the slow way.
    """
    room -= len(value) * _NODE
    if depth <= 0 or room < 0:
        return -1
    if type(value) is dict:
        room -= sum(map(len, value))
        value = value.values()
    for item in value:
        kind = type(item)
        if kind is str:
            room -= len(item)
        elif kind is int or kind is bool or item is None:
            continue
        elif kind is dict or kind is list:
            room = _room_after(item, room, depth - 1)
        elif kind is not float or item - item != 0.0:  # orjson writes null for NaN
            return -1
        if room < 0:
            return -1
    return room


def _is_plain(value: Any) -> bool:
    """Return whether orjson can write a value, no dict and no text, as it is and at once."""
    kind = type(value)
    if kind is list:
        return _room_after(value, _fast_characters, _fast_depth) >= 0
    if kind is float:
        return bool(value - value == 0.0)
    return kind is int or kind is bool or value is None


def _write(tree: Any) -> str:
    try:
        return _dumps(tree).decode()
    except TypeError:  # lone surrogates
        return _dumps(_cleaned(tree)).decode()


def _cleaned(tree: Any) -> Any:
    if type(tree) is str:
        return without_surrogates(tree)
    if type(tree) is list:
        return [_cleaned(item) for item in tree]
    if type(tree) is dict:
        return {_cleaned(key): _cleaned(item) for key, item in tree.items()}
    return tree


def encode_json(value: Any) -> str:  # noqa: C901 - calls cost more than branches here
    """Return the JSON text of a value as it is now.

    Parameters
    ----------
    value : object
        Anything. It is not changed, copied deeply, consumed or kept.

    Returns
    -------
    str
        JSON, within the limits of ``nbtrace.config.options``, each cut marked, secrets replaced.

    Examples
    --------
    >>> encode_json({"question": "why?", "k": 3, "password": "x", "score": float("nan")})
    '{"question":"why?","k":3,"password":"[REDACTED]","score":"NaN"}'
    """
    if options.version != _version:
        _refresh()
    try:
        if type(value) is dict:
            # As _room_after does, without its call: most spans' inputs are such a dict.
            room = _fast_characters - len(value) * _NODE
            for key, item in value.items() if room >= 0 else _TOO_LARGE:
                if type(item) is str:
                    room -= len(item) + len(key)
                elif (kind := type(item)) is int or kind is bool or item is None:
                    room -= len(key)
                elif kind is dict or kind is list:
                    room = _room_after(item, room - len(key), _fast_depth)
                elif kind is not float or item - item != 0.0:
                    return _encode_slowly(value)
                if room < 0:
                    return _encode_slowly(value)
        elif type(value) is str:
            if len(value) > _fast_characters:
                return _encode_slowly(value)
        elif not _is_plain(value):
            return _encode_slowly(value)
        text = _dumps(value).decode()
    except Exception:  # an integer beyond 64 bits, a lone surrogate, a dict changed meanwhile
        return _encode_slowly(value)
    return _redacted(text) if _is_suspicious(text) else text


def _redacted(text: str) -> str:
    """Redact the JSON text of a value: the value itself may have changed since it was written."""
    try:
        tree = orjson.loads(text)
        redacted = redact_value(tree)
        return text if redacted is tree else _dumps(redacted).decode()
    except Exception as error:
        return _not_recorded(text, error)


def _encode_slowly(value: object) -> str:
    try:
        text = _write(Snapshot(find_encoder).walk(value))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # tracing never breaks the traced code
        return _not_recorded(value, error)
    return _redacted(text) if _is_suspicious(text) else text


def _not_recorded(value: object, error: BaseException) -> str:
    # Not a part of the value either: what could not be read could not be redacted.
    name = f"<{type_name(type(value))}: could not be recorded, {type(error).__name__}>"
    return _dumps(without_surrogates(name)).decode()


def _attribute_text(text: str) -> str:
    if len(text) <= options.max_string_characters:
        return redact_text(text)
    if len(text) <= MAX_PARSED_CHARACTERS and text[:1] in {"{", "["}:
        try:
            return encode_json(orjson.loads(text))  # cut inside, so that it stays JSON
        except orjson.JSONDecodeError:
            pass
    return cut_text(text, options.max_string_characters)


def encode_attribute(value: Any, key: str = "") -> Any:
    """Return a value as OTLP can hold it, typed where it is plain.

    Parameters
    ----------
    value : object
        Anything.
    key : str
        Of the attribute; the value under the name of a secret is replaced.

    Returns
    -------
    str, bool, int, float, bytes, None, list or dict
        Within the limits, redacted; an object that is none of these becomes text, JSON if it has
        parts.

    Examples
    --------
    >>> encode_attribute(3), encode_attribute([1, "a"]), encode_attribute("x", "api_key")
    (3, [1, 'a'], '[REDACTED]')
    """
    kind = type(value)
    if kind is int or kind is bool or kind is float or value is None:
        return value
    if options.version != _version:
        _refresh()
    try:
        if key and options.redact and name_kind(key) is not NameKind.HARMLESS:
            return redact_value({key: Snapshot(find_encoder, typed=True).walk(value)})[key]
        if kind is str:
            return _attribute_text(value)
        tree = redact_value(Snapshot(find_encoder, typed=True).walk(value))
        if kind is list or kind is tuple or kind is dict or type(tree) not in {list, dict}:
            return tree
        return encode_json(value)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # tracing never breaks the traced code
        return orjson.loads(_not_recorded(value, error))
