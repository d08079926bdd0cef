"""Random ids of spans and traces.

They come from the system, so that neither ``random.seed()`` nor a fork makes them repeat, and are
made by the hundred ahead of need.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_random_bytes: Callable[[int], bytes] = os.urandom

# Ready-made span ids: making them by the hundred costs a tenth of making each when it is needed.
ready_ids: list[str] = []
_ID_BATCH = 256


def new_span_id() -> str:
    """Return a random span id, 16 hex digits, and make more ready."""
    text = _random_bytes(8 * _ID_BATCH).hex()
    fresh = [text[start : start + 16] for start in range(0, len(text), 16)]
    ready_ids.extend(span_id for span_id in fresh if int(span_id, 16))
    return ready_ids.pop()


def seed_ids(seed: int | None = None) -> None:
    """Start the ids anew, at random or from a seed; in the child of a fork as well."""
    global _random_bytes  # noqa: PLW0603 - replaced in tests only
    ready_ids.clear()
    if seed is None:
        _random_bytes = os.urandom
    else:
        import random  # tests only

        _random_bytes = random.Random(seed).randbytes  # noqa: S311 - ids need to be unique


def _ready_id() -> str:
    return ready_ids.pop() if ready_ids else new_span_id()


def new_trace_id() -> str:
    """Return a random OpenTelemetry trace id, 32 hex digits, never all zero."""
    return _ready_id() + _ready_id()
