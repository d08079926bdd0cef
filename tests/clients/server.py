"""A loopback server that answers as model providers do, so that their real clients can be driven.

It speaks OpenAI's chat completions, responses and embeddings and Anthropic's messages. What it
answers follows from the request alone: a tool is called where tools are offered and none has
answered yet, JSON is returned where a schema is asked for, and ``fail`` as the last message is an
error.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

ANSWER = "Hello there"
PIECES = ("Hel", "lo ", "the", "re")
ARGUMENTS = {"city": "Paris"}
STRUCTURED = {"city": "Paris"}
MODEL = "gpt-4o-mini-2024-07-18"
CLAUDE = "claude-sonnet-4-5"
INPUT_TOKENS, OUTPUT_TOKENS, CACHED_TOKENS, REASONING_TOKENS = 1200, 500, 200, 100
EMBEDDING_TOKENS = 3
DIMENSIONS = 8
FAILURE = "the prompt was refused"

_CHAT_USAGE = {
    "prompt_tokens": INPUT_TOKENS,
    "completion_tokens": OUTPUT_TOKENS,
    "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
    "completion_tokens_details": {"reasoning_tokens": REASONING_TOKENS},
}
_CLAUDE_USAGE = {
    "input_tokens": INPUT_TOKENS - CACHED_TOKENS,
    "output_tokens": OUTPUT_TOKENS,
    "cache_read_input_tokens": CACHED_TOKENS,
    "cache_creation_input_tokens": 0,
}
_RESPONSES_USAGE = {
    "input_tokens": INPUT_TOKENS,
    "output_tokens": OUTPUT_TOKENS,
    "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
    "output_tokens_details": {"reasoning_tokens": REASONING_TOKENS},
}


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content or [])


def _is_answered(message: dict[str, Any]) -> bool:
    """Return whether a message gives the result of a tool."""
    if message.get("role") == "tool" or message.get("type") == "function_call_output":
        return True
    content = message.get("content")
    return isinstance(content, list) and any(
        part.get("type") == "tool_result" for part in content if isinstance(part, dict)
    )


def chat_message(request: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the assistant's message and the finish reason for a chat completion request."""
    if request.get("tools") and not _is_answered(request["messages"][-1]):
        name = request["tools"][0]["function"]["name"]
        function = {"name": name, "arguments": json.dumps(ARGUMENTS)}
        call = {"id": "call_1", "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    structured = (request.get("response_format") or {}).get("type") == "json_schema"
    content = json.dumps(STRUCTURED) if structured else ANSWER
    return {"role": "assistant", "content": content}, "stop"


def chat_chunks(request: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Yield the chunks of a streamed chat completion."""
    message, reason = chat_message(request)

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _chunk(choices=[choice])

    if message.get("tool_calls"):
        call = {**message["tool_calls"][0], "index": 0}
        yield chunk({"role": "assistant", "content": None, "tool_calls": [call]})
    else:
        yield chunk({"role": "assistant", "content": ""})
        for piece in PIECES:
            yield chunk({"content": piece})
    yield chunk({}, reason)
    if (request.get("stream_options") or {}).get("include_usage"):
        yield _chunk(choices=[], usage=_CHAT_USAGE)


def _chunk(**fields: Any) -> dict[str, Any]:
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, **fields}


def claude_content(request: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Return the content and the stop reason for a request for Anthropic's messages."""
    if request.get("tools") and not _is_answered(request["messages"][-1]):
        name = request["tools"][0]["name"]
        return [{"type": "tool_use", "id": "t1", "name": name, "input": ARGUMENTS}], "tool_use"
    return [{"type": "text", "text": ANSWER}], "end_turn"


def claude_events() -> Iterable[dict[str, Any]]:
    """Yield the events of a streamed message of Anthropic's."""
    begun = {
        "id": "m1", "type": "message", "role": "assistant", "model": CLAUDE, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {**_CLAUDE_USAGE, "output_tokens": 1},
    }  # fmt: skip
    yield {"type": "message_start", "message": begun}
    block = {"type": "text", "text": ""}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    for piece in PIECES:
        delta = {"type": "text_delta", "text": piece}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    stopped = {"stop_reason": "end_turn", "stop_sequence": None}
    usage = {"output_tokens": OUTPUT_TOKENS}
    yield {"type": "message_delta", "delta": stopped, "usage": usage}
    yield {"type": "message_stop"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def do_POST(self) -> None:
        size = int(self.headers.get("content-length", 0))
        request = json.loads(self.rfile.read(size) or b"{}")
        path = self.path.partition("?")[0]
        try:
            if path.endswith("/chat/completions"):
                self._chat(request)
            elif path.endswith("/embeddings"):
                self._embeddings(request)
            elif path.endswith("/responses"):
                self._responses(request)
            elif path.endswith("/messages"):
                self._messages(request)
            else:
                self._json({"error": {"message": f"nothing at {path}"}}, 404)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _chat(self, request: dict[str, Any]) -> None:
        if _text_of(request["messages"][-1].get("content")) == "fail":
            error = {"message": FAILURE, "type": "invalid_request_error", "code": "refused"}
            self._json({"error": error}, 400)
        elif request.get("stream"):
            self._events(chat_chunks(request), "[DONE]")
        else:
            message, reason = chat_message(request)
            choice = {"index": 0, "message": message, "finish_reason": reason}
            self._json({
                "id": "c1", "object": "chat.completion", "created": 1, "model": MODEL,
                "choices": [choice], "usage": _CHAT_USAGE,
            })  # fmt: skip

    def _embeddings(self, request: dict[str, Any]) -> None:
        given = request["input"]
        texts = given if isinstance(given, list) and isinstance(given[0], str) else [given]
        data = [
            {"object": "embedding", "index": number, "embedding": [0.1] * DIMENSIONS}
            for number, _ in enumerate(texts)
        ]
        usage = {"prompt_tokens": EMBEDDING_TOKENS, "total_tokens": EMBEDDING_TOKENS}
        self._json({"object": "list", "model": request["model"], "data": data, "usage": usage})

    def _responses(self, request: dict[str, Any]) -> None:
        text = {"type": "output_text", "text": ANSWER, "annotations": []}
        output: dict[str, Any] = {
            "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [text],
        }  # fmt: skip
        given = request["input"]
        if request.get("tools") and not (isinstance(given, list) and _is_answered(given[-1])):
            output = {
                "type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed",
                "name": request["tools"][0]["name"], "arguments": json.dumps(ARGUMENTS),
            }  # fmt: skip
        self._json({
            "id": "resp_1", "object": "response", "created_at": 1, "model": MODEL,
            "status": "completed", "output": [output], "usage": _RESPONSES_USAGE,
            "parallel_tool_calls": True, "tool_choice": "auto", "tools": request.get("tools", []),
        })  # fmt: skip

    def _messages(self, request: dict[str, Any]) -> None:
        if _text_of(request["messages"][-1].get("content")) == "fail":
            error = {"type": "invalid_request_error", "message": FAILURE}
            self._json({"type": "error", "error": error}, 400)
        elif request.get("stream"):
            self._events(claude_events())
        else:
            content, reason = claude_content(request)
            self._json({
                "id": "m1", "type": "message", "role": "assistant", "model": CLAUDE,
                "content": content, "stop_reason": reason, "stop_sequence": None,
                "usage": _CLAUDE_USAGE,
            })  # fmt: skip

    def _json(self, body: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _events(self, events: Iterable[dict[str, Any]], last: str = "") -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events:
            name = f"event: {event['type']}\n" if "type" in event else ""
            self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
        if last:
            self.wfile.write(f"data: {last}\n\n".encode())
        self.close_connection = True


class ModelServer:
    """The server, running in a thread of its own while its block runs.

    Attributes
    ----------
    url : str
        Where it listens, without a path: Anthropic's base; OpenAI's is ``url + "/v1"``.
    """

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
