"""What a type says about a value: its parts, and in words what it takes. Pure introspection, no checking."""

import types
from collections.abc import Collection, Mapping
from itertools import repeat
from typing import Annotated, Literal, NamedTuple, NewType, TypeGuard, Union, get_args, get_origin

import msgspec
from msgspec import Struct

WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "array": "a list",
    "object": "a mapping (key: value)",
}
"""msgspec's names of types, as people say it."""


class Field(NamedTuple):
    """A key that a mapping may have."""

    shape: object
    required: bool


def fields(shape: type[Struct]) -> dict[str, Field]:
    """The keys of a Struct, by the name that stands in a file."""
    return {field.encode_name: Field(field.type, field.required) for field in msgspec.structs.fields(shape)}


def is_struct(shape: object) -> TypeGuard[type[Struct]]:
    """Whether ``shape`` is a Struct that is written as a mapping."""
    return isinstance(shape, type) and issubclass(shape, Struct) and not shape.__struct_config__.array_like


def _bare(shape: object) -> object:
    while True:
        if get_origin(shape) is Annotated:
            shape = get_args(shape)[0]
        elif isinstance(shape, NewType):
            shape = shape.__supertype__
        else:
            return shape


def core(shape: object, value: object) -> object:
    """``shape`` without names and notes, and of a union the member that ``value`` is meant to be."""
    shape = _bare(shape)
    if get_origin(shape) in (Union, types.UnionType):
        return _member([core(member, value) for member in get_args(shape)], value)
    return shape


def tags(shape: object) -> tuple[str, list[str]] | None:
    """The key that tells the members of a union apart, and its values; None when there is no such key."""
    members = [_bare(member) for member in get_args(_bare(shape))]
    configs = [member.__struct_config__ for member in members if is_struct(member)]
    fields_and_tags = [(config.tag_field, str(config.tag)) for config in configs if config.tag_field]
    if not fields_and_tags:
        return None
    return fields_and_tags[0][0], [tag for _field, tag in fields_and_tags]


def _member(members: Collection[object], value: object) -> object:
    fitting: list[object]
    if isinstance(value, dict):
        tagged: list[object] = [member for member in members if is_struct(member) and _has_tag(member, value)]
        fitting = tagged or [member for member in members if is_struct(member) or is_mapping(member)]
    elif isinstance(value, list):
        fitting = [member for member in members if items(member, 0) is not None]
    else:
        fitting = [member for member in members if get_origin(member) is Literal]
    return fitting[0] if len(fitting) == 1 else None


def _has_tag(shape: type[Struct], value: Mapping[str, object]) -> bool:
    config = shape.__struct_config__
    return config.tag_field is not None and value.get(config.tag_field) == config.tag


def is_mapping(shape: object) -> bool:
    """Whether ``shape`` is a mapping with any keys, of a stated type of values."""
    origin = get_origin(shape)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def items(shape: object, count: int) -> list[object] | None:
    """The types of ``count`` items of a list; None when ``shape`` is no kind of list with stated types."""
    origin, arguments = get_origin(shape), get_args(shape)
    if not isinstance(origin, type) or issubclass(origin, Mapping) or not issubclass(origin, Collection):
        return None
    if origin is tuple and arguments[-1:] != (...,):
        return list(arguments[:count])
    return list(repeat(arguments[0], count))


def description(shape: object) -> str:
    """The words that a type was given with ``Annotated[…, msgspec.Meta(description=…)]``, or else its kind."""
    if get_origin(shape) is Annotated:
        for note in get_args(shape)[1:]:
            if isinstance(note, msgspec.Meta) and note.description:
                return note.description
    bare = core(shape, None)
    if get_origin(bare) is Literal:
        return "one of " + ", ".join(str(option) for option in get_args(bare))
    if is_struct(bare) or is_mapping(bare):
        return WORDS["object"]
    if items(bare, 0) is not None:
        return WORDS["array"]
    return WORDS.get(getattr(bare, "__name__", ""), "a value")
