"""Previews: the last words of a chat, else JSON, never too long."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace.config import PREVIEW_CHARACTERS
from nbtrace.entities.json_text import dumps
from nbtrace.entities.preview import (
    request_preview,
    request_preview_of_json,
    response_preview,
    response_preview_of_json,
)

any_text = st.text(st.characters(exclude_categories=()))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["messages", "role", "content", "choices", "message", "input", "output", "request"]
            )
            | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_anything_has_a_preview(value):
    for preview in (request_preview(value), response_preview(value)):
        if value is None:
            assert preview is None
        else:
            assert len(preview) <= PREVIEW_CHARACTERS
            assert "\0" not in preview
            preview.encode()


@given(json_values)
def test_the_json_text_gives_the_same_preview(value):
    text = dumps(value)
    assert request_preview_of_json(text) == request_preview(value, text)
    assert response_preview_of_json(text) == response_preview(value, text)


@pytest.mark.parametrize(
    ("inputs", "preview"),
    [
        ({"question": "why?"}, '{"question":"why?"}'),
        ({"question": "wé?", "none": None}, '{"question":"wé?","none":null}'),
        ("text", '"text"'),
        (5, "5"),
        (
            {
                "messages": [
                    {"role": "user", "content": "first"},
                    {"role": "user", "content": "last"},
                    {"role": "assistant", "content": "answer"},
                ]
            },
            "last",
        ),
        ({"messages": [{"role": "system", "content": "be brief"}]}, "be brief"),
        # OpenAI's parts, Anthropic's blocks, the responses API.
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, "a"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image_url", "image_url": {}},
                            {"type": "text", "text": "what is it?"},
                        ],
                    }
                ]
            },
            "what is it?",
        ),
        ({"input": [{"role": "user", "content": "a"}]}, "a"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]},
            "a",
        ),
        ({"model": "m", "input": "a"}, "a"),
        ({"input": "a"}, '{"input":"a"}'),
        ({"request": {"messages": [{"role": "user", "content": "a"}]}}, "a"),
        ([{"role": "user", "content": "a"}], "a"),
        # No text in it: the JSON says more.
        ({"messages": [{"role": "user", "content": ""}]}, None),
        ({"messages": []}, None),
        ({"messages": "hello"}, None),
        ({"messages": [{"role": "user"}]}, None),
        ({"choices": [5]}, None),
        ([], "[]"),
    ],
)
def test_request_previews(inputs, preview):
    assert request_preview(inputs) == (dumps(inputs) if preview is None else preview)


@pytest.mark.parametrize(
    ("outputs", "preview"),
    [
        ({"choices": [{"message": {"role": "assistant", "content": "so"}}]}, "so"),
        (
            {
                "output": [
                    {"type": "reasoning"},
                    {"role": "assistant", "content": [{"type": "output_text", "text": "so"}]},
                ]
            },
            "so",
        ),
        (
            {
                "type": "message",
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "text", "text": "so"},
                ],
            },
            "so",
        ),
        (
            {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [1]}}]},
            None,
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "content": "so"},
                    {"role": "tool", "content": "x"},
                ]
            },
            "so",
        ),
    ],
)
def test_response_previews(outputs, preview):
    assert response_preview(outputs) == (dumps(outputs) if preview is None else preview)


def test_a_cut_is_marked():
    preview = request_preview("x" * 2_000)
    assert len(preview) == PREVIEW_CHARACTERS
    assert preview == '"' + "x" * (PREVIEW_CHARACTERS - 4) + "..."
    exact = request_preview("x" * (PREVIEW_CHARACTERS - 2))
    assert exact.endswith('x"')


def test_previews_are_mlflows_own():
    path = Path(__file__).parent / "fixtures" / "mlflow.json"
    for name, case in json.loads(path.read_text())["cases"].items():
        attributes = case["data"]["spans"][0]["attributes"]
        # MLflow shows the JSON of a responses request whose input is plain text; we show the text.
        if name != "responses":
            theirs = case["info"].get("request_preview")
            assert request_preview_of_json(attributes.get("mlflow.spanInputs")) == theirs
        theirs = case["info"].get("response_preview")
        assert response_preview_of_json(attributes.get("mlflow.spanOutputs")) == theirs
