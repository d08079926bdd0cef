"""The order of a search: from ``order_by`` terms to SQL, and where a page goes on.

Missing values come last in either direction. Every order ends in the request time and the trace's
key, so it is total, and the place behind a trace can be said by its values alone (keyset paging):
traces that arrive meanwhile shift nothing.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrace.entities.constant import TraceMetadataKey
from nbtrace.exceptions import NbtraceError
from nbtrace.search.comparisons import Fragment, all_of, any_of
from nbtrace.search.fields import UnknownFieldError, resolve
from nbtrace.search.lexer import filter_error, tokenize
from nbtrace.search.parser import split_name
from nbtrace.search.syntax import Field

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["OrderKey", "after", "parse_order"]

_NEVER_MISSING = {
    "request_time",
    "end_time",
    "id",
    "trace_id",
    "state",
    "experiment_id",
    "span_count",
    "error_count",
}
_INDEXED = {
    "request_time",
    "experiment_id",
    "state",
    "name",
    "execution_duration",
    "total_tokens",
    "cost",
}
_SORTABLE = _NEVER_MISSING | {
    "name",
    "run_id",
    "experiment",
    "execution_duration",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "cost",
    "request_preview",
    "response_preview",
}
_REQUEST_TIME = Field("trace", "request_time", "time")
_KEY = Field("trace", "id", "number")


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One term of an order.

    Attributes
    ----------
    field : Field
        What is sorted by.
    descending : bool
        Whether the largest comes first.
    """

    field: Field
    descending: bool = False

    @property
    def nullable(self) -> bool:
        """Whether a trace may lack the value."""
        return self.field.scope != "trace" or self.field.name not in _NEVER_MISSING

    @property
    def indexed(self) -> bool:
        """Whether an index of the traces begins with it."""
        return self.field.scope == "trace" and self.field.name in _INDEXED

    @property
    def value(self) -> Fragment:
        """The SQL of the value for the trace ``t``."""
        scope, name = self.field.scope, self.field.name
        if name == "run_id" and scope == "trace":
            scope, name = "metadata", TraceMetadataKey.SOURCE_RUN
        if scope in {"tag", "metadata"}:
            column = "tags" if scope == "tag" else "metadata"
            sql = f"(SELECT j.atom FROM json_each(t.{column}) j WHERE j.key = ?)"
            return Fragment(sql, (name,))
        if name == "end_time":
            return Fragment("(t.request_time + coalesce(t.execution_duration, 0))")
        if name == "experiment":
            return Fragment(
                "(SELECT e.name FROM experiments e WHERE e.experiment_id = t.experiment_id)"
            )
        return Fragment(f"t.{name}")

    @property
    def direction(self) -> str:
        """The words behind the value in ``ORDER BY``."""
        return ("DESC" if self.descending else "ASC") + (" NULLS LAST" if self.nullable else "")


def parse_order(order_by: Sequence[str] | str | None) -> tuple[OrderKey, ...]:
    """Return the keys of an order, the request time and the trace's key at the end.

    Parameters
    ----------
    order_by : sequence of str, str or None
        Terms such as ``"execution_time DESC"``; ascending unless said otherwise.

    Returns
    -------
    tuple of OrderKey
        Newest first where the terms leave it open.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a term that cannot be sorted by.

    Examples
    --------
    >>> [(key.field.name, key.descending) for key in parse_order(["name"])]
    [('name', False), ('request_time', True), ('id', True)]
    """
    terms = [order_by] if isinstance(order_by, str) else list(order_by or ())
    keys: list[OrderKey] = []
    for term in terms:
        if not isinstance(term, str):
            message = f"order_by takes texts such as 'timestamp DESC', got {term!r}"
            raise NbtraceError.invalid(message)
        key = _parse_term(term)
        if any(other.field == key.field for other in keys):
            message = f"`order_by` contains duplicate fields: {term!r} comes twice; keep the first"
            raise NbtraceError.invalid(message)
        keys.append(key)
    times = [key for key in keys if key.field == _REQUEST_TIME]
    if not times:
        keys.append(OrderKey(_REQUEST_TIME, descending=True))
    # In the direction of the time, so that one index serves both.
    keys.append(OrderKey(_KEY, descending=times[0].descending if times else True))
    return tuple(keys)


def _parse_term(term: str) -> OrderKey:
    try:
        tokens = tokenize(term)
    except NbtraceError as error:
        raise _for_order(error) from None
    first, *rest = tokens
    if first.kind != "name":
        raise _for_order(filter_error(term, first.start, "no field here", "a name such as cost"))
    try:
        entity, key = split_name(first)
        field = resolve(entity, key)
    except UnknownFieldError as error:
        raise _for_order(filter_error(term, first.start, error.problem, error.expected)) from None
    if field.scope not in {"tag", "metadata"} and (
        field.scope != "trace" or field.name not in _SORTABLE
    ):
        allowed = ", ".join(sorted(_SORTABLE - {"id"}))
        raise _for_order(
            filter_error(
                term,
                first.start,
                f"{term[first.start : first.end]} cannot be sorted by",
                f"tags.<key>, metadata.<key> or one of {allowed}",
            )
        )
    words = [token.word for token in rest]
    descending = words[0] == "DESC"
    if words[0] in {"ASC", "DESC"}:
        words, rest = words[1:], rest[1:]
    if words[:2] == ["NULLS", "LAST"]:
        rest = rest[2:]
    if rest[0].kind != "end":
        raise _for_order(
            filter_error(
                term,
                rest[0].start,
                f"unexpected {term[rest[0].start :]}",
                "ASC, DESC or the end; give several fields as several items of order_by",
            )
        )
    return OrderKey(field, descending)


def _for_order(error: NbtraceError) -> NbtraceError:
    message = error.message.replace("Invalid filter:", "Invalid order_by:", 1)
    return NbtraceError(message, error.error_code)


def after(keys: Sequence[OrderKey], values: Sequence[Any]) -> Fragment:
    """Return SQL that is true for the traces behind a place in the order.

    Parameters
    ----------
    keys : sequence of OrderKey
        The order.
    values : sequence
        The place: a value per key.

    Returns
    -------
    Fragment
        A condition on the trace ``t``.

    Examples
    --------
    >>> after(parse_order(None), (5, 1)).parameters
    (5, 5, 1)
    """
    ways: list[Fragment] = []
    equal: list[Fragment] = []
    for key, value in zip(keys, values, strict=True):
        behind = _behind(key, value)
        if behind is not None:
            ways.append(all_of([*equal, behind]))
        sql, parameters, _ = key.value
        equal.append(Fragment(f"{sql} IS ?", (*parameters, value)))
    return any_of(ways)


def _behind(key: OrderKey, value: Any) -> Fragment | None:
    if value is None:
        return None
    sql, parameters, _ = key.value
    compared = Fragment(f"{sql} {'<' if key.descending else '>'} ?", (*parameters, value))
    if not key.nullable:
        return compared
    return any_of((compared, Fragment(f"{sql} IS NULL", parameters)))
