"""Options and limits, one object for the process.

``options`` is read on hot paths, so it is a plain slotted object whose attributes are replaced by
``nbtrace.configure``; whoever keeps something compiled from it looks at ``options.version``.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("nbtrace")

# Of the package; its metadata and the recorded spans read it here.
__version__ = "0.1.0"

# A cell's value should stay readable in the tree and the file should stay small enough to open:
# these bounds keep a pathological value below about 1 MB of JSON and below 50 ms of work.
MAX_VALUE_BYTES = 1_000_000
MAX_VALUE_NODES = 10_000
MAX_VALUE_DEPTH = 32
MAX_STRING_CHARACTERS = 100_000
MAX_ATTRIBUTES = 1_000
# The largest part that a provider takes inline, Gemini's: beyond it code uploads files. A trace may
# hold ten of them, which is what a person can look through, and a disk can bear.
MAX_ATTACHMENT_BYTES = 20_000_000
MAX_TRACE_ATTACHMENT_BYTES = 200_000_000
# MLflow's column width for previews on a local store.
PREVIEW_CHARACTERS = 1_000
# Scalars of this length are what people compare with `span.attributes.k = '...'`.
INDEXED_ATTRIBUTE_CHARACTERS = 256
# Enough of a text to find it again; the whole of it is in the span file.
INDEXED_TEXT_CHARACTERS = 2_000

Display = Literal["auto", "always", "never"]
Saved = Literal["full", "names", "none"]

_CHOICES = {"display": ("auto", "always", "never"), "saved": ("full", "names", "none")}
_FLAGS = frozenset({"redact", "capture_content", "extract_attachments"})
_LISTS = frozenset({"redact_patterns", "redact_keys"})
_ON = frozenset({"1", "true", "yes", "on"})
_OFF = frozenset({"0", "false", "no", "off"})
# Those whose names in the environment are MLflow's.
_MLFLOWS_VARIABLES = {
    "sampling_ratio": "NBTRACE_TRACE_SAMPLING_RATIO",
    "extract_attachments": "NBTRACE_TRACE_EXTRACT_ATTACHMENTS",
    "max_attachment_bytes": "NBTRACE_TRACE_MAX_ATTACHMENT_SIZE",
}


def variable_of(option: str) -> str:
    """Return the environment variable that sets an option.

    Examples
    --------
    >>> variable_of("saved")
    'NBTRACE_SAVED'
    """
    return _MLFLOWS_VARIABLES.get(option) or f"NBTRACE_{option.upper()}"


def checked_option(name: str, value: Any) -> Any:
    """Return the value of an option as it is kept.

    Parameters
    ----------
    name : str
        The option.
    value : object
        What a person gave.

    Raises
    ------
    NbtraceError
        For a value that cannot work; the message says what can.

    Examples
    --------
    >>> checked_option("redact_keys", ["Patient_ID"])
    ('patient_id',)
    """
    if name in _FLAGS and not isinstance(value, bool):
        raise NbtraceError.invalid(f"{name} must be True or False, got {value!r}")
    if name in _LISTS:
        return _checked_list(name, value)
    if name in _CHOICES and value not in _CHOICES[name]:
        raise NbtraceError.invalid(
            f"{name} must be one of {', '.join(_CHOICES[name])}; got {value!r}"
        )
    if name == "sampling_ratio" and not (_is_number(value, int | float) and 0 <= value <= 1):
        raise NbtraceError.invalid(f"sampling_ratio must be from 0 to 1, got {value!r}")
    if name.startswith(("max_", "indexed_")) and not (_is_number(value, int) and value > 0):
        raise NbtraceError.invalid(f"{name} must be a positive integer, got {value!r}")
    return value


def _checked_list(name: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        raise NbtraceError.invalid(
            f"{name} must be a list of strings, got the string {value!r}: put it into a list"
        )
    if not isinstance(value, Iterable):
        raise NbtraceError.invalid(f"{name} must be a list of strings, got {value!r}")
    if name == "redact_keys":
        return tuple(str(key).lower() for key in value)
    try:
        return tuple(re.compile(pattern) for pattern in value)
    except re.error as error:
        raise NbtraceError.invalid(
            f"{name}: {error.pattern!r} is no regular expression: {error}"
        ) from None
    except TypeError:
        raise NbtraceError.invalid(f"{name} must be a list of strings, got {value!r}") from None


def _is_number(value: object, kinds: Any) -> bool:
    # True is an int to Python, and no limit.
    return isinstance(value, kinds) and not isinstance(value, bool)


def _from_environment(name: str, default: Any) -> Any:
    """Return an option as its environment variable says, or the default."""
    variable = variable_of(name)
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    try:
        return checked_option(name, _read(name, text, default))
    except ValueError as error:
        raise NbtraceError.invalid(f"{variable}={text!r}: {error}") from None
    except NbtraceError as error:
        raise NbtraceError.invalid(f"{variable}={text!r}: {error.message}") from None


def _read(name: str, text: str, default: Any) -> Any:
    if name in _FLAGS:
        word = text.lower()
        if word not in _ON | _OFF:
            message = "must be one of 1, true, yes, on, 0, false, no, off"
            raise ValueError(message)
        return word in _ON
    if name in _LISTS:
        # A pattern may hold any character, so several of them are a JSON list.
        if text.startswith("["):
            try:
                return json.loads(text)
            except ValueError:
                pass
        return [text] if name == "redact_patterns" else [key.strip() for key in text.split(",")]
    try:
        return type(default)(text)
    except ValueError:
        message = "must be a number"
        raise ValueError(message) from None


def _option(name: str, default: Any) -> Callable[[], Any]:
    return lambda: _from_environment(name, default)


# OpenTelemetry's samplers: the share of the traces, None for the variable's argument.
_SAMPLERS: dict[str, float | None] = {"always_on": 1.0, "always_off": 0.0, "traceidratio": None}
_SAMPLER, _PARENT_BASED = "OTEL_TRACES_SAMPLER", "parentbased_"


def _sampler() -> str:
    """Return the sampler that OpenTelemetry's variable names, its default where it names none."""
    name = os.environ.get(_SAMPLER, "").strip().lower()
    return name if name.removeprefix(_PARENT_BASED) in _SAMPLERS else _PARENT_BASED + "always_on"


def parent_decides() -> bool:
    """Return whether a span of another process decides for its children, the default."""
    return _sampler().startswith(_PARENT_BASED)


def _sampling_ratio() -> float:
    """Return the share of the traces kept: by nbtrace's variable, else by OpenTelemetry's."""
    given = os.environ.get(_SAMPLER, "").strip().lower()
    if given not in {"", _sampler()}:
        logger.warning("%s=%r is not known to nbtrace: all traces are kept", _SAMPLER, given)
    ratio = _SAMPLERS[_sampler().removeprefix(_PARENT_BASED)]
    if ratio is None:
        argument = os.environ.get(f"{_SAMPLER}_ARG", "")
        try:
            ratio = checked_option("sampling_ratio", float(argument))
        except (ValueError, NbtraceError):
            logger.warning("%s_ARG=%r is no number from 0 to 1: 1 is taken", _SAMPLER, argument)
            ratio = 1.0
    return float(_from_environment("sampling_ratio", ratio))


# Base64 that is shorter costs less where it stands than as a file of its own: 6 kB of content.
MIN_MEDIA_CHARACTERS = 8_192


@dataclass(slots=True)
class Options:
    """What ``nbtrace.configure`` sets, at first as the environment says.

    Each option has a variable of its name, such as ``NBTRACE_SAVED``; a list of keys is separated
    by commas, several patterns are a JSON list.

    Attributes
    ----------
    redact : bool
        Whether secrets are replaced before anything is kept.
    redact_patterns : tuple of re.Pattern
        Further patterns; every match becomes ``[REDACTED]``.
    redact_keys : tuple of str
        Further names of keys (lower case) whose values are replaced.
    capture_content : bool
        Whether inputs and outputs are recorded at all.
    display : {"auto", "always", "never"}
        ``auto`` shows the tree of ``%%trace`` cells only.
    saved : {"full", "names", "none"}
        What the static tree in a saved notebook holds.
    max_value_bytes, max_value_nodes, max_value_depth, max_string_characters : int
        Bounds of one recorded value; a cut is always marked.
    extract_attachments : bool
        Whether pictures, sound and binary data are kept whole, as files beside the database
        (``NBTRACE_TRACE_EXTRACT_ATTACHMENTS``); otherwise they are cut like any text.
    max_attachment_bytes : int
        A larger one is not kept, and a remark says so (``NBTRACE_TRACE_MAX_ATTACHMENT_SIZE``).
    max_trace_attachment_bytes : int
        What the attachments of one trace may have together.
    sampling_ratio : float
        Share of the traces kept, from 0 to 1 (``NBTRACE_TRACE_SAMPLING_RATIO``, else
        OpenTelemetry's ``OTEL_TRACES_SAMPLER`` and ``OTEL_TRACES_SAMPLER_ARG``).
    version : int
        Grows with each change.
    """

    redact: bool = field(default_factory=_option("redact", default=True))
    redact_patterns: tuple[re.Pattern[str], ...] = field(
        default_factory=_option("redact_patterns", ())
    )
    redact_keys: tuple[str, ...] = field(default_factory=_option("redact_keys", ()))
    capture_content: bool = field(default_factory=_option("capture_content", default=True))
    display: Display = field(default_factory=_option("display", "auto"))
    saved: Saved = field(default_factory=_option("saved", "full"))
    max_value_bytes: int = field(default_factory=_option("max_value_bytes", MAX_VALUE_BYTES))
    max_value_nodes: int = field(default_factory=_option("max_value_nodes", MAX_VALUE_NODES))
    max_value_depth: int = field(default_factory=_option("max_value_depth", MAX_VALUE_DEPTH))
    max_string_characters: int = field(
        default_factory=_option("max_string_characters", MAX_STRING_CHARACTERS)
    )
    indexed_attribute_characters: int = field(
        default_factory=_option("indexed_attribute_characters", INDEXED_ATTRIBUTE_CHARACTERS)
    )
    indexed_text_characters: int = field(
        default_factory=_option("indexed_text_characters", INDEXED_TEXT_CHARACTERS)
    )
    extract_attachments: bool = field(default_factory=_option("extract_attachments", default=True))
    max_attachment_bytes: int = field(
        default_factory=_option("max_attachment_bytes", MAX_ATTACHMENT_BYTES)
    )
    max_trace_attachment_bytes: int = field(
        default_factory=_option("max_trace_attachment_bytes", MAX_TRACE_ATTACHMENT_BYTES)
    )
    sampling_ratio: float = field(default_factory=_sampling_ratio)
    version: int = 0

    def update(self, **changes: Any) -> None:
        """Set options by name and count the change.

        Raises
        ------
        NbtraceError
            For a name that is not an option.
        """
        known = {item.name for item in fields(self)} - {"version"}
        for name in changes:
            if name not in known:
                raise NbtraceError.invalid(
                    f"unknown option {name!r}{_hint(name, known)}; "
                    f"the options are {', '.join(sorted(known))}"
                )
        for name, value in changes.items():
            setattr(self, name, value)
        self.version += 1


def _hint(name: str, known: set[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""


options = Options()
