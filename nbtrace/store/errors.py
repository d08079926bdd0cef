"""What the store raises and warns of when it cannot do its work.

Capture never breaks the traced code, so the background writer catches `StoreUnavailable` as a whole
and turns it into one warning; everybody else lets it reach the person, whom its message tells what
to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.exceptions import INTERNAL_ERROR, INVALID_STATE, NbtraceError

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

__all__ = ["StoreBusy", "StoreTooNew", "StoreUnavailable", "StoreWarning", "unavailable"]


class StoreWarning(UserWarning):
    """Something of the store is missing, damaged or was ignored, and the work went on."""


class StoreUnavailable(NbtraceError):  # noqa: N818 - it names a state that passes, not a fault
    """The store cannot be written, or not be opened at all.

    Parameters
    ----------
    message : str
        What is wrong with the store and what to do about it.
    error_code : str
        One of the constants of `nbtrace.exceptions`.

    Examples
    --------
    >>> StoreUnavailable("the disk is full").error_code
    'INTERNAL_ERROR'
    """

    def __init__(self, message: str, error_code: str = INTERNAL_ERROR) -> None:
        super().__init__(message, error_code)


class StoreBusy(StoreUnavailable):
    """Another process kept the database locked for longer than the busy timeout; try again."""


class StoreTooNew(StoreUnavailable):
    """The database was written by a newer nbtrace, whose schema this one does not know."""

    def __init__(self, message: str) -> None:
        super().__init__(message, INVALID_STATE)


def unavailable(error: sqlite3.Error | OSError, path: Path) -> StoreUnavailable | None:
    """Return the `StoreUnavailable` that an error of SQLite or of the system stands for.

    Parameters
    ----------
    error : sqlite3.Error or OSError
        What was caught.
    path : pathlib.Path
        The database or directory at which it happened.

    Returns
    -------
    StoreUnavailable or None
        ``None`` for an error that is a fault of nbtrace's own, such as wrong SQL; let that through.

    Examples
    --------
    >>> from pathlib import Path
    >>> unavailable(OSError(28, "No space left on device"), Path("/data/.nbtrace")).message
    '/data/.nbtrace cannot be written: [Errno 28] No space left on device; free space or set \
NBTRACE_DIR to another directory'
    """
    if isinstance(error, OSError):
        return StoreUnavailable(
            f"{path} cannot be written: {error}; free space or set NBTRACE_DIR to another directory"
        )
    import sqlite3  # on use: `import nbtrace` comes by here

    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreBusy(
            f"{path} stayed locked by another process ({error}); try again, and if it stays so, "
            "end the process that holds it"
        )
    advice = {
        sqlite3.SQLITE_FULL: "free space on its disk or set NBTRACE_DIR to another directory",
        sqlite3.SQLITE_IOERR: "check its disk (full, quota or unplugged) "
        "or set NBTRACE_DIR to another",
        sqlite3.SQLITE_READONLY: "make it writable or set NBTRACE_DIR to another directory",
        sqlite3.SQLITE_PERM: "make it writable or set NBTRACE_DIR to another directory",
        sqlite3.SQLITE_CANTOPEN: "check that its directory exists and may be written, "
        "or set NBTRACE_DIR to another directory",
        sqlite3.SQLITE_AUTH: "check the permissions or set NBTRACE_DIR to another directory",
        sqlite3.SQLITE_NOTADB: "it is no database of nbtrace's; move it away or set NBTRACE_DIR",
        sqlite3.SQLITE_CORRUPT: "the file is damaged; restore a copy, or move it away "
        "(the span files beside it are whole)",
    }.get(primary)
    return StoreUnavailable(f"{path}: {error}; {advice}") if advice else None
