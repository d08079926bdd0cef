"""``import nbtrace as mlflow``: the names, their signatures, and a notebook that uses them.

The names are those of the tracing API of MLflow 3.17. ``fixtures/mlflow_notebook.json`` is what the
notebook in ``mlflow_notebook.py`` gave when it ran with MLflow itself.
"""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow_notebook import run

import nbtrace
from nbtrace.exceptions import NbtraceError

RECORDED = Path(__file__).parent / "fixtures" / "mlflow_notebook.json"

# Parameters by name, in MLflow's order; those after * by keyword only.
FUNCTIONS = {
    "trace": "func name span_type attributes output_reducer trace_destination "
    "sampling_ratio_override log_level links description",
    "start_span": "name span_type attributes trace_destination log_level run_id links description",
    "start_span_no_context": "name span_type parent_span inputs attributes tags metadata "
    "experiment_id start_time_ns log_level links description",
    "get_trace": "trace_id silent flush",
    "search_traces": "experiment_ids filter_string max_results order_by extract_fields run_id "
    "return_type model_id sql_warehouse_id include_spans locations flush",
    "search_sessions": "max_results run_id model_id include_spans locations",
    "get_current_active_span": "",
    "get_active_trace_id": "",
    "get_last_active_trace_id": "thread_local",
    "update_current_trace": "tags metadata client_request_id request_preview response_preview "
    "state model_id session_id user",
    "set_trace_tag": "trace_id key value",
    "delete_trace_tag": "trace_id key",
    "add_trace": "trace target",
    "log_trace": "name request response intermediate_outputs attributes tags start_time_ms "
    "execution_time_ms",
    "log_feedback": "* trace_id name value source error rationale metadata span_id",
    "log_expectation": "* trace_id name value source metadata span_id",
    "log_assessment": "trace_id assessment",
    "get_assessment": "trace_id assessment_id",
    "update_assessment": "trace_id assessment_id assessment",
    "delete_assessment": "trace_id assessment_id",
    "override_feedback": "* trace_id assessment_id value rationale source metadata",
    "flush_trace_async_logging": "terminate",
    "set_experiment": "experiment_name experiment_id trace_location",
    "create_experiment": "name artifact_location tags",
    "get_experiment": "experiment_id",
    "get_experiment_by_name": "name",
    "search_experiments": "view_type max_results filter_string order_by",
    "delete_experiment": "experiment_id",
    "set_experiment_tag": "key value",
    "set_experiment_tags": "tags",
    "delete_experiment_tag": "key",
    "set_tracking_uri": "uri",
    "get_tracking_uri": "",
    "tracing.enable": "",
    "tracing.disable": "",
    "tracing.reset": "",
    "tracing.configure": "span_processors",
    "tracing.context": "metadata tags enabled session_id user",
    "tracing.set_destination": "destination * context_local",
    "tracing.enable_notebook_display": "",
    "tracing.disable_notebook_display": "",
    "tracing.get_tracing_context_headers_for_http_request": "",
    "tracing.set_tracing_context_from_http_request_headers": "headers",
    "tracing.get_bridged_tracer_provider": "",
    "tracing.set_span_chat_tools": "span tools",
    "MlflowClient": "tracking_uri registry_uri",
    "MlflowClient.start_trace": "self name span_type inputs attributes tags experiment_id "
    "start_time_ns run_id links",
    "MlflowClient.end_trace": "self trace_id outputs attributes status end_time_ns",
    "MlflowClient.start_span": "self name trace_id parent_id span_type inputs attributes "
    "start_time_ns links",
    "MlflowClient.end_span": "self trace_id span_id outputs attributes status end_time_ns",
    "MlflowClient.get_trace": "self trace_id display flush",
    "MlflowClient.search_traces": "self experiment_ids filter_string max_results order_by "
    "page_token run_id include_spans model_id locations flush",
    "MlflowClient.delete_traces": "self experiment_id max_timestamp_millis max_traces trace_ids",
    "MlflowClient.set_trace_tag": "self trace_id key value",
    "MlflowClient.delete_trace_tag": "self trace_id key",
    "MlflowClient.link_traces_to_run": "self trace_ids run_id",
    "MlflowClient.create_experiment": "self name artifact_location tags",
    "MlflowClient.get_experiment": "self experiment_id",
    "MlflowClient.get_experiment_by_name": "self name",
    "MlflowClient.search_experiments": "self view_type max_results filter_string order_by "
    "page_token",
    "MlflowClient.delete_experiment": "self experiment_id",
    "MlflowClient.restore_experiment": "self experiment_id",
    "MlflowClient.rename_experiment": "self experiment_id new_name",
    "MlflowClient.set_experiment_tag": "self experiment_id key value",
    "MlflowClient.delete_experiment_tag": "self experiment_id key",
    "entities.LiveSpan.set_inputs": "self inputs",
    "entities.LiveSpan.set_outputs": "self outputs",
    "entities.LiveSpan.set_attribute": "self key value",
    "entities.LiveSpan.set_attributes": "self attributes",
    "entities.LiveSpan.set_span_type": "self span_type",
    "entities.LiveSpan.set_description": "self description",
    "entities.LiveSpan.set_log_level": "self level",
    "entities.LiveSpan.set_status": "self status",
    "entities.LiveSpan.add_event": "self event",
    "entities.LiveSpan.add_link": "self link",
    "entities.LiveSpan.record_exception": "self exception",
    "entities.LiveSpan.end": "self outputs attributes status end_time_ns",
    "entities.LiveSpan.to_immutable_span": "self",
    "entities.Trace": "info data",
    "entities.Trace.search_spans": "self span_type name span_id",
    "entities.Trace.search_assessments": "self name * span_id all type",
    "entities.Trace.to_json": "self pretty",
    "entities.TraceInfo": "trace_id trace_location request_time state request_preview "
    "response_preview client_request_id execution_duration trace_metadata tags assessments",
    "entities.TraceData": "spans",
    "entities.TraceLocation.from_experiment_id": "experiment_id",
    "entities.MlflowExperimentLocation": "experiment_id",
    "entities.SpanEvent": "name timestamp attributes",
    "entities.SpanStatus": "status_code description",
    "entities.Link": "trace_id span_id attributes",
    "entities.Document": "page_content metadata id",
    "entities.Session": "traces",
    "entities.Feedback": "name value error source trace_id metadata span_id create_time_ms "
    "last_update_time_ms rationale overrides valid",
    "entities.Expectation": "name value source trace_id metadata span_id create_time_ms "
    "last_update_time_ms",
    "entities.AssessmentSource": "source_type source_id",
    "entities.AssessmentError": "error_code error_message stack_trace",
}
NAMES = [
    "MlflowClient",
    "client.MlflowClient",
    "tracking.MlflowClient",
    "exceptions.MlflowException",
    "entities.Assessment",
    "entities.Experiment",
    "entities.NoOpSpan",
    "entities.Span.from_dict",
    "entities.Span.to_dict",
    "entities.SpanLogLevel.WARNING",
    "entities.SpanStatusCode.ERROR",
    "entities.SpanType.GUARDRAIL",
    "entities.Trace.from_dict",
    "entities.Trace.from_json",
    "entities.Trace.to_pandas_dataframe_row",
    "entities.TraceData.from_dict",
    "entities.TraceInfo.token_usage",
    "entities.TraceState.IN_PROGRESS",
    "entities.ViewType.ALL",
    "entities.Feedback.error_code",
    "entities.Feedback.error_message",
    "entities.span.LiveSpan",
    "entities.span.NoOpSpan",
    "entities.span.SpanType",
    "entities.trace_info.TraceInfo",
    "tracing.constant.SpanAttributeKey.CHAT_USAGE",
    "tracing.constant.TraceMetadataKey.TRACE_SESSION",
    "tracing.constant.TraceTagKey.TRACE_NAME",
]


def reach(module, path):
    """Return what a dotted name means, importing the modules on the way."""
    found = module
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            found = importlib.import_module(f"{found.__name__}.{name}")
    return found


def parameters_of(function):
    """Return the parameters as the table above writes them."""
    words = []
    keyword_only = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            words.append("*")
            keyword_only = True
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        words.append(parameter.name)
    return words


@pytest.mark.parametrize("name", [*FUNCTIONS, *NAMES])
def test_every_name_of_the_tracing_api_is_there(name):
    assert reach(nbtrace, name) is not None


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_a_call_written_for_mlflow_fits(name):
    function = reach(nbtrace, name)
    wanted = FUNCTIONS[name].split()
    place = wanted.index("*") if "*" in wanted else len(wanted)
    positional, keywords = wanted[:place], wanted[place + 1 :]
    signature = inspect.signature(function)
    signature.bind_partial(*positional)
    found = parameters_of(function)
    assert found[: len(positional)] == positional
    assert set(keywords) <= set(found)
    required = {
        item.name
        for item in signature.parameters.values()
        if item.default is item.empty and item.kind not in {item.VAR_KEYWORD, item.VAR_POSITIONAL}
    }
    assert required <= set(wanted), "nbtrace demands something that MLflow does not have"


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_the_table_is_mlflows(name):
    mlflow = importlib.import_module("mlflow")
    theirs = [word for word in parameters_of(reach(mlflow, name)) if not word.startswith("_")]
    # MLflow has further parameters that are for its servers.
    assert [word for word in theirs if word in FUNCTIONS[name].split()] == FUNCTIONS[name].split()


def test_the_notebook_gives_what_it_gives_with_mlflow():
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    found = json.loads(json.dumps(run(nbtrace), default=str))
    # The same JSON, written without blanks.
    for result in (recorded, found):
        result["preview"] = json.loads(result["preview"])
    for name, trace in recorded["traces"].items():
        assert found["traces"][name] == trace
    assert found == recorded


def test_the_notebook_runs_as_a_program_too(tmp_path):
    code = "import nbtrace as mlflow, mlflow_notebook; print(mlflow_notebook.run(mlflow)['pages'])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[3, 7]"


def test_an_error_is_caught_by_mlflows_name():
    with pytest.raises(nbtrace.exceptions.MlflowException) as caught:
        nbtrace.search_traces("nonsense =")
    assert isinstance(caught.value, NbtraceError)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
