"""Small readings that the importers share: moments, identifiers, nested attributes."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any

from nbtrace.entities.identifiers import is_hex
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbtrace.entities.constant import AttributeValue

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
TRACE_HEX_DIGITS = 32
SPAN_HEX_DIGITS = 16


def is_missing(value: object) -> bool:
    """Return whether a table has nothing in a cell: None, NaN or NaT.

    Examples
    --------
    >>> is_missing(float("nan")), is_missing(0)
    (True, False)
    """
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 - how NaN, NaT and NA are told without pandas
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"


def nanoseconds(value: Any, field: str) -> int:
    """Return the nanoseconds since the epoch of a moment.

    Parameters
    ----------
    value : str, datetime or pandas.Timestamp
        Text as ISO 8601 has it; without an offset it is UTC.
    field : str
        What it is called, for the message.

    Raises
    ------
    NbtraceError
        When it is no moment.

    Examples
    --------
    >>> nanoseconds("1970-01-01T00:00:01.000002Z", "start_time")
    1000002000
    """
    try:
        if hasattr(value, "nanosecond"):  # pandas, which keeps what datetime cannot
            moment: dt.datetime = value.to_pydatetime(warn=False)
            extra = int(value.nanosecond)
        else:
            moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)
            extra = 0
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return int((moment - _EPOCH) // _MICROSECOND) * 1000 + extra
    except (TypeError, ValueError, AttributeError):
        msg = f"{field} must be a moment such as 2026-01-31T12:00:00Z, got {value!r:.80}"
        raise NbtraceError.invalid(msg) from None


def trace_id_of(text: Any, field: str) -> str:
    """Return nbtrace's id for another's: hexadecimal kept, anything else by its digest.

    Examples
    --------
    >>> trace_id_of("0A" * 16, "traceID"), len(trace_id_of("chat-7", "id"))
    ('tr-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a', 35)
    """
    return "tr-" + _identifier(text, field, TRACE_HEX_DIGITS)


def span_id_of(text: Any, field: str) -> str:
    """Return nbtrace's id for another's span.

    Examples
    --------
    >>> span_id_of("0b0b0b0b0b0b0b0b", "spanID")
    '0b0b0b0b0b0b0b0b'
    """
    return _identifier(text, field, SPAN_HEX_DIGITS)


def _identifier(text: Any, field: str, digits: int) -> str:
    if not isinstance(text, str) or not text.strip():
        msg = f"{field} must be an identifier, got {text!r:.80}"
        raise NbtraceError.invalid(msg)
    plain = text.strip().lower()
    # A UUID is 32 digits with dashes; 64-bit trace ids are padded on the left.
    for candidate in (plain, plain.replace("-", ""), plain.rjust(digits, "0")):
        if len(candidate) == digits and is_hex(candidate, digits) and candidate.strip("0"):
            return candidate
    return hashlib.blake2b(text.encode(), digest_size=digits // 2).hexdigest()


def flattened(prefix: str, value: Any) -> Iterator[tuple[str, AttributeValue]]:
    """Yield nested attributes under dotted keys, as instrumentors set them.

    Parameters
    ----------
    prefix : str
        The key so far.
    value : object
        A mapping, a list of mappings, or a value.

    Examples
    --------
    >>> dict(flattened("llm", {"model": "m", "messages": [{"role": "user"}]}))
    {'llm.model': 'm', 'llm.messages.0.role': 'user'}
    """
    if hasattr(value, "tolist"):  # numpy, out of a DataFrame
        value = value.tolist()
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flattened(f"{prefix}.{key}" if prefix else str(key), item)
    elif isinstance(value, list | tuple) and value and all(isinstance(i, dict) for i in value):
        for index, item in enumerate(value):
            yield from flattened(f"{prefix}.{index}", item)
    elif not is_missing(value):
        yield prefix, list(value) if isinstance(value, tuple) else value


def text_or_none(row: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of several fields that holds text."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and value:
            return value
    return None
