r"""Span files: the parts in which the spans of a trace are kept.

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
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.store.errors import StoreWarning
from nbtrace.store.location import FILE_MODE, make_private_directory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbtrace.entities import Span

__all__ = [
    "SpanGroup",
    "find_part",
    "is_remote",
    "part_path",
    "read_lines",
    "read_part",
    "read_span",
    "remote_file_system",
    "write_part",
]

# Virus scanners and indexers on Windows hold a new file for moments.
RENAME_TRIES = 10
RENAME_PAUSE_SECONDS = 0.02

_O_BINARY = getattr(os, "O_BINARY", 0)
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
    schema_url : str
        The scope's schema URL, which OTLP keeps beside the scope.

    Examples
    --------
    >>> SpanGroup(b"{}", b"{}", []).schema_url
    ''
    """

    resource: bytes
    scope: bytes
    lines: Sequence[bytes]
    schema_url: str = ""


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
    pieces: list[bytes] = []
    places: list[list[tuple[int, int]]] = []
    opening = b'{"resourceSpans":['
    offset = 0
    for group in groups:
        resource, scope, lines, *rest = group
        url = b',"schemaUrl":' + orjson.dumps(rest[0]) if rest and rest[0] else b""
        head = b'%b{"resource":%b,"scopeSpans":[{"scope":%b%b,"spans":[\n' % (
            opening,
            resource,
            scope,
            url,
        )
        offset += len(head)
        pieces += (head, b",\n".join(lines), b"\n")
        place = []
        for line in lines:
            length = len(line)
            place.append((offset, length))
            offset += length + 2
        places.append(place)
        # The last line is followed by a line break only, and an empty group by that as well.
        offset += -1 if lines else 1
        opening = b"]}]},"
    pieces.append(b"]}]}]}\n" if groups else opening + b"]}\n")
    path = part_path(location, trace_id, request_time_ms, suffix)
    if is_remote(location):
        file_system, name = remote_file_system(path)
        file_system.makedirs(name.rpartition("/")[0], exist_ok=True)
        file_system.pipe_file(name, b"".join(pieces))
    else:
        _write_file(path, b"".join(pieces))
    return places


def _write_file(path: str, data: bytes) -> None:
    directory, _, name = path.rpartition("/")
    # No ".json" at the end, so that nobody takes it for a part.
    temporary = f"{directory}/.{name}.{os.getpid()}-{next(_counter)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _O_BINARY
    try:
        descriptor = os.open(temporary, flags, FILE_MODE)
    except FileNotFoundError:
        make_private_directory(directory)
        descriptor = os.open(temporary, flags, FILE_MODE)
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
        except PermissionError:
            if os.name != "nt" or attempt == RENAME_TRIES - 1:
                raise
            time.sleep(RENAME_PAUSE_SECONDS)


def read_part(path: str | Path) -> list[Span]:
    """Return the spans of one part, with their resource and scope.

    Parameters
    ----------
    path : str or pathlib.Path
        Path or URL.

    Returns
    -------
    list of Span
        In the order of the file. Of a damaged part, those that can be read, with a `StoreWarning`
        that names the file.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such file, or it cannot be read at all.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = write_part(name, "tr-" + "0" * 32, 0, "", [])
    ...     read_part(part_path(name, "tr-" + "0" * 32, 0, ""))
    []
    """
    from nbtrace.otel.otlp import decode_traces_data

    data = _read(path)
    try:
        return decode_traces_data(data)
    except (NbtraceError, ValueError, TypeError, KeyError, AttributeError):
        spans = _salvage(data)
        warnings.warn(
            f"the span file {path} is damaged: {len(spans)} of its spans could be read",
            StoreWarning,
            stacklevel=2,
        )
        return spans


def read_lines(path: str | Path) -> list[bytes]:
    """Return the lines of one part's spans as they stand, without resource and scope.

    Parameters
    ----------
    path : str or pathlib.Path
        Path or URL.

    Returns
    -------
    list of bytes
        OTLP/JSON of a span each, in the order of the file.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such file, or it cannot be read at all.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = write_part(name, "tr-" + "0" * 32, 0, "", [(b"{}", b"{}", [b"{}", b"{}"])])
    ...     read_lines(part_path(name, "tr-" + "0" * 32, 0, ""))
    [b'{}', b'{}']
    """
    return [
        line.removesuffix(b",")
        for line in _read(path).split(b"\n")
        if line.startswith(b"{") and not line.startswith(b'{"resourceSpans"')
    ]


def _salvage(data: bytes) -> list[Span]:
    """Return the spans of all lines that are whole, with the resource and scope above them."""
    from nbtrace.otel.otlp import decode_traces_data

    spans: list[Span] = []
    head, tail = b'{"resourceSpans":[{"scopeSpans":[{"spans":[', b"]}]}]}"
    for line in data.split(b"\n"):
        if line.endswith(b'"spans":['):
            head = b'{"resourceSpans":[{"resource"' + line.partition(b'{"resource"')[2]
            continue
        try:
            spans += decode_traces_data(head + line.rstrip(b",") + tail)
        except (NbtraceError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return spans


def read_span(path: str | Path, offset: int, length: int) -> Span:
    """Return one span of a part without reading the others; it has no resource and no scope.

    Parameters
    ----------
    path : str or pathlib.Path
        Path or URL.
    offset, length : int
        Where its line is, in bytes, as `write_part` returned.

    Returns
    -------
    Span
        The span.

    Raises
    ------
    NbtraceError
        If the file is missing, or has no span at that place.

    Examples
    --------
    >>> import tempfile
    >>> line = b'{"traceId":"%b","spanId":"00f067aa0ba902b7","name":"ask"}' % (b"0a" * 16)
    >>> with tempfile.TemporaryDirectory() as name:
    ...     [[place]] = write_part(name, "tr-" + "0a" * 16, 0, "", [(b"{}", b"{}", [line])])
    ...     read_span(part_path(name, "tr-" + "0a" * 16, 0, ""), *place).name
    'ask'
    """
    from nbtrace.otel.otlp import decode_span

    data = _read(path, offset, length)
    try:
        return decode_span(orjson.loads(data))
    except (NbtraceError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NbtraceError(
            f"the span file {path} is damaged: there is no span at byte {offset}"
        ) from error


def _read(path: str | Path, offset: int = 0, length: int | None = None) -> bytes:
    try:
        if is_remote(path):
            file_system, name = remote_file_system(str(path))
            end = None if length is None else offset + length
            content: bytes = file_system.cat_file(name, start=offset, end=end)
            return content
        with open(path, "rb") as file:  # noqa: PTH123 - takes text and Path alike
            if offset:
                file.seek(offset)
            return file.read() if length is None else file.read(length)
    except FileNotFoundError as error:
        raise NbtraceError.missing(f"the span file {path} is missing") from error
    except OSError as error:
        raise NbtraceError(f"the span file {path} cannot be read: {error}") from error


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
    except ImportError as error:
        raise NbtraceError.invalid(
            f"{url} needs fsspec: pip install 'nbtrace[remote]', and the package for its scheme "
            "(s3fs, gcsfuse, adlfs...)"
        ) from error
    try:
        file_system, name = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise NbtraceError.invalid(f"{url} cannot be opened: {error}") from error
    return file_system, name


def find_part(location: str | Path, trace_id: str, suffix: str) -> str | None:
    """Return where a part is that is not under the day it belongs to, or ``None``.

    A trace whose first part came from a process with a later start may have parts of two days.

    Parameters
    ----------
    location : str or pathlib.Path
        The experiment's span location.
    trace_id : str
        ``"tr-"`` and 32 hex digits.
    suffix : str
        ``""`` for the first part.

    Returns
    -------
    str or None
        Path or URL.

    Examples
    --------
    >>> find_part("/nowhere", "tr-" + "0" * 32, "") is None
    True
    """
    tail = part_path("", trace_id, 0, suffix).split("/", 2)[2]
    try:
        if is_remote(location):
            file_system, root = remote_file_system(str(location))
            for name in file_system.glob(f"{root}/*/{tail}"):
                return str(file_system.unstrip_protocol(name))
            return None
        for day in os.listdir(location):  # noqa: PTH208 - text paths throughout
            candidate = f"{location}/{day}/{tail}"
            if os.path.exists(candidate):  # noqa: PTH110 - text paths throughout
                return candidate
    except OSError:
        pass
    return None
