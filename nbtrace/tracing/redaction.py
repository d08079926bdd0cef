r"""Redact secrets before anything is kept.

Values are redacted as trees, so that a secret under a key (``{"password": ...}``) goes whatever it
is, and the JSON stays valid whatever a secret contains. Texts that are JSON (a tool call's
arguments, a foreign span's attribute) are parsed, redacted as trees and written again, at any depth
of JSON inside JSON; all other text goes through ``secret_text``. One search over the JSON text
decides whether any of this is needed, which it seldom is.

>>> redact_text("Authorization: Bearer " + "abc123" * 4)
'Authorization: Bearer [REDACTED]'
>>> redact_json_text('{"arguments": "{\\"api_key\\": \\"x\\"}"}')
'{"arguments":"{\\"api_key\\":\\"[REDACTED]\\"}"}'
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.config import options
from nbtrace.tracing.secret_names import (
    REDACTED,
    NameKind,
    looks_like_credential,
    name_kind,
    set_extra_names,
)

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

# JSON inside JSON inside JSON: tool calls nest two or three deep.
MAX_JSON_LEVELS = 8
# `json.dumps` recurses; deeper values have been cut before they come here.
MAX_DEPTH = 200
# The shortest text with a secret in it is like `pwd=x`.
MIN_TEXT_CHARACTERS = 5

_SCHEMA_TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array", "null"})
_SCHEMA_SAMPLES = frozenset({"default", "const", "enum", "example", "examples"})
_SCHEMA_WORDS = frozenset({"type", "$ref", "anyOf", "oneOf", "allOf"})
_NAMING_KEYS = ("name", "key", "header", "Name", "Key")
_HEADERS = frozenset({"authorization", "cookie"})
_PAIR = 2
_HARMLESS = NameKind.HARMLESS
# Longer strings in a list are texts, not names.
_MAX_NAME_CHARACTERS = 64


class _Rules:
    """What `options` say, compiled; made anew when they change."""

    __slots__ = ("is_suspicious", "locator", "patterns", "version")

    def __init__(self) -> None:
        # compiling the patterns is for the first trace, not for the import of nbtrace
        from nbtrace.tracing.secret_patterns import Locator

        self.version = options.version
        self.patterns: tuple[re.Pattern[str], ...] = tuple(options.redact_patterns)
        set_extra_names(tuple(options.redact_keys))
        self.locator = Locator(tuple(options.redact_keys))
        gate = self.locator.is_suspicious
        # What a person's own pattern finds in a value need not be found in its JSON text.
        self.is_suspicious: Callable[[str], bool] = (lambda _: True) if self.patterns else gate


_rules: _Rules | None = None


def current_rules() -> _Rules:
    """Return the compiled rules, refreshed after ``configure``.

    Examples
    --------
    >>> current_rules().is_suspicious('{"password":"x"}')
    True
    """
    global _rules  # noqa: PLW0603 - compiled once for the process
    if _rules is None or _rules.version != options.version:
        _rules = _Rules()
    return _rules


def without_surrogates(text: str) -> str:
    r"""Return a text with its lone surrogates replaced, so that it can be written as UTF-8.

    Examples
    --------
    >>> without_surrogates("a\ud800b") == "a\ufffdb"
    True
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _redact_string(text: str, rules: _Rules, level: int) -> str:
    if len(text) < MIN_TEXT_CHARACTERS:
        return text
    for pattern in rules.patterns:
        text = pattern.sub(REDACTED, text)
    text = without_surrogates(text)
    if not rules.locator.is_suspicious(text):
        return text
    if level < MAX_JSON_LEVELS and text.lstrip()[:1] in {"{", "[", '"'}:
        redacted = _redact_json(text, rules, level + 1)
        if redacted is not None:
            return redacted
    from nbtrace.tracing.secret_text import redact_plain

    return redact_plain(text, rules.locator)


def _redact_json(text: str, rules: _Rules, level: int) -> str | None:
    """Redact a text that is JSON; None when it is not."""
    try:
        tree = orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError):
        return None
    redacted = _redact_tree(tree, rules, level, 0)
    if redacted is tree:
        return text
    try:
        # orjson reads integers beyond 64 bits as floats; json keeps every digit.
        redacted = _redact_tree(json.loads(text), rules, level, 0)
        return json.dumps(redacted, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return orjson.dumps(redacted).decode()


def _redact_tree(value: Any, rules: _Rules, level: int, depth: int) -> Any:
    """Redact plain data; what holds no secret is returned as it is, never changed in place."""
    kind = type(value)
    if kind is str:
        return _redact_string(value, rules, level)
    if kind is dict:
        return _redact_dict(value, rules, level, depth)
    if kind is list or kind is tuple:
        return _redact_list(value, rules, level, depth)
    return value


def _redact_dict(
    tree: dict[str, Any], rules: _Rules, level: int, depth: int, under: NameKind = _HARMLESS
) -> dict[str, Any]:
    """Redact a mapping that stands under a name of a kind."""
    if depth >= MAX_DEPTH:
        return {"…": REDACTED}
    named = _named_entry(tree)
    schema = under is not _HARMLESS and _is_schema(tree)
    changed: dict[str, Any] = {}
    renamed: dict[str, str] = {}
    for key, value in tree.items():
        kind = max(
            name_kind(key),
            named if key == "value" else _HARMLESS,
            _HARMLESS if schema and key not in _SCHEMA_SAMPLES else under,
        )
        redacted = _redact_under(value, kind, key, rules, level, depth + 1)
        if redacted is not value:
            changed[key] = redacted
        name = _redact_string(key, rules, level)
        if name != key:
            renamed[key] = name
    if not changed and not renamed:
        return tree
    if not renamed:
        return {**tree, **changed}
    return _renamed({**tree, **changed}, renamed)


def _renamed(tree: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in tree.items():
        name = names.get(key, key)
        while name in result:  # two keys that differ in their secrets only
            name += "'"
        result[name] = value
    return result


def _redact_list(
    tree: Any, rules: _Rules, level: int, depth: int, under: NameKind = _HARMLESS
) -> Any:
    """Redact a list that stands under a name of a kind."""
    if depth >= MAX_DEPTH:
        return [REDACTED]
    redacted = []
    changed = False
    before = _HARMLESS
    pair = len(tree) == _PAIR
    for position, value in enumerate(tree):
        # ["authorization", "..."] is a raw header, ["--password", "..."] a command line.
        item = _redact_under(value, max(before, under), "", rules, level, depth + 1)
        changed = changed or item is not value
        redacted.append(item)
        before = _HARMLESS
        if type(value) is str and len(value) < _MAX_NAME_CHARACTERS:
            if value.startswith("--"):
                before = name_kind(value)
            elif pair and position == 0 and name_kind(value) is not _HARMLESS:
                header = "-" in value or value.lower() in _HEADERS
                before = NameKind.STRONG if header else NameKind.WEAK
    return redacted if changed else tree


def _redact_under(  # noqa: PLR0913, PLR0917 - what the walk carries
    value: Any, kind: NameKind, key: str, rules: _Rules, level: int, depth: int
) -> Any:
    if kind is _HARMLESS:
        return _redact_tree(value, rules, level, depth)
    return _conceal(value, kind, key, rules, level, depth)


def _named_entry(tree: dict[str, Any]) -> NameKind:
    """Return the kind of the name in ``{"name": "api_key", "value": ...}``."""
    if "value" in tree:
        for key in _NAMING_KEYS:
            name = tree.get(key)
            if type(name) is str:
                return name_kind(name)
    return _HARMLESS


def _is_schema(tree: dict[str, Any]) -> bool:
    """Return whether a mapping describes a value, as a tool's parameters do, and is none."""
    kind = tree.get("type")
    if type(kind) is str:
        return kind in _SCHEMA_TYPES
    return not _SCHEMA_WORDS.isdisjoint(tree)


def _conceal(  # noqa: PLR0911, PLR0913, PLR0917 - one line per type reads best
    value: Any, kind: NameKind, key: str, rules: _Rules, level: int, depth: int
) -> Any:
    """Redact a value because of the name it stands under."""
    of_type = type(value)
    if value is None or of_type is bool or value in ("", REDACTED):
        return value
    if of_type is str:
        if kind is NameKind.STRONG or looks_like_credential(value):
            return REDACTED
        return _redact_string(value, rules, level)
    if of_type is int or of_type is float:
        # {"cookies": 3} counts; {"password": 1234} does not.
        counts = kind is NameKind.WEAK or key.lower().endswith("s")
        return value if counts else REDACTED
    if depth >= MAX_DEPTH:
        return REDACTED
    if of_type is dict:
        return _redact_dict(value, rules, level, depth, kind)
    if of_type is list or of_type is tuple:
        if kind is NameKind.WEAK and key.lower() == "auth" and len(value) == _PAIR:
            password = _redact_under(value[1], NameKind.STRONG, "", rules, level, depth + 1)
            return value if password is value[1] else [value[0], password]
        return _redact_list(value, rules, level, depth, kind)
    return value


def redact_value(value: Any) -> Any:
    """Return plain data without its secrets, as new data where something was redacted.

    Parameters
    ----------
    value : object
        Nested dicts, lists, tuples, strings, numbers, booleans and None; nothing in it is changed.

    Returns
    -------
    object
        The value itself when it holds no secret or redaction is off.

    Examples
    --------
    >>> redact_value({"user": "ada", "password": "x"})
    {'user': 'ada', 'password': '[REDACTED]'}
    """
    if not options.redact:
        return value
    return _redact_tree(value, current_rules(), 0, 0)


def redact_text(text: str) -> str:
    """Return a text without its secrets.

    Parameters
    ----------
    text : str
        Prose, source code, a log, a URL, or JSON, which stays valid.

    Returns
    -------
    str
        The text itself when it holds no secret or redaction is off.

    Examples
    --------
    >>> redact_text("postgres://ada:hunter2@localhost/db")
    'postgres://ada:[REDACTED]@localhost/db'
    """
    if not options.redact:
        return text
    try:
        return _redact_string(text, current_rules(), 0)
    except Exception as error:  # the stack's end; what was not looked at must not be kept
        return f"[nbtrace: not recorded, redaction failed with {type(error).__name__}]"


def redact_json_text(text: str) -> str:
    """Return a JSON text without its secrets, still JSON; other text as ``redact_text`` does.

    Parameters
    ----------
    text : str
        What an attribute of a span holds.

    Returns
    -------
    str
        The text itself, untouched to the last space, when it holds no secret.

    Examples
    --------
    >>> redact_json_text('{"password": "x", "k": 1}')
    '{"password":"[REDACTED]","k":1}'
    """
    return redact_text(text)
