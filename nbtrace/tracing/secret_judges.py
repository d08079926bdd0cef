"""Judge a place in a text: is there a secret, and from where to where.

Each kind of place that ``secret_patterns.Locator`` finds has its judge, which looks at what
surrounds the place. A judge reads a bounded stretch of the text however it is written, so that
hostile text costs no more than other.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from nbtrace.tracing.secret_names import NameKind, name_kind
from nbtrace.tracing.secret_patterns import CREDENTIAL
from nbtrace.tracing.secret_values import (
    Around,
    credential_of_header,
    hides_bare,
    hides_quoted,
    is_bare_secret,
    is_placeholder,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# As long as names get in env files; longer runs are not names.
MAX_NAME_CHARACTERS = 80
# A cell's source may define a key over many lines, but a string that never ends is not one.
MAX_QUOTED_CHARACTERS = 20_000
# `Authorization: see section 3 of ...` is not read to the end of a line of a megabyte.
MAX_HEADER_CHARACTERS = 8_192
MAX_JUDGED_CHARACTERS = 1_024
MAX_ELEMENTS = 64
# Six levels of JSON inside JSON.
MAX_ESCAPES = 63
MIN_CREDENTIAL_WORD_CHARACTERS = 20

_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
_WORD_CHARACTERS = frozenset(_NAME_CHARACTERS) - frozenset("-.")
_QUOTES = frozenset("\"'`")
_OPENINGS = _QUOTES | frozenset("\\rRbBfFuU")
_DELIMITER = re.compile(r"""(\\{0,16}["'`])?[\])]?[ \t]*([:=!]=?[=>]?|[,>])[ \t]*""")
# The forms that nearly all secrets have, with nothing in the value that needs a closer look: what
# stands in quotes, what stands behind a scheme and has a digit, and what stands behind a bare `=`.
# Each ends where the general patterns below would end it.
_USUAL = re.compile(
    r"""([A-Za-z0-9_.-]{0,80}+)(?:["']?[ \t]?[:=][ \t]?(?:"([^"\\\s]{1,256})"|'([^'\\\s]{1,256})')
    |["']?:[ ]?["']?(?:[bB]earer|[bB]asic)[ ]
        (?=[A-Za-z._~+/-]{0,512}[0-9])([A-Za-z0-9._~+/-]{16,512}+)(?=[\s"'`<>,;\\]|\Z)
    |=([A-Za-z0-9_~@#%^!?.-]{6,256}+)(?=[\s"'`<>,;&\\|]|\Z))""",
    re.VERBOSE,
)
_SCHEME_FORM = 4
_OPENING = re.compile(r'''[rRbBfFuU]{0,2}(\\{0,16})("""|\'\'\'|"|'|`)''')
_ANNOTATION = re.compile(r"""[A-Za-z_][\w.\[\], |]{0,40}=[ \t]*(?=[rRbBfFuU]{0,2}\\{0,16}["'])""")
_WRAPPER = re.compile(r"""(?:Secret(?:Str|Bytes)?|str|bytes)\((?=[rRbBfFuU]{0,2}["'])""")
_BETWEEN = re.compile(r"[\s,]{0,16}")
_LINE = re.compile(r"""[^\r\n"'`\\]{1,%d}""" % MAX_HEADER_CHARACTERS)  # noqa: UP031 - braces
_COOKIES = re.compile(r"[\w.-]{1,256}=[^\s=]")
_ELEMENT_TEXT = re.compile(r"[^<]{1,1024}(?=</)")
_URL_PASSWORD = re.compile(r"""://[^\s:/@"'<>\\]*:([^\s/"'<>\\]+)@""")
_SCHEME = re.compile(r"([bB])(?i:earer|asic)[ \t]{1,4}([A-Za-z0-9._~+/-]{4,}=*)")
_FLAG = re.compile(r"-([A-Za-z0-9-]{1,80})[ \t]+")
_QUERY = re.compile(r"[?&;]([A-Za-z-]{1,40})=")
_PEM = re.compile(r"-BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,16}-----")
# The body stops at any five dashes, so that no header is read past the next one.
_PEM_BODY = re.compile(r"[^-]*+(?:-(?!----)[^-]*+)*+-----END [A-Z0-9 ]{0,60}-----")
_PEM_OPEN_BODY = re.compile(
    r"(?:(?:\\+[nr]|\s)*[A-Za-z0-9+/=]{16,})*(?:(?:\\+[nr]|\s)*[A-Za-z0-9+/=]+\Z)?"
)
_HEADERS = ("authorization", "authorisation")
# Their values are not what stands up to the next space.
_SPECIAL = (*_HEADERS, "cookie")
Stretch = tuple[int, int]


class _Value:
    """A value without quotes, judged by its beginning.

    Each of a thousand names before one long word would read all of that word otherwise.
    """

    __slots__ = ("_whole", "match")

    def __init__(self, character: str) -> None:
        self.match = re.compile(f"{character}{{1,{MAX_JUDGED_CHARACTERS}}}").match
        self._whole = re.compile(f"{character}+").match

    def stretches(self, found: re.Match[str]) -> list[Stretch]:
        """Return the whole value of which the beginning was matched."""
        whole = self._whole(found.string, found.start())
        return [whole.span()] if whole else []


_bare_value = _Value(r"""[^\s"'`<>,;&\\|]""")
_query_value = _Value(r"""[^&\s"'#<>\\]""")


def _starts_word(text: str, position: int) -> bool:
    """Return whether no letter or digit precedes, an escaped line break's letter aside."""
    if position == 0 or text[position - 1] not in _WORD_CHARACTERS:
        return True
    return position > 1 and text[position - 1] in "nrtbf" and text[position - 2] == "\\"


def _name_start(text: str, place: int) -> int:
    """Return where the name begins that a place is part of."""
    low = place - MAX_NAME_CHARACTERS if place > MAX_NAME_CHARACTERS else 0
    start = low + len(text[low:place].rstrip(_NAME_CHARACTERS))
    # A line break that is escaped leaves its letter before the name.
    if start and text[start - 1] == "\\" and text[start] in "nrt":
        return start + 1
    return start


def _name_end(text: str, place: int) -> int:
    after = text[place : place + MAX_NAME_CHARACTERS]
    return place + len(after) - len(after.lstrip(_NAME_CHARACTERS))


def _closing(text: str, start: int, slashes: int, quote: str) -> int:
    """Return where the content of a quoted text ends: at its own quote, or an enclosing one's.

    In JSON inside JSON the quotes of the n-th level have 2ⁿ - 1 backslashes before them.
    """
    limit = min(len(text), start + MAX_QUOTED_CHARACTERS)
    period = 2 * (slashes + 1)
    position = text.find(quote, start, limit)
    while position >= 0:
        before = text[max(start, position - MAX_ESCAPES) : position]
        escapes = len(before) - len(before.rstrip("\\"))
        if escapes % period <= slashes:
            return position - min(escapes, slashes)
        position = text.find(quote, position + 1, limit)
    if len(quote) == 1:
        line = text.find("\n", start, limit)
        return line if line >= 0 else limit
    return limit


def _quoted(text: str, position: int) -> Stretch | None:
    """Return the content of the quoted text that begins at a position."""
    quote = text[position : position + 1]
    if quote not in _OPENINGS:
        return None
    if quote in _QUOTES:
        # the plain case, and by far the most common one
        end = text.find(quote, position + 1, position + MAX_QUOTED_CHARACTERS)
        if end > position + 1 and text[end - 1] != "\\":
            return position + 1, end
    opening = _OPENING.match(text, position)
    if opening is None:
        return None
    slashes, quote = opening.groups()
    return opening.end(), _closing(text, opening.end(), len(slashes), quote)


def _elements(text: str, position: int, name: str, kind: NameKind) -> list[Stretch]:
    """Return the quoted elements of a list or tuple, or the second of ``auth=(user, password)``."""
    found: list[Stretch] = []
    while len(found) < MAX_ELEMENTS:
        between = _BETWEEN.match(text, position)
        quoted = _quoted(text, between.end() if between else position)
        if quoted is None:
            break
        found.append(quoted)
        position = quoted[1] + 1
    if name.lower().endswith("auth"):
        found, kind = found[1:2], NameKind.STRONG
    return [item for item in found if hides_quoted(text[slice(*item)], kind)]


def _value_of_header(text: str, start: int, end: int) -> list[Stretch]:
    credential = credential_of_header(text, start, end)
    return [credential] if credential else []


def _after_comma_or_tag(
    text: str, delimiter: str, position: int, *, opened: bool, quoted_name: bool
) -> list[Stretch]:
    """Judge ``"api_key", "value"`` and ``<password>value</password>``."""
    if delimiter == ">":
        element = _ELEMENT_TEXT.match(text, position) if opened else None
        hidden = element is not None and not is_placeholder(element.group())
        return [element.span()] if element and hidden else []
    quoted = _quoted(text, position) if quoted_name else None
    hidden = quoted is not None and hides_quoted(text[slice(*quoted)], NameKind.WEAK)
    return [quoted] if quoted and hidden else []


def _bare(text: str, position: int, start: int, kind: NameKind, *, tight: bool) -> list[Stretch]:
    """Judge a value without quotes."""
    found = _bare_value.match(text, position)
    if found is None:
        return []
    hidden = is_bare_secret(found.group(), kind)
    if hidden is None:
        line = text[max(0, start - MAX_NAME_CHARACTERS) : start].rpartition("\n")[2]
        indent = not line.strip(" \t-\"'")
        around = Around(tight, indent, text[found.end() : found.end() + 1])
        hidden = hides_bare(found.group(), around)
    return _bare_value.stretches(found) if hidden else []


def _after_annotation(text: str, position: int, *, annotated: bool) -> int:
    """Return where the value begins after a type or a wrapper that stands before it."""
    if text[position : position + 1].isidentifier():
        annotation = _ANNOTATION.match(text, position) if annotated else None
        position = annotation.end() if annotation else position
        wrapper = _WRAPPER.match(text, position)
        return wrapper.end() if wrapper else position
    return position


def _usual(text: str, start: int, match: re.Match[str]) -> list[Stretch] | None:
    """Judge a match of the usual forms; None where the general way must."""
    name = text[start : match.end(1)]
    kind = name_kind(name)
    if kind is NameKind.HARMLESS:
        return []
    form = match.lastindex or 0
    value = match.group(form)
    if form < _SCHEME_FORM:
        return [match.span(form)] if hides_quoted(value, kind) else []
    if form == _SCHEME_FORM:
        return [match.span(form)] if name.lower().endswith(_HEADERS) else None
    if name.lower().endswith(_SPECIAL) or (start and text[start - 1] in "?&"):
        return None
    hidden = is_bare_secret(value, kind)
    if hidden is None:
        end = match.end()
        around = Around(tight=True, line_start=False, following=text[end : end + 1])
        hidden = hides_bare(value, around)
    return [match.span(form)] if hidden else []


def _named(text: str, place: int) -> list[Stretch]:
    """Judge ``name = value`` and its relatives."""
    start = _name_start(text, place)
    usual = _USUAL.match(text, place)
    found = _usual(text, start, usual) if usual is not None else None
    return _any_form(text, place, start) if found is None else found


def _any_form(text: str, place: int, start: int) -> list[Stretch]:  # noqa: PLR0911 - one per form
    end = _name_end(text, place)
    name = text[start:end]
    kind = name_kind(name)
    found = _DELIMITER.match(text, end) if kind is not NameKind.HARMLESS else None
    if found is None:
        return []
    before = text[start - 1] if start else ""
    in_query = before in {"?", "&"}
    closing, delimiter = found.groups()
    position = found.end()
    if delimiter in {",", ">"}:
        opened = before == "<"
        return _after_comma_or_tag(
            text, delimiter, position, opened=opened, quoted_name=closing is not None
        )
    header = name.lower().endswith(_HEADERS)
    position = _after_annotation(text, position, annotated=delimiter == ":" and not header)
    if text[position : position + 1] in {"[", "("}:
        return _elements(text, position + 1, name, kind)
    quoted = _quoted(text, position)
    if quoted is not None:
        if header and " " in text[slice(*quoted)]:
            return _value_of_header(text, *quoted)
        return [quoted] if hides_quoted(text[slice(*quoted)], kind) else []
    if in_query and delimiter == "=":
        value = _query_value.match(text, position)
        hidden = value is not None and not is_placeholder(value.group())
        return _query_value.stretches(value) if value and hidden else []
    if header:
        return _value_of_header(text, position, len(text))
    if name.lower().endswith("cookie"):
        line = _LINE.match(text, position) if _COOKIES.match(text, position) else None
        return [line.span()] if line else []
    if delimiter not in {"=", ":"}:
        return []
    return _bare(text, position, start, kind, tight=found.group() == "=")


def _issued(text: str, place: int) -> list[Stretch]:
    """Judge a credential that tells its issuer; its rare character is at the place."""
    for start in range(place, max(-1, place - 11), -1):
        found = CREDENTIAL.match(text, start) if _starts_word(text, start) else None
        if found is not None and found.end() > place:
            return [found.span()]
    return []


def _url(text: str, place: int) -> list[Stretch]:
    found = _URL_PASSWORD.match(text, place)
    return [found.span(1)] if found and not is_placeholder(found.group(1)) else []


def _scheme(text: str, place: int) -> list[Stretch]:
    """Judge ``Bearer ...`` and ``Basic ...`` wherever they stand."""
    found = _SCHEME.match(text, place)
    if found is None or not _starts_word(text, place):
        return []
    word = found.group(2)
    if found.group(1) in "bB" and text[place + 1] in "aA":
        try:
            user, colon, _ = base64.b64decode(word, validate=True).partition(b":")
        except binascii.Error:
            return []
        return [found.span(2)] if colon and user.isascii() else []
    long = len(word) >= MIN_CREDENTIAL_WORD_CHARACTERS
    told = any(character.isdigit() for character in word)
    return [found.span(2)] if long or told else []


def _pem(text: str, place: int) -> list[Stretch]:
    header = _PEM.match(text, place)
    if header is None:
        return []
    start = place - len("-----") + 1
    body = _PEM_BODY.match(text, header.end()) or _PEM_OPEN_BODY.match(text, header.end())
    return [(start, body.end() if body else header.end())]


def _flag(text: str, place: int) -> list[Stretch]:
    """Judge ``--password value`` on a command line."""
    found = _FLAG.match(text, place)
    if found is None:
        return []
    quoted = _quoted(text, found.end())
    if quoted is not None:
        return [quoted] if hides_quoted(text[slice(*quoted)], NameKind.STRONG) else []
    value = _bare_value.match(text, found.end())
    if value is None:
        return []
    hidden = is_bare_secret(value.group(), name_kind(found.group(1)))
    if hidden is None:
        hidden = hides_bare(value.group(), Around(tight=False, line_start=False, following=" "))
    return _bare_value.stretches(value) if hidden else []


def _query(text: str, place: int) -> list[Stretch]:
    """Judge ``?sig=...`` and ``&key=...``, which are secrets in URLs only."""
    found = _QUERY.match(text, place)
    value = _query_value.match(text, found.end()) if found else None
    if found is None or value is None or is_placeholder(value.group()):
        return []
    # "?key=name" is as common as a credential there.
    shown = found.group(1).lower() == "key" and not hides_quoted(value.group(), NameKind.WEAK)
    return [] if shown else _query_value.stretches(value)


JUDGES: dict[str, Callable[[str, int], list[Stretch]]] = {
    "name": _named,
    "prefix": _issued,
    "url": _url,
    "scheme": _scheme,
    "pem": _pem,
    "flag": _flag,
    "query": _query,
}
