"""Where an export goes: a file of one of OTLP's forms, a file to read, or requests to a receiver.

A target takes whole traces and says by ``settle`` that what it was given is safe. A file is written
under a hidden name beside its own and takes its own when it is whole.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import warnings
from typing import IO, TYPE_CHECKING, Protocol

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import encode_traces_data
from nbtrace.transfer import protobuf
from nbtrace.transfer.batches import batches, size_of
from nbtrace.transfer.mlflow_server import RestApi, annotate
from nbtrace.transfer.phoenix_server import annotate_spans
from nbtrace.transfer.report import Report

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace.entities import Span, Trace
    from nbtrace.transfer.http import Sender
    from nbtrace.transfer.receivers import Adapter

FILE_FORMATS = ("json", "jsonl", "protobuf", "html")
_SUFFIXES = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".pb": "protobuf",
    ".binpb": "protobuf",
    ".html": "html",
    ".htm": "html",
}


class Target(Protocol):
    """What takes traces."""

    rejected: int

    def put(self, trace: Trace) -> None:
        """Take a trace."""

    def settle(self) -> int:
        """Have all that was taken safe; return how long the target is now."""

    def finish(self) -> None:
        """End it: it is whole."""

    def give_up(self, *, keep: bool) -> None:
        """Let go of it, and keep what is there if it can be gone on with."""


def file_format_of(path: Path, chosen: str | None) -> tuple[str, bool]:
    """Return the form of a file, and whether it is packed, by its name.

    Parameters
    ----------
    path : Path
        The file.
    chosen : str or None
        The form, in place of what the name says.

    Raises
    ------
    NbtraceError
        When the name does not say it.

    Examples
    --------
    >>> from pathlib import Path
    >>> file_format_of(Path("traces.jsonl.gz"), None)
    ('jsonl', True)
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes[-1:] == [".gz"]
    kind = chosen or _SUFFIXES.get(("", *suffixes)[-2 if packed else -1], "")
    if not kind:
        msg = (
            f"the format of {path} is not clear from its name: end it in .jsonl, .json, .pb (and "
            f".gz) or .html, or give file_format, one of {', '.join(FILE_FORMATS)}"
        )
        raise NbtraceError.invalid(msg)
    return checked_format(kind), packed


def checked_format(kind: str) -> str:
    """Return a file format that there is."""
    if kind not in FILE_FORMATS:
        msg = f"file_format takes {', '.join(FILE_FORMATS)}; got {kind!r}"
        raise NbtraceError.invalid(msg)
    return kind


class _Lines:
    """One OTLP/JSON document a line, as OpenTelemetry's file exporters write them."""

    head = tail = b""

    def encode(self, spans: list[Span]) -> bytes:
        return orjson.dumps(encode_traces_data(spans)) + b"\n" if spans else b""

    def resume(self) -> None:
        """Go on behind what an earlier run has written."""


class _Document(_Lines):
    """One OTLP/JSON document for all."""

    tail = b"\n]}\n"
    _before = b'{"resourceSpans":[\n'

    def encode(self, spans: list[Span]) -> bytes:
        pieces = []
        for group in encode_traces_data(spans)["resourceSpans"]:
            pieces.append(self._before + orjson.dumps(group))
            self._before = b",\n"
        return b"".join(pieces)

    @property
    def ending(self) -> bytes:
        """What closes the document, also one without spans."""
        return b"]}\n" if self._before == b",\n" else self._before + b"]}\n"

    def resume(self) -> None:
        self._before = b",\n"


class _Binary(_Lines):
    """One TracesData message; the messages of its parts one after the other are that."""

    def encode(self, spans: list[Span]) -> bytes:
        return protobuf.encode(encode_traces_data(spans))


_FORMS: dict[str, type[_Lines]] = {"json": _Document, "jsonl": _Lines, "protobuf": _Binary}


class StreamTarget:
    """An open binary file that somebody else closes."""

    rejected = 0

    def __init__(self, file: IO[bytes], kind: str, adapt: Adapter) -> None:
        self._file = file
        self._adapt = adapt
        self._form: _Lines | Report = Report() if kind == "html" else _FORMS[kind]()

    def put(self, trace: Trace) -> None:
        """Write a trace."""
        if isinstance(self._form, Report):
            self._form.add(trace)
        else:
            self._file.write(self._form.encode(self._adapt(trace)))

    def settle(self) -> int:
        """Hand to the system what was written."""
        self._file.flush()
        return 0

    def finish(self) -> None:
        """Write the end."""
        if isinstance(self._form, Report):
            self._file.write(self._form.page())
        elif isinstance(self._form, _Document):
            self._file.write(self._form.ending)
        self._file.flush()

    def give_up(self, *, keep: bool) -> None:
        """Do nothing: the file is somebody else's."""


class FileTarget(StreamTarget):
    """A file that takes its name once it is whole.

    Parameters
    ----------
    path : Path
        Its name.
    kind : str
        One of ``FILE_FORMATS``.
    packed : bool
        Whether with gzip.
    adapt : callable
        Returns the spans of a trace.
    offset : int
        Where an earlier run had come to.
    unfinished : str
        The hidden name's ending.

    Raises
    ------
    NbtraceError
        When it cannot be written.
    """

    def __init__(  # noqa: PLR0913 - what a file is told by
        self, path: Path, kind: str, adapt: Adapter, *, packed: bool, offset: int, unfinished: str
    ) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.{unfinished}")
        self._packed = packed
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Readable by its owner only, as everything that holds prompts.
            self._raw = os.fdopen(os.open(self._partial, flags, 0o600), "r+b")
            self._raw.truncate(offset)
            self._raw.seek(offset)
        except OSError as error:
            msg = f"{path} cannot be written: {error.strerror}"
            raise NbtraceError.invalid(msg) from None
        super().__init__(self._member(), kind, adapt)
        if offset and isinstance(self._form, _Lines):
            self._form.resume()

    def _member(self) -> IO[bytes]:
        if not self._packed:
            return self._raw
        # Without a time in it, the same traces make the same file.
        return gzip.GzipFile(fileobj=self._raw, mode="wb", mtime=0)  # type: ignore[return-value]  # typeshed has it as no IO

    def settle(self) -> int:
        """Bring what was written to the disk's cache, which survives the process."""
        if self._packed:
            # A gzip file may have several members; one that is closed can be read.
            self._file.close()
        self._raw.flush()
        offset = self._raw.tell()
        if self._packed:
            self._file = self._member()
        return offset

    def finish(self) -> None:
        """Write the end and give the file its name."""
        super().finish()
        if self._packed:
            self._file.close()
        self._raw.close()
        self._partial.replace(self._path)

    def give_up(self, *, keep: bool) -> None:
        """Close it, and leave what a note says is safe."""
        with contextlib.suppress(OSError, ValueError):
            # gzip's own file first, since it still writes its end; a later run cuts that off
            self._file.close()
        with contextlib.suppress(OSError, ValueError):
            self._raw.close()
        if not keep:
            self._partial.unlink(missing_ok=True)


_ANNOTATE = {"mlflow": annotate, "phoenix": annotate_spans}


class RequestTarget:
    """Requests of a bounded size to a receiver.

    Parameters
    ----------
    sender : Sender
        Sends them.
    adapt : callable
        Returns the spans of a trace.
    receiver : str or None
        Which one, where that is known.
    """

    def __init__(self, sender: Sender, adapt: Adapter, receiver: str | None = None) -> None:
        self.rejected = 0
        self._sender = sender
        self._adapt = adapt
        self._spans: list[Span] = []
        self._size = 0.0
        self._annotate = _ANNOTATE.get(receiver or "")
        self._api = RestApi(sender.url, sender.headers)
        self._annotated: list[Trace] = []

    def put(self, trace: Trace) -> None:
        """Send a trace, or keep it until a request is full."""
        spans = self._adapt(trace)
        self._spans += spans
        self._size += size_of(spans)
        if self._annotate is not None and trace.info.assessments:
            self._annotated.append(trace)
        if self._size >= 1.0:
            *full, rest = batches(self._spans)
            for batch in full:
                self._send(batch)
            self._spans, self._size = rest, size_of(rest)

    def settle(self) -> int:
        """Send what has been kept."""
        for batch in batches(self._spans):
            self._send(batch)
        self._spans, self._size = [], 0.0
        if self._annotate is not None:
            for trace in self._annotated:
                for problem in self._annotate(self._api, trace):
                    warnings.warn(problem, stacklevel=2)
        self._annotated = []
        return 0

    def finish(self) -> None:
        """Send what has been kept."""
        self.settle()

    def give_up(self, *, keep: bool) -> None:
        """Send no more."""

    def _send(self, batch: list[Span]) -> None:
        answer = self._sender.send(encode_traces_data(batch))
        self.rejected += answer.rejected
        if answer.message:
            warnings.warn(f"{self._sender.url} says: {answer.message}", stacklevel=2)
