"""The tree as static HTML: what a saved or exported notebook shows.

A front end that does not trust a notebook drops style sheets, scripts, text colours and variables
in styles, so the tree is nested ``<details>`` with bars of plain background colours in middle tones
that can be read on light and dark. In JupyterLab a style sheet hides it while its live twin, in the
next output, is there, and hides that output when the twin is not (an old model shows an error).
"""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

from nbtrace.config import options
from nbtrace.entities.figures import count, duration
from nbtrace.widgets.forest import Forest, Line, chosen_lines
from nbtrace.widgets.messages import STATES
from nbtrace.widgets.overview import RUNNING_WHEN_SAVED, Overview, one_line, overview_of
from nbtrace.widgets.span_facts import PREVIEW_CHARACTERS, error_message, facts_of
from nbtrace.widgets.static_values import spoken_values

if TYPE_CHECKING:
    from nbtrace.entities.span import Span
    from nbtrace.entities.trace import Trace
    from nbtrace.widgets.source import TraceSource

MAX_ROWS = 200
# 60 kB by DESIGN.md, measured as the notebook's file holds it, less the texts beside it.
MAX_SAVED_BYTES = 50_000
# Tried one after the other until the tree fits: values go first, then rows.
SIZES = ((MAX_ROWS, PREVIEW_CHARACTERS), (MAX_ROWS, 60), (MAX_ROWS, 0), (100, 0), (40, 0), (10, 0))
NAME_CHARACTERS = 120
REASON_CHARACTERS = 100
LABEL_CHARACTERS = 30
# Deeper levels are drawn below each other: a browser does not like hundreds of nested elements.
MAX_NESTING = 24
INDENT_PIXELS = 14
BAR_PIXELS = 320
MARKS = {"open": " … not ended", "done": "", "ok": "", "error": " ✗", "incomplete": " ⚠ incomplete"}
# Middle tones: at least 3 to 1 against both white and the dark theme's ground.
COLOURS = {
    "LLM": "#9061d4",
    "CHAT_MODEL": "#9061d4",
    "CHAIN": "#4a86d8",
    "WORKFLOW": "#4a86d8",
    "TASK": "#4a86d8",
    "AGENT": "#d0578f",
    "TOOL": "#c07a1a",
    "RETRIEVER": "#1f9488",
    "EMBEDDING": "#2a90a5",
    "RERANKER": "#2a90a5",
    "PARSER": "#878f1d",
    "MEMORY": "#878f1d",
    "GUARDRAIL": "#4c9a50",
    "EVALUATOR": "#4c9a50",
}
ERROR_COLOUR = "#d9534f"
OTHER_COLOUR = "#7d8894"


def switch_css(key: str) -> str:
    """Return the style sheet that shows the static tree or its live twin, whichever is there."""
    static, live = f":has(.nbtrace-static-{key})", f":has(.nbt-{key})"
    area = ".jp-OutputArea-child"
    return (
        f"<style>{area}{static}:has(+ {area} .nbt-{key}){{display:none}}"
        f"{area}{static} + {area}:not({live}){{display:none}}</style>"
    )


def static_html(trace: Trace | TraceSource | Overview, display_class: str = "") -> str:
    """Return the tree as HTML that every front end shows, saved, untrusted or exported.

    Parameters
    ----------
    trace : Trace or TraceSource or Overview
        The trace.
    display_class : str
        Key of the display it belongs to; without it there is no live twin.

    Returns
    -------
    str
        At most 200 spans and 60 kB; what is left out is said. All text is escaped.

    Examples
    --------
    >>> from nbtrace.entities import Span, Trace
    >>> trace = Trace.from_spans([Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8,
    ...                                name="<ask>", start_time_ns=1, end_time_ns=2)])
    >>> "&lt;ask&gt;" in static_html(trace), "<ask>" in static_html(trace)
    (True, False)
    """
    overview = overview_of(trace).to_save()
    body = ""
    for rows, characters in SIZES:
        body = _tree(overview, rows, characters)
        if len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")) <= MAX_SAVED_BYTES:
            break
    return _wrapped(body, display_class)


def brief_html(name: str, display_class: str) -> str:
    """Return what stands for the static tree while its trace runs: its name."""
    return _wrapped(
        f"<div>{_escape(name, NAME_CHARACTERS)} · {RUNNING_WHEN_SAVED}</div>", display_class
    )


def _wrapped(body: str, key: str) -> str:
    if not key:
        return f"<div class='nbtrace-static'>{body}</div>"
    return f"{switch_css(key)}<div class='nbtrace-static nbtrace-static-{key}'>{body}</div>"


def _tree(overview: Overview, rows: int, characters: int) -> str:
    forest = overview.forest
    head = f"<div>{html.escape(overview.headline)}</div>"
    if options.saved == "none":
        return head
    lines = chosen_lines(forest, rows)
    parts = [head]
    open_elements = 0
    for index, line in enumerate(lines):
        deeper = index + 1 < len(lines) and lines[index + 1].depth > line.depth
        nest = min(line.depth, MAX_NESTING)
        while open_elements > nest:
            parts.append("</details>")
            open_elements -= 1
        parts.append(_row(forest, line, characters, inner=deeper or line.left_out > 0))
        opened = deeper or line.left_out > 0
        if line.left_out:
            parts.append(f"<div>… {count(line.left_out, 'more span')}</div>")
        if opened and nest < MAX_NESTING and deeper:
            open_elements += 1
        elif opened:
            parts.append("</details>")
    parts.append("</details>" * open_elements)
    missing = len(overview.spans) - len(lines)
    if missing > 0:
        note = f"{count(missing, 'more span')} of {len(overview.spans):,} not shown here"
        parts.append(
            f"<div><i>{note}; the whole trace is {html.escape(overview.trace_id)}</i></div>"
        )
    return "".join(parts)


def _row(forest: Forest, line: Line, characters: int, *, inner: bool) -> str:
    """One span; an inner one is left open for its children."""
    span = forest.spans[line.place]
    facts = facts_of(span)
    state = STATES[facts.state]
    kind = "" if facts.kind == "UNKNOWN" else f" <code>{_escape(facts.kind, 24)}</code>"
    tokens = "" if facts.tokens is None else f" · {count(facts.tokens, 'token')}"
    took = duration(span.duration_ns)
    label = (
        f"<b>{_escape(span.name, NAME_CHARACTERS)}</b>{kind}"
        f"{' · ' + took if took else ''}{tokens}{MARKS[state]}{_reason(span)}"
    )
    colour = ERROR_COLOUR if state == "error" else COLOURS.get(facts.kind, OTHER_COLOUR)
    summary = f"<summary>{label}{_bar(forest, span, colour, line.depth)}</summary>"
    values = _values(span, characters) if options.saved == "full" else ""
    style = f" style='margin-left:{INDENT_PIXELS}px'" if 0 < line.depth <= MAX_NESTING else ""
    if inner:
        shown = f"<details><summary><i>values</i></summary>{values}</details>" if values else ""
        return f"<details open{style}>{summary}{shown}"
    return f"<details{style}>{summary}{values}</details>"


def _reason(span: Span) -> str:
    """Return why a span failed, short enough for its row; it is content as the values are."""
    message = error_message(span) if options.saved == "full" else ""
    return f" {_escape(one_line(message, REASON_CHARACTERS), REASON_CHARACTERS)}" if message else ""


def _bar(forest: Forest, span: Span, colour: str, depth: int) -> str:
    """Return the time bar; all bars start from one edge, however deep the row is indented."""
    total = forest.end - forest.start
    end = forest.end if span.end_time_ns is None else span.end_time_ns
    left = round((span.start_time_ns - forest.start) / total * BAR_PIXELS)
    width = max(2, round((end - span.start_time_ns) / total * BAR_PIXELS))
    left -= min(depth, MAX_NESTING) * INDENT_PIXELS
    return (
        f"<div style='margin-left:{left}px;width:{width}px;height:4px;"
        f"background-color:{colour}'></div>"
    )


def _values(span: Span, characters: int) -> str:
    message = error_message(span)
    parts = []
    if len(message) > REASON_CHARACTERS or "\n" in message:
        parts.append(f"<div>✗ {_escape(message, PREVIEW_CHARACTERS)}</div>")
    if characters:
        for label, text in spoken_values(span):
            shown = _escape(text, characters)
            parts.append(f"<div>{_escape(label, LABEL_CHARACTERS)} <code>{shown}</code></div>")
    return "".join(parts)


def _escape(text: str, limit: int) -> str:
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    # Bidirectional and other control characters could make one name look like another.
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in short)
    return html.escape(shown.encode("utf-8", "replace").decode("utf-8"))
