"""Imports that a fork waits for.

The child of a fork has none of its parent's other threads. A module that one of them was about to
import would stay half made there, and locked, so that the child hangs when it needs it. nbtrace
itself, and what is imported late on a thread of its own, is therefore imported inside `held`.

Hooks of a fork run in the reverse order of their registration, and logging's takes a lock that an
import may need. So logging is imported here, before the hook of this module is registered.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["held"]

logger = logging.getLogger("nbtrace")

PACKAGE = __name__.partition(".")[0]
# Importing nbtrace takes a tenth of this on a quiet machine; a fork must not wait for ever.
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
    if not _Gate.taken:
        logger.debug("a fork did not wait for the end of an import of another thread")
    elif PACKAGE in sys.modules:
        # Its last lines run, and its own lock is let go, after it has left `held`: to import a
        # module is to wait for that.
        importlib.import_module(PACKAGE)


def _in_parent() -> None:
    if _Gate.taken:
        _Gate.lock.release()


def _in_child() -> None:
    _Gate.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
