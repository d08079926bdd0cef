"""Threads and executor jobs carry the context of where they were started or submitted.

OpenTelemetry's context is a context variable, which asyncio's tasks inherit and threads do not.
``carry_context`` patches three methods, once, at the first trace. A worker thread of a pool starts
without a context, since it outlives the cell that happened to need it; each of its jobs brings its
own, so that one submitted outside any trace never joins a later cell's.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from nbtrace.tracing.current import attach, get_current
from nbtrace.tracing.processes import carry_to_processes

if TYPE_CHECKING:
    from collections.abc import Callable

_ATTRIBUTE = "_nbtrace_context"
_EMPTY = Context()
_POOL_WORKERS = frozenset(
    {"_worker", "worker", "_handle_workers", "_handle_tasks", "_handle_results"}
)


class _Patched:
    done = False


def carry_context() -> None:
    """Patch threads and executors; a second call does nothing."""
    if _Patched.done:
        return
    _Patched.done = True
    _patch_thread()
    _patch_executor()
    _patch_pool()
    carry_to_processes()


def _patch_thread() -> None:
    start = threading.Thread.start
    bootstrap: Callable[[threading.Thread], None] | None
    bootstrap = getattr(threading.Thread, "_bootstrap_inner", None)
    if bootstrap is None:  # an interpreter whose threads work in another way
        return

    @functools.wraps(start)
    def start_with_context(self: threading.Thread) -> None:
        if not _is_pool_worker(self):
            self.__dict__[_ATTRIBUTE] = get_current()
        start(self)

    @functools.wraps(bootstrap)
    def bootstrap_in_context(self: threading.Thread) -> None:
        # In the new thread, whose context variables are its own, so nothing needs to be undone.
        context = self.__dict__.pop(_ATTRIBUTE, None)
        if context:
            attach(context)
        bootstrap(self)

    threading.Thread.start = start_with_context  # type: ignore[method-assign]  # patched on purpose
    threading.Thread._bootstrap_inner = bootstrap_in_context  # type: ignore[attr-defined]  # noqa: SLF001


def _is_pool_worker(thread: threading.Thread) -> bool:
    target = getattr(thread, "_target", None)
    module = getattr(target, "__module__", "")
    return module in {"concurrent.futures.thread", "multiprocessing.pool"} and (
        getattr(target, "__name__", "") in _POOL_WORKERS
    )


def in_context(context: Context, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function so that it runs in a context, whatever its thread's own is."""

    def run(*args: Any, **kwargs: Any) -> Any:
        previous = get_current()
        attach(context)
        try:
            return function(*args, **kwargs)
        finally:
            attach(previous)

    return run


def _patch_executor() -> None:
    # imported here, at the first trace, so that importing nbtrace does not pay for it
    try:
        import concurrent.futures.thread
    except RuntimeError:  # the interpreter is shutting down, and no executor can be used any more
        return

    executor = concurrent.futures.thread.ThreadPoolExecutor
    submit: Callable[..., Any] = executor.submit

    @functools.wraps(submit)
    def submit_with_context(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        context = get_current()
        if not context:
            return submit(self, fn, *args, **kwargs)
        return submit(self, in_context(context, fn), *args, **kwargs)

    executor.submit = submit_with_context  # type: ignore[method-assign]  # as above


def _patch_pool() -> None:
    from multiprocessing import pool

    thread_pool = pool.ThreadPool

    def carrying(name: str) -> None:
        method = getattr(thread_pool, name)

        @functools.wraps(method)
        def with_context(self: Any, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            context = get_current()
            return method(self, in_context(context, func) if context else func, *args, **kwargs)

        setattr(thread_pool, name, with_context)

    # map, starmap and their asynchronous forms all go through _map_async
    for name in ("apply_async", "_map_async", "imap", "imap_unordered"):
        if hasattr(thread_pool, name):
            carrying(name)
