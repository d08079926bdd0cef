"""Two traces side by side: what was added and removed, what became slower, what says other things.

The state of the widget holds the figures and the first lines that differ, which is what a page
without a kernel shows; the whole list is one message, and values are asked for line by line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import orjson
import traitlets

from nbtrace.config import options
from nbtrace.exceptions import NbtraceError
from nbtrace.widgets.base import NotebookWidget
from nbtrace.widgets.diff_text import diff_html, diff_text, differing
from nbtrace.widgets.display import in_kernel, show_widget
from nbtrace.widgets.trace_comparison import TraceComparison

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from nbtrace.entities.trace import Trace
    from nbtrace.widgets.diff_messages import DiffData

# What nbclient saves of a widget; with the static form it stays below 100 kB (DESIGN, budgets).
SAVED_BYTES = 14_000


class TraceDiff(NotebookWidget):
    """The comparison of two traces.

    Parameters
    ----------
    before, after : Trace or str
        The traces, or their ids; the second is the one that is judged.
    theme : {"auto", "light", "dark"}
        Colours; ``auto`` follows the front end.

    Raises
    ------
    NbtraceError
        When the store has no trace of that id, for an unknown theme, and when this installation has
        no front end.

    Examples
    --------
    >>> import nbtrace
    >>> for answer in ("a whale", "a walrus"):
    ...     with nbtrace.start_span("ask") as span:
    ...         span.set_outputs(answer)
    >>> after, before = nbtrace.search_traces(max_results=2, return_type="list")
    >>> nbtrace.compare(before, after).to_pandas()[["name", "mark", "changes"]].values.tolist()
    [['ask', 'changed', 'outputs']]
    """

    _data = traitlets.Unicode("").tag(sync=True)

    def __init__(self, before: Trace | str, after: Trace | str, *, theme: str = "auto") -> None:
        self._comparison = TraceComparison(_trace(before), _trace(after))
        super().__init__("compare", theme=theme, _data=_saved(self._comparison.data))

    @property
    def before(self) -> Trace:
        """The first trace."""
        return self._comparison.before

    @property
    def after(self) -> Trace:
        """The second trace."""
        return self._comparison.after

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per span of either trace.

        Returns
        -------
        DataFrame
            Columns ``depth``, ``name``, ``kind``, ``mark`` (same, changed, added, removed),
            ``moved``, ``speed``, ``changes`` (words, joined by commas), ``duration_before`` and
            ``duration_after`` (timedelta64), ``tokens_before``, ``tokens_after``,
            ``span_id_before``, ``span_id_after``.
        """
        import pandas as pd

        def side(name: str, key: str) -> list[Any]:
            sides: list[Any] = [line[name] for line in self._comparison.data["lines"]]  # type: ignore[literal-required]
            return [None if one is None else one[key] for one in sides]

        lines = self._comparison.data["lines"]
        return pd.DataFrame(
            {
                "depth": [line["depth"] for line in lines],
                "name": [line["name"] for line in lines],
                "kind": [line["kind"] for line in lines],
                "mark": [line["mark"] for line in lines],
                "moved": [line["moved"] for line in lines],
                "speed": [line["speed"] for line in lines],
                "changes": [", ".join(line["changes"]) for line in lines],
                "duration_before": pd.to_timedelta(side("before", "duration_ns"), unit="ns"),
                "duration_after": pd.to_timedelta(side("after", "duration_ns"), unit="ns"),
                "tokens_before": pd.array(side("before", "tokens"), dtype="Int64"),
                "tokens_after": pd.array(side("after", "tokens"), dtype="Int64"),
                "span_id_before": side("before", "span_id"),
                "span_id_after": side("after", "span_id"),
            }
        )

    @overload
    def to_html(self) -> str: ...

    @overload
    def to_html(self, path: str | Path) -> None: ...

    def to_html(self, path: str | Path | None = None) -> str | None:
        """Return the interactive comparison as one HTML file that opens offline.

        Parameters
        ----------
        path : str or Path, optional
            Where to write it, readable by its owner only.

        Returns
        -------
        str or None
            None when it was written; else the HTML, which fetches nothing and shows the list as
            text where scripts are off.
        """
        from nbtrace.widgets.page import message, write_page
        from nbtrace.widgets.page_answers import answer_key

        comparison = self._comparison
        carried = {
            "state": {"_view": "compare", "_key": "page", "theme": "auto", "_data": self._data},
            "messages": [message({"kind": "diff"}, [orjson.dumps(comparison.data)])],
            "answers": {
                answer_key("values", place): orjson.dumps(comparison.values_of(place)).decode()
                for place in range(len(comparison.pairs))
            },
        }
        data = comparison.data
        title = f"{data['before']['name']} and {data['after']['name']}"
        return write_page(title, diff_html(data), carried, path)

    def __str__(self) -> str:
        return diff_text(self._comparison.data)

    def __repr__(self) -> str:
        data = self._comparison.data
        return f"TraceDiff({data['before']['trace_id']!r}, {data['after']['trace_id']!r})"

    def _ipython_display_(self, **_: Any) -> None:
        if in_kernel():
            data = self._comparison.data
            show_widget(self, diff_html(data, self.key), diff_text(data))
        else:
            print(self)  # noqa: T201 - a terminal's way of showing

    def _methods(self) -> dict[str, Callable[..., object]]:
        return {"values": self._comparison.values_of}

    def _snapshot(self) -> None:
        self.send({"kind": "diff"}, buffers=[orjson.dumps(self._comparison.data)])


def compare_traces(before: Trace | str, after: Trace | str | None = None) -> TraceDiff:
    """Compare two stored traces, or one with the run before it; see ``nbtrace.compare``."""
    if after is not None:
        return TraceDiff(before, after)
    from nbtrace.widgets.previous_run import previous_run

    before = _trace(before)
    found = previous_run(before)
    if found is None:
        message = "there is no earlier run of this trace to compare with; name two traces"
        raise NbtraceError.missing(message)
    return TraceDiff(found, before)


def _saved(data: DiffData) -> str:
    """Return what the widget's state holds: as many of the differing lines as may be saved."""
    places = [] if options.saved == "none" else differing(data["lines"])
    while True:
        lines = [data["lines"][place] for place in places]
        text = orjson.dumps({**data, "lines": lines}).decode()
        if len(text) <= SAVED_BYTES or not places:
            return text
        places = places[: len(places) * 3 // 4]


def _trace(trace: Trace | str) -> Trace:
    from nbtrace.entities.trace import Trace

    if isinstance(trace, Trace):
        return trace
    if not isinstance(trace, str):
        message = f"compare takes two traces or their ids, got {type(trace).__name__}"
        raise NbtraceError.invalid(message)
    from nbtrace.store import current_store

    found = current_store().get_trace(trace)
    if found is None:
        raise NbtraceError.no_trace(trace, current_store().directory)
    return found
