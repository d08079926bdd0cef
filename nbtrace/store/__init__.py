"""The store of traces: a database, span files and journals in one directory.

`current_store` gives the store of this process; where it is, `nbtrace.store.location` decides.
Importing this package opens nothing.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import TYPE_CHECKING

from nbtrace.otel import importing
from nbtrace.store.location import reset_directory, resolve_directory

if TYPE_CHECKING:
    from nbtrace.store.store import Store

__all__ = ["current_store", "reset_store"]

_lock = threading.Lock()
_current: Store | None = None


def current_store() -> Store:
    """Return this process's store; nothing is opened before it is used.

    Returns
    -------
    Store
        The same one for all threads. In the child of a fork it opens connections of its own.

    Raises
    ------
    StoreUnavailable
        If there is no directory that could be the store.

    Examples
    --------
    >>> current_store() is current_store()
    True
    """
    global _current  # noqa: PLW0603 - one store for the process
    store = _current
    if store is None:
        with _lock:
            store = _current
            if store is None:
                with importing.held():
                    from nbtrace.store.store import Store

                store = _current = Store(resolve_directory())
    return store


def reset_store() -> None:
    """Close the store and forget where it was; for tests.

    Examples
    --------
    >>> reset_store()
    """
    global _current  # noqa: PLW0603 - see current_store
    with _lock:
        store = _current
        _current = None
    if store is not None:
        store.close()
    reset_directory()


def _new_lock() -> None:
    # Another thread may have held it at the moment of the fork.
    global _lock  # noqa: PLW0603 - see current_store
    _lock = threading.Lock()


def _close_at_exit() -> None:
    databases = sys.modules.get("nbtrace.store.database")
    if databases is not None:
        databases.close_all()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)
# Registered before the recorder's handler, so it runs after the last traces have been written.
atexit.register(_close_at_exit)
