"""``configure``, the switch, and the experiment: what a person sets for the whole process."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Self

from nbtrace.config import options
from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store
from nbtrace.tracing.environment import ActiveExperiment
from nbtrace.tracing.live_span import span_processors
from nbtrace.tracing.record import forget_names
from nbtrace.tracing.recorder import existing_recorder, reset_recorder
from nbtrace.tracing.spans import experiment_of, switch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nbtrace.entities import Experiment
    from nbtrace.tracing.live_span import LiveSpan


class Configured:
    """What ``configure`` returns: used as a block, it takes the change back at the end."""

    def __init__(self, previous: dict[str, Any], processors: tuple[Any, ...]) -> None:
        self._previous = previous
        self._processors = processors

    def __enter__(self) -> Self:
        """Return itself; the change was made by ``configure``."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the change back."""
        _update(self._previous)
        span_processors.functions = self._processors


def configure(
    span_processors: Iterable[Callable[[LiveSpan], None]] | None = None, **changes: Any
) -> Configured:
    """Set options of the process.

    Parameters
    ----------
    span_processors : iterable of callable, optional
        Each is called with every span of nbtrace's own before it ends and may change it, for
        instance to remove what must not be kept. MLflow's option.
    **changes : object
        Options of ``nbtrace.config.Options``: ``redact``, ``redact_patterns``, ``redact_keys``,
        ``capture_content``, ``display``, ``saved``, ``sampling_ratio``, and the limits.

    Returns
    -------
    Configured
        As a ``with`` block it takes the change back at the end.

    Raises
    ------
    NbtraceError
        For an option that does not exist or a value that cannot work.

    Examples
    --------
    >>> import nbtrace
    >>> with nbtrace.configure(redact_keys=["patient_id"]):
    ...     pass
    """
    known = {name: getattr(options, name, None) for name in changes}
    previous_processors = _processors().functions
    checked = {name: _checked(name, value) for name, value in changes.items()}
    functions = [_one_argument(function) for function in span_processors or ()]
    _update(checked)
    if span_processors is not None:
        _processors().functions = tuple(functions)
    return Configured(known, previous_processors)


def _update(changes: dict[str, Any]) -> None:
    options.update(**changes)
    forget_names()


def _processors() -> Any:
    from nbtrace.tracing import live_span

    return live_span.span_processors


def _one_argument(function: Any) -> Any:
    if not callable(function):
        msg = f"span_processors takes functions of one span, got {function!r}"
        raise NbtraceError.invalid(msg)
    try:
        inspect.signature(function).bind(object())
    except TypeError:
        msg = f"the span processor {function!r} must take one argument, the span"
        raise NbtraceError.invalid(msg) from None
    except ValueError:
        return function
    return function


_CHOICES = {"display": ("auto", "always", "never"), "saved": ("full", "names", "none")}


_FLAGS = frozenset({"redact", "capture_content"})
_LISTS = frozenset({"redact_patterns", "redact_keys"})


def _checked(name: str, value: Any) -> Any:
    if name in _FLAGS and not isinstance(value, bool):
        msg = f"{name} must be True or False, got {value!r}"
        raise NbtraceError.invalid(msg)
    if name in _LISTS and isinstance(value, str):
        msg = f"{name} must be a list of strings, got the string {value!r}: put it into a list"
        raise NbtraceError.invalid(msg)
    if name == "redact_patterns":
        try:
            return tuple(re.compile(pattern) for pattern in value)
        except re.error as error:
            msg = f"redact_patterns: {error.pattern!r} is no regular expression: {error}"
            raise NbtraceError.invalid(msg) from None
    if name == "redact_keys":
        return tuple(str(key).lower() for key in value)
    if name in _CHOICES and value not in _CHOICES[name]:
        msg = f"{name} must be one of {', '.join(_CHOICES[name])}; got {value!r}"
        raise NbtraceError.invalid(msg)
    if name == "sampling_ratio" and not (isinstance(value, int | float) and 0 <= value <= 1):
        msg = f"sampling_ratio must be from 0 to 1, got {value!r}"
        raise NbtraceError.invalid(msg)
    if name.startswith(("max_", "indexed_")) and not (isinstance(value, int) and value > 0):
        msg = f"{name} must be a positive integer, got {value!r}"
        raise NbtraceError.invalid(msg)
    return value


def enable() -> None:
    """Record traces (again)."""
    switch.on = True


def disable() -> None:
    """Record nothing until ``enable``; traced code runs as if nbtrace were not there."""
    switch.on = False


def enable_notebook_display() -> None:
    """Show the tree of traced cells (again)."""
    options.update(display="auto")


def disable_notebook_display() -> None:
    """Show no trees; traces are recorded all the same."""
    options.update(display="never")


def reset() -> None:
    """Write what is left and begin anew: options, experiment and provider as at the start."""
    from nbtrace.config import Options
    from nbtrace.tracing.provider import withdraw_provider

    reset_recorder()
    fresh = Options()
    _update({name: getattr(fresh, name) for name in Options.__slots__ if name != "version"})
    span_processors.functions = ()
    switch.on = True
    ActiveExperiment.experiment_id = None
    withdraw_provider()


def set_experiment(
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    trace_location: Any = None,
) -> Experiment:
    """Choose the experiment that new traces go to, making it where it is missing.

    Parameters
    ----------
    experiment_name : str, optional
        Its name.
    experiment_id : str, optional
        Its id, in place of the name; it must exist.
    trace_location : TraceLocation, optional
        MLflow's object that holds an experiment id.

    Returns
    -------
    Experiment
        The experiment.

    Raises
    ------
    NbtraceError
        When neither or both are given, or the id does not exist.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.set_experiment("prompts").name
    'prompts'
    """
    if trace_location is not None and experiment_id is None and experiment_name is None:
        experiment_id = experiment_of(trace_location)
    if (experiment_name is None) == (experiment_id is None):
        msg = "set_experiment takes a name or an experiment_id, one of the two"
        raise NbtraceError.invalid(msg)
    store = current_store()
    if experiment_id is not None:
        experiment = store.get_experiment(str(experiment_id))
    else:
        experiment = store.ensure_experiment(str(experiment_name))
    ActiveExperiment.experiment_id = experiment.experiment_id
    recorder = existing_recorder()
    if recorder is not None:
        recorder.experiment_id = experiment.experiment_id
    return experiment


def set_destination(destination: Any, *, context_local: bool = False) -> None:
    """Choose the experiment that new traces go to, MLflow's way.

    Parameters
    ----------
    destination : str or TraceLocation
        An experiment id, or MLflow's object that holds one.
    context_local : bool
        Accepted for MLflow's sake; the choice holds for the process.
    """
    del context_local
    set_experiment(experiment_id=experiment_of(destination))
