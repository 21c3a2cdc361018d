"""Mutated frames: a seed of the corpus, and a few bytes that say what is done to it. The same bytes, the same frame."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from botkit.types import JsonValue

VALUES: list[JsonValue] = [
    *(0, -1, 1, 2**53, 2**53 + 1, 2**64, 0.5, 1e308, True, None),
    *("", " ", "x", "x" * 128, "x" * 129, "x" * 8192, "x" * 8193, "ü" * 65, "\u0000", "\u202e", "🤖", "a b"),
    *("nobody", "ann", "victim", "$ME", "lobby", "talk", "their talk", "__agora_user_online", "test-app", "other-app"),
    *("v1:E:999999999", '{"_timeout":1}', "_channel_ttl"),
    [],
    {},
    [[[[[[]]]]]],
    {"line": 1},
]
"""What is put in the place of some value of a frame."""

PIECES = [b'"', b"\\", b"[", b"]", b"{", b"}", b",", b"9" * 30, b"\\u0000", b"\\ud800", b"\xff", b"\xc3", b"[" * 2000]
"""What is put into the text of a frame, wherever it fits least."""


def read_corpus(folder: Path, *names: str) -> list[str]:
    """The frames of some files of a corpus: one on each line that is no ``#`` note."""
    lines = [line for name in names for line in (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if not line.startswith("#")]


class _Choices:
    """Bytes as a row of decisions; zeros once they have run out, which are the mildest choices."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def below(self, bound: int) -> int:
        """A number from 0 to ``bound`` - 1."""
        number = next(self._data, 0)
        if bound > 256:
            number = number * 256 + next(self._data, 0)
        return number % bound


def mutate(seeds: Sequence[str], odd: Sequence[str], program: bytes) -> bytes:
    """A frame: mostly one of ``seeds`` with other values in it, or as it is, or damaged; an ``odd`` one; or just noise.

    Few are hardly any frames, because those cost the connection, and nothing else is tried on it.
    """
    choices = _Choices(program)
    kind = choices.below(32)
    if kind == 31:
        return program
    if kind == 30:
        return odd[choices.below(len(odd))].encode()
    text = seeds[choices.below(len(seeds))]
    if kind < 28:
        for _ in range(0 if kind < 5 else 1 + choices.below(3)):
            text = _replace_value(text, choices)
        return text.encode()
    data = text.encode()
    for _ in range(1 + choices.below(3)):
        data = _damage(data, seeds, choices)
    return data


class _Place(NamedTuple):
    """Where a value stands in a frame: what it is now, and what puts another one there."""

    value: JsonValue
    put: Callable[[JsonValue], None]


def _places(value: JsonValue) -> tuple[list[_Place], list[_Place]]:
    """The places in a JSON value: those that make what kind of frame it is, and those of what it says."""
    kind: list[_Place] = []
    content: list[_Place] = []
    inside: list[JsonValue] = []
    if isinstance(value, list):
        for index, item in enumerate(value):
            says_something = isinstance(item, int | float) or (isinstance(item, str) and "{" in item)
            (content if says_something else kind).append(_Place(item, partial(value.__setitem__, index)))
        inside = value
    elif isinstance(value, dict):
        content = [_Place(item, partial(value.__setitem__, key)) for key, item in value.items()]
        inside = list(value.values())
    for inner in inside:
        deeper_kind, deeper_content = _places(inner)
        kind += deeper_kind
        content += deeper_content
    return kind, content


def _replace_value(text: str, choices: _Choices) -> str:
    value: JsonValue = msgspec.json.decode(text)
    kind, content = _places(value)
    places = content if content and choices.below(16) < 15 else kind
    if places:
        place = places[choices.below(len(places))]
        inner = _replace_inside(place.value, choices) if choices.below(8) < 7 else None
        # Mostly of the same type, to get past the decoder.
        values = [each for each in VALUES if type(each) is type(place.value)] if choices.below(4) < 3 else VALUES
        place.put(inner or values[choices.below(len(values))])
    return msgspec.json.encode(value).decode()


def _replace_inside(value: JsonValue, choices: _Choices) -> str | None:
    """The same within a text that is JSON itself, or ends with it; None for any other value."""
    if not isinstance(value, str) or "{" not in value:
        return None
    head, brace, rest = value.partition("{")
    try:
        return head + _replace_value(brace + rest, choices)
    except msgspec.DecodeError:
        return None


def _damage(data: bytes, seeds: Sequence[str], choices: _Choices) -> bytes:
    start, end = sorted((choices.below(len(data) + 1), choices.below(len(data) + 1)))
    match choices.below(5):
        case 0:
            return data[:start] + data[end:]
        case 1:
            return data[:end] + data[start:end] + data[end:]
        case 2:
            return data[:start] + PIECES[choices.below(len(PIECES))] + data[start:]
        case 3:
            return data[:start] + bytes([choices.below(256)]) + data[start + 1 :]
        case _:
            return data[:start] + seeds[choices.below(len(seeds))].encode()[start:]
