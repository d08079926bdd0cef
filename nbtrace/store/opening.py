"""Opening the database: read and write or read only, in the right journal mode.

The file is made before SQLite sees it, so that it is never readable by others; SQLite gives the WAL
and the journal beside it the mode of the database.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from nbtrace.store.location import FILE_MODE, is_network_path
from nbtrace.store.schema import ensure_schema

__all__ = ["connect", "identity", "make_file", "open_empty", "set_journal_mode", "tune"]

# Long enough for another kernel's batch, or its checkpoint on a slow disk; short enough that a
# person sees an error and not a hang.
BUSY_TIMEOUT_SECONDS = 10.0
# A change of the journal mode waits this long; the mode in force serves as well.
MODE_PATIENCE_SECONDS = 2.0
# Pages of the indexes that a batch touches stay in memory: 16 MB a connection.
CACHE_KIB = 16_384
# Pages in the WAL, 16 MB, before a commit moves them into the database. That waits for the disk: at
# SQLite's own 1,000 pages it was a fourth of what writing the rows of small traces takes.
CHECKPOINT_PAGES = 4_000
# After a burst the WAL file is cut back to this size.
WAL_SIZE_LIMIT_BYTES = 64 * 2**20


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of the same name, ``None`` if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def make_file(path: Path) -> bool:
    """Make the file if there is none, readable by its owner only; tell whether it is writable."""
    try:
        # SQLite gives the WAL and the journal the mode of the database.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE_MODE))
        return True
    except FileExistsError:
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    except OSError:
        if path.exists():
            return False
        raise


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open a connection; check_same_thread is off only so that `close` may close it."""
    if not read_only:
        return sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
    uri = path.absolute().as_uri() + "?mode=ro"
    connection = _connect_uri(uri)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.OperationalError as error:
        connection.close()
        # A WAL database needs its -shm file, which cannot be made here. Nobody can write here
        # either, so the file may be taken as it is; a WAL beside it would be left out, though.
        wal = Path(f"{path}-wal")
        if error.sqlite_errorcode & 0xFF not in {
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
        } or (wal.exists() and wal.stat().st_size):
            raise
        connection = _connect_uri(uri + "&immutable=1")
    return connection


def _connect_uri(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def open_empty(path: Path) -> sqlite3.Connection:
    """Open what a store holds that was never written: an empty database, in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    ensure_schema(connection, path)
    return connection


def set_journal_mode(connection: sqlite3.Connection, path: Path) -> None:
    """Set WAL on a local disk, DELETE on a network file system; keep what is there if refused."""
    wanted = "delete" if is_network_path(path) else "wal"
    deadline = time.monotonic() + MODE_PATIENCE_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != wanted:
        try:
            connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
            return  # or it stays in the mode it is in, which is safe where WAL is refused
        except sqlite3.OperationalError as error:
            # The change of mode does not honour the busy timeout: another process is opening too.
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                return
            time.sleep(0.01)


def tune(connection: sqlite3.Connection) -> None:
    """Set what each connection has to be told anew."""
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    # In WAL mode NORMAL loses at most the last transactions, and only with the power; `sync` is
    # for that. A rollback journal needs FULL to survive it undamaged.
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_SIZE_LIMIT_BYTES}")
