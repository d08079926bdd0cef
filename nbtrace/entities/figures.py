"""Numbers as people read them, the same as ``js/src/page/format.ts`` writes them."""

from __future__ import annotations

NS_PER_S = 1_000_000_000
_UNITS = ((1_000, 1, "ns"), (1_000_000, 1_000, "µs"), (NS_PER_S, 1_000_000, "ms"))
SECONDS_PER_MINUTE = 60


def duration(nanoseconds: int | None) -> str:
    """Return a duration with three figures.

    Parameters
    ----------
    nanoseconds : int or None
        The duration; None while it is not known.

    Returns
    -------
    str
        Empty for None.

    Examples
    --------
    >>> duration(1_240_000), duration(200 * NS_PER_S), duration(None)
    ('1.24 ms', '3 min 20 s', '')
    """
    if nanoseconds is None:
        return ""
    if nanoseconds < 0:
        return f"-{duration(-nanoseconds)}"
    for limit, divide, unit in _UNITS:
        if nanoseconds < limit:
            return f"{_three_figures(nanoseconds / divide)} {unit}"
    if nanoseconds < SECONDS_PER_MINUTE * NS_PER_S:
        return f"{_three_figures(nanoseconds / NS_PER_S)} s"
    minutes, seconds = divmod(round(nanoseconds / NS_PER_S), SECONDS_PER_MINUTE)
    if minutes < SECONDS_PER_MINUTE:
        return f"{minutes} min {seconds} s"
    return f"{minutes // SECONDS_PER_MINUTE} h {minutes % SECONDS_PER_MINUTE} min"


def _three_figures(value: float) -> str:
    text = f"{value:.3g}"
    return str(round(value)) if "e" in text else text


def count(number: int, noun: str) -> str:
    """Return ``1 span``, ``1,234 spans``.

    Examples
    --------
    >>> count(1, "span"), count(1234, "span")
    ('1 span', '1,234 spans')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(number_of_bytes: int) -> str:
    """Return a size for people.

    Examples
    --------
    >>> size(999), size(389_686), size(20_000_000)
    ('999 B', '389.7 kB', '20.0 MB')
    """
    if number_of_bytes < 1_000:  # noqa: PLR2004 - SI
        return f"{number_of_bytes} B"
    if number_of_bytes < 1_000_000:  # noqa: PLR2004 - SI
        return f"{number_of_bytes / 1_000:.1f} kB"
    return f"{number_of_bytes / 1_000_000:.1f} MB"


def dollars(cost: float | None) -> str:
    """Return a cost in US dollars, empty when it is not known.

    Examples
    --------
    >>> dollars(0.01234), dollars(None)
    ('$0.0123', '')
    """
    if cost is None:
        return ""
    return f"${cost:.2f}" if cost >= 1 else f"${cost:.3g}"
