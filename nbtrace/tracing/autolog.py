"""``autolog``: trace the calls of the libraries people use, with the instrumentors they installed.

For each installed library one instrumentor is put in place, OpenInference's before OpenTelemetry's
own before Traceloop's, since two for one library would show every call twice. A library that has
not been imported yet gets its instrumentor when it is. What cannot be put in place is reported in
the table that ``autolog`` returns, and the next one is tried.
"""

from __future__ import annotations

import logging
import sys
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from nbtrace.exceptions import NbtraceError
from nbtrace.tracing.autolog_table import (
    FAILED,
    MISSING,
    OFF,
    ON,
    WHEN_IMPORTED,
    AutologRow,
    AutologTable,
)
from nbtrace.tracing.gate import close, gated, reopen
from nbtrace.tracing.import_hooks import stop_waiting, when_imported
from nbtrace.tracing.instrumentors import (
    Candidate,
    CannotInstrument,
    ContentVariables,
    already_on,
    by_preference,
    find_candidates,
    is_installed,
    is_on,
    load,
    switch_off,
    switch_on,
    target_of,
)
from nbtrace.tracing.libraries import FAMILIES, LIBRARIES, Library, by_name
from nbtrace.tracing.provider import get_bridged_tracer_provider, offer_provider
from nbtrace.tracing.starting import switch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.trace import TracerProvider

logger = logging.getLogger("nbtrace")

# MLflow's keywords that say nothing here: of models, datasets and runs, or of what is always so.
_MEANINGLESS = frozenset(
    {
        "disable_for_unsupported_versions", "exclusive", "extra_model_classes", "extra_tags",
        "log_compiles", "log_datasets", "log_evals", "log_input_examples", "log_inputs_outputs",
        "log_model_signatures", "log_models", "log_optimizer", "log_optimizer_states",
        "log_post_training_metrics", "log_traces_from_compile", "log_traces_from_eval",
        "log_retriever_signatures", "registered_model_name", "run_tracer_inline",
    }
)  # fmt: skip
_complained: set[str] = set()


@dataclass(slots=True)
class _Enabled:
    """One library that autolog looks after; without an instrumentor while it waits for it."""

    library: Library
    candidates: list[Candidate]
    row: AutologRow
    instrumentor: Any = None
    provider: TracerProvider | None = None
    waits_for: str = ""
    chosen: Candidate | None = None


class _State:
    lock = threading.RLock()
    enabled: dict[str, _Enabled] = {}  # noqa: RUF012 - one for the process
    content = ContentVariables()
    # Instrumentors that were only silenced: taken out and put in place again they would pile up.
    silenced: dict[str, tuple[Any, TracerProvider]] = {}  # noqa: RUF012 - one for the process


def autolog(
    *libraries: str,
    disable: bool = False,
    silent: bool = False,
    prefer: str | Sequence[str] = (),
    exclude_flavors: Iterable[str] | None = None,
    log_traces: bool = True,
    **others: Any,
) -> AutologTable:
    """Trace the calls of the libraries that are installed, or of some of them.

    Parameters
    ----------
    *libraries : str
        Such as ``"openai"``, ``"langchain"``, ``"httpx"``; without any, all that call models.
        HTTP clients, databases and web servers are traced only when they are named.
    disable : bool
        True takes it back, for the libraries named or for all.
    silent : bool
        True keeps failures out of the log; the table has them in any case.
    prefer : str or sequence of str
        Families of instrumentors to try before the others: ``"openinference"``, ``"genai"``,
        ``"traceloop"``, ``"other"``. Without it that is the order.
    exclude_flavors : iterable of str, optional
        Libraries to leave out. MLflow's keyword.
    log_traces : bool
        False is the same as ``disable=True``. MLflow's keyword.
    **others : object
        MLflow's further keywords, which have no meaning here and are ignored; each is mentioned
        once in the log.

    Returns
    -------
    AutologTable
        What is traced from here on, by which package, and what could be installed for libraries
        that are imported and not covered.

    Raises
    ------
    NbtraceError
        For a library nobody has heard of, and for an unknown keyword or family.

    Examples
    --------
    >>> import nbtrace
    >>> table = nbtrace.autolog()
    >>> rows = nbtrace.autolog(disable=True)
    >>> nbtrace.autolog(disable=True)
    No library to trace was found.
    """
    _check_keywords(others)
    order = _families(prefer)
    excluded = {_name(text) for text in exclude_flavors or ()}
    with _State.lock:
        if disable or not log_traces:
            return _disable([_name(text) for text in libraries])
        offer_provider()
        _State.content.set()
        rows = [
            _enable(library, candidates, order, silent=silent)
            for library, candidates in _chosen(libraries)
            if library.name not in excluded
        ]
        if not libraries:
            covered = {row.library for row in rows} | excluded
            rows += [row for row in _uncovered() if row.library not in covered]
        return AutologTable(rows, switch.notice())


def _check_keywords(others: dict[str, Any]) -> None:
    for name in others:
        if name not in _MEANINGLESS:
            msg = (
                f"autolog has no keyword {name!r}; it takes library names, disable, silent, "
                "prefer, exclude_flavors and log_traces"
            )
            raise NbtraceError.invalid(msg)
        if name not in _complained:
            _complained.add(name)
            logger.warning("autolog ignores %s: it has no meaning in nbtrace", name)


def _families(prefer: str | Sequence[str]) -> list[str]:
    chosen = [prefer] if isinstance(prefer, str) else list(prefer)
    for family in chosen:
        if family not in FAMILIES:
            msg = f"prefer takes {', '.join(FAMILIES)}; got {family!r}"
            raise NbtraceError.invalid(msg)
    return chosen


def _name(text: str) -> str:
    if not isinstance(text, str):
        msg = f"autolog takes names of libraries such as 'openai', got {text!r}"
        raise NbtraceError.invalid(msg)
    library = by_name(text)
    return text.strip().lower().replace("-", "_") if library is None else library.name


def _chosen(names: Sequence[str]) -> list[tuple[Library, list[Candidate]]]:
    """Return the libraries to trace, each with the instrumentors there are for it."""
    groups: dict[str, tuple[Library, list[Candidate]]] = {}
    for candidate in find_candidates():
        if candidate.infrastructure and not names:
            continue
        library = candidate.library
        groups.setdefault(library.name, (library, []))[1].append(candidate)
    if not names:
        found = list(groups.values())
        return [item for item in found if not item[0].module or is_installed(item[0].module)]
    chosen = []
    for name in dict.fromkeys(_name(text) for text in names):
        listed = by_name(name)
        if name in groups:
            chosen.append(groups[name])
        elif listed is not None:
            chosen.append((listed, []))
        else:
            known = ", ".join(sorted({item.name for item in LIBRARIES} | set(groups)))
            msg = f"no instrumentor is known or installed for {name!r}; there are: {known}"
            raise NbtraceError.invalid(msg)
    return chosen


def _enable(
    library: Library, candidates: list[Candidate], order: list[str], *, silent: bool
) -> AutologRow:
    now = _State.enabled.get(library.name)
    if now is not None and (now.waits_for or is_on(now.instrumentor)):
        return now.row
    if not candidates:
        return _without(library)
    module = library.module or target_of(candidates[0])
    if module and not is_installed(module):
        return AutologRow(library.name, MISSING, "", f"pip install {module.partition('.')[0]}")
    by_hand = already_on([item for item in candidates if _silenced(item) is None])
    if by_hand is not None:
        return AutologRow(library.name, ON, by_hand.label, "by your own code")
    ordered = by_preference(candidates, order)
    entry = _Enabled(library, ordered, AutologRow(library.name, FAILED))
    _State.enabled[library.name] = entry
    if module and module not in sys.modules:
        entry.waits_for = module
        entry.row = AutologRow(library.name, WHEN_IMPORTED, ordered[0].label)
        when_imported(module, lambda: _now_imported(entry, silent=silent))
    else:
        _switch_on(entry, silent=silent)
    return entry.row


def _now_imported(entry: _Enabled, *, silent: bool) -> None:
    with _State.lock:
        entry.waits_for = ""
        if _State.enabled.get(entry.library.name) is entry:
            _switch_on(entry, silent=silent)


def _switch_on(entry: _Enabled, *, silent: bool) -> None:
    """Put the first instrumentor in place that lets itself be."""
    problems: list[str] = []
    provider = gated(get_bridged_tracer_provider())
    for candidate in entry.candidates:
        silenced = _silenced(candidate)
        if silenced is not None:
            entry.instrumentor, entry.provider = silenced
            entry.chosen = candidate
            entry.row = AutologRow(entry.library.name, ON, candidate.label, "; ".join(problems))
            _State.silenced.pop(candidate.label)
            reopen(entry.provider)
            return
        try:
            entry.instrumentor = switch_on(candidate, provider)
        except CannotInstrument as problem:
            problems.append(str(problem))
            continue
        entry.provider = provider
        entry.chosen = candidate
        entry.row = AutologRow(entry.library.name, ON, candidate.label, "; ".join(problems))
        return
    _State.enabled.pop(entry.library.name, None)
    entry.row = AutologRow(entry.library.name, FAILED, "", "; ".join(problems))
    if not silent:
        logger.warning("%s is not traced: %s", entry.library.name, entry.row.note)


def _silenced(candidate: Candidate) -> tuple[Any, TracerProvider] | None:
    """Return an instrumentor that stands silenced, with its provider; None where it does not."""
    found = _State.silenced.get(candidate.label)
    if found is None:
        return None
    try:
        return found if load(candidate) is found[0] else None
    except CannotInstrument:
        return None


def _without(library: Library) -> AutologRow:
    """Return the row of a library for which no instrumentor is installed."""
    if library.name == "pydantic_ai":
        return _pydantic_ai(library)
    if library.note:
        return AutologRow(library.name, ON, "", library.note)
    package = next(iter(library.packages.values()))
    return AutologRow(library.name, MISSING, "", f"pip install {package}")


class _PydanticAi:
    """pydantic-ai makes its spans itself, once it is told to; this has an instrumentor's face."""

    def __init__(self) -> None:
        self.is_instrumented_by_opentelemetry = False

    def instrument(self) -> None:
        """Have every agent make spans."""
        from importlib import import_module

        import_module("pydantic_ai").Agent.instrument_all(instrument=True)
        self.is_instrumented_by_opentelemetry = True

    def uninstrument(self) -> None:
        """Have none make any."""
        from importlib import import_module

        import_module("pydantic_ai").Agent.instrument_all(instrument=False)
        self.is_instrumented_by_opentelemetry = False


def _pydantic_ai(library: Library) -> AutologRow:
    if library.module not in sys.modules:
        return AutologRow(library.name, MISSING, "", "import pydantic_ai, then call autolog again")
    instrumentor = _PydanticAi()
    try:
        instrumentor.instrument()
    except Exception as error:
        return AutologRow(library.name, FAILED, "", f"{type(error).__name__}: {error}")
    row = AutologRow(library.name, ON, "", library.note)
    _State.enabled[library.name] = _Enabled(library, [], row, instrumentor)
    return row


def _uncovered() -> list[AutologRow]:
    """Return the libraries that are imported and have no instrumentor."""
    return [_without(library) for library in LIBRARIES if library.module in sys.modules]


def _disable(names: list[str]) -> AutologTable:
    rows: list[AutologRow] = []
    for name in names or list(_State.enabled):
        entry = _State.enabled.pop(name, None)
        if entry is None:
            continue
        if entry.waits_for:
            stop_waiting(entry.waits_for)
        if close(entry.provider) and entry.chosen is not None and entry.chosen.leaves_patches:
            _State.silenced[entry.chosen.label] = (entry.instrumentor, cast("Any", entry.provider))
            rows.append(replace(entry.row, state=OFF, note=""))
            continue
        problem = switch_off(entry.instrumentor) if is_on(entry.instrumentor) else ""
        rows.append(replace(entry.row, state=FAILED if problem else OFF, note=problem))
    if not _State.enabled:
        _State.content.restore()
    return AutologTable(rows)
