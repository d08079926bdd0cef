"""Where spans came from: the resources and instrumentation scopes of one process, numbered.

A journal record carries a number in place of the resource and the scope. The table stands beside
the journal as JSON lines, so that whoever recovers the journal can read the numbers.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "scopes.jsonl"
# A journal record keeps the number in 16 bits; whoever has more scopes than that makes them up.
MAX_SCOPES = 65_535


class ScopeTable:
    """The numbered pairs of resource and scope, both as OTLP/JSON.

    Parameters
    ----------
    directory : Path or None
        The journal's directory; None keeps the table in memory.
    first : tuple of bytes
        Resource and scope of number 0, nbtrace's own.

    Examples
    --------
    >>> table = ScopeTable(None, (b"{}", b'{"name":"nbtrace"}'))
    >>> table.number(b"{}", b'{"name":"openai"}')
    1
    """

    def __init__(self, directory: Path | None, first: tuple[bytes, bytes]) -> None:
        self._path = None if directory is None else directory / FILE_NAME
        self._pairs: list[tuple[bytes, bytes]] = []
        self._numbers: dict[tuple[bytes, bytes], int] = {}
        self._lock = threading.RLock()
        self.number(*first)

    def number(self, resource: bytes, scope: bytes) -> int:
        """Return the number of a pair, adding it when it is new."""
        pair = (resource, scope)
        number = self._numbers.get(pair)
        if number is not None:
            return number
        with self._lock:
            if len(self._pairs) >= MAX_SCOPES:
                return 0
            number = self._numbers.setdefault(pair, len(self._pairs))
            if number == len(self._pairs):
                self._pairs.append(pair)
                self._append(pair)
            return number

    def _append(self, pair: tuple[bytes, bytes]) -> None:
        if self._path is None:
            return
        # Without the table a recovered span loses the name of its library, no more.
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            handle = os.open(self._path, flags, 0o600)
            try:
                os.write(handle, b"[" + pair[0] + b"," + pair[1] + b"]\n")
            finally:
                os.close(handle)

    def __getitem__(self, number: int) -> tuple[bytes, bytes]:
        """Return resource and scope of a number; nbtrace's own for one that is not known."""
        return self._pairs[number] if number < len(self._pairs) else self._pairs[0]


def read_scopes(directory: Path) -> ScopeTable:
    """Read the table that a process left.

    Parameters
    ----------
    directory : Path
        The directory of its journal.

    Returns
    -------
    ScopeTable
        The table; of one empty entry when the file is missing or unreadable.
    """
    pairs: list[tuple[bytes, bytes]] = []
    with contextlib.suppress(OSError, orjson.JSONDecodeError, ValueError, TypeError):
        for line in (directory / FILE_NAME).read_bytes().splitlines():
            resource, scope = orjson.loads(line)
            pairs.append((orjson.dumps(resource), orjson.dumps(scope)))
    table = ScopeTable(None, pairs[0] if pairs else (b"{}", b"{}"))
    for resource_text, scope_text in pairs[1:]:
        table.number(resource_text, scope_text)
    return table
