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


# MLflow's client, and experiments


def test_traces_that_are_linked_to_a_run_are_found_by_it():
    client = nbtrace.MlflowClient()
    first, second = record("a"), record("b")
    client.link_traces_to_run([first], "run-1")
    assert [trace.trace_id for trace in client.search_traces(run_id="run-1")] == [first]
    with pytest.raises(NbtraceError, match="no trace"):
        client.link_traces_to_run([second, "tr-" + "0" * 32], "run-1")
    assert nbtrace.count_traces("run_id = 'run-1'") == 1


def test_spans_are_started_and_ended_by_their_ids():
    client = nbtrace.MlflowClient()
    root = client.start_trace("job", tags={"by": "client"}, run_id="run-7")
    step = client.start_span("step", root.trace_id, root.span_id, span_type="TOOL")
    client.end_span(root.trace_id, step.span_id, outputs=1, status="ERROR")
    late = client.start_span("after", root.trace_id, step.span_id)
    client.end_span(root.trace_id, late.span_id)
    with pytest.raises(NbtraceError, match="no open span"):
        client.end_span(root.trace_id, step.span_id)
    with pytest.raises(NbtraceError, match="has no span"):
        client.start_span("x", root.trace_id, "0" * 16)
    client.end_trace(root.trace_id, outputs=2)
    with pytest.raises(NbtraceError, match="has ended already"):
        client.end_trace(root.trace_id)
    with pytest.raises(NbtraceError, match="there is no trace"):
        client.start_span("x", "tr-" + "0" * 32, "0" * 16)
    with pytest.raises(NbtraceError, match="there is no trace"):
        client.get_trace("tr-" + "0" * 32)
    trace = client.get_trace(root.trace_id)
    parents = {span.name: span.parent_id for span in trace.data.spans}
    assert parents == {"job": None, "step": root.span_id, "after": step.span_id}
    assert trace.info.trace_metadata["mlflow.sourceRun"] == "run-7"


def test_pages_of_the_client():
    names = [record(f"step {number}") for number in range(5)]
    client = nbtrace.MlflowClient()
    first = client.search_traces(max_results=3)
    rest = client.search_traces(max_results=3, page_token=first.token)
    assert [trace.trace_id for trace in [*first, *rest]] == names[::-1]
    assert rest.token is None


def test_a_client_of_another_store_is_refused(tmp_path):
    assert nbtrace.MlflowClient(nbtrace.get_tracking_uri()).tracking_uri
    with pytest.raises(NbtraceError, match="set_tracking_uri"):
        nbtrace.MlflowClient(str(tmp_path))


def test_a_deleted_experiment_hides_its_traces_until_it_is_restored():
    chosen = nbtrace.set_experiment("trials")
    trace_id = record("in trials")
    nbtrace.set_experiment_tags({"team": "a", "stage": 2})
    nbtrace.delete_experiment_tag("stage")
    assert nbtrace.get_experiment(chosen.experiment_id).tags == {"team": "a"}
    nbtrace.delete_experiment(chosen.experiment_id)
    record("in the default again")
    assert [t.info.name for t in nbtrace.search_traces(return_type="list")] == [
        "in the default again"
    ]
    with pytest.raises(NbtraceError, match="is deleted"):
        nbtrace.set_experiment("trials")
    with pytest.raises(NbtraceError, match="deleted experiment is named"):
        nbtrace.create_experiment("trials")
    client = nbtrace.MlflowClient()
    assert [item.name for item in nbtrace.search_experiments(view_type=2)] == ["trials"]
    client.restore_experiment(chosen.experiment_id)
    client.rename_experiment(chosen.experiment_id, "experiments of May")
    assert nbtrace.count_traces("experiment = 'experiments of May'") == 1
    assert nbtrace.get_trace(trace_id) is not None
    with pytest.raises(NbtraceError, match="default experiment cannot be deleted"):
        nbtrace.delete_experiment("0")


def test_experiments_are_found_and_ordered():
    for name, team in (("b", "x"), ("a", "y"), ("c", "x")):
        nbtrace.create_experiment(name, tags={"team": team})
    found = nbtrace.search_experiments(filter_string="tags.team = 'x'", order_by=["name DESC"])
    assert [item.name for item in found] == ["c", "b"]
    assert len(nbtrace.search_experiments(filter_string="creation_time > '1h ago'")) == 4
    page = nbtrace.MlflowClient().search_experiments(max_results=3, order_by=["name"])
    assert [item.name for item in page] == ["Default", "a", "b"]
    rest = nbtrace.MlflowClient().search_experiments(
        max_results=3, order_by=["name"], page_token=page.token
    )
    assert [item.name for item in rest] == ["c"]
    with pytest.raises(NbtraceError, match="unknown field 'state'"):
        nbtrace.search_experiments(filter_string="state = 'OK'")
    with pytest.raises(NbtraceError, match="view_type"):
        nbtrace.search_experiments(view_type=7)


def test_add_trace_redacts_and_refuses_what_has_not_ended():
    with nbtrace.start_span("far") as far, pytest.raises(NbtraceError, match="has ended"):
        nbtrace.add_trace(nbtrace.get_trace(far.trace_id))
    whole = nbtrace.get_trace(far.trace_id).to_dict()
    secret = "sk-" + "a1B2" * 12
    whole["data"]["spans"][0]["attributes"]["note"] = f'"{secret}"'
    with nbtrace.start_span("near") as near:
        nbtrace.add_trace(whole)
    spans = {span.name: span for span in nbtrace.get_trace(near.trace_id).data.spans}
    assert spans["far"].parent_id == near.span_id
    assert secret not in str(spans["far"].raw_attributes)
    nbtrace.add_trace(whole)
    assert nbtrace.count_traces("name = 'Remote Trace <far>'") == 1
    with pytest.raises(NbtraceError, match="Trace or the dict"):
        nbtrace.add_trace("tr-1")
