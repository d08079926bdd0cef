"""Ids in every spelling, JSON text of any value, text that UTF-8 can hold."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbtrace.entities.identifiers import (
    hex_of,
    is_hex,
    is_trace_id,
    normalize_span_id,
    normalize_trace_id,
    to_base64,
)
from nbtrace.entities.json_text import decode, dumps, is_json, loads
from nbtrace.entities.text import clean_text
from nbtrace.exceptions import NbtraceError

any_text = st.text(st.characters(exclude_categories=()))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(min_size=16, max_size=16))
@example(b"\0" * 16)
def test_every_spelling_of_a_trace_id_is_known(raw):
    trace_id = "tr-" + raw.hex()
    for text in (
        trace_id,
        raw.hex(),
        raw.hex().upper(),
        hex(int.from_bytes(raw)),
        base64.b64encode(raw).decode(),
        "trace:/place/" + raw.hex(),
        "TR-".lower() + raw.hex().upper(),
    ):
        assert normalize_trace_id(text) == trace_id
        assert hex_of(text) == raw.hex()
    assert is_trace_id(trace_id)
    assert base64.b64decode(to_base64(raw.hex())) == raw


@given(st.binary(min_size=8, max_size=8))
def test_every_spelling_of_a_span_id_is_known(raw):
    for text in (raw.hex(), raw.hex().upper(), "0x" + raw.hex(), base64.b64encode(raw).decode()):
        assert normalize_span_id(text) == raw.hex()


@given(any_text)
@example("")
@example("tr-1")
@example("trace:/place/name")
def test_other_texts_are_left_alone(text):
    found = normalize_trace_id(text)
    if not is_trace_id(found):
        assert found == text
        with pytest.raises(NbtraceError, match="32 hexadecimal"):
            hex_of(text)


def test_hexadecimal_is_lower_case_and_of_a_length():
    assert is_hex("0a", 2)
    assert not is_hex("0A", 2)
    assert not is_hex("0a", 4)
    assert not is_hex(" a", 2)


@given(json_values)
@example(2**64)
@example([-(2**63) - 1])
@example({"n": float("nan"), "none": None})
@example("\ud800")
@example(1e300)
def test_json_text_comes_back(value):
    for indent in (False, True):
        text = dumps(value, indent=indent)
        assert repr(loads(text)) == repr(value)
        assert repr(decode(text)) == repr(value)
        assert is_json(text)
        text.encode()


def test_what_json_has_no_word_for_becomes_text():
    class Bad:
        def __str__(self):
            raise RuntimeError

        __repr__ = __str__

    cyclic = []
    cyclic.append(cyclic)
    assert dumps({1}) == '"{1}"'
    assert dumps([Bad()]) == '["<Bad>"]'
    assert dumps({1: 2}) == '{"1":2}'
    assert isinstance(loads(dumps(cyclic)), str)
    assert isinstance(loads(dumps([b"x", None])), list)


def test_deep_json_is_refused_not_a_crash():
    with pytest.raises(ValueError, match=r"deep|Recursion|recursion"):
        loads("[" * 100_000 + "]" * 100_000)
    assert decode("[" * 100_000) == "[" * 100_000


@given(any_text)
def test_clean_text_can_be_written(text):
    clean = clean_text(text)
    clean.encode()
    if clean is not text:
        assert "\N{REPLACEMENT CHARACTER}" in clean or len(clean) < len(text)
