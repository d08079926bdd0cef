"""The journal: every finished span, copied into a memory-mapped file the moment it ends.

A mapped page belongs to the kernel, so a record survives ``kill -9`` as soon as the copy is made,
and making it takes no system call: a ``write(2)`` would release the GIL, and beside busy Python
threads getting it back costs milliseconds. Segments are preallocated for real, because touching a
hole in a sparse map on a full disk is a SIGBUS. Where mapping is unsafe (network file systems,
Windows, Pyodide) each record is written with ``write(2)``; where nothing can be written at all the
records stay in memory, bounded, and the journal says so.

A segment is a 16-byte header and records, each ``length, checksum, kind, scope`` and the payload.
A record is addressed by its position: segment number in the upper 32 bits, offset in the lower. The
writer releases positions once they are in the span files. A segment without unreleased records is
used again, since touching a page for the first time costs more than the rest of ``append``: its
header gets a new epoch, which goes into every checksum, so that what an earlier epoch left reads as
a torn tail. A torn tail is the end.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import sys
import threading
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MAGIC = b"NBTRACEJ"
VERSION = 1
_FILE_HEADER = struct.Struct("<8sII")  # magic, version, epoch
_RECORD = struct.Struct("<IIHH")
_RECORD_BYTES = _RECORD.size
_pack = _RECORD.pack
# Adler-32 and not CRC-32: without tables it costs half as much between other work.
_checksum = zlib.adler32

# About 2,000 small spans: rolling is rare, and a short session does not claim much disk.
SEGMENT_BYTES = 1 << 20
# Released segments that are kept to be used again.
SPARE_SEGMENTS = 8
# What is kept when no disk can be written; beyond it the oldest loses.
MEMORY_SEGMENTS = 16

SPAN = 1  # a finished span, one OTLP/JSON object
OPEN = 2  # a span still open: the same object without its end
TRACE = 3  # what TraceInfo needs: a JSON object

NOT_KEPT = -1
# The seed of a checksum is the segment's epoch and the record's kind, within Adler-32's modulus.
_KIND_BITS = 4
_EPOCHS = 4_000

SUFFIX = ".journal"


class Record(NamedTuple):
    """One record as it is read back.

    Attributes
    ----------
    kind : int
        ``SPAN``, ``OPEN`` or ``TRACE``.
    scope : int
        Number of the resource and instrumentation scope the span came from.
    payload : bytes
        The JSON text.
    """

    kind: int
    scope: int
    payload: bytes


def _seed(epoch: int) -> int:
    return epoch % _EPOCHS << _KIND_BITS


class _Segment:
    """One file of the journal, or a piece of memory in its place."""

    __slots__ = ("appended", "buffer", "path", "released", "size", "writer")

    def __init__(
        self, buffer: mmap.mmap | bytearray, path: Path | None, writer: int | None
    ) -> None:
        self.buffer = buffer
        self.path = path
        self.writer = writer
        self.size = len(buffer)
        self.appended = 0
        self.released = 0

    def begin(self, epoch: int) -> None:
        """Make it empty: what it holds belongs to an earlier epoch."""
        self.appended = self.released = 0
        header = _FILE_HEADER.pack(MAGIC, VERSION, epoch)
        self.buffer[: _FILE_HEADER.size] = header
        self.write_through(0, header)

    def write_through(self, offset: int, record: bytes) -> None:
        if self.writer is not None:
            os.lseek(self.writer, offset, os.SEEK_SET)
            os.write(self.writer, record)

    def close(self, *, delete: bool) -> None:
        if isinstance(self.buffer, mmap.mmap):
            self.buffer.close()
        if self.writer is not None:
            os.close(self.writer)
        if delete and self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()


_NO_SEGMENT = _Segment(bytearray(), None, None)


def _create(path: Path, size: int, *, mapped: bool) -> _Segment:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    flags |= (
        getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_BINARY", 0)
    )
    handle = os.open(path, flags, 0o600)
    keep = False
    try:
        if not mapped:
            keep = True
            return _Segment(bytearray(size), path, handle)
        _allocate(handle, size)
        return _Segment(mmap.mmap(handle, size), path, None)
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


class Journal:
    """The journal of this process.

    Parameters
    ----------
    directory : Path or None
        Where the segments go; it must exist. None keeps the records in memory only.
    mapped : bool
        Whether to map the segments; False writes each record with ``write(2)``.
    segment_bytes : int
        Size of a segment.

    Attributes
    ----------
    problem : OSError or None
        Why records are kept in memory only.
    lost : int
        Records that neither the disk nor the memory could take.

    Examples
    --------
    >>> journal = Journal(None)
    >>> journal.read(journal.append(SPAN, 0, b"{}")).payload
    b'{}'
    """

    def __init__(
        self,
        directory: Path | None,
        *,
        mapped: bool = sys.platform != "win32",
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.directory = directory
        self.problem: OSError | None = None
        self.lost = 0
        self._mapped = mapped
        self._segment_bytes = segment_bytes
        # Re-entrant: a generator's span may be ended by the garbage collector inside append().
        self._lock = threading.RLock()
        self._segments: dict[int, _Segment] = {}
        self._spare: list[_Segment] = []
        self._number = 0
        self._offset = self._size = 0
        self._base = 0
        self._epoch = 0
        self._seed = 0
        self._buffer: mmap.mmap | bytearray = bytearray()
        # stands for none: it has no room, so that the first record makes the first segment
        self._segment = _NO_SEGMENT
        self._through = False

    def append(self, kind: int, scope: int, payload: bytes) -> int:
        """Keep a record.

        Parameters
        ----------
        kind : int
            ``SPAN``, ``OPEN`` or ``TRACE``.
        scope : int
            Number of the resource and scope, 0 to 65,535.
        payload : bytes
            JSON text; not empty.

        Returns
        -------
        int
            The position for ``read`` and ``release``; ``NOT_KEPT`` when there was no room at all.
        """
        length = len(payload)
        with self._lock:
            # The reservation comes before the copy, so that a re-entrant call cannot take it too.
            offset = self._offset
            end = offset + length + _RECORD_BYTES
            if end > self._size:
                if not self._roll(length + _RECORD_BYTES):
                    self.lost += 1
                    return NOT_KEPT
                offset = self._offset
                end = offset + length + _RECORD_BYTES
            self._offset = end
            segment = self._segment
            segment.appended += 1
            record = _pack(length, _checksum(payload, self._seed + kind), kind, scope) + payload
            self._buffer[offset:end] = record
            if self._through:
                self._write_through(segment, offset, record)
            return self._base + offset

    def _write_through(self, segment: _Segment, offset: int, record: bytes) -> None:
        try:
            segment.write_through(offset, record)
        except OSError as error:
            self.problem = error

    def _roll(self, needed: int) -> bool:
        """Open the next segment; return whether there is room."""
        size = max(self._segment_bytes, needed + _FILE_HEADER.size)
        # Taken first, so that a number is never used twice: a Ctrl-C may strike below, and a
        # generator that is collected there may need a segment of its own for its span.
        number = self._number = self._number + 1
        segment = self._next_segment(number, size)
        if segment is None:
            return False
        previous = self._base >> 32
        self._segments[number] = segment
        self._segment = segment
        self._begin(segment, number)
        before = self._segments.get(previous)
        if before is not None and before is not segment and before.released == before.appended:
            self._retire(previous)
        return True

    def _begin(self, segment: _Segment, number: int) -> None:
        epoch = self._epoch = self._epoch + 1
        segment.begin(epoch)
        self._seed = _seed(epoch)
        self._buffer = segment.buffer
        self._size = segment.size
        self._base = number << 32
        self._through = segment.writer is not None
        self._offset = _FILE_HEADER.size

    def _next_segment(self, number: int, size: int) -> _Segment | None:
        if self._spare and self._spare[-1].size >= size:
            return self._spare.pop()
        if self.directory is not None:
            try:
                path = self.directory / f"{number:08d}{SUFFIX}"
                segment = _create(path, size, mapped=self._mapped)
                self.problem = None
                return segment
            except OSError as error:
                self.problem = error
        in_memory = sum(segment.path is None for segment in self._segments.values())
        if in_memory >= MEMORY_SEGMENTS:
            return None
        return _Segment(bytearray(size), None, None)

    def read(self, position: int) -> Record:
        """Return the record at a position that is not released yet.

        Parameters
        ----------
        position : int
            As ``append`` returned it.

        Returns
        -------
        Record
            The record.

        Raises
        ------
        KeyError
            When the record is gone.
        """
        buffer = self._segments[position >> 32].buffer
        offset = position & 0xFFFFFFFF
        length, _, kind, scope = _RECORD.unpack_from(buffer, offset)
        start = offset + _RECORD_BYTES
        return Record(kind, scope, bytes(buffer[start : start + length]))

    def release(self, positions: Iterable[int]) -> None:
        """Forget records that are kept elsewhere now."""
        counts: dict[int, int] = {}
        for position in positions:
            number = position >> 32
            counts[number] = counts.get(number, 0) + 1
        with self._lock:
            for number, count in counts.items():
                segment = self._segments.get(number)
                if segment is None:
                    continue
                segment.released += count
                if segment.released == segment.appended:
                    self._retire(number)

    def _retire(self, number: int) -> None:
        """Use a segment again, or let it go."""
        segment = self._segments[number]
        if segment is self._segment:
            # A new number: an old position must not read what follows.
            del self._segments[number]
            self._number += 1
            self._segments[self._number] = segment
            self._begin(segment, self._number)
            return
        del self._segments[number]
        reusable = segment.path is not None and segment.size == self._segment_bytes
        if reusable and len(self._spare) < SPARE_SEGMENTS:
            self._epoch += 1
            segment.begin(self._epoch)
            self._spare.append(segment)
        else:
            segment.close(delete=True)

    @property
    def pending(self) -> int:
        """Number of records that are not released."""
        with self._lock:
            return sum(item.appended - item.released for item in self._segments.values())

    def sync(self) -> None:
        """Wait until what is kept would survive a power cut."""
        with self._lock:
            for segment in self._segments.values():
                if isinstance(segment.buffer, mmap.mmap):
                    segment.buffer.flush()
                elif segment.writer is not None:
                    os.fsync(segment.writer)

    def close(self, *, delete: bool) -> None:
        """Unmap the segments.

        Parameters
        ----------
        delete : bool
            Whether to delete the files too: False in the child of a fork, where they are the
            parent's, and where records are not released yet.
        """
        with self._lock:
            for segment in [*self._segments.values(), *self._spare]:
                segment.close(delete=delete)
            self._segments.clear()
            self._spare.clear()
            self._segment = _NO_SEGMENT
            self._offset = self._size = 0
            self._buffer = bytearray()

    def abandon(self) -> None:
        """In the child of a fork: let go of the parent's segments without touching them."""
        # The parent may have held the lock at the moment of the fork.
        self._lock = threading.RLock()
        self.close(delete=False)


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
            header = file.read(_FILE_HEADER.size)
        epoch = _FILE_HEADER.unpack(header)[2] if len(header) == _FILE_HEADER.size else 0
        epochs.append((epoch, path))
    return [path for _, path in sorted(epochs)]


def read_segment(path: Path) -> Iterator[Record]:
    """Yield the records of a segment file, up to the first that is torn.

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
    if len(data) < _FILE_HEADER.size:
        return
    magic, version, epoch = _FILE_HEADER.unpack_from(data)
    seed = _seed(epoch)
    if magic != MAGIC or version != VERSION:
        return
    offset = _FILE_HEADER.size
    while offset + _RECORD_BYTES <= len(data):
        length, checksum, kind, scope = _RECORD.unpack_from(data, offset)
        start = offset + _RECORD_BYTES
        payload = data[start : start + length]
        if length == 0 or len(payload) < length or _checksum(payload, seed + kind) != checksum:
            return
        yield Record(kind, scope, payload)
        offset = start + length
