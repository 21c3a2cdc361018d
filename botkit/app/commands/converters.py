"""From a word to the value that a parameter's type asks for."""

import math
import re
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from typing import Annotated, Literal, TypeAlias, get_args, get_origin

import msgspec

from botkit.app.commands.durations import parse_duration
from botkit.types import Account, ChannelName
from botkit.wire.limits import account_violation, channel_violation

RestOfLine: TypeAlias = Annotated[str, "all further text of a command's line, as it stands"]
"""A ``str`` parameter that takes all further text of the line, blanks and quotes included."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_BOOLEANS = {
    **dict.fromkeys(("yes", "y", "on", "true", "1"), True),
    **dict.fromkeys(("no", "n", "off", "false", "0"), False),
}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
SHOWN = 40
"""Characters of a wrong word that are repeated to its writer."""


class NoSuchValue(ValueError):
    """A word that is no value of the type; the text says what would be one."""


_Read: TypeAlias = Callable[[str], object]


class Converter:
    """Reads words as values of one type. ``noun`` says what it takes, ``options`` all of it, where that is little."""

    def __init__(self, noun: str, read: _Read, options: tuple[str, ...] = ()) -> None:
        self.noun, self.options = noun, options
        self._read = read

    def convert(self, word: str) -> object:
        """The value. Raises ``NoSuchValue``."""
        try:
            return self._read(word)
        except NoSuchValue as error:
            raise NoSuchValue(f"{_shown(word)} {error}") from None
        except ValueError:
            raise NoSuchValue(f"{_shown(word)} is not {self.noun}") from None


def converter_of(annotation: object) -> Converter | None:
    """What reads values of this type; None for a type that is no argument's."""
    if annotation == RestOfLine:
        return _TEXT
    if get_origin(annotation) is Annotated:
        return _bounded(annotation)
    if get_origin(annotation) is Literal:
        return _one_of({str(option): option for option in get_args(annotation)})
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _enum(annotation)
    return _CONVERTERS.get(annotation)


def _integer(word: str) -> int:
    if _INTEGER.fullmatch(word) is None:
        raise ValueError(word)
    return int(word)


def _number(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(word)
    return value


def _boolean(word: str) -> bool:
    value = _BOOLEANS.get(word.lower())
    if value is None:
        raise ValueError(word)
    return value


def _account(word: str) -> Account:
    violation = account_violation(word)
    if violation is not None:
        raise NoSuchValue(f"is no account: {violation.reason}")
    return Account(word)


def _channel(word: str) -> ChannelName:
    violation = channel_violation(word)
    if violation is not None:
        raise NoSuchValue(f"is no channel: {violation.reason}")
    return ChannelName(word)


def _one_of(options: dict[str, object]) -> Converter:
    def read(word: str) -> object:
        if word not in options:
            raise NoSuchValue(f"is none of {', '.join(options)}")
        return options[word]

    return Converter(f"one of {', '.join(options)}", read, tuple(options))


def _enum(members: type[Enum]) -> Converter:
    by_value = {str(member.value).lower(): member for member in members}
    by_name = {member.name.lower(): member for member in members}
    shown = tuple(str(member.value if isinstance(member.value, str) else member.name).lower() for member in members)

    def read(word: str) -> object:
        member = by_value.get(word.lower()) or by_name.get(word.lower())
        if member is None:
            raise NoSuchValue(f"is none of {', '.join(shown)}")
        return member

    return Converter(f"one of {', '.join(shown)}", read, shown)


def _bounded(annotation: object) -> Converter | None:
    inner = converter_of(get_args(annotation)[0])
    if inner is None:
        return None
    metas = [note for note in get_args(annotation)[1:] if isinstance(note, msgspec.Meta)]
    bounds = [
        f"{words} {bound:g}"
        for meta in metas
        for name, words in _BOUNDS.items()
        if (bound := getattr(meta, name)) is not None
    ]
    noun = f"{inner.noun} of {' and '.join(bounds)}" if bounds else inner.noun

    def read(word: str) -> object:
        value = inner.convert(word)
        try:
            return msgspec.convert(value, annotation)
        except msgspec.ValidationError as error:
            raise NoSuchValue(f"is not {noun}" if bounds else f"does not fit: {error}") from None

    return Converter(noun, read, inner.options)


def _shown(word: str) -> str:
    return repr(word if len(word) <= SHOWN else f"{word[:SHOWN]}…")


_CONVERTERS: dict[object, Converter] = {
    str: Converter("a word", str),
    int: Converter("a whole number", _integer),
    float: Converter("a number", _number),
    bool: Converter("yes or no", _boolean, ("yes", "no")),
    Account: Converter("an account", _account),
    ChannelName: Converter("a channel", _channel),
    timedelta: Converter("a duration like 90s, 10m, 1h30m or 2d", parse_duration),
}
_TEXT = Converter("text", str)
