"""The built front end: the loader that a widget's state carries and the bundle it fetches."""

from __future__ import annotations

import gzip
import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from nbtrace.exceptions import INVALID_STATE, NbtraceError

STATIC = Path(__file__).parent.parent / "static"


class Bundle(NamedTuple):
    """The front end's module: text, SHA-256 in hex, and gzipped bytes; and the loader's text."""

    text: str
    hash: str
    packed: bytes
    loader: str


@cache
def front_end() -> Bundle:
    """Return the built front end.

    Raises
    ------
    NbtraceError
        When this installation has none.
    """
    try:
        text = (STATIC / "widget.js").read_text(encoding="utf-8")
        loader = (STATIC / "loader.js").read_text(encoding="utf-8")
    except FileNotFoundError:
        message = (
            "this installation of nbtrace has no front end; in a source tree build it with "
            "'python js/hatch_build.py', else run 'pip install --force-reinstall nbtrace'"
        )
        raise NbtraceError(message, INVALID_STATE) from None
    data = text.encode()
    return Bundle(text, hashlib.sha256(data).hexdigest(), gzip.compress(data, 9, mtime=0), loader)


def in_marimo() -> bool:
    """Tell whether this is a marimo notebook, which loses messages that come before the view."""
    marimo = sys.modules.get("marimo")
    try:
        return marimo is not None and bool(marimo.running_in_notebook())
    except Exception:
        return False
