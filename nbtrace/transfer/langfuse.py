"""Langfuse's exports: traces with observations, or rows of both, in JSON or lines.

The UI and the API write camelCase (``traceId``), the export to blob storage snake_case; a trace may
hold its observations or stand beside them. So rows are gathered first and made into traces at the
end. An observation becomes a span in MLflow's words, with what has no place there under
``langfuse.``; scores become feedback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.entities import (
    AssessmentSource,
    Feedback,
    InstrumentationScope,
    Span,
    SpanStatus,
    Trace,
)
from nbtrace.entities.constant import SpanAttributeKey, TraceTagKey
from nbtrace.entities.json_text import dumps, loads
from nbtrace.entities.resource import Resource
from nbtrace.exceptions import NbtraceError
from nbtrace.transfer.plain import is_missing, nanoseconds, span_id_of, text_or_none, trace_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nbtrace.entities.constant import AttributeValue

_TYPES = {
    "GENERATION": "LLM",
    "AGENT": "AGENT",
    "TOOL": "TOOL",
    "CHAIN": "CHAIN",
    "RETRIEVER": "RETRIEVER",
    "EVALUATOR": "EVALUATOR",
    "EMBEDDING": "EMBEDDING",
    "GUARDRAIL": "GUARDRAIL",
}
# What a value of another type than Langfuse's makes somewhere below.
_BENT = (TypeError, ValueError, KeyError, AttributeError)
_OBSERVATION_TYPES = frozenset({*_TYPES, "SPAN", "EVENT"})
_SOURCES = {"ANNOTATION": "HUMAN", "EVAL": "LLM_JUDGE"}
_KEPT = ("level", "version", "environment", "modelParameters", "promptName", "promptVersion")


class Row(NamedTuple):
    """A row of Langfuse's, and where it stood.

    Attributes
    ----------
    fields : dict
        Its fields in camelCase.
    place : str
        For messages.
    """

    fields: dict[str, Any]
    place: str

    @property
    def trace_id(self) -> str:
        """Langfuse's id of the trace it belongs to."""
        name = "id" if self.is_trace else "traceId"
        found = self.fields.get(name)
        if not isinstance(found, str) or not found:
            msg = f"{self.place}{name} must be an identifier, got {found!r:.80}"
            raise NbtraceError.invalid(msg)
        return found

    @property
    def is_trace(self) -> bool:
        """Whether it is a trace and not an observation or a score."""
        return "traceId" not in self.fields


def langfuse_row(document: Mapping[str, Any], place: str) -> Row | None:
    """Return a row of Langfuse's, or None for anything else.

    Parameters
    ----------
    document : mapping
        What was read.
    place : str
        Where it stood.

    Examples
    --------
    >>> langfuse_row({"id": "1", "trace_id": "2", "type": "SPAN", "start_time": ""}, "").trace_id
    '2'
    >>> langfuse_row({"resourceSpans": []}, "") is None
    True
    """
    fields = {_camel(key): value for key, value in document.items()}
    is_observation = (
        "traceId" in fields
        and str(fields.get("type")) in _OBSERVATION_TYPES
        and "startTime" in fields
    )
    is_score = "traceId" in fields and "dataType" in fields and "name" in fields
    is_trace = (
        "id" in fields
        and "timestamp" in fields
        and ("observations" in fields or "sessionId" in fields or "userId" in fields)
    )
    return Row(fields, place) if is_observation or is_score or is_trace else None


def _camel(name: str) -> str:
    head, *tail = str(name).split("_")
    return head + "".join(word.capitalize() for word in tail)


def langfuse_traces(rows: Iterable[Row]) -> Iterator[Trace | NbtraceError]:
    """Yield the traces that rows make up, and an error for each row that cannot be read.

    Parameters
    ----------
    rows : iterable of Row
        In any order.
    """
    grouped: dict[str, _Gathered] = {}
    for row in rows:
        try:
            gathered = grouped.setdefault(row.trace_id, _Gathered(row.trace_id))
        except NbtraceError as error:
            yield error
            continue
        yield from gathered.add(row)
    for gathered in grouped.values():
        try:
            yield gathered.trace()
        except NbtraceError as error:
            yield error
        except _BENT as error:
            yield NbtraceError.invalid(f"a trace: {type(error).__name__}: {error}")


class _Gathered:
    """What there is of one trace."""

    def __init__(self, identifier: str) -> None:
        self._identifier = identifier
        self._id = trace_id_of(identifier, "traceId")
        self._fields: dict[str, Any] = {}
        self._spans: list[Span] = []
        self._scores: list[Feedback] = []

    def add(self, row: Row) -> Iterator[NbtraceError]:
        fields = row.fields
        if row.is_trace:
            self._fields |= {key: value for key, value in fields.items() if not _empty(value)}
            for name in ("observations", "scores"):
                held = fields.get(name)
                for index, item in enumerate(held if isinstance(held, list) else ()):
                    place = f"{row.place}{name}[{index}]: "
                    if isinstance(item, dict):
                        inner = {_camel(key): value for key, value in item.items()}
                        yield from self.add(Row({"traceId": self._identifier} | inner, place))
            return
        try:
            if "startTime" in fields:
                self._spans.append(_span(fields, self._id))
                # Enriched rows say of each observation what belongs to its trace.
                for name in ("userId", "sessionId", "traceName", "tags"):
                    if not _empty(fields.get(name)):
                        self._fields.setdefault(name, fields[name])
            else:
                self._scores.append(_feedback(fields))
        except NbtraceError as error:
            yield NbtraceError.invalid(f"{row.place}{error.message}")
        except _BENT as error:
            yield NbtraceError.invalid(f"{row.place}{type(error).__name__}: {error}")

    def trace(self) -> Trace:
        roots = [span for span in self._spans if span.parent_id is None]
        if len(roots) != 1:
            self._spans = self._below_one_root()
        trace = Trace.from_spans(self._spans)
        tags = trace.info.tags
        for key, name in ((TraceTagKey.SESSION, "sessionId"), (TraceTagKey.USER, "userId")):
            if text := text_or_none(self._fields, name):
                tags[key] = text
        if text := text_or_none(self._fields, "traceName", "name"):
            tags[TraceTagKey.TRACE_NAME] = text
        labels = self._fields.get("tags")
        for label in labels if isinstance(labels, list) else ():
            tags[str(label)] = "true"
        known = {span.span_id for span in self._spans}
        for score in self._scores:
            score.trace_id = self._id
            if score.span_id not in known:
                score.span_id = None
            trace.info.assessments.append(score)
        return trace

    def _below_one_root(self) -> list[Span]:
        """Return the spans below a root made of the trace itself, which Langfuse may do without."""
        if not self._spans and "timestamp" not in self._fields:
            msg = f"the trace {self._identifier} has scores, but neither a row nor observations"
            raise NbtraceError.invalid(msg)
        starts = [span.start_time_ns for span in self._spans]
        ends = [span.end_time_ns for span in self._spans if span.end_time_ns is not None]
        if not starts:
            starts = [nanoseconds(self._fields["timestamp"], "timestamp")]
        root_id = span_id_of(f"root of {self._identifier}", "id")
        failed = any(span.status.status_code.value == "ERROR" for span in self._spans)
        root = Span(
            trace_id=self._id,
            span_id=root_id,
            name=text_or_none(self._fields, "name", "traceName") or self._identifier,
            start_time_ns=min(starts),
            end_time_ns=max(ends, default=min(starts)),
            status=SpanStatus("ERROR" if failed else "OK"),
            attributes=_payloads(self._fields),
        )
        known = {span.span_id for span in self._spans}
        moved = []
        for span in self._spans:
            orphan = span.parent_id is None or span.parent_id not in known
            moved.append(span.replace(parent_id=root_id) if orphan else span)
        return [root, *moved]


def _empty(value: Any) -> bool:
    return value in ("", [], {}) or is_missing(value)


def _span(fields: Mapping[str, Any], trace_id: str) -> Span:
    parent = fields.get("parentObservationId")
    end = fields.get("endTime")
    start_ns = nanoseconds(fields["startTime"], "startTime")
    end_ns = start_ns if _empty(end) else nanoseconds(end, "endTime")
    kind = str(fields.get("type") or "SPAN")
    attributes = _payloads(fields)
    span_type = _TYPES.get(kind, "UNKNOWN")
    inputs = fields.get("input")
    if span_type == "LLM" and _looks_like_chat(inputs):
        span_type = "CHAT_MODEL"
    attributes[SpanAttributeKey.SPAN_TYPE] = dumps(span_type)
    model = text_or_none(fields, "model", "providedModelName")
    if model is not None:
        attributes[SpanAttributeKey.MODEL] = dumps(model)
    usage = _usage(fields)
    if usage:
        attributes[SpanAttributeKey.CHAT_USAGE] = dumps(usage)
    cost = _cost(fields)
    if cost:
        attributes[SpanAttributeKey.LLM_COST] = dumps(cost)
    resource, scope = _source(attributes.get("langfuse.metadata"))
    attributes["langfuse.observation.id"] = str(fields.get("id"))
    attributes["langfuse.observation.type"] = kind
    for name in _KEPT:
        if not _empty(fields.get(name)):
            attributes[f"langfuse.{name}"] = fields[name]
    failed = fields.get("level") == "ERROR"
    message = text_or_none(fields, "statusMessage") or ""
    return Span(
        trace_id=trace_id,
        span_id=span_id_of(fields.get("id"), "id"),
        parent_id=None if _empty(parent) else span_id_of(parent, "parentObservationId"),
        name=str(fields.get("name") or kind.lower()),
        start_time_ns=start_ns,
        end_time_ns=end_ns,
        status=SpanStatus("ERROR" if failed else "OK", message),
        attributes=attributes,
        resource=resource,
        scope=scope,
    )


def _source(metadata: Any) -> tuple[Resource | None, InstrumentationScope | None]:
    """Return resource and scope of an observation that reached Langfuse by OpenTelemetry."""
    found = metadata if isinstance(metadata, dict) else {}
    resource, scope = found.get("resourceAttributes"), found.get("scope")
    return (
        Resource(resource) if isinstance(resource, dict) else None,
        InstrumentationScope(str(scope.get("name") or ""), str(scope.get("version") or ""))
        if isinstance(scope, dict)
        else None,
    )


def _payloads(fields: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    for key, name in ((SpanAttributeKey.INPUTS, "input"), (SpanAttributeKey.OUTPUTS, "output")):
        if not is_missing(fields.get(name)):
            found[key] = dumps(_decoded(fields[name]))
    if not _empty(fields.get("metadata")):
        found["langfuse.metadata"] = _decoded(fields["metadata"])
    return found


def _decoded(value: Any) -> Any:
    """Return what the export to blob storage wrote as JSON text."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return loads(value)
        except ValueError:
            return value
    return value


def _looks_like_chat(value: Any) -> bool:
    value = _decoded(value)
    if isinstance(value, dict):
        value = value.get("messages")
    return isinstance(value, list) and any(isinstance(m, dict) and "role" in m for m in value)


def _usage(fields: Mapping[str, Any]) -> dict[str, int]:
    details = _decoded(fields.get("usageDetails")) or fields.get("usage") or {}
    if not isinstance(details, dict):
        return {}
    names = (
        ("input_tokens", ("input", "promptTokens")),
        ("output_tokens", ("output", "completionTokens")),
        ("total_tokens", ("total", "totalTokens")),
        (
            "cache_read_input_tokens",
            ("input_cached_tokens", "cache_read_input_tokens", "prompt_details.cache_read"),
        ),
    )
    found = {}
    for name, others in names:
        for other in others:
            if isinstance(details.get(other), int | float):
                found[name] = int(details[other])
                break
    return found


def _cost(fields: Mapping[str, Any]) -> dict[str, float]:
    details = _decoded(fields.get("costDetails"))
    details = details if isinstance(details, dict) else {}
    total = fields.get("calculatedTotalCost", fields.get("totalCost"))
    named = {
        "input_cost": details.get("input"),
        "output_cost": details.get("output"),
        "total_cost": details.get("total", total),
    }
    found = {
        key: float(value)
        for key, value in named.items()
        if isinstance(value, int | float) and not is_missing(value)
    }
    # Langfuse writes 0 for what has no cost at all, such as an agent's own step.
    return found if details or any(found.values()) else {}


def _feedback(fields: Mapping[str, Any]) -> Feedback:
    value: Any = fields.get("value")
    kind = fields.get("dataType")
    if kind == "BOOLEAN" and isinstance(value, int | float):
        value = bool(value)
    elif kind in {"CATEGORICAL", "TEXT"} and not _empty(fields.get("stringValue")):
        value = fields["stringValue"]
    if value is None:
        msg = f"the score {fields.get('name')!r:.80} has no value"
        raise NbtraceError.invalid(msg)
    observation = fields.get("observationId")
    source = str(fields.get("source") or "")
    when = fields.get("timestamp")
    return Feedback(
        name=str(fields["name"]),
        value=value,
        source=AssessmentSource(_SOURCES.get(source, "CODE"), source or "langfuse"),
        span_id=None if _empty(observation) else span_id_of(observation, "observationId"),
        create_time_ms=None if _empty(when) else nanoseconds(when, "timestamp") // 1_000_000,
        rationale=text_or_none(fields, "comment"),
    )
