"""A page of HTML with one trace or comparison, interactive, without kernel or network.

The page carries what a kernel would have sent to the tree of a notebook: its state, the messages
with the rows, and the answer to each request for the details of a span, packed in one element. Its
script, the very tree of notebooks, answers itself from there (``js/src/standalone``). A content
security policy lets that script run and nothing else, and lets the page fetch nothing. Where
scripts are switched off the static tree is shown.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.exceptions import INVALID_STATE, NbtraceError
from nbtrace.widgets.bundle import STATIC
from nbtrace.widgets.feed import RowFeed
from nbtrace.widgets.html import static_html
from nbtrace.widgets.page_answers import tree_answers
from nbtrace.widgets.private_file import write_private
from nbtrace.widgets.source import source_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nbtrace.entities.trace import Trace
    from nbtrace.widgets.source import TraceSource

TITLE_CHARACTERS = 120
# The page's own look; the tree brings its style sheet with its script.
STYLE = (
    ":root{color-scheme:light dark}body{margin:0 auto;padding:16px;max-width:1600px;"
    "font:14px/1.45 system-ui,sans-serif}"
)


def page_html(trace: Trace | TraceSource, path: str | Path | None = None) -> str | None:
    """Return a page with the interactive tree of a trace, or write it if a path is given.

    Parameters
    ----------
    trace : Trace or TraceSource
        A finished trace.
    path : str or Path, optional
        The file to write, readable by its owner only.

    Returns
    -------
    str or None
        None when it was written; else an HTML document with all it needs.
        ``page.html#span=<span_id>`` opens it at a span.

    Raises
    ------
    NbtraceError
        When this installation has no front end.
    OSError
        When the file cannot be written.

    Examples
    --------
    >>> from nbtrace.entities import Span, Trace
    >>> trace = Trace.from_spans([Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask",
    ...                                start_time_ns=1, end_time_ns=2)])
    >>> "<title>ask</title>" in (page_html(trace) or "")
    True
    """
    source = source_of(trace)
    return write_page(source.name, static_html(trace), _carried(source), path)


def write_page(
    title: str, static: str, carried: dict[str, Any], path: str | Path | None = None
) -> str | None:
    """Return a page with a widget, or write it if a path is given.

    Parameters
    ----------
    title : str
        What the page is called.
    static : str
        HTML for where scripts are switched off.
    carried : dict
        ``state``, ``messages`` and ``answers``, see ``Packed`` in ``js/src/standalone/model.ts``.
    path : str or Path, optional
        The file to write, readable by its owner only.

    Returns
    -------
    str or None
        None when it was written; else an HTML document with all it needs.

    Raises
    ------
    NbtraceError
        When this installation has no front end.
    OSError
        When the file cannot be written.
    """
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; media-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    # gzipped JSON in base64, which cannot end the element it is in
    data = base64.b64encode(gzip.compress(orjson.dumps(carried), 6, mtime=0)).decode()
    shown = html.escape(title[:TITLE_CHARACTERS].encode("utf-8", "replace").decode("utf-8"))
    page = (
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        "<meta name='viewport' content='width=device-width,initial-scale=1'>\n"
        f"<title>{shown}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<main id='nbtrace'></main>\n<noscript>{static}</noscript>\n"
        f"<script type='application/octet-stream' id='nbtrace-data'>{data}</script>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )
    if path is not None:
        write_private(path, page)
        return None
    return page


def message(content: Mapping[str, Any], buffers: Sequence[bytes]) -> tuple[Any, list[str]]:
    """Return a message as a page carries it."""
    return content, [base64.b64encode(buffer).decode() for buffer in buffers]


@cache
def _script() -> str:
    try:
        return (STATIC / "page.js").read_text(encoding="utf-8")
    except FileNotFoundError:
        message = (
            "this installation of nbtrace has no front end; in a source tree build it with "
            "'python js/hatch_build.py', else run 'pip install --force-reinstall nbtrace'"
        )
        raise NbtraceError(message, INVALID_STATE) from None


def _carried(source: TraceSource) -> dict[str, Any]:
    feed = RowFeed(source)
    messages = [message(content, buffers) for content, buffers in feed.snapshot(finished=True)]
    return {
        "state": {"_view": "tree", "_key": "page", "theme": "auto", "selected_id": ""},
        "messages": messages,
        "answers": tree_answers(source),
    }
