"""For tests of traced code: the same ids and times in every run.

``deterministic()`` replaces nbtrace's clock and random ids inside a block, so that a trace can be
compared with what is written in a test.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from nbtrace.tracing import active, record, span_data, span_ids, spans

if TYPE_CHECKING:
    from collections.abc import Iterator

# 2026-01-01T00:00:00Z
START_NS = 1_767_225_600_000_000_000
STEP_NS = 1_000_000


class Clock:
    """A clock that moves only when it is read.

    Parameters
    ----------
    start : int
        Nanoseconds since the epoch.
    step : int
        Nanoseconds it moves at each reading of either face.
    """

    def __init__(self, start: int = START_NS, step: int = STEP_NS) -> None:
        self.now = start
        self.step = step

    def time_ns(self) -> int:
        """Return the time; it does not move the clock."""
        return self.now

    def monotonic_ns(self) -> int:
        """Return the time and move the clock by one step."""
        self.now += self.step
        return self.now


@contextmanager
def deterministic(seed: int = 0, start: int = START_NS, step: int = STEP_NS) -> Iterator[Clock]:
    """Make ids and times the same in every run.

    Parameters
    ----------
    seed : int
        Of the ids.
    start, step : int
        Of the clock, in nanoseconds: each start and each end of a span moves it by one step.

    Yields
    ------
    Clock
        The clock; set ``clock.now`` to let time pass.

    Examples
    --------
    >>> import nbtrace, nbtrace.testing
    >>> with nbtrace.testing.deterministic():
    ...     with nbtrace.start_span("step") as span:
    ...         pass
    >>> span.duration_ns
    1000000
    """
    clock = Clock(start, step)
    saved = [
        (module, name, getattr(module, name))
        for module in (span_data, record, spans, active)
        for name in ("time_ns", "monotonic_ns")
        if hasattr(module, name)
    ]
    for module, name, _ in saved:
        setattr(module, name, getattr(clock, name))
    span_ids.seed_ids(seed)
    try:
        yield clock
    finally:
        for module, name, original in saved:
            setattr(module, name, original)
        span_ids.seed_ids()
