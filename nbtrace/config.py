"""Options and limits, one object for the process.

``options`` is read on hot paths, so it is a plain slotted object whose attributes are replaced by
``nbtrace.configure``; whoever keeps something compiled from it looks at ``options.version``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    import re

# Of the package; its metadata and the recorded spans read it here.
__version__ = "0.1.0"

# A cell's value should stay readable in the tree and the file should stay small enough to open:
# these bounds keep a pathological value below about 1 MB of JSON and below 50 ms of work.
MAX_VALUE_BYTES = 1_000_000
MAX_VALUE_NODES = 10_000
MAX_VALUE_DEPTH = 32
MAX_STRING_CHARACTERS = 100_000
MAX_ATTRIBUTES = 1_000
# MLflow's column width for previews on a local store.
PREVIEW_CHARACTERS = 1_000
# Scalars of this length are what people compare with `span.attributes.k = '...'`.
INDEXED_ATTRIBUTE_CHARACTERS = 256
# Enough of a text to find it again; the whole of it is in the span file.
INDEXED_TEXT_CHARACTERS = 2_000

Display = Literal["auto", "always", "never"]
Saved = Literal["full", "names", "none"]


def _flag_is_on(name: str) -> bool:
    text = os.environ.get(name, "").strip().lower()
    if not text:
        return True
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    msg = f"{name} must be one of 1, true, yes, on, 0, false, no, off; got {text!r}"
    raise NbtraceError.invalid(msg)


@dataclass(slots=True)
class Options:
    """What ``nbtrace.configure`` sets.

    Attributes
    ----------
    redact : bool
        Whether secrets are replaced before anything is kept (``NBTRACE_REDACT``).
    redact_patterns : tuple of re.Pattern
        Further patterns; every match becomes ``[REDACTED]``.
    redact_keys : tuple of str
        Further names of keys (lower case) whose values are replaced.
    capture_content : bool
        Whether inputs and outputs are recorded at all (``NBTRACE_CAPTURE_CONTENT``).
    display : {"auto", "always", "never"}
        ``auto`` shows the tree of ``%%trace`` cells only.
    saved : {"full", "names", "none"}
        What the static tree in a saved notebook holds.
    max_value_bytes, max_value_nodes, max_value_depth, max_string_characters : int
        Bounds of one recorded value; a cut is always marked.
    sampling_ratio : float
        Share of the traces kept, from 0 to 1 (``NBTRACE_TRACE_SAMPLING_RATIO``).
    version : int
        Grows with each change.
    """

    redact: bool = field(default_factory=lambda: _flag_is_on("NBTRACE_REDACT"))
    redact_patterns: tuple[re.Pattern[str], ...] = ()
    redact_keys: tuple[str, ...] = ()
    capture_content: bool = field(default_factory=lambda: _flag_is_on("NBTRACE_CAPTURE_CONTENT"))
    display: Display = "auto"
    saved: Saved = "full"
    max_value_bytes: int = MAX_VALUE_BYTES
    max_value_nodes: int = MAX_VALUE_NODES
    max_value_depth: int = MAX_VALUE_DEPTH
    max_string_characters: int = MAX_STRING_CHARACTERS
    indexed_attribute_characters: int = INDEXED_ATTRIBUTE_CHARACTERS
    indexed_text_characters: int = INDEXED_TEXT_CHARACTERS
    sampling_ratio: float = field(
        default_factory=lambda: float(os.environ.get("NBTRACE_TRACE_SAMPLING_RATIO", "1"))
    )
    version: int = 0

    def update(self, **changes: Any) -> None:
        """Set options by name and count the change.

        Raises
        ------
        NbtraceError
            For a name that is not an option.
        """
        known = {item.name for item in fields(self)} - {"version"}
        for name in changes:
            if name not in known:
                msg = f"unknown option {name!r}; the options are {', '.join(sorted(known))}"
                raise NbtraceError.invalid(msg)
        for name, value in changes.items():
            setattr(self, name, value)
        self.version += 1


options = Options()
