"""Moments: milliseconds since the epoch to and from RFC 3339 text, and checked nanoseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# SQLite's integers have 63 bits and a sign; that is the year 2262.
MAX_NANOSECONDS = (1 << 63) - 1


def as_nanoseconds(value: object) -> int | None:
    """Return a moment in nanoseconds since the epoch, None for what cannot be one.

    Parameters
    ----------
    value : object
        An integer, or a float such as ``time.time() * 1e9``.

    Returns
    -------
    int or None
        From 0 to 2**63 - 1; a moment beyond that could not be stored.

    Examples
    --------
    >>> as_nanoseconds(1.5e9), as_nanoseconds("now"), as_nanoseconds(-1)
    (1500000000, None, None)
    """
    if isinstance(value, str | bytes | bytearray):
        return None
    try:
        moment = int(value)  # type: ignore[call-overload]  # whatever has an __int__
    except Exception:
        return None
    return moment if 0 <= moment <= MAX_NANOSECONDS else None


def to_rfc3339(milliseconds: int) -> str:
    """Return the text protobuf writes for a moment.

    Parameters
    ----------
    milliseconds : int
        Milliseconds since the epoch.

    Returns
    -------
    str
        UTC, with three digits of a second's fraction unless there is none.

    Examples
    --------
    >>> to_rfc3339(1500), to_rfc3339(2000)
    ('1970-01-01T00:00:01.500Z', '1970-01-01T00:00:02Z')
    """
    moment = _EPOCH + milliseconds * _MILLISECOND
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def from_rfc3339(text: str | float) -> int:
    """Return the milliseconds since the epoch of RFC 3339 text.

    Parameters
    ----------
    text : str or int or float
        ``2026-11-22T15:34:52.986Z``, with any number of digits and any offset; a number is taken
        as milliseconds.

    Returns
    -------
    int
        Milliseconds since the epoch, rounded down.

    Raises
    ------
    ValueError
        When the text is no moment.

    Examples
    --------
    >>> from_rfc3339("1970-01-01T00:00:01.500999999Z")
    1500
    """
    if not isinstance(text, str):
        return int(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND
