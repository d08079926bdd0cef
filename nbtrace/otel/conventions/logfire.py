"""Logfire: GenAI attributes, its own message templates, and answers of streams as log spans.

A streamed call is two spans: the request, which ends before the stream is read, and a later one of
no length (``logfire.span_type`` is ``"log"``) with the answer and the usage. `merge_streams` gives
the request what the log span says, `stream_requests` pairs them for the totals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nbtrace.otel.conventions.events import extended
from nbtrace.otel.conventions.genai import GenAIView
from nbtrace.otel.conventions.messages import messages
from nbtrace.otel.conventions.payload import payload_usage, request_messages, response_messages
from nbtrace.otel.conventions.reading import decoded, mapping, sequence, text
from nbtrace.otel.conventions.words import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbtrace.entities import Span
    from nbtrace.otel.conventions.reading import Attributes
    from nbtrace.otel.conventions.words import Message

__all__ = ["LogfireView", "merge_streams", "stream_requests"]

# What Logfire itself adds to a span; the rest of a plain span are the caller's own values.
_OWN_PREFIXES = ("logfire.", "code.", "gen_ai.", "otel.", "thread.")


class LogfireView(GenAIView):
    """A span of Logfire: a call of a model or the caller's own.

    Examples
    --------
    >>> LogfireView.read_type({"logfire.span_type": "span", "gen_ai.operation.name": "chat"})
    'CHAT_MODEL'
    """

    convention: ClassVar[str] = "logfire"

    @classmethod
    def read_usage(cls, attributes: Attributes) -> Usage:
        """Return ``gen_ai.usage.*``, completed from the provider's own ``gen_ai.usage.raw``."""
        usage = super().read_usage(attributes)
        stated = mapping(attributes.get("gen_ai.usage.raw"))
        if not stated:
            return usage
        raw = payload_usage(stated)
        return Usage(
            raw.input if usage.input is None else usage.input,
            raw.output if usage.output is None else usage.output,
            raw.total if usage.total is None else usage.total,
            raw.cached if usage.cached is None else usage.cached,
            raw.reasoning if usage.reasoning is None else usage.reasoning,
            usage.cost,
            raw.cache_written if usage.cache_written is None else usage.cache_written,
        )

    def _read_name(self) -> str | None:
        # The span's name is the template, the same for every call.
        return text(self.attributes.get("logfire.msg"))

    def _read_inputs(self) -> Any:
        found = super()._read_inputs()
        if found is not None or self.type != "UNKNOWN":
            return found
        values = {
            key: decoded(value)
            for key, value in self.attributes.items()
            if isinstance(key, str) and not key.startswith(_OWN_PREFIXES)
        }
        return values or None

    def _read_outputs(self) -> Any:
        found = super()._read_outputs()
        # what an agent of pydantic-ai gave back, of the output type it has
        return decoded(self.attributes.get("final_result")) if found is None else found

    def _run(self) -> tuple[list[Message], list[Message]]:
        """Return the conversation of an agent of pydantic-ai, its last answer apart."""
        told = messages(sequence(decoded(self.attributes.get("pydantic_ai.all_messages"))))
        answered = bool(told) and told[-1].role == "assistant"
        return (told[:-1], told[-1:]) if answered else (told, [])

    def _read_input_messages(self) -> list[Message]:
        found = super()._read_input_messages()
        if self.type == "AGENT" and all(item.role == "system" for item in found):
            return found + [item for item in self._run()[0] if item.role != "system" or not found]
        if found or self.type == "EMBEDDING":
            return found
        return request_messages(mapping(self.attributes.get("request_data")))

    def _read_output_messages(self) -> list[Message]:
        found = super()._read_output_messages()
        if found or self.type == "EMBEDDING":
            return found
        if self.type == "AGENT":
            return self._run()[1]
        return response_messages(mapping(self.attributes.get("response_data")))


def _is_stream_log(attributes: Attributes) -> bool:
    return attributes.get("logfire.span_type") == "log" and _has_answer(attributes)


def _has_answer(attributes: Attributes) -> bool:
    return "gen_ai.output.messages" in attributes or "gen_ai.usage.input_tokens" in attributes


def _same_request(request: Attributes, log: Attributes) -> bool:
    keys = ["gen_ai.request.model", "gen_ai.input.messages", "gen_ai.operation.name"]
    if _has_answer(request):  # merged already, with the duration of the log span, or another call
        keys += ["gen_ai.output.messages", "gen_ai.usage.input_tokens", "duration"]
    return all(request.get(key) == log.get(key) for key in keys)


def stream_requests(spans: Iterable[Span]) -> dict[str, str]:
    """Pair the log spans that hold a stream's answer with the spans of their requests.

    Parameters
    ----------
    spans : iterable of Span
        Spans of one trace.

    Returns
    -------
    dict of str to str
        Span id of the log span to span id of the request.

    Examples
    --------
    >>> stream_requests([])
    {}
    """
    found = [span for span in spans if "logfire.span_type" in span.raw_attributes]
    logs = [span for span in found if _is_stream_log(span.raw_attributes)]
    if not logs:
        return {}
    requests = [span for span in found if span.raw_attributes.get("logfire.span_type") == "span"]
    pairs: dict[str, str] = {}
    for log in sorted(logs, key=lambda span: span.start_time_ns):
        candidates = [
            span
            for span in requests
            if span.parent_id == log.parent_id
            and span.start_time_ns <= log.start_time_ns
            and _same_request(span.raw_attributes, log.raw_attributes)
        ]
        if candidates:
            # Streams that run one after the other end in the order in which they began.
            request = min(
                candidates, key=lambda span: (_has_answer(span.raw_attributes), span.start_time_ns)
            )
            requests.remove(request)
            pairs[log.span_id] = request.span_id
    return pairs


def merge_streams(spans: Sequence[Span]) -> list[Span]:
    """Give the requests of streamed calls the answer and the usage that came later.

    Parameters
    ----------
    spans : sequence of Span
        Spans of one trace.

    Returns
    -------
    list of Span
        The same spans in the same order; requests that have a log span are copies with its
        attributes added where they had none.

    Examples
    --------
    >>> merge_streams([])
    []
    """
    pairs = stream_requests(spans)
    if not pairs:
        return list(spans)
    by_id = {span.span_id: span for span in spans}
    answers = {request: by_id[log].raw_attributes for log, request in pairs.items()}
    return [
        extended(span, attributes=answers[span.span_id]) if span.span_id in answers else span
        for span in spans
    ]
