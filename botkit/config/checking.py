"""Values of a document against types, so that a mistake is told with its place and what would be right.

msgspec does the conversion. What it does not tell is done here: keys that a mapping may not have (with the
nearest right one), keys that are missing, and, for every value, the exact place.
"""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from botkit.config.document import Document, KeyPath
from botkit.config.shapes import WORDS, core, description, fields, is_mapping, is_struct, items, tags
from botkit.errors import ConfigError

_T = TypeVar("_T")


def convert(document: Document, path: KeyPath, value: object, shape: type[_T]) -> _T:
    """``value``, which stands at ``path`` of ``document``, as a ``shape``: a msgspec Struct or any type it knows.

    Raises ``ConfigError`` for the first thing that does not fit: a key that a Struct does not have, a key that
    is missing, a value of another type or outside of its limits.
    """
    # Parts first: what msgspec then says about the whole is about the whole, and so its place is known.
    if isinstance(value, dict):
        _check_tag(document, path, value, shape)
    for part in _parts(document, path, value, core(shape, value)):
        convert(document, (*path, part.key), part.value, part.shape)
    try:
        with document.placing(path):  # for a Struct whose __post_init__ raises ConfigError
            return msgspec.convert(value, shape, str_keys=True)
    except msgspec.ValidationError as error:
        raise _complaint(document, path, value, str(error)) from None


def suggestion(word: str, known: Collection[str]) -> str:
    """What ``word`` was probably meant to be, or all that it could be."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known here: {', '.join(sorted(known))}" if known else "there are none here"


class _Part(NamedTuple):
    key: str | int
    value: object
    shape: type[object]


def _parts(document: Document, path: KeyPath, value: object, shape: object) -> Iterator[_Part]:
    if get_origin(shape) is Literal:
        _check_option(document, path, value, get_args(shape))
    elif isinstance(value, dict) and is_struct(shape):
        yield from _struct_parts(document, path, value, shape)
    elif isinstance(value, dict) and is_mapping(shape):
        yield from (_Part(key, item, get_args(shape)[1]) for key, item in value.items())
    elif isinstance(value, list) and (shapes := items(shape, len(value))) is not None:
        yield from (_Part(index, value[index], of) for index, of in enumerate(shapes))  # type: ignore[arg-type]


def _struct_parts(document: Document, path: KeyPath, value: dict[str, object], shape: type[Struct]) -> Iterator[_Part]:
    known, tag = fields(shape), shape.__struct_config__.tag_field
    for key in value:
        if key not in known and key != tag:
            raise document.error((*path, key), "there is no such key", suggestion(key, known))
    for name, field in known.items():
        if name in value:
            yield _Part(name, value[name], field.shape)  # type: ignore[arg-type]
        elif field.required:
            raise document.error((*path, name), "is missing", f"it is {description(field.shape)}")


def _check_option(document: Document, path: KeyPath, value: object, options: tuple[object, ...]) -> None:
    if value not in options:
        words = [str(option) for option in options]
        raise document.error(path, f"{value!r} is none of these", suggestion(str(value), words))


def _check_tag(document: Document, path: KeyPath, value: dict[str, object], shape: object) -> None:
    expected = tags(shape)
    if expected is None:
        return
    field, known = expected
    if field not in value:
        raise document.error((*path, field), "is missing", f"it is one of {', '.join(known)}")
    if value[field] not in known:
        raise document.error((*path, field), f"{value[field]!r} is none of these", suggestion(str(value[field]), known))


_AT = re.compile(r" - at (?:`key` in )?`\$(?P<path>.*)`$")
_BOUND = re.compile(r" (?P<sign>>=|<=|>|<) (?P<number>-?[0-9.e+]+)$")
_LENGTH = re.compile(r"(?P<type>`[a-z]+`) of length >= (?P<number>[0-9]+)$")
_SIGNS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}
_ITEMS = {"`str`": "character", "`array`": "item", "`object`": "key"}
_TYPE_NAMES = re.compile(r"`([a-z]+(?: \| [a-z]+)*)`")


def _complaint(document: Document, path: KeyPath, value: object, message: str) -> ConfigError:
    """msgspec's words, said in the words of a file: "expected a text, got a whole number"."""
    at = _AT.search(message)
    if at is not None:
        message = message[: at.start()]
        path = (*path, *(name for name in re.findall(r"\.(\w+)", at["path"])))
    message = _bounds_in_words(message, value)
    text = _TYPE_NAMES.sub(lambda match: " or ".join(WORDS.get(name, name) for name in match[1].split(" | ")), message)
    hint = ""
    if isinstance(value, bool | int | float) and "`str" in message:
        hint = "put it in quotes"
    elif value is None:
        hint = "give it a value, or leave the key out"
    return document.error(path, text[:1].lower() + text[1:], hint)


def _bounds_in_words(message: str, value: object) -> str:
    """``of at least 1``, not ``>= 1.0``, and what there is instead."""
    if length := _LENGTH.search(message):
        number = int(length["number"])
        items = f"{_ITEMS[length['type']]}{'s' if number > 1 else ''}"
        got = len(value) if isinstance(value, str | list | dict) else 0
        return f"{message[: length.start()]}{length['type']} with {number} {items} or more, got {got or 'none'}"
    if bound := _BOUND.search(message):
        number_text = bound["number"].removesuffix(".0")
        return f"{message[: bound.start()]} {_SIGNS[bound['sign']]} {number_text}, got {value}"
    return message
