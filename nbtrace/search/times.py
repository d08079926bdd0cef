"""Times and durations as people write them: ISO dates, ``-2h``, ``yesterday``, ``1.5s``.

A date without an offset is UTC, as `start_time` in a search's DataFrame is, so that the same filter
means the same on every machine. Results are milliseconds, since the epoch for times.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["DURATION_FORMS", "TIME_FORMS", "read_duration", "read_time"]

TIME_FORMS: Final = (
    "milliseconds since the epoch, an ISO date such as '2025-06-01' or '2025-06-01T12:30:00+02:00' "
    "(UTC unless it says otherwise), or a relative time such as '-2h', 'now-7d', '3 days ago', "
    "'today' or 'yesterday'"
)
DURATION_FORMS: Final = "milliseconds, or a quoted duration such as '250ms', '1.5s' or '2m'"

_MILLISECONDS: Final = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_UNIT_NAMES: Final = {
    "millisecond": "ms",
    "milliseconds": "ms",
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "min": "m",
    "minute": "m",
    "minutes": "m",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "week": "w",
    "weeks": "w",
}
_AMOUNT = r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([a-z]+)"
_DURATION = re.compile(_AMOUNT)
_RELATIVE = re.compile(rf"(?:now\s*)?([+-])\s*{_AMOUNT}")
_AGO = re.compile(rf"{_AMOUNT}\s+ago")
# Shorter digits are years and ISO basic dates; the shortest is a time of 1973.
_EPOCH_MILLISECONDS = re.compile(r"[+-]?[0-9]{12,15}")
_YEAR = re.compile(r"[0-9]{4}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_duration(text: str) -> float | None:
    """Return the milliseconds that a text says, or ``None`` when it says none.

    Parameters
    ----------
    text : str
        A number of milliseconds or a number with a unit.

    Returns
    -------
    float or None
        Milliseconds; a whole number comes as ``int``.

    Examples
    --------
    >>> read_duration("1.5s"), read_duration("250"), read_duration("soon")
    (1500, 250, None)
    """
    text = text.strip().lower()
    if re.fullmatch(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,9})?", text):
        return _whole(float(text))
    match = _DURATION.fullmatch(text)
    return _amount(match.group(1), match.group(2)) if match else None


def read_time(text: str, now_ms: int) -> float | None:
    """Return the milliseconds since the epoch that a text says, or ``None`` when it says none.

    Parameters
    ----------
    text : str
        One of the forms of `TIME_FORMS`.
    now_ms : int
        The time that relative forms count from, in milliseconds since the epoch.

    Returns
    -------
    float or None
        Milliseconds since the epoch; a date is its first instant.

    Examples
    --------
    >>> read_time("1970-01-02", 0), read_time("-1s", 5_000), read_time("tomorrow-ish", 0)
    (86400000, 4000, None)
    """
    text = text.strip()
    relative = _read_relative(text.lower(), now_ms)
    if relative is not None:
        return relative
    if _EPOCH_MILLISECONDS.fullmatch(text):
        return int(text)
    if _YEAR.fullmatch(text):
        text += "-01-01"
    elif _MONTH.fullmatch(text):
        text += "-01"
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return _whole((moment - _EPOCH) / timedelta(milliseconds=1))
    except (ValueError, OverflowError):
        return None


def _read_relative(text: str, now_ms: int) -> float | None:
    if text == "now":
        return now_ms
    if text in {"today", "yesterday"}:
        midnight = now_ms - now_ms % _MILLISECONDS["d"]
        return midnight if text == "today" else midnight - _MILLISECONDS["d"]
    match = _AGO.fullmatch(text)
    if match:
        amount = _amount(match.group(1), match.group(2))
        return None if amount is None else now_ms - amount
    match = _RELATIVE.fullmatch(text)
    if match:
        amount = _amount(match.group(2), match.group(3))
        if amount is not None:
            return now_ms + (amount if match.group(1) == "+" else -amount)
    return None


def _amount(number: str, unit: str) -> float | None:
    factor = _MILLISECONDS.get(_UNIT_NAMES.get(unit, unit))
    return None if factor is None else _whole(float(number) * factor)


def _whole(number: float) -> float:
    return int(number) if number.is_integer() else number
