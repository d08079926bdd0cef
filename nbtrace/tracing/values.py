"""Values to JSON text: a snapshot, bounded, redacted.

Most values of a span are small and plain: a few scalars in a dict. For these ``encode_json`` looks
at the types, lets orjson write, and searches the text once for anything that could be a secret;
that is the whole cost. Everything else goes through ``Snapshot``, which knows each type, cuts and
marks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.config import MIN_MEDIA_CHARACTERS, options
from nbtrace.tracing.encoders import find_encoder
from nbtrace.tracing.redaction import (
    FAILED,
    current_rules,
    redact_text,
    redact_value,
    without_surrogates,
)
from nbtrace.tracing.secret_names import NameKind, name_kind
from nbtrace.tracing.snapshot import MAX_KEY_CHARACTERS, Snapshot, cut_text, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbtrace.store.taken_out import TakenOut
    from nbtrace.tracing.active import ActiveTrace

# A value is small when its texts and nodes add up to less than this; the limits on nodes, depth and
# strings that a person may set lower are kept by shrinking it.
FAST_CHARACTERS = 20_000
FAST_DEPTH = 12
# A longer JSON text takes too long to parse, and is cut as text.
MAX_PARSED_CHARACTERS = 1_000_000
# What a container or a number counts beside texts.
_NODE = 4
# A dict of so few items, its texts so short, is written at once: its JSON text tells its size.
_FEW_ITEMS = 16
_SHORT_TEXT = 1_000
# One item that is not plain.
_NOT_FEW: tuple[Any, ...] = ((),)

_SMALL_INTEGER = 10**100
_INT64 = 2**63
# Programs have hundreds of distinct keys; a text with data in it must not fill the memory as a key.
MAX_CACHED_KEYS = 4_096
_SCALARS = frozenset({float, bool, type(None)})

_dumps = orjson.dumps
_version = -1
_fast_characters = 0
_fast_depth = 0
_is_suspicious: Callable[[str], bool] = bool
_short_gate: Callable[[str], bool] = bool
_min_long = 0


def _refresh() -> None:
    global _version, _fast_characters, _fast_depth  # noqa: PLW0603 - see below
    global _is_suspicious, _short_gate, _min_long  # noqa: PLW0603 - see below
    # Globals cost a third of attributes on the hot path.
    rules = current_rules()
    _is_suspicious, _short_gate = rules.is_suspicious, rules.short_gate
    _min_long = rules.min_long
    _fast_characters = min(
        FAST_CHARACTERS,
        options.max_string_characters,
        options.max_value_bytes // 2,
        options.max_value_nodes * _NODE,
    )
    _fast_depth = min(FAST_DEPTH, options.max_value_depth)
    _version = options.version
    _keys.clear()


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


def is_small(value: Any) -> bool:
    """Return whether a value is plain data and small, so that even ``str()`` of it costs nothing.

    Examples
    --------
    >>> is_small([1, "a"]), is_small("x" * 1_000_000), is_small(object())
    (True, False, False)
    """
    if options.version != _version:
        _refresh()
    kind = type(value)
    try:
        if kind is dict or kind is list:
            small = _room_after(value, _fast_characters, _fast_depth) >= 0
            return small and bool(_dumps(value))  # refuses integers of any size
        if kind is int:
            return bool(-_SMALL_INTEGER < value < _SMALL_INTEGER)
        return (kind is str and len(value) <= _fast_characters) or kind in _SCALARS
    except Exception:  # a key without a length, a dict changed meanwhile
        return False


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


def encode_json(value: Any, trace: ActiveTrace | None = None) -> str:  # noqa: C901 - calls cost more than branches here
    """Return the JSON text of a value as it is now.

    Parameters
    ----------
    value : object
        Anything. It is not changed, copied deeply, consumed or kept.
    trace : ActiveTrace, optional
        Keeps pictures, sound and binary data, to which the text then refers; without one they are
        cut as texts are.

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
            # Most spans' inputs are a few scalars and short texts.
            small = True
            for item in value.values() if len(value) <= _FEW_ITEMS else _NOT_FEW:
                kind = type(item)
                if kind is str:
                    if len(item) > _SHORT_TEXT:
                        small = False
                elif kind is not int and kind is not bool and item is not None:
                    small = small and kind is float and item - item == 0.0
            text = _dumps(value).decode() if small else ""
            if not small or len(text) > _fast_characters:
                # the top dict counts as no level
                if _room_after(value, _fast_characters, _fast_depth + 1) < 0:
                    return _encode_slowly(value, trace)
                text = _dumps(value).decode()
            ask = _is_suspicious if len(text) >= _min_long else _short_gate
            return _redacted(text) if ask(text) else text
        if type(value) is str:
            if len(value) > _fast_characters:
                return _encode_slowly(value, trace)
        elif not _is_plain(value):
            return _encode_slowly(value, trace)
        text = _dumps(value).decode()
    except Exception:  # an integer beyond 64 bits, a lone surrogate, a dict changed meanwhile
        return _encode_slowly(value, trace)
    ask = _is_suspicious if len(text) >= _min_long else _short_gate
    return _redacted(text) if ask(text) else text


def _redacted(text: str) -> str:
    """Redact the JSON text of a value: the value itself may have changed since it was written."""
    try:
        tree = orjson.loads(text)
        redacted = redact_value(tree)
        return text if redacted is tree else _dumps(redacted).decode()
    except Exception as error:
        return _not_recorded(text, error)


def _may_hold_media(text: str) -> bool:
    if len(text) < MIN_MEDIA_CHARACTERS:
        return False
    # imported here: most programs have no such text
    from nbtrace.entities.media import may_hold_media

    return may_hold_media(text)


def _taken_out(trace: ActiveTrace | None) -> TakenOut | None:
    if trace is None or not options.extract_attachments:
        return None
    # imported here: most processes have no such values
    from nbtrace.store.taken_out import TakenOut

    return TakenOut(trace.attachments, redact_text)


def _encode_slowly(value: object, trace: ActiveTrace | None) -> str:
    taken = _taken_out(trace)
    try:
        text = _write(Snapshot(find_encoder, taken=taken).walk(value))
        if _is_suspicious(text):
            text = _redacted(text)
        return text if taken is None else str(taken.kept(text))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # tracing never breaks the traced code
        return _not_recorded(value, error)


def _not_recorded(value: object, error: BaseException) -> str:
    # Not a part of the value either: what could not be read could not be redacted.
    name = f"<{type_name(type(value))}: could not be recorded, {type(error).__name__}>"
    return _dumps(without_surrogates(name)).decode()


def _attribute_text(text: str, taken: TakenOut | None) -> str:
    if taken is not None:
        text = taken.text(text)
    if len(text) <= options.max_string_characters:
        return redact_text(text)
    if len(text) <= MAX_PARSED_CHARACTERS and text[:1] in {"{", "["}:
        try:
            return encode_json(orjson.loads(text))  # cut inside, so that it stays JSON
        except orjson.JSONDecodeError:
            pass
    return cut_text(text, options.max_string_characters)


_keys: dict[str, str] = {}


def attribute_key(key: object) -> str:
    """Return the key of an attribute as it is kept: bounded, redacted, without lone surrogates.

    Parameters
    ----------
    key : object
        What was given; OpenTelemetry wants a text.

    Examples
    --------
    >>> attribute_key("gen_ai.system"), attribute_key("password=hunter2")
    ('gen_ai.system', 'password=[REDACTED]')
    """
    if options.version != _version:
        _refresh()
    if type(key) is not str:
        key = str(orjson.loads(_dumps(Snapshot(find_encoder).key(key))))
    kept = _keys.get(key)
    if kept is None:
        kept = redact_text(without_surrogates(cut_text(key, MAX_KEY_CHARACTERS)))
        if len(_keys) >= MAX_CACHED_KEYS:
            _keys.clear()
        # The stack's end is here once: the next time the key can be looked at.
        if len(key) <= MAX_KEY_CHARACTERS and not kept.startswith(FAILED):
            _keys[key] = kept
    return kept


def encode_attribute(value: Any, key: str = "", trace: ActiveTrace | None = None) -> Any:
    """Return a value as OTLP can hold it, typed where it is plain.

    Parameters
    ----------
    value : object
        Anything.
    key : str
        Of the attribute; the value under the name of a secret is replaced.
    trace : ActiveTrace, optional
        Keeps pictures, sound and binary data, as for ``encode_json``.

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
    if kind is bool or kind is float or value is None:
        return value
    if kind is int:
        in_range = -_INT64 <= value < _INT64
        return value if in_range else Snapshot(find_encoder, typed=True).integer(value)
    if options.version != _version:
        _refresh()
    try:
        if key and options.redact and name_kind(key) is not NameKind.HARMLESS:
            return redact_value({key: Snapshot(find_encoder, typed=True).walk(value)})[key]
        if trace is None or (kind is str and not _may_hold_media(value)):
            return _encode_attribute(value)
        taken = _taken_out(trace)
        encoded = _encode_attribute(value, taken, trace)
        return encoded if taken is None else taken.kept(encoded)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # tracing never breaks the traced code
        return orjson.loads(_not_recorded(value, error))


def _encode_attribute(
    value: Any, taken: TakenOut | None = None, trace: ActiveTrace | None = None
) -> Any:
    kind = type(value)
    if kind is str:
        return _attribute_text(value, taken)
    tree = redact_value(Snapshot(find_encoder, typed=True, taken=taken).walk(value))
    if kind is list or kind is tuple or kind is dict or type(tree) not in {list, dict}:
        return tree
    return encode_json(value, trace)


def encode_each(attributes: Mapping[Any, Any], trace: ActiveTrace | None = None) -> dict[str, Any]:
    """Return attributes as OTLP can hold them, keys and values redacted.

    Parameters
    ----------
    attributes : mapping
        Of a span, an event, a link, a resource.
    trace : ActiveTrace, optional
        Keeps pictures, sound and binary data, as for ``encode_json``.

    Examples
    --------
    >>> encode_each({"k": 1, "password": "x"})
    {'k': 1, 'password': '[REDACTED]'}
    """
    return {
        attribute_key(key): encode_attribute(value, key if type(key) is str else "", trace)
        for key, value in attributes.items()
    }
