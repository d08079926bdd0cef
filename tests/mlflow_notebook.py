"""A tracing notebook as people write it with MLflow, cell after cell in one function.

It gets the module it is to run with, MLflow's or nbtrace's, and uses only names that both have.
What it returns is what a person would look at in the end; ids and times are left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from typing import Any

TOOL = {
    "type": "function",
    "function": {
        "name": "multiply",
        "description": "Multiply two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}


def run(mlflow: Any) -> dict[str, Any]:  # noqa: PLR0915 - a notebook is long
    """Run the notebook and return its traces, by name."""
    entities = mlflow.entities
    mlflow.set_experiment("support bot")

    # Cell: the program

    @mlflow.trace(span_type=entities.SpanType.RETRIEVER)
    def search(query: str, limit: int = 2) -> list[Any]:
        found = [
            entities.Document(
                page_content=f"{query} {number}", metadata={"n": number}, id=f"d{number}"
            )
            for number in range(limit)
        ]
        mlflow.get_current_active_span().set_attribute("found", len(found))
        return found

    @mlflow.trace(name="multiply", span_type=entities.SpanType.TOOL, attributes={"safe": True})
    def multiply(a: int, b: int) -> int:
        return a * b

    @mlflow.trace(span_type=entities.SpanType.LLM, output_reducer="".join)
    def stream(text: str) -> Any:
        yield from text.split()

    class Agent:
        @mlflow.trace(span_type=entities.SpanType.AGENT)
        def answer(self, question: str) -> dict[str, Any]:
            mlflow.update_current_trace(
                tags={"stage": "try"},
                metadata={"batch": "7"},
                session_id="chat-7",
                user="ada",
                client_request_id="req-1",
            )
            documents = search(question)
            with mlflow.start_span("ask", span_type=entities.SpanType.CHAT_MODEL) as span:
                span.set_inputs({"messages": [{"role": "user", "content": question}]})
                span.set_attribute("mlflow.llm.model", "gpt-4o-mini")
                span.set_attribute(
                    "mlflow.chat.tokenUsage",
                    {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12},
                )
                mlflow.tracing.set_span_chat_tools(span, [TOOL])
                span.add_event(entities.SpanEvent("first token", attributes={"after_ms": 3}))
                span.set_outputs({"content": "42"})
            return {"answer": multiply(6, 7), "sources": len(documents)}

        @staticmethod
        @mlflow.trace
        def helper(x: float) -> float:
            return x + 1

    @mlflow.trace(name="later")
    async def later(text: str) -> str:
        await asyncio.sleep(0)
        return text.upper()

    @mlflow.trace
    def fails(n: int) -> None:
        raise ValueError(f"no {n}")

    # Cell: run it
    Agent().answer("What is 6 times 7?")
    answered = mlflow.get_last_active_trace_id()
    list(stream("a b c"))
    Agent.helper(1.5)
    asyncio.run(later("ok"))
    with contextlib.suppress(ValueError):
        fails(3)

    # Cell: spans by hand
    with mlflow.tracing.context(tags={"kind": "by hand"}), mlflow.start_span("outer") as outer:
        outer.set_inputs(1)
        with mlflow.start_span("inner") as inner:
            inner.set_status("ERROR")
        outer.set_outputs(2)
    loose = mlflow.start_span_no_context("loose", inputs={"n": 1}, tags={"t": "1"})
    child = mlflow.start_span_no_context("loose child", parent_span=loose)
    child.end(outputs="child")
    loose.end(outputs="done", attributes={"late": True})

    # Cell: the client
    client = mlflow.MlflowClient()
    root = client.start_trace("job", inputs={"n": 2}, tags={"by": "client"})
    step = client.start_span("step", root.trace_id, root.span_id, span_type="TASK", inputs=2)
    client.end_span(root.trace_id, step.span_id, outputs=4, attributes={"fast": True})
    client.end_trace(root.trace_id, outputs={"n": 4}, status="OK")

    # Cell: another service's trace
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logged = mlflow.log_trace(
            "logged", request="q", response="a", start_time_ms=1_000_000, execution_time_ms=20
        )
    mlflow.flush_trace_async_logging()
    remote = mlflow.get_trace(answered).to_dict()
    with mlflow.start_span("caller"):
        mlflow.add_trace(remote)

    # Cell: say what it was worth
    mlflow.flush_trace_async_logging()
    mlflow.log_feedback(trace_id=answered, name="correct", value=True, rationale="it is")
    mlflow.log_expectation(trace_id=answered, name="answer", value="42")
    mlflow.set_trace_tag(answered, "reviewed", "yes")
    mlflow.set_trace_tag(answered, "wrong", "yes")
    mlflow.delete_trace_tag(answered, "wrong")

    # Cell: look at it
    mlflow.flush_trace_async_logging()
    traces = mlflow.search_traces(return_type="list", order_by=["timestamp_ms ASC"])
    frame = mlflow.search_traces(filter_string="tags.reviewed = 'yes'", return_type="pandas")
    page = client.search_traces(
        [mlflow.get_experiment_by_name("support bot").experiment_id], max_results=3
    )
    rest = client.search_traces(
        [mlflow.get_experiment_by_name("support bot").experiment_id], page_token=page.token
    )
    trace = mlflow.get_trace(answered)
    return {
        "traces": {trace.info.tags["mlflow.traceName"]: look(trace) for trace in traces},
        "columns": list(frame.columns)[:12],
        "rows": len(frame),
        "pages": [len(page), len(rest)],
        "types": [span.name for span in trace.search_spans(span_type="TOOL")],
        "assessments": sorted((item.name, item.value) for item in trace.search_assessments()),
        "experiments": sorted(
            item.name for item in mlflow.search_experiments(filter_string="name LIKE 'supp%'")
        ),
        "sessions": [len(session) for session in mlflow.search_sessions()],
        "logged": mlflow.get_trace(logged).info.execution_duration,
        "client_request_id": trace.info.client_request_id,
        "token_usage": trace.info.token_usage,
        "preview": trace.info.request_preview,
    }


def look(trace: Any) -> dict[str, Any]:
    """Return what a person sees of a trace, without ids and times."""
    names = {span.span_id: span.name for span in trace.data.spans}
    return {
        "state": str(getattr(trace.info.state, "value", trace.info.state)),
        "tags": {
            key: value for key, value in trace.info.tags.items() if not key.startswith("mlflow.")
        },
        "session": trace.info.trace_metadata.get("mlflow.trace.session"),
        "user": trace.info.trace_metadata.get("mlflow.trace.user"),
        "batch": trace.info.trace_metadata.get("batch"),
        "spans": sorted((describe(span, names) for span in trace.data.spans), key=str),
    }


def describe(span: Any, names: dict[str, str]) -> dict[str, Any]:
    """Return what a person sees of a span."""
    return {
        "name": span.name,
        "parent": names.get(span.parent_id),
        "type": span.span_type,
        "inputs": span.inputs,
        "outputs": span.outputs,
        "status": str(getattr(span.status.status_code, "value", span.status.status_code)),
        "message": span.status.description,
        "events": [event.name for event in span.events],
        "attributes": {
            key: value
            for key, value in span.attributes.items()
            if not key.startswith("mlflow.") or key in {"mlflow.chat.tools", "mlflow.llm.model"}
        },
    }
