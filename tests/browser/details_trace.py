"""Spans with all that a panel shows: calls of models, documents, an error, and hostile content."""

from __future__ import annotations

import json
from typing import Any

from nbtrace.entities import Link, Span, SpanEvent, SpanStatus, Trace

TRACE_ID = "tr-" + "0d" * 16
BASE = 1_760_000_000_000_000_000
MS = 1_000_000
# One pixel.
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
SYSTEM = {"role": "system", "content": "You are a helpful assistant.\nBe brief."}
ASKED = {
    "role": "user",
    "content": [
        {"type": "text", "text": "What is the weather in Paris?"},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
    ],
}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
        }
    ],
}
RETURNED = {"role": "tool", "tool_call_id": "call_1", "content": '{"temperature": 22.5}'}
ANSWER = {
    "role": "assistant",
    "content": "## Weather\n\n| city | sky |\n|---|---|\n| Paris | **sunny** |\n\n"
    "one\ntwo <b>bold</b>",
}
EVIL = (
    '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>'
    "[click](javascript:window.hacked=3) [click](JaVaScRiPt:window.hacked=4) "
    "![y](https://evil.example/p.png) <style>body{display:none}</style> \u202eevil\u0007 "
    '<a href="javascript:window.hacked=5">q</a><svg onload="window.hacked=6">'
    "![z](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImhhY2tlZD03Ij4=) </textarea></style>\"'`"
)


def _chat(messages: list[Any], answer: dict[str, Any], reason: str) -> dict[str, Any]:
    usage = {"input_tokens": 1_812, "output_tokens": 164, "total_tokens": 1_976}
    return {
        "mlflow.spanType": '"CHAT_MODEL"',
        "mlflow.llm.model": '"some-model"',
        "mlflow.spanInputs": json.dumps({"messages": messages, "tools": [TOOL]}),
        "mlflow.spanOutputs": json.dumps(
            {"choices": [{"index": 0, "message": answer, "finish_reason": reason}]}
        ),
        "mlflow.chat.tokenUsage": json.dumps(usage),
    }


class Example:
    """The trace, and the ids of its spans by a short name."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self._spans: list[Span] = []
        self._add("root", {"mlflow.spanInputs": '{"big": 12345678901234567890, "odd": NaN}'})
        self._add("first call", _chat([SYSTEM, ASKED], CALLED, "tool_calls"))
        whole = [SYSTEM, ASKED, CALLED, RETURNED]
        self._add("second call", _chat(whole, ANSWER, "stop"))
        documents = [
            {
                "page_content": f"text {number}\n" * 40,
                "metadata": {"page": number},
                "id": f"d{number}",
            }
            for number in range(3)
        ]
        self._add(
            "search",
            {"mlflow.spanType": '"RETRIEVER"', "mlflow.spanOutputs": json.dumps(documents)},
        )
        self._add(
            "fetch",
            {
                "mlflow.spanType": '"TOOL"',
                "http.request.method": "GET",
                "url.full": "https://api.example.org/v1",
                "http.request.header.authorization": ["[REDACTED]"],
                **{f"key {number}": f"value {number}" for number in range(8)},
            },
            status=SpanStatus("ERROR", "no answer"),
            events=[_failure(), SpanEvent("retry", BASE + 5 * MS, {"attempt": 1})],
            links=[Link("tr-" + "0e" * 16, "0f" * 8), Link(TRACE_ID, f"{1:016x}")],
        )
        self._add("hostile", _hostile(), status=SpanStatus("ERROR", EVIL))
        self._add(
            "large",
            {
                "mlflow.spanInputs": json.dumps({"line": "x" * 10_000_000, "last": [1, 2, 3]}),
                "mlflow.spanOutputs": "[" * 1_000 + "]" * 1_000,
                "long": "y" * 10_000_000,
            },
        )
        self.trace = Trace.from_spans(self._spans)

    def _add(self, name: str, attributes: dict[str, Any], **fields: Any) -> None:
        number = len(self._spans) + 1
        self.ids[name] = f"{number:016x}"
        self._spans.append(
            Span(
                trace_id=TRACE_ID,
                span_id=self.ids[name],
                parent_id=None if number == 1 else f"{1:016x}",
                name="<script>window.hacked=9</script>" if name == "hostile" else name,
                start_time_ns=BASE + number * 50 * MS,
                end_time_ns=BASE + (number * 50 + 40) * MS,
                attributes=attributes,
                **fields,
            )
        )


def _failure() -> SpanEvent:
    try:
        json.loads("{x")
    except ValueError as error:
        return SpanEvent.from_exception(error)
    raise AssertionError


def _hostile() -> dict[str, Any]:
    addresses = ("javascript:window.hacked=7", "data:text/html,<script>parent.hacked=8</script>")
    images = [{"type": "image_url", "image_url": {"url": address}} for address in addresses]
    messages = [
        {"role": "user", "content": EVIL, "name": EVIL},
        {"role": "user", "content": images},
    ]
    return {
        "mlflow.spanType": '"CHAT_MODEL"',
        "mlflow.spanInputs": json.dumps({"messages": messages, EVIL: [EVIL]}),
        "mlflow.spanOutputs": json.dumps({"role": "assistant", "content": EVIL}),
        'a.b"<x>': EVIL,
    }
