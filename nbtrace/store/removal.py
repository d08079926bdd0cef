"""Removing the span files of traces that are freed for good."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from nbtrace.store.span_file_reader import find_part
from nbtrace.store.span_files import is_remote, part_path, remote_file_system

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["remove_parts"]

# Directories of days younger than this may still get files.
SETTLED_MS = 2 * 86_400_000


def remove_parts(
    location: str | Path,
    trace_id: str,
    request_time_ms: int,
    suffixes: Sequence[str],
    *,
    remove: bool = True,
) -> tuple[int, int]:
    """Remove the parts of a trace, those too that its row does not know of.

    Parameters
    ----------
    location : str or pathlib.Path
        The experiment's span location.
    trace_id : str
        ``"tr-"`` and 32 hex digits.
    request_time_ms : int
        Start of the trace in milliseconds since the epoch.
    suffixes : sequence of str
        Suffixes of the parts that the database knows.
    remove : bool
        ``False`` only counts.

    Returns
    -------
    tuple of (int, int)
        Number of files, and their bytes; remote files have no size here.

    Raises
    ------
    OSError
        If a file is there and cannot be removed.
    """
    if is_remote(location):
        return _remove_remote(str(location), trace_id, remove=remove), 0
    count = size = 0
    for path in _local_parts(location, trace_id, request_time_ms, suffixes):
        with contextlib.suppress(FileNotFoundError):
            length = os.stat(path).st_size  # noqa: PTH116 - text paths, as in span_files
            if remove:
                os.unlink(path)  # noqa: PTH108 - text paths
            count += 1
            size += length
    if remove and time.time() * 1000 - request_time_ms > SETTLED_MS:
        directory = part_path(location, trace_id, request_time_ms, "").rpartition("/")[0]
        for empty in (directory, directory.rpartition("/")[0]):
            with contextlib.suppress(OSError):
                os.rmdir(empty)  # noqa: PTH106 - text paths
    return count, size


def _remove_remote(location: str, trace_id: str, *, remove: bool) -> int:
    store, root = remote_file_system(location)
    tail = f"/*/{trace_id[-2:]}/{trace_id}"
    found = {*store.glob(f"{root}{tail}.json"), *store.glob(f"{root}{tail}.*.json")}
    if found and remove:
        store.rm(sorted(found))
    return len(found)


def _local_parts(
    location: str | Path, trace_id: str, request_time_ms: int, suffixes: Sequence[str]
) -> set[str]:
    """Return the files of a trace under its day, and those of its parts under other days."""
    directory = part_path(location, trace_id, request_time_ms, "").rpartition("/")[0]
    found: set[str] = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):  # noqa: PTH208 - text paths
            if name.startswith(f"{trace_id}.") and name.endswith(".json"):
                found.add(f"{directory}/{name}")
    for suffix in suffixes:
        if part_path(location, trace_id, request_time_ms, suffix) not in found:
            elsewhere = find_part(location, trace_id, suffix)
            if elsewhere is not None:
                found.add(elsewhere)
    return found
