"""The store: one directory with the database of traces and the files of their spans.

`Store` is what the other rooms talk to. It joins what the database knows of a trace with the spans
in its part files, applies the rules for tags and experiments, and leaves writing spans to the
background writer.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, TypeVar

import orjson

from nbtrace.entities.identifiers import normalize_trace_id
from nbtrace.exceptions import NbtraceError
from nbtrace.store.database import Database
from nbtrace.store.errors import StoreWarning
from nbtrace.store.experiment_store import ExperimentStore
from nbtrace.store.infos import read_infos
from nbtrace.store.span_file_reader import find_part, read_lines, read_part, read_span
from nbtrace.store.span_files import part_path
from nbtrace.store.tags import change_tag, checked_tag, is_immutable_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nbtrace.entities import Span, Trace, TraceInfo

_Read = TypeVar("_Read")

__all__ = ["DATABASE_NAME", "Store"]

DATABASE_NAME = "nbtrace.db"


class Store(ExperimentStore):
    """One store.

    Nothing is read or made until it is first needed. All methods may be called from any thread.

    Parameters
    ----------
    directory : pathlib.Path
        The ``.nbtrace`` directory, made on first use.

    Attributes
    ----------
    directory : pathlib.Path
        As given.
    database : Database
        Its connections.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as name:
    ...     store = Store(Path(name, ".nbtrace"))
    ...     print(store.get_experiment("0").name)
    ...     store.close()
    Default
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.database = Database(directory / DATABASE_NAME)
        self._locations: dict[str, str] = {}

    @property
    def read_only(self) -> bool:
        """Whether the store can be read but not written.

        Raises
        ------
        StoreUnavailable
            If it cannot be opened at all.
        """
        return self.database.read_only

    def close(self) -> None:
        """Close all connections; the store may be used again."""
        self.database.close()
        self._locations.clear()

    def sync(self) -> None:
        """Make what is committed survive a power cut.

        Raises
        ------
        StoreUnavailable
            If the disk refuses.
        """
        self.database.sync()

    # Traces

    def get_trace_info(self, trace_id: str) -> TraceInfo | None:
        """Return what is known of a trace without its spans.

        Parameters
        ----------
        trace_id : str
            ``tr-<32 hex>`` or bare hex.

        Returns
        -------
        TraceInfo or None
            ``None`` if there is no such trace.
        """
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT id FROM traces WHERE trace_id = ?", (normalize_trace_id(trace_id),)
            ).fetchone()
            infos = read_infos(connection, [row[0]]) if row else []
        return infos[0] if infos else None

    def trace_infos(self, ids: Sequence[int]) -> list[TraceInfo]:
        """Return the infos of a page of traces in two queries.

        Parameters
        ----------
        ids : sequence of int
            Keys of the traces (``traces.id``).

        Returns
        -------
        list of TraceInfo
            In the order of `ids`; a trace that is gone is left out.
        """
        if not ids:
            return []
        with self.database.reading() as connection:
            return read_infos(connection, ids)

    def get_trace(self, trace_id: str) -> Trace | None:
        """Return a trace with its spans, joined from its parts.

        Parameters
        ----------
        trace_id : str
            ``tr-<32 hex>`` or bare hex.

        Returns
        -------
        Trace or None
            ``None`` if there is no such trace. A part that is missing or damaged costs its spans
            only, and a `StoreWarning` names the file.
        """
        from nbtrace.entities import Trace, TraceData

        info = self.get_trace_info(trace_id)
        if info is None:
            return None
        return Trace(info, TraceData(self.get_spans(info)))

    def get_spans(self, info: TraceInfo, *, parts: Sequence[str] | None = None) -> list[Span]:
        """Return the spans of a trace.

        Parameters
        ----------
        info : TraceInfo
            What `get_trace_info` or `trace_infos` returned.
        parts : sequence of str, optional
            Names of the parts to read; all of them by default.

        Returns
        -------
        list of Span
            By start; of a span that was written twice, the later version.
        """
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT request_time, parts FROM traces WHERE trace_id = ?",
                (info.trace_id,),
            ).fetchone()
        if row is None:
            return []
        request_time, stored_parts = row
        spans: dict[str, Span] = {}
        for suffix in orjson.loads(stored_parts):
            if parts is not None and suffix not in parts:
                continue
            try:
                part = self._with_part(
                    (info.experiment_id, info.trace_id, request_time, suffix), read_part
                )
            except NbtraceError as error:
                warnings.warn(
                    f"{error}; the trace {info.trace_id} is read without these spans",
                    StoreWarning,
                    stacklevel=2,
                )
                continue
            spans.update({span.span_id: span for span in part})
        return sorted(spans.values(), key=lambda span: span.start_time_ns)

    def get_span(self, trace_id: str, span_id: str) -> Span | None:
        """Return one span, reading its line alone.

        Parameters
        ----------
        trace_id : str
            ``tr-<32 hex>`` or bare hex.
        span_id : str
            16 hex digits.

        Returns
        -------
        Span or None
            ``None`` if there is no such span; without resource and scope, which stand elsewhere.

        Raises
        ------
        NbtraceError
            If the file that holds it is missing or damaged.
        """
        trace_id = normalize_trace_id(trace_id)
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT t.experiment_id, t.request_time, t.parts, s.part, s.offset, s.length"
                " FROM traces t JOIN spans s ON s.trace = t.id"
                " WHERE t.trace_id = ? AND s.span_id = ?",
                (trace_id, span_id),
            ).fetchone()
        if row is None:
            return None
        experiment_id, request_time, parts, part, offset, length = row
        suffix = orjson.loads(parts)[part]
        return self._with_part(
            (experiment_id, trace_id, request_time, suffix),
            lambda path: read_span(path, offset, length),
        )

    def part_lines(
        self, experiment_id: str, trace_id: str, request_time: int, suffix: str
    ) -> list[bytes]:
        """Return the spans of one part as they stand in its file.

        Parameters
        ----------
        experiment_id, trace_id : str
            Of the trace.
        request_time : int
            Its start in milliseconds since the epoch.
        suffix : str
            Which part.

        Returns
        -------
        list of bytes
            OTLP/JSON of a span each.

        Raises
        ------
        NbtraceError
            If the file is missing or cannot be read.
        """
        return self._with_part((experiment_id, trace_id, request_time, suffix), read_lines)

    def _with_part(
        self, part: tuple[str | None, str, int, str], read: Callable[[str], _Read]
    ) -> _Read:
        """Read a part where it belongs, else where else it may be."""
        experiment_id, trace_id, request_time, suffix = part
        locations = [self.span_location(experiment_id or "0")]
        # A process that did not know the trace's experiment wrote to its own.
        if self.span_location("0") not in locations:
            locations.append(self.span_location("0"))
        try:
            return read(part_path(locations[0], trace_id, request_time, suffix))
        except NbtraceError as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            for location in locations:
                path = find_part(location, trace_id, suffix)
                if path is not None:
                    return read(path)
            raise

    # Tags

    def set_trace_tag(self, trace_id: str, key: str, value: object) -> None:
        """Set a tag of a stored trace, whether it is open or finished.

        Parameters
        ----------
        trace_id : str
            ``tr-<32 hex>`` or bare hex.
        key : str
            Up to 250 characters.
        value : object
            A text, cut at 8,000 characters with a mark; other things become their ``str``.

        Raises
        ------
        NbtraceError
            ``INVALID_PARAMETER_VALUE`` for a key that cannot be used, ``RESOURCE_DOES_NOT_EXIST``
            if there is no such trace.
        """
        key, text = checked_tag(key, value)
        if not is_immutable_tag(key, stacklevel=2):
            change_tag(self.database, normalize_trace_id(trace_id), key, text)

    def delete_trace_tag(self, trace_id: str, key: str) -> None:
        """Delete a tag of a stored trace.

        Parameters
        ----------
        trace_id : str
            ``tr-<32 hex>`` or bare hex.
        key : str
            The tag's key.

        Raises
        ------
        NbtraceError
            ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace or no such tag.
        """
        key, _ = checked_tag(key, "")
        if not is_immutable_tag(key, stacklevel=2):
            change_tag(self.database, normalize_trace_id(trace_id), key, None)
