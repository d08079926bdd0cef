"""Import and receive, as people call them: into this process's store, redacted, with progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from nbtrace.entities.checks import checked_whole_number
from nbtrace.exceptions import NbtraceError
from nbtrace.progress import progress_bar
from nbtrace.store import current_store
from nbtrace.tracing.environment import active_experiment_id
from nbtrace.tracing.redaction import redact_value
from nbtrace.tracing.traces import flush_traces
from nbtrace.transfer.importing import ImportResult, import_into

if TYPE_CHECKING:
    from nbtrace.transfer.receiver import Receiver

MAX_PORT = 65_535


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
        lines, OTLP protobuf, MLflow's trace JSON and its DataFrames, Phoenix's spans (its
        DataFrame, or the JSON of its REST API), Langfuse's traces, observations and scores (JSON
        or lines), Jaeger's JSON; plain, gzip or zstd (which needs ``pip install zstandard``).
    experiment : str, optional
        Name of the experiment that new traces go to, made when missing; the active one by default.
    on_error : {"raise", "skip"}
        Whether anything that cannot be read stops it before anything is written, or is left out
        and listed in the result.
    progress : bool, optional
        Whether to show a bar; by default after a second, where a person is likely to look.

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
    0 spans of 0 traces: there are none in it
    """
    flush_traces()
    with progress_bar("spans", show=progress) as report:
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

    if port is not None and not 0 <= checked_whole_number("port", port) <= MAX_PORT:
        msg = f"port takes a number from 0 to {MAX_PORT}, got {port}"
        raise NbtraceError.invalid(msg)
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
    if not isinstance(name, str) or not name.strip():
        msg = f"experiment must be a name, got {name!r}"
        raise NbtraceError.invalid(msg)
    return store.ensure_experiment(name).experiment_id
