"""Milliseconds since the epoch to and from RFC 3339 text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


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
