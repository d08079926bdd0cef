"""A lock that dies with its process, so that a reader can tell a live journal from a dead one.

The operating system drops the lock when the process ends, however it ends. A lock is on a file of
its own; the file's text (the process id) is for people only. On a platform that offers no such lock
``try_lock`` still returns a handle, and the age of the file must serve instead.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Where the journals are, and the lock of each.
ACTIVE_NAME = "active"
LOCK_NAME = "lock"

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    try:
        import fcntl
    except ImportError:  # Pyodide has one process, so nobody contends

        def _lock(handle: int) -> None:
            del handle

    else:

        def _lock(handle: int) -> None:
            # flock and not lockf: a POSIX record lock is lost when any handle of the file is closed
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(path: Path) -> int | None:
    """Take the lock of a file without waiting.

    Parameters
    ----------
    path : Path
        The lock file; made (mode 0600) when missing.

    Returns
    -------
    int or None
        A file descriptor that holds the lock until it is closed in every process that has it, or
        None when another process holds it.

    Raises
    ------
    OSError
        When the file cannot be opened, for instance on a read-only disk.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0)
    handle = os.open(path, flags, 0o600)
    try:
        _lock(handle)
    except OSError:
        os.close(handle)
        return None
    return handle


def unlock(handle: int) -> None:
    """Let go of a lock taken by ``try_lock``."""
    with contextlib.suppress(OSError):
        os.close(handle)
