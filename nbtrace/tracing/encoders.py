"""How each type is written down as plain data.

``find_encoder`` decides once for each type. Types of other libraries are recognised by the names of
their modules and classes, so nothing is imported. What is lazy, remote, consumed by looking at it
or held by a device is written as its type alone: a ``repr`` of a Django query runs SQL, that of a
Spark frame a job. The user's own code runs only for types that nothing else is known of, and not
again for a type that was slow.
"""

from __future__ import annotations

import base64
import collections
import dataclasses
import datetime as dt
import enum
import functools
import pathlib
import re
import types
import uuid
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from nbtrace.config import options
from nbtrace.tracing import data_encoders, model_encoders
from nbtrace.tracing.guarded import call_guarded, is_slow
from nbtrace.tracing.redaction import redact_text
from nbtrace.tracing.snapshot import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nbtrace.store.taken_out import TakenOut
    from nbtrace.tracing.snapshot import Encoder, Snapshot

# What a person reads of an object nothing else is known of.
MAX_REPR_CHARACTERS = 2_000
# The user's code takes about as long as so many plain values, when it is quick.
REPR_NODES = 4
MAX_BYTES_TEXT = 2_000
MAX_BYTES_BASE64 = 48
# An icon, which is no use as a file of its own.
MAX_INLINE_BYTES = 4_096
MAX_ARRAY_VALUES = 32

# Libraries whose objects compute, fetch or wait when they are looked at.
LAZY_ROOTS = frozenset({
    "pyspark", "dask", "distributed", "django", "sqlalchemy", "sqlmodel", "peewee", "tortoise",
    "pony", "mongoengine", "ibis", "snowflake", "duckdb", "modin", "ray", "vaex", "databricks",
    "cudf", "dask_expr", "prefect", "zmq", "ipywidgets", "anywidget", "ipykernel", "asyncio",
    "threading", "_thread", "multiprocessing", "concurrent", "socket", "ssl", "selectors", "io",
    "_io", "sqlite3", "queue", "_queue", "weakref", "_weakref", "traitlets",
    "contextvars", "_contextvars", "grpc", "redis", "pymongo", "motor", "aiohttp",
})  # fmt: skip
# Instances of these classes, wherever they are defined, belong to an object-relational mapper.
_MAPPED = ("__mapper__", "_sa_class_manager", "_sa_registry")
# Looking at these consumes them or waits for them.
_CONSUMED = ("__next__", "__anext__", "__await__", "readinto", "fileno", "acquire")

# These hold nothing back, whoever derives from them.
_PLAIN = frozenset({BaseException, enum.Enum, str, int, float, bytes})

_encoders: WeakKeyDictionary[type, Encoder] = WeakKeyDictionary()


def encode_opaque(value: Any, snapshot: Snapshot, depth: int) -> str:
    """Write the type alone."""
    return f"<{type_name(type(value))}>"


def encode_unknown(value: Any, snapshot: Snapshot, depth: int) -> str:
    """Write what the user's ``__repr__`` says."""
    kind = type(value)
    snapshot.nodes -= REPR_NODES
    done, text = call_guarded(lambda: repr(value), kind)
    if done and type(text) is str:
        slow = is_slow(kind)
        # Python cannot stop it; one that waits for a network is not asked to do so again.
        mark = " … [nbtrace: its __repr__ is slow and is not called again]" if slow else ""
        return snapshot.text(text, MAX_REPR_CHARACTERS) + mark
    return f"<{type_name(kind)}>" if done else f"<{type_name(kind)}: its __repr__ {text}>"


def _encode_dict(value: Any, snapshot: Snapshot, depth: int) -> Any:
    return snapshot.mapping(value, dict.items(value), dict.__len__(value), depth)


def _encode_mapping_proxy(value: Any, snapshot: Snapshot, depth: int) -> Any:
    return snapshot.mapping(value, value.items(), len(value), depth)


def _encode_user_dict(value: Any, snapshot: Snapshot, depth: int) -> Any:
    return snapshot.walk(object.__getattribute__(value, "__dict__")["data"], depth)


def _encode_chain_map(value: Any, snapshot: Snapshot, depth: int) -> Any:
    merged: dict[Any, Any] = {}
    for layer in reversed(value.maps):
        if type(layer) is dict:
            merged.update(islice(layer.items(), max(1, snapshot.nodes)))
    return snapshot.mapping(value, merged.items(), len(merged), depth)


def _encode_environment(value: Any, snapshot: Snapshot, depth: int) -> Any:
    # The environment is full of secrets, and none of a span's business.
    return f"<{type_name(type(value))}: {len(value)} variables>"


def _sequence_encoder(of: type) -> Encoder:
    # that of the type asked for, which a subclass may have replaced; `type` alone has neither
    iterate: Callable[[Any], Iterable[Any]] = of.__iter__  # type: ignore[attr-defined]
    measure: Callable[[Any], int] = of.__len__  # type: ignore[attr-defined]

    def encode(value: Any, snapshot: Snapshot, depth: int) -> Any:
        return snapshot.sequence(value, iterate(value), measure(value), depth)

    return encode


def _set_encoder(of: type) -> Encoder:
    # that of the type asked for, which a subclass may have replaced; `type` alone has neither
    iterate: Callable[[Any], Iterable[Any]] = of.__iter__  # type: ignore[attr-defined]
    measure: Callable[[Any], int] = of.__len__  # type: ignore[attr-defined]

    def encode(value: Any, snapshot: Snapshot, depth: int) -> Any:
        taken = list(islice(iterate(value), max(0, snapshot.nodes)))
        if {type(item) for item in taken} in ({str}, {int}, {float}):
            taken.sort()  # sets have no order, and traces should compare
        return snapshot.sequence(value, taken, measure(value), depth)

    return encode


def _encode_named_tuple(value: Any, snapshot: Snapshot, depth: int) -> Any:
    pairs = zip(type(value)._fields, tuple.__iter__(value), strict=False)
    return snapshot.mapping(value, pairs, tuple.__len__(value), depth)


def _encode_namespace(value: Any, snapshot: Snapshot, depth: int) -> Any:
    fields = object.__getattribute__(value, "__dict__")
    return snapshot.mapping(value, fields.items(), len(fields), depth)


def _encode_dataclass(value: Any, snapshot: Snapshot, depth: int) -> Any:
    fields = {}
    for field in dataclasses.fields(type(value)):
        try:
            fields[field.name] = object.__getattribute__(value, field.name)
        except AttributeError:  # a slot that was never set
            continue
    return snapshot.mapping(value, fields.items(), len(fields), depth)


def _encode_attachment(value: Any, snapshot: Snapshot, depth: int) -> Any:
    kind, content = value.content_type, value.content_bytes
    if snapshot.taken is not None:
        return snapshot.taken.add(content, kind)
    return {"type": type_name(type(value)), "content_type": kind, "size": len(content)}


def _encode_bytes(value: Any, snapshot: Snapshot, depth: int) -> Any:
    from nbtrace.entities.media import sniffed

    flat = type(value) is not memoryview or (value.ndim == 1 and value.c_contiguous)
    length = value.nbytes if type(value) is memoryview else len(value)
    head = bytes(value[: MAX_BYTES_TEXT * 4]) if flat and length else b""
    if snapshot.typed and flat and length <= snapshot.max_string:
        return _typed_bytes(bytes(value), snapshot)
    result: dict[str, Any] = {"type": type_name(type(value)), "length": length}
    # The last character may have been cut in half.
    text = head.decode("utf-8", "ignore")
    clean = len(text.encode()) >= len(head) - 3
    if clean and text and (text.isprintable() or not re.search(r"[\0-\x08\x0e-\x1f]", text)):
        result["text"] = snapshot.text(text, MAX_BYTES_TEXT)
    elif flat and length <= MAX_INLINE_BYTES and sniffed(head) is not None:
        result["content"] = f"data:{sniffed(head)};base64,{base64.b64encode(head).decode()}"
    elif flat and snapshot.taken is not None and length > MAX_INLINE_BYTES:
        result["content"] = _content(value, length, snapshot.taken)
    elif head:
        hidden = head.decode("latin-1")
        if redact_text(hidden) == hidden:
            result["base64"] = base64.b64encode(head[:MAX_BYTES_BASE64]).decode()
    return result


def _content(value: Any, length: int, taken: TakenOut) -> str:
    """Return what stands for binary content: a reference or a remark."""
    from nbtrace.entities.attachment import UNKNOWN_TYPE

    if length > options.max_attachment_bytes:  # not worth a copy
        return taken.too_large(UNKNOWN_TYPE, length)
    return taken.add(bytes(value))


def _typed_bytes(value: bytes, snapshot: Snapshot) -> bytes:
    snapshot.characters -= len(value)
    text = value.decode("latin-1")
    redacted = redact_text(text)
    return value if redacted is text else redacted.encode("latin-1", "replace")


def _encode_array(value: Any, snapshot: Snapshot, depth: int) -> Any:
    total = len(value)
    values = snapshot.sequence(value, value[:MAX_ARRAY_VALUES], total, depth)
    return {"type": "array.array", "typecode": value.typecode, "length": total, "values": values}


def _encode_text(value: Any, snapshot: Snapshot, depth: int) -> Any:
    limit = snapshot.max_string
    total = str.__len__(value)
    if total <= limit:
        return snapshot.text(str.__str__(value))
    return snapshot.text(str.__getitem__(value, slice(None)))


def _encode_isoformat(value: Any, snapshot: Snapshot, depth: int) -> Any:
    return value.isoformat()


def _encode_str(value: Any, snapshot: Snapshot, depth: int) -> Any:
    return snapshot.text(str(value))


def _encode_enum(value: Any, snapshot: Snapshot, depth: int) -> Any:
    inner = value._value_
    if type(inner) is str and isinstance(value, str):
        return snapshot.text(inner)
    if type(inner) is int and isinstance(value, int) and not isinstance(value, enum.Flag):
        return snapshot.integer(inner)
    return f"{type_name(type(value))}.{value._name_ or inner}"


def _encode_error(value: Any, snapshot: Snapshot, depth: int) -> Any:
    kind = type(value)
    result: dict[str, Any] = {"type": type_name(kind)}
    # typeshed does not know that `args` is a descriptor; a class may have an `args` of its own
    arguments = BaseException.args.__get__(value, kind)  # type: ignore[attr-defined]
    if len(arguments) == 1 and type(arguments[0]) is str:
        result["message"] = snapshot.text(arguments[0])
    elif arguments:
        # str() of an exception with an enormous argument writes all of it.
        result["arguments"] = snapshot.walk(list(arguments), depth + 1)
    return result


def _encode_callable(value: Any, snapshot: Snapshot, depth: int) -> str:
    if isinstance(value, functools.partial):
        return f"<partial {_encode_callable(value.func, snapshot, depth)}>"
    if not isinstance(value, (*_FUNCTIONS, type)):
        return encode_opaque(value, snapshot, depth)
    word = "class" if isinstance(value, type) else "function"
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "?")
    owner = f"{module}." if type(module) is str and module != "builtins" else ""
    return f"<{word} {owner}{name}>"


def _encode_module(value: Any, snapshot: Snapshot, depth: int) -> str:
    return f"<module {types.ModuleType.__getattribute__(value, '__name__')}>"


_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
)

# By name, since importing these modules takes as long as this one.
_NAMED: dict[tuple[str, str], Encoder] = {
    ("decimal", "Decimal"): _encode_str,
    ("fractions", "Fraction"): _encode_str,
    ("ipaddress", "_IPAddressBase"): _encode_str,
    ("array", "array"): _encode_array,
    ("os", "_Environ"): _encode_environment,
    ("nbtrace", "Attachment"): _encode_attachment,
    **data_encoders.BY_NAME,
    **model_encoders.BY_NAME,
}

# Asked in this order of the classes a type derives from, the type itself first.
_BY_CLASS: dict[type, Encoder] = {
    enum.Enum: _encode_enum,
    BaseException: _encode_error,
    dict: _encode_dict,
    list: _sequence_encoder(list),
    tuple: _sequence_encoder(tuple),
    set: _set_encoder(set),
    frozenset: _set_encoder(frozenset),
    collections.deque: _sequence_encoder(collections.deque),
    collections.UserDict: _encode_user_dict,
    collections.UserList: _encode_user_dict,
    collections.UserString: _encode_user_dict,
    collections.ChainMap: _encode_chain_map,
    types.MappingProxyType: _encode_mapping_proxy,
    types.SimpleNamespace: _encode_namespace,
    type({}.keys()): _sequence_encoder(type({}.keys())),
    type({}.values()): _sequence_encoder(type({}.values())),
    type({}.items()): _sequence_encoder(type({}.items())),
    bytes: _encode_bytes,
    bytearray: _encode_bytes,
    memoryview: _encode_bytes,
    str: _encode_text,
    int: lambda value, snapshot, _: snapshot.integer(int.__int__(value)),
    float: lambda value, snapshot, _: snapshot.number(float.__float__(value)),
    complex: _encode_str,
    dt.date: _encode_isoformat,
    dt.time: _encode_isoformat,
    dt.timedelta: _encode_str,
    uuid.UUID: _encode_str,
    pathlib.PurePath: _encode_str,
    re.Pattern: lambda value, snapshot, _: snapshot.text(str(value.pattern)),
    range: _encode_str,
    functools.partial: _encode_callable,
    types.ModuleType: _encode_module,
    type: _encode_callable,
    **dict.fromkeys(_FUNCTIONS, _encode_callable),
}


# str() of what these encode is short, or the user's own words.
SPOKEN: frozenset[Encoder] = frozenset({
    encode_unknown, _encode_str, _encode_isoformat, _encode_enum, _encode_callable,
})  # fmt: skip


def _has(kind: type, name: str) -> bool:
    """Return whether a type or one it derives from defines a name, without running any code."""
    return any(name in base.__dict__ for base in kind.__mro__)


def _choose(kind: type) -> Encoder:  # noqa: C901, PLR0911 - one rule a line, in order
    for base in kind.__mro__:
        root = str(base.__module__).partition(".")[0]
        named = _NAMED.get((root, base.__qualname__))
        if named is not None:
            return named
        if root in LAZY_ROOTS and _PLAIN.isdisjoint(kind.__mro__):
            return encode_opaque
    if any(_has(kind, name) for name in _MAPPED):
        return encode_opaque
    if tuple in kind.__mro__ and _has(kind, "_fields"):
        return _encode_named_tuple
    if _has(kind, "__attrs_attrs__"):
        return model_encoders.encode_attrs
    if _has(kind, "__struct_fields__"):
        return model_encoders.encode_struct
    if _has(kind, "__dataclass_fields__"):
        return _encode_dataclass
    for base, encoder in _BY_CLASS.items():
        if base in kind.__mro__:
            return encoder
    if any(_has(kind, name) for name in _CONSUMED):
        return encode_opaque
    # object's own __repr__ says no more than the type does.
    says_nothing = kind.__repr__ is object.__repr__  # type: ignore[comparison-overlap]
    return encode_opaque if says_nothing else encode_unknown


def find_encoder(kind: type) -> Encoder:
    """Return the function that writes values of a type as plain data.

    Parameters
    ----------
    kind : type
        Any type.

    Returns
    -------
    callable
        ``encoder(value, snapshot, depth)``.

    Examples
    --------
    >>> find_encoder(type(iter([]))) is encode_opaque
    True
    """
    encoder = _encoders.get(kind)
    if encoder is None:
        encoder = _choose(kind)
        _encoders[kind] = encoder
    return encoder
