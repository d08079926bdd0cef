"""What a process knows of itself."""

from __future__ import annotations

import subprocess
import sys

import orjson
import pytest

import nbtrace
from nbtrace.tracing import environment


def a_trace():
    with nbtrace.start_span("step") as span:
        pass
    return nbtrace.get_trace(span.trace_id)


def git(directory, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=directory, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    return tmp_path


def test_the_commit_is_read_without_git(repository):
    head = git(repository, "rev-parse", "HEAD")
    inside = repository / "a" / "b"
    inside.mkdir(parents=True)
    assert environment.git_commit(inside) == head


def test_packed_detached_and_linked_heads(repository):
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "pack-refs", "--all")
    assert environment.git_commit(repository) == head
    git(repository, "worktree", "add", "-q", "-b", "other", "linked")
    assert environment.git_commit(repository / "linked") == head
    git(repository, "checkout", "-q", "--detach")
    assert environment.git_commit(repository) == head


def test_no_repository_an_empty_one_and_rubbish(tmp_path):
    assert environment.git_commit(tmp_path) is None
    for content in ("", "gitdir: nowhere"):
        other = tmp_path / (content[:3] or "empty")
        other.mkdir()
        (other / ".git").write_text(content)
        assert environment.git_commit(other) is None
    git(tmp_path, "init", "-q", "fresh")
    assert environment.git_commit(tmp_path / "fresh") is None


def test_traces_carry_source_and_commit(repository, monkeypatch):
    monkeypatch.chdir(repository)
    monkeypatch.setattr(environment.Source, "name", "a.ipynb")
    monkeypatch.setattr(environment.Source, "kind", "NOTEBOOK")
    info = a_trace().info
    assert info.tags["mlflow.source.name"] == "a.ipynb"
    assert info.tags["mlflow.source.type"] == "NOTEBOOK"
    assert info.tags["mlflow.source.git.commit"] == git(repository, "rev-parse", "HEAD")
    assert info.trace_metadata["mlflow.source.name"] == "a.ipynb"


def test_outside_a_kernel_the_type_is_local(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "IPython", None)
    tags = environment.standard_tags()
    assert tags["mlflow.source.type"] == "LOCAL"
    assert "mlflow.source.git.commit" not in tags


def test_a_working_directory_that_is_gone(monkeypatch, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert environment.standard_tags()["mlflow.source.name"]


def test_the_resource_follows_opentelemetrys_variables(monkeypatch):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=a%20b, empty, deployment.environment=dev")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "assistant")
    environment.own_scope.cache_clear()
    try:
        resource, scope = environment.own_scope()
        (span,) = a_trace().data.spans
    finally:
        environment.own_scope.cache_clear()
    assert span.resource["service.name"] == "assistant"
    assert span.resource["team"] == "a b"
    assert span.resource["deployment.environment"] == "dev"
    assert orjson.loads(scope)["name"] == "nbtrace"
    assert b"telemetry.sdk.language" in resource


def test_the_experiment_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("NBTRACE_EXPERIMENT_NAME", "prompts")
    first = a_trace().info.experiment_id
    nbtrace.tracing.reset()
    assert a_trace().info.experiment_id == first != "0"
    nbtrace.tracing.reset()
    monkeypatch.setenv("NBTRACE_EXPERIMENT_ID", "0")
    assert a_trace().info.experiment_id == "0"
    nbtrace.set_experiment("prompts")
    assert a_trace().info.experiment_id == first


def test_an_experiment_name_that_cannot_be_one_does_not_stop_the_code(monkeypatch, caplog):
    monkeypatch.setenv("NBTRACE_EXPERIMENT_NAME", "x" * 1_000)
    assert a_trace().info.experiment_id == "0"
    assert "could not be used" in caplog.text
