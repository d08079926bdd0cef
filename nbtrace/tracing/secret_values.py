"""Judge whether a value written after the name of a secret is one.

Programs speak of secrets far more often than they hold them: ``password = getpass()``,
``f(token=token)``, ``api_key: str``. So a quoted value is taken for a secret unless it is plainly a
placeholder, and a bare one only where it reads neither as code nor as prose.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from nbtrace.tracing.secret_names import NameKind, looks_like_credential

if TYPE_CHECKING:
    from collections.abc import Callable

# Bare values shorter than this are words and flags ("auth = on"); passwords in use are longer.
MIN_BARE_CHARACTERS = 6
MIN_NUMBER_CHARACTERS = 4
# "Bearer authentication" is prose; a word this long is not.
MIN_WORD_CHARACTERS = 20

_PLACEHOLDER = re.compile(
    r"""\[REDACTED(?::[^\]]{0,80})?\]|\*+|\.{2,}|…|[xX]{3,}|\$\{?[A-Za-z_][\w.]{0,64}\}?|\{+[^{}]{0,64}\}+
    |%\(?\w{0,64}\)?s?|<[A-Za-z][\w .-]{0,64}>|(?i:your|my)[-_ ][A-Za-z _-]{0,64}""",
    re.VERBOSE,
)
# Asked first, since most values are none.
_PLACEHOLDER_BEGINNINGS = frozenset("[*.…xX${%<yYmM")
_REFERENCE = re.compile(
    r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){0,16}(?:[(\[{].*)?[)\]}:.!?]*\Z", re.DOTALL
)
_SCHEME = re.compile(
    r"(?i:bearer|basic|token|digest|apikey|api-key|negotiate|aws4-hmac-sha256|hmac|jwt)[ \t]+(?=\S)"
)
# Digest and signatures are lists of parameters, quoted ones among them.
_PARAMETERS = re.compile(r"[A-Za-z][\w-]{0,40}=")
_LINE = re.compile(r"""[^\r\n'`]{1,8192}""")
_WORD = re.compile(r"""[^\s"'`<>,;\\]{1,8192}""")
# Words that stand where a value would, and are none.
_WORDS = frozenset(
    """none null nil true false undefined str string int integer bool boolean bytes float number
    object array any optional secretstr required missing invalid expired unknown empty hidden
    incorrect correct wrong changed disabled enabled redacted removed unset needed used created
    rejected accepted failed revoked rotated""".split()  # noqa: SIM905 - words read best as text
)
_NAME_PART = re.compile("key|token|secret|passw|pwd|cookie|auth|cred|env|config")
_DIGIT = re.compile("[0-9]")
# what is neither a letter nor written within names and paths
_TELLING = re.compile(r"[^A-Za-z/_.()\x80-\U0010ffff-]")


class Around(NamedTuple):
    """What surrounds a bare value.

    Attributes
    ----------
    tight : bool
        No space stands around the ``=``, as in env files, URLs and command lines.
    line_start : bool
        The name begins its line.
    following : str
        The character after the value, or the empty text at the end.
    """

    tight: bool
    line_start: bool
    following: str


def is_placeholder(value: str) -> bool:
    """Return whether a value stands for one that is filled in later.

    Examples
    --------
    >>> is_placeholder("${API_KEY}"), is_placeholder("YOUR_API_KEY"), is_placeholder("hunter2")
    (True, True, False)
    """
    return value[:1] in _PLACEHOLDER_BEGINNINGS and _PLACEHOLDER.fullmatch(value) is not None


def hides_quoted(value: str, kind: NameKind) -> bool:
    """Return whether a quoted value under a name of a kind is a secret.

    Examples
    --------
    >>> hides_quoted("hunter2", NameKind.STRONG), hides_quoted("hello", NameKind.WEAK)
    (True, False)
    """
    if not value or value.isspace() or is_placeholder(value):
        return False
    return kind is NameKind.STRONG or looks_like_credential(value)


def _any(found: re.Match[str] | None, word: str, holds: Callable[[str], bool]) -> bool:
    """Return whether any character of a word is of a kind, of which the ASCII ones were found."""
    return found is not None or (not word.isascii() and any(map(holds, word)))


def is_bare_secret(value: str, kind: NameKind) -> bool | None:
    """Return whether a value without quotes is a secret; None where that depends on its context.

    Parameters
    ----------
    value : str
        What stands behind the ``=`` or ``:``; not empty.
    kind : NameKind
        Of the name before it.

    Examples
    --------
    >>> is_bare_secret("getpass()", NameKind.STRONG), is_bare_secret("x8#k2y7", NameKind.STRONG)
    (False, True)
    >>> is_bare_secret("swordfish", NameKind.STRONG) is None
    True
    """
    if value[0] in "([{$/-" or is_placeholder(value):
        return False
    called = "(" in value or "[" in value or "{" in value
    word = value.rstrip(")]}.:!?")
    if kind is NameKind.WEAK:
        return not called and looks_like_credential(word)
    if _REFERENCE.match(value):
        return not called and _is_secret_word(value, word)
    if word.replace(".", "").isdigit():
        return len(word) >= MIN_NUMBER_CHARACTERS
    if len(word) < MIN_BARE_CHARACTERS:
        return False
    return _any(_TELLING.search(word), word, _tells) or None


def _tells(character: str) -> bool:
    return not (character.isalpha() or character in "-/_.()")


def _is_secret_word(value: str, word: str) -> bool | None:
    """Judge a value that could be an identifier."""
    if looks_like_credential(word):
        return True
    low = word.lower()
    if len(word) < MIN_BARE_CHARACTERS or "." in word or low in _WORDS or _NAME_PART.search(low):
        return False
    if _any(_DIGIT.search(word), word, str.isdigit):
        return True
    return False if "_" in word or word != value else None


def hides_bare(value: str, around: Around) -> bool:
    """Return whether a value of which ``is_bare_secret`` cannot tell is a secret where it stands.

    Parameters
    ----------
    value : str
        A word of letters, or words joined by hyphens, slashes and the like.
    around : Around
        What surrounds it.

    Examples
    --------
    >>> hides_bare("swordfish", Around(tight=True, line_start=True, following=""))
    True
    """
    if around.following in {",", ")"} and _REFERENCE.match(value):
        return False
    return around.tight or (around.line_start and around.following in {"", "\n", "\r"})


def credential_of_header(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return where in the value of an Authorization header the credential stands.

    Parameters
    ----------
    text : str
        The text that holds the header.
    start, end : int
        Where its value begins, and where it ends at the latest.

    Returns
    -------
    tuple of int or None
        Start and end within `text`; None where the value is prose or a placeholder.

    Examples
    --------
    >>> credential_of_header("Bearer abc123", 0, 13), credential_of_header("see page 3", 0, 10)
    ((7, 13), None)
    """
    scheme = _SCHEME.match(text, start, end)
    start = scheme.end() if scheme else start
    if scheme and _PARAMETERS.match(text, start, end):
        line = _LINE.match(text, start, end)
        return line.span() if line else None
    found = _WORD.match(text, start, end)
    if found is None or is_placeholder(found.group()):
        return None
    word = found.group()
    if scheme is None:
        return found.span() if looks_like_credential(word) else None
    prose = word.isalpha() and (word.islower() or word.istitle())
    last = found.end() == end or text[found.end()] in "\r\n\"'"
    if prose and (len(word) < MIN_WORD_CHARACTERS or not last):
        return None
    return found.span()
