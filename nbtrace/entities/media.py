r"""Pictures, sound and documents that stand in texts as base64: found, taken out, put back.

Messages carry them as ``data:`` addresses or as bare base64, in JSON, in JSON inside JSON, in
Markdown. None of their characters, and none of a reference's, is ever escaped in JSON, so they are
exchanged where they stand and nothing around them is read or written anew. What is taken out is
exactly what comes back: base64 that is not spelled the one way it is written again stays.

>>> kept = {}
>>> def keep(content, content_type, encoding):
...     kept["mlflow-attachment://1?content_type=image%2Fpng&trace_id=2"] = content
...     return next(iter(kept))
>>> picture = "data:image/png;base64," + "iVBORw0KGgo" + "A" * 8193
>>> take_out('{"url":"' + picture + '"}', keep)
'{"url":"mlflow-attachment://1?content_type=image%2Fpng&trace_id=2"}'
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from nbtrace.config import MIN_MEDIA_CHARACTERS
from nbtrace.entities.attachment import REFERENCE, SCHEME, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Keep = Callable[[bytes, str, str], str | None]

# A longer text is cut unread: reading one of that length takes a fifth of a second.
MAX_CHARACTERS = 40_000_000
# A run of that length covers one of the places that are looked at, however it lies.
_STRIDE = MIN_MEDIA_CHARACTERS // 2
_PROBE = re.compile(r"[A-Za-z0-9+/_-]{64}")
_WORD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
_RUN = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
# The type that stands before the content, with its parameters: audio/L16;rate=24000
_HEAD = re.compile(
    r"data:([\w.+-]{1,64}/[\w.+-]{1,64}(?:;[\w.-]{1,32}=[\w.+-]{1,64}){0,4});base64,\Z",
    re.ASCII,
)
_HEAD_CHARACTERS = 300

# How the content of each type begins; of those without a mark of more than two bytes a byte more
# is looked at, since any base64 may begin like this.
_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"PK\x03\x04", "application/zip"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"M4A ": "audio/mp4"}


def sniffed(content: bytes) -> str | None:
    """Return the type of binary content by how it begins, None when that says nothing.

    Parameters
    ----------
    content : bytes
        At least the first 12 bytes.

    Examples
    --------
    >>> sniffed(bytes.fromhex("ffd8ffe0") + b"JFIF"), sniffed(b"text")
    ('image/jpeg', None)
    """
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12])
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "video/mp4")
    if content[:2] == b"BM" and content[6:10] == b"\0\0\0\0":
        return "image/bmp"
    return next((kind for mark, kind in _MARKS if content.startswith(mark)), None)


def may_hold_media(text: str) -> bool:
    """Return whether a text holds a run of base64 that is long enough to be taken out.

    It costs a look at every 4,096th place.

    Examples
    --------
    >>> may_hold_media("words " * 10_000), may_hold_media("A" * 10_000)
    (False, True)
    """
    looks = _PROBE.match
    return MIN_MEDIA_CHARACTERS <= len(text) <= MAX_CHARACTERS and any(
        looks(text, place) for place in range(0, len(text), _STRIDE)
    )


def _runs(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start and end of each long run of base64, and the type that stands before it."""
    done = 0
    for place in range(0, len(text), _STRIDE):
        if place < done or not _PROBE.match(text, place):
            continue
        before = text[done:place]
        start = done + len(before.rstrip(_WORD))
        match = _RUN.match(text, place)
        end = done = place if match is None else match.end()
        # A letter behind the padding would become a part of the reference.
        goes_on = end < len(text) and text[end] in _WORD
        if end - start >= MIN_MEDIA_CHARACTERS and not goes_on:
            head = _HEAD.search(text[max(0, start - _HEAD_CHARACTERS) : start])
            yield start, end, "" if head is None else head[1]


def decoded(text: str) -> tuple[bytes, str] | None:
    r"""Return the bytes of a base64 text and which of its alphabets it has.

    Parameters
    ----------
    text : str
        Characters of base64 only.

    Returns
    -------
    tuple of (bytes, str) or None
        None for what would not be written again as it stands.

    Examples
    --------
    >>> decoded("/+8="), decoded("_-8="), decoded("_+8="), decoded("/+9=")
    ((b'\xff\xef', 'base64'), (b'\xff\xef', 'base64url'), None, None)
    """
    url = "-" in text or "_" in text
    # Characters of both alphabets would be left out unseen.
    if len(text) % 4 or (url and ("+" in text or "/" in text)):
        return None
    encoding = "base64url" if url else "base64"
    try:
        content = base64.urlsafe_b64decode(text) if url else binascii.a2b_base64(text)
    except (binascii.Error, ValueError):
        return None
    # Only the last characters can spell the same bytes in several ways.
    last = encoded(content[len(text) // 4 * 3 - 3 :], encoding)
    return (content, encoding) if last == text[-4:] else None


def encoded(content: bytes, encoding: str) -> str:
    """Return content in one of base64's alphabets.

    Examples
    --------
    >>> encoded(b"abc", "base64")
    'YWJj'
    """
    write = base64.urlsafe_b64encode if encoding == "base64url" else base64.b64encode
    return write(content).decode()


def take_out(text: str, keep: Keep) -> str:
    """Return a text with references in place of the media in it.

    Parameters
    ----------
    text : str
        Any text.
    keep : callable
        Gets the content, its type, and how it stood (as in ``Reference.encoding``); returns what
        to write in its place, or None to leave it.

    Returns
    -------
    str
        The text itself where nothing was taken out.
    """
    pieces: list[str] = []
    done = 0
    for start, end, declared in _runs(text):
        known = declared or sniffed(_first_bytes(text[start : start + 24]))
        found = decoded(text[start:end]) if known else None
        if found is None or known is None:
            continue
        content, encoding = found
        begin = start
        if declared and encoding == "base64":
            encoding = "data"
            begin -= len(f"data:{declared};base64,")
            if begin < done:  # its first letters have gone with what stood right before it
                continue
        written = keep(content, known, encoding)
        if written is not None:
            pieces += (text[done:begin], written)
            done = end
    return "".join([*pieces, text[done:]]) if pieces else text


def _first_bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, altchars=b"-_" if "-" in text or "_" in text else None)
    except (binascii.Error, ValueError):
        return b""


def put_back(text: str, read: Callable[[Reference], bytes | None]) -> str:
    """Return a text with the content that its references stand for.

    Parameters
    ----------
    text : str
        Any text.
    read : callable
        Returns the content of a reference, or None to leave it.
    """
    if SCHEME not in text:
        return text

    def content_of(match: Any) -> str:
        reference = Reference.read(match[0])
        content = None if reference is None else read(reference)
        if reference is None or content is None:
            return str(match[0])
        if reference.encoding != "data":
            return encoded(content, reference.encoding)
        return f"data:{reference.content_type};base64,{encoded(content, 'base64')}"

    return REFERENCE.sub(content_of, text)


def in_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return plain data with every text in it changed; the value itself where none did.

    Parameters
    ----------
    value : object
        Nested dicts and lists of plain values.
    change : callable
        Returns the new text, or the same one.

    Examples
    --------
    >>> in_texts({"a": ["b", 1]}, str.upper)
    {'a': ['B', 1]}
    """
    kind = type(value)
    if kind is str:
        return change(value)
    if kind is list:
        items = [in_texts(item, change) for item in value]
        same = all(one is other for one, other in zip(items, value, strict=True))
        return value if same else items
    if kind is dict:
        changed = {key: in_texts(item, change) for key, item in value.items()}
        same = all(changed[key] is item for key, item in value.items())
        return value if same else changed
    return value
