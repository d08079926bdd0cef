"""What a person gave, of the type that it has to be, or an error that says what to give instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from nbtrace.entities.timestamps import as_nanoseconds
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Mapping


def checked_mapping(name: str, value: object) -> Mapping[Any, Any]:
    """Return a mapping that was given, an empty one for None.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : object
        What was given for it.

    Raises
    ------
    NbtraceError
        For anything else.

    Examples
    --------
    >>> checked_mapping("tags", {"stage": "try"}), checked_mapping("tags", None)
    ({'stage': 'try'}, {})
    """
    if value is None:
        return {}
    # Headers of http.client and others are mappings in all but name.
    if not hasattr(value, "items"):
        msg = f"{name} takes a mapping such as {{'stage': 'draft'}}, got {type(value).__name__}"
        raise NbtraceError.invalid(msg)
    return cast("Mapping[Any, Any]", value)


def checked_items(name: str, value: object) -> Iterable[Any]:
    """Return a list, or whatever else gives items, that was given; an empty one for None.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : object
        What was given for it.

    Raises
    ------
    NbtraceError
        For a text, and for what has no items.

    Examples
    --------
    >>> checked_items("trace_ids", ("tr-1", "tr-2")), checked_items("trace_ids", None)
    (('tr-1', 'tr-2'), ())
    """
    if value is None:
        return ()
    if isinstance(value, str | bytes):
        msg = f"{name} takes a list, got the text {value!r}: put it into a list"
        raise NbtraceError.invalid(msg)
    if not isinstance(value, Iterable):
        msg = f"{name} takes a list, got {type(value).__name__}"
        raise NbtraceError.invalid(msg)
    return value


def checked_nanoseconds(name: str, value: object) -> int | None:
    """Return a moment that was given in nanoseconds since the epoch; None stays None.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : object
        What was given for it.

    Raises
    ------
    NbtraceError
        For what is no moment that can be stored.

    Examples
    --------
    >>> checked_nanoseconds("end_time_ns", 1.5e9)
    1500000000
    """
    if value is None:
        return None
    moment = as_nanoseconds(value)
    if moment is None:
        msg = (
            f"{name} takes nanoseconds since 1970 such as time.time_ns() gives, up to the year "
            f"2262, got {value!r:.60}"
        )
        raise NbtraceError.invalid(msg)
    return moment


def checked_ratio(name: str, value: object) -> float:
    """Return a share that was given.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : object
        What was given for it; True and False are no numbers here.

    Raises
    ------
    NbtraceError
        For anything but a number from 0 to 1.

    Examples
    --------
    >>> checked_ratio("sampling_ratio", 0.1)
    0.1
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        msg = f"{name} must be from 0 to 1, got {value!r:.60}"
        raise NbtraceError.invalid(msg)
    return value


def checked_seconds(name: str, value: object) -> float:
    """Return a time to wait that was given.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : object
        What was given for it.

    Raises
    ------
    NbtraceError
        For anything but a number above 0.

    Examples
    --------
    >>> checked_seconds("timeout", 2)
    2
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        msg = f"{name} takes seconds above 0, got {value!r:.60}"
        raise NbtraceError.invalid(msg)
    return value


def checked_whole_number(name: str, value: object) -> int:
    """Return a whole number that was given.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : object
        What was given for it; True and False are no numbers here.

    Raises
    ------
    NbtraceError
        For anything else.

    Examples
    --------
    >>> checked_whole_number("max_traces", 3)
    3
    """
    whole = getattr(value, "__index__", None)
    if whole is None or isinstance(value, bool):
        msg = f"{name} takes a whole number, got {value!r:.60}"
        raise NbtraceError.invalid(msg)
    return int(whole())
