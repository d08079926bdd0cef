"""The files of a journal: segments of a fixed size, and the records in them.

A segment is a 16-byte header and records, each ``length, checksum, kind, scope`` and the payload.
Segments are preallocated for real, because touching a hole in a sparse map on a full disk is a
SIGBUS. A segment whose records are all released is used again: its header gets a new epoch, which
goes into every checksum, so that what an earlier epoch left does not read as a record.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from nbtrace.store.plain_spans import plain_span, span_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAGIC = b"NBTRACEJ"
VERSION = 1
FILE_HEADER = struct.Struct("<8sII")  # magic, version, epoch
RECORD = struct.Struct("<IIHH")
RECORD_BYTES = RECORD.size
# Adler-32 and not CRC-32: without tables it costs half as much between other work.
checksum = zlib.adler32

SPAN = 1  # a finished span, one OTLP/JSON object
OPEN = 2  # a span still open: the same object without its end
PLAIN = 4  # a finished span with nothing out of the ordinary: the JSON array of its fields
TRACE = 3  # what TraceInfo needs: a JSON object

# The seed of a checksum is the segment's epoch and the record's kind, within Adler-32's modulus.
_KIND_BITS = 4
_EPOCHS = 4_000
# How a payload begins: where the next record may be, behind one that is torn.
_BEGINNING = re.compile(rb'\{"trace|\["[0-9a-f]{32}"')

SUFFIX = ".journal"


class Record(NamedTuple):
    """One record as it is read back.

    Attributes
    ----------
    kind : int
        ``SPAN``, ``PLAIN``, ``OPEN`` or ``TRACE``.
    scope : int
        Number of the resource and instrumentation scope the span came from.
    payload : bytes
        The JSON text.
    """

    kind: int
    scope: int
    payload: bytes

    @property
    def line(self) -> bytes | None:
        """The line of a span that has ended; None for other kinds of record."""
        if self.kind == PLAIN:
            return span_line(*plain_span(self.payload))
        return self.payload if self.kind == SPAN else None


class Segment:
    """One file of the journal, or a piece of memory in its place.

    Attributes
    ----------
    end : int
        Where the next record goes; beyond ``size`` while none may be added.
    appended, released : int
        Records so far, through all epochs: equal when none of them is needed.
    base : int
        Position of its first byte.
    seed : int
        Of its checksums.
    """

    __slots__ = ("appended", "base", "buffer", "end", "path", "released", "seed", "size", "writer")

    def __init__(
        self, buffer: mmap.mmap | bytearray, path: Path | None, writer: int | None
    ) -> None:
        self.buffer = buffer
        self.path = path
        self.writer = writer
        self.size = len(buffer)
        self.appended = self.released = 0
        self.base = self.seed = 0
        self.end = self.closed

    @property
    def closed(self) -> int:
        """The end of a segment that takes no records."""
        return self.size + 1

    def clear(self, epoch: int) -> None:
        """Make it empty: what it holds belongs to an earlier epoch. It takes no records yet."""
        header = FILE_HEADER.pack(MAGIC, VERSION, epoch)
        self.buffer[: FILE_HEADER.size] = header
        self.seed = _seed(epoch)
        self.write_through(0, FILE_HEADER.size)

    def open(self, number: int) -> None:
        """Let it take records under a number; after ``clear``."""
        self.base = number << 32
        self.end = FILE_HEADER.size

    def write_through(self, offset: int, end: int) -> None:
        """Write a stretch with ``write(2)``, where the segment is not mapped."""
        if self.writer is not None:
            os.lseek(self.writer, offset, os.SEEK_SET)
            os.write(self.writer, self.buffer[offset:end])

    def close(self, *, delete: bool) -> None:
        """Unmap it, and delete its file or leave it."""
        self.end = self.closed
        if isinstance(self.buffer, mmap.mmap):
            self.buffer.close()
        if self.writer is not None:
            os.close(self.writer)
        if delete and self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()


def _seed(epoch: int) -> int:
    return epoch % _EPOCHS << _KIND_BITS


def create_segment(path: Path, size: int, *, mapped: bool) -> Segment:
    """Make the file of a segment, allocated and mapped.

    Raises
    ------
    OSError
        When the disk is full or read-only; nothing is left behind then.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    flags |= (
        getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_BINARY", 0)
    )
    handle = os.open(path, flags, 0o600)
    keep = False
    try:
        if not mapped:
            keep = True
            return Segment(bytearray(size), path, handle)
        _allocate(handle, size)
        return Segment(mmap.mmap(handle, size), path, None)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    finally:
        if not keep:
            os.close(handle)


def _allocate(handle: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
        return
    block = bytes(1 << 16)
    for _ in range(0, size, len(block)):
        os.write(handle, block)


def segments_in_order(directory: Path) -> list[Path]:
    """Return the segment files of a journal, the one begun first first.

    Their names do not tell: a segment that is used again keeps its name and gets a new epoch.

    Parameters
    ----------
    directory : Path
        The journal's directory.
    """
    epochs: list[tuple[int, Path]] = []
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        with path.open("rb") as file:
            header = file.read(FILE_HEADER.size)
        epoch = FILE_HEADER.unpack(header)[2] if len(header) == FILE_HEADER.size else 0
        epochs.append((epoch, path))
    return [path for _, path in sorted(epochs)]


def read_segment(path: Path) -> Iterator[Record]:
    """Yield the records of a segment file.

    One that is torn is left out: its process died while it was copied, while another thread of it
    may have added the next.

    Parameters
    ----------
    path : Path
        A file written by a ``Journal``.

    Yields
    ------
    Record
        In the order they were appended.
    """
    data = path.read_bytes()
    if len(data) < FILE_HEADER.size:
        return
    magic, version, epoch = FILE_HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        return
    seed = _seed(epoch)
    offset = FILE_HEADER.size
    while 0 <= offset <= len(data) - RECORD_BYTES:
        length, expected, kind, scope = RECORD.unpack_from(data, offset)
        start = offset + RECORD_BYTES
        payload = data[start : start + length]
        if 0 < length == len(payload) and checksum(payload, seed + kind) == expected:
            yield Record(kind, scope, payload)
            offset = start + length
        else:
            found = _BEGINNING.search(data, start + 1)
            offset = -1 if found is None else found.start() - RECORD_BYTES
