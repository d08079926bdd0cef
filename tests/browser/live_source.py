"""A trace that grows under the test's control: what the active trace is to a tree."""

from __future__ import annotations

import threading
import time

from nbtrace.entities import Span, SpanEvent, SpanStatus

TRACE_ID = "tr-" + "0a1b2c3d" * 4


class LiveSource:
    """A `TraceSource` whose spans the test starts and ends."""

    def __init__(self, name: str = "answer", trace_id: str = TRACE_ID) -> None:
        self.trace_id = trace_id
        self.name = name
        self.finished = False
        self._lock = threading.Lock()
        self._spans: dict[str, Span] = {}
        self._log: list[str] = []
        self._count = 0

    def changes(self, cursor: int) -> tuple[int, list[Span]]:
        with self._lock:
            changed = dict.fromkeys(self._log[cursor:])
            return len(self._log), [self._spans[span_id] for span_id in changed]

    def span(self, span_id: str) -> Span | None:
        return self._spans.get(span_id)

    def start(self, name, parent=None, kind="UNKNOWN", inputs=None, start=None, **attributes):
        self._count += 1
        span_id = f"{self._count:016x}"
        values = {"mlflow.spanType": f'"{kind}"', **attributes}
        if inputs is not None:
            values["mlflow.spanInputs"] = inputs
        self._put(
            Span(
                trace_id=self.trace_id,
                span_id=span_id,
                parent_id=parent,
                name=name,
                start_time_ns=start or time.time_ns(),
                attributes=values,
            )
        )
        return span_id

    def end(self, span_id, outputs=None, error=None, end=None, **attributes):
        span = self._spans[span_id]
        values = {**span.raw_attributes, **attributes}
        if outputs is not None:
            values["mlflow.spanOutputs"] = outputs
        self._put(
            Span(
                trace_id=span.trace_id,
                span_id=span.span_id,
                parent_id=span.parent_id,
                name=span.name,
                start_time_ns=span.start_time_ns,
                end_time_ns=end or time.time_ns(),
                status=SpanStatus("ERROR", str(error)) if error else SpanStatus("OK"),
                attributes=values,
                events=[SpanEvent.from_exception(error)] if error else [],
            )
        )

    def _put(self, span: Span) -> None:
        with self._lock:
            self._spans[span.span_id] = span
            self._log.append(span.span_id)


def example() -> LiveSource:
    """Return a finished trace with every kind and state, 1.8 s long."""
    source = LiveSource("answer a question")
    base = 1_760_000_000_000_000_000
    ms = 1_000_000

    def add(name, parent, kind, begin, end, *, inputs=None, outputs=None, error=None, **attributes):
        span_id = source.start(name, parent, kind, inputs, base + begin * ms, **attributes)
        if end is not None:
            source.end(span_id, outputs, error, base + end * ms)
        return span_id

    root = source.start("answer a question", None, "AGENT", '{"question": "What is a WAL?"}', base)
    plan = add("plan", root, "CHAIN", 2, 640, inputs='{"steps": 3}', outputs='["search", "answer"]')
    usage = '{"input_tokens": 812, "output_tokens": 64, "total_tokens": 876}'
    add(
        "chat gpt-5-mini",
        plan,
        "CHAT_MODEL",
        12,
        630,
        inputs='{"messages": [{"role": "user", "content": "What is a WAL?"}], "temperature": 0.2}',
        outputs='"A write-ahead log keeps changes\\nbefore they reach the database."',
        **{"mlflow.chat.tokenUsage": usage, "mlflow.llm.model": '"gpt-5-mini"'},
    )
    search = add("search documents", root, "RETRIEVER", 650, 920, inputs='{"query": "WAL"}')
    add("embed", search, "EMBEDDING", 655, 700)
    add("rank", search, "RERANKER", 705, 900, outputs="[0.91, 0.44, 0.12]")
    try:
        raise TimeoutError("no answer after 30 s")  # noqa: TRY301
    except TimeoutError as error:
        failure = error
    add("fetch page", root, "TOOL", 930, 1250, inputs='{"url": "https://x"}', error=failure)
    add("fetch page", root, "TOOL", 1255, 1500, inputs='{"url": "https://x"}', outputs='"<html>"')
    add("check", root, "GUARDRAIL", 1505, 1540)
    add("score", root, "EVALUATOR", 1540, 1600)
    add("parse", root, "PARSER", 1600, 1640)
    add("remember", root, "MEMORY", 1640, 1700)
    add("write down", root, "TASK", 1700, 1760)
    add("left open", root, "WORKFLOW", 1760, 1790, **{"nbtrace.incomplete": True})
    source.end(root, '{"answer": "A write-ahead log."}', None, base + 1_800 * ms)
    source.finished = True
    return source


def large(count: int, name: str = "many"):
    """Return a finished trace of ``count`` spans as `Trace`."""
    from nbtrace.entities import Trace

    base = 1_760_000_000_000_000_000
    spans = [
        Span(
            trace_id=TRACE_ID,
            span_id=f"{number + 1:016x}",
            parent_id=f"{max(1, (number - 1) // 20 + 1):016x}" if number else None,
            name=f"step {number}" if number else name,
            start_time_ns=base + number * 10_000,
            end_time_ns=base + number * 10_000 + 9_000 if number else base + count * 10_000,
            status=SpanStatus("ERROR", "planted") if number % 997 == 500 else SpanStatus("OK"),
            attributes={
                "mlflow.spanType": '"TOOL"',
                "mlflow.spanInputs": f'{{"number": {number}}}',
                "mlflow.spanOutputs": '"done"',
            },
        )
        for number in range(count)
    ]
    return Trace.from_spans(spans)
