"""``configure``, the switch, and the experiment: what a person sets for the whole process."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Self

from nbtrace.config import checked_option, options
from nbtrace.entities.checks import checked_items
from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store
from nbtrace.tracing.environment import ActiveExperiment, active_experiment_id
from nbtrace.tracing.recorder import existing_recorder, reset_recorder
from nbtrace.tracing.span_data import forget_names
from nbtrace.tracing.span_processors import span_processors as registered
from nbtrace.tracing.spans import experiment_of
from nbtrace.tracing.starting import switch
from nbtrace.tracing.texts import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nbtrace.entities import Experiment
    from nbtrace.tracing.live_span import LiveSpan


class Configured:
    """What ``configure`` returns: used as a block, it takes the change back at the end."""

    def __init__(self, previous: dict[str, Any], processors: tuple[Any, ...]) -> None:
        self._previous = previous
        self._processors = processors

    def __repr__(self) -> str:
        """Return what was changed, for a terminal."""
        changes = ", ".join(f"{name}={getattr(options, name)!r}" for name in self._previous)
        return f"nbtrace.configure({changes})"

    def _ipython_display_(self) -> None:
        """Show nothing below the cell."""

    def __enter__(self) -> Self:
        """Return itself; the change was made by ``configure``."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the change back."""
        _update(self._previous)
        registered.functions = self._processors


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
    previous_processors = registered.functions
    checked = {name: checked_option(name, value) for name, value in changes.items()}
    functions = [
        _one_argument(function) for function in checked_items("span_processors", span_processors)
    ]
    _update(checked)
    if span_processors is not None:
        registered.functions = tuple(functions)
    return Configured(known, previous_processors)


def _update(changes: dict[str, Any]) -> None:
    options.update(**changes)
    forget_names()


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


def enable() -> None:
    """Record traces (again)."""
    switch.on = True


def disable() -> None:
    """Record nothing until ``enable``; traced code runs as if nbtrace were not there."""
    switch.on = False
    switch.why_off = "nbtrace.tracing.disable() was called"


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
    registered.functions = ()
    switch.reset()
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
        When neither or both are given, the id does not exist, or the experiment is deleted.

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
        from nbtrace.store.experiments import checked_name

        experiment = store.ensure_experiment(plain_text(checked_name(experiment_name)))
    if experiment.lifecycle_stage != "active":
        msg = (
            f"the experiment {experiment.name!r} is deleted; "
            f"MlflowClient().restore_experiment({experiment.experiment_id!r}) brings it back"
        )
        raise NbtraceError.invalid(msg)
    ActiveExperiment.experiment_id = experiment.experiment_id
    recorder = existing_recorder()
    if recorder is not None:
        recorder.experiment_id = experiment.experiment_id
    return experiment


def forget_experiment(experiment_id: str) -> None:
    """Let new traces go to the default experiment again, if they went to this one.

    Parameters
    ----------
    experiment_id : str
        One that was deleted.
    """
    if ActiveExperiment.experiment_id == experiment_id:
        ActiveExperiment.experiment_id = None
        recorder = existing_recorder()
        if recorder is not None:
            recorder.experiment_id = active_experiment_id(recorder.store)


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
