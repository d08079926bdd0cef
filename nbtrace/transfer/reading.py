"""What others wrote, read: files, addresses, bytes, dictionaries and DataFrames.

``contents`` gives one by one what is in a source, each with the place it stood at, as spans of an
OTLP document or as a whole trace of MLflow's. What it is, is told by how it begins and not by its
name. An error names the place, so that one bad line of a large file can be found.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from nbtrace.entities import Span, Trace
from nbtrace.entities.json_text import loads
from nbtrace.exceptions import NbtraceError
from nbtrace.transfer import protobuf
from nbtrace.transfer.jaeger import is_jaeger, jaeger_spans
from nbtrace.transfer.langfuse import Row, langfuse_row, langfuse_traces
from nbtrace.transfer.otlp_reading import spans_of
from nbtrace.transfer.phoenix import is_phoenix, phoenix_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BOM = b"\xef\xbb\xbf"
# How much of a file that is nothing known is shown.
SHOWN_BYTES = 40
# An address that does not answer within this is not going to.
URL_SECONDS = 60.0


class Found(NamedTuple):
    """One thing that was read, or the reason why it could not be.

    Attributes
    ----------
    item : Span or Trace or Row or NbtraceError
        A span, a whole trace, a row of Langfuse's, or what was wrong.
    """

    item: Span | Trace | Row | NbtraceError


def contents(source: Any) -> Iterator[Found]:
    """Yield what a source holds.

    Parameters
    ----------
    source : str, Path, bytes, Mapping, Trace, DataFrame, or a list of them
        See ``nbtrace.import_traces``.

    Raises
    ------
    NbtraceError
        When the source itself cannot be read.
    """
    rows: list[Row] = []
    for found in _contents(source):
        if isinstance(found.item, Row):
            rows.append(found.item)
        else:
            yield found
    yield from map(Found, langfuse_traces(rows))


def _contents(source: Any) -> Iterator[Found]:
    match source:
        case Trace():
            yield Found(source)
        case bytes() | bytearray() | memoryview():
            yield from _bytes(bytes(source), "")
        case str() | Path():
            yield from _place(str(source))
        case list() | tuple():
            for index, item in enumerate(source):
                yield from _inside(item, f"[{index}]")
        case dict():
            yield from _inside(source, "")
        case _ if hasattr(source, "to_dict") and hasattr(source, "columns"):
            yield from _frame(source)
        case _ if hasattr(source, "info") and hasattr(source, "to_dict"):  # MLflow's own Trace
            yield from _inside(source.to_dict(), "")
        case _:
            msg = (
                "import_traces reads a path, an address, bytes, a dictionary, a DataFrame, a Trace "
                f"or a list of them; got {type(source).__name__}"
            )
            raise NbtraceError.invalid(msg)


def loaded(source: Any) -> Any:
    """Return a source that can be read twice: what is behind an address as bytes."""
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        return _download(source)
    if isinstance(source, str) and "://" in source:
        return _remote(source)
    if hasattr(source, "__next__"):
        return list(source)
    return source


def _inside(item: Any, place: str) -> Iterator[Found]:
    if isinstance(item, dict):
        yield from _document(item, place)
    else:
        yield from _contents(item)


def _place(text: str) -> Iterator[Found]:
    data = loaded(text)
    if isinstance(data, bytes):
        yield from _bytes(data, f"{text}: ")
        return
    path = Path(text).expanduser()
    if path.is_dir():
        files = sorted(file for file in path.rglob("*.json*") if file.is_file())
        if not files:
            msg = f"the directory {path} holds no .json or .jsonl files"
            raise NbtraceError.missing(msg)
        for file in files:
            yield from _bytes(file.read_bytes(), f"{file}: ")
        return
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        msg = f"there is no file {path}"
        raise NbtraceError.missing(msg) from None
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise NbtraceError.invalid(msg) from None
    yield from _bytes(data, f"{path}: ")


def _download(url: str) -> bytes:
    import urllib.error
    import urllib.request

    from nbtrace.transfer.http import quietly

    request = urllib.request.Request(url, headers={"User-Agent": "nbtrace"})  # noqa: S310 - http(s) only, see _place
    try:
        with quietly(), urllib.request.urlopen(request, timeout=URL_SECONDS) as answer:  # noqa: S310 - as above
            data: bytes = answer.read()
    except (urllib.error.URLError, OSError) as error:
        msg = f"{url} cannot be read: {error}"
        raise NbtraceError.invalid(msg) from None
    return data


def _remote(url: str) -> bytes:
    try:
        import fsspec
    except ImportError:
        msg = f"{url} needs fsspec: pip install 'nbtrace[remote]'"
        raise NbtraceError.invalid(msg) from None
    try:
        with fsspec.open(url, "rb") as file:
            data: bytes = file.read()
    except FileNotFoundError:
        msg = f"there is no file {url}"
        raise NbtraceError.missing(msg) from None
    except (OSError, ValueError, ImportError) as error:
        msg = f"{url} cannot be read: {error}"
        raise NbtraceError.invalid(msg) from None
    return data


def _bytes(data: bytes, place: str) -> Iterator[Found]:
    data = _unpacked(data, place)
    text = data.removeprefix(_BOM).lstrip()
    if not text:
        return
    if text[:1] not in {b"{", b"["}:
        yield from _decoded(data, place)
        return
    try:
        document = _parse(text)
    except ValueError as error:
        if not _is_lines(text):
            yield Found(NbtraceError.invalid(f"{place}this is not JSON ({error})"))
            return
    else:
        yield from _document(document, place)
        return
    for number, line in enumerate(data.removeprefix(_BOM).split(b"\n"), start=1):
        if line.strip():
            where = f"{place}line {number}: "
            try:
                document = _parse(line)
            except ValueError as error:
                yield Found(NbtraceError.invalid(f"{where}this is not JSON ({error})"))
                continue
            yield from _document(document, where)


def _is_lines(text: bytes) -> bool:
    """Return whether a text is documents on lines of their own, and not one over several."""
    first, line_break, _ = text.partition(b"\n")
    if not line_break or not text.strip().count(b"\n"):
        return False
    try:
        _parse(first)
    except ValueError:
        # A damaged first line of many; a document over several lines begins with little.
        return first.rstrip().endswith((b"}", b"]"))
    return True


def _unpacked(data: bytes, place: str) -> bytes:
    if data.startswith(_GZIP):
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            msg = f"{place}this is damaged gzip ({error})"
            raise NbtraceError.invalid(msg) from None
    if data.startswith(_ZSTD):
        return _zstd(data, place)
    return data


def _zstd(data: bytes, place: str) -> bytes:
    from importlib import import_module

    for name in ("compression.zstd", "zstandard"):  # Python 3.14 has the first
        try:
            module: Any = import_module(name)
        except ImportError:
            continue
        try:
            if name == "zstandard":
                plain = _frames(module.ZstdDecompressor(), data)
            else:
                plain = module.decompress(data)
        except Exception as error:
            msg = f"{place}this is damaged zstd ({error})"
            raise NbtraceError.invalid(msg) from None
        return plain
    msg = f"{place}this is zstd; pip install zstandard reads it"
    raise NbtraceError.invalid(msg)


def _frames(unpacker: Any, data: bytes) -> bytes:
    pieces = []
    while data:
        frame = unpacker.decompressobj()
        pieces.append(frame.decompress(data))
        if not frame.eof:
            msg = "it ends early"
            raise ValueError(msg)
        data = frame.unused_data
    return b"".join(pieces)


def _parse(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except ValueError:
        return loads(data)


def _decoded(data: bytes, place: str) -> Iterator[Found]:
    if _is_text(data):
        head = data[:SHOWN_BYTES].decode("utf-8", "ignore")
        msg = f"{place}this is text, but not JSON; it begins with {head!r}"
        yield Found(NbtraceError.invalid(msg))
        return
    try:
        document = protobuf.decode(data)
    except NbtraceError as error:
        msg = f"{place}this is not JSON, and {error.message.removeprefix('this is ')}"
        yield Found(NbtraceError.invalid(msg))
        return
    yield from _document(document, place)


def _is_text(data: bytes) -> bool:
    """Return whether data reads as text, which OTLP in protobuf form never does: ids are random."""
    head = data[: 1 << 12]
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else a character that the cut has divided
            return False
        text = head[: error.start].decode()
    return all(character.isprintable() or character.isspace() for character in text)


def _document(document: Any, place: str) -> Iterator[Found]:
    """Yield what a decoded JSON document holds."""
    if isinstance(document, list):
        for index, item in enumerate(document):
            yield from _document(item, f"{place}[{index}]")
        return
    found = _object(document, place) if isinstance(document, dict) else None
    if found is not None:
        yield from found
        return
    what = f"{type(document).__name__}"
    if isinstance(document, dict):
        what = "an object with the keys " + ", ".join(map(repr, document))
    msg = (
        f"{place}neither an OTLP/JSON document ('resourceSpans'), nor a trace of MLflow's ('info' "
        f"and 'data'), Jaeger's ('traceID' and 'spans'), Phoenix's or Langfuse's, but {what[:200]}"
    )
    yield Found(NbtraceError.invalid(msg))


def _object(  # noqa: PLR0911 - one return a form
    document: dict[str, Any], place: str
) -> Iterable[Found] | None:
    """Return what an object holds, None when it is nothing that is known."""
    if place.endswith("]"):
        place += "."
    if "resourceSpans" in document or "resource_spans" in document:
        return map(Found, spans_of(document, place))
    if "info" in document and "data" in document:
        return [_trace(document, place)]
    if is_jaeger(document):
        return (_placed(found, place) for found in jaeger_spans(document))
    if is_phoenix(document):
        return [_phoenix(document, place)]
    trace, observations = document.get("trace"), document.get("observations")
    if isinstance(trace, dict) and isinstance(observations, list):  # what Langfuse's page saves
        document = {**trace, "observations": observations}
    row = langfuse_row(document, place)
    if row is not None:
        return [Found(row)]
    # as MLflow, Phoenix, Langfuse and Jaeger wrap lists, and Jaeger's newer API a document
    for name in ("traces", "data", "result"):
        if isinstance(document.get(name), list | dict):
            return _document(document[name], f"{place}{name}")
    is_nothing = not document or not {"resourceLogs", "resourceMetrics"}.isdisjoint(document)
    return [] if is_nothing else None


def _placed(found: Span | NbtraceError, place: str) -> Found:
    if isinstance(found, NbtraceError):
        return Found(NbtraceError.invalid(f"{place}{found.message}"))
    return Found(found)


def _phoenix(row: Mapping[str, Any], place: str) -> Found:
    try:
        return Found(phoenix_span(row))
    except NbtraceError as error:
        return Found(NbtraceError.invalid(f"{place}{error.message}"))
    except Exception as error:
        return Found(NbtraceError.invalid(f"{place}{type(error).__name__}: {error}"))


def _trace(document: Mapping[str, Any], place: str) -> Found:
    try:
        return Found(Trace.from_dict(document))
    except Exception as error:
        return Found(NbtraceError.invalid(f"{place}{error}"))


def _frame(frame: Any) -> Iterator[Found]:
    """Yield what is in a DataFrame of MLflow's ``search_traces``, or of Phoenix's spans."""
    if "context.trace_id" in frame.columns:
        for index, row in enumerate(frame.to_dict("records")):
            yield _phoenix(row, f"row {index}: ")
        return
    if "trace" not in frame.columns:
        msg = (
            "a DataFrame of MLflow's traces has a column 'trace', and one of Phoenix's spans "
            "'context.trace_id'; this one has " + ", ".join(map(str, frame.columns))[:200]
        )
        raise NbtraceError.invalid(msg)
    for index, value in enumerate(frame["trace"]):
        where = f"row {index}: "
        if isinstance(value, Trace):
            yield Found(value)
        elif isinstance(value, str | bytes):
            text = value.encode() if isinstance(value, str) else value
            yield from _bytes(text, where)
        elif isinstance(value, dict):
            yield from _document(value, where)
        elif hasattr(value, "to_dict"):
            yield from _document(value.to_dict(), where)
        else:
            yield Found(NbtraceError.invalid(f"{where}the column 'trace' holds no trace"))
