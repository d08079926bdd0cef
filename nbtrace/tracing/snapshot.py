"""Turn any value into plain data, within bounds, at a cost that is its own.

A ``Snapshot`` walks a value and builds dicts, lists, strings and numbers that JSON can hold. It
never changes, copies deeply or keeps what it walks. The nodes and characters it may spend are
shared out: each child of a container gets an equal part of what is left, and what a child does not
use goes to those after it, so that one enormous value cannot push its siblings out. Every cut is
marked with how much was kept of how much.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from nbtrace.config import options
from nbtrace.tracing.redaction import redact_text
from nbtrace.tracing.secret_names import REDACTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nbtrace.store.taken_out import TakenOut

    Encoder = Callable[[Any, "Snapshot", int], Any]

CYCLE = "[cycle]"
# The key that stands for the entries of a dict which were left out.
CUT_KEY = "…"
# A text is redacted this far beyond the cut, so that no half of a secret is left before it; the
# longest secrets are private keys of about 3 kB and signed tokens of up to 8 kB.
REDACTION_MARGIN = 8_192
# However many siblings there are, a child may have so much: a message, a row, a short text.
MIN_SHARED_NODES = 64
MIN_SHARED_CHARACTERS = 1_024
MAX_KEY_CHARACTERS = 1_000
# Rows, messages and settings are small dicts of plain values, and are copied at once.
MAX_FLAT_ENTRIES = 32
# What a number, a bracket or a quote adds to the size, about.
NODE_CHARACTERS = 4
# One of so many short texts in a container, and its last, tells how much JSON escapes in the next.
SAMPLED = 16
# Digits take quadratic time to write; keys have up to 4,096 bits.
MAX_INTEGER_BITS = 4_300
_INT64_MIN = -(2**63)
_UINT64_MAX = 2**64 - 1


def cut_mark(kept: int, total: int, unit: str) -> str:
    """Return the mark of a cut.

    Parameters
    ----------
    kept, total : int
        How many of how many.
    unit : str
        Of what, in the plural.

    Examples
    --------
    >>> cut_mark(1_000, 1_000_000, "items")
    '… [nbtrace: 1,000 of 1,000,000 items kept]'
    """
    return f"… [nbtrace: {kept:,} of {total:,} {unit} kept]"


def type_name(kind: type) -> str:
    """Return the qualified name of a type, without ``builtins``.

    Examples
    --------
    >>> type_name(dict), type_name(Snapshot)
    ('dict', 'nbtrace.tracing.snapshot.Snapshot')
    """
    module = getattr(kind, "__module__", None)
    name = getattr(kind, "__qualname__", None) or "object"
    named = type(module) is str and module != "builtins"
    return f"{module}.{name}" if named else str(name)


def cut_text(text: str, limit: int) -> str:
    """Return at most the first characters of a text, redacted before the cut, which is marked.

    Parameters
    ----------
    text : str
        Of any length; only its beginning is read.
    limit : int
        Characters to keep, without the mark.

    Examples
    --------
    >>> cut_text("abcdef", 3)
    'abc… [nbtrace: 3 of 6 characters kept]'
    """
    total = len(text)
    if total <= limit:
        return text
    head = text[: limit + REDACTION_MARGIN]
    if options.redact:
        head = redact_text(head)
        if total > limit + REDACTION_MARGIN:
            # What the end of the head holds may be the first half of a secret.
            limit = max(0, min(limit, len(head) - REDACTION_MARGIN))
    kept = head[:limit]
    bracket = kept.rfind("[", max(0, limit - len(REDACTED)))
    if bracket >= 0 and REDACTED.startswith(kept[bracket:]):
        kept = kept[:bracket]
    if len(kept) == len(head) and total <= limit + REDACTION_MARGIN:
        return kept
    return kept + cut_mark(len(kept), total, "characters")


def _written_characters(text: str) -> int:
    """Return how long a text is as JSON, the rare control characters aside.

    It is written twice, in the value's JSON and in the span's: 1 MB of quotes would become 4 MB.
    """
    return len(text) + text.count('"') + text.count("\\") + text.count("\n")


class Snapshot:
    """One walk over one value.

    Parameters
    ----------
    find_encoder : callable
        Gives the encoder of a type that is not built in: ``encoder(value, snapshot, depth)``.
    typed : bool
        Whether NaN, bytes and large integers stay as they are, for OTLP, instead of turning into
        what JSON can hold.
    taken : TakenOut, optional
        Takes pictures, sound and binary data, which are cut otherwise.

    Examples
    --------
    >>> from nbtrace.tracing.encoders import find_encoder
    >>> Snapshot(find_encoder).walk({"a": (1, float("nan"))})
    {'a': [1, 'NaN']}
    """

    __slots__ = (
        "characters",
        "escaped",
        "find_encoder",
        "max_depth",
        "max_string",
        "nodes",
        "path",
        "taken",
        "typed",
    )

    def __init__(
        self,
        find_encoder: Callable[[type], Encoder],
        *,
        typed: bool = False,
        taken: TakenOut | None = None,
    ) -> None:
        self.find_encoder = find_encoder
        self.typed = typed
        self.taken = taken
        self.nodes = options.max_value_nodes
        self.characters = options.max_value_bytes
        # how much longer short texts get when they are written as JSON
        self.escaped = 1.0
        self.max_depth = options.max_value_depth
        self.max_string = options.max_string_characters
        self.path: set[int] = set()

    def walk(self, value: Any, depth: int = 0) -> Any:
        """Return a value as plain data.

        Parameters
        ----------
        value : object
            Anything.
        depth : int
            How many containers are around it.

        Returns
        -------
        object
            Nested dicts with text keys, lists, strings, numbers, booleans and None.
        """
        kind = type(value)
        self.nodes -= 1
        self.characters -= NODE_CHARACTERS
        if kind is str:
            return self.text(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return self.integer(value)
        if kind is float:
            return self.number(value)
        try:
            return self.find_encoder(kind)(value, self, depth)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a Rust panic is no Exception
            return f"<{type_name(kind)}: could not be recorded, {type(error).__name__}>"

    def text(self, value: str, limit: int | None = None) -> str:
        """Return a string, cut to what is left."""
        if self.taken is not None:
            value = self.taken.text(value)
        allowed = min(self.max_string, max(0, self.characters))
        text = cut_text(value, allowed if limit is None else min(limit, allowed))
        self.characters -= _written_characters(text)
        return text

    def integer(self, value: int) -> Any:
        """Return an integer, as digits where JSON readers would lose them."""
        if _INT64_MIN <= value <= _UINT64_MAX:
            return value
        bits = value.bit_length()
        if bits > MAX_INTEGER_BITS:
            return f"<int of {bits:,} bits>"
        # as long to write for OTLP, which has no such numbers either
        self.characters -= bits // 3
        return value if self.typed else str(value)

    def number(self, value: float) -> Any:
        """Return a float, as text where JSON has no number for it."""
        if self.typed or value - value == 0.0:
            return value
        if value != value:  # noqa: PLR0124 - only NaN differs from itself
            return "NaN"
        return "Infinity" if value > 0 else "-Infinity"

    def sequence(self, owner: Any, items: Iterable[Any], total: int, depth: int) -> Any:
        """Return the elements of a container as a list.

        Parameters
        ----------
        owner : object
            The container, to notice when it holds itself.
        items : iterable
            Its elements; only as many are taken as can be kept.
        total : int
            How many there are.
        depth : int
            Of the container.
        """
        if id(owner) in self.path:
            return CYCLE
        if depth >= self.max_depth:
            return f"… [nbtrace: deeper than {self.max_depth} levels]"
        # One step in C: no other thread can change the container meanwhile.
        taken = list(islice(items, max(0, self.nodes)))
        self.path.add(id(owner))
        result: list[Any] = []
        try:
            for position, item in enumerate(taken):
                if self.nodes <= 0 or self.characters <= 0:
                    break
                result.append(self._child(item, len(taken) - position, depth))
        finally:
            self.path.discard(id(owner))
        if len(result) < total:
            result.append(cut_mark(len(result), total, "items"))
        return result

    def mapping(self, owner: Any, items: Iterable[tuple[Any, Any]], total: int, depth: int) -> Any:
        """Return the entries of a mapping as a dict with text keys.

        Parameters
        ----------
        owner, items, total, depth
            As for ``sequence``, the items being pairs.
        """
        if id(owner) in self.path:
            return CYCLE
        if depth >= self.max_depth:
            return f"… [nbtrace: deeper than {self.max_depth} levels]"
        taken = list(islice(items, max(0, self.nodes)))
        self.path.add(id(owner))
        result: dict[str, Any] = {}
        try:
            for position, (key, item) in enumerate(taken):
                if self.nodes <= 0 or self.characters <= 0:
                    break
                name = key if type(key) is str else self.key(key)
                if len(name) > MAX_KEY_CHARACTERS:
                    name = cut_text(name, MAX_KEY_CHARACTERS)
                if name in result:  # {1: ..., "1": ...}
                    name = f"{name} ({type_name(type(key))})"
                    while name in result:
                        name += "'"
                self.characters -= len(name)
                result[name] = self._child(item, len(taken) - position, depth)
        finally:
            self.path.discard(id(owner))
        if len(result) < total:
            result[CUT_KEY] = cut_mark(len(result), total, "items")
        return result

    def key(self, key: Any) -> str:
        """Return the text for a key that is not a string."""
        if key is None or type(key) is bool:
            return {None: "null", True: "true", False: "false"}[key]
        nodes, self.nodes = self.nodes, MIN_SHARED_NODES
        plain = self.walk(key, self.max_depth - 2)
        self.nodes = nodes
        if type(plain) is list:
            return f"({', '.join(map(str, plain))})"
        return plain if type(plain) is str else str(plain)

    def _flat_copy(self, item: dict[Any, Any]) -> dict[str, Any] | None:
        """Copy a small dict of plain values at once; None where something in it needs a look."""
        copy = item.copy()
        size = NODE_CHARACTERS
        for key, value in copy.items():
            if type(key) is not str:
                return None
            size += len(key) + NODE_CHARACTERS
            kind = type(value)
            if kind is str:
                size += len(value)
            elif kind is int:
                if not _INT64_MIN <= value <= _UINT64_MAX:
                    return None
            elif kind is float:
                if value - value != 0.0:
                    return None
            elif value is not None and kind is not bool:
                return None
        fits = size <= min(self.characters, self.max_string, MIN_SHARED_CHARACTERS)
        if not fits or len(copy) >= self.nodes:
            return None
        self.nodes -= len(copy) + 1
        self.characters -= size
        return copy

    def _child(self, item: Any, left: int, depth: int) -> Any:
        """Walk a child with its share of what is left."""
        kind = type(item)
        if kind is int or kind is bool or item is None or kind is float:
            return self.walk(item, depth + 1)
        if kind is str:
            length = len(item)
            if length <= MIN_SHARED_CHARACTERS and length <= min(self.characters, self.max_string):
                self.nodes -= 1
                if left % SAMPLED == 1 and length:
                    self.escaped = _written_characters(item) / length
                self.characters -= int(length * self.escaped) + NODE_CHARACTERS
                return item
        elif kind is dict and len(item) <= MAX_FLAT_ENTRIES and depth + 2 < self.max_depth:
            copy = self._flat_copy(item)
            if copy is not None:
                return copy
        nodes, characters = self.nodes, self.characters
        self.nodes = min(nodes, max(nodes // left, MIN_SHARED_NODES))
        self.characters = min(characters, max(characters // left, MIN_SHARED_CHARACTERS))
        share, text_share = self.nodes, self.characters
        result = self.walk(item, depth + 1)
        self.nodes += nodes - share
        self.characters += characters - text_share
        return result
