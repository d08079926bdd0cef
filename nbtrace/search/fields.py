"""The fields a filter may name, and which operators each takes.

MLflow's names keep MLflow's meaning; further names (``trace_id``, ``state``, ``session``, ``user``,
``experiment``, ``tokens``...) are nbtrace's own and were errors there.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from nbtrace.entities.constant import STANDARD_TAG_KEYS, SpanAttributeKey, TraceTagKey
from nbtrace.search.syntax import Field, FieldType, Operator

__all__ = ["OPERATORS", "TRACE_FIELDS", "UnknownFieldError", "resolve"]


def _trace(name: str, kind: FieldType) -> Field:
    return Field("trace", name, kind)


TRACE_FIELDS: Final[dict[str, Field]] = {
    "request_id": _trace("trace_id", "text"),
    "trace_id": _trace("trace_id", "text"),
    "client_request_id": _trace("client_request_id", "text"),
    "status": _trace("state", "text"),
    "state": _trace("state", "text"),
    "timestamp": _trace("request_time", "time"),
    "timestamp_ms": _trace("request_time", "time"),
    "request_time": _trace("request_time", "time"),
    "start_time": _trace("request_time", "time"),
    "execution_time": _trace("execution_duration", "duration"),
    "execution_time_ms": _trace("execution_duration", "duration"),
    "execution_duration": _trace("execution_duration", "duration"),
    "duration_ms": _trace("execution_duration", "duration"),
    "end_time": _trace("end_time", "time"),
    "end_time_ms": _trace("end_time", "time"),
    "name": _trace("name", "text"),
    "run_id": _trace("run_id", "text"),
    "prompt": _trace("prompt", "prompt"),
    "text": _trace("text", "content"),
    "session": Field("tag", TraceTagKey.SESSION, "text"),
    "user": Field("tag", TraceTagKey.USER, "text"),
    "experiment": _trace("experiment", "text"),
    "experiment_id": _trace("experiment_id", "text"),
    "request_preview": _trace("request_preview", "text"),
    "response_preview": _trace("response_preview", "text"),
    "span_count": _trace("span_count", "number"),
    "error_count": _trace("error_count", "number"),
    "tokens": _trace("total_tokens", "number"),
    "total_tokens": _trace("total_tokens", "number"),
    "input_tokens": _trace("input_tokens", "number"),
    "output_tokens": _trace("output_tokens", "number"),
    "cost": _trace("cost", "number"),
}

_SPAN_FIELDS: Final[dict[str, Field]] = {
    "name": Field("span", "name", "text"),
    "type": Field("span", "type", "text"),
    "status": Field("span", "status", "text"),
    "model": Field("span", "model", "text"),
    "id": Field("span", "span_id", "text"),
    "span_id": Field("span", "span_id", "text"),
    "parent_id": Field("span", "parent_id", "text"),
    "tokens": Field("span", "total_tokens", "number"),
    "total_tokens": Field("span", "total_tokens", "number"),
    "input_tokens": Field("span", "input_tokens", "number"),
    "output_tokens": Field("span", "output_tokens", "number"),
    "cost": Field("span", "cost", "number"),
    "duration_ms": Field("span", "duration", "duration"),
    "start_time": Field("span", "start_time", "time"),
    "content": Field("span", "content", "content"),
    "inputs": Field("span", "inputs", "content"),
    "outputs": Field("span", "outputs", "content"),
}

# Attributes that are kept as columns or texts of the span and not beside its other attributes.
_RESERVED_ATTRIBUTES: Final = {
    SpanAttributeKey.SPAN_TYPE: "type",
    SpanAttributeKey.INPUTS: "inputs",
    SpanAttributeKey.OUTPUTS: "outputs",
}

_NULL_TESTS: Final[tuple[Operator, ...]] = ("IS NULL", "IS NOT NULL")
_PATTERNS: Final[tuple[Operator, ...]] = (
    "LIKE",
    "NOT LIKE",
    "ILIKE",
    "NOT ILIKE",
    "RLIKE",
    "NOT RLIKE",
)
_EQUALITY: Final[tuple[Operator, ...]] = ("=", "!=", "IN", "NOT IN")
_RANGES: Final[tuple[Operator, ...]] = (">", ">=", "<", "<=")
_BETWEEN: Final[tuple[Operator, ...]] = ("BETWEEN", "NOT BETWEEN")

OPERATORS: Final[dict[FieldType, tuple[Operator, ...]]] = {
    "text": (*_EQUALITY, *_PATTERNS, *_BETWEEN, *_NULL_TESTS),
    "number": (*_EQUALITY, *_RANGES, *_BETWEEN, *_NULL_TESTS),
    "time": (*_EQUALITY, *_RANGES, *_BETWEEN, *_NULL_TESTS),
    "duration": (*_EQUALITY, *_RANGES, *_BETWEEN, *_NULL_TESTS),
    "scalar": (*_EQUALITY, *_RANGES, *_PATTERNS, *_BETWEEN, *_NULL_TESTS),
    "content": (*_PATTERNS, "MATCH", "NOT MATCH", *_NULL_TESTS),
    "prompt": ("=", "IN", *_NULL_TESTS),
    "id": ("=", "IN", *_NULL_TESTS),
}

_ENTITIES: Final = (
    "tags",
    "metadata",
    "span",
    "feedback",
    "expectation",
    "issue",
    "trace",
    "attributes",
)


class UnknownFieldError(Exception):
    """A name that no field has; `expected` says what the parser should show.

    Parameters
    ----------
    problem : str
        What is wrong with the name.
    expected : str
        The names there are.
    """

    def __init__(self, problem: str, expected: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected


def resolve(entity: str | None, key: str) -> Field:  # noqa: PLR0911 - one per entity
    """Return the field of a name that is already split at its first dot.

    Parameters
    ----------
    entity : str or None
        What stands before the first dot, ``None`` for a bare name.
    key : str
        The rest, unquoted.

    Returns
    -------
    Field
        The field.

    Raises
    ------
    UnknownFieldError
        When there is no such field.

    Examples
    --------
    >>> resolve("tags", "a.b").name
    'a.b'
    """
    if entity is None or entity in {"attribute", "attributes", "trace"}:
        return _known(TRACE_FIELDS, key, "")
    if not key:
        raise UnknownFieldError(f"'{entity}.' names no key", f"a key, as in {entity}.`my key`")
    if entity in {"tag", "tags"}:
        # The name is a column, which has an index that searches by tag would not use.
        return TRACE_FIELDS["name"] if key == TraceTagKey.TRACE_NAME else Field("tag", key, "text")
    if entity in {"metadata", "request_metadata", "trace_metadata"}:
        # The standard keys are stored once, as tags, and found under either name.
        return Field("tag" if key in STANDARD_TAG_KEYS else "metadata", key, "text")
    if entity == "span":
        return _span(key)
    if entity == "feedback":
        return Field("feedback", key, "scalar")
    if entity == "expectation":
        return Field("expectation", key, "scalar")
    if entity == "issue":
        if key != "id":
            raise UnknownFieldError(f"unknown field 'issue.{key}'", "issue.id")
        return Field("issue", "id", "id")
    hint = _hint(entity, _ENTITIES)
    raise UnknownFieldError(
        f"unknown field '{entity}.{key}'{hint}",
        "a name that begins with " + ", ".join(f"'{name}.'" for name in _ENTITIES),
    )


def _span(key: str) -> Field:
    prefix, dot, attribute = key.partition(".")
    if prefix in {"attributes", "attribute"} and dot:
        if not attribute:
            raise UnknownFieldError(
                "'span.attributes.' names no attribute", "a key, as in span.attributes.`my key`"
            )
        reserved = _RESERVED_ATTRIBUTES.get(attribute)
        return _SPAN_FIELDS[reserved] if reserved else Field("attribute", attribute, "scalar")
    if key in {"attributes", "attribute"}:
        raise UnknownFieldError(
            f"'span.{key}' needs the name of an attribute", "a name such as span.attributes.model"
        )
    return _known(_SPAN_FIELDS, key, "span.")


def _known(fields: dict[str, Field], key: str, prefix: str) -> Field:
    found = fields.get(key)
    if found is not None:
        return found
    names = [*fields, "attributes.<key>"] if prefix else list(fields)
    raise UnknownFieldError(
        f"unknown field '{prefix}{key}'{_hint(key, names)}",
        "one of " + ", ".join(f"{prefix}{name}" for name in names)
        + ("" if prefix else "; or tags.<key>, metadata.<key>, span.<field>, feedback.<name>"),
    )  # fmt: skip


def _hint(key: str, names: list[str] | tuple[str, ...]) -> str:
    close = get_close_matches(key.lower(), names, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
