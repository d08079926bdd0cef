"""``nbtrace receive``: an OTLP/HTTP receiver on this machine, for programs outside the notebook.

It listens on 127.0.0.1 and nowhere else, takes ``POST /v1/traces`` as protobuf or JSON, plain or
gzip, and answers when the spans are on disk. Bodies are bounded before and after unpacking. Of a
document with malformed spans the others are kept, and the answer says how many were not, as OTLP's
partial success. A browser cannot reach it from a web page: the content types it takes need a
permission that it never gives, and it answers only to names of this machine.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import zlib
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities import Trace
from nbtrace.exceptions import NbtraceError
from nbtrace.store.errors import StoreUnavailable
from nbtrace.transfer import protobuf
from nbtrace.transfer.carried import without_carried
from nbtrace.transfer.http import JSON, PATH, PROTOBUF
from nbtrace.transfer.ingest import Ingest
from nbtrace.transfer.loopback import HOST, Loopback, Server
from nbtrace.transfer.otlp_reading import spans_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.entities import Span
    from nbtrace.store.store import Store

# OTLP's port.
PORT = 4318
# What the OpenTelemetry Collector takes in one request.
MAX_BODY_BYTES = 20 << 20
# A connection that says nothing for this long is closed.
IDLE_SECONDS = 60.0
# How long, and how much, a refused sender is listened to, so that it gets to read the answer.
LINGER_SECONDS = 2.0
LINGER_BYTES = 64 << 20
_OTHER_SIGNALS = frozenset({"/v1/metrics", "/v1/logs"})
# How this machine is called, by itself and by its containers.
_NAMES = frozenset(
    {"127.0.0.1", "localhost", "[::1]", "host.docker.internal", "host.containers.internal"}
)


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Receiver(Loopback):
    """A running receiver.

    Parameters
    ----------
    store : Store
        Where the spans go.
    redact : callable
        Returns plain data without its secrets.
    port : int
        The port; 0 for any that is free.
    experiment_id : str
        The experiment of traces that are new.
    max_body_bytes : int
        The largest request, unpacked.

    Attributes
    ----------
    url : str
        What to give to an exporter as its endpoint.
    requests, spans, rejected : int
        Counts since the start.

    Raises
    ------
    NbtraceError
        When the port is taken.

    Examples
    --------
    >>> from nbtrace.store import current_store
    >>> with Receiver(current_store(), redact=lambda value: value, port=0) as receiver:
    ...     receiver.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(
        self,
        store: Store,
        *,
        redact: Callable[[Any], Any],
        port: int = PORT,
        experiment_id: str = "0",
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self.requests = self.spans = self.rejected = 0
        self.max_body_bytes = max_body_bytes
        self._ingest = Ingest(store, redact, "received", experiment_id, awaits_root=True)
        self._lock = threading.Lock()
        try:
            super().__init__(_Handler, "nbtrace-receiver", port)
        except OSError as error:
            msg = f"port {port} of {HOST} cannot be used ({error.strerror}); choose another port"
            raise NbtraceError.invalid(msg) from None

    def take(self, document: dict[str, Any]) -> tuple[int, str]:
        """Keep the spans of one request; return how many were not sound, and why."""
        traces: dict[str, list[Span]] = {}
        problems: list[str] = []
        for found in spans_of(document):
            if isinstance(found, NbtraceError):
                problems.append(found.message)
            else:
                traces.setdefault(found.trace_id, []).append(found)
        with self._lock:
            self._ingest.add(without_carried(Trace.from_spans(spans)) for spans in traces.values())
            self.requests += 1
            self.spans += sum(map(len, traces.values()))
            self.rejected += len(problems)
        return len(problems), problems[0][:500] if problems else ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    server_version = "nbtrace"
    sys_version = ""
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's parameter
        """Say nothing: a line a request would bury the terminal."""

    def do_POST(self) -> None:
        """Take spans."""
        kind = self.headers.get_content_type()
        try:
            self._check_sender(kind)
            body = self._unpacked(self._body())
            if self.path in _OTHER_SIGNALS:
                rejected, message = 0, "nbtrace keeps traces; metrics and logs are dropped"
            else:
                rejected, message = self.server.owner.take(_document(body, kind))
        except _Refused as refused:
            self._refuse(refused.status, refused.reason)
        except (OSError, StoreUnavailable) as error:
            if isinstance(error, ConnectionError | TimeoutError):
                self.close_connection = True
                return
            # The sender may try again.
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"the store cannot be written: {error}")
        else:
            self._answer(kind, rejected, message)

    def do_GET(self) -> None:
        """Say what this is."""
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, f"POST traces to {PATH}")

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = do_GET  # noqa: N815 - the base's names

    def _check_sender(self, kind: str) -> None:
        host = self.headers.get("Host", "").rpartition(":")
        name = host[0] or host[2]
        if name.lower() not in _NAMES:
            raise _Refused(HTTPStatus.FORBIDDEN, f"this receiver is not {name!r}")
        if self.path != PATH and self.path not in _OTHER_SIGNALS:
            raise _Refused(HTTPStatus.NOT_FOUND, f"traces are taken at {PATH}")
        if kind not in {JSON, PROTOBUF}:
            reason = f"Content-Type must be {PROTOBUF} or {JSON}, not {kind}"
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, reason)
        if kind == PROTOBUF and not protobuf.is_available():
            reason = "protobuf needs: pip install 'nbtrace[otlp]'; JSON does not"
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, reason)

    def _body(self) -> bytes:
        limit = self.server.owner.max_body_bytes
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks(limit)
        text = self.headers.get("Content-Length", "")
        if not text.isdigit():
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing")
        length = int(text)
        if length > limit:
            raise _too_large(limit)
        body = self.rfile.read(length)
        if len(body) < length:
            raise _Refused(HTTPStatus.BAD_REQUEST, "the body ended early")
        return body

    def _chunks(self, limit: int) -> bytes:
        body = bytearray()
        while True:
            line = self.rfile.readline(1024)
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError:
                raise _Refused(HTTPStatus.BAD_REQUEST, "a chunk has no length") from None
            if size < 0 or len(body) + size > limit:
                raise _too_large(limit)
            chunk = self.rfile.read(size + 2)
            if len(chunk) < size + 2:
                raise _Refused(HTTPStatus.BAD_REQUEST, "the body ended early")
            if size == 0:
                return bytes(body)
            body += chunk[:size]

    def _unpacked(self, body: bytes) -> bytes:
        encoding = self.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding in {"", "identity"}:
            return body
        if encoding not in {"gzip", "deflate"}:
            reason = f"Content-Encoding {encoding} is not taken; gzip is"
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, reason)
        limit = self.server.owner.max_body_bytes
        try:
            unpacking = zlib.decompressobj(wbits=47)  # gzip or zlib, told by its first bytes
            plain = unpacking.decompress(body, limit + 1)
        except zlib.error as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, f"damaged {encoding}: {error}") from None
        if len(plain) > limit:
            raise _too_large(limit)
        if not unpacking.eof:
            raise _Refused(HTTPStatus.BAD_REQUEST, f"the {encoding} ended early")
        return plain

    def _answer(self, kind: str, rejected: int, message: str) -> None:
        if kind == PROTOBUF:
            body = protobuf.encode_response(rejected, message)
        elif rejected or message:
            partial = {"rejectedSpans": str(rejected), "errorMessage": message}
            body = orjson.dumps({"partialSuccess": partial})
        else:
            body = b"{}"
        self._send(HTTPStatus.OK, kind, body)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        # What is left of the body is not looked at, so the connection cannot go on.
        self.close_connection = True
        self._send(status, "text/plain; charset=utf-8", reason.encode())
        # Closed at once, the answer would be lost to a sender that is still at its body.
        deadline = time.monotonic() + LINGER_SECONDS
        left = LINGER_BYTES
        with contextlib.suppress(OSError, ValueError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(LINGER_SECONDS)
            while left > 0 and time.monotonic() < deadline:
                dropped = len(self.rfile.read1(1 << 16))
                if not dropped:
                    break
                left -= dropped

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _too_large(limit: int) -> _Refused:
    return _Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request may have {limit:,} bytes; send less"
    )


def _document(body: bytes, kind: str) -> dict[str, Any]:
    try:
        if kind == PROTOBUF:
            return protobuf.decode(body)
        document = orjson.loads(body)
    except (NbtraceError, ValueError) as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, str(error)[:500]) from None
    if not isinstance(document, dict):
        raise _Refused(HTTPStatus.BAD_REQUEST, "an OTLP/JSON request is an object")
    groups = document.get("resourceSpans", document.get("resource_spans"))
    if (document and groups is None) or not isinstance(groups, list | None):
        raise _Refused(HTTPStatus.BAD_REQUEST, "'resourceSpans' must be a list")
    return document
