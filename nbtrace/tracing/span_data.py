"""What nbtrace keeps of one span, and its line of OTLP/JSON.

Values are encoded the moment they are set; ending a span turns it into one line and hands that to
the trace, which journals it. What OpenTelemetry sees of it is added in ``record``.

This is the hot path: a slot is cheaper than a dictionary, a template cheaper than an encoder, and
nothing here takes a lock or makes a system call.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import orjson
from opentelemetry.trace import SpanContext

from nbtrace.entities.timestamps import as_nanoseconds
from nbtrace.otel.otlp import encode_attributes
from nbtrace.store.plain_spans import INPUTS_KEY, OUTPUTS_KEY, STATUSES, TYPE_KEY, span_line
from nbtrace.store.segments import PLAIN, SPAN
from nbtrace.tracing.failures import describe, exception_attributes
from nbtrace.tracing.otel_limits import Losses, limits
from nbtrace.tracing.redaction import FAILED, redact_text, without_surrogates
from nbtrace.tracing.span_details import EXCEPTION_AND_STATUS, INTERNAL, Detail, Details
from nbtrace.tracing.texts import plain_text as kept_text
from nbtrace.tracing.values import attribute_key, encode_attribute, encode_each
from nbtrace.tracing.w3c import flags_and_state, remote_flags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbtrace.store.plain_spans import Words
    from nbtrace.tracing.active import ActiveTrace

logger = logging.getLogger("nbtrace")

UNSET, OK, ERROR = 0, 1, 2
_BOUNDED = limits.bounds_span

dumps = orjson.dumps
time_ns = time.time_ns
monotonic_ns = time.perf_counter_ns


def plain_text(value: object) -> str:
    """Return a value as text that can be written as UTF-8."""
    try:
        text = str(value)
    except Exception:
        return f"<{type(value).__name__}>"
    return without_surrogates(text)


def json_string(text: str) -> bytes:
    """Return a text as a JSON string, lone surrogates replaced."""
    return dumps(plain_text(text))


# Names and types are a handful of words; redacting each once leaves a look-up.
_words: dict[tuple[str, str, str | None], Words] = {}
# Made-up names, such as one with a number in it, must not fill the memory.
_MAX_WORDS = 1_000


_shown: dict[str, str] = {}


def shown_name(name: object) -> str:
    """Return a name as it is kept: a URL in it may hold a password, a label a key."""
    if type(name) is not str:
        return kept_text(name)
    shown = _shown.get(name)
    if shown is None:
        if len(_shown) >= _MAX_WORDS:
            _shown.clear()
        shown = kept_text(name)
        if not shown.startswith(FAILED):  # else the stack's end is near, once
            _shown[name] = shown
    return shown


def forget_names() -> None:
    """Redact names and types anew, since what is redacted in them has changed."""
    _words.clear()
    _shown.clear()


def _words_of(kind: tuple[str, str, str | None]) -> Words:
    name, span_type, function = kind
    if len(_words) >= _MAX_WORDS:
        _words.clear()
    shown = shown_name(span_type)
    # A library's span has no type of ours: it would hide what the library's own convention says.
    words = (shown_name(name), dumps(shown).decode() if shown else "", function)
    if not (words[0].startswith(FAILED) or shown.startswith(FAILED)):
        _words[kind] = words
    return words


class SpanData:
    """One span of this process, open or ended.

    Whoever makes one puts it into the trace's ``open``: after it has all its fields, since others
    look at it from then on, and without a call between that and its own ``return``, since a Ctrl-C
    that strikes there would leave a span open that nobody can end.

    Attributes
    ----------
    trace : ActiveTrace
        The trace it belongs to.
    span_id, parent_id : str, str or None
        16 hex digits.
    start_time, end_time : int, int or None
        Nanoseconds since the epoch.
    inputs, outputs : str or None
        JSON text.
    """

    __slots__ = (
        "details",
        "end_time",
        "function",
        "inputs",
        "mono",
        "name",
        "outputs",
        "parent_id",
        "span_id",
        "span_type",
        "start_time",
        "status_code",
        "trace",
    )

    extra = Detail[dict[str, Any] | None](None)
    event_list = Detail[list[dict[str, Any]] | None](None)
    link_list = Detail[list[dict[str, Any]] | None](None)
    kind_number = Detail[int](INTERNAL)
    scope = Detail[int](0)
    status_message = Detail[str | None](None)
    context = Detail[SpanContext | None](None)
    parent_context = Detail[SpanContext | None](None)
    losses = Detail[Losses | None](None)
    on_error = Detail[tuple[bool, bool]](EXCEPTION_AND_STATUS)

    trace: ActiveTrace
    name: str
    span_type: str
    span_id: str
    parent_id: str | None
    inputs: str | None
    outputs: str | None
    start_time: int
    end_time: int | None
    mono: int | None
    status_code: int
    # the name of a traced function, as JSON text
    function: str | None
    details: Details | None

    def restart_clock(self) -> None:
        """Let the span begin now."""
        self.mono = monotonic_ns()
        self.start_time = time_ns()

    def now(self) -> int:
        """Return the time by this span's clock: its start and what the monotonic clock says."""
        mono = self.mono
        return time_ns() if mono is None else self.start_time + monotonic_ns() - mono

    # Ending

    def finish(self, end_time: int | None = None) -> None:
        """End the span: encode it, journal it, and finish the trace when this is its root.

        Parameters
        ----------
        end_time : int, optional
            Nanoseconds since the epoch; by default start + what the monotonic clock says.
        """
        try:
            if end_time is None or (end_time := as_nanoseconds(end_time)) is None:
                mono = self.mono
                end_time = time_ns() if mono is None else self.start_time + monotonic_ns() - mono
            trace = self.trace
            # Whoever takes the span out of `open` ends it: a second end, or one in the child of a
            # fork for a span of its parent, finds nothing.
            if trace.open.pop(self.span_id, None) is None:
                return
            self.end_time = end_time
            details = self.details
            try:
                if details is None and not trace.has_state:
                    kind = (self.name, self.span_type, self.function)
                    span = (
                        trace.hex,
                        self.span_id,
                        self.parent_id,
                        _words.get(kind) or _words_of(kind),
                        self.start_time,
                        end_time,
                        self.status_code,
                        self.inputs,
                        self.outputs,
                    )
                    position = trace.append(PLAIN, 0, dumps(span))
                else:
                    position = trace.append(SPAN, self.scope, self.line())
            except Exception:  # a name that is no text, or half a character
                position = trace.append(SPAN, self.scope, self._plain_line())
            if position >= 0:
                trace.positions.append(position)
            if trace.root is self:
                trace.finish(self.status_code == ERROR, self.start_time, end_time)
            elif trace.finished:
                trace.late()
        except BaseException:  # a Ctrl-C that struck here
            self._finish_again()
            raise

    def _finish_again(self) -> None:
        """End the span though its end was interrupted; what is kept twice counts once."""
        trace = self.trace
        trace.open.pop(self.span_id, None)
        if self.end_time is None:
            self.end_time = time_ns()
        trace.keep(self.scope, self.line())
        if trace.root is self:
            trace.finish(self.status_code == ERROR, self.start_time, self.end_time)

    def give_up(self, error: BaseException) -> None:
        """End the span after its own start or end was interrupted; forget it if it had no start."""
        try:
            if self.span_id in self.trace.open:
                self.fail(error)
                self.finish()
        except AttributeError:  # struck before it had all its fields, so nobody else knows of it
            return

    def line(self) -> bytes:
        """Return the span as one OTLP/JSON object; without an end while it is open."""
        kind = (self.name, self.span_type, self.function)
        details = self.details
        is_plain = details is None and not self.trace.has_state
        return span_line(
            self.trace.hex,
            self.span_id,
            self.parent_id,
            _words.get(kind) or _words_of(kind),
            self.start_time,
            self.end_time,
            self.status_code,
            self.inputs,
            self.outputs,
            self.kind_number,
            remote_flags(self.parent_context),
            b"" if is_plain else self._rest(details or Details()),
        )

    def _plain_line(self) -> bytes:
        """Return the line of a span with a name or a type that cannot be written as it is."""
        self.name = plain_text(self.name)
        self.span_type = plain_text(self.span_type)
        try:
            return self.line()
        except Exception:
            logger.warning("nbtrace could not record the values of %r", self.name, exc_info=True)
            self.inputs = self.outputs = self.details = None
            return self.line()

    def _rest(self, details: Details) -> bytes:
        text = b"]"
        losses = details.losses
        # a copy: the writer looks at open spans while their own threads set attributes
        extra = details.extra.copy() if details.extra else {}
        if losses is not None:
            extra |= losses.as_attributes()
        if extra:
            text = b"," + dumps(encode_attributes(extra))[1:]
        if losses is not None:
            text += losses.fields()
        state = self.trace.has_state and flags_and_state(self)[1]
        if state:
            text += b',"traceState":' + dumps(redact_text(state.to_header()))
        if details.event_list:
            text += b',"events":' + dumps(details.event_list)
        if details.link_list:
            text += b',"links":' + dumps(details.link_list)
        if details.status_message is None:
            return text + STATUSES[self.status_code][1:]
        message = json_string(details.status_message)
        return text + b',"status":{"code":%d,"message":%b}' % (self.status_code, message)

    def put(self, key: str, value: Any) -> None:
        """Keep an attribute; the three that have a slot go there."""
        if key.startswith("mlflow.span") and isinstance(value, str):
            if key == INPUTS_KEY:
                self.inputs = encode_attribute(value, "", self.trace)
                return
            if key == OUTPUTS_KEY:
                self.outputs = encode_attribute(value, "", self.trace)
                return
            if key == TYPE_KEY:
                self.span_type = value.strip('"')
                return
        extra = self.extra
        if extra is None:
            extra = self.extra = {}
        encoded = encode_attribute(value, key, self.trace)
        if _BOUNDED:
            self.lost().put(extra, attribute_key(key), encoded)
        else:
            extra[attribute_key(key)] = encoded

    def lost(self) -> Losses:
        """Return what the limits took from the span, made when it is first asked for."""
        losses = self.losses
        if losses is None:
            losses = self.losses = Losses()
        return losses

    def put_event(
        self, name: str, attributes: Mapping[str, Any] | None, time_unix: int | None
    ) -> None:
        """Keep an event; beyond the limit the oldest goes and is counted."""
        moment = as_nanoseconds(time_unix)
        event = {
            "timeUnixNano": str(time_ns() if moment is None else moment),
            "name": shown_name(name),
        }
        most = limits.event_attributes
        self.event_list = self._more(self.event_list, event, name, attributes, most)
        if len(self.event_list) > limits.events:
            del self.event_list[0]
            self.lost().events += 1

    def put_link(
        self,
        trace_id: str,
        span_id: str,
        attributes: Mapping[str, Any] | None,
        trace_state: str = "",
        flags: int = 0,
    ) -> None:
        """Keep a link to a span given by 32 and 16 hex digits, with OTLP's flags."""
        link: dict[str, Any] = {"traceId": trace_id, "spanId": span_id}
        if trace_state:
            link["traceState"] = redact_text(trace_state)
        if flags:
            link["flags"] = flags
        most = limits.link_attributes
        self.link_list = self._more(self.link_list, link, "link", attributes, most)
        if len(self.link_list) > limits.links:
            del self.link_list[0]
            self.lost().links += 1

    def _more(
        self,
        kept: list[dict[str, Any]] | None,
        item: dict[str, Any],
        name: str,
        attributes: Mapping[str, Any] | None,
        most: int | None,
    ) -> list[dict[str, Any]]:
        """Return events or links and one more, whose attributes are within the limits."""
        encoded = encode_each(attributes or {}, self.trace)
        if most is not None or limits.length is not None:
            encoded, dropped = self.lost().bounded(name, encoded, most)
            if dropped:
                item["droppedAttributesCount"] = dropped
        item["attributes"] = encode_attributes(encoded)
        if kept is None:
            return [item]
        kept.append(item)
        return kept

    def put_exception(
        self,
        error: BaseException,
        attributes: Mapping[str, Any] | None = None,
        time_unix: int | None = None,
        *,
        escaped: bool = False,
    ) -> None:
        """Keep an ``exception`` event with type, message and stack trace."""
        values: dict[str, Any] = exception_attributes(error)
        values["exception.escaped"] = str(escaped)
        values.update(attributes or {})
        self.put_event("exception", values, time_unix)

    def fail(self, error: BaseException) -> None:
        """Record an exception that left the span: the event, and the status ERROR."""
        self.put_exception(error)
        self.status_code = ERROR
        self.status_message = describe(error)
