"""What an MLflow server takes beside OTLP: the experiment's name, tags, metadata, assessments.

By OTLP it takes spans into the experiment of a header. What belongs to a trace as a whole goes to
its REST API afterwards.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from nbtrace.exceptions import NbtraceError
from nbtrace.transfer.http import MAX_ANSWER_BYTES, quietly
from nbtrace.transfer.receivers import DEFAULT_EXPERIMENT, EXPERIMENT_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities import Trace

_API = "/api/2.0/mlflow/experiments"
_NOT_FOUND = 404


class RestApi:
    """The REST API that stands beside an OTLP endpoint.

    Parameters
    ----------
    url : str
        The endpoint; its path ends in ``/v1/traces``.
    headers : mapping of str to str
        Sent with each request.
    timeout : float
        Seconds to wait for an answer.
    """

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float = 30.0) -> None:
        self.base = url.removesuffix("/").removesuffix("/v1/traces")
        self._headers = {
            key: value for key, value in headers.items() if key.lower() != EXPERIMENT_HEADER
        }
        self._timeout = timeout

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer to one request.

        Raises
        ------
        NbtraceError
            When the server refuses it, or cannot be reached.
        """
        request = urllib.request.Request(  # noqa: S310 - endpoint_url lets http(s) through only
            self.base + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **self._headers},
            method=method,
        )
        try:
            with quietly(), urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - as above
                return json.loads(answer.read(MAX_ANSWER_BYTES) or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(MAX_ANSWER_BYTES).decode("utf-8", "replace").strip()[:500]
            msg = f"{self.base}{path} answered {error.code}: {said or 'without a word'}"
            if error.code == _NOT_FOUND:
                raise NbtraceError.missing(msg) from None
            raise NbtraceError.invalid(msg) from None
        except (OSError, ValueError) as error:
            msg = f"{self.base} could not be asked: {getattr(error, 'reason', error)}"
            raise NbtraceError.invalid(msg) from None


def experiment_headers(url: str, headers: Mapping[str, str], project: str | None) -> dict[str, str]:
    """Return the headers that name the experiment, which is made where there is none of its name.

    Parameters
    ----------
    url : str
        The OTLP endpoint.
    headers : mapping of str to str
        What is sent in any case; an experiment named there stays.
    project : str or None
        Id or name of the experiment; ``"0"`` by default.

    Raises
    ------
    NbtraceError
        When a name has to be looked up and the server cannot be asked.

    Examples
    --------
    >>> experiment_headers("http://localhost:5000/v1/traces", {}, "7")
    {'x-mlflow-experiment-id': '7'}
    """
    if project is None and any(name.lower() == EXPERIMENT_HEADER for name in headers):
        return dict(headers)
    if project is None or project.isdigit():
        return {**headers, EXPERIMENT_HEADER: project or DEFAULT_EXPERIMENT}
    api = RestApi(url, headers)
    query = urllib.parse.urlencode({"experiment_name": project})
    try:
        found = api.call("GET", f"{_API}/get-by-name?{query}")["experiment"]["experiment_id"]
    except NbtraceError as error:
        if error.error_code != NbtraceError.missing("").error_code:
            raise
        found = api.call("POST", f"{_API}/create", {"name": project})["experiment_id"]
    return {**headers, EXPERIMENT_HEADER: str(found)}


def annotate(api: RestApi, trace: Trace) -> list[str]:
    """Give a trace that the server has its assessments; return what it did not take.

    Parameters
    ----------
    api : RestApi
        The server.
    trace : Trace
        As it is here.
    """
    problems = []
    path = f"/api/3.0/mlflow/traces/{trace.info.trace_id}"
    try:
        known = _known_assessments(api, path)
    except NbtraceError as error:
        return [error.message]
    for item in trace.info.assessments:
        plain = item.to_dictionary()
        if (plain.get("assessment_name"), plain.get("create_time")) in known:
            continue
        # The server gives it an id of its own.
        plain.pop("assessment_id", None)
        try:
            api.call("POST", f"{path}/assessments", {"assessment": plain})
        except NbtraceError as error:
            problems.append(f"assessment {item.name!r}: {error.message}")
    return problems


def _known_assessments(api: RestApi, path: str) -> set[tuple[str | None, str | None]]:
    info = api.call("GET", path).get("trace", {}).get("trace_info", {})
    return {
        (item.get("assessment_name"), item.get("create_time"))
        for item in info.get("assessments", ())
    }
