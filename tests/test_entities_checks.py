"""What a person gave is of the right type, or the error says what to give instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace.entities.checks import (
    checked_items,
    checked_mapping,
    checked_nanoseconds,
    checked_whole_number,
)
from nbtrace.entities.timestamps import MAX_NANOSECONDS, as_nanoseconds
from nbtrace.exceptions import INVALID_PARAMETER_VALUE, NbtraceError


class Hostile:
    def __int__(self) -> int:
        raise KeyError("no number")


@given(st.one_of(st.integers(), st.floats(), st.text(), st.binary(), st.none(), st.booleans()))
def test_a_moment_is_one_that_can_be_stored_or_none(value):
    moment = as_nanoseconds(value)
    if moment is not None:
        assert type(moment) is int
        assert 0 <= moment <= MAX_NANOSECONDS
        assert not isinstance(value, str | bytes)
    elif isinstance(value, int):
        assert not 0 <= value <= MAX_NANOSECONDS


@pytest.mark.parametrize("value", ["a", "5", -1, 2**63, float("nan"), float("inf"), Hostile(), []])
def test_what_is_no_moment_is_refused_with_what_is_one(value):
    assert as_nanoseconds(value) is None
    with pytest.raises(
        NbtraceError, match=r"end_time_ns takes nanoseconds .*time_ns\(\)"
    ) as caught:
        checked_nanoseconds("end_time_ns", value)
    assert caught.value.error_code == INVALID_PARAMETER_VALUE


def test_nothing_given_is_nothing():
    assert checked_mapping("tags", None) == {}
    assert list(checked_items("links", None)) == []
    assert checked_nanoseconds("start_time_ns", None) is None


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (checked_mapping, [("a", 1)], "p takes a mapping .*, got list"),
        (checked_mapping, 3, "p takes a mapping .*, got int"),
        (checked_items, "tr-1", "p takes a list, got the text 'tr-1': put it into a list"),
        (checked_items, 3, "p takes a list, got int"),
        (checked_whole_number, "3", "p takes a whole number, got '3'"),
        (checked_whole_number, 3.5, r"p takes a whole number, got 3\.5"),
        (checked_whole_number, True, "p takes a whole number, got True"),
    ],
)
def test_the_error_names_the_parameter_and_what_it_takes(check, value, message):
    with pytest.raises(NbtraceError, match=message):
        check("p", value)


def test_numbers_of_numpy_are_whole_numbers():
    import numpy as np

    assert checked_whole_number("p", np.int64(3)) == 3
    assert checked_nanoseconds("p", np.float64(1.5e9)) == 1_500_000_000
