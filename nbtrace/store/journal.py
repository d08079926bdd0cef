"""The journal: every finished span, copied into a memory-mapped file the moment it ends.

A mapped page belongs to the kernel, so a record survives ``kill -9`` as soon as the copy is made,
and making it takes no system call: a ``write(2)`` would release the GIL, and beside busy Python
threads getting it back costs milliseconds. Segments are preallocated for real, because touching a
hole in a sparse map on a full disk is a SIGBUS. Where mapping is unsafe (network file systems,
Windows, Pyodide) each record is written with ``write(2)``; where nothing can be written at all the
records stay in memory, bounded, and the journal says so.

A segment is a 16-byte header and records, each ``length, checksum, kind, scope`` and the payload.
Unused space is zero and a record of length zero cannot exist, so a torn tail is the end. A record is
addressed by its position: segment number in the upper 32 bits, offset in the lower. The writer
releases positions once they are in the span files; a segment without unreleased records goes.
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
_FILE_HEADER = struct.Struct("<8sII")
_RECORD = struct.Struct("<IIHH")
_RECORD_BYTES = _RECORD.size
_pack = _RECORD.pack
_crc32 = zlib.crc32

# About 8,000 small spans: rolling is rare, and a short session does not claim much disk.
SEGMENT_BYTES = 4 << 20
# What is kept when no disk can be written; beyond it the oldest loses.
MEMORY_SEGMENTS = 16

SPAN = 1  # a finished span, one OTLP/JSON object
OPEN = 2  # a span still open: the same object without its end
TRACE = 3  # what TraceInfo needs: a JSON object

NOT_KEPT = -1

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


class _Segment:
    """One file of the journal, or a piece of memory in its place."""

    __slots__ = ("buffer", "path", "pending", "size", "writer")

    def __init__(self, buffer: mmap.mmap | bytearray, path: Path | None, writer: int | None) -> None:
        self.buffer = buffer
        self.path = path
        self.writer = writer
        self.size = len(buffer)
        self.pending = 0

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


def _create(path: Path, size: int, *, mapped: bool) -> _Segment:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o600)
    keep = False
    try:
        header = _FILE_HEADER.pack(MAGIC, VERSION, size)
        if not mapped:
            os.write(handle, header)
            keep = True
            return _Segment(bytearray(size), path, handle)
        _allocate(handle, size)
        buffer = mmap.mmap(handle, size)
        buffer[: _FILE_HEADER.size] = header
        return _Segment(buffer, path, None)
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
        self._number = 0
        self._offset = self._size = 0
        self._base = 0
        self._buffer: mmap.mmap | bytearray = bytearray()
        self._segment: _Segment | None = None

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
        record = _pack(len(payload), _crc32(payload, kind), kind, scope) + payload
        with self._lock:
            # The reservation comes before the copy, so that a re-entrant call cannot take it too.
            offset = self._offset
            end = offset + len(record)
            if end > self._size:
                offset = self._roll(len(record))
                if offset < 0:
                    self.lost += 1
                    return NOT_KEPT
                end = offset + len(record)
            self._offset = end
            segment = self._segment
            assert segment is not None  # noqa: S101 - _roll made one
            segment.pending += 1
            self._buffer[offset:end] = record
            if segment.writer is not None:
                self._write_through(segment, offset, record)
            return self._base + offset

    def _write_through(self, segment: _Segment, offset: int, record: bytes) -> None:
        try:
            segment.write_through(offset, record)
        except OSError as error:
            self.problem = error

    def _roll(self, needed: int) -> int:
        """Open the next segment and return where its first record goes."""
        previous = self._segment
        size = max(self._segment_bytes, needed + _FILE_HEADER.size)
        number = self._number + 1
        segment = self._new_segment(number, size)
        if segment is None:
            return -1
        self._number = number
        self._segments[number] = segment
        self._segment = segment
        self._buffer = segment.buffer
        self._size = segment.size
        self._base = number << 32
        self._offset = _FILE_HEADER.size
        if previous is not None and previous.pending == 0:
            self._drop(number - 1)
        return self._offset

    def _new_segment(self, number: int, size: int) -> _Segment | None:
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
                segment.pending -= count
                if segment.pending == 0 and segment is not self._segment:
                    self._drop(number)

    def _drop(self, number: int) -> None:
        segment = self._segments.pop(number, None)
        if segment is not None:
            segment.close(delete=True)

    @property
    def pending(self) -> int:
        """Number of records that are not released."""
        with self._lock:
            return sum(segment.pending for segment in self._segments.values())

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
            for segment in self._segments.values():
                segment.close(delete=delete)
            self._segments.clear()
            self._segment = None
            self._offset = self._size = 0
            self._buffer = bytearray()

    def abandon(self) -> None:
        """In the child of a fork: let go of the parent's segments without touching them."""
        # The parent may have held the lock at the moment of the fork.
        self._lock = threading.RLock()
        self.close(delete=False)


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
    magic, version, _ = _FILE_HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        return
    offset = _FILE_HEADER.size
    while offset + _RECORD_BYTES <= len(data):
        length, checksum, kind, scope = _RECORD.unpack_from(data, offset)
        start = offset + _RECORD_BYTES
        payload = data[start : start + length]
        if length == 0 or len(payload) < length or _crc32(payload, kind) != checksum:
            return
        yield Record(kind, scope, payload)
        offset = start + length
