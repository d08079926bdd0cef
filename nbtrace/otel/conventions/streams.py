"""Streamed calls, and how to tell that one was not read to its end.

No convention has a word for it. What they share is that a call says that it asked for a stream, and
that its answer has a finish reason only once the last piece was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbtrace.otel.conventions.reading import Attributes

__all__ = ["asks_for_a_stream", "never_finished"]

_FLAGS: Final = ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming")
# How pydantic-ai's spans say it: the key is there, with a number of seconds.
_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
_PARAMETERS: Final = "llm.invocation_parameters"
_IN_PARAMETERS: Final = ('"stream": true', '"stream":true')


def asks_for_a_stream(attributes: Attributes) -> bool:
    """Return whether a call of a model was to be answered piece by piece.

    Examples
    --------
    >>> asks_for_a_stream({"llm.invocation_parameters": '{"model": "m", "stream": true}'})
    True
    """
    if any(attributes.get(key) is True for key in _FLAGS) or _FIRST_CHUNK in attributes:
        return True
    parameters = attributes.get(_PARAMETERS)
    return isinstance(parameters, str) and any(text in parameters for text in _IN_PARAMETERS)


def never_finished(reasons: Iterable[str]) -> bool:
    """Return whether a model's answer has no word on why it ended; "error" is the reader's end.

    Examples
    --------
    >>> never_finished(["stop"]), never_finished([])
    (False, True)
    """
    return all(reason == "error" for reason in reasons)
