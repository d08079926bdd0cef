"""Call the user's own code for a value once, and no more when it was slow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable

# A cell must not pay for a slow __repr__ more than once; a normal one takes microseconds.
SLOW_CALL_NS = 5_000_000

_slow_types: WeakSet[type] = WeakSet()


def is_slow(kind: type) -> bool:
    """Return whether the user's code for a type was slow once.

    Examples
    --------
    >>> is_slow(int)
    False
    """
    return kind in _slow_types


def call_guarded(call: Callable[[], Any], kind: type) -> tuple[bool, Any]:
    """Call the user's code for a type, unless it was slow before.

    Parameters
    ----------
    call : callable
        Without arguments.
    kind : type
        Of the value it is about.

    Returns
    -------
    tuple of bool and object
        Whether it returned, and what; or else why not, as a text.

    Examples
    --------
    >>> call_guarded(lambda: 1 / 0, int)
    (False, 'raised ZeroDivisionError')
    """
    if kind in _slow_types:
        return False, "was slow before"
    started = time.perf_counter_ns()
    try:
        return True, call()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a Rust panic is no Exception
        return False, f"raised {type(error).__name__}"
    finally:
        if time.perf_counter_ns() - started > SLOW_CALL_NS:
            _slow_types.add(kind)
