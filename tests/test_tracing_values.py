"""Values appear as what they are, within bounds, and are never disturbed."""

from __future__ import annotations

import array
import asyncio
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import gc
import io
import itertools
import json
import math
import pathlib
import threading
import time
import tracemalloc
import types
import uuid
import weakref
from typing import NamedTuple

import numpy as np
import orjson
import pandas as pd
import pydantic
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from nbtrace.config import Options, options
from nbtrace.tracing import guarded
from nbtrace.tracing.redaction import redact_value
from nbtrace.tracing.snapshot import cut_text
from nbtrace.tracing.values import encode_attribute, encode_json


def decoded(value):
    return json.loads(encode_json(value))


@pytest.fixture
def changed_options():
    yield options
    defaults = Options()
    names = ("max_value_bytes", "max_value_nodes", "max_value_depth", "max_string_characters")
    options.update(**{name: getattr(defaults, name) for name in names})


def _module_class(module, name, **members):
    """Make a class that says it comes from a library."""
    return type(name, (), {"__module__": module, "__qualname__": name, **members})


def _untouchable(*_args, **_kwargs):
    pytest.fail("a lazy object was touched")


plain = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(codec="utf-8"), max_size=20),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4),
    ),
    max_leaves=20,
)
anything = st.recursive(
    st.one_of(
        st.none(),
        st.integers(),
        st.floats(),
        st.text(st.characters(), max_size=20),
        st.text(st.characters(categories=["Cs"]), max_size=3),
        st.binary(max_size=20),
        st.decimals(),
        st.datetimes(),
        st.uuids(),
        st.complex_numbers(),
        st.builds(object),
        st.builds(threading.Lock),
        st.sampled_from([len, int, ValueError("x"), ..., NotImplemented, range(3), iter(())]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=4).map(collections.deque),
        st.dictionaries(st.one_of(st.text(), st.integers(), st.none()), inner, max_size=4),
        inner.map(lambda value: types.SimpleNamespace(value=value)),
    ),
    max_leaves=15,
)


@given(value=plain)
@settings(max_examples=200, deadline=None)
def test_plain_values_round_trip(value):
    assume(redact_value(value) is value)
    assert decoded(value) == value


@given(value=anything)
@settings(max_examples=300, deadline=None)
@example({"a": float("nan"), 1: "\ud800", "1": 2**70})
def test_anything_becomes_json(value):
    text = encode_json(value)
    text.encode()
    json.loads(text, parse_constant=_untouchable)
    encode_attribute(value)


def test_numbers_beyond_json():
    values = [float("nan"), float("inf"), -float("inf"), 2**64, -(2**63) - 1, 2**64 - 1]
    assert decoded(values) == [
        "NaN",
        "Infinity",
        "-Infinity",
        str(2**64),
        str(-(2**63) - 1),
        2**64 - 1,
    ]
    assert decoded(float("nan")) == "NaN"
    assert decoded({"a": {"b": [math.inf]}}) == {"a": {"b": ["Infinity"]}}
    assert decoded(10**6000) == "<int of 19,932 bits>"


def test_lone_surrogates_are_replaced_wherever_they_stand():
    assert decoded("a\ud800b") == "a\ufffdb"
    assert decoded({"k\udfff": ["\ud800"], "ok": 1}) == {"k\ufffd": ["\ufffd"], "ok": 1}


def test_cycles_are_marked_and_siblings_stay():
    value = {"ok": 1}
    value["self"] = value
    value["list"] = [value]
    assert decoded(value) == {"ok": 1, "self": "[cycle]", "list": ["[cycle]"]}


def test_shared_values_are_no_cycles():
    shared = [1]
    assert decoded([(shared, shared)]) == [[[1], [1]]]


def test_keys_become_text_and_none_is_lost():
    value = {1: "a", "1": "b", None: "c", (1, "x"): "e", 2.5: "f"}
    assert list(decoded(value).values()) == ["a", "b", "c", "e", "f"]
    assert decoded({False: 0}) == {"false": 0}
    assert list(decoded({1: "a", "1": "b"}).values()) == ["a", "b"]


@dataclasses.dataclass
class Point:
    x: int
    label: str = dataclasses.field(default="p", repr=False)


class Pair(NamedTuple):
    x: int
    y: int


class Color(enum.Enum):
    RED = 1


class Role(enum.StrEnum):
    USER = "user"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, 2), [1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (collections.deque([1, 2]), [1, 2]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.Counter("aa"), {"a": 2}),
        (collections.UserDict(a=1), {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (types.SimpleNamespace(a=1), {"a": 1}),
        (Pair(1, 2), {"x": 1, "y": 2}),
        ({"a": 1}.keys(), ["a"]),
        (Point(1), {"x": 1, "label": "p"}),
        (Color.RED, f"{__name__}.Color.RED"),
        (Role.USER, "user"),
        (Level.HIGH, 3),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00+00:00"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.timedelta(seconds=5), "0:00:05"),
        (decimal.Decimal("1.50"), "1.50"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (1 + 2j, "(1+2j)"),
        (range(5), "range(0, 5)"),
        (b"hello", {"type": "bytes", "length": 5, "text": "hello"}),
        (b"\xff\x00", {"type": "bytes", "length": 2, "base64": "/wA="}),
        (ValueError("boom"), {"type": "ValueError", "message": "boom"}),
        (OSError(2, "no"), {"type": "FileNotFoundError", "arguments": [2, "no"]}),
        (len, "<function len>"),
        (Point, f"<class {__name__}.Point>"),
        (decoded, f"<function {__name__}.decoded>"),
        (functools.partial(len, []), "<partial <function len>>"),
        (json, "<module json>"),
        (itertools.count(), "<itertools.count>"),
        (iter([1]), "<list_iterator>"),
        (io.StringIO("x"), "<_io.StringIO>"),
        (object(), "<object>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_type_appears_as_what_it_is(value, expected):
    assert decoded(value) == expected
    assert decoded({"nested": [value]}) == {"nested": [expected]}


def test_what_looking_would_consume_stays_untouched():
    generator = (number for number in range(3))
    stream = io.StringIO("text")

    async def main():
        coroutine = asyncio.sleep(0)
        text = encode_json([generator, stream, coroutine, threading.Lock()])
        await coroutine
        return text

    encoded = json.loads(asyncio.run(main()))
    assert encoded == ["<generator>", "<_io.StringIO>", "<coroutine>", "<_thread.lock>"]
    assert list(generator) == [0, 1, 2]
    assert stream.read() == "text"


def test_bad_repr_costs_only_itself():
    class Bad:
        def __repr__(self):
            msg = "no"
            raise ValueError(msg)

    class Panic(BaseException):
        pass

    class Worse:
        def __repr__(self):
            raise Panic

    value = decoded({"bad": Bad(), "worse": Worse(), "ok": 1})
    assert value["ok"] == 1
    assert value["bad"].endswith("Bad: its __repr__ raised ValueError>")
    assert value["worse"].endswith("Worse: its __repr__ raised Panic>")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupts_pass_through(error):
    class Interrupted:
        def __repr__(self):
            raise error

    with pytest.raises(error):
        encode_json([Interrupted()])
    with pytest.raises(error):
        encode_attribute([Interrupted()])


def test_long_repr_is_cut_and_slow_one_is_not_asked_again(monkeypatch):
    calls = []

    class Verbose:
        def __repr__(self):
            calls.append(1)
            return "v" * 10_000

    assert decoded(Verbose()).endswith("… [nbtrace: 2,000 of 10,000 characters kept]")
    monkeypatch.setattr(guarded, "SLOW_CALL_NS", -1)
    decoded(Verbose())
    assert decoded(Verbose()).endswith("Verbose: its __repr__ was slow before>")
    assert len(calls) == 2


def test_large_values_are_cut_and_marked():
    text = decoded("x" * 1_000_000)
    assert text == "x" * 100_000 + "… [nbtrace: 100,000 of 1,000,000 characters kept]"
    items = decoded(list(range(100_000)))
    assert items[:3] == [0, 1, 2]
    assert items[-1] == f"… [nbtrace: {len(items) - 1:,} of 100,000 items kept]"
    entries = decoded(dict.fromkeys(range(100_000), 0))
    assert entries["…"] == f"… [nbtrace: {len(entries) - 1:,} of 100,000 items kept]"


def test_enormous_value_leaves_room_for_its_siblings():
    value = {
        "documents": list(range(1_000_000)),
        "question": "why?",
        "text": "y" * 5_000_000,
        "messages": [{"role": "user", "content": "hello"}],
        **{f"list{number}": [0] * 100_000 for number in range(50)},
        "last": {"a": [1, {"b": 2}]},
    }
    encoded = decoded(value)
    assert list(encoded) == list(value)
    assert encoded["question"] == "why?"
    assert encoded["messages"] == value["messages"]
    assert encoded["last"] == value["last"]
    assert "of 100,000 items kept" in encoded["list49"][-1]


def test_text_of_a_whole_value_is_bounded():
    assert len(encode_json(["z" * 90_000] * 1_000)) < 2_000_000
    assert len(encode_json({f"key{number}" * 1_000: "v" * 1_000 for number in range(5_000)})) < 3e6


def test_deep_values_end():
    value = []
    for _ in range(5_000):
        value = [value]
    assert "deeper than 32 levels" in encode_json(value)
    doubled = []
    for _ in range(40):
        doubled = [doubled, doubled]
    assert len(encode_json(doubled)) < 1_000_000


def test_options_bound_the_fast_path_too(changed_options):
    changed_options.update(max_string_characters=10, max_value_depth=2, max_value_nodes=20)
    assert decoded("a" * 11) == "a" * 10 + "… [nbtrace: 10 of 11 characters kept]"
    assert "deeper than 2 levels" in encode_json({"a": [[1]]})
    assert "items kept" in encode_json(list(range(50)))
    assert encode_attribute("a" * 11) == "a" * 10 + "… [nbtrace: 10 of 11 characters kept]"


def test_secret_across_a_cut_leaves_no_half():
    secret = "sk-proj-" + "aB3dE5gH" * 20
    for offset in range(0, len(secret) + 20, 7):
        text = "x " * 500
        text = text[: 1_000 - offset] + " " + secret + " tail" * 5_000
        for limit in (1_000, 995):
            kept = cut_text(text, limit)
            assert "aB3dE5" not in kept
            assert "sk-proj" not in kept
            assert kept.endswith("characters kept]")
    private = "-----BEGIN PRIVATE " + "KEY-----\n" + "QUJDREVGR0hJSktMTU5PUFFS\n" * 2_000
    assert "QUJD" not in cut_text("a" * 900 + private, 1_000)


def test_shrinking_by_redaction_shows_nothing_past_the_margin():
    key = "-----BEGIN PRIVATE " + "KEY-----\n{}\n-----END PRIVATE " + "KEY-----\n"
    text = key.format("QUJD" * 800) * 40 + "sk-" + "q9" * 60
    for limit in range(100_000, 100_300, 37):
        assert "q9" not in cut_text(text[: limit + 8_192 + 30] + "w" * 10_000, limit)


def test_encoding_is_a_snapshot_and_keeps_nothing_alive():
    class Thing:
        pass

    thing = Thing()
    value = {"list": [1], "thing": thing}
    text = encode_json(value)
    value["list"].append(2)
    assert json.loads(text)["list"] == [1]
    reference = weakref.ref(thing)
    del thing, value
    gc.collect()
    assert reference() is None


def test_own_methods_of_subclasses_are_not_called():
    class Sneaky(dict):
        __iter__ = items = keys = values = __len__ = __getitem__ = _untouchable

    class SneakyText(str):
        __slots__ = ()
        __len__ = __getitem__ = __str__ = __repr__ = _untouchable

    class SneakyList(list):
        __iter__ = __len__ = __getitem__ = _untouchable

    value = [Sneaky(a=1), SneakyText("text"), SneakyList([1])]
    assert decoded(value) == [{"a": 1}, "text", [1]]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("pyspark.sql.dataframe", "DataFrame"),
        ("dask.dataframe.core", "DataFrame"),
        ("polars.lazyframe.frame", "LazyFrame"),
        ("django.db.models.query", "QuerySet"),
        ("django.db.models.base", "Model"),
        ("sqlalchemy.orm.query", "Query"),
        ("duckdb", "DuckDBPyRelation"),
        ("ibis.expr.types", "Table"),
        ("torch.nn.modules.module", "Module"),
    ],
)
def test_lazy_and_remote_objects_give_their_type_alone(module, name):
    guards = dict.fromkeys(("__repr__", "__len__", "__iter__", "__str__", "__bool__"), _untouchable)
    base = _module_class(module, name, **guards)
    own = type("Own", (base,), {"__getattr__": _untouchable})
    assert decoded([base()]) == [f"<{module}.{name}>"]
    assert decoded(own()).endswith("Own>")


def test_mapped_instances_give_their_type_alone():
    row = _module_class("app.models", "User", __mapper__=None, __repr__=_untouchable)
    assert decoded(row()) == "<app.models.User>"


def test_device_tensors_give_shape_and_type():
    tensor = _module_class(
        "torch",
        "Tensor",
        shape=(2, 3),
        dtype="torch.float32",
        device="cuda:0",
        __repr__=_untouchable,
        __len__=_untouchable,
        __iter__=_untouchable,
        tolist=_untouchable,
    )
    assert decoded(tensor()) == {
        "type": "torch.Tensor",
        "shape": [2, 3],
        "dtype": "torch.float32",
        "device": "cuda:0",
    }


def test_arrays():
    assert decoded(np.arange(4).reshape(2, 2)) == {
        "type": "numpy.ndarray",
        "shape": [2, 2],
        "dtype": "int64",
        "values": [[0, 1], [2, 3]],
    }
    large = decoded(np.zeros(1_000_000)[::2])
    assert large["values"] == [0.0] * 8 + ["… [nbtrace: 8 of 500,000 values kept]"]
    assert decoded([np.float32(1.5), np.int64(3), np.bool_(1)]) == [1.5, 3, True]
    assert decoded(np.array([np.nan, 1.0]))["values"] == ["NaN", 1.0]
    assert decoded(np.array(["2026-01-01"], dtype="M8[D]"))["values"] == ["2026-01-01"]
    assert decoded(np.array([object()]))["values"] == ["<object>"]
    assert decoded(np.float64("nan")) == "NaN"
    assert decoded(array.array("i", [1, 2]))["values"] == [1, 2]


def test_frames_give_schema_and_head():
    frame = pd.DataFrame({"a": range(1_000), "password": "hunter2"})
    encoded = decoded(frame)
    assert encoded["shape"] == [1_000, 2]
    assert [column["name"] for column in encoded["columns"]] == ["a", "password"]
    assert encoded["head"][0] == {"a": 0, "password": "[REDACTED]"}
    assert encoded["head"][-1] == "… [nbtrace: 5 of 1,000 rows kept]"
    assert decoded(frame["a"])["head"][:2] == [0, 1]
    assert decoded(frame.index)["length"] == 1_000
    assert decoded([pd.Timestamp("2026-01-01"), pd.NaT]) == ["2026-01-01T00:00:00", "NaT"]
    twins = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert decoded(twins)["head"] == [[1, 2]]
    wide = decoded(pd.DataFrame(np.zeros((2, 300))))
    assert wide["columns"][-1] == "… [nbtrace: 50 of 300 columns kept]"


class Inner(pydantic.BaseModel):
    value: int = 1
    hushed: pydantic.SecretStr = pydantic.SecretStr("zz")


class Outer(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    inner: Inner = Inner()
    hidden: str = pydantic.Field("h", exclude=True)
    nothing: None = None
    numbers: list[int] = []


def test_pydantic_models_are_their_fields():
    encoded = decoded(Outer(numbers=[1], extra="more"))
    assert encoded == {
        "inner": {"value": 1, "hushed": "**********"},
        "nothing": None,
        "numbers": [1],
        "extra": "more",
    }


def test_own_serialisers_run_once():
    calls = []

    class Masked(pydantic.BaseModel):
        card: str = "4111"

        @pydantic.field_serializer("card")
        def mask(self, value):
            calls.append(value)
            return "…" + value[-2:]

    class Failing(pydantic.BaseModel):
        card: str = "4111"

        @pydantic.model_serializer
        def fail(self):
            msg = "no"
            raise ValueError(msg)

    assert decoded([Masked()]) == [{"card": "…11"}]
    assert calls == ["4111"]
    assert decoded([Failing(), 1]) == [{"card": "4111"}, 1]


def test_large_model_is_not_copied():
    model = Outer.model_construct(inner=None, numbers=list(range(1_000_000)))
    tracemalloc.start()
    text = encode_json(model)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "of 1,000,000 items kept" in text
    assert peak < 8_000_000


def test_openai_messages_are_clean_json():
    from openai.types.chat import ChatCompletion

    raw = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "f", "arguments": '{"x": 1}'},
                        }
                    ],
                },
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }
    assert decoded(ChatCompletion.model_validate(raw)) == raw


def test_images_give_a_small_thumbnail():
    encoded = decoded(Image.new("RGB", (800, 600), (200, 10, 10)))
    assert encoded["size"] == [800, 600]
    assert encoded["thumbnail"].startswith("data:image/png;base64,")
    assert len(encoded["thumbnail"]) < 30_000


def test_bytes_with_secrets_give_none():
    secret = b"sk-proj-" + b"aB3dE5gH" * 5
    assert "aB3dE5" not in encode_json(secret)
    assert "base64" not in decoded(b"\xff\x00 " + secret)
    assert secret not in encode_attribute(secret)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (True, True),
        (1.5, 1.5),
        ("a", "a"),
        (None, None),
        (b"\x00\x01", b"\x00\x01"),
        ([1, "a", b"b"], [1, "a", b"b"]),
        ((1, 2), [1, 2]),
        ({"a": {"b": 1}}, {"a": {"b": 1}}),
        (2**70, 2**70),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (Point(1), '{"x":1,"label":"p"}'),
        (Role.USER, "user"),
        ("password=hunter2", "password=[REDACTED]"),
        ({"password": "x"}, {"password": "[REDACTED]"}),
    ],
    ids=repr,
)
def test_attributes_stay_typed(value, expected):
    encoded = encode_attribute(value)
    assert encoded == expected
    assert type(encoded) is type(expected)


def test_attribute_nan_stays_a_number():
    assert math.isnan(encode_attribute(float("nan")))
    assert math.isnan(encode_attribute([float("nan")])[0])


def test_long_json_attribute_stays_json():
    text = json.dumps({"rows": list(range(100_000)), "question": "why?"})
    encoded = json.loads(encode_attribute(text))
    assert encoded["question"] == "why?"
    assert encoded["rows"][-1].endswith("of 100,000 items kept]")
    assert encode_attribute("[" + "x" * 200_000).endswith("of 200,001 characters kept]")


def test_attribute_under_a_secret_name_is_redacted():
    assert encode_attribute("x", "http.request.header.authorization") == "[REDACTED]"
    assert encode_attribute(["x"], "api_key") == ["[REDACTED]"]
    assert encode_attribute(5, "max_tokens") == 5


def test_dicts_that_other_threads_change_are_recorded():
    value = {number: number for number in range(500)}
    stop = threading.Event()

    def change():
        number = 0
        while not stop.is_set():
            value[number % 1_000] = "x"
            value.pop((number * 7) % 1_000, None)
            number += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            assert type(decoded({"value": value})["value"]) is dict
    finally:
        stop.set()
        thread.join()


def test_recursion_near_the_stack_limit_is_survived():
    def descend(depth):
        try:
            return descend(depth + 1)
        except RecursionError:
            return encode_json({"a": [[[[object()]]]], "password": "hunter2"})

    assert "hunter2" not in descend(0)


def test_everything_orjson_could_misread_goes_the_slow_way():
    class Text(str):
        __slots__ = ()

    assert orjson.loads(encode_json({Text("k"): Text("v")})) == {"k": "v"}
    assert decoded({"when": dt.datetime(2026, 1, 1)}) == {"when": "2026-01-01T00:00:00"}  # noqa: DTZ001
