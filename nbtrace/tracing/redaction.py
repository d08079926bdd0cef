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

import contextlib
import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.config import options
from nbtrace.otel import importing
from nbtrace.tracing.secret_names import (
    REDACTED,
    NameKind,
    looks_like_credential,
    name_kind,
    set_extra_names,
)
from nbtrace.tracing.secret_shapes import SCHEMA_SAMPLES, is_schema, named_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbtrace.tracing.secret_patterns import Locator
    from nbtrace.tracing.secret_text import Allowance

# JSON inside JSON inside JSON: tool calls nest two or three deep.
MAX_JSON_LEVELS = 8
# `json.dumps` recurses; deeper values have been cut before they come here.
MAX_DEPTH = 200
# The shortest text with a secret in it is like `pwd=x`.
MIN_TEXT_CHARACTERS = 5

_HEADERS = frozenset({"authorization", "cookie"})
_PAIR = 2
# What stands for a text that could not be examined begins so.
FAILED = "[nbtrace: not recorded, redaction failed with"
_PAIRS = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LONE = re.compile("[\ud800-\udfff]+")
# A text that is JSON and suspicious is parsed, which takes as long as judging so many places.
_JSON_PLACES = 4
# A container with more children is searched in pieces of so many, as JSON text, and only what is
# suspicious is walked: that costs a tenth of walking it.
_PIECE = 64
# Where secrets are about, long texts up to this are searched at once; of others it is faster to ask
# first whether there is anything.
MAX_SEARCHED_CHARACTERS = 4_096
_JSON_BEGINNINGS = frozenset('{["\n\r\t\v\f ')
_HARMLESS = NameKind.HARMLESS
# Longer strings in a list are texts, not names.
_MAX_NAME_CHARACTERS = 64


class _Rules:
    """What `options` say, compiled; made anew when they change."""

    def __init__(self) -> None:
        # compiling the patterns is for the first trace, not for the import of nbtrace
        from nbtrace.tracing.secret_patterns import MIN_LONG_CHARACTERS, Locator, searcher
        from nbtrace.tracing.secret_text import Allowance, redact_plain, unexamined

        self.version = options.version
        self.patterns: tuple[re.Pattern[str], ...] = tuple(options.redact_patterns)
        set_extra_names(tuple(options.redact_keys))
        self.locator = Locator(tuple(options.redact_keys))
        self.redact_plain = redact_plain
        self.new_allowance = Allowance
        self.unexamined = unexamined
        gate = self.locator.is_suspicious
        # orjson reads an integer beyond 64 bits as a float
        self.has_long_number = searcher("[0-9]{19}")
        # What a person's own pattern finds in a value need not be found in its JSON text.
        self.is_suspicious: Callable[[str], bool] = (lambda _: True) if self.patterns else gate
        # the same, for texts shorter than `min_long`
        self.short_gate = self.is_suspicious if self.patterns else self.locator.short_gate
        self.min_long = MIN_LONG_CHARACTERS


class _Walk:
    """The redaction of one value: the rules, and how much may still be examined."""

    __slots__ = ("allowance", "keys", "locator", "patterns", "rules")

    def __init__(self, rules: _Rules) -> None:
        self.rules = rules
        self.patterns = rules.patterns
        self.locator: Locator = rules.locator
        self.allowance: Allowance | None = None
        # what each key says of its value, and how it is written itself
        self.keys: dict[str, tuple[NameKind, str]] = {}


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
        # the engine that compiles them sets itself up at the first use, and a child of a fork
        # that came in between would wait for that for ever
        with importing.held():
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
        text = _PAIRS.sub(
            lambda pair: pair.group().encode("utf-16", "surrogatepass").decode("utf-16"), text
        )
        return _LONE.sub(lambda run: "\ufffd" * len(run.group()), text)
    return text


def _redact_string(text: str, walk: _Walk, level: int) -> str:
    if len(text) < MIN_TEXT_CHARACTERS:
        return text
    for pattern in walk.patterns:
        text = pattern.sub(REDACTED, text)
    if not text.isascii():
        text = without_surrogates(text)
    allowance = walk.allowance
    if (
        allowance is not None
        and allowance.places >= 0
        and walk.rules.min_long <= len(text) <= MAX_SEARCHED_CHARACTERS
        and text[0] not in _JSON_BEGINNINGS
    ):
        return walk.rules.redact_plain(text, walk.locator, allowance)
    if walk.locator.is_suspicious(text):
        return _redact_suspicious(text, walk, level)
    if allowance is not None:
        allowance.read(len(text))
    return text


def _redact_suspicious(text: str, walk: _Walk, level: int) -> str:
    if walk.allowance is None:
        walk.allowance = walk.rules.new_allowance()
    if walk.allowance.places < 0:
        return walk.rules.unexamined(len(text))
    if level < MAX_JSON_LEVELS and text.lstrip()[:1] in {"{", "[", '"'}:
        walk.allowance.places -= _JSON_PLACES
        redacted = _redact_json(text, walk, level + 1)
        if redacted is not None:
            return redacted
    return walk.rules.redact_plain(text, walk.locator, walk.allowance)


def _redact_json(text: str, walk: _Walk, level: int) -> str | None:
    """Redact a text that is JSON; None when it is not."""
    try:
        tree = orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError):
        return None
    redacted = _redact_tree(tree, walk, level, 0)
    if redacted is tree:
        return text
    if walk.rules.has_long_number(text):
        # orjson reads integers beyond 64 bits as floats; json keeps every digit.
        with contextlib.suppress(ValueError, RecursionError):
            redacted = _redact_tree(json.loads(text), walk, level, 0)
            return json.dumps(redacted, ensure_ascii=False, separators=(",", ":"))
    return orjson.dumps(redacted).decode()


def _redact_tree(value: Any, walk: _Walk, level: int, depth: int) -> Any:
    """Redact plain data; what holds no secret is returned as it is, never changed in place."""
    kind = type(value)
    if kind is str:
        return _redact_string(value, walk, level)
    if kind is dict:
        return _redact_dict(value, walk, level, depth)
    if kind is list or kind is tuple:
        return _redact_list(value, walk, level, depth)
    return value


def _is_harmless(piece: Any, walk: _Walk) -> bool:
    """Return whether a piece of plain data, searched as JSON text, holds no place of a secret."""
    try:
        text = orjson.dumps(piece).decode()
    except (TypeError, RecursionError):  # bytes, lone surrogates
        return False
    harmless = not walk.rules.is_suspicious(text)
    if harmless and walk.allowance is not None:
        walk.allowance.read(len(text))
    return harmless


def _suspicious_entries(tree: dict[str, Any], walk: _Walk) -> Iterator[tuple[str, Any]]:
    """Yield the entries of a large mapping, without pieces of it that hold no secret."""
    entries = iter(tree.items())
    while piece := dict(islice(entries, _PIECE)):
        if not _is_harmless(piece, walk):
            yield from piece.items()


def _redact_dict(
    tree: dict[str, Any], walk: _Walk, level: int, depth: int, under: NameKind = _HARMLESS
) -> dict[str, Any]:
    """Redact a mapping that stands under a name of a kind."""
    if depth >= MAX_DEPTH:
        return {"…": REDACTED}
    named = named_value(tree)
    schema = under is not _HARMLESS and is_schema(tree)
    changed: dict[str, Any] = {}
    renamed: dict[str, str] = {}
    large = len(tree) > _PIECE and named is under is _HARMLESS
    for key, value in _suspicious_entries(tree, walk) if large else tree.items():
        known = walk.keys.get(key)
        if known is None:
            known = walk.keys[key] = (name_kind(key), _redact_string(key, walk, level))
        kind, name = known
        if named is not _HARMLESS and key == "value":
            kind = max(kind, named)
        if under is not _HARMLESS and not (schema and key not in SCHEMA_SAMPLES):
            kind = max(kind, under)
        redacted = _redact_under(value, kind, key, walk, level, depth + 1)
        if redacted is not value:
            changed[key] = redacted
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
    tree: Any, walk: _Walk, level: int, depth: int, under: NameKind = _HARMLESS
) -> Any:
    """Redact a list that stands under a name of a kind."""
    if depth >= MAX_DEPTH:
        return [REDACTED]
    redacted: list[Any] = []
    changed = False
    before = _HARMLESS
    pair = len(tree) == _PAIR
    large = len(tree) > _PIECE and under is _HARMLESS
    for start in range(0, len(tree), _PIECE):
        piece = tree[start : start + _PIECE]
        # one more than is skipped: a flag and its value are looked at together
        if large and before is _HARMLESS and _is_harmless(tree[start : start + _PIECE + 1], walk):
            redacted += piece
            continue
        for value in piece:
            # ["authorization", "..."] is a raw header, ["--password", "..."] a command line.
            if type(value) is str and before is under is _HARMLESS:
                item = _redact_string(value, walk, level)
            else:
                item = _redact_under(value, max(before, under), "", walk, level, depth + 1)
            changed = changed or item is not value
            before = _HARMLESS
            if type(value) is str and len(value) < _MAX_NAME_CHARACTERS:
                if value.startswith("--"):
                    before = name_kind(value)
                elif pair and not redacted and name_kind(value) is not _HARMLESS:
                    header = "-" in value or value.lower() in _HEADERS
                    before = NameKind.STRONG if header else NameKind.WEAK
            redacted.append(item)
    return redacted if changed else tree


def _redact_under(  # noqa: PLR0913, PLR0917 - what the walk carries
    value: Any, kind: NameKind, key: str, walk: _Walk, level: int, depth: int
) -> Any:
    if kind is _HARMLESS:
        return _redact_tree(value, walk, level, depth)
    return _conceal(value, kind, key, walk, level, depth)


def _conceal(  # noqa: PLR0911, PLR0913, PLR0917 - one line per type reads best
    value: Any, kind: NameKind, key: str, walk: _Walk, level: int, depth: int
) -> Any:
    """Redact a value because of the name it stands under."""
    of_type = type(value)
    if value is None or of_type is bool or value in ("", REDACTED):
        return value
    if of_type is str:
        if kind is NameKind.STRONG or looks_like_credential(value):
            return REDACTED
        return _redact_string(value, walk, level)
    if of_type is int or of_type is float:
        # {"cookies": 3} counts; {"password": 1234} does not.
        counts = kind is NameKind.WEAK or key.lower().endswith("s")
        return value if counts else REDACTED
    if depth >= MAX_DEPTH:
        return REDACTED
    if of_type is dict:
        return _redact_dict(value, walk, level, depth, kind)
    if of_type is list or of_type is tuple:
        if kind is NameKind.WEAK and key.lower() == "auth" and len(value) == _PAIR:
            password = _redact_under(value[1], NameKind.STRONG, "", walk, level, depth + 1)
            return value if password is value[1] else [value[0], password]
        return _redact_list(value, walk, level, depth, kind)
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
    return _redact_tree(value, _Walk(current_rules()), 0, 0)


def redact_text(text: str) -> str:
    """Return a text without its secrets.

    Parameters
    ----------
    text : str
        Prose, source code, a log, a URL, or JSON, which stays valid; it comes back itself when it
        holds no secret or redaction is off.

    Examples
    --------
    >>> redact_text("postgres://ada:hunter2@localhost/db")
    'postgres://ada:[REDACTED]@localhost/db'
    """
    if not options.redact:
        return text
    try:
        return _redact_string(text, _Walk(current_rules()), 0)
    except Exception as error:  # the stack's end; what was not looked at must not be kept
        return f"{FAILED} {type(error).__name__}]"


def redact_json_text(text: str) -> str:
    """Return a JSON text without its secrets, still JSON; other text as ``redact_text`` does.

    Examples
    --------
    >>> redact_json_text('{"password": "x", "k": 1}')
    '{"password":"[REDACTED]","k":1}'
    """
    return redact_text(text)
