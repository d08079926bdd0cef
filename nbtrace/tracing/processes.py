"""Child processes join the trace of the cell that started them.

What a child needs is one line, W3C's ``traceparent``. A program started with ``subprocess`` finds
it in the environment variable ``NBTRACE_TRACEPARENT``, a process of ``multiprocessing`` in its own
configuration, which travels with it whether it is forked or spawned, and a job of a
``ProcessPoolExecutor`` or of a ``multiprocessing.Pool`` brings its own, since the worker outlives
the cell that happened to need it. ``!command`` and ``os.system`` in a cell are programs like any
other. This process's own environment never holds the variable: other threads, which may be part of
no trace, start programs too. A kernel started from a traced cell is no such child: its cells are
traces of their own.
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
# Where `env` stands among the arguments of Popen and of pexpect's spawn, which IPython's `!` uses.
_ENV_POSITION = 10
_PEXPECT_ENV_POSITION = 7
_PARTS = (2, 32, 16, 2)
# `_map_async(function, iterable, mapper)`: the last, counted without the first.
_MAPPER_POSITION = 2
# Sampled, and that the trace's id is random; W3C has the others ignored.
_KNOWN_FLAGS = 3


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
    flags = TraceFlags(int(parts[3], 16) & _KNOWN_FLAGS)
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
        # what current_process() returns; not there yet while another thread imports the module
        process = getattr(multiprocessing, "_current_process", None)
        configuration = getattr(process, "_config", {})
        text = configuration.get(_CONFIGURATION, text)
    if not text or in_kernel():
        return None
    return parse_traceparent(text)


def carry_to_processes() -> None:
    """Patch the starting of processes, as far as they are imported, and when they are."""
    _patch_system()
    when_imported("subprocess", _patch_subprocess)
    when_imported("pexpect.pty_spawn", _patch_pexpect)
    when_imported("multiprocessing.process", _patch_multiprocessing)
    when_imported("multiprocessing.pool", _patch_pool)
    when_imported("concurrent.futures.process", _patch_executor)


def _with_environment(start: Callable[..., None], position: int) -> Callable[..., None]:
    """Return what starts a program, so that the program finds the current span."""

    @functools.wraps(start)
    def start_with_parent(self: Any, *args: Any, **kwargs: Any) -> None:
        traceparent = current_traceparent()
        if traceparent and len(args) <= position:
            given = kwargs.get("env")
            environment: Any = os.environ if given is None else given
            try:
                # One made from nothing is what the child is to get; it would not find the store.
                if given is None or STORE_VARIABLE in given:
                    kwargs["env"] = {**environment, VARIABLE: traceparent}
            except Exception:  # an odd mapping is the business of who takes it
                kwargs["env"] = given
        start(self, *args, **kwargs)

    return start_with_parent


def _patch_subprocess() -> None:
    import subprocess

    start = subprocess.Popen.__init__
    # replaced on purpose
    subprocess.Popen.__init__ = _with_environment(start, _ENV_POSITION)  # type: ignore[method-assign]


def _patch_pexpect() -> None:
    spawn: Any = sys.modules["pexpect.pty_spawn"].spawn
    spawn.__init__ = _with_environment(spawn.__init__, _PEXPECT_ENV_POSITION)


def _patch_system() -> None:
    if os.name != "posix":  # another shell, with another way to set a variable
        return
    run = os.system

    @functools.wraps(run)
    def system(command: Any) -> int:
        traceparent = current_traceparent()
        if traceparent and isinstance(command, str):
            # hex digits and dashes, which the shell reads as they are
            command = f"export {VARIABLE}={traceparent}; {command}"
        return run(command)

    os.system = system


def _patch_multiprocessing() -> None:
    from multiprocessing import process

    start = process.BaseProcess.start

    @functools.wraps(start)
    def start_with_parent(self: Any) -> None:
        configuration = getattr(self, "_config", None)
        if isinstance(configuration, dict):
            configuration[_CONFIGURATION] = _for_child()
        start(self)

    # replaced on purpose
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

    # replaced on purpose
    process.ProcessPoolExecutor.submit = submit_with_parent  # type: ignore[method-assign]


def _patch_pool() -> None:
    # The thread pool, a subclass, has methods of its own by now: see threads.
    from multiprocessing import pool

    def carrying(name: str) -> None:
        method: Callable[..., Any] = getattr(pool.Pool, name)

        @functools.wraps(method)
        def with_parent(self: Any, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            told = _for_child()
            if name == "_map_async" and len(args) >= _MAPPER_POSITION:
                # The mapper runs a batch of jobs: what they traced is written once, not for each.
                iterable, mapper, *others = args
                return method(self, func, iterable, JobWithParent(mapper, told), *others, **kwargs)
            return method(self, JobWithParent(func, told), *args, **kwargs)

        setattr(pool.Pool, name, with_parent)

    # map, starmap and their asynchronous forms all go through _map_async
    for name in ("apply_async", "_map_async", "imap", "imap_unordered"):
        if hasattr(pool.Pool, name):
            carrying(name)
