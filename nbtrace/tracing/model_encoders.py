"""Write models of pydantic, attrs and msgspec as the mappings of their fields.

The fields are read where the instance keeps them, so that nothing of the user's runs, the walk
stays bounded, and a message of the OpenAI SDK or LangChain comes out as the JSON it stands for.
Only a pydantic class with serialisers of its own is asked for its ``model_dump``, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.tracing.guarded import call_guarded

if TYPE_CHECKING:
    from nbtrace.tracing.snapshot import Encoder, Snapshot

# Their models name every field the API may ever send; what it did not send is no news.
_SDK_ROOTS = frozenset({
    "openai", "anthropic", "groq", "mistralai", "cohere", "together", "litellm", "langchain",
    "langchain_core", "langgraph", "google", "llama_index",
})  # fmt: skip
# A field with more elements than this is walked where it is: model_dump would copy it all.
MAX_DUMPED_ELEMENTS = 1_000
_SIZED = (str, bytes, list, tuple, dict, set, frozenset)


def _has_serialisers(kind: type) -> bool:
    decorators = getattr(kind, "__pydantic_decorators__", None)
    return bool(
        getattr(decorators, "field_serializers", None)
        or getattr(decorators, "model_serializers", None)
    )


def _pydantic_fields(value: Any) -> dict[str, Any]:
    kind = type(value)
    fields = dict(object.__getattribute__(value, "__dict__"))
    declared = getattr(kind, "__pydantic_fields__", None) or {}
    for name in list(fields):
        # A field that a model leaves out of its dumps is left out here.
        if getattr(declared.get(name), "exclude", None) is True:
            del fields[name]
    try:
        fields.update(object.__getattribute__(value, "__pydantic_extra__") or {})
        given = object.__getattribute__(value, "__pydantic_fields_set__")
    except AttributeError:  # pydantic 1
        return {name: item for name, item in fields.items() if name != "__fields_set__"}
    if any(str(base.__module__).partition(".")[0] in _SDK_ROOTS for base in kind.__mro__):
        return {key: item for key, item in fields.items() if item is not None or key in given}
    return fields


def encode_pydantic(value: Any, snapshot: Snapshot, depth: int) -> Any:
    """Write a pydantic model as its fields, or as its own serialisers say."""
    kind = type(value)
    fields = _pydantic_fields(value)
    small = all(
        type(item) not in _SIZED or len(item) <= MAX_DUMPED_ELEMENTS for item in fields.values()
    )
    if small and _has_serialisers(kind):
        done, dumped = call_guarded(lambda: value.model_dump(warnings=False), kind)
        if done:
            return snapshot.walk(dumped, depth)
    if list(fields) == ["root"]:
        return snapshot.walk(fields["root"], depth)
    return snapshot.mapping(value, fields.items(), len(fields), depth)


def _encode_hidden(value: Any, snapshot: Snapshot, depth: int) -> str:
    """Write a value whose type exists to hide it."""
    return "**********"


def _encode_fields(value: Any, names: list[str], snapshot: Snapshot, depth: int) -> Any:
    fields = {}
    for name in names:
        try:
            fields[name] = object.__getattribute__(value, name)
        except AttributeError:  # a slot that was never set
            continue
    return snapshot.mapping(value, fields.items(), len(fields), depth)


def encode_attrs(value: Any, snapshot: Snapshot, depth: int) -> Any:
    """Write an attrs instance as its fields."""
    names = [attribute.name for attribute in type(value).__attrs_attrs__]
    return _encode_fields(value, names, snapshot, depth)


def encode_struct(value: Any, snapshot: Snapshot, depth: int) -> Any:
    """Write a msgspec struct as its fields."""
    return _encode_fields(value, list(type(value).__struct_fields__), snapshot, depth)


BY_NAME: dict[tuple[str, str], Encoder] = {
    ("pydantic", "BaseModel"): encode_pydantic,
    ("pydantic", "_SecretBase"): _encode_hidden,
    ("pydantic", "SecretStr"): _encode_hidden,
    ("pydantic", "SecretBytes"): _encode_hidden,
}
