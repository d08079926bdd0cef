"""Where traces go over the network: address, protocol, headers; also from the standard variables.

The variables are OpenTelemetry's ``OTEL_EXPORTER_OTLP_*``, each with a twin for traces alone
(``OTEL_EXPORTER_OTLP_TRACES_*``) that wins.
"""

from __future__ import annotations

import hashlib
import os
import re
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbtrace.entities.checks import checked_mapping, checked_seconds
from nbtrace.exceptions import NbtraceError
from nbtrace.transfer import protobuf
from nbtrace.transfer.http import PATH, Sender, endpoint_url

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

PROTOCOLS = ("http/json", "http/protobuf")
COMPRESSIONS = ("gzip", "none")
# OpenTelemetry's own; one that hangs must not hold a sender for longer than a minute.
TIMEOUT_SECONDS = 10.0
MAX_TIMEOUT_SECONDS = 60.0
# Headers that say who sends and not where to: a new token is no new destination.
_CREDENTIAL = re.compile(r"auth|token|key|secret|password|cookie", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Destination:
    """An OTLP/HTTP receiver and how to talk to it.

    Attributes
    ----------
    url : str
        Where to POST.
    protocol : str
        ``"http/json"`` or ``"http/protobuf"``.
    headers : mapping of str to str
        Sent with each request; kept in memory only.
    compress : bool
        Whether to send gzip.
    timeout : float
        Seconds to wait for an answer.
    certificate, client_certificate, client_key : str or None
        PEM files for https.

    Examples
    --------
    >>> Destination.of("http://localhost:4318", protocol="http/json").url
    'http://localhost:4318/v1/traces'
    """

    url: str
    protocol: str
    headers: Mapping[str, str] = field(default_factory=dict)
    compress: bool = True
    timeout: float = TIMEOUT_SECONDS
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None

    @classmethod
    def of(
        cls,
        endpoint: str,
        *,
        headers: Mapping[str, str] | None = None,
        protocol: str | None = None,
        compression: str | None = "gzip",
        timeout: float = TIMEOUT_SECONDS,
    ) -> Destination:
        """Return the destination at an address.

        Raises
        ------
        NbtraceError
            When the address or an option cannot be used.
        """
        return cls(
            endpoint_url(endpoint),
            checked_protocol(protocol),
            dict(checked_mapping("headers", headers)),
            _compresses(compression),
            checked_seconds("timeout", timeout),
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Destination:
        """Return the destination that ``OTEL_EXPORTER_OTLP_*`` name.

        Raises
        ------
        NbtraceError
            When no endpoint is set, or one of the variables cannot be used.

        Examples
        --------
        >>> Destination.from_environment({
        ...     "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/otel",
        ...     "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}).url
        'http://collector:4318/otel/v1/traces'
        """

        def variable(name: str) -> str | None:
            own = environment.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}", "").strip()
            return own or environment.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip() or None

        url = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
        base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
        if not url and base:
            # The specification appends to the general address and takes the other as it is.
            url = base.rstrip("/") + PATH
        if not url:
            msg = (
                "forward needs an endpoint: nbtrace.forward('http://localhost:4318'), or one in "
                "OTEL_EXPORTER_OTLP_ENDPOINT"
            )
            raise NbtraceError.invalid(msg)
        protocol = variable("PROTOCOL")
        if protocol == "grpc":
            msg = (
                "OTEL_EXPORTER_OTLP_PROTOCOL=grpc: nbtrace speaks http/protobuf and http/json; "
                "give forward the receiver's HTTP endpoint (usually port 4318) and protocol"
            )
            raise NbtraceError.invalid(msg)
        return cls(
            endpoint_url(url),
            checked_protocol(protocol),
            _header_list(variable("HEADERS") or ""),
            _compresses(variable("COMPRESSION") or "none"),
            _seconds(variable("TIMEOUT")),
            variable("CERTIFICATE"),
            variable("CLIENT_CERTIFICATE"),
            variable("CLIENT_KEY"),
        )

    @property
    def key(self) -> str:
        """What names the destination in the store: the same for the same place, without secrets."""
        places = sorted(
            (name.lower(), value)
            for name, value in self.headers.items()
            if not _CREDENTIAL.search(name)
        )
        return hashlib.blake2b(repr((self.url, places)).encode(), digest_size=8).hexdigest()

    @property
    def shown_url(self) -> str:
        """The address without its query, which may hold a key, for people to read."""
        parts = urllib.parse.urlsplit(self.url)
        return urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))

    def sender(self, *, tries: int = 1) -> Sender:
        """Return what sends there.

        Raises
        ------
        NbtraceError
            When a certificate cannot be read.
        """
        return Sender(
            self.url,
            self.protocol,
            self.headers,
            self.compress,
            self.timeout,
            tries,
            self._certificates(),
        )

    def _certificates(self) -> ssl.SSLContext | None:
        if not (self.certificate or self.client_certificate):
            return None
        import ssl

        try:
            context = ssl.create_default_context(cafile=self.certificate)
            if self.client_certificate:
                context.load_cert_chain(self.client_certificate, self.client_key)
        except (OSError, ValueError) as error:
            msg = f"a certificate of OTEL_EXPORTER_OTLP_*CERTIFICATE cannot be used: {error}"
            raise NbtraceError.invalid(msg) from None
        return context


def checked_protocol(protocol: str | None) -> str:
    """Return a protocol, protobuf where it can be written and nothing else is asked for."""
    chosen = protocol or PROTOCOLS[protobuf.is_available()]
    if chosen not in PROTOCOLS:
        msg = f"protocol takes {', '.join(PROTOCOLS)}; got {chosen!r}"
        raise NbtraceError.invalid(msg)
    if chosen == "http/protobuf" and not protobuf.is_available():
        msg = "protocol='http/protobuf' needs: pip install 'nbtrace[otlp]'; 'http/json' does not"
        raise NbtraceError.invalid(msg)
    return chosen


def _compresses(compression: str | None) -> bool:
    if compression is not None and compression not in COMPRESSIONS:
        msg = f"compression takes {', '.join(COMPRESSIONS)}; got {compression!r}"
        raise NbtraceError.invalid(msg)
    return compression == "gzip"


def _header_list(text: str) -> dict[str, str]:
    headers = {}
    for pair in text.split(","):
        name, equals, value = pair.partition("=")
        if equals and name.strip():
            headers[urllib.parse.unquote(name.strip())] = urllib.parse.unquote(value.strip())
    return headers


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or TIMEOUT_SECONDS)
    except ValueError:
        msg = f"OTEL_EXPORTER_OTLP_TIMEOUT is a number of seconds, got {text!r}"
        raise NbtraceError.invalid(msg) from None
    return min(max(seconds, 1.0), MAX_TIMEOUT_SECONDS)
