r"""Span files: the parts in which the spans of a trace are kept, and how they are written.

A part is one OTLP/JSON TracesData document with one span on each physical line::

    {"resourceSpans":[{"resource":{...},"scopeSpans":[{"scope":{...},"spans":[\n
    {"traceId":...},\n
    {"traceId":...}\n
    ]}]}]}\n

so that the whole can be sent to any OTLP endpoint as it is, one span can be read by its offset and
length alone, and what is left of a damaged file can be read line by line. A part is written under
another name and renamed, so that no one ever sees half of one; object stores put a whole object at
once. Places that are not local directories go through fsspec, which is imported on use.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.store.location import FILE_MODE, make_private_directory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "PartDocument",
    "SpanGroup",
    "is_remote",
    "part_path",
    "remote_file_system",
    "write_file",
    "write_part",
]

# Virus scanners and indexers on Windows hold a new file for moments.
RENAME_TRIES = 10
RENAME_PAUSE_SECONDS = 0.02

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_counter = itertools.count()
_DAY_MS = 86_400_000
_days: dict[int, str] = {}


class SpanGroup(NamedTuple):
    """Spans that share their resource and scope.

    Attributes
    ----------
    resource : bytes
        OTLP/JSON of the resource.
    scope : bytes
        OTLP/JSON of the instrumentation scope.
    lines : sequence of bytes
        OTLP/JSON of each span, without line breaks.
    schema_url, resource_schema_url : str
        The schemas of the scope and of the resource, which OTLP keeps beside them.

    Examples
    --------
    >>> SpanGroup(b"{}", b"{}", []).schema_url
    ''
    """

    resource: bytes
    scope: bytes
    lines: Sequence[bytes]
    schema_url: str = ""
    resource_schema_url: str = ""


def is_remote(location: str | Path) -> bool:
    """Tell whether a location is a URL for fsspec and not a local directory.

    Parameters
    ----------
    location : str or pathlib.Path
        A directory or a URL.

    Returns
    -------
    bool
        ``True`` for URLs, ``file://`` included.

    Examples
    --------
    >>> is_remote("s3://bucket/traces"), is_remote("/Volumes/main/traces")
    (True, False)
    """
    return "://" in str(location)


def part_path(location: str | Path, trace_id: str, request_time_ms: int, suffix: str) -> str:
    """Return where a part belongs.

    Parameters
    ----------
    location : str or pathlib.Path
        The experiment's span location.
    trace_id : str
        ``"tr-"`` and 32 hex digits.
    request_time_ms : int
        Start of the trace in milliseconds since the epoch; it decides on the day (UTC).
    suffix : str
        ``""`` for the first part.

    Returns
    -------
    str
        Path or URL.

    Examples
    --------
    >>> part_path("s3://b", "tr-4bf92f3577b34da6a3ce929d0e0e4736", 1_700_000_000_000, "81-1")
    's3://b/2023-11-14/36/tr-4bf92f3577b34da6a3ce929d0e0e4736.81-1.json'
    """
    number = request_time_ms // _DAY_MS
    day = _days.get(number)
    if day is None:
        day = _days[number] = _day(number)
    name = f"{trace_id}.{suffix}.json" if suffix else f"{trace_id}.json"
    return f"{location}/{day}/{trace_id[-2:]}/{name}"


def _day(number: int) -> str:
    import datetime as dt

    try:
        # Not fromtimestamp: before 1970 and far ahead it fails on some platforms.
        return str(dt.date(1970, 1, 1) + dt.timedelta(days=number))
    except OverflowError:
        return "0000-00-00"


def write_part(
    location: str | Path,
    trace_id: str,
    request_time_ms: int,
    suffix: str,
    groups: Sequence[tuple[bytes, bytes, Sequence[bytes]] | SpanGroup],
) -> list[list[tuple[int, int]]]:
    """Write one part; it is there as a whole or not at all.

    Parameters
    ----------
    location : str or pathlib.Path
        The experiment's span location: a directory, made when missing, or a URL.
    trace_id : str
        ``"tr-"`` and 32 hex digits.
    request_time_ms : int
        Start of the trace in milliseconds since the epoch.
    suffix : str
        ``""`` for the first part.
    groups : sequence of SpanGroup or of (resource, scope, lines)
        The spans; lines hold no line breaks.

    Returns
    -------
    list of list of (int, int)
        Offset and length in bytes of each line, group by group.

    Raises
    ------
    OSError
        If the disk is full or read-only; nothing is left behind then.
    NbtraceError
        If the location is a URL and fsspec is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_part(name, "tr-" + "0" * 32, 0, "", [(b"{}", b"{}", [b'{"spanId":"1"}'])])
    [[(69, 14)]]
    """
    document = PartDocument()
    places = []
    for group in groups:
        begun = SpanGroup(*group)
        document.begin(begun)
        places.append([(document.add(line), len(line)) for line in begun.lines])
    write_file(part_path(location, trace_id, request_time_ms, suffix), document.data())
    return places


class PartDocument:
    r"""The document that a part holds, put together line by line.

    Attributes
    ----------
    size : int
        Bytes so far.

    Examples
    --------
    >>> document = PartDocument()
    >>> document.begin(SpanGroup(b"{}", b"{}", []))
    >>> document.add(b"{}")
    69
    >>> document.data()[67:]
    b'[\n{}\n]}]}]}\n'
    """

    __slots__ = ("_before", "_pieces", "size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._before = b'{"resourceSpans":['
        self.size = 0

    def begin(self, group: SpanGroup) -> None:
        """Let the lines that follow belong to a group.

        Parameters
        ----------
        group : SpanGroup
            Its own lines are not looked at.
        """
        resource, scope, _, url, resource_url = group
        head = b'%b{"resource":%b%b,"scopeSpans":[{"scope":%b%b,"spans":[' % (
            b"\n]}]}," if self._pieces else self._before,
            resource,
            _schema(resource_url) if resource_url else b"",
            scope,
            _schema(url) if url else b"",
        )
        self._pieces.append(head)
        self.size += len(head)
        self._before = b"\n"

    def add(self, line: bytes) -> int:
        """Add a span to the group that was begun last.

        Parameters
        ----------
        line : bytes
            OTLP/JSON without line breaks.

        Returns
        -------
        int
            Where it begins.
        """
        before = self._before
        self._pieces += (before, line)
        offset = self.size + len(before)
        self.size = offset + len(line)
        self._before = b",\n"
        return offset

    def data(self) -> bytes:
        """Return the document."""
        end = b"\n]}]}]}\n" if self._pieces else self._before + b"]}\n"
        return b"".join((*self._pieces, end))


def _schema(url: str) -> bytes:
    return b',"schemaUrl":' + orjson.dumps(url)


def write_file(path: str, data: bytes) -> None:
    """Write a file that is there as a whole or not at all.

    Parameters
    ----------
    path : str
        Path, whose directory is made when missing, or URL.
    data : bytes
        What it is to hold.

    Raises
    ------
    OSError
        If the disk is full or read-only; nothing is left behind then.
    NbtraceError
        If it is a URL and fsspec is not installed.
    """
    if is_remote(path):
        file_system, remote = remote_file_system(path)
        file_system.makedirs(remote.rpartition("/")[0], exist_ok=True)
        file_system.pipe_file(remote, data)
        return
    directory, _, name = path.rpartition("/")
    # No ".json" at the end, so that nobody takes it for a part. In the directory of the day, since
    # making files in its many subdirectories in turn was slower on ext4 in most measurements.
    temporary = f"{directory.rpartition('/')[0]}/.{name}.{os.getpid()}-{next(_counter)}"
    try:
        descriptor = os.open(temporary, _NEW_FILE, FILE_MODE)
    except FileNotFoundError:
        make_private_directory(directory)
        descriptor = os.open(temporary, _NEW_FILE, FILE_MODE)
    try:
        try:
            written = os.write(descriptor, data)
            while written < len(data):
                written += os.write(descriptor, memoryview(data)[written:])
        finally:
            os.close(descriptor)
        _replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - no Path objects here: it runs once a trace
        raise


def _replace(temporary: str, path: str) -> None:
    for attempt in range(RENAME_TRIES):
        try:
            os.replace(temporary, path)  # noqa: PTH105 - see _write_file
            return
        except FileNotFoundError:
            if attempt:
                raise
            make_private_directory(path.rpartition("/")[0])
        except PermissionError:
            if os.name != "nt" or attempt == RENAME_TRIES - 1:
                raise
            time.sleep(RENAME_PAUSE_SECONDS)


def remote_file_system(url: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URL, and the path in it.

    Parameters
    ----------
    url : str
        Such as ``"s3://bucket/traces"``.

    Returns
    -------
    tuple of (fsspec.AbstractFileSystem, str)
        Both as fsspec gives them.

    Raises
    ------
    NbtraceError
        If fsspec, or its package for the scheme, is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise NbtraceError.invalid(
            f"{url} needs fsspec: pip install 'nbtrace[remote]', and the package for its scheme "
            "(s3fs, gcsfuse, adlfs...)"
        ) from None
    try:
        file_system, name = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise NbtraceError.invalid(f"{url} cannot be opened: {error}") from None
    return file_system, name
