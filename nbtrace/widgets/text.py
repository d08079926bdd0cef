"""The tree for a terminal and for tools that read text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.entities.figures import count, duration
from nbtrace.widgets.forest import chosen_lines
from nbtrace.widgets.messages import OPEN, STATES
from nbtrace.widgets.overview import NAME_CHARACTERS, Overview, one_line, overview_of
from nbtrace.widgets.span_facts import Facts, error_message, facts_of

if TYPE_CHECKING:
    from nbtrace.entities.span import Span
    from nbtrace.entities.trace import Trace
    from nbtrace.widgets.source import TraceSource

# A screenful or a few: more than this nobody reads in a terminal.
TERMINAL_ROWS = 200
ERROR_CHARACTERS = 100
MARKS = {"open": "not ended", "done": "", "ok": "", "error": "ERROR", "incomplete": "incomplete"}


def terminal_tree(trace: Trace | TraceSource | Overview, max_rows: int = TERMINAL_ROWS) -> str:
    """Return the tree of a trace as text.

    Parameters
    ----------
    trace : Trace or TraceSource or Overview
        The trace.
    max_rows : int
        Most spans to show; what is left out is said.

    Returns
    -------
    str
        One line per span: name, kind, duration, tokens, state; the first one tells those of the
        whole trace and, where the trace has one root, what became of that.

    Examples
    --------
    >>> from nbtrace.entities import Span, Trace
    >>> ids = {"trace_id": "tr-" + "0a" * 16}
    >>> print(terminal_tree(Trace.from_spans([
    ...     Span(span_id="0b" * 8, name="answer", start_time_ns=0, end_time_ns=2_000_000, **ids),
    ...     Span(span_id="0c" * 8, parent_id="0b" * 8, name="search", start_time_ns=0,
    ...          end_time_ns=1_500_000, attributes={"mlflow.spanType": '"RETRIEVER"'}, **ids),
    ... ])))
    answer · 2 ms · 2 spans
    └─ search  RETRIEVER  1.5 ms
    """
    overview = overview_of(trace)
    spans, forest = overview.spans, overview.forest
    one_root = len(forest.roots) == 1
    lines = [_first_line(overview) if one_root else overview.headline]
    # Whether the ancestor at each depth has siblings below, which is where a bar is drawn.
    bars: list[bool] = []
    for line in chosen_lines(forest, max_rows):
        del bars[line.depth :]
        bars.append(not line.last)
        # The first root is the headline itself.
        if line.depth or not one_root:
            lines.append(_prefix(bars, one_root) + _span_line(spans[line.place]))
        if line.left_out:
            lines.append(_indent(bars, one_root) + f"… {line.left_out:,} more")
    return "\n".join(lines)


def fenced(text: str) -> str:
    """Return text as a block of Markdown that shows it as it is.

    Examples
    --------
    >>> print(fenced("answer · 2 ms"))
    ````text
    answer · 2 ms
    ````
    """
    return f"````text\n{text.replace('````', '` ` ` `')}\n````"


def _prefix(bars: list[bool], one_root: bool) -> str:  # noqa: FBT001 - private, two call sites
    shown = bars[1:] if one_root else bars
    stem = "".join("│  " if more else "   " for more in shown[:-1])
    return stem + ("├─ " if shown[-1] else "└─ ")


def _indent(bars: list[bool], one_root: bool) -> str:  # noqa: FBT001 - private, two call sites
    shown = bars[1:] if one_root else bars
    return "".join("│  " if more else "   " for more in shown) + "└─ "


def _first_line(overview: Overview) -> str:
    root = overview.spans[overview.forest.roots[0]]
    facts = facts_of(root)
    # That the root has not ended is said by its figures already.
    mark = "" if facts.state == OPEN else _mark(root, facts)
    name = one_line(overview.name, NAME_CHARACTERS)
    return " · ".join(part for part in (name, _kind(facts), *overview.figures, mark) if part)


def _kind(facts: Facts) -> str:
    return "" if facts.kind == "UNKNOWN" else facts.kind


def _mark(span: Span, facts: Facts) -> str:
    mark = MARKS[STATES[facts.state]]
    message = error_message(span)
    return f"{mark}: {one_line(message, ERROR_CHARACTERS)}" if message else mark


def _span_line(span: Span) -> str:
    facts = facts_of(span)
    parts = [
        one_line(span.name, NAME_CHARACTERS),
        _kind(facts),
        duration(span.duration_ns),
        "" if facts.tokens is None else count(facts.tokens, "token"),
        _mark(span, facts),
    ]
    return "  ".join(part for part in parts if part)
