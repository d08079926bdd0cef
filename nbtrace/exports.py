"""``export_traces``, as people call it: from this process's store, with progress."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from nbtrace.entities import Trace
from nbtrace.entities.checks import checked_whole_number
from nbtrace.exceptions import NbtraceError
from nbtrace.progress import progress_bar
from nbtrace.store import current_store
from nbtrace.tracing.traces import flush_traces
from nbtrace.transfer.checkpoint import Checkpoint, export_key
from nbtrace.transfer.destination import Destination
from nbtrace.transfer.exporting import ExportResult, export, found_traces
from nbtrace.transfer.http import endpoint_url
from nbtrace.transfer.media import REQUEST_ATTACHMENT_BYTES, with_content
from nbtrace.transfer.mlflow_server import experiment_headers
from nbtrace.transfer.receivers import ReceiverName, adapter, checked_receiver, protocol_for
from nbtrace.transfer.targets import (
    FileTarget,
    RequestTarget,
    StreamTarget,
    checked_format,
    file_format_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbtrace.transfer.receivers import Adapter
    from nbtrace.transfer.targets import Target


def export_traces(  # noqa: PLR0913 - what an export can be told
    filter_string: str | Iterable[Trace] | Trace | None = None,
    *,
    to: str | os.PathLike[str] | IO[bytes],
    file_format: Literal["json", "jsonl", "protobuf", "html"] | None = None,
    protocol: Literal["http/json", "http/protobuf"] | None = None,
    headers: Mapping[str, str] | None = None,
    receiver: ReceiverName | None = None,
    project: str | None = None,
    compress: bool | None = None,
    locations: Sequence[str] | None = None,
    order_by: Sequence[str] | None = None,
    max_results: int | None = None,
    timeout: float = 30.0,
    tries: int = 5,
    resume: bool = True,
    progress: bool | None = None,
) -> ExportResult:
    """Send traces to a file or to an OTLP/HTTP receiver.

    Parameters
    ----------
    filter_string : str or traces, optional
        In the language of ``search_traces``, or the traces themselves; all of them by default.
    to : str or os.PathLike or binary file
        A file, its format told by its name: ``.jsonl`` (OpenTelemetry's file format, one document
        a line), ``.json`` (one document), ``.pb`` (protobuf), each with ``.gz`` behind it packed,
        or ``.html`` (a page to read, that opens offline). An ``http:`` or ``https:`` address is an
        OTLP/HTTP receiver; ``/v1/traces`` is added when it has no path.
    file_format : {"json", "jsonl", "protobuf", "html"}, optional
        In place of what the name says.
    protocol : {"http/json", "http/protobuf"}, optional
        Protobuf where the extra ``[otlp]`` is installed.
    headers : mapping of str to str, optional
        Sent with each request, such as ``{"Authorization": "Bearer ..."}``.
    receiver : {"mlflow", "phoenix"}, optional
        Who receives, so that it gets what it understands: MLflow the experiment and the
        assessments, Phoenix the project and OpenInference's attributes.
    project : str, optional
        With `receiver`: id or name of MLflow's experiment (a name that is not there is made),
        or name of Phoenix's project.
    compress : bool, optional
        Whether to pack with gzip; requests are packed by default, files as their name says.
    locations, order_by, max_results
        As for ``search_traces``; all traces by default, newest first.
    timeout : float
        Seconds to wait for each answer of a receiver.
    tries : int
        How often a request is sent that gets no answer, or one that asks to come again.
    resume : bool
        Whether to go on where the same export was interrupted. What it has done is noted beside
        the file, or in the store for a receiver, for a week.
    progress : bool, optional
        Whether to show a bar; by default after a second, where a person is likely to look.

    Returns
    -------
    ExportResult
        How much has left.

    Raises
    ------
    NbtraceError
        When the filter is wrong, or the target cannot be written or reached.

    Examples
    --------
    >>> import nbtrace, tempfile
    >>> with nbtrace.start_span("step"):
    ...     pass
    >>> with tempfile.TemporaryDirectory() as name:
    ...     nbtrace.export_traces("name = 'step'", to=f"{name}/traces.jsonl", max_results=1).spans
    1
    """
    flush_traces()
    checked_receiver(receiver, project)
    if not (isinstance(to, str | os.PathLike) or hasattr(to, "write")):
        msg = f"to takes a file's name, an open file or a receiver's address, got {to!r}"
        raise NbtraceError.invalid(msg)
    if max_results is not None and checked_whole_number("max_results", max_results) < 1:
        msg = f"max_results takes a number from 1, or None for all, got {max_results!r}"
        raise NbtraceError.invalid(msg)
    adapt = adapter(receiver, project)
    # Before anything is opened.
    given = () if filter_string is None or isinstance(filter_string, str) else _given(filter_string)
    # Traces that were given have no question that could be asked again.
    question = None
    if filter_string is None or isinstance(filter_string, str):
        question = (filter_string, locations, order_by, max_results, receiver, project)
    notes: Checkpoint | None = None
    target: Target
    if isinstance(to, str) and to.startswith(("http://", "https://")):
        sent = dict(headers or {})
        if receiver == "mlflow":
            sent = experiment_headers(endpoint_url(to), sent, project)
        compression = "none" if compress is False else "gzip"
        destination = Destination.of(
            to,
            headers=sent,
            protocol=protocol_for(receiver, protocol),
            compression=compression,
            timeout=timeout,
        )
        result = ExportResult(target=destination.shown_url)
        if resume and question is not None:
            key = export_key(destination.key, question)
            notes = Checkpoint(current_store().directory / "exports" / f"{key}.jsonl", key)
        adapt = with_content(adapt, current_store().directory, REQUEST_ATTACHMENT_BYTES)
        target = RequestTarget(destination.sender(tries=tries), adapt, receiver)
    elif hasattr(to, "write"):
        result = ExportResult(target=str(getattr(to, "name", to)))
        kind = checked_format(file_format or "jsonl")
        adapt = with_content(adapt, current_store().directory)
        target = StreamTarget(cast("IO[bytes]", to), kind, adapt)
    else:
        path = Path(to).expanduser()
        result = ExportResult(target=str(path))
        asked = question if resume else None
        adapt = with_content(adapt, current_store().directory)
        target, notes = _file_target(path, file_format, adapt, compress=compress, question=asked)
    with progress_bar("traces", show=progress) as report:
        if filter_string is None or isinstance(filter_string, str):
            done = set() if notes is None else notes.done
            result.resumed = len(done)
            traces: Iterable[Trace] = found_traces(
                current_store(),
                filter_string,
                locations=locations,
                order_by=order_by,
                max_results=max_results,
                done=done,
            )
        else:
            traces = given
        export(traces, target, checkpoint=notes, progress=report, result=result)
    return result


def _given(traces: Trace | Iterable[Trace]) -> Iterable[Trace]:
    if isinstance(traces, Trace):
        return [traces]
    if not isinstance(traces, Iterable):
        msg = f"give a filter, a Trace or a list of them, got {traces!r:.60}"
        raise NbtraceError.invalid(msg)
    return traces


def _file_target(
    path: Path,
    file_format: str | None,
    adapt: Adapter,
    *,
    compress: bool | None,
    question: tuple[Any, ...] | None,
) -> tuple[FileTarget, Checkpoint | None]:
    kind, packed = file_format_of(path, file_format)
    packed = packed if compress is None else compress
    notes = None
    with contextlib.suppress(OSError):  # the target says what is wrong with it
        path.parent.mkdir(parents=True, exist_ok=True)
    if question is not None and kind != "html" and path.parent.is_dir():
        key = export_key(kind, packed, question, str(current_store().directory))
        notes = Checkpoint(path.with_name(f".{path.name}.notes"), key)
        if not notes.owned:
            notes = None
    target = FileTarget(
        path,
        kind,
        adapt,
        packed=packed,
        offset=0 if notes is None else notes.offset,
        # Two processes that export to the same file at once do not write into each other's.
        unfinished=f"{os.getpid()}.partial" if notes is None else "partial",
    )
    return target, notes
