"""Reading span files: a part as a whole, its lines as they stand, or one span of it.

What is left of a damaged part is read line by line. ``span_files`` says what a part looks like.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.store.errors import StoreWarning
from nbtrace.store.span_files import is_remote, part_path, remote_file_system

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace.entities import Span

__all__ = ["find_part", "read_lines", "read_part", "read_span"]


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
    >>> from nbtrace.store.span_files import write_part
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
    >>> from nbtrace.store.span_files import write_part
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
    >>> from nbtrace.store.span_files import write_part
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
    except (NbtraceError, ValueError, TypeError, KeyError, AttributeError):
        raise NbtraceError(
            f"the span file {path} is damaged: there is no span at byte {offset}"
        ) from None


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
    except FileNotFoundError:
        raise NbtraceError.missing(f"the span file {path} is missing") from None
    except OSError as error:
        raise NbtraceError(f"the span file {path} cannot be read: {error}") from None


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
