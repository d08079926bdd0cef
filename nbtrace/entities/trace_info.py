"""What is known of a trace without its spans.

The standard keys (session, user, source) are stored as tags whichever way they were written, since
they may change after the end; MLflow 3 keeps them in the metadata, so `TraceInfo.trace_metadata`
and `TraceInfo.to_dict` show them there too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities.constant import STANDARD_TAG_KEYS, TraceMetadataKey, TraceTagKey
from nbtrace.entities.json_text import decode
from nbtrace.entities.trace_location import DEFAULT_EXPERIMENT_ID, TraceLocation
from nbtrace.entities.trace_state import TraceState
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.entities.assessment import Assessment


class TraceInfo:
    """What is known of a trace without its spans.

    Parameters
    ----------
    trace_id : str
        ``tr-`` and 32 hexadecimal digits.
    trace_location : TraceLocation
        The experiment it belongs to.
    request_time : int
        Start in milliseconds since the epoch.
    state : TraceState or str
        ``IN_PROGRESS``, ``OK`` or ``ERROR``.
    request_preview, response_preview : str or None
        The root's inputs and outputs, short.
    client_request_id : str or None
        The caller's own id.
    execution_duration : int or None
        Duration in milliseconds, None while the trace is open.
    trace_metadata : dict of str to str
        Fixed when the trace ends; the standard keys among it are kept as tags.
    tags : dict of str to str
        May change at any time.
    assessments : list of Assessment
        Feedback and expectations.

    Attributes
    ----------
    own_metadata : dict of str to str
        The metadata as stored, without the standard tags.

    Examples
    --------
    >>> info = TraceInfo("tr-" + "0a" * 16, TraceLocation.from_experiment_id("0"), 1000, "OK",
    ...                  trace_metadata={"mlflow.trace.session": "s1"})
    >>> info.tags, info.trace_metadata == info.tags, info.own_metadata
    ({'mlflow.trace.session': 's1'}, True, {})
    """

    __slots__ = (
        "assessments",
        "client_request_id",
        "execution_duration",
        "own_metadata",
        "request_preview",
        "request_time",
        "response_preview",
        "state",
        "tags",
        "trace_id",
        "trace_location",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - MLflow's signature
        self,
        trace_id: str,
        trace_location: TraceLocation,
        request_time: int,
        state: TraceState | str,
        request_preview: str | None = None,
        response_preview: str | None = None,
        client_request_id: str | None = None,
        execution_duration: int | None = None,
        trace_metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        assessments: list[Assessment] | None = None,
    ) -> None:
        self.trace_id = trace_id
        self.trace_location = trace_location
        self.request_time = request_time
        self.state = TraceState(state)
        self.request_preview = request_preview
        self.response_preview = response_preview
        self.client_request_id = client_request_id
        self.execution_duration = execution_duration
        self.tags = dict(tags or {})
        self.own_metadata: dict[str, str] = {}
        for key, value in (trace_metadata or {}).items():
            if key in STANDARD_TAG_KEYS:
                # A tag may have been changed after the metadata was written: it wins.
                self.tags.setdefault(key, value)
            else:
                self.own_metadata[key] = value
        self.assessments = list(assessments or [])

    @property
    def trace_metadata(self) -> dict[str, str]:
        """The metadata and, as MLflow has them there, the standard tags: a new dict."""
        tags = self.tags
        return {
            **self.own_metadata,
            **{key: tags[key] for key in tags if key in STANDARD_TAG_KEYS},
        }

    @property
    def request_metadata(self) -> dict[str, str]:
        """MLflow 2's name for `trace_metadata`."""
        return self.trace_metadata

    @property
    def request_id(self) -> str:
        """MLflow 2's name for `trace_id`."""
        return self.trace_id

    @property
    def experiment_id(self) -> str | None:
        """The experiment's id, None when the trace came from elsewhere."""
        experiment = self.trace_location.mlflow_experiment
        return None if experiment is None else experiment.experiment_id

    @property
    def timestamp_ms(self) -> int:
        """MLflow 2's name for `request_time`."""
        return self.request_time

    @property
    def execution_time_ms(self) -> int | None:
        """MLflow 2's name for `execution_duration`."""
        return self.execution_duration

    @property
    def status(self) -> TraceState:
        """MLflow 2's name for `state`."""
        return self.state

    @property
    def name(self) -> str | None:
        """The trace's name, which is a tag."""
        return self.tags.get(TraceTagKey.TRACE_NAME)

    @property
    def session(self) -> str | None:
        """The session the trace belongs to."""
        return self.tags.get(TraceTagKey.SESSION)

    @property
    def user(self) -> str | None:
        """The user the trace was made for."""
        return self.tags.get(TraceTagKey.USER)

    @property
    def token_usage(self) -> dict[str, int] | None:
        """Tokens over all spans under MLflow's keys, None when unknown."""
        value = decode(self.own_metadata.get(TraceMetadataKey.TOKEN_USAGE))
        return value if isinstance(value, dict) else None

    @property
    def cost(self) -> dict[str, float] | None:
        """US dollars over all spans under MLflow's keys, None when unknown."""
        value = decode(self.own_metadata.get(TraceMetadataKey.COST))
        return value if isinstance(value, dict) else None

    def to_dict(self) -> dict[str, Any]:
        """Return MLflow's v3 dictionary.

        Returns
        -------
        dict
            ``request_time`` as RFC 3339 text, ``execution_duration_ms`` as a number; what is not
            known is left out.

        Examples
        --------
        >>> TraceInfo("tr-" + "0a" * 16, TraceLocation.from_experiment_id("0"), 1500,
        ...           "OK").to_dict()["request_time"]
        '1970-01-01T00:00:01.500Z'
        """
        from nbtrace.entities.timestamps import to_rfc3339

        data: dict[str, Any] = {
            "trace_id": self.trace_id,
            "trace_location": self.trace_location.to_dict(),
            "request_time": to_rfc3339(self.request_time),
            "state": self.state.value,
            "trace_metadata": self.trace_metadata,
            "tags": dict(self.tags),
        }
        for key in ("request_preview", "response_preview", "client_request_id"):
            value = getattr(self, key)
            if value is not None:
                data[key] = value
        if self.execution_duration is not None:
            data["execution_duration_ms"] = self.execution_duration
        if self.assessments:
            data["assessments"] = [item.to_dictionary() for item in self.assessments]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TraceInfo:
        """Return the info of MLflow's dictionary, v3 or v2.

        Parameters
        ----------
        data : Mapping
            What `to_dict`, or MLflow's, returned.

        Returns
        -------
        TraceInfo
            The info.

        Raises
        ------
        NbtraceError
            When the dictionary is not a trace info.

        Examples
        --------
        >>> info = TraceInfo("tr-" + "0a" * 16, TraceLocation.from_experiment_id("0"), 1500, "OK")
        >>> TraceInfo.from_dict(info.to_dict()) == info
        True
        """
        from nbtrace.entities.assessment import Assessment
        from nbtrace.entities.timestamps import from_rfc3339

        try:
            assessments = [Assessment.from_dictionary(item) for item in data.get("assessments", ())]
            if "request_id" in data and "trace_id" not in data:
                return cls(
                    data["request_id"],
                    TraceLocation.from_experiment_id(data["experiment_id"]),
                    int(data["timestamp_ms"]),
                    data["status"],
                    execution_duration=data.get("execution_time_ms"),
                    trace_metadata=data.get("request_metadata"),
                    tags=data.get("tags"),
                    assessments=assessments,
                )
            location = data.get("trace_location")
            duration = data.get("execution_duration_ms")
            return cls(
                data["trace_id"],
                TraceLocation.from_dict(location)
                if location
                else TraceLocation.from_experiment_id(DEFAULT_EXPERIMENT_ID),
                from_rfc3339(data["request_time"]),
                data.get("state") or TraceState.STATE_UNSPECIFIED,
                data.get("request_preview"),
                data.get("response_preview"),
                data.get("client_request_id"),
                None if duration is None else int(duration),
                data.get("trace_metadata"),
                data.get("tags"),
                assessments,
            )
        except NbtraceError:
            raise
        except Exception as error:
            message = (
                "this dictionary is not a trace info of MLflow's v3 or v2 form "
                f"({type(error).__name__}: {error})"
            )
            raise NbtraceError.invalid(message) from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TraceInfo):
            return NotImplemented
        return all(getattr(self, slot) == getattr(other, slot) for slot in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable

    def __repr__(self) -> str:
        return (
            f"TraceInfo(trace_id={self.trace_id!r}, name={self.name!r}, state={self.state.value}, "
            f"request_time={self.request_time}, execution_duration={self.execution_duration})"
        )
