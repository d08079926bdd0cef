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

from nbtrace.store.span_files import SpanGroup

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE_NAME = "scopes.jsonl"
# A journal record keeps the number in 16 bits; whoever has more scopes than that makes them up.
MAX_SCOPES = 65_535


class ScopeTable:
    """Resources and scopes, both as OTLP/JSON, with the schemas of both, numbered.

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
        self._entries: list[tuple[bytes, bytes, str, str]] = []
        self._numbers: dict[tuple[bytes, bytes, str, str], int] = {}
        self._lock = threading.RLock()
        self.number(*first)

    def number(
        self, resource: bytes, scope: bytes, schema_url: str = "", resource_schema_url: str = ""
    ) -> int:
        """Return the number of a resource and a scope, adding them when they are new."""
        entry = (resource, scope, schema_url, resource_schema_url)
        number = self._numbers.get(entry)
        if number is not None:
            return number
        with self._lock:
            if len(self._entries) >= MAX_SCOPES:
                return 0
            number = self._numbers.setdefault(entry, len(self._entries))
            if number == len(self._entries):
                self._entries.append(entry)
                self._append(entry)
            return number

    def _append(self, entry: tuple[bytes, bytes, str, str]) -> None:
        if self._path is None:
            return
        # Without the table a recovered span loses the name of its library, no more.
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            handle = os.open(self._path, flags, 0o600)
            try:
                urls = orjson.dumps(entry[2:])
                os.write(handle, b"[%b,%b,%b]\n" % (entry[0], entry[1], urls))
            finally:
                os.close(handle)

    def group(self, number: int, lines: Sequence[bytes] = ()) -> SpanGroup:
        """Return spans under their resource and scope; nbtrace's own for an unknown number."""
        entry = self._entries[number if number < len(self._entries) else 0]
        resource, scope, *urls = entry
        return SpanGroup(resource, scope, lines, *urls)


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
    entries: list[tuple[bytes, bytes, str, str]] = []
    with contextlib.suppress(OSError, orjson.JSONDecodeError, ValueError, TypeError):
        for line in (directory / FILE_NAME).read_bytes().splitlines():
            resource, scope, (schema_url, resource_schema_url) = orjson.loads(line)
            texts = orjson.dumps(resource), orjson.dumps(scope)
            entries.append((*texts, str(schema_url), str(resource_schema_url)))
    table = ScopeTable(None, entries[0][:2] if entries else (b"{}", b"{}"))
    for entry in entries[1:]:
        table.number(*entry)
    return table
