"""Attachments: what is too large to stand in a span, kept beside it and named by a reference.

A reference is a text where the content stood. It has the form of MLflow's, an address that says
what it stands for: ``mlflow-attachment://<id>?content_type=image%2Fpng&trace_id=tr-...&size=...``.
The id is the SHA-256 of the content, so that the same picture in every call of a conversation is
kept once. At its end stands what is nbtrace's own: how the content stood in the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from nbtrace.entities import figures

if TYPE_CHECKING:
    import os

SCHEME = "mlflow-attachment"
UNKNOWN_TYPE = "application/octet-stream"
# A reference of nbtrace's as it stands in any text: of characters that JSON does not escape, and
# with an end that shows, whatever stands behind it.
REFERENCE = re.compile(
    SCHEME + r"://[0-9a-f]{64}\?content_type=[\w.~%+-]+&trace_id=tr-[0-9a-f]{32}&size=[0-9]+"
    r"&encoding=(?:data|base64url|base64)",
    re.ASCII,
)


class Reference(NamedTuple):
    """What a reference says.

    Attributes
    ----------
    attachment_id, trace_id : str
        Which attachment of which trace.
    content_type : str
        Such as ``"image/png"``.
    size : int or None
        Bytes, where it is known.
    encoding : str
        How the content stood in the text: ``"data"`` for a ``data:`` address, ``"base64"`` or
        ``"base64url"`` for that alone; ``""`` for a reference that MLflow wrote.

    Examples
    --------
    >>> reference = Reference("0a" * 32, "tr-" + "0b" * 16, "image/png", 3, "data")
    >>> Reference.read(str(reference)) == reference
    True
    """

    attachment_id: str
    trace_id: str
    content_type: str
    size: int | None = None
    encoding: str = ""

    def __str__(self) -> str:
        # imported here, as below: it takes as long as the rest of what every process needs
        from urllib.parse import quote

        text = f"{SCHEME}://{self.attachment_id}?content_type={quote(self.content_type, safe='')}"
        text += f"&trace_id={quote(self.trace_id, safe='')}"
        if self.size is not None:
            text += f"&size={self.size}"
        return f"{text}&encoding={self.encoding}" if self.encoding else text

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return what a text says, None when it is no reference."""
        if not text.startswith(f"{SCHEME}://"):
            return None
        from urllib.parse import parse_qs, urlsplit

        try:
            parts = urlsplit(text)
            fields = {key: values[0] for key, values in parse_qs(parts.query).items()}
        except ValueError:
            return None
        content_type, trace_id = fields.get("content_type"), fields.get("trace_id")
        if not (parts.netloc and content_type and trace_id):
            return None
        size = fields.get("size", "")
        known = size.isascii() and size.isdecimal() and len(size) < 16  # noqa: PLR2004 - a petabyte
        return cls(
            parts.netloc,
            trace_id,
            content_type,
            int(size) if known and int(size) else None,
            fields.get("encoding", ""),
        )


def references_in(value: Any) -> list[Reference]:
    """Return the references in plain data, in order.

    Parameters
    ----------
    value : object
        A text, or nested dicts and lists of them.

    Examples
    --------
    >>> references_in({"a": ["b", 1]})
    []
    """
    if isinstance(value, str):
        found = map(Reference.read, REFERENCE.findall(value)) if SCHEME in value else ()
        return [reference for reference in found if reference is not None]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [reference for item in value for reference in references_in(item)]
    return []


def described(text: str, *, told_apart: bool = False) -> str:
    """Return a text with what its references stand for in a few words, for people.

    Parameters
    ----------
    text : str
        Any text.
    told_apart : bool
        Whether the words of different contents differ, and those of the same one in two traces do
        not.

    Examples
    --------
    >>> described("see " + str(Reference("0a" * 32, "tr-" + "0b" * 16, "image/png", 3, "data")))
    'see [image/png, 3 B]'
    """

    def in_words(match: re.Match[str]) -> str:
        reference = Reference.read(match[0])
        if reference is None:
            return match[0]
        shown = f"{reference.content_type}, {figures.size(reference.size or 0)}"
        return f"[{shown}, {reference.attachment_id[:8]}]" if told_apart else f"[{shown}]"

    return REFERENCE.sub(in_words, text) if SCHEME in text else text


class Attachment:
    """Content of any type, to stand anywhere in a span's inputs or outputs.

    Parameters
    ----------
    content_type : str
        Such as ``"image/png"``.
    content_bytes : bytes
        The content.

    Examples
    --------
    >>> Attachment(content_type="text/plain", content_bytes=b"abc")
    Attachment(content_type='text/plain', size=3)
    """

    __slots__ = ("_content_bytes", "_content_type", "_id")

    def __init__(self, *, content_type: str, content_bytes: bytes) -> None:
        self._content_type = content_type
        self._content_bytes = content_bytes
        self._id: str | None = None

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], content_type: str | None = None) -> Self:
        """Return the content of a file.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        content_type : str, optional
            What its name says, by default.

        Raises
        ------
        OSError
            When it cannot be read.
        """
        import mimetypes
        from pathlib import Path

        known = content_type or mimetypes.guess_type(str(path))[0] or UNKNOWN_TYPE
        return cls(content_type=known, content_bytes=Path(path).read_bytes())

    @property
    def id(self) -> str:
        """The SHA-256 of the content, 64 hexadecimal digits."""
        if self._id is None:
            import hashlib

            self._id = hashlib.sha256(self._content_bytes).hexdigest()
        return self._id

    @property
    def content_type(self) -> str:
        """Such as ``"image/png"``."""
        return self._content_type

    @property
    def content_bytes(self) -> bytes:
        """The content."""
        return self._content_bytes

    def ref(self, trace_id: str) -> str:
        """Return the reference that stands for it in a trace.

        Parameters
        ----------
        trace_id : str
            ``tr-`` and 32 hexadecimal digits.
        """
        size = len(self._content_bytes)
        return str(Reference(self.id, trace_id, self._content_type, size))

    @staticmethod
    def parse_ref(ref_uri: str) -> dict[str, Any] | None:
        """Return what a reference says, as MLflow does; None when the text is none.

        Parameters
        ----------
        ref_uri : str
            What stands in the span.

        Examples
        --------
        >>> Attachment.parse_ref("https://example.org") is None
        True
        """
        found = Reference.read(ref_uri)
        if found is None:
            return None
        return {
            "attachment_id": found.attachment_id,
            "content_type": found.content_type,
            "trace_id": found.trace_id,
            "size": found.size,
        }

    def __eq__(self, other: object) -> bool:
        """Return whether type and content are the same."""
        if not isinstance(other, Attachment):
            return NotImplemented
        mine, its = (self._content_type, self._content_bytes), (other.content_type, other.id)
        return mine[0] == its[0] and self.id == its[1]

    def __hash__(self) -> int:
        """Return a hash that goes with equality."""
        return hash(self.id)

    def __repr__(self) -> str:
        size = len(self._content_bytes)
        return f"{type(self).__name__}(content_type={self._content_type!r}, size={size})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        """Show a picture in a notebook as what it is."""
        shown = {"text/plain": repr(self)}
        if self._content_type in {"image/png", "image/jpeg"}:
            import base64

            shown[self._content_type] = base64.b64encode(self._content_bytes).decode()
        return shown
