"""Child processes join the trace of the cell that started them.

What a child needs is one line, W3C's ``traceparent``. A program started with ``subprocess`` finds
it in the environment variable ``NBTRACE_TRACEPARENT``, a process of ``multiprocessing`` in its own
configuration, which travels with it whether it is forked or spawned, and a job of a
``ProcessPoolExecutor`` brings its own, since the worker outlives the cell that happened to need it.
A kernel started from a traced cell is no such child: its cells are traces of their own.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags

from nbtrace.store.location import ENVIRONMENT_VARIABLE as STORE_VARIABLE
from nbtrace.tracing.current import SPAN_KEY, attach, get_current
from nbtrace.tracing.environment import in_kernel
from nbtrace.tracing.import_hooks import when_imported

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "NBTRACE_TRACEPARENT"
_CONFIGURATION = "nbtrace_traceparent"
_NONE = ""
# Where `env` stands among the arguments of Popen.
_ENV_POSITION = 10
_PARTS = (2, 32, 16, 2)
_SAMPLED = 1


def format_traceparent(context: SpanContext) -> str:
    """Return W3C's ``traceparent`` of a span.

    Examples
    --------
    >>> format_traceparent(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1)))
    '00-00000000000000000000000000000001-0000000000000002-01'
    """
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def parse_traceparent(text: str) -> SpanContext | None:
    """Return the span that a ``traceparent`` names, None where it is not one.

    Examples
    --------
    >>> parse_traceparent("00-" + "0a" * 16 + "-" + "0b" * 8 + "-01").is_valid
    True
    >>> parse_traceparent("rubbish") is None
    True
    """
    parts = text.strip().lower().split("-")
    if len(parts) < len(_PARTS) or parts[0] == "ff":
        return None
    if parts[0] == "00" and len(parts) != len(_PARTS):
        return None
    for part, length in zip(parts, _PARTS, strict=False):
        if len(part) != length or not set(part) <= set("0123456789abcdef"):
            return None
    flags = TraceFlags(int(parts[3], 16) & _SAMPLED)
    context = SpanContext(int(parts[1], 16), int(parts[2], 16), is_remote=True, trace_flags=flags)
    return context if context.is_valid else None


def current_traceparent() -> str:
    """Return the ``traceparent`` of the current span, "" where there is none."""
    span = get_current().get(SPAN_KEY)
    if not isinstance(span, Span):
        return _NONE
    context = span.get_span_context()
    return format_traceparent(context) if context.is_valid else _NONE


def _for_child() -> str:
    """Return what a child is told: the current span, else what this process was itself told."""
    told = current_traceparent()
    if not told:
        context = inherited()
        told = format_traceparent(context) if context is not None else _NONE
    return told


class _Inherited:
    # A worker's jobs bring their own parent, or none.
    ignored = False


def inherited() -> SpanContext | None:
    """Return the span of another process that this process was started in, None for none."""
    if _Inherited.ignored:
        return None
    text = os.environ.get(VARIABLE)
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None:
        configuration = getattr(multiprocessing.current_process(), "_config", {})
        text = configuration.get(_CONFIGURATION, text)
    if not text or in_kernel():
        return None
    return parse_traceparent(text)


def carry_to_processes() -> None:
    """Patch the starting of processes, as far as they are imported, and when they are."""
    when_imported("subprocess", _patch_subprocess)
    when_imported("multiprocessing.process", _patch_multiprocessing)
    when_imported("concurrent.futures.process", _patch_executor)


def _patch_subprocess() -> None:
    import subprocess

    start = subprocess.Popen.__init__

    @functools.wraps(start)
    def start_with_parent(self: Any, *args: Any, **kwargs: Any) -> None:
        traceparent = current_traceparent()
        if traceparent and len(args) <= _ENV_POSITION:
            given = kwargs.get("env")
            environment: Any = os.environ if given is None else given
            try:
                # One made from nothing is what the child is to get; it would not find the store.
                if given is None or STORE_VARIABLE in given:
                    kwargs["env"] = {**environment, VARIABLE: traceparent}
            except Exception:  # an odd mapping is the business of Popen
                kwargs["env"] = given
        start(self, *args, **kwargs)

    subprocess.Popen.__init__ = start_with_parent  # type: ignore[method-assign]


def _patch_multiprocessing() -> None:
    from multiprocessing import process

    start = process.BaseProcess.start

    @functools.wraps(start)
    def start_with_parent(self: Any) -> None:
        configuration = getattr(self, "_config", None)
        if isinstance(configuration, dict):
            configuration[_CONFIGURATION] = _for_child()
        start(self)

    process.BaseProcess.start = start_with_parent  # type: ignore[method-assign]


class JobWithParent:
    """A function that runs, in whatever process, as part of the trace it was submitted in.

    Parameters
    ----------
    function : callable
        What to run.
    traceparent : str
        Of the span it belongs to; "" for none.
    """

    def __init__(self, function: Callable[..., Any], traceparent: str) -> None:
        self.function = function
        self.traceparent = traceparent

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it, and write what it traced."""
        context = parse_traceparent(self.traceparent) if self.traceparent else None
        previous = get_current()
        _Inherited.ignored = True
        attach(Context() if context is None else Context({SPAN_KEY: NonRecordingSpan(context)}))
        try:
            return self.function(*args, **kwargs)
        finally:
            attach(previous)
            _flush()


def _flush() -> None:
    from nbtrace.tracing.recorder import existing_recorder

    recorder = existing_recorder()
    if recorder is not None:
        # The worker may be ended without a word as soon as it has given its answer.
        recorder.flush(timeout=10)


def _patch_executor() -> None:
    from concurrent.futures import process

    submit: Callable[..., Any] = process.ProcessPoolExecutor.submit

    @functools.wraps(submit)
    def submit_with_parent(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return submit(self, JobWithParent(fn, _for_child()), *args, **kwargs)

    process.ProcessPoolExecutor.submit = submit_with_parent  # type: ignore[method-assign]
