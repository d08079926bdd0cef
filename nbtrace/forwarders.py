"""Live forwarding, as people call it: ``forward``, ``stop_forwarding``, ``forwarding``.

Nothing is forwarded unless ``forward`` is called, whatever the environment says. A process may
forward to several receivers. When it ends, what is queued has a moment to leave; what does not is
sent by the next process that forwards to the same place.
"""

from __future__ import annotations

import atexit
import dataclasses
import logging
import os
import threading
from typing import TYPE_CHECKING, Literal

from nbtrace.finding import search_traces
from nbtrace.store import current_store
from nbtrace.tracing.recorder import current_recorder
from nbtrace.tracing.traces import flush_traces
from nbtrace.transfer.destination import TIMEOUT_SECONDS, Destination
from nbtrace.transfer.forwarding import Forwarder, ForwardStatus, running_forwarders
from nbtrace.transfer.http import endpoint_url
from nbtrace.transfer.media import REQUEST_ATTACHMENT_BYTES, with_content
from nbtrace.transfer.mlflow_server import experiment_headers
from nbtrace.transfer.receivers import ReceiverName, adapter, checked_receiver, protocol_for

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger("nbtrace")

# What a process that ends may wait for a receiver that answers; one that does not costs nothing.
EXIT_SECONDS = 2.0

_changing = threading.RLock()


def forward(  # noqa: PLR0913 - what forwarding can be told
    endpoint: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    protocol: Literal["http/json", "http/protobuf"] | None = None,
    compression: Literal["gzip", "none"] | None = "gzip",
    timeout: float = TIMEOUT_SECONDS,
    filter_string: str | None = None,
    receiver: ReceiverName | None = None,
    project: str | None = None,
) -> ForwardStatus:
    """Send every trace of this process that finishes from now on to an OTLP/HTTP receiver too.

    The local copy stays. A thread of its own sends, so a receiver that is slow or down slows
    nothing; what could not be sent waits in the store, also beyond the end of this process, until
    some process forwards to the same endpoint. Spans that end after their trace are sent as they
    come. Calling it again for the same endpoint replaces the options.

    Parameters
    ----------
    endpoint : str, optional
        Address of the receiver; ``/v1/traces`` is added when it has no path. By default what
        OpenTelemetry's variables say (``OTEL_EXPORTER_OTLP_ENDPOINT`` or
        ``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``, and with them ``_HEADERS``, ``_PROTOCOL``,
        ``_COMPRESSION``, ``_TIMEOUT``, ``_CERTIFICATE``), and the options below do not apply.
    headers : mapping of str to str, optional
        Sent with each request, such as ``{"Authorization": "Bearer ..."}``. They are kept in
        memory only.
    protocol : {"http/json", "http/protobuf"}, optional
        Protobuf where the extra ``[otlp]`` is installed.
    compression : {"gzip", "none"}, optional
        How requests are packed.
    timeout : float
        Seconds to wait for each answer.
    filter_string : str, optional
        In the language of ``search_traces``: only finished traces that match are sent.
    receiver : {"mlflow", "phoenix"}, optional
        Add what this receiver understands best, as for ``export_traces``.
    project : str, optional
        The experiment of MLflow's, or the project of Phoenix's, that they belong to.

    Returns
    -------
    ForwardStatus
        How it stands.

    Raises
    ------
    NbtraceError
        When there is no endpoint, or an option cannot be used.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.receive(0) as receiver:
    ...     nbtrace.forward(receiver.url, filter_string="status = 'ERROR'").waiting
    ...     nbtrace.stop_forwarding()
    0
    """
    checked_receiver(receiver, project)
    if endpoint is None:
        destination = Destination.from_environment()
    else:
        destination = Destination.of(
            endpoint,
            headers=headers,
            protocol=protocol_for(receiver, protocol),
            compression=compression,
            timeout=timeout,
        )
    if receiver == "mlflow":
        sent = experiment_headers(destination.url, destination.headers, project)
        destination = dataclasses.replace(destination, headers=sent)
    if filter_string is not None:
        # A filter that cannot be used is to be told of here and not on a thread.
        search_traces(filter_string=filter_string, max_results=1, include_spans=False)
    recorder = current_recorder()
    # What a process left behind that forwarded to the same place is queued by its recovery.
    flush_traces()
    with _changing:
        previous = running_forwarders.pop(destination.key, None)
        if previous is not None:
            previous.stop()
        forwarder = Forwarder(
            current_store(),
            destination,
            process=recorder.process,
            filter_string=filter_string,
            adapt=with_content(
                adapter(receiver, project), current_store().directory, REQUEST_ATTACHMENT_BYTES
            ),
        )
        running_forwarders[destination.key] = forwarder
    return forwarder.status()


def stop_forwarding(endpoint: str | None = None) -> None:
    """Send no more traces on; what is queued stays for the next ``forward``.

    Parameters
    ----------
    endpoint : str, optional
        Which one to stop; all of them by default.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.stop_forwarding()
    """
    url = None if endpoint is None else endpoint_url(endpoint)
    with _changing:
        for key, forwarder in list(running_forwarders.items()):
            if url is None or forwarder.destination.url == url:
                # What has finished so far is to be queued.
                flush_traces()
                forwarder.stop()
                del running_forwarders[key]


def forwarding() -> list[ForwardStatus]:
    """Return how live forwarding stands, one entry for each receiver of this process.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.forwarding()
    []
    """
    with _changing:
        return [forwarder.status() for forwarder in running_forwarders.values()]


def _at_exit() -> None:
    if not running_forwarders:
        return
    try:
        flush_traces()
        for forwarder in running_forwarders.values():
            forwarder.stop(EXIT_SECONDS)
    except Exception:
        logger.debug("what is queued is left for the next process", exc_info=True)
    running_forwarders.clear()


def _in_child() -> None:
    global _changing  # noqa: PLW0603 - another thread may have held it at the moment of the fork
    _changing = threading.RLock()
    for forwarder in running_forwarders.values():
        forwarder.leave_in_child()
    running_forwarders.clear()


# Registered after the recorder's handler, so it runs before.
atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
