"""Arguments by name agree with ``inspect.Signature.bind`` for every call that fits."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace.tracing.arguments import argument_reader


def plain(a, b=2): ...
def keyword_only(a, *, b, c=3): ...
def positional_only(a, b=2, /, c=3): ...
def positional_only_and_more(a, /, **kwargs): ...
def rest(a, *args, b=1, **kwargs): ...
def only_rest(*args, **kwargs): ...
def nothing(): ...
def defaults_first(a=1, b=2, c=3): ...


FUNCTIONS = [
    plain, keyword_only, positional_only, positional_only_and_more, rest, only_rest, nothing,
    defaults_first,
]  # fmt: skip


@given(
    st.sampled_from(FUNCTIONS),
    st.lists(st.integers(), max_size=5),
    st.dictionaries(st.sampled_from(["a", "b", "c", "d", "args", "kwargs"]), st.integers()),
)
def test_reading_agrees_with_bind(function, args, kwargs):
    before = dict(kwargs)
    values = argument_reader(function)(tuple(args), kwargs)
    assert kwargs == before
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return
    bound.apply_defaults()
    expected = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in bound.arguments.items()
    }
    assert values == expected


def test_names_come_in_the_order_of_the_signature():
    assert list(argument_reader(defaults_first)((), {"c": 1, "a": 2})) == ["a", "b", "c"]
    assert list(argument_reader(keyword_only)((1,), {"c": 1, "b": 2})) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["self", "cls"])
def test_the_receiver_is_left_out(name):
    namespace = {}
    exec(f"def method({name}, x, y=2): ...", namespace)
    read = argument_reader(namespace["method"])
    assert read((object(), 1), {}) == {"x": 1, "y": 2}
    assert read((object(),), {"x": 1}) == {"x": 1, "y": 2}
    assert read((), {name: object(), "x": 1}) == {"x": 1, "y": 2}


def test_a_builtin_without_a_signature_gives_what_was_passed():
    class Unknown:
        __signature__ = "none"

        def __call__(self, *args): ...

    read = argument_reader(Unknown())
    assert read((1, 2), {}) == {"args": [1, 2]}
    assert read((1,), {"k": 2}) == {"args": [1], "kwargs": {"k": 2}}


@given(st.sampled_from(FUNCTIONS), st.lists(st.integers(), max_size=8))
def test_a_call_that_does_not_fit_does_not_raise(function, args):
    argument_reader(function)(tuple(args), {"nobody": 1})
