"""Where traces go, by OpenTelemetry's variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nbtrace.exceptions import NbtraceError
from nbtrace.transfer.destination import MAX_TIMEOUT_SECONDS, Destination

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "OTEL_EXPORTER_OTLP_"


def of(**variables: str) -> Destination:
    return Destination.from_environment({PREFIX + key: value for key, value in variables.items()})


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"ENDPOINT": "http://c:4318"}, "http://c:4318/v1/traces"),
        ({"ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces"),
        ({"ENDPOINT": "https://c/base"}, "https://c/base/v1/traces"),
        ({"TRACES_ENDPOINT": "https://c/x/y"}, "https://c/x/y"),
        ({"TRACES_ENDPOINT": "http://t/v1/traces", "ENDPOINT": "http://c"}, "http://t/v1/traces"),
    ],
)
def test_the_endpoint_is_the_specification_s(variables: dict[str, str], url: str) -> None:
    assert of(**variables).url == url


def test_what_is_for_traces_alone_wins() -> None:
    found = of(
        ENDPOINT="http://c",
        PROTOCOL="http/protobuf",
        TRACES_PROTOCOL="http/json",
        HEADERS="a=1",
        TRACES_HEADERS="b=x%3Dy, c = 3 ,broken",
        COMPRESSION="gzip",
        TIMEOUT="3",
    )
    assert (found.protocol, dict(found.headers)) == ("http/json", {"b": "x=y", "c": "3"})
    assert (found.compress, found.timeout) == (True, 3.0)


def test_without_compression_nothing_is_packed_and_no_timeout_is_endless() -> None:
    found = of(ENDPOINT="http://c", TIMEOUT="10000")
    assert (found.compress, found.timeout) == (False, MAX_TIMEOUT_SECONDS)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"ENDPOINT": "collector:4318"}, "not the address"),
        ({"ENDPOINT": "http://c", "PROTOCOL": "grpc"}, "http/protobuf and http/json"),
        ({"ENDPOINT": "http://c", "COMPRESSION": "brotli"}, "compression takes gzip"),
        ({"ENDPOINT": "http://c", "TIMEOUT": "soon"}, "number of seconds"),
    ],
)
def test_what_cannot_be_used_is_named(variables: dict[str, str], message: str) -> None:
    with pytest.raises(NbtraceError, match=message):
        of(**variables)


def test_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    found = of(ENDPOINT="https://c", CERTIFICATE=str(tmp_path / "ca.pem"))
    with pytest.raises(NbtraceError, match="certificate"):
        found.sender()


def test_a_new_token_is_no_new_destination() -> None:
    def key(**headers: str) -> str:
        return Destination.of("http://c", protocol="http/json", headers=headers).key

    assert key(Authorization="Bearer a") == key(Authorization="Bearer b") == key()
    assert key(**{"x-mlflow-experiment-id": "1"}) != key(**{"x-mlflow-experiment-id": "2"})
    assert key(**{"X-Team": "a"}) == key(**{"x-team": "a"})


def test_a_key_in_the_query_is_not_shown() -> None:
    found = Destination.of("https://c/v1/traces?key=hunter2", protocol="http/json")
    assert found.shown_url == "https://c/v1/traces"
