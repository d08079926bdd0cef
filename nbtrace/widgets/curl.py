"""The command line that repeats the HTTP request of a span, as far as the span tells it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.constant import AttributeValue

# OpenTelemetry's keys and those before version 1.20 of its conventions.
_METHODS = ("http.request.method", "http.method")
_ADDRESSES = ("url.full", "http.url")
_HEADER = "http.request.header."
_BODIES = ("http.request.body", "http.request.body.content", "http.request.body.text")
# A longer body makes no command that anyone pastes.
MAX_BODY_CHARACTERS = 20_000


def curl_of(attributes: Mapping[str, AttributeValue]) -> str | None:
    r"""Return the ``curl`` command of a span's HTTP request.

    Parameters
    ----------
    attributes : mapping of str to AttributeValue
        Attributes as stored; what was redacted stays so.

    Returns
    -------
    str or None
        None where the span is no HTTP request, or does not say where to.

    Examples
    --------
    >>> curl_of({"http.request.method": "POST", "url.full": "https://example.org/a?b=c"})
    "curl -X POST 'https://example.org/a?b=c'"
    """
    address = _first(attributes, _ADDRESSES)
    if address is None or not address.startswith(("http://", "https://")):
        return None
    method = (_first(attributes, _METHODS) or "GET").upper()
    parts = ["curl"]
    if method != "GET":
        parts.append(f"-X {shlex.quote(method)}")
    parts.append(shlex.quote(address))
    for key, value in attributes.items():
        if key.startswith(_HEADER):
            name = key.removeprefix(_HEADER).replace("_", "-")
            values = value if isinstance(value, list | tuple) else [value]
            parts += [f"-H {shlex.quote(f'{name}: {item!s}')}" for item in values]
    body = _first(attributes, _BODIES)
    if body is not None and len(body) <= MAX_BODY_CHARACTERS:
        parts.append(f"--data-raw {shlex.quote(body)}")
    return " \\\n  ".join(parts) if len(parts) > len(("curl", "-X", "url")) else " ".join(parts)


def _first(attributes: Mapping[str, AttributeValue], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = attributes.get(key)
        if isinstance(value, str) and value:
            return value
    return None
