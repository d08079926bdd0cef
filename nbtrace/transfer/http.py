"""One OTLP/HTTP request, with the standard library: retried with growing pauses, never traced.

What may be tried again is what the specification of OTLP names: 429, 502, 503, 504 and a receiver
that does not answer. ``Retry-After`` is honoured.
"""

from __future__ import annotations

import contextlib
import email.utils
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
from nbtrace.exceptions import NbtraceError
from nbtrace.transfer import protobuf

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
PATH = "/v1/traces"
_RETRIED = frozenset({429, 502, 503, 504})
_UNSUPPORTED = 415
# The first pause; each further one is twice as long, up to the last.
FIRST_PAUSE_SECONDS = 0.5
LAST_PAUSE_SECONDS = 30.0
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
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        msg = f"{text!r} is not the address of an OTLP/HTTP receiver, like http://localhost:4318"
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


@dataclass(slots=True)
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
    """

    url: str
    protocol: str
    headers: Mapping[str, str] = field(default_factory=dict)
    compress: bool = True
    timeout: float = 30.0
    tries: int = 5

    def send(self, document: dict[str, Any]) -> Answer:
        """Send one document.

        Raises
        ------
        NbtraceError
            When the receiver refuses it, or cannot be reached after all tries.
        """
        if self.protocol == "http/protobuf":
            kind, body = PROTOBUF, protobuf.encode(document)
        else:
            kind, body = JSON, orjson.dumps(document)
        headers = {"Content-Type": kind, "User-Agent": f"nbtrace/{__version__}", **self.headers}
        if self.compress:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=6)
        request = urllib.request.Request(  # noqa: S310 - endpoint_url lets http(s) through only
            self.url, data=body, headers=headers, method="POST"
        )
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, self.tries + 1):
            try:
                with quietly(), urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310 - as above
                    return _answer(answer.headers.get_content_type(), answer.read(MAX_ANSWER_BYTES))
            except urllib.error.HTTPError as error:
                said = error.read(MAX_ANSWER_BYTES)
                if error.code not in _RETRIED or attempt == self.tries:
                    raise self._refused(error.code, said) from error
                wait = _retry_after(error.headers.get("Retry-After")) or pause
            except (OSError, http.client.HTTPException) as error:
                if attempt == self.tries:
                    reason = getattr(error, "reason", error)
                    msg = f"{self.url} could not be reached in {attempt} tries: {reason}"
                    raise NbtraceError.invalid(msg) from error
                wait = pause
            # Receivers that come back are not met by all their senders at once.
            time.sleep(min(wait, LAST_PAUSE_SECONDS) * random.uniform(0.8, 1.2))  # noqa: S311 - a pause
            pause = min(pause * 2, LAST_PAUSE_SECONDS)
        msg = f"{self.url} was not asked: tries must be at least 1"
        raise NbtraceError.invalid(msg)

    def _refused(self, code: int, said: bytes) -> NbtraceError:
        text = said.decode("utf-8", "replace").strip()[:500]
        msg = f"{self.url} answered {code}: {text or 'without a word'}"
        if code == _UNSUPPORTED and self.protocol == "http/json":
            msg += "; try protocol='http/protobuf' (pip install 'nbtrace[otlp]')"
        return NbtraceError.invalid(msg)


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
