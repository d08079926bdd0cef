"""``nbtrace.context``: what holds for all traces started inside a block."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

import nbtrace
from nbtrace.exceptions import NbtraceError


def info_of_a_trace():
    with nbtrace.start_span("step") as span:
        pass
    found = nbtrace.get_trace(span.trace_id, silent=True)
    return None if found is None else found.info


def test_traces_inside_get_tags_metadata_session_and_user():
    with nbtrace.context(
        tags={"stage": "try", "n": 3}, metadata={"batch": "7"}, session_id="chat-7", user="ada"
    ):
        info = info_of_a_trace()
    assert info.tags["stage"] == "try"
    assert info.tags["n"] == "3"
    assert info.tags["mlflow.trace.session"] == "chat-7"
    assert info.tags["mlflow.trace.user"] == "ada"
    assert info.trace_metadata["batch"] == "7"
    assert info.trace_metadata["mlflow.trace.session"] == "chat-7"
    assert "stage" not in info_of_a_trace().tags


def test_inner_blocks_win_and_outer_ones_come_back():
    with nbtrace.context(tags={"a": "1", "b": "1"}, session="s1"):
        with nbtrace.context(tags={"b": "2"}, session_id="s2"):
            inner = info_of_a_trace().tags
        outer = info_of_a_trace().tags
    assert (inner["a"], inner["b"], inner["mlflow.trace.session"]) == ("1", "2", "s2")
    assert (outer["a"], outer["b"], outer["mlflow.trace.session"]) == ("1", "1", "s1")


def test_tracing_is_off_inside_and_may_be_on_again_further_in():
    with nbtrace.context(enabled=False):
        assert info_of_a_trace() is None
        with nbtrace.context(enabled=True):
            assert info_of_a_trace() is not None
        with nbtrace.context(tags={"a": "1"}):
            assert info_of_a_trace() is None
    assert info_of_a_trace() is not None


def test_standard_keys_given_as_metadata_are_tags():
    with nbtrace.context(metadata={"mlflow.trace.session": "chat-7"}):
        info = info_of_a_trace()
    assert info.tags["mlflow.trace.session"] == "chat-7"


def test_session_and_its_alias_must_agree():
    with (
        pytest.raises(NbtraceError, match="alias"),
        nbtrace.context(session="a", session_id="b"),
    ):
        pass


def test_an_error_inside_goes_on_and_the_block_ends():
    with pytest.raises(ValueError, match="x"), nbtrace.context(tags={"a": "1"}):
        raise ValueError("x")
    assert "a" not in info_of_a_trace().tags


def test_it_is_one_object_in_both_places_and_decorates_too():
    assert nbtrace.context is nbtrace.tracing.context

    @nbtrace.context(tags={"a": "1"})
    def work():
        return info_of_a_trace()

    assert work().tags["a"] == "1"
    assert work().tags["a"] == "1"


def test_tasks_started_inside_carry_it():
    async def job():
        await asyncio.sleep(0)
        return info_of_a_trace()

    async def main():
        with nbtrace.context(session_id="a"):
            first = asyncio.create_task(job())
        second = asyncio.create_task(job())
        return await first, await second

    first, second = asyncio.run(main())
    assert first.tags["mlflow.trace.session"] == "a"
    assert "mlflow.trace.session" not in second.tags


def test_secrets_and_surrogates_in_tags_are_taken_out():
    secret = "sk-" + "a1B2" * 12
    with nbtrace.context(tags={"note": f"used {secret}", "odd": "\ud800"}, metadata={"m": secret}):
        info = info_of_a_trace()
    assert secret not in str(info.to_dict())
    assert "[REDACTED]" in info.tags["note"]
    assert info.tags["odd"]


def test_something_left_suspended_inside_does_not_keep_the_block_current():
    def stream():
        with nbtrace.start_span("stream"):
            yield 1

    def run():
        with nbtrace.context(session_id="a"):
            held = stream()
            next(held)
        held.close()
        return info_of_a_trace()

    # in a context of its own, so that a failure here is no other test's
    assert "mlflow.trace.session" not in contextvars.copy_context().run(run).tags
