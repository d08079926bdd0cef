"""One reading of a trace for all its static forms: the forest, and its figures in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbtrace.entities.figures import count, dollars, duration
from nbtrace.entities.span_status import SpanStatusCode
from nbtrace.widgets.forest import Forest, forest_of
from nbtrace.widgets.source import TraceSource, source_of
from nbtrace.widgets.span_facts import safe_text, usage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.entities.span import Span
    from nbtrace.entities.trace import Trace

NAME_CHARACTERS = 60
RUNNING = "running"
# What is saved is read later: by then a kernel may have been restarted.
RUNNING_WHEN_SAVED = "running when this was saved"


class Overview(NamedTuple):
    """A trace as read once: its spans at that moment, their forest, and its figures in words."""

    trace_id: str
    name: str
    spans: Sequence[Span]
    forest: Forest
    figures: Sequence[str]

    @property
    def headline(self) -> str:
        """The trace in one line: its name and figures."""
        return " · ".join((one_line(self.name, NAME_CHARACTERS), *self.figures))

    def to_save(self) -> Overview:
        """Return the same for a form that is kept, where "running" would soon be wrong."""
        figures = [RUNNING_WHEN_SAVED if one == RUNNING else one for one in self.figures]
        return self._replace(figures=figures)


def overview_of(trace: Trace | TraceSource | Overview) -> Overview:
    """Read a trace, unless that has been done.

    Parameters
    ----------
    trace : Trace or TraceSource or Overview
        The trace.

    Returns
    -------
    Overview
        What the static forms are made from.
    """
    if isinstance(trace, Overview):
        return trace
    source = source_of(trace)
    spans = source.changes(0)[1]
    forest = forest_of(spans)
    return Overview(source.trace_id, source.name, spans, forest, _figures(source, spans, forest))


def one_line(text: str, limit: int) -> str:
    r"""Return text without what could move a cursor or turn the direction of reading, cut short.

    Examples
    --------
    >>> one_line("a\nb", 10), one_line("abcdef", 4)
    ('a b', 'abc…')
    """
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: limit + 1])
    return safe_text(shown if len(shown) <= limit else shown[: limit - 1] + "…")


def _figures(source: TraceSource, spans: Sequence[Span], forest: Forest) -> list[str]:
    running = "" if source.finished else RUNNING
    if not spans:
        return ["no spans yet" if running else "no spans"]
    tokens, cost = usage_of(spans)
    errors = sum(span.status.status_code is SpanStatusCode.ERROR for span in spans)
    parts = [
        duration(forest.end - forest.start),
        count(len(spans), "span"),
        "" if tokens is None else count(tokens, "token"),
        dollars(cost),
        count(errors, "error") if errors else "",
        running,
    ]
    return [part for part in parts if part]
