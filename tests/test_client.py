"""Finding and keeping, as people call it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nbtrace
from nbtrace.exceptions import RESOURCE_ALREADY_EXISTS, RESOURCE_DOES_NOT_EXIST, NbtraceError


def record(name, **context):
    with nbtrace.context(**context), nbtrace.start_span(name) as span:
        pass
    return span.trace_id


def test_a_trace_is_found_by_the_statement_after_it():
    for number in range(20):
        trace_id = record(f"step {number}")
        assert [
            t.info.trace_id
            for t in nbtrace.search_traces(f"name = 'step {number}'", return_type="list")
        ] == [trace_id]


def test_the_filter_may_come_first_or_by_name():
    record("a")
    record("b")
    assert len(nbtrace.search_traces("name = 'a'")) == 1
    assert len(nbtrace.search_traces(filter_string="name = 'a'", flush=True)) == 1
    assert len(nbtrace.search_traces(["0"], "name = 'a'")) == 1
    assert len(nbtrace.search_traces()) == 2
    assert nbtrace.count_traces("name = 'a'") == 1
    assert nbtrace.count_traces() == 2


def test_a_frame_is_the_default():
    record("a", session_id="s", user="ada")
    frame = nbtrace.search_traces()
    assert list(frame["state"]) == ["OK"]
    assert list(frame["session"]) == ["s"]


def test_sessions():
    for number in range(3):
        record(f"turn {number}", session_id="chat")
    record("other", session_id="other")
    sessions = nbtrace.search_sessions()
    assert len(sessions) == 2


def test_experiments_are_made_and_found():
    experiment_id = nbtrace.create_experiment("prompts", tags={"team": "a"})
    assert nbtrace.get_experiment(experiment_id).name == "prompts"
    assert nbtrace.get_experiment_by_name("prompts").experiment_id == experiment_id
    assert nbtrace.get_experiment_by_name("nobody's") is None
    with pytest.raises(NbtraceError) as exists:
        nbtrace.create_experiment("prompts")
    assert exists.value.error_code == RESOURCE_ALREADY_EXISTS
    with pytest.raises(NbtraceError) as missing:
        nbtrace.get_experiment("99")
    assert missing.value.error_code == RESOURCE_DOES_NOT_EXIST


def test_a_bad_filter_is_told():
    with pytest.raises(NbtraceError):
        nbtrace.search_traces("name ===== 'a'")


def test_importing_is_light():
    code = (
        "import sys, nbtrace\n"
        "heavy = {'pandas', 'ipywidgets', 'anywidget', 'sqlite_utils', 'IPython', 'genai_prices',"
        " 'opentelemetry.sdk'}\n"
        "with nbtrace.start_span('x'): pass\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in {"[]", "['sqlite_utils']"}


def test_every_public_name_exists():
    for name in nbtrace.__all__:
        assert hasattr(nbtrace, name), name
    assert set(nbtrace.__all__) <= set(dir(nbtrace))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nbtrace.nothing


def test_the_chosen_experiment_is_searched_and_all_of_them_where_none_was_chosen():
    with nbtrace.start_span("in the default"):
        pass
    assert len(nbtrace.search_traces()) == 1
    nbtrace.set_experiment("prompts")
    assert len(nbtrace.search_traces()) == 0
    with nbtrace.start_span("in prompts"):
        pass
    assert list(nbtrace.search_traces()["name"]) == ["in prompts"]
    assert len(nbtrace.search_traces(locations=["0", "prompts"])) == 2
    assert nbtrace.count_traces() == 1
    assert list(nbtrace.search_spans()["name"]) == ["in prompts"]
    assert list(nbtrace.search_traces("experiment = 'Default'")["name"]) == ["in the default"]
