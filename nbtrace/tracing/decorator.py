"""``@nbtrace.trace``: every call of a function becomes a span.

What kind of callable it is is decided once, when it is decorated: a plain function, a coroutine
function, a generator or an async generator; class and static methods are unwrapped and wrapped
again. The wrapper has the function's name, signature and kind, and passes on values and exceptions
as they are.
"""

from __future__ import annotations

import functools
import inspect
import logging
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from nbtrace.config import options
from nbtrace.entities import SpanLogLevel, SpanType
from nbtrace.entities.checks import checked_items, checked_mapping, checked_ratio
from nbtrace.exceptions import NbtraceError
from nbtrace.tracing import current as contexts
from nbtrace.tracing.arguments import argument_reader
from nbtrace.tracing.context import leave
from nbtrace.tracing.current import SPAN_KEY, attach, get_current, with_span
from nbtrace.tracing.generators import async_generator_wrapper, generator_wrapper
from nbtrace.tracing.live_span import LiveSpan, finish
from nbtrace.tracing.record import SpanRecord
from nbtrace.tracing.span_data import OK, UNSET, json_string
from nbtrace.tracing.span_processors import span_processors
from nbtrace.tracing.spans import configure_span, experiment_of
from nbtrace.tracing.starting import begin, begin_trace
from nbtrace.tracing.unsampled import UNSAMPLED
from nbtrace.tracing.values import encode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.context import Context

    from nbtrace.entities import Link

logger = logging.getLogger("nbtrace")

P = ParamSpec("P")
R = TypeVar("R")


class Call:
    """What the decorator knows of the function: how to begin and end the span of a call."""

    __slots__ = (
        "arguments", "function", "made_of", "more", "name", "ratio", "reducer", "span_type",
    )  # fmt: skip

    def __init__(self, function: Callable[..., Any], settings: Mapping[str, Any]) -> None:
        self.made_of = (function, settings)
        self.name: str = settings["name"] or getattr(function, "__name__", "function")
        self.span_type: str = settings["span_type"]
        self.reducer: Callable[[list[Any]], Any] | None = settings["output_reducer"]
        self.ratio: float | None = settings["sampling_ratio_override"]
        level, destination = settings["log_level"], settings["trace_destination"]
        more = (
            None
            if settings["attributes"] is None
            else checked_mapping("attributes", settings["attributes"]),
            None if level is None else SpanLogLevel.from_value(level),
            None if settings["links"] is None else tuple(checked_items("links", settings["links"])),
            settings["description"],
            None,
            None if destination is None else experiment_of(destination),
        )
        self.more = more if any(item is not None for item in more) else None
        self.arguments = argument_reader(function)
        self.function = json_string(getattr(function, "__name__", "function")).decode()

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Go along where a notebook's function is sent to another process by its code."""
        return Call, self.made_of

    def begin(
        self, current: Context, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> SpanRecord | None:
        """Start the span of a call and record its arguments; None where that is not possible."""
        record: SpanRecord | None = None
        try:
            if self.ratio is None:
                record = begin(current, self.name, self.span_type)
            else:
                parent = current.get(SPAN_KEY)
                record = (
                    begin(current, self.name, self.span_type)
                    if type(parent) is SpanRecord
                    else begin_trace(current, parent, self.name, self.span_type, ratio=self.ratio)
                )
            if record is not None:
                record.function = self.function
                if options.capture_content:
                    record.inputs = encode_json(self.arguments(args, kwargs), record.trace)
                if self.more is not None:
                    configure_span(LiveSpan(record), *self.more)
        except BaseException as error:
            if record is not None:
                record.give_up(error)
            if not isinstance(error, Exception):  # a Ctrl-C
                raise
            logger.warning("nbtrace could not trace a call of %r", self.name, exc_info=True)
            return None
        return record


def returned(record: SpanRecord | None, result: Any, previous: Context, current: Context) -> None:
    """Leave the span of a call that returned, and end it."""
    if get_current() is current:
        attach(previous)
    else:
        leave(previous, current)
    if record is not None and record.end_time is None:
        if record.outputs is None and options.capture_content:
            record.outputs = encode_json(result, record.trace)
        # `finish` without its call
        if record.status_code == UNSET:
            record.status_code = OK
        if span_processors.functions:
            span_processors.run(LiveSpan(record))
        record.finish()


def raised(
    record: SpanRecord | None, error: BaseException, previous: Context, current: Context
) -> None:
    """Leave the span of a call that raised, and end it."""
    leave(previous, current)
    if record is not None and record.end_time is None:
        record.fail(error)
        finish(record)


# What a wrapper's code names is sent along with a notebook's function (cloudpickle, joblib, Ray):
# `get_current` belongs to a context variable, which cannot be; the module it is in can.
def _function_wrapper(function: Callable[..., Any], call: Call) -> Callable[..., Any]:
    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # IPython and pytest leave this frame out of tracebacks
        previous = current = contexts.get_current()
        record = call.begin(previous, args, kwargs)
        # All of it is in the block, since a Ctrl-C may strike anywhere.
        try:
            current = with_span(previous, UNSAMPLED if record is None else record)
            contexts.attach(current)
            result = function(*args, **kwargs)
            returned(record, result, previous, current)
        except BaseException as error:
            raised(record, error, previous, current)
            raise
        return result

    return traced


def _coroutine_wrapper(function: Callable[..., Any], call: Call) -> Callable[..., Any]:
    @functools.wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # IPython and pytest leave this frame out of tracebacks
        previous = current = contexts.get_current()
        record = call.begin(previous, args, kwargs)
        # All of it is in the block, since a Ctrl-C may strike anywhere.
        try:
            current = with_span(previous, UNSAMPLED if record is None else record)
            contexts.attach(current)
            result = await function(*args, **kwargs)
            returned(record, result, previous, current)
        except BaseException as error:
            raised(record, error, previous, current)
            raise
        return result

    return traced


@overload
def trace(
    func: Callable[P, R],
    name: str | None = None,
    span_type: str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: Callable[[list[Any]], Any] | None = None,
    trace_destination: Any = None,
    sampling_ratio_override: float | None = None,
    log_level: SpanLogLevel | int | str | None = None,
    links: Iterable[Link] | None = None,
    description: str | None = None,
) -> Callable[P, R]: ...
@overload
def trace(
    func: None = None,
    name: str | None = None,
    span_type: str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: Callable[[list[Any]], Any] | None = None,
    trace_destination: Any = None,
    sampling_ratio_override: float | None = None,
    log_level: SpanLogLevel | int | str | None = None,
    links: Iterable[Link] | None = None,
    description: str | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def trace(  # noqa: PLR0913, PLR0917 - MLflow's signature
    func: Callable[..., Any] | None = None,
    name: str | None = None,
    span_type: str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: Callable[[list[Any]], Any] | None = None,
    trace_destination: Any = None,
    sampling_ratio_override: float | None = None,
    log_level: SpanLogLevel | int | str | None = None,
    links: Iterable[Link] | None = None,
    description: str | None = None,
) -> Callable[..., Any]:
    """Trace a function: a decorator, with or without arguments.

    Parameters
    ----------
    func : callable, optional
        A function, method, class or static method; sync or async, generator or not.
    name : str, optional
        Name of the span; the function's by default.
    span_type : str
        A ``SpanType``, or any other word.
    attributes : mapping, optional
        Set on each span.
    output_reducer : callable, optional
        For generators: makes the span's outputs from the list of what was yielded.
    trace_destination : str or TraceLocation, optional
        The experiment, where the function is the root of a trace.
    sampling_ratio_override : float, optional
        Share of the calls kept, from 0 to 1, where the function is the root of a trace.
    log_level : SpanLogLevel, int or str, optional
        How much the span matters.
    links : iterable of Link, optional
        Spans it points at.
    description : str, optional
        What it does, in words.

    Returns
    -------
    callable
        The traced function, or a decorator.

    Raises
    ------
    NbtraceError
        For an ``output_reducer`` on a function that is no generator, or a ratio beyond 0 to 1.

    Examples
    --------
    >>> import nbtrace
    >>> @nbtrace.trace(span_type="TOOL")
    ... def add(a, b):
    ...     return a + b
    >>> add(1, b=2)
    3
    """
    settings = {
        "name": name,
        "span_type": span_type,
        "attributes": attributes,
        "output_reducer": output_reducer,
        "trace_destination": trace_destination,
        "sampling_ratio_override": sampling_ratio_override,
        "log_level": log_level,
        "links": links,
        "description": description,
    }
    if sampling_ratio_override is not None:
        checked_ratio("sampling_ratio_override", sampling_ratio_override)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        wrapper: Callable[..., Any] = _wrap(function, settings)
        return wrapper

    return decorate if func is None else decorate(func)


def _wrap(function: Any, settings: Mapping[str, Any]) -> Any:
    if isinstance(function, classmethod):
        return classmethod(_wrap(function.__func__, settings))
    if isinstance(function, staticmethod):
        return staticmethod(_wrap(function.__func__, settings))
    if not callable(function):
        msg = f"trace decorates functions, got {type(function).__name__}"
        raise NbtraceError.invalid(msg)
    call = Call(function, settings)
    # An object is of the kind of its __call__.
    kind = function if inspect.isroutine(function) else _unpartial(function)
    wrapper: Any
    if inspect.isasyncgenfunction(kind):
        wrapper = async_generator_wrapper(function, call)
    elif inspect.isgeneratorfunction(kind):
        wrapper = generator_wrapper(function, call)
    elif settings["output_reducer"] is not None:
        msg = (
            "output_reducer joins what a generator yields; "
            f"{call.name!r} is not a generator function, leave it out"
        )
        raise NbtraceError.invalid(msg)
    elif inspect.iscoroutinefunction(kind):
        wrapper = _coroutine_wrapper(function, call)
    else:
        wrapper = _function_wrapper(function, call)
    wrapper.__nbtrace_traced__ = True
    try:
        wrapper.__signature__ = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin that has none
        del call
    return wrapper


def _unpartial(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    # looked up, not asked for: what is traced is the method itself
    return function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
