"""Options: each from the environment, each checked, a wrong one told."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

import nbtrace
from nbtrace.config import Options, checked_option, options, variable_of
from nbtrace.exceptions import NbtraceError

# What a person writes into the environment, and what the option then is.
SET = {
    "redact": ("0", False),
    "redact_patterns": (r"ticket \d+", ("ticket \\d+",)),
    "redact_keys": ("Patient_ID, ward", ("patient_id", "ward")),
    "capture_content": ("no", False),
    "display": ("never", "never"),
    "saved": ("names", "names"),
    "max_value_bytes": ("5000", 5000),
    "max_value_nodes": ("50", 50),
    "max_value_depth": ("5", 5),
    "max_string_characters": ("80", 80),
    "indexed_attribute_characters": ("20", 20),
    "indexed_text_characters": ("300", 300),
    "extract_attachments": ("0", False),
    "max_attachment_bytes": ("1000", 1000),
    "max_trace_attachment_bytes": ("9000", 9000),
    "sampling_ratio": ("0.5", 0.5),
}
NAMES = [item.name for item in dataclasses.fields(Options) if item.name != "version"]


def plain(value):
    """Return patterns as the texts they were made of."""
    if isinstance(value, tuple):
        return tuple(getattr(item, "pattern", item) for item in value)
    return value


def test_every_option_is_tried_below():
    assert sorted(SET) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_an_environment_variable(name, monkeypatch):
    text, value = SET[name]
    default = getattr(Options(), name)
    monkeypatch.setenv(variable_of(name), text)
    assert plain(getattr(Options(), name)) == value != plain(default)
    monkeypatch.setenv(variable_of(name), "  ")
    assert getattr(Options(), name) == default


def test_the_names_of_the_variables():
    assert variable_of("saved") == "NBTRACE_SAVED"
    assert variable_of("max_attachment_bytes") == "NBTRACE_TRACE_MAX_ATTACHMENT_SIZE"
    assert variable_of("extract_attachments") == "NBTRACE_TRACE_EXTRACT_ATTACHMENTS"
    assert variable_of("sampling_ratio") == "NBTRACE_TRACE_SAMPLING_RATIO"


def test_several_patterns_are_a_json_list(monkeypatch):
    monkeypatch.setenv("NBTRACE_REDACT_PATTERNS", r'["ticket \\d+", "a,b"]')
    assert plain(Options().redact_patterns) == (r"ticket \d+", "a,b")
    monkeypatch.setenv("NBTRACE_REDACT_PATTERNS", "[0-9]{8}")
    assert plain(Options().redact_patterns) == ("[0-9]{8}",)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("NBTRACE_SAVED", "half", "NBTRACE_SAVED='half'.*full, names, none"),
        ("NBTRACE_REDACT", "maybe", "NBTRACE_REDACT='maybe'.*true, yes, on"),
        ("NBTRACE_MAX_VALUE_BYTES", "many", "NBTRACE_MAX_VALUE_BYTES='many': must be a number"),
        ("NBTRACE_MAX_VALUE_BYTES", "-1", "positive integer"),
        ("NBTRACE_TRACE_SAMPLING_RATIO", "2", "from 0 to 1"),
        ("NBTRACE_REDACT_PATTERNS", "(", "no regular expression"),
    ],
)
def test_a_wrong_variable_is_named(variable, text, message, monkeypatch):
    with monkeypatch.context() as environment:
        environment.setenv(variable, text)
        with pytest.raises(NbtraceError, match=message):
            Options()


def test_a_process_starts_with_what_the_environment_says(monkeypatch):
    monkeypatch.setenv("NBTRACE_SAVED", "none")
    code = "import nbtrace; from nbtrace.config import options; print(options.saved)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "none"


def test_a_misspelt_option_is_recognised():
    with pytest.raises(NbtraceError, match="unknown option 'redact_key', did you mean"):
        nbtrace.configure(redact_key=["a"])
    with pytest.raises(NbtraceError, match="unknown option 'colour'; the options are"):
        nbtrace.configure(colour="red")


def test_configure_as_the_last_line_of_a_cell_shows_nothing_and_in_a_terminal_what_was_set():
    configured = nbtrace.configure(redact_keys=["Ward"])
    assert repr(configured) == "nbtrace.configure(redact_keys=('ward',))"
    assert configured._ipython_display_() is None
    assert options.redact_keys == ("ward",)


def test_values_are_kept_in_one_form():
    assert checked_option("redact_keys", ["A"]) == ("a",)
