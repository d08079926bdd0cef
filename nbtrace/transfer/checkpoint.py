"""How far an export has come, kept on disk so that one that was interrupted goes on.

One line for each step that is safely done: the ids of its traces, and how long the file was then.
The notes are of one export, told by its key (what, where to, in which form); notes of another one,
or old ones, are not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from typing import IO, TYPE_CHECKING

import orjson

from nbtrace.store.location import make_private_directory
from nbtrace.store.locks import try_lock, unlock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Who interrupts an export and means to go on does so soon; later the traces may have changed.
MAX_AGE_SECONDS = 7 * 86_400


def export_key(*parts: object) -> str:
    """Return what names an export: the same for the same question and the same target.

    Examples
    --------
    >>> export_key("all", "http://localhost:4318") == export_key("all", "http://localhost:4318")
    True
    """
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()


class Checkpoint:
    """The notes of one export.

    Parameters
    ----------
    path : Path
        The file of notes, made when there is something to note.
    key : str
        Of the export.

    Attributes
    ----------
    done : set of str
        Traces that an earlier run has exported.
    offset : int
        How long the target was after them.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.done: set[str] = set()
        self.offset = 0
        self._key = key
        self._file: IO[bytes] | None = None
        self._lock_path = path.with_name(path.name + ".lock")
        self._lock: int | None = None
        with contextlib.suppress(OSError):  # without notes an export begins anew, no more
            if not path.parent.exists():
                make_private_directory(path.parent)
            self._lock = try_lock(self._lock_path)
        if self._lock is not None:
            self._read()

    @property
    def owned(self) -> bool:
        """Whether no other process is at the same export."""
        return self._lock is not None

    @property
    def has_notes(self) -> bool:
        """Whether a later run could go on from here."""
        return bool(self.done) or self._file is not None

    def _read(self) -> None:
        try:
            if time.time() - self.path.stat().st_mtime > MAX_AGE_SECONDS:
                return
            lines = self.path.read_bytes().split(b"\n")
        except OSError:
            return
        # The last line is empty, or was being written when the process died.
        notes = []
        for line in lines[:-1]:
            with contextlib.suppress(ValueError):
                notes.append(orjson.loads(line))
        if not notes or notes[0] != {"key": self._key}:
            return
        for note in notes[1:]:
            self.done.update(note["traces"])
            self.offset = note["offset"]

    def note(self, trace_ids: Sequence[str], offset: int = 0) -> None:
        """Note that traces are safely where they were to go."""
        if not trace_ids or self._lock is None:
            return
        if self._file is None:
            fresh = not self.done
            flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if fresh else os.O_APPEND)
            self._file = os.fdopen(os.open(self.path, flags, 0o600), "wb")
            if fresh:
                self._file.write(orjson.dumps({"key": self._key}) + b"\n")
        self._file.write(orjson.dumps({"traces": list(trace_ids), "offset": offset}) + b"\n")
        self._file.flush()

    def close(self, *, finished: bool) -> None:
        """End the notes; those of an export that is finished are removed."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._lock is None:
            return
        if finished:
            self.path.unlink(missing_ok=True)
        unlock(self._lock)
        self._lock = None
        with contextlib.suppress(OSError):
            self._lock_path.unlink()
