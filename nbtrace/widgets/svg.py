"""The tree and timeline of a trace as an SVG picture: for a paper, a slide, an issue.

Colours follow the reader's light or dark mode where the viewer knows it. Names are text, so that
they can be searched and copied; nothing in the picture runs or loads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from nbtrace.config import options
from nbtrace.entities.figures import count, duration
from nbtrace.widgets.forest import chosen_lines
from nbtrace.widgets.html import COLOURS, ERROR_COLOUR, OTHER_COLOUR
from nbtrace.widgets.messages import STATES
from nbtrace.widgets.overview import one_line, overview_of
from nbtrace.widgets.private_file import write_private
from nbtrace.widgets.span_facts import facts_of

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace.entities.trace import Trace
    from nbtrace.widgets.forest import Forest, Line
    from nbtrace.widgets.overview import Overview
    from nbtrace.widgets.source import TraceSource

# A taller picture is no picture; what is left out is said.
MAX_ROWS = 200
NAME_CHARACTERS = 48
WIDTH = 960
NAME_WIDTH = 330
FIGURE_WIDTH = 84
ROW_HEIGHT = 22
HEAD_HEIGHT = 34
MARGIN = 12
INDENT = 14
# Deeper levels keep this indent: the name must stay in its column.
MAX_INDENT_LEVELS = 12
NARROWEST_BAR = 2
NAMESPACE = "http://www.w3.org/2000/svg"
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2328}.q{fill:#59636e}.e{fill:#c62828}"
    "rect.g{fill:#fff}line{stroke:#d9dde2}"
    "@media(prefers-color-scheme:dark){text{fill:#e6e6e6}.q{fill:#a5adb6}.e{fill:#ff7b72}"
    "rect.g{fill:#1a1a1a}line{stroke:#3a3f45}}"
)


def timeline_svg(
    trace: Trace | TraceSource | Overview, path: str | Path | None = None
) -> str | None:
    """Return the tree and timeline of a trace as SVG, or write it if a path is given.

    Parameters
    ----------
    trace : Trace or TraceSource or Overview
        The trace.
    path : str or Path, optional
        The file to write, readable by its owner only.

    Returns
    -------
    str or None
        None when it was written; else an SVG document with at most 200 spans, upper levels
        first; what is left out is said.

    Raises
    ------
    OSError
        When the file cannot be written.

    Examples
    --------
    >>> from nbtrace.entities import Span, Trace
    >>> trace = Trace.from_spans([Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="a<b",
    ...                                start_time_ns=1, end_time_ns=2)])
    >>> "a&lt;b" in (timeline_svg(trace) or "")
    True
    """
    overview = overview_of(trace)
    lines = [] if options.saved == "none" else chosen_lines(overview.forest, MAX_ROWS)
    missing = len(overview.spans) - len(lines)
    height = HEAD_HEIGHT + (len(lines) + bool(missing)) * ROW_HEIGHT + MARGIN
    parts = [
        f"<svg xmlns='{NAMESPACE}' width='{WIDTH}' height='{height}' role='img'>",
        f"<title>{_text(overview.headline)}</title><style>{STYLE}</style>",
        f"<rect class='g' width='{WIDTH}' height='{height}'/>",
        f"<text x='{MARGIN}' y='21' font-weight='600'>{_text(overview.headline)}</text>",
        f"<line x1='0' x2='{WIDTH}' y1='{HEAD_HEIGHT - 2}' y2='{HEAD_HEIGHT - 2}'/>",
        *(_row(overview.forest, line, place) for place, line in enumerate(lines)),
    ]
    if missing:
        y = HEAD_HEIGHT + len(lines) * ROW_HEIGHT + 15
        note = f"{count(missing, 'more span')} not shown"
        parts.append(f"<text class='q' x='{MARGIN}' y='{y}'>{note}</text>")
    picture = "".join([*parts, "</svg>\n"])
    if path is not None:
        write_private(path, picture)
        return None
    return picture


def _row(forest: Forest, line: Line, place: int) -> str:
    span = forest.spans[line.place]
    facts = facts_of(span)
    failed = STATES[facts.state] == "error"
    y = HEAD_HEIGHT + place * ROW_HEIGHT
    colour = ERROR_COLOUR if failed else COLOURS.get(facts.kind, OTHER_COLOUR)
    start = NAME_WIDTH + FIGURE_WIDTH + MARGIN
    scale = (WIDTH - MARGIN - start) / (forest.end - forest.start)
    end = forest.end if span.end_time_ns is None else span.end_time_ns
    left = start + (span.start_time_ns - forest.start) * scale
    width = max(NARROWEST_BAR, (end - span.start_time_ns) * scale)
    left = min(left, WIDTH - MARGIN - NARROWEST_BAR)
    indent = MARGIN + min(line.depth, MAX_INDENT_LEVELS) * INDENT
    style = " class='e'" if failed else ""
    more = f" (+{line.left_out:,})" if line.left_out else ""
    name = _text(one_line(span.name, NAME_CHARACTERS) + more)
    figure = NAME_WIDTH + FIGURE_WIDTH
    return (
        f"<g><title>{_text(one_line(f'{span.name} {facts.kind}', 200))}</title>"
        f"<rect x='{indent}' y='{y + 7}' width='8' height='8' rx='2' fill='{colour}'/>"
        f"<text x='{indent + 14}' y='{y + 15}'{style}>{name}</text>"
        f"<text class='q' x='{figure}' y='{y + 15}' text-anchor='end'>"
        f"{_text(duration(span.duration_ns))}</text>"
        f"<rect x='{left:.1f}' y='{y + 6}' width='{width:.1f}' height='10' rx='2' "
        f"fill='{colour}'/></g>"
    )


def _text(text: str) -> str:
    # XML has no control characters, and bidirectional ones could make names look alike.
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return escape(shown.encode("utf-8", "replace").decode("utf-8"))
