"""The journal: every finished span, copied into a memory-mapped file the moment it ends.

A mapped page belongs to the kernel, so a record survives ``kill -9`` as soon as the copy is made,
and making it takes no system call: a ``write(2)`` would release the GIL, and beside busy Python
threads getting it back costs milliseconds. Where mapping is unsafe (network file systems, Windows,
Pyodide) each record is written with ``write(2)``; where nothing can be written at all the records
stay in memory, bounded, and the journal says so.

A record is addressed by its position: segment number in the upper 32 bits, offset in the lower. The
writer releases positions once they are in the span files. A segment without unreleased records is
used again, since touching a page for the first time costs more than the rest of ``append``.

``append`` takes no lock, which would be a third of its cost. It counts its record, which keeps the
segment from being used again, and reserves its place in one statement that calls nothing: with the
GIL nothing comes between its parts, no thread, signal handler or collected generator. Everything
else happens under the lock, and a segment is closed to ``append`` while its fate is decided. Where
there is no GIL, ``append`` takes the lock as well.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
from typing import TYPE_CHECKING

from nbtrace.store.segments import (
    FILE_HEADER,
    PLAIN,
    RECORD,
    RECORD_BYTES,
    SPAN,
    SUFFIX,
    Record,
    Segment,
    checksum,
    create_segment,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# About 2,000 small spans: rolling is rare, and a short session does not claim much disk.
SEGMENT_BYTES = 1 << 20
# Released segments that are kept to be used again.
SPARE_SEGMENTS = 8
# What is kept when no disk can be written; beyond it the oldest loses.
MEMORY_SEGMENTS = 16

NOT_KEPT = -1

_ENDED = frozenset({PLAIN, SPAN})
_pack_into = RECORD.pack_into
_unpack_from = RECORD.unpack_from
# Stands for none: it has no room, so that the first record makes the first segment.
_NO_SEGMENT = Segment(bytearray(), None, None)


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
    >>> from nbtrace.store.segments import SPAN
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
        # Re-entrant: a generator's span may be ended by the garbage collector under it.
        self._lock = threading.RLock()
        self._segments: dict[int, Segment] = {}
        self._spare: list[Segment] = []
        self._number = 0
        self._epoch = 0
        self._segment = _NO_SEGMENT
        if not getattr(sys, "_is_gil_enabled", lambda: True)():
            self._append, self.append = self.append, self._append_alone  # type: ignore[method-assign]

    def append(self, kind: int, scope: int, payload: bytes) -> int:
        """Keep a record.

        Parameters
        ----------
        kind : int
            ``SPAN``, ``PLAIN``, ``OPEN`` or ``TRACE``.
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
        while True:
            segment = self._segment
            segment.appended += 1
            # One statement: see above. A tracing debugger may switch threads between two.
            segment.end = end = (offset := segment.end) + length + RECORD_BYTES
            if end <= segment.size:
                break
            if not self._make_room(segment, length + RECORD_BYTES):
                return NOT_KEPT
        buffer = segment.buffer
        _pack_into(buffer, offset, length, checksum(payload, segment.seed + kind), kind, scope)
        buffer[offset + RECORD_BYTES : end] = payload
        if segment.writer is not None:
            self._write_through(segment, offset, end)
        return segment.base + offset

    def _append_alone(self, kind: int, scope: int, payload: bytes) -> int:
        with self._lock:
            return self._append(kind, scope, payload)

    def _write_through(self, segment: Segment, offset: int, end: int) -> None:
        try:
            with self._lock:
                segment.write_through(offset, end)
        except OSError as error:
            self.problem = error

    def _make_room(self, segment: Segment, needed: int) -> bool:
        """Take back a record that found no room in a segment; return whether to try again."""
        with self._lock:
            segment.appended -= 1
            if segment is not self._segment:  # another thread was first
                self._retire(segment)
            elif segment.end > segment.size and not self._roll(needed):
                self.lost += 1
                return False
            return True

    def _roll(self, needed: int) -> bool:
        """Open the next segment; return whether there is room."""
        size = max(self._segment_bytes, needed + FILE_HEADER.size)
        # Taken first, so that a number is never used twice: a Ctrl-C may strike below, and a
        # generator that is collected there may need a segment of its own for its span.
        number = self._number = self._number + 1
        segment = self._next_segment(number, size)
        if segment is None:
            return False
        self._segments[number] = segment
        self._begin(segment, number)
        before, self._segment = self._segment, segment
        self._retire(before)
        return True

    def _begin(self, segment: Segment, number: int) -> None:
        self._epoch += 1
        segment.clear(self._epoch)
        segment.open(number)

    def _next_segment(self, number: int, size: int) -> Segment | None:
        if self._spare and self._spare[-1].size >= size:
            return self._spare.pop()
        if self.directory is not None:
            try:
                path = self.directory / f"{number:08d}{SUFFIX}"
                segment = create_segment(path, size, mapped=self._mapped)
                self.problem = None
                return segment
            except OSError as error:
                self.problem = error
        in_memory = sum(segment.path is None for segment in self._segments.values())
        if in_memory >= MEMORY_SEGMENTS:
            return None
        return Segment(bytearray(size), None, None)

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
        length, _, kind, scope = _unpack_from(buffer, offset)
        start = offset + RECORD_BYTES
        return Record(kind, scope, bytes(buffer[start : start + length]))

    def ended(self, positions: Iterable[int]) -> list[tuple[int, int, bytes]]:
        """Return the records of many spans, which is twice as fast as one by one.

        Parameters
        ----------
        positions : iterable of int
            As ``append`` returned them.

        Returns
        -------
        list of tuple of int, int and bytes
            Kind, scope and payload of each, as `read` returns them; the payload of a record that
            is not of a span that has ended is left out.

        Raises
        ------
        KeyError
            When one of the records is gone.
        """
        segments = self._segments
        records: list[tuple[int, int, bytes]] = []
        for position in positions:
            buffer = segments[position >> 32].buffer
            offset = position & 0xFFFFFFFF
            length, _, kind, scope = _unpack_from(buffer, offset)
            if kind in _ENDED:
                start = offset + RECORD_BYTES
                records.append((kind, scope, bytes(buffer[start : start + length])))
            else:
                records.append((kind, scope, b""))
        return records

    def release(self, positions: Iterable[int]) -> None:
        """Forget records that are kept elsewhere now."""
        counts: dict[int, int] = {}
        for position in positions:
            number = position >> 32
            counts[number] = counts.get(number, 0) + 1
        with self._lock:
            for number, count in counts.items():
                segment = self._segments.get(number)
                if segment is not None:
                    segment.released += count
                    self._retire(segment)

    def renewed(self, position: int) -> int:
        """Return where a record lies now: held for long, it moves out of an old segment.

        One record that is needed for long would else keep a whole segment from being used again.
        """
        if position >> 32 == self._segment.base >> 32:
            return position
        moved = self.append(*self.read(position))
        if moved == NOT_KEPT:
            return position
        self.release([position])
        return moved

    def _retire(self, segment: Segment) -> None:
        """Use a segment again, or let it go, when nothing in it is needed."""
        # Closed first: what is appended from here on waits for the lock.
        end, segment.end = segment.end, segment.size + 1
        number = segment.base >> 32
        if segment.released != segment.appended or self._segments.get(number) is not segment:
            segment.end = end
            return
        del self._segments[number]
        if segment is self._segment:
            # A new number: an old position must not read what follows.
            self._number += 1
            self._segments[self._number] = segment
            self._begin(segment, self._number)
            return
        reusable = segment.path is not None and segment.size == self._segment_bytes
        if reusable and len(self._spare) < SPARE_SEGMENTS:
            self._epoch += 1
            segment.clear(self._epoch)
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
            self._segment = _NO_SEGMENT
            for segment in [*self._segments.values(), *self._spare]:
                segment.close(delete=delete)
            self._segments.clear()
            self._spare.clear()

    def abandon(self) -> None:
        """In the child of a fork: let go of the parent's segments without touching them."""
        # The parent may have held the lock at the moment of the fork.
        self._lock = threading.RLock()
        self.close(delete=False)
