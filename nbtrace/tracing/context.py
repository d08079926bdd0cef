"""What holds for all traces started inside a block: tags, metadata, session, user, on or off.

It travels in the OpenTelemetry context, so that threads and tasks started inside carry it, and is
read only where a trace begins.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as SUPPRESS_KEY
from opentelemetry.context import Context, create_key

from nbtrace.entities.checks import checked_mapping
from nbtrace.entities.constant import STANDARD_TAG_KEYS, TraceTagKey
from nbtrace.exceptions import NbtraceError
from nbtrace.tracing.current import SPAN_KEY, attach, get_current
from nbtrace.tracing.record import SpanRecord
from nbtrace.tracing.texts import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULTS_KEY = create_key("nbtrace-trace-defaults")


class TraceDefaults(NamedTuple):
    """What new traces begin with.

    Attributes
    ----------
    tags, metadata : dict of str to str
        Set on each trace.
    enabled : bool
        Whether anything is recorded.
    """

    tags: Mapping[str, str]
    metadata: Mapping[str, str]
    enabled: bool = True


NO_DEFAULTS = TraceDefaults({}, {})


def current_defaults() -> TraceDefaults:
    """Return the defaults of the current context."""
    found: Any = get_current().get(DEFAULTS_KEY)
    return found if isinstance(found, TraceDefaults) else NO_DEFAULTS


def is_suppressed(current: Context) -> bool:
    """Return whether tracing is off in a context, by nbtrace's or OpenTelemetry's switch."""
    if current.get(SUPPRESS_KEY):
        return True
    defaults: Any = current.get(DEFAULTS_KEY)
    return isinstance(defaults, TraceDefaults) and not defaults.enabled


def split_standard_keys(
    tags: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Return tags and metadata as redacted text, the standard keys among the tags."""
    all_tags = {
        plain_text(key): plain_text(value) for key, value in checked_mapping("tags", tags).items()
    }
    others: dict[str, str] = {}
    for key, value in checked_mapping("metadata", metadata).items():
        chosen = all_tags if key in STANDARD_TAG_KEYS else others
        chosen[plain_text(key)] = plain_text(value)
    return all_tags, others


def leave(previous: Context, current: Context) -> None:
    """Make the former context current again at the end of a block, whatever was left behind inside.

    Parameters
    ----------
    previous, current : Context
        What was current before the block, and what the block made current.

    Notes
    -----
    A generator that was left suspended inside a ``with`` of its own leaves that one's span current;
    it is taken out, what else the block attached stays. A block that ends elsewhere than it began
    (another task, another thread) finds a span that is not its own, and changes nothing.
    """
    now = get_current()
    if now is current:
        attach(previous)
    elif _is_inside(now.get(SPAN_KEY), current.get(SPAN_KEY)):
        without = {key: value for key, value in now.items() if key != SPAN_KEY}
        if SPAN_KEY in previous:
            without[SPAN_KEY] = previous[SPAN_KEY]
        attach(Context(without))


def _is_inside(span: object, outer: object) -> bool:
    """Return whether a span is another one or lies somewhere below it."""
    while span is not outer:
        if type(span) is not SpanRecord or type(outer) is not SpanRecord:
            return False
        if span.parent_id == outer.span_id:
            return True
        span = span.trace.open.get(span.parent_id or "")
    return True


@contextmanager
def context(  # noqa: PLR0913 - MLflow's keywords and two aliases
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    enabled: bool | None = None,  # noqa: FBT001 - MLflow's signature
    session_id: str | None = None,
    user: str | None = None,
    *,
    session: str | None = None,
) -> Iterator[None]:
    """Set what all traces started inside the block begin with.

    Parameters
    ----------
    metadata, tags : mapping of str to str, optional
        Added to each trace; inner blocks win over outer ones.
    enabled : bool, optional
        False records nothing inside the block.
    session_id, session : str, optional
        The conversation the traces belong to.
    user : str, optional
        Who asked.

    Raises
    ------
    NbtraceError
        When both ``session_id`` and ``session`` are given and differ.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.context(session_id="chat-7", tags={"stage": "try"}):
    ...     with nbtrace.start_span("turn") as span:
    ...         pass
    >>> nbtrace.get_trace(span.trace_id).info.tags["stage"]
    'try'
    """
    if session is not None and session_id is not None and session != session_id:
        raise NbtraceError.invalid("session is an alias of session_id: give one of them")
    outer = current_defaults()
    new_tags, new_metadata = split_standard_keys(tags, metadata)
    if session_id or session:
        new_tags[TraceTagKey.SESSION] = plain_text(session_id or session)
    if user is not None:
        new_tags[TraceTagKey.USER] = plain_text(user)
    inner = TraceDefaults(
        {**outer.tags, **new_tags},
        {**outer.metadata, **new_metadata},
        outer.enabled if enabled is None else bool(enabled),
    )
    previous = get_current()
    current = Context({**previous, DEFAULTS_KEY: inner})
    attach(current)
    try:
        yield
    finally:
        now = get_current()
        if now is current:
            attach(previous)
        elif now.get(DEFAULTS_KEY) is inner:  # something left suspended inside is still current
            attach(Context({**now, DEFAULTS_KEY: outer}))
