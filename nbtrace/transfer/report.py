"""Traces as one HTML file that opens offline: one trace as its own page, several with a list.

Each trace is the interactive page of ``Trace.to_html``. In a report of several it stands in a frame
of its own, sandboxed, which a browser fills when the trace is opened.
"""

from __future__ import annotations

import datetime as dt
import html
from typing import TYPE_CHECKING

from nbtrace.entities.figures import count, duration
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from nbtrace.entities import Trace

# Each brings its page: a report of more would be slow to open, and nobody reads it.
MAX_TRACES = 100
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:90rem;padding:0 1rem;"
    "color-scheme:light dark}summary{cursor:pointer;padding:.4rem 0;border-top:1px solid #8884}"
    "iframe{width:100%;height:75vh;border:1px solid #8884}.t{opacity:.7;margin-left:1em}"
)


class Report:
    """Collects traces for one file."""

    def __init__(self) -> None:
        self._traces: list[Trace] = []

    def add(self, trace: Trace) -> None:
        """Take a trace.

        Raises
        ------
        NbtraceError
            When there are too many for one file.
        """
        if len(self._traces) == MAX_TRACES:
            msg = (
                f"an HTML report holds {MAX_TRACES} traces at most; choose them with a filter or "
                "max_results"
            )
            raise NbtraceError.invalid(msg)
        self._traces.append(trace)

    def page(self) -> bytes:
        """Return the file."""
        if len(self._traces) == 1:
            return self._traces[0].to_html().encode()
        head = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{len(self._traces)} traces</title><style>{_STYLE}</style></head><body>"
            f"<h1>{len(self._traces)} traces</h1>\n"
        )
        return (head + "\n".join(map(_section, self._traces)) + "</body></html>\n").encode()


def _section(trace: Trace) -> str:
    info = trace.info
    name = html.escape(info.tags.get("mlflow.traceName") or info.trace_id)
    started = dt.datetime.fromtimestamp(info.request_time / 1000, dt.UTC)
    ends = [span.end_time_ns for span in trace.data.spans if span.end_time_ns is not None]
    # Not the milliseconds of the trace's row, of which a quick trace has none.
    first = min((span.start_time_ns for span in trace.data.spans), default=0)
    took = f", {duration(max(ends) - first)}" if ends else ""
    state = html.escape(str(getattr(info.state, "value", info.state)))
    return (
        f"<details><summary>{name}<span class=t>{state}, {started:%Y-%m-%d %H:%M:%S} UTC{took}, "
        f"{count(len(trace.data.spans), 'span')}</span></summary>"
        f'<iframe loading="lazy" sandbox="allow-scripts" title="{name}" '
        f'srcdoc="{html.escape(trace.to_html())}"></iframe></details>'
    )
