"""Imports of documents in the shapes that tools really write.

The shapes were read off exports in the public repositories of Langfuse (what its page of a trace
saves) and Jaeger (its API, its newer API, its storage); the contents are made up.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest

import nbtrace
from nbtrace.otel.conventions import views

if TYPE_CHECKING:
    from nbtrace.entities import Trace

TRACE = "fee618f96dc31e0ca38b2f7b26eb8b29"
MICROSECONDS = 1_706_678_909_209_712


def imported(source: Any) -> Trace:
    [trace_id] = nbtrace.import_traces(source).trace_ids
    found = nbtrace.get_trace(trace_id)
    assert found is not None
    return found


# Langfuse


def observation(number: int, kind: str, parent: int | None, **fields: Any) -> dict[str, Any]:
    """Return an observation with all that the page writes, most of it empty."""
    return {
        "id": f"{number:016x}",
        "traceId": TRACE,
        "projectId": "p",
        "type": kind,
        "environment": "default",
        "parentObservationId": None if parent is None else f"{parent:016x}",
        "startTime": "2025-09-30T09:03:59.962Z",
        "endTime": "2025-09-30T09:04:02.152Z",
        "name": f"step {number}",
        "metadata": {
            "attributes": {"openinference.span.kind": kind},
            "resourceAttributes": {"service.name": "agents"},
            "scope": {"name": "openinference.instrumentation", "version": "1.3.0"},
        },
        "level": "DEFAULT",
        "statusMessage": None,
        "version": None,
        "modelParameters": {},
        "completionStartTime": None,
        "createdAt": "2025-09-30T09:04:07.382Z",
        "usageDetails": {},
        "costDetails": {},
        "providedCostDetails": {},
        "model": None,
        "promptName": None,
        "latency": 2190,
        "inputCost": None,
        "outputCost": None,
        "totalCost": 0,
        "inputUsage": 0,
        "outputUsage": 0,
        "totalUsage": 0,
        "input": None,
        "output": None,
        **fields,
    }


def langfuse_page() -> dict[str, Any]:
    call = {
        "input": [{"role": "user", "content": "What's the weather?"}],
        "output": {"role": "assistant", "content": "Sunny."},
        "model": "gpt-4.1-2025-04-14",
        "modelParameters": {"temperature": 1, "store": "true"},
        "usageDetails": {
            "input": 85,
            "output": 29,
            "total": 114,
            "prompt_details.cache_read": 5,
            "completion_details.reasoning": 0,
        },
        "costDetails": {"input": 0.00017, "output": 0.000232, "total": 0.000402},
        "totalCost": 0.000402,
    }
    score = {
        "id": "s1",
        "timestamp": "2025-09-30T09:04:30.125Z",
        "name": "toxicity",
        "source": "EVAL",
        "comment": "rather harmless",
        "metadata": "{}",
        "traceId": TRACE,
        "observationId": None,
        "value": 0.8,
        "stringValue": None,
        "dataType": "NUMERIC",
    }
    return {
        "trace": {
            "id": TRACE,
            "projectId": "p",
            "name": "Agent workflow",
            "timestamp": "2025-09-30T09:03:59.962Z",
            "environment": "default",
            "tags": ["trial"],
            "bookmarked": False,
            "userId": "ada",
            "sessionId": None,
            "public": True,
            "input": None,
            "output": None,
            "metadata": json.dumps({"attributes": {}, "scope": {}}),
            "scores": [score],
            "latency": 2.19,
        },
        "observations": [
            observation(1, "AGENT", None),
            observation(2, "GENERATION", 1, **call),
            observation(3, "TOOL", 1, input='{"city": "Tokyo"}', output="sunny"),
        ],
    }


def test_what_langfuses_page_of_a_trace_saves() -> None:
    trace = imported(langfuse_page())
    assert [(span.name, span.span_type, span.parent_id) for span in trace.data.spans] == [
        ("step 1", "AGENT", None),
        ("step 2", "CHAT_MODEL", f"{1:016x}"),
        ("step 3", "TOOL", f"{1:016x}"),
    ]
    assert trace.info.tags["mlflow.traceName"] == "Agent workflow"
    assert (trace.info.tags["trial"], trace.info.tags["mlflow.trace.user"]) == ("true", "ada")
    assert trace.info.token_usage is not None
    assert trace.info.token_usage["total_tokens"] == 114
    assert trace.info.cost == {"total_cost": pytest.approx(0.000402)}
    agent, call, tool = views(trace.data.spans)
    # Langfuse writes 0 for a step that has no cost; that is not known, and not nothing.
    assert (agent.cost, tool.cost) == (None, None)
    assert (call.usage.input, call.usage.output, call.usage.cached) == (85, 29, 5)
    assert call.input_messages[0].text == "What's the weather?"
    assert tool.inputs == {"city": "Tokyo"}
    for span in trace.data.spans:
        assert span.resource == {"service.name": "agents"}
        assert span.scope is not None
        assert span.scope[:2] == ("openinference.instrumentation", "1.3.0")
    [said] = trace.info.assessments
    assert (said.name, said.value, said.rationale) == ("toxicity", 0.8, "rather harmless")


# Jaeger


def jaeger_span(number: int, parent: int | None = None, **fields: Any) -> dict[str, Any]:
    reference = {"refType": "CHILD_OF", "traceID": TRACE, "spanID": f"{parent or 0:016x}"}
    return {
        "traceID": TRACE,
        "spanID": f"{number:016x}",
        "flags": 1,
        "operationName": f"step {number}",
        "references": [] if parent is None else [reference],
        "startTime": MICROSECONDS + number,
        "duration": 123,
        "tags": [
            {"key": "otel.scope.name", "type": "string", "value": "telemetrygen"},
            {"key": "span.kind", "type": "string", "value": "server"},
            {"key": "error", "type": "bool", "value": "true"},
        ],
        "logs": [],
        "processID": "p1",
        "warnings": None,
        **fields,
    }


def jaeger_api() -> dict[str, Any]:
    trace = {
        "traceID": TRACE,
        # Jaeger repeats a span that reached it twice.
        "spans": [jaeger_span(1), jaeger_span(2, 1), jaeger_span(2, 1)],
        "processes": {"p1": {"serviceName": "shop", "tags": []}},
        "warnings": None,
    }
    return {"data": [trace], "total": 0, "limit": 0, "offset": 0, "errors": None}


def standing_alone() -> list[dict[str, Any]]:
    process = {"serviceName": "shop", "tags": []}
    return [jaeger_span(1, process=process), jaeger_span(2, 1, process=process)]


@pytest.mark.parametrize(
    "source",
    [
        jaeger_api(),
        {"data": jaeger_api()["data"][0], "id": TRACE, "state": "FETCH_DONE"},
        standing_alone(),
        b"\n".join(map(orjson.dumps, standing_alone())),
    ],
    ids=["API", "state of its page", "list of its storage", "lines of its storage"],
)
def test_a_trace_of_jaegers(source: Any) -> None:
    trace = imported(source)
    assert [(span.name, span.parent_id) for span in trace.data.spans] == [
        ("step 1", None),
        ("step 2", f"{1:016x}"),
    ]
    for number, span in enumerate(trace.data.spans, start=1):
        assert span.start_time_ns == (MICROSECONDS + number) * 1000
        assert span.duration_ns == 123_000
        assert (span.kind, span.status.status_code.value) == ("SERVER", "ERROR")
        assert span.scope is not None
        assert span.scope.name == "telemetrygen"
        assert span.resource == {"service.name": "shop"}


def test_several_parents_are_one_parent_and_links() -> None:
    references = [
        {"refType": "CHILD_OF", "traceID": TRACE, "spanID": f"{number:016x}"} for number in (1, 2)
    ]
    data = jaeger_api()
    data["data"][0]["spans"].append(jaeger_span(3, references=references))
    last = imported(data).data.spans[-1]
    assert last.parent_id == f"{1:016x}"
    assert [link.span_id for link in last.links] == [f"{2:016x}"]


def test_jaegers_newer_api_wraps_otlp() -> None:
    span = {
        "traceId": TRACE,
        "spanId": "9082d67808fc8870",
        "flags": 257,
        "name": "HTTP GET",
        "kind": 3,
        "startTimeUnixNano": "1782036644636668325",
        "endTimeUnixNano": "1782036644898226779",
        "status": {},
    }
    document = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "http"}, "spans": [span]}]}]}
    [found] = imported({"result": document}).data.spans
    assert (found.name, found.kind, found.flags) == ("HTTP GET", "CLIENT", 257)
