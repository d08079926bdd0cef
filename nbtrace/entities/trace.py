"""A trace: its info and its spans, and the ways out of it.

What needs an upper room (tree, HTML, pandas, OTLP) is one line that imports inside the body, so
that the entities stay plain data and cheap to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from nbtrace.entities.assessment import Assessment
    from nbtrace.entities.span import Span
    from nbtrace.entities.trace_data import TraceData
    from nbtrace.entities.trace_info import TraceInfo


class Trace:
    """A trace.

    Parameters
    ----------
    info : TraceInfo
        What is known without the spans.
    data : TraceData
        The spans.

    Examples
    --------
    >>> from nbtrace.entities import TraceData, TraceInfo, TraceLocation
    >>> info = TraceInfo("tr-" + "0a" * 16, TraceLocation.from_experiment_id("0"), 1000, "OK")
    >>> Trace(info, TraceData())
    Trace(trace_id='tr-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a')
    """

    __slots__ = ("data", "info")

    def __init__(self, info: TraceInfo, data: TraceData) -> None:
        self.info = info
        self.data = data

    @property
    def trace_id(self) -> str:
        """``tr-`` and 32 hexadecimal digits."""
        return self.info.trace_id

    @property
    def root(self) -> Span | None:
        """The span the trace began with."""
        return self.data.root

    def span(self, span_id: str) -> Span | None:
        """Return one span.

        Parameters
        ----------
        span_id : str
            16 hexadecimal digits.

        Returns
        -------
        Span or None
            None when the trace has no such span.
        """
        return next((span for span in self.data.spans if span.span_id == span_id), None)

    def search_spans(
        self,
        span_type: str | None = None,
        name: str | re.Pattern[str] | None = None,
        span_id: str | None = None,
    ) -> list[Span]:
        """Return the spans that fit all that is given.

        Parameters
        ----------
        span_type : str, optional
            A type, see `SpanType`.
        name : str or re.Pattern, optional
            The whole name, or a pattern searched in it.
        span_id : str, optional
            16 hexadecimal digits.

        Returns
        -------
        list of Span
            In the order of the trace.

        Raises
        ------
        NbtraceError
            When ``name`` is neither text nor a pattern.

        Examples
        --------
        >>> from nbtrace.entities import TraceData, TraceInfo, TraceLocation
        >>> info = TraceInfo("tr-" + "0a" * 16, TraceLocation.from_experiment_id("0"), 1000, "OK")
        >>> Trace(info, TraceData()).search_spans(span_type="LLM")
        []
        """
        if name is not None and not isinstance(name, str) and not hasattr(name, "search"):
            message = f"name must be text or a compiled pattern, got {type(name).__name__}"
            raise NbtraceError.invalid(message)
        return [
            span
            for span in self.data.spans
            if (span_id is None or span.span_id == span_id)
            and (
                name is None
                or (span.name == name if isinstance(name, str) else name.search(span.name))
            )
            and (span_type is None or span.span_type == span_type)
        ]

    def search_assessments(
        self,
        name: str | None = None,
        *,
        span_id: str | None = None,
        all: bool = False,  # noqa: A002 - MLflow's keyword
        type: str | None = None,  # noqa: A002 - MLflow's keyword
    ) -> list[Assessment]:
        """Return the assessments that fit all that is given.

        Parameters
        ----------
        name : str, optional
            Name of the assessment.
        span_id : str, optional
            The span it is about.
        all : bool
            Whether to return those that were overridden too.
        type : {"feedback", "expectation"}, optional
            Which kind.

        Returns
        -------
        list of Assessment
            In the order in which they were logged.

        Raises
        ------
        NbtraceError
            When ``type`` is neither kind.
        """
        if type not in {None, "feedback", "expectation"}:
            message = f"type must be 'feedback' or 'expectation', got {type!r}"
            raise NbtraceError.invalid(message)
        return [
            item
            for item in self.info.assessments
            if (name is None or item.name == name)
            and (span_id is None or item.span_id == span_id)
            and (all or item.valid in (None, True))
            and (type is None or getattr(item, type) is not None)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return MLflow's v3 dictionary, which a real MLflow's ``Trace.from_dict`` reads."""
        return {"info": self.info.to_dict(), "data": self.data.to_dict()}

    def to_json(self, pretty: bool = False) -> str:  # noqa: FBT001, FBT002 - MLflow's signature
        """Return the JSON text of `to_dict`.

        Parameters
        ----------
        pretty : bool
            Whether to indent it by two spaces.

        Returns
        -------
        str
            JSON text.
        """
        from nbtrace.entities.json_text import dumps

        return dumps(self.to_dict(), indent=pretty)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Trace:
        """Return the trace of MLflow's dictionary, v3 or v2.

        Parameters
        ----------
        data : Mapping
            What `to_dict`, or MLflow's, returned.

        Returns
        -------
        Trace
            The trace.

        Raises
        ------
        NbtraceError
            When the dictionary is not a trace.
        """
        from nbtrace.entities.trace_dict import trace_from_dict

        return trace_from_dict(data)

    @classmethod
    def from_json(cls, text: str | bytes) -> Trace:
        """Return the trace of the JSON text of MLflow's dictionary.

        Raises
        ------
        NbtraceError
            When the text is not JSON, or not that of a trace.
        """
        from nbtrace.entities.json_text import loads

        try:
            data = loads(text)
        except ValueError as error:
            message = f"this text is not JSON ({error}); give what Trace.to_json returned"
            raise NbtraceError.invalid(message) from None
        return cls.from_dict(data)

    def to_otlp(self) -> dict[str, Any]:
        """Return OTLP/JSON: the TracesData document with every span, lossless."""
        from nbtrace.otel.otlp import encode_traces_data

        return encode_traces_data(self.data.spans)

    @classmethod
    def from_otlp(cls, data: Mapping[str, Any] | str | bytes) -> Trace:
        """Return the trace of an OTLP/JSON document that holds one trace.

        Parameters
        ----------
        data : Mapping or str or bytes
            TracesData or ExportTraceServiceRequest, decoded or as JSON text.

        Returns
        -------
        Trace
            The trace; its info is made from the root span.

        Raises
        ------
        NbtraceError
            When the document is not OTLP/JSON, or holds no trace, or several.
        """
        from nbtrace.otel.otlp import decode_traces_data

        return cls.from_spans(decode_traces_data(data))

    @classmethod
    def from_spans(cls, spans: Iterable[Span], experiment_id: str = "0") -> Trace:
        """Return the trace that spans make up; its info is made from the root.

        Parameters
        ----------
        spans : iterable of Span
            Spans of one trace.
        experiment_id : str
            The experiment it shall belong to.

        Returns
        -------
        Trace
            The trace, its spans ordered by start.

        Raises
        ------
        NbtraceError
            When there are no spans, or spans of several traces.
        """
        from nbtrace.entities.trace_dict import trace_from_spans

        return trace_from_spans(spans, experiment_id)

    def tree(self) -> str:
        """Return the tree of the spans as text for a terminal."""
        from nbtrace.widgets.text import terminal_tree

        return terminal_tree(self)

    @overload
    def to_html(self) -> str: ...

    @overload
    def to_html(self, path: str | Path) -> None: ...

    def to_html(self, path: str | Path | None = None) -> str | None:
        """Return the interactive tree as one HTML file that opens offline.

        Parameters
        ----------
        path : str or Path, optional
            Where to write it, readable by its owner only.

        Returns
        -------
        str or None
            None when it was written; else the HTML, which fetches nothing and shows a static tree
            where scripts are off.
        """
        from nbtrace.widgets.page import page_html

        return page_html(self, path)

    @overload
    def to_svg(self) -> str: ...

    @overload
    def to_svg(self, path: str | Path) -> None: ...

    def to_svg(self, path: str | Path | None = None) -> str | None:
        """Return the tree and timeline as an SVG picture.

        Parameters
        ----------
        path : str or Path, optional
            Where to write it, readable by its owner only.

        Returns
        -------
        str or None
            None when it was written; else the SVG, of at most 200 spans.
        """
        from nbtrace.widgets.svg import timeline_svg

        return timeline_svg(self, path)

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per span as a DataFrame."""
        from nbtrace.search.frame import spans_frame

        return spans_frame(self)

    def display(self) -> None:
        """Show the tree in the notebook."""
        from IPython.display import display

        display(self)  # type: ignore[no-untyped-call]  # IPython is not typed

    def _ipython_display_(self) -> None:
        from nbtrace.widgets.display import show_trace

        show_trace(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from nbtrace.widgets.display import mimebundle

        return mimebundle(self, include, exclude)

    @staticmethod
    def pandas_dataframe_columns() -> list[str]:
        """Return MLflow's names of the columns of `to_pandas_dataframe_row`."""
        from nbtrace.entities.trace_dict import MLFLOW_COLUMNS

        return list(MLFLOW_COLUMNS)

    def to_pandas_dataframe_row(self) -> dict[str, Any]:
        """Return MLflow's row of a DataFrame of traces."""
        from nbtrace.entities.trace_dict import mlflow_row

        return mlflow_row(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trace):
            return NotImplemented
        return self.info == other.info and self.data == other.data

    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable

    def __repr__(self) -> str:
        return f"Trace(trace_id={self.trace_id!r})"
