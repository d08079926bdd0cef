"""The comparison of two traces as text and as static HTML: what saved notebooks and terminals show.

Both list what differs, with the spans above it; what is the same on both sides is left out, and how
much that is stands below.
"""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

from nbtrace.config import options
from nbtrace.entities.figures import count, dollars, duration
from nbtrace.widgets.html import MAX_SAVED_BYTES, switch_css
from nbtrace.widgets.overview import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.widgets.diff_messages import DiffData, DiffLine, SideTotals

MARKS = {"added": "+", "removed": "-", "changed": "~", "same": " "}
NAME_CHARACTERS = 80
MAX_INDENT_LEVELS = 24
# Tried one after the other until the list fits into what may be saved.
ROWS = (200, 100, 40, 10)


def differing(lines: Sequence[DiffLine]) -> list[int]:
    """Return the places of the lines that differ, and of those above them.

    Examples
    --------
    >>> side = {"span_id": "0b" * 8, "duration_ns": 1, "tokens": None, "cost": None,
    ...         "error": False}
    >>> def line(depth, mark):
    ...     return {"depth": depth, "name": "a", "kind": "TOOL", "mark": mark, "moved": False,
    ...             "speed": "", "changes": [], "before": side, "after": side}
    >>> differing([line(0, "same"), line(1, "same"), line(1, "changed")])
    [0, 2]
    """
    kept: list[int] = []
    # The depth below which the next line up is one of the lines above what differs.
    wanted = 0
    for place in range(len(lines) - 1, -1, -1):
        line = lines[place]
        if line["mark"] != "same" or line["speed"] or line["moved"] or line["depth"] < wanted:
            kept.append(place)
            wanted = line["depth"]
        wanted = min(wanted, line["depth"])
    return kept[::-1]


def diff_text(data: DiffData, limit: int = 40) -> str:
    """Return the comparison as text.

    Parameters
    ----------
    data : DiffData
        The comparison.
    limit : int
        Most lines to list; what is left out is said.

    Returns
    -------
    str
        The figures of both traces, and a line for each difference.
    """
    places = differing(data["lines"])
    listed = [_words(data["lines"][place]) for place in places[:limit]]
    return "\n".join([*_heads(data), *listed, *_left_out(data, places, limit)])


def diff_html(data: DiffData, key: str = "") -> str:
    """Return the comparison as HTML that every front end shows, saved, untrusted or exported.

    Parameters
    ----------
    data : DiffData
        The comparison.
    key : str
        Key of the live twin; without it there is none.

    Returns
    -------
    str
        At most 200 lines and 60 kB; what is left out is said. All text is escaped.
    """
    places = [] if options.saved == "none" else differing(data["lines"])
    body = ""
    for limit in ROWS:
        listed = [_words(data["lines"][place]) for place in places[:limit]]
        text = "\n".join([*listed, *_left_out(data, places, limit)])
        heads = "".join(f"<div>{_escape(head)}</div>" for head in _heads(data))
        body = f"{heads}<pre>{_escape(text)}</pre>"
        if len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")) <= MAX_SAVED_BYTES:
            break
    if not key:
        return f"<div class='nbtrace-static'>{body}</div>"
    return f"{switch_css(key)}<div class='nbtrace-static nbtrace-static-{key}'>{body}</div>"


def _heads(data: DiffData) -> list[str]:
    return [f"- {_side(data['before'])}", f"+ {_side(data['after'])}"]


def _side(totals: SideTotals) -> str:
    figures = (
        one_line(totals["name"], NAME_CHARACTERS),
        duration(totals["duration_ns"]),
        count(totals["spans"], "span"),
        "" if totals["tokens"] is None else count(totals["tokens"], "token"),
        dollars(totals["cost"]),
        count(totals["errors"], "error") if totals["errors"] else "",
        totals["trace_id"],
    )
    return " · ".join(figure for figure in figures if figure)


def _words(line: DiffLine) -> str:
    before, after = line["before"], line["after"]
    times = [duration(side["duration_ns"]) for side in (before, after) if side]
    if not line["speed"]:
        times = times[-1:]
    notes = [
        " → ".join(time for time in times if time),
        line["speed"],
        ", ".join(line["changes"]) + " differ" if line["changes"] else "",
        "moved" if line["moved"] else "",
    ]
    indent = "  " * min(line["depth"], MAX_INDENT_LEVELS)
    name = one_line(line["name"], NAME_CHARACTERS)
    return f"{MARKS[line['mark']]} {indent}{name}  {' · '.join(filter(None, notes))}".rstrip()


def _left_out(data: DiffData, places: Sequence[int], limit: int) -> list[str]:
    same = len(data["lines"]) - len(places)
    notes = []
    if len(places) > limit:
        notes.append(f"… {count(len(places) - limit, 'more line')}")
    if same:
        notes.append(f"  {count(same, 'span')} the same in both")
    return notes


def _escape(text: str) -> str:
    # Bidirectional and other control characters could make one name look like another.
    shown = "".join(
        letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text
    )
    return html.escape(shown.encode("utf-8", "replace").decode("utf-8"))
