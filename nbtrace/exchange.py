"""Export and import, as people call them: over this process's store, redacted, with progress."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Literal

from nbtrace.entities import Trace
from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store
from nbtrace.tracing.environment import active_experiment_id
from nbtrace.tracing.redaction import redact_value
from nbtrace.tracing.traces import flush_traces
from nbtrace.transfer.exporting import ExportResult, export, found_traces
from nbtrace.transfer.importing import ImportResult, import_into

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from nbtrace.transfer.receiver import Receiver

# Shorter exports are over before one could look at a bar.
PROGRESS_SECONDS = 1.0


def export_traces(  # noqa: PLR0913 - what an export can be told
    filter_string: str | Iterable[Trace] | Trace | None = None,
    *,
    to: str | os.PathLike[str] | IO[bytes],
    file_format: Literal["json", "jsonl", "protobuf"] | None = None,
    protocol: Literal["http/json", "http/protobuf"] | None = None,
    headers: Mapping[str, str] | None = None,
    compress: bool | None = None,
    locations: Sequence[str] | None = None,
    order_by: Sequence[str] | None = None,
    max_results: int | None = None,
    timeout: float = 30.0,
    tries: int = 5,
    progress: bool | None = None,
) -> ExportResult:
    """Send traces to a file or to an OTLP/HTTP receiver.

    Parameters
    ----------
    filter_string : str or traces, optional
        In the language of ``search_traces``, or the traces themselves; all of them by default.
    to : str or os.PathLike or binary file
        A file, its format told by its name: ``.jsonl`` (OpenTelemetry's file format, one document
        a line), ``.json`` (one document), ``.pb`` (protobuf), each with ``.gz`` behind it packed.
        An ``http:`` or ``https:`` address is an OTLP/HTTP receiver; ``/v1/traces`` is added when
        it has no path.
    file_format : {"json", "jsonl", "protobuf"}, optional
        In place of what the name says.
    protocol : {"http/json", "http/protobuf"}, optional
        Protobuf where the extra ``[otlp]`` is installed.
    headers : mapping of str to str, optional
        Sent with each request, such as ``{"x-mlflow-experiment-id": "0"}``.
    compress : bool, optional
        Whether to pack with gzip; requests are packed by default, files as their name says.
    locations, order_by, max_results
        As for ``search_traces``; all traces by default, newest first.
    timeout : float
        Seconds to wait for each answer of a receiver.
    tries : int
        How often a request is sent that gets no answer, or one that asks to come again.
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
    traces: Iterable[Trace]
    if filter_string is None or isinstance(filter_string, str):
        traces = found_traces(
            current_store(),
            filter_string,
            locations=locations,
            order_by=order_by,
            max_results=max_results,
        )
    else:
        traces = [filter_string] if isinstance(filter_string, Trace) else filter_string
    with _bar("traces", show=progress) as report:
        return export(
            traces,
            to,
            file_format=file_format,
            protocol=protocol,
            headers=headers,
            compress=compress,
            timeout=timeout,
            tries=tries,
            progress=report,
        )


def import_traces(
    source: Any,
    *,
    experiment: str | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    progress: bool | None = None,
) -> ImportResult:
    """Bring traces that others wrote into this store.

    Parameters
    ----------
    source : str or os.PathLike, bytes, dict, DataFrame, Trace, or a list of them
        A file, a directory of files, an address, or the thing itself: OTLP/JSON documents and
        lines, OTLP protobuf, MLflow's trace JSON and its DataFrames; plain, gzip or zstd.
    experiment : str, optional
        Name of the experiment that new traces go to, made when missing; the active one by default.
    on_error : {"raise", "skip"}
        Whether anything that cannot be read stops it before anything is written, or is left out
        and listed in the result.
    progress : bool, optional
        As for ``export_traces``.

    Returns
    -------
    ImportResult
        The ids of the traces, and what could not be read.

    Raises
    ------
    NbtraceError
        When something cannot be read; the message names the place.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.import_traces({"resourceSpans": []})
    0 spans of 0 traces
    """
    flush_traces()
    with _bar("spans", show=progress) as report:
        return import_into(
            current_store(),
            source,
            redact=redact_value,
            experiment_id=_experiment_id(experiment),
            on_error=on_error,
            progress=report,
        )


def receive(port: int | None = None, *, experiment: str | None = None) -> Receiver:
    """Listen on 127.0.0.1 for traces that other programs send by OTLP/HTTP.

    Parameters
    ----------
    port : int, optional
        4318 by default, OTLP's; 0 for any that is free.
    experiment : str, optional
        As for ``import_traces``.

    Returns
    -------
    Receiver
        It runs in a thread until ``close()``; ``url`` is the endpoint to give to an exporter.

    Raises
    ------
    NbtraceError
        When the port is taken.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.receive(0) as receiver:
    ...     receiver.url.startswith("http://127.0.0.1:")
    True
    """
    from nbtrace.transfer.receiver import PORT, Receiver

    return Receiver(
        current_store(),
        redact=redact_value,
        port=PORT if port is None else port,
        experiment_id=_experiment_id(experiment),
    )


def _experiment_id(name: str | None) -> str:
    store = current_store()
    if name is None:
        return active_experiment_id(store)
    if not name.strip():
        msg = "experiment must be a name"
        raise NbtraceError.invalid(msg)
    return store.ensure_experiment(name).experiment_id


@contextmanager
def _bar(unit: str, *, show: bool | None) -> Iterator[Callable[[int], None] | None]:
    if show is None:
        show = sys.stderr.isatty() or "ipykernel" in sys.modules
    if not show:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(unit=f" {unit}", delay=PROGRESS_SECONDS, leave=False) as bar:
        yield lambda done: bar.update(done - bar.n) and None
