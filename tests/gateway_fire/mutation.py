"""Mutated frames: a seed of the corpus, and a few bytes that say what is done to it. The same bytes, the same frame."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

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
    """Bytes as a row of decisions; zeros once they have run out."""

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


Put = Callable[[JsonValue], None]


def _places(value: JsonValue) -> tuple[list[Put], list[Put]]:
    """What puts another value into the places of a JSON value: of its lists, and of its objects."""
    in_lists: list[Put] = []
    in_objects: list[Put] = []
    inside: list[JsonValue] = []
    if isinstance(value, list):
        in_lists = [partial(value.__setitem__, index) for index in range(len(value))]
        inside = value
    elif isinstance(value, dict):
        in_objects = [partial(value.__setitem__, key) for key in value]
        inside = list(value.values())
    for inner in inside:
        deeper_in_lists, deeper_in_objects = _places(inner)
        in_lists += deeper_in_lists
        in_objects += deeper_in_objects
    return in_lists, in_objects


def _replace_value(text: str, choices: _Choices) -> str:
    value: JsonValue = msgspec.json.decode(text)
    in_lists, in_objects = _places(value)
    # What stands in lists is the frame itself.
    places = in_objects if in_objects and choices.below(16) else in_lists
    if places:
        places[choices.below(len(places))](VALUES[choices.below(len(VALUES))])
    return msgspec.json.encode(value).decode()


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
