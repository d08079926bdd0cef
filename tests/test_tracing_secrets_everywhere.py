"""Secrets planted wherever text can come in: no file of the store holds one of them."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags, TraceState

import nbtrace
from nbtrace.entities import AssessmentSource, SpanEvent
from nbtrace.store import reset_store
from nbtrace.tracing.processor import SpanProcessor

if TYPE_CHECKING:
    from pathlib import Path


class Planted:
    """Makes secrets, each of its own, and finds those that were kept."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}

    def key(self, where: str) -> str:
        return self._make(where, "sk-proj-" + f"Zq7Lw2Xy9Kd4{len(self.made):04d}" * 3)

    def pair(self, where: str) -> str:
        return f"password={self._make(where, f'Tr0ub4dor-{len(self.made):04d}-staple')}"

    def word(self, where: str) -> str:
        return self._make(where, f"hunter2-{len(self.made):04d}-only-by-its-name")

    def url(self, where: str) -> str:
        return f"postgres://ada:{self._make(where, f'pg-{len(self.made):04d}-Xy9Kd4')}@db/books"

    def _make(self, where: str, secret: str) -> str:
        self.made[secret] = where
        return secret

    def kept(self, directory: Path) -> set[tuple[str, str]]:
        found = set()
        for path in directory.rglob("*"):
            data = path.read_bytes() if path.is_file() else b""
            found |= {
                (where, path.name) for secret, where in self.made.items() if secret.encode() in data
            }
        return found


@pytest.fixture
def planted() -> Planted:
    return Planted()


def _own_span(planted: Planted) -> str:
    @nbtrace.trace
    def call(argument: str, password: str) -> dict[str, str]:
        assert argument
        assert password
        return {"text": planted.pair("return value"), "api_key": planted.word("returned key")}

    with nbtrace.start_span(
        f"get {planted.url('span name')}", attributes={"a": planted.pair("attribute at start")}
    ) as span:
        span.set_inputs({"q": planted.key("inputs"), planted.pair("key in inputs"): 1})
        span.set_outputs([{"name": "x-api-key", "value": planted.word("outputs by name")}])
        span.set_attribute(planted.pair("attribute key"), 1)
        span.set_attribute("client_secret", planted.word("attribute under a name"))
        span.set_attribute("list", ["--password", planted.word("attribute list")])
        span.set_attribute("bytes", planted.pair("bytes").encode())
        span.add_event(
            SpanEvent(
                f"event {planted.pair('event name')}",
                attributes={
                    planted.key("event key"): 1,
                    "text": planted.pair("event attribute"),
                    "token": planted.key("event under a name"),
                },
            )
        )
        nbtrace.update_current_trace(
            tags={
                "t": planted.url("tag"),
                planted.pair("tag key"): "v",
                "list": [planted.pair("tag list")],
            },
            metadata={"m": planted.key("metadata"), planted.key("metadata key"): "v"},
            request_preview=planted.pair("request preview"),
            response_preview=planted.pair("response preview"),
        )
        nbtrace.set_trace_tag(span.trace_id, "u", planted.pair("set_trace_tag"))
        call(planted.pair("argument"), planted.word("argument by name"))
        for number in range(3):
            try:
                with nbtrace.start_span(f"fails {number}"):
                    error = ValueError(planted.pair("exception message"))
                    error.add_note(planted.pair("exception note"))
                    if number == 1:
                        error = KeyError({"password": planted.word("exception argument")})
                    if number == 2:
                        error = ExceptionGroup(planted.pair("group"), [error])
                    raise error from OSError(planted.pair("exception cause"))
            except (ValueError, KeyError, ExceptionGroup):
                pass
        return span.trace_id


def _otel_span(planted: Planted) -> None:
    from nbtrace.tracing.provider import get_bridged_tracer_provider

    state = TraceState([("vendor", planted.key("trace state"))])
    linked = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)
    link = trace.Link(linked, {planted.pair("link key"): planted.pair("link attribute")})
    carried = context.attach(baggage.set_baggage("password", planted.word("baggage")))
    tracer = get_bridged_tracer_provider().get_tracer("library", planted.pair("scope version"))
    with tracer.start_as_current_span(planted.pair("library span"), links=[link]) as span:
        span.set_attribute("db.url", planted.url("library attribute"))
        span.set_status(Status(StatusCode.ERROR, planted.pair("status message")))
        span.record_exception(ValueError(planted.pair("recorded exception")))
    context.detach(carried)


def _foreign_span(planted: Planted) -> None:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    resource = Resource(
        {
            "deployment.password": planted.word("resource by name"),
            "note": planted.pair("resource"),
            planted.pair("resource key"): "v",
        }
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SpanProcessor())
    parent = SpanContext(
        3, 4, is_remote=True, trace_flags=TraceFlags(1),
        trace_state=TraceState([("vendor", planted.key("remote trace state"))]),
    )  # fmt: skip
    above = trace.set_span_in_context(trace.NonRecordingSpan(parent))
    tracer = provider.get_tracer("foreign", planted.pair("foreign scope version"))
    with tracer.start_as_current_span(planted.pair("foreign name"), context=above) as span:
        span.set_attribute(planted.pair("foreign key"), planted.pair("foreign attribute"))
        span.add_event(planted.pair("foreign event"), {planted.pair("foreign event key"): 1})
        span.set_status(Status(StatusCode.ERROR, planted.pair("foreign status")))
    provider.shutdown()


def _around(planted: Planted, trace_id: str) -> None:
    nbtrace.log_feedback(
        trace_id=trace_id,
        name="quality",
        value=planted.pair("feedback value"),
        rationale=planted.key("rationale"),
        metadata={"password": planted.word("feedback metadata")},
        source=AssessmentSource("HUMAN", planted.key("feedback source")),
    )
    nbtrace.log_expectation(
        trace_id=trace_id, name="answer", value={"password": planted.word("expectation")}
    )
    nbtrace.set_trace_tag(trace_id, "late", planted.url("tag of a finished trace"))


def test_no_file_of_the_store_holds_a_secret(
    planted: Planted, store_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "OTEL_RESOURCE_ATTRIBUTES",
        f"a.password={planted.word('environment')},b={planted.key('environment value')}",
    )
    nbtrace.set_experiment(f"runs {planted.pair('experiment name')}")
    trace_id = _own_span(planted)
    _otel_span(planted)
    _foreign_span(planted)
    journals = planted.kept(store_directory)
    nbtrace.flush()
    _around(planted, trace_id)
    nbtrace.flush()
    found = nbtrace.search_traces(return_type="list")
    assert len(found) >= 2, "the traces are there"
    assert nbtrace.get_trace(trace_id).info.assessments
    with_log = planted.kept(store_directory)
    with contextlib.closing(sqlite3.connect(store_directory / "nbtrace.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    reset_store()
    assert journals == set(), "in the journal, before anything was written"
    assert with_log == set(), "beside the write-ahead log"
    assert planted.kept(store_directory) == set()
    assert len(planted.made) > 50
