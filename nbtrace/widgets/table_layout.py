"""How a person arranged the columns, kept beside the database for every table of that store.

A page would keep it for one address and port, which the next kernel may not have.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from nbtrace.store.store import Store

_logger = logging.getLogger("nbtrace")

FILE = "table.json"
# Widths, order and visibility of two dozen columns take 1 kB; more is not a layout.
MAX_BYTES = 20_000


def read_layout(store: Store) -> dict[str, Any]:
    """Return the layout of a store's tables, empty when there is none or it cannot be read."""
    try:
        path = store.directory / FILE
        found = orjson.loads(path.read_bytes()) if path.stat().st_size <= MAX_BYTES else {}
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def write_layout(store: Store, layout: dict[str, Any]) -> None:
    """Keep the layout; a store that cannot be written goes on without.

    Parameters
    ----------
    store : Store
        Whose.
    layout : dict
        What the page sent, as it is to get it again.
    """
    text = orjson.dumps(layout)
    if len(text) > MAX_BYTES:
        return
    name = ""
    try:
        # Made readable by its owner only, and in place at once or not at all.
        descriptor, name = tempfile.mkstemp(prefix=f".{FILE}", dir=store.directory)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
        Path(name).replace(store.directory / FILE)
    except OSError:
        _logger.debug("could not keep the table's columns", exc_info=True)
        if name:
            with contextlib.suppress(OSError):
                Path(name).unlink()
