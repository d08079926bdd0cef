"""Finding the installed instrumentors, and putting one in place.

All of them register under the entry point group ``opentelemetry_instrumentor``, several for one
library and under the same name. Which library one is for is told by the name of its package, so
that nothing is imported before it is chosen; a package of an unknown name is loaded and asked.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from nbtrace.config import options
from nbtrace.entities.media import MAX_CHARACTERS
from nbtrace.tracing.libraries import (
    FAMILIES,
    GENAI,
    OPENINFERENCE,
    OPENTELEMETRY,
    Library,
    by_name,
    by_package,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger("nbtrace")

GROUP = "opentelemetry_instrumentor"
DISABLED_VARIABLE = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
CAPTURE_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

# What each family reads to decide whether prompts and answers are recorded.
_WITH_CONTENT = {
    CAPTURE_VARIABLE: "SPAN_ONLY",
    "TRACELOOP_TRACE_CONTENT": "true",
    # a thousand numbers a text tell a reader nothing
    "OPENINFERENCE_HIDE_EMBEDDING_VECTORS": "true",
    # beyond 32,000 characters it leaves pictures out; the store keeps them beside the span
    "OPENINFERENCE_BASE64_IMAGE_MAX_LENGTH": str(MAX_CHARACTERS),
}
_WITHOUT_CONTENT = {
    CAPTURE_VARIABLE: "NO_CONTENT",
    "TRACELOOP_TRACE_CONTENT": "false",
    "OPENINFERENCE_HIDE_INPUTS": "true",
    "OPENINFERENCE_HIDE_OUTPUTS": "true",
    "OPENINFERENCE_HIDE_EMBEDDING_VECTORS": "true",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One installed instrumentor.

    Attributes
    ----------
    library : Library
        What it instruments.
    family : str
        One of ``FAMILIES``.
    package : str
        Name of the distribution.
    version : str
        Its version.
    entry : importlib.metadata.EntryPoint
        Gives its class.
    infrastructure : bool
        Whether it is for HTTP, databases, web servers: enabled only when asked for.
    """

    library: Library
    family: str
    package: str
    version: str
    entry: metadata.EntryPoint
    infrastructure: bool = False

    @property
    def label(self) -> str:
        """Package and version."""
        return f"{self.package} {self.version}".strip()

    @property
    def leaves_patches(self) -> bool:
        """Whether it cannot be taken out again: Traceloop's stay, and a second one adds to them."""
        return self.family == "traceloop"


def find_candidates() -> list[Candidate]:
    """Return the installed instrumentors, without importing any.

    Returns
    -------
    list of Candidate
        In no order; broken metadata are left out.
    """
    left_out = {
        name.strip() for name in os.environ.get(DISABLED_VARIABLE, "").split(",") if name.strip()
    }
    found: dict[tuple[str, str], Candidate] = {}
    for entry in metadata.entry_points(group=GROUP):
        if entry.name in left_out:
            continue
        try:
            candidate = _candidate(entry)
        except Exception:
            logger.debug("the instrumentor %r cannot be read", entry, exc_info=True)
            continue
        found.setdefault((candidate.package, entry.name), candidate)
    return list(found.values())


def _candidate(entry: metadata.EntryPoint) -> Candidate:
    distribution = entry.dist
    package = distribution.name.lower().replace("_", "-") if distribution is not None else ""
    version = distribution.version if distribution is not None else ""
    known = by_package(package)
    if known is not None:
        return Candidate(known[0], known[1], package, version, entry)
    name = entry.name.replace("-", "_")
    listed = by_name(name)
    if listed is not None and listed.name == name:  # a further instrumentor of a library we know
        return Candidate(listed, "other", package, version, entry)
    if package.startswith(OPENINFERENCE):
        family = "openinference"
    elif package.startswith(GENAI):
        family = "genai"
    else:
        family = "other"
    # The module is not known before the instrumentor is asked for its target.
    library = Library(name, "", {family: package})
    infrastructure = family == "other" and package.startswith(OPENTELEMETRY)
    return Candidate(library, family, package, version, entry, infrastructure)


def by_preference(candidates: Iterable[Candidate], prefer: Iterable[str] = ()) -> list[Candidate]:
    """Return candidates for one library, the one to try first first.

    Parameters
    ----------
    candidates : iterable of Candidate
        All for the same library.
    prefer : iterable of str, optional
        Families that go before the others.
    """
    order = list(dict.fromkeys([*prefer, *FAMILIES]))
    return sorted(candidates, key=lambda item: (order.index(item.family), item.package))


def is_installed(module: str) -> bool:
    """Return whether a module could be imported; the packages above it are imported to see."""
    if module in sys.modules:
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):
        return False


class CannotInstrument(Exception):  # noqa: N818 - it says why the next one is tried, no more
    """Says why an instrumentor could not be put in place."""


def load(candidate: Candidate) -> Any:
    """Return the instrumentor of a candidate.

    Raises
    ------
    CannotInstrument
        When it cannot be imported or made, or its library is missing or of another version.
    """
    try:
        instrumentor = candidate.entry.load()()
    except Exception as error:
        msg = f"{candidate.label}: {type(error).__name__}: {error}"
        raise CannotInstrument(msg) from error
    check = getattr(instrumentor, "_check_dependency_conflicts", None)
    try:
        conflict = check() if check is not None else None
    except Exception:
        logger.debug("%s does not say what it needs", candidate.label, exc_info=True)
        conflict = None
    if conflict is not None:
        msg = f"{candidate.label}: {conflict}"
        raise CannotInstrument(msg)
    return instrumentor


def is_on(instrumentor: Any) -> bool:
    """Return whether an instrumentor is in place, whoever put it there."""
    return bool(getattr(instrumentor, "is_instrumented_by_opentelemetry", False))


def switch_on(candidate: Candidate, provider: Any) -> Any:
    """Put an instrumentor in place and return it.

    Parameters
    ----------
    candidate : Candidate
        Which.
    provider : opentelemetry.trace.TracerProvider
        Where its spans go.

    Raises
    ------
    CannotInstrument
        When that did not work; nothing of it is left in place.
    """
    instrumentor = load(candidate)
    if is_on(instrumentor):
        return instrumentor
    try:
        instrumentor.instrument(tracer_provider=provider)
    except Exception as error:
        switch_off(instrumentor)
        msg = f"{candidate.label}: {type(error).__name__}: {error}"
        raise CannotInstrument(msg) from error
    if getattr(instrumentor, "is_instrumented_by_opentelemetry", True):
        return instrumentor
    msg = f"{candidate.label}: it did not start, and did not say why"
    raise CannotInstrument(msg)


def switch_off(instrumentor: Any) -> str:
    """Take an instrumentor out again and return what went wrong, "" for nothing."""
    try:
        instrumentor.uninstrument()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def already_on(candidates: Iterable[Candidate]) -> Candidate | None:
    """Return the candidate that somebody has put in place by hand, None for none."""
    for candidate in candidates:
        if candidate.entry.module in sys.modules:
            try:
                if is_on(load(candidate)):
                    return candidate
            except CannotInstrument:
                continue
    return None


def target_of(candidate: Candidate) -> str:
    """Return the module that a package of an unknown name instruments, "" where it does not say."""
    try:
        needs = list(load(candidate).instrumentation_dependencies())
    except Exception:
        return ""
    match = re.match(r"[A-Za-z0-9._-]+", needs[0]) if needs else None
    return match.group().replace("-", "_") if match else ""


class ContentVariables:
    """The environment variables that decide on content, set while autolog is on."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    def set(self) -> None:
        """Set those that the person has not set."""
        chosen = _WITH_CONTENT if options.capture_content else _WITHOUT_CONTENT
        for name, value in chosen.items():
            stands = os.environ.get(name)
            # An older form, which the present instrumentors refuse with a warning.
            outdated = name == CAPTURE_VARIABLE and (stands or "").lower() in {"true", "1"}
            if name in self._before or stands is None or outdated:
                self._before.setdefault(name, stands)
                os.environ[name] = value

    def restore(self) -> None:
        """Put back what stood there."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before.clear()
