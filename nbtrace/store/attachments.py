"""Attachments: the files beside the database that spans refer to, by trace and by content.

``attachments/<last two digits>/<trace id>/<SHA-256 of the content>``, in the store also where an
experiment keeps its spans elsewhere, since it is the store that a trace is looked up in. A file is
written before the record of the span that refers to it, as a whole or not at all. Names are made of
checked hexadecimal digits only, never of what stands in a span.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

from nbtrace.entities.attachment import Attachment, Reference
from nbtrace.entities.identifiers import is_hex, is_trace_id, normalize_trace_id
from nbtrace.exceptions import NbtraceError
from nbtrace.store.span_files import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "ATTACHMENTS_NAME",
    "TraceAttachments",
    "attachment_files",
    "get_attachment",
    "half_written",
    "lost_directories",
    "read_attachment",
    "remove_attachments",
]

ATTACHMENTS_NAME = "attachments"
ID_DIGITS = 64
# A process may have written an attachment and not yet the row of its trace.
SETTLED_SECONDS = 86_400


def trace_directory(directory: Path, trace_id: str) -> Path:
    """Return where the attachments of a trace are.

    Parameters
    ----------
    directory : pathlib.Path
        The store.
    trace_id : str
        ``tr-`` and 32 hex digits.

    Raises
    ------
    NbtraceError
        For what is no trace id.

    Examples
    --------
    >>> from pathlib import Path
    >>> trace_directory(Path("store"), "tr-" + "0a" * 16).as_posix()
    'store/attachments/0a/tr-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a'
    """
    if not is_trace_id(trace_id):
        raise NbtraceError.invalid(f"{trace_id!r} is no trace id: 'tr-' and 32 hexadecimal digits")
    return directory / ATTACHMENTS_NAME / trace_id[-2:] / trace_id


class TraceAttachments:
    """The attachments of one trace, to write them.

    Parameters
    ----------
    directory : pathlib.Path
        The store.
    trace_id : str
        ``tr-`` and 32 hex digits.

    Attributes
    ----------
    texts : dict
        Texts that hold media, by length and hash, as they are written with references.
    """

    __slots__ = ("_directory", "_sizes", "texts", "trace_id")

    def __init__(self, directory: Path, trace_id: str) -> None:
        self._directory = directory
        self.trace_id = trace_id
        self._sizes: dict[str, int] | None = None
        self.texts: dict[tuple[int, int], str] = {}

    def has(self, reference: Reference) -> bool:
        """Return whether this object has seen an attachment of the trace on disk."""
        own = reference.trace_id == self.trace_id
        return own and reference.attachment_id in (self._sizes or {})

    def keep(self, attachment: Attachment, most_bytes: int) -> None:
        """Write an attachment, once for all spans of the trace that have it.

        Parameters
        ----------
        attachment : Attachment
            The content.
        most_bytes : int
            How much the attachments of the trace may have together.

        Raises
        ------
        OSError
            When the disk is full or read-only; nothing is left behind then.
        NbtraceError
            When the trace has too much already.
        """
        sizes = self._sizes
        place = trace_directory(self._directory, self.trace_id)
        if sizes is None:
            # Another process may have written some, or an earlier import.
            sizes = self._sizes = _sizes(place)
        if attachment.id in sizes:
            return
        size = len(attachment.content_bytes)
        if sum(sizes.values()) + size > most_bytes:
            message = f"the attachments of the trace would exceed {most_bytes:,} bytes"
            raise NbtraceError.invalid(message)
        write_file(f"{place.as_posix()}/{attachment.id}", attachment.content_bytes)
        sizes[attachment.id] = size


def read_attachment(directory: Path, trace_id: str, attachment_id: str) -> bytes | None:
    """Return the content of an attachment.

    Parameters
    ----------
    directory : pathlib.Path
        The store.
    trace_id : str
        Any spelling of a trace id.
    attachment_id : str
        64 hex digits.

    Returns
    -------
    bytes or None
        None when there is none, or the ids are none.
    """
    trace_id = normalize_trace_id(trace_id)
    if not (is_trace_id(trace_id) and is_hex(attachment_id, ID_DIGITS)):
        return None
    try:
        return (trace_directory(directory, trace_id) / attachment_id).read_bytes()
    except OSError:
        return None


def get_attachment(directory: Path, reference: str) -> Attachment:
    """Return the attachment that a reference in a span stands for.

    Parameters
    ----------
    directory : pathlib.Path
        The store.
    reference : str
        ``mlflow-attachment://...``.

    Raises
    ------
    NbtraceError
        For what is no reference, and when the attachment is not there.
    """
    found = Reference.read(reference)
    if found is None:
        message = f"a reference begins with mlflow-attachment://, got {reference[:80]!r}"
        raise NbtraceError.invalid(message)
    content = read_attachment(directory, found.trace_id, found.attachment_id)
    if content is None:
        message = (
            f"the attachment {found.attachment_id[:80]} of trace {found.trace_id[:80]} is not in "
            "this store; open the store that recorded it, or import the trace from an export"
        )
        raise NbtraceError.missing(message)
    return Attachment(content_type=found.content_type, content_bytes=content)


def attachment_files(directory: Path, trace_id: str) -> tuple[int, int]:
    """Return how many attachments a trace has, and their bytes together."""
    sizes = _sizes(trace_directory(directory, trace_id))
    return len(sizes), sum(sizes.values())


def remove_attachments(directory: Path, trace_id: str) -> None:
    """Remove the attachments of a trace that is freed."""
    shutil.rmtree(trace_directory(directory, trace_id), ignore_errors=True)


def lost_directories(directory: Path) -> Iterator[str]:
    """Yield the ids of traces that have attachments, and had them yesterday already.

    Whoever was killed between an attachment and its trace has left one that no trace refers to.

    Parameters
    ----------
    directory : pathlib.Path
        The store.
    """
    for group in _entries(directory / ATTACHMENTS_NAME):
        for path in _entries(group):
            if is_trace_id(path.name) and _is_settled(path):
                yield path.name


def half_written(directory: Path) -> Iterator[Path]:
    """Yield the files that somebody who was killed has left half written, yesterday or before."""
    for group in _entries(directory / ATTACHMENTS_NAME):
        for path in _entries(group):
            if path.name.startswith(".") and _is_settled(path):
                yield path


def _is_settled(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - SETTLED_SECONDS
    except OSError:
        return False


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def _sizes(directory: Path) -> dict[str, int]:
    try:
        return {entry.name: entry.stat().st_size for entry in os.scandir(directory)}
    except OSError:
        return {}
