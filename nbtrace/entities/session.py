"""The traces of one conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace.entities.trace import Trace


@dataclass(frozen=True)
class Session:
    """The traces of one conversation, oldest first.

    Parameters
    ----------
    traces : list of Trace
        Oldest first, all of the same session.

    Examples
    --------
    >>> len(Session([])), Session([]).id
    (0, None)
    """

    traces: list[Trace]

    @property
    def id(self) -> str | None:
        """The session's id, as its traces say it; None without traces."""
        return self.traces[0].info.session if self.traces else None

    def __len__(self) -> int:
        return len(self.traces)

    def __iter__(self) -> Iterator[Trace]:
        return iter(self.traces)

    def __getitem__(self, index: int) -> Trace:
        return self.traces[index]
