"""Imports on a background thread, which a fork waits for.

The child of a fork has none of its parent's other threads. A module that one of them was about to
import would stay half made there, and locked, so that the child hangs when it needs it. What is
imported late on a thread of nbtrace's own is therefore imported inside `held`.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["held"]

# The longest import takes a tenth of this; a fork must not wait for ever.
PATIENCE_SECONDS = 2.0


class _Gate:
    lock = threading.RLock()
    taken = False


@contextmanager
def held() -> Iterator[None]:
    """Hold back forks for the time of an import.

    Examples
    --------
    >>> with held():
    ...     import nbtrace.otel.prices
    """
    with _Gate.lock:
        yield


def _before() -> None:
    _Gate.taken = _Gate.lock.acquire(timeout=PATIENCE_SECONDS)


def _in_parent() -> None:
    if _Gate.taken:
        _Gate.lock.release()


def _in_child() -> None:
    _Gate.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
