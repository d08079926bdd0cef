"""``export_traces``: what the store holds, to a file or to an OTLP/HTTP receiver.

Traces are read a page at a time and written as they come, so that a store of any size can leave. A
file stands under its name once it is whole.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, Protocol, cast

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import encode_traces_data
from nbtrace.search.traces import search_traces
from nbtrace.transfer import protobuf
from nbtrace.transfer.carried import with_carried
from nbtrace.transfer.http import Sender, endpoint_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from nbtrace.entities import Span, Trace
    from nbtrace.store.store import Store

# Traces read at a time; their spans are in memory meanwhile.
PAGE_TRACES = 50
# Spans of one request: receivers take a few megabytes, and a span with a prompt is some kilobytes.
REQUEST_SPANS = 500
REQUEST_BYTES = 3 << 20
FILE_FORMATS = ("json", "jsonl", "protobuf")
PROTOCOLS = ("http/json", "http/protobuf")
_SUFFIXES = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".pb": "protobuf",
    ".binpb": "protobuf",
}


@dataclass(slots=True)
class ExportResult:
    """What has left.

    Attributes
    ----------
    traces, spans : int
        How many.
    target : str
        Where to.
    rejected : int
        Spans the receiver refused.

    Examples
    --------
    >>> ExportResult(1, 3, "traces.jsonl")
    3 spans of 1 trace to traces.jsonl
    """

    traces: int = 0
    spans: int = 0
    target: str = ""
    rejected: int = 0

    def __repr__(self) -> str:
        text = f"{self.spans:,} span{'s' * (self.spans != 1)} of "
        text += f"{self.traces:,} trace{'s' * (self.traces != 1)} to {self.target}"
        return text + (f"; {self.rejected:,} were refused" if self.rejected else "")


class _Target(Protocol):
    rejected: int

    def put(self, spans: list[Span]) -> None: ...

    def finish(self) -> None: ...


def found_traces(
    store: Store,
    filter_string: str | None,
    *,
    locations: Sequence[str] | None = None,
    order_by: Sequence[str] | None = None,
    max_results: int | None = None,
) -> Iterator[Trace]:
    """Yield the traces that a filter finds, a page at a time."""
    token: str | None = None
    left = max_results
    while left is None or left > 0:
        page = search_traces(
            store,
            filter_string=filter_string,
            locations=locations,
            order_by=order_by,
            max_results=PAGE_TRACES if left is None else min(PAGE_TRACES, left),
            page_token=token,
        )
        yield from page.traces
        if left is not None:
            left -= len(page.traces)
        token = page.token
        if token is None:
            return


def export(  # noqa: PLR0913 - what it joins
    traces: Iterable[Trace],
    to: str | os.PathLike[str] | IO[bytes],
    *,
    file_format: Literal["json", "jsonl", "protobuf"] | None = None,
    protocol: Literal["http/json", "http/protobuf"] | None = None,
    headers: Mapping[str, str] | None = None,
    compress: bool | None = None,
    timeout: float = 30.0,
    tries: int = 5,
    progress: Callable[[int], None] | None = None,
) -> ExportResult:
    """Export traces; see ``nbtrace.export_traces``.

    Raises
    ------
    NbtraceError
        When the target cannot be written or reached. The message says how much had left; sending
        it again does no harm, since receivers know a span by its id.
    """
    result = ExportResult(target=str(getattr(to, "name", to)))
    with contextlib.ExitStack() as stack:
        target: _Target
        if isinstance(to, str) and to.startswith(("http://", "https://")):
            result.target = endpoint_url(to)
            chosen = protocol or PROTOCOLS[protobuf.is_available()]
            _check("protocol", chosen, PROTOCOLS)
            sender = Sender(
                result.target, chosen, headers or {}, compress is not False, timeout, tries
            )
            target = _Requests(sender)
        else:
            file, kind = stack.enter_context(_opened(to, file_format, compress=compress))
            target = _FILES[kind](file)
        try:
            for trace in traces:
                spans = with_carried(trace)
                target.put(spans)
                result.traces += 1
                result.spans += len(spans)
                if progress is not None:
                    progress(result.traces)
            target.finish()
        except NbtraceError as error:
            msg = f"{error.message} (after {result.traces:,} traces; exporting again is harmless)"
            raise NbtraceError(msg, error.error_code) from error
        result.rejected = target.rejected
    return result


def _check(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        msg = f"{name} takes {', '.join(choices)}; got {value!r}"
        raise NbtraceError.invalid(msg)


@contextlib.contextmanager
def _opened(
    to: str | os.PathLike[str] | IO[bytes], file_format: str | None, *, compress: bool | None
) -> Iterator[tuple[IO[bytes], str]]:
    """Open a file that takes its name once it is whole."""
    if hasattr(to, "write"):
        kind = file_format or "jsonl"
        _check("file_format", kind, FILE_FORMATS)
        yield cast("IO[bytes]", to), kind
        return
    path = Path(to).expanduser()
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes[-1:] == [".gz"]
    kind = file_format or _SUFFIXES.get(("", *suffixes)[-2 if packed else -1], "")
    if not kind:
        msg = (
            f"the format of {path} is not clear from its name: end it in .jsonl, .json or .pb "
            f"(and .gz), or give file_format, one of {', '.join(FILE_FORMATS)}"
        )
        raise NbtraceError.invalid(msg)
    _check("file_format", kind, FILE_FORMATS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Readable by its owner only, as everything that holds prompts.
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}"
        raise NbtraceError.invalid(msg) from error
    try:
        with os.fdopen(handle, "wb") as file:
            if compress or (compress is None and packed):
                # Without a time in it, the same traces make the same file.
                with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packing:
                    yield packing, kind  # type: ignore[misc]
            else:
                yield file, kind
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


class _Lines:
    """One OTLP/JSON document a line, as OpenTelemetry's file exporters write them."""

    rejected = 0

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def put(self, spans: list[Span]) -> None:
        if spans:
            self._file.write(orjson.dumps(encode_traces_data(spans)) + b"\n")

    def finish(self) -> None:
        self._file.flush()


class _Document(_Lines):
    """One OTLP/JSON document for all."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self._before = b'{"resourceSpans":[\n'

    def put(self, spans: list[Span]) -> None:
        for group in encode_traces_data(spans)["resourceSpans"]:
            self._file.write(self._before + orjson.dumps(group))
            self._before = b",\n"

    def finish(self) -> None:
        self._file.write((self._before if self._before[:1] == b"{" else b"\n") + b"]}\n")
        self._file.flush()


class _Binary(_Lines):
    """One TracesData message; the messages of its parts one after the other are that."""

    def put(self, spans: list[Span]) -> None:
        self._file.write(protobuf.encode(encode_traces_data(spans)))


_FILES: dict[str, Callable[[IO[bytes]], _Target]] = {
    "json": _Document,
    "jsonl": _Lines,
    "protobuf": _Binary,
}


class _Requests:
    """Requests of a bounded size to a receiver."""

    def __init__(self, sender: Sender) -> None:
        self.rejected = 0
        self._sender = sender
        self._spans: list[Span] = []
        self._bytes = 0

    def put(self, spans: list[Span]) -> None:
        for span in spans:
            self._spans.append(span)
            self._bytes += sum(
                len(value) for value in span.raw_attributes.values() if isinstance(value, str)
            )
            if len(self._spans) >= REQUEST_SPANS or self._bytes >= REQUEST_BYTES:
                self.finish()

    def finish(self) -> None:
        if not self._spans:
            return
        answer = self._sender.send(encode_traces_data(self._spans))
        self._spans, self._bytes = [], 0
        self.rejected += answer.rejected
        if answer.message:
            warnings.warn(f"{self._sender.url} says: {answer.message}", stacklevel=2)
