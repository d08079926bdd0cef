"""The places in a text where a secret may begin.

Two kinds of programs are built from one table. The gates answer only whether there is any such
place; they run over everything that is recorded, in Rust's regex engine, which comes with pydantic
(itself a dependency of genai-prices). Of a short text one gate asks at once, at 2 µs a kB. Longer
ones are lowered first, and two gates ask for names and for other marks: each has few enough
beginnings for the engine to look for all of them by vector instructions, and together, the lowering
included, they take less than 1 µs a kB. ``Locator.search`` finds the places with ``re``, ten
times slower, in the few stretches that are suspicious. Every alternative begins with one character
that is rare in English, since ``re`` skips quickly only to a set of first characters; what comes
before that character is looked at behind it.

A place is short and cheap to find; whether there is a secret is decided in ``secret_text``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

# No place is longer than this, so that stretches of a text which overlap by it hide none; every
# repetition below is bounded accordingly.
MAX_PLACE_CHARACTERS = 96
# From this length on, lowering a text and asking two gates takes less time than asking one.
MIN_LONG_CHARACTERS = 384
# So much is lowered and asked at once: a place near the beginning of a long text is found soon.
PART_CHARACTERS = 16_384


class _Literal(NamedTuple):
    """Fixed text, the position of its rarest character, and what must follow."""

    text: str
    rare: int
    tail: str


# What redaction leaves is no place, so that a redacted text costs no more than a search when it is
# redacted again. Rust's engine has no lookahead: "not `[REDA`" is spelled out, in any case since
# the gates for long texts read them lowered.
_BRACKET_ELSE = r"\[(?:[^Rr]|[Rr][^Ee]|[Rr][Ee][^Dd]|[Rr][Ee][Dd][^Aa])"
# After a name: perhaps a number, a closing quote (escaped any number of times), a bracket.
_CLOSED = r"""(?:[_-]?[0-9]{1,3})?(?:\\{0,16}["'`])?[\])]?[ \t]{0,3}"""
# What gives a name a value, and a value that is not plainly code: `key=key, other` is most common
# by far. In order: a value that begins with no letter; letters and then something else, a quote
# after a prefix among it; a bare word as in env files; one as in YAML; `name: type = "..."`;
# `SecretStr("...")`.
_GIVEN = (
    _CLOSED
    + r"""(?:[:=>][ \t]{0,3}(?:[^A-Za-z_\s,;)\["'`\\]|"""
    + _BRACKET_ELSE
    + rf"""|\\{{0,16}}["'`](?:[^\[]|{_BRACKET_ELSE})|\\{{1,16}}[^"'`\\]"""
    r"""|[A-Za-z_.]{1,40}[^A-Za-z_.\s,)(\[\]:;]"""
    r"""|[A-Za-z_.]{41}|[A-Za-z]{3,12}\(["'])"""
    r"""|=[A-Za-z]{1,40}(?:[\s;]|$)|:[ \t]{0,3}[A-Za-z]{1,40}[ \t]{0,3}(?:[\r\n]|$)"""
    r"""|:[ \t]{0,3}[A-Za-z_][A-Za-z0-9_.\[\], |]{0,40}=[ \t]{0,3}["'rRbBfFuU])"""
    # A quoted name before another quoted text or at the end of an object, as in
    # ["authorization", "..."] and {"value": "...", "name": "password"}.
    r"""|\\{0,16}["']\s{0,3}(?:,\s{0,16}\\{0,16}["']|\})"""
)
# Of headers the value is prose at times.
_HEADER_GIVEN = (
    _CLOSED
    + r"""[:=][ \t]{0,8}(?:\\{0,16}["'`]{1,3})?(?:[^\s\[A-Za-z0-9"'`\\-]|"""
    + _BRACKET_ELSE
    +
    # a scheme and what follows it, or a word that may be the credential itself
    rf"""|[A-Za-z0-9-]{{1,20}}(?:[ \t]{{1,4}}(?:[^\s\[]|{_BRACKET_ELSE})|[^A-Za-z0-9 \t-])"""
    r"""|[A-Za-z0-9-]{16}|\\{1,16}[^"'`\\])|\\{0,16}["']\s{0,3}(?:,\s{0,16}\\{0,16}["']|\})"""
)

# Words that end the name of a secret, in any case.
_NAMES = (
    _Literal("key", 0, f"[sS]?(?:{_GIVEN})"),
    _Literal("token", 2, f"(?:{_GIVEN})"),
    _Literal("access_tokens", 9, f"(?:{_GIVEN})"),
    _Literal("cookie", 3, f"[sS]?(?:{_HEADER_GIVEN})"),
    _Literal(
        "pass",
        0,
        f"(?:[wW][oO]?[rR]?[dD]|[pP][hH][rR][aA][sS][eE]|[cC][oO][dD][eE])?[sS]?(?:{_GIVEN})",
    ),
    _Literal("pwd", 0, f"(?:{_GIVEN})"),
    _Literal("secret", 2, f"[sS]?(?:{_GIVEN})"),
    _Literal("credential", 0, f"[sS]?(?:{_GIVEN})"),
    _Literal("auth", 1, f"(?:{_GIVEN})"),
    _Literal("authorization", 7, f"(?:{_HEADER_GIVEN})"),
    _Literal("authorisation", 1, f"(?:{_HEADER_GIVEN})"),
    _Literal("jwt", 0, f"(?:{_GIVEN})"),
)

# Beginnings of credentials that tell their issuer.
_PREFIXES = (
    _Literal("sk-", 1, "[A-Za-z0-9_-]{12}"),
    _Literal("sk_", 1, "[A-Za-z0-9_]{12}"),
    _Literal("rk_", 1, "[A-Za-z0-9_]{12}"),
    _Literal("AKIA", 1, "[A-Z0-9]{12}"),
    _Literal("ASIA", 1, "[A-Z0-9]{12}"),
    _Literal("AIza", 2, "[A-Za-z0-9_-]{20}"),
    *(_Literal(f"gh{kind}_", 3, "[A-Za-z0-9]{16}") for kind in "pousr"),
    _Literal("github_pat_", 10, "[A-Za-z0-9_]{16}"),
    _Literal("glpat-", 5, "[A-Za-z0-9_-]{12}"),
    *(_Literal(f"xox{kind}-", 4, "[A-Za-z0-9-]{10}") for kind in "abeprs"),
    _Literal("xapp-", 4, "[A-Za-z0-9-]{10}"),
    _Literal("hf_", 2, "[A-Za-z0-9]{16}"),
    _Literal("gsk_", 3, "[A-Za-z0-9]{16}"),
    _Literal("npm_", 3, "[A-Za-z0-9]{16}"),
    _Literal("whsec_", 5, "[A-Za-z0-9]{16}"),
    _Literal("r8_", 2, "[A-Za-z0-9]{16}"),
    _Literal("lsv2_", 4, "[a-z]{2}_[A-Za-z0-9]{16}"),
    _Literal("pplx-", 4, "[A-Za-z0-9]{16}"),
    _Literal("nvapi-", 5, "[A-Za-z0-9_-]{16}"),
    _Literal("tvly-", 4, "[A-Za-z0-9-]{16}"),
    _Literal("xai-", 3, "[A-Za-z0-9]{16}"),
    _Literal("pypi-", 4, "[A-Za-z0-9_-]{16}"),
    _Literal("dop_v1_", 6, "[a-z0-9]{16}"),
    _Literal("GOCSPX-", 6, "[A-Za-z0-9_-]{16}"),
    _Literal("SG.", 1, r"[A-Za-z0-9_-]{16}"),
    _Literal("eyJ", 2, "[A-Za-z0-9_-]{8}"),
)

# The credential that begins at a place of _PREFIXES, matched at its first character.
CREDENTIAL = re.compile(
    r"""sk-(?:proj|ant|svcacct|admin|or|lf|test|live|v1|None)-[A-Za-z0-9_-]{8,}
    |sk-(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{12,}|sk-[A-Za-z0-9]{20,}
    |[sr]k_(?:live|test|prod)_[A-Za-z0-9]{8,}
    |A[KS]IA[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{20,}
    |gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_.-]{12,}
    |xox[abeprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}
    |(?:hf|gsk|npm|whsec|r8)_[A-Za-z0-9]{16,}|lsv2_[a-z]{2}_[A-Za-z0-9_]{16,}
    |(?:pplx|xai)-[A-Za-z0-9]{16,}|(?:nvapi|pypi)-[A-Za-z0-9_-]{16,}|tvly-[A-Za-z0-9-]{16,}
    |dop_v1_[a-z0-9]{16,}|GOCSPX-[A-Za-z0-9_-]{16,}
    |SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}
    |(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{4,}){1,4}\.?""",
    re.VERBOSE,
)

# The other places: kind, and the pattern of each for Rust and (first character, rest) for `re`.
_URL = (
    r"""//[^\s:/@"'<>\\]{0,64}:(?:[0-9]{0,5}(?:[^0-9\s/"'<>\\,;)\]}\[]|"""
    rf"""{_BRACKET_ELSE})|[0-9]{{6}})"""
)
_WORD = r"[ \t]{1,4}(?:[A-Za-z._~+/-]{0,64}[0-9=]|[A-Za-z._~+/-]{20})"
_PEM = "BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY"
_FLAG = (
    r"(?:[A-Za-z0-9]{1,20}-){0,3}(?i:password|passwd|passphrase|token|secret|api-?key)"
    rf"[ \t]{{1,4}}(?:[^\s\[-]|{_BRACKET_ELSE})"
)
_QUERY = (
    r"(?i:sig|signature|key|x-amz-(?:signature|credential|security-token))="
    rf"(?:[^\[]|{_BRACKET_ELSE})"
)
_OTHERS = (
    ("url", ":" + _URL, ((":", _URL),)),
    ("scheme", f"(?i:bearer|basic){_WORD}", (("bB", f"(?i:earer|asic){_WORD}"),)),
    ("pem", f"-----{_PEM}", (("-", f"(?<=-----){_PEM}"),)),
    ("flag", f"--{_FLAG}", (("-", f"(?<=--){_FLAG}"),)),
    ("query", f"[?&;]{_QUERY}", (("?&;", _QUERY),)),
)
# JSON made elsewhere may spell `&` and `=` this way, and then has to be parsed.
_ESCAPE = r"\\u00[2-7]"


def _folded(text: str) -> str:
    # Sets of two letters are quicker than re.IGNORECASE.
    return "".join(
        f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else re.escape(letter)
        for letter in text
    )


def _beginnings(literal: _Literal, *, folded: bool) -> tuple[str, str]:
    """Split a literal at its rarest character: that character's cases, and a pattern for the rest.

    What follows the character is compared first, then what stands before it is looked at behind
    it, and the tail is only looked at, so that places may touch.
    """
    text, rare, tail = literal
    written = _folded if folded else re.escape
    first = text[rare]
    cases = first.lower() + first.upper() if folded and first.isalpha() else first
    behind = f"(?<={written(text)})" if rare else ""
    return cases, f"{written(text[rare + 1 :])}{behind}(?={tail})"


def searcher(pattern: str, slow: str = "") -> Callable[[str], bool]:
    """Return a function that says whether a pattern occurs in a text.

    Parameters
    ----------
    pattern : str
        For Rust's regex engine.
    slow : str, optional
        The same for ``re``, where that engine is not to be had; by default `pattern`.

    Examples
    --------
    >>> searcher("[0-9]{3}")("room 101")
    True
    """
    found = _searcher_in_rust(pattern)
    if found is not None:
        return found
    search = re.compile(slow or pattern).search
    return lambda text: search(text) is not None


def _searcher_in_rust(pattern: str) -> Callable[[str | bytes], bool] | None:
    try:
        from pydantic_core import SchemaValidator, core_schema

        schema = core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")
        return SchemaValidator(schema).isinstance_python
    except Exception:  # not installed, or an engine that refuses the pattern
        return None


def _searcher_in_lowered(pattern: str) -> Callable[[str | bytes], bool]:
    # The tables write classes of characters in both cases, so that they may be lowered themselves.
    found = _searcher_in_rust(pattern.replace("(?i:", "(?:").lower())
    return found or (lambda _: True)  # `re` is no quicker than looking for the places themselves


def _in_ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def lowered(text: str) -> str | bytes:
    """Return a text as the gates for long texts read it: lowered, each character in its place.

    Examples
    --------
    >>> lowered("API_KEY"), lowered("Schl\u00fcssel")
    ('api_key', b'schl?ssel')
    """
    # `lower` of other text is ten times slower, and may change its length.
    return text.lower() if text.isascii() else text.encode("ascii", "replace").lower()


class Locator:
    """Where in a text secrets may begin.

    Parameters
    ----------
    extra_names : tuple of str
        Further names of secrets, beyond the built-in ones.

    Attributes
    ----------
    reach : int
        So far apart the ends of a place may be.
    has_name, has_mark : callable
        Whether the name of a secret, or another beginning of one, stands in a ``lowered`` text.
    search : callable
        Finds the first place in a stretch of a text, as ``re.Pattern.search`` does; the match
        begins at the place's rare character.
    kinds : tuple of str
        By the ``lastindex`` of such a match: ``name``, ``prefix``, ``url``, ``scheme``, ``pem``,
        ``flag`` or ``query``.

    Examples
    --------
    >>> locator = Locator()
    >>> locator.is_suspicious("the next token is sampled"), locator.is_suspicious("token=abc")
    (False, True)
    >>> found = locator.search("token=abc", 0, 9)
    >>> locator.kinds[found.lastindex], found.start()
    ('name', 2)
    """

    def __init__(self, extra_names: tuple[str, ...] = ()) -> None:
        self.reach = MAX_PLACE_CHARACTERS + max(map(len, extra_names), default=0)
        self._names = _NAMES + tuple(_Literal(name, 0, _GIVEN) for name in extra_names if name)
        pattern, self.kinds = self._build()
        self.search = pattern.search
        names = [re.escape(literal.text) + literal.tail for literal in self._names]
        marks = [re.escape(literal.text) + literal.tail for literal in _PREFIXES]
        others = {kind: gate for kind, gate, _ in _OTHERS}
        whole = "|".join([f"(?i:{'|'.join(names)})", *marks, *others.values(), _ESCAPE])
        self.short_gate = searcher(whole, f"{pattern.pattern}|{_ESCAPE}")
        # Up to 64 beginnings of three characters are looked for at once; the two characters of the
        # flag's cost least where there are few others.
        names = [re.escape(_in_ascii(name)) + tail for name, _, tail in self._names]
        names += [others.pop("flag"), _ESCAPE]
        marks += others.values()
        self.has_name = _searcher_in_lowered("|".join(names))
        self.has_mark = _searcher_in_lowered("|".join(marks))

    def is_suspicious(self, text: str) -> bool:
        """Return whether there is any place of a secret in a text.

        Parameters
        ----------
        text : str
            Of any length, without lone surrogates.
        """
        if len(text) < MIN_LONG_CHARACTERS:
            return self.short_gate(text)
        for start in range(0, len(text), PART_CHARACTERS):
            low = lowered(text[start : start + PART_CHARACTERS + self.reach])
            if self.has_name(low) or self.has_mark(low):
                return True
        return False

    def _build(self) -> tuple[re.Pattern[str], tuple[str, ...]]:
        rests: dict[str, list[tuple[str, str]]] = {}
        for kind, literals, folded in (("name", self._names, True), ("prefix", _PREFIXES, False)):
            for literal in literals:
                cases, rest = _beginnings(literal, folded=folded)
                for character in cases:
                    rests.setdefault(character, []).append((kind, rest))
        for kind, _, beginnings in _OTHERS:
            for cases, rest in beginnings:
                for character in cases:
                    rests.setdefault(character, []).append((kind, f"(?={rest})"))
        kinds = [""]
        branches = []
        for character, alternatives in rests.items():
            kinds += [kind for kind, _ in alternatives]
            branch = "|".join(f"{rest}()" for _, rest in alternatives)
            branches.append(f"{re.escape(character)}(?:{branch})")
        return re.compile("|".join(branches)), tuple(kinds)
