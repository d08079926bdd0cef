"""One OTLP/HTTP request, with the standard library: retried with growing pauses, never traced.

What may be tried again is what the specification of OTLP names: 429, 502, 503, 504 and a receiver
that does not answer. ``Retry-After`` is honoured.
"""

from __future__ import annotations

import contextlib
import email.utils
import functools
import gzip
import http.client
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as SUPPRESS_KEY
from opentelemetry.context import attach, detach, set_value

from nbtrace.config import __version__
from nbtrace.exceptions import INVALID_PARAMETER_VALUE, NbtraceError
from nbtrace.transfer import protobuf

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
PATH = "/v1/traces"
_RETRIED = frozenset({429, 502, 503, 504})
_UNSUPPORTED = 415
# The first pause; each further one is twice as long, up to the last.
FIRST_PAUSE_SECONDS = 0.5
LAST_PAUSE_SECONDS = 30.0
# A receiver that asks for more is asked again after this.
MAX_RETRY_AFTER_SECONDS = 300.0
# An answer is a few words; a receiver that sends more is not one.
MAX_ANSWER_BYTES = 1 << 20


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep instrumentors of HTTP clients from tracing what is done inside."""
    token = attach(set_value(SUPPRESS_KEY, value=True))
    try:
        yield
    finally:
        detach(token)


def endpoint_url(text: str) -> str:
    """Return where to POST traces: an address without a path gets OTLP's.

    Examples
    --------
    >>> endpoint_url("http://localhost:4318")
    'http://localhost:4318/v1/traces'
    """
    if not isinstance(text, str):
        msg = f"endpoint takes an address such as 'http://localhost:4318', got {text!r:.60}"
        raise NbtraceError.invalid(msg)
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        msg = f"{text!r} is not the address of an OTLP/HTTP receiver, like http://localhost:4318"
        raise NbtraceError.invalid(msg)
    if "@" in parts.netloc:
        host = parts.netloc.rpartition("@")[2]
        msg = (
            f"leave user and password out of the address of {host}; send them as "
            "headers={'Authorization': 'Basic ...'}"
        )
        raise NbtraceError.invalid(msg)
    return urllib.parse.urlunsplit(parts._replace(path=PATH)) if parts.path in {"", "/"} else text


@dataclass(slots=True)
class Answer:
    """What a receiver said of one request.

    Attributes
    ----------
    rejected : int
        Spans it refused.
    message : str
        Why, or a warning.
    """

    rejected: int = 0
    message: str = ""


class Unavailable(Exception):  # noqa: N818 - a state of the receiver, not a fault here
    """A receiver that takes nothing now.

    Attributes
    ----------
    message : str
        Why.
    status : int or None
        Of its answer, where it gave one.
    wait : float or None
        Seconds after which it asked to be tried again.
    """

    def __init__(self, message: str, status: int | None = None, wait: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.wait = wait


class Refused(NbtraceError):  # noqa: N818 - an answer, not a fault here
    """A receiver's answer that trying again does not change.

    Attributes
    ----------
    status : int
        Of the answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, INVALID_PARAMETER_VALUE)
        self.status = status


@dataclass
class Sender:
    """Sends OTLP documents to one receiver.

    Parameters
    ----------
    url : str
        Its address.
    protocol : str
        ``"http/json"`` or ``"http/protobuf"``.
    headers : mapping of str to str
        Sent with each request.
    compress : bool
        Whether to send gzip.
    timeout : float
        Seconds to wait for an answer.
    tries : int
        How often each request is sent at most.
    certificates : ssl.SSLContext, optional
        In place of the machine's own.
    """

    url: str
    protocol: str
    headers: Mapping[str, str] = field(default_factory=dict)
    compress: bool = True
    timeout: float = 30.0
    tries: int = 5
    certificates: ssl.SSLContext | None = None

    def send(self, document: dict[str, Any]) -> Answer:
        """Send one document, trying again where that may help.

        Raises
        ------
        NbtraceError
            When the receiver refuses it, or cannot be reached after all tries.
        """
        request = self.request(document)
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, self.tries + 1):
            try:
                return self.attempt(request)
            except Unavailable as error:
                if attempt == self.tries:
                    if error.status is not None:
                        raise NbtraceError.invalid(error.message) from None
                    times = "1 try" if attempt == 1 else f"{attempt} tries"
                    msg = f"{self.url} could not be reached in {times}: {error.message}"
                    raise NbtraceError.invalid(msg) from None
                time.sleep(seconds_until_next_try(error.wait, pause))
            pause = min(pause * 2, LAST_PAUSE_SECONDS)
        msg = f"{self.url} was not asked: tries must be at least 1"
        raise NbtraceError.invalid(msg)

    def request(self, document: dict[str, Any]) -> urllib.request.Request:
        """Return the request that carries a document."""
        if self.protocol == "http/protobuf":
            kind, body = PROTOBUF, protobuf.encode(document)
        else:
            kind, body = JSON, orjson.dumps(document)
        headers = {"Content-Type": kind, "User-Agent": f"nbtrace/{__version__}", **self.headers}
        if self.compress:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=6)
        return urllib.request.Request(  # noqa: S310 - endpoint_url lets http(s) through only
            self.url, data=body, headers=headers, method="POST"
        )

    def attempt(self, request: urllib.request.Request) -> Answer:
        """Send a request once.

        Raises
        ------
        Unavailable
            When it may be tried again.
        Refused
            When that would be of no use.
        """
        try:
            with quietly(), self._opener.open(request, timeout=self.timeout) as answer:
                return _answer(answer.headers.get_content_type(), answer.read(MAX_ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                said = _words(error)
                if error.code in _RETRIED:
                    wait = _retry_after(error.headers.get("Retry-After"))
                    msg = f"{self.url} answered {error.code}: {said}"
                    raise Unavailable(msg, error.code, wait) from None
                raise self._refused(error.code, said) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(str(getattr(error, "reason", error)) or repr(error)) from None

    @functools.cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        # A redirect would turn the POST into a GET, and show the headers to another address.
        handlers: list[Any] = [_NoRedirects]
        if self.certificates is not None:
            handlers.append(urllib.request.HTTPSHandler(context=self.certificates))
        return urllib.request.build_opener(*handlers)

    def _refused(self, code: int, said: str) -> Refused:
        msg = f"{self.url} answered {code}: {said}"
        if code == _UNSUPPORTED and self.protocol == "http/json":
            msg += "; try protocol='http/protobuf' (pip install 'nbtrace[otlp]')"
        return Refused(msg, code)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Take a redirect for the refusal that it is to a POST."""


def _words(error: urllib.error.HTTPError) -> str:
    try:
        said = error.read(MAX_ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        said = b""
    return said.decode("utf-8", "replace").strip()[:500] or "without a word"


def seconds_until_next_try(wait: float | None, pause: float) -> float:
    """Return how long to wait, a little random so that not all senders come back at once.

    Parameters
    ----------
    wait : float or None
        What the receiver asked for, in seconds.
    pause : float
        What is due otherwise.
    """
    if wait is None:
        return pause * random.uniform(0.8, 1.2)  # noqa: S311 - a pause
    return min(wait, MAX_RETRY_AFTER_SECONDS) * random.uniform(1.0, 1.1)  # noqa: S311 - a pause


def _answer(kind: str, body: bytes) -> Answer:
    if not body:
        return Answer()
    try:
        if kind == PROTOBUF:
            return Answer(*protobuf.decode_response(body))
        partial = orjson.loads(body).get("partialSuccess") or {}
        return Answer(
            int(partial.get("rejectedSpans") or 0), str(partial.get("errorMessage") or "")
        )
    except Exception:  # it took the spans; what else it says is not for us
        return Answer()


def _retry_after(text: str | None) -> float | None:
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, when.timestamp() - time.time())
