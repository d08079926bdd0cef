"""An HTTP server on 127.0.0.1 and nowhere else, in a thread of this process."""

from __future__ import annotations

import logging
import sys
import threading
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

logger = logging.getLogger("nbtrace")

HOST = "127.0.0.1"
# Python's half a second would be felt when the server is closed.
POLL_SECONDS = 0.05


class Server(ThreadingHTTPServer):
    """The server, as the handlers of its requests see it.

    Attributes
    ----------
    owner : Loopback
        What was started.
    """

    daemon_threads = True
    # A client that keeps its connection open must not keep the server from closing.
    block_on_close = False
    # Exporters open their connections all at once.
    request_queue_size = 128
    owner: Any

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong, except that a client hung up, which is no error."""
        error = sys.exception()
        if isinstance(error, ConnectionError | TimeoutError):
            logger.debug("a connection to %s ended badly: %r", self.owner.url, error)
        else:
            super().handle_error(request, client_address)


class Loopback:
    """Answers requests until it is closed; a context manager.

    Parameters
    ----------
    handler : type of BaseHTTPRequestHandler
        Whose ``server.owner`` is this.
    name : str
        Of the thread.
    port : int
        0 for any that is free.

    Attributes
    ----------
    url : str
        Without a slash at its end.

    Raises
    ------
    OSError
        When the port is taken.

    Examples
    --------
    >>> from http.server import BaseHTTPRequestHandler
    >>> with Loopback(BaseHTTPRequestHandler, "example") as running:
    ...     running.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler], name: str, port: int = 0) -> None:
        self._server = Server((HOST, port), handler)
        self._server.owner = self
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name=name, daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
