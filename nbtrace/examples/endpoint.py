"""An OpenAI-compatible endpoint on loopback, served from a thread of this process.

It answers ``POST /v1/chat/completions``, whole or streamed as server-sent events, with tool calls
and token counts, and ``GET /v1/models``. Its answers come from ``extractive``. So that a retry can
be seen in a trace, the first requests are refused with 503 and a ``retry-after-ms`` header.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from nbtrace.examples import extractive
from nbtrace.transfer.loopback import Loopback, Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MODEL = "extractive-demo"
# Long enough that the wait is a visible bar in the tree, short enough not to be felt.
RETRY_AFTER_MS = 250
# About the pace of a hosted model, so that a streamed answer can be seen to stream.
SECONDS_PER_PIECE = 0.01
# A prompt of this program is below 10 kB; nothing else has business here.
MAX_BODY_BYTES = 1_000_000


def count_tokens(text: str) -> int:
    """Return the tokens of a text as this endpoint counts them: words and punctuation marks.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    int
        The count.

    Examples
    --------
    >>> count_tokens("Hello, world")
    3
    """
    return len(re.findall(r"\w+|[^\w\s]", text))


class LoopbackEndpoint(Loopback):
    """A running endpoint.

    Parameters
    ----------
    refusals : int, optional
        How many requests to refuse with 503 before the first is answered.

    Attributes
    ----------
    model : str
        The name it answers to.

    Examples
    --------
    >>> with LoopbackEndpoint() as endpoint:
    ...     endpoint.base_url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, *, refusals: int = 1) -> None:
        self.model = MODEL
        self._refusals = refusals
        self._lock = threading.Lock()
        super().__init__(_Handler, "nbtrace-demo-endpoint")

    @property
    def base_url(self) -> str:
        """What to give to a client, ``http://127.0.0.1:<port>/v1``."""
        return f"{self.url}/v1"

    def refuse(self) -> bool:
        """Return whether this request is one of those to refuse, counting it."""
        with self._lock:
            self._refusals -= 1
            return self._refusals >= 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Stay silent: the cell's output belongs to the program."""

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            self._refuse(HTTPStatus.NOT_FOUND, f"there is no {self.path} here")
            return
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "nbtrace"}
        self._send({"object": "list", "data": [model]})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too large")
            return
        body = self.rfile.read(length)
        if self.path != "/v1/chat/completions":
            self._refuse(HTTPStatus.NOT_FOUND, f"there is no {self.path} here")
            return
        if self.server.owner.refuse():
            self._refuse(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the model is warming up, try again",
                {"retry-after-ms": str(RETRY_AFTER_MS)},
            )
            return
        try:
            request = json.loads(body)
            answer = extractive.reply(request["messages"], request.get("tools") or ())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._refuse(HTTPStatus.BAD_REQUEST, f"not a chat completion request: {error!r}")
            return
        if request.get("stream"):
            self._stream(_chunks(request, answer))
        else:
            self._send(_completion(request, answer))

    def _refuse(
        self, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        error = {"message": message, "type": status.phrase.lower().replace(" ", "_"), "code": None}
        self._send({"error": error}, status, headers)

    def _send(
        self,
        payload: Mapping[str, Any],
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        body = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, chunks: Iterator[Mapping[str, Any]]) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for chunk in chunks:
                self._write_event(json.dumps(chunk))
                time.sleep(SECONDS_PER_PIECE)
            self._write_event("[DONE]")
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            # The reader stopped half-way, as an interrupted cell does.
            self.close_connection = True

    def _write_event(self, text: str) -> None:
        event = f"data: {text}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))


def _tool_calls(answer: extractive.Reply) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{uuid.uuid4().hex[:12]}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for name, arguments in answer.calls
    ]


def _usage(request: Mapping[str, Any], answer: extractive.Reply) -> dict[str, int]:
    prompt = sum(count_tokens(str(message.get("content") or "")) for message in request["messages"])
    completion = count_tokens(answer.content or json.dumps(answer.calls))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _completion(request: Mapping[str, Any], answer: extractive.Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.content or None}
    if answer.calls:
        message["tool_calls"] = _tool_calls(answer)
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "tool_calls" if answer.calls else "stop",
    }
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex[:12]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL,
        "choices": [choice],
        "usage": _usage(request, answer),
    }


def _chunks(request: Mapping[str, Any], answer: extractive.Reply) -> Iterator[dict[str, Any]]:
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex[:12]}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": MODEL,
    }

    def choices(delta: Mapping[str, Any], reason: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "finish_reason": reason}]

    yield head | {"choices": choices({"role": "assistant", "content": ""})}
    for piece in re.findall(r"\S+\s*", answer.content):
        yield head | {"choices": choices({"content": piece})}
    if answer.calls:
        calls = [{"index": place, **call} for place, call in enumerate(_tool_calls(answer))]
        yield head | {"choices": choices({"tool_calls": calls})}
    yield head | {"choices": choices({}, "tool_calls" if answer.calls else "stop")}
    if (request.get("stream_options") or {}).get("include_usage"):
        yield head | {"choices": [], "usage": _usage(request, answer)}
