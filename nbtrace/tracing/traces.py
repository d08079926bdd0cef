"""The trace as a whole: its tags, metadata, previews, state; reading it back; flushing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from nbtrace.config import PREVIEW_CHARACTERS
from nbtrace.entities import Trace, TraceData
from nbtrace.entities.constant import (
    IMMUTABLE_TAG_KEYS,
    TRACE_ID_PREFIX,
    TraceMetadataKey,
    TraceTagKey,
)
from nbtrace.exceptions import RESOURCE_DOES_NOT_EXIST, NbtraceError
from nbtrace.store import current_store
from nbtrace.store.errors import StoreUnavailable
from nbtrace.store.tags import checked_tag
from nbtrace.tracing.context import split_standard_keys
from nbtrace.tracing.recorder import (
    LastTrace,
    existing_recorder,
    last_trace,
    recover_dead,
    tell_once,
)
from nbtrace.tracing.spans import current_trace
from nbtrace.tracing.texts import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.tracing.active import ActiveTrace

logger = logging.getLogger("nbtrace")


def update_current_trace(  # noqa: PLR0913, PLR0917 - MLflow's signature
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    client_request_id: str | None = None,
    request_preview: str | None = None,
    response_preview: str | None = None,
    state: str | None = None,
    model_id: str | None = None,
    session_id: str | None = None,
    user: str | None = None,
) -> None:
    """Set what belongs to the trace that is being recorded here.

    Parameters
    ----------
    tags, metadata : mapping of str to str, optional
        Added; other values become text.
    client_request_id : str, optional
        The caller's own id of the request.
    request_preview, response_preview : str, optional
        Shown in place of the ones made from the root's inputs and outputs.
    state : str, optional
        ``"OK"`` or ``"ERROR"``, in place of what becomes of the root span.
    model_id : str, optional
        MLflow's model id.
    session_id, user : str, optional
        The conversation, and who asked.

    Raises
    ------
    NbtraceError
        For a state other than OK and ERROR, or a preview that is no text.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("turn"):
    ...     nbtrace.update_current_trace(tags={"stage": "try"}, session_id="chat-7")
    """
    trace = current_trace()
    if trace is None:
        logger.warning("update_current_trace found no active trace; call it inside a span")
        return
    chosen_state = _checked_state(state)
    previews = (
        _checked_preview("request", request_preview),
        _checked_preview("response", response_preview),
    )
    new_tags, new_metadata = split_standard_keys(tags, metadata)
    _warn_of_other_types(tags, metadata)
    if session_id is not None:
        new_tags[TraceTagKey.SESSION] = plain_text(session_id)
    if user is not None:
        new_tags[TraceTagKey.USER] = plain_text(user)
    if model_id is not None:
        new_metadata[TraceMetadataKey.MODEL_ID] = plain_text(model_id)
    checked = [checked_tag(key, value) for key, value in new_tags.items() if _may_change(key)]
    with trace.lock:
        for key, value in checked:
            trace.put_tag(key, value)
        trace.metadata.update(new_metadata)
        if client_request_id is not None:
            trace.client_request_id = plain_text(client_request_id)
        trace.request_preview = previews[0] or trace.request_preview
        trace.response_preview = previews[1] or trace.response_preview
        trace.state = chosen_state or trace.state
    trace.changed()


def _checked_state(state: object) -> str | None:
    if state is None:
        return None
    text = str(getattr(state, "value", state))
    if text not in {"OK", "ERROR"}:
        msg = f"State must be either 'OK' or 'ERROR', but got {text!r}"
        raise NbtraceError.invalid(msg)
    return text


def _checked_preview(name: str, preview: object) -> str | None:
    if preview is None:
        return None
    if not isinstance(preview, str):
        msg = f"{name}_preview must be a string, got {type(preview).__name__}"
        raise NbtraceError.invalid(msg)
    return _preview(preview)


def _preview(text: str) -> str:
    text = plain_text(text)
    if len(text) <= PREVIEW_CHARACTERS:
        return text
    return text[: PREVIEW_CHARACTERS - 3] + "..."


def _warn_of_other_types(*mappings: Mapping[str, Any] | None) -> None:
    for mapping in mappings:
        for key, value in (mapping or {}).items():
            if str not in type(value).__mro__:
                logger.warning("tags and metadata are text; the value of %r was made text", key)


def _may_change(key: str) -> bool:
    if key in IMMUTABLE_TAG_KEYS:
        logger.warning("the tag %r cannot be changed; ignored", key)
        return False
    return True


def active_trace(trace_id: str) -> ActiveTrace | None:
    """Return a trace of this process that is not wholly on disk yet.

    Parameters
    ----------
    trace_id : str
        With or without ``tr-``.
    """
    recorder = existing_recorder()
    if recorder is None:
        return None
    return recorder.traces.get(str(trace_id).removeprefix(TRACE_ID_PREFIX).lower())


def set_trace_tag(trace_id: str, key: str, value: Any) -> None:
    """Set a tag of a trace, active or finished, of this process or another.

    Parameters
    ----------
    trace_id : str
        With or without ``tr-``.
    key : str
        At most 250 characters.
    value : str
        Other values become text.

    Raises
    ------
    NbtraceError
        When there is no such trace or the key is too long.
    """
    key, text = checked_tag(key, plain_text(value))
    if not _may_change(key):
        return
    trace = active_trace(trace_id)
    if trace is not None and trace.owned:
        trace.set_tag(key, text)
        if not trace.row_written:
            return
    current_store().set_trace_tag(trace_id, key, text)


def delete_trace_tag(trace_id: str, key: str) -> None:
    """Delete a tag of a trace, active or finished.

    Parameters
    ----------
    trace_id : str
        With or without ``tr-``.
    key : str
        The tag.

    Raises
    ------
    NbtraceError
        When there is no such trace or tag.
    """
    if not _may_change(key):
        return
    trace = active_trace(trace_id)
    found = False
    if trace is not None and trace.owned:
        found = trace.delete_tag(key)
        if not trace.row_written:
            if not found:
                msg = f"trace {trace.trace_id} has no tag {key!r}"
                raise NbtraceError.missing(msg)
            return
    try:
        current_store().delete_trace_tag(trace_id, key)
    except NbtraceError as error:
        # a tag that only this process knew of
        if not found or error.error_code != RESOURCE_DOES_NOT_EXIST:
            raise


def get_trace(
    trace_id: str,
    silent: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    flush: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
) -> Trace | None:
    """Return a trace by its id.

    Parameters
    ----------
    trace_id : str
        With or without ``tr-``.
    silent : bool
        Whether to say nothing when there is none.
    flush : bool
        Accepted for MLflow's sake: what has ended is always found.

    Returns
    -------
    Trace or None
        Of an active trace, what has ended plus what is open. None when there is no such trace.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.start_span("step") as span:
    ...     pass
    >>> nbtrace.get_trace(span.trace_id).info.state
    <TraceState.OK: 'OK'>
    """
    del flush
    active = active_trace(trace_id)
    if active is None or active.finished:
        # What came late, from a thread or a stream that outlived its trace, may still be under way.
        flush_traces()
        active = active_trace(trace_id)
    try:
        stored = current_store().get_trace(trace_id)
    except StoreUnavailable:  # then the process's own memory has to do
        if active is None:
            raise
        stored = None
    if active is not None and active.owned:
        live = active.to_trace()
        if stored is None:
            return live
        spans = {span.span_id: span for span in stored.data.spans}
        spans.update({span.span_id: span for span in live.data.spans})
        # once it has finished the store knows more: previews, tokens, cost, assessments
        info = stored.info if active.finished else live.info
        info.tags.update({**stored.info.tags, **live.info.tags})
        info.assessments = stored.info.assessments
        ordered = sorted(spans.values(), key=lambda span: span.start_time_ns)
        return Trace(info=info, data=TraceData(spans=ordered))
    if stored is None and not silent:
        logger.warning(NbtraceError.no_trace(trace_id, current_store().directory).message)
    return stored


def get_last_active_trace_id(
    thread_local: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
) -> str | None:
    """Return the id of the trace that ended last, None before the first.

    Parameters
    ----------
    thread_local : bool
        Whether to look at this thread's traces only.
    """
    return last_trace.trace_id if thread_local else LastTrace.trace_id


def flush_traces(timeout: float | None = None, *, durable: bool = False) -> bool:
    """Wait until every finished trace is on disk.

    Parameters
    ----------
    timeout : float, optional
        Seconds to wait at most.
    durable : bool
        Whether it has to survive a power cut too; without it, the death of the process.

    Returns
    -------
    bool
        False when the time was up or the disk cannot be written, of which a warning has told.
    """
    recorder = existing_recorder()
    if recorder is not None:
        return recorder.flush(timeout, durable=durable)
    try:
        recover_dead(current_store())
    except StoreUnavailable as error:
        tell_once(error)
        return False
    return True


def flush_trace_async_logging(
    terminate: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
) -> None:
    """Wait until every finished trace is on disk; MLflow's name of ``flush``."""
    del terminate
    flush_traces()
