"""Golden transcripts: frames as text, written by hand from the protocol, played against either end.

In a frame that is expected, ``<name>`` stands for any run of characters that needs no escape: the first frame that
has it says what it is, every later frame must have the same. ``<ms>`` and ``<any>`` are forgotten at once.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "golden"

_PLACE = re.compile(r"<([a-z][a-z_.]*)>")
_FORGOTTEN = {"ms": r"\d{13}", "any": r'[^"\\]+'}


class Line(NamedTuple):
    """One line of a transcript that is no comment, and where it stands."""

    place: str
    text: str


def transcripts(folder: str) -> list[Path]:
    """The files of ``golden/<folder>``; that there are none would be an error."""
    files = sorted((FOLDER / folder).glob("*.txt"))
    assert files
    return files


def lines_of(path: Path) -> Iterator[Line]:
    """The lines of a transcript. Empty ones, and those that begin with ``#``, are for the reader."""
    for number, text in enumerate(path.read_text().splitlines(), 1):
        if text.strip() and not text.startswith("#"):
            yield Line(f"{path.name}:{number}", text)


class Names:
    """What the ``<names>`` of one transcript stand for."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def filled(self, text: str) -> str:
        """``text`` with every name replaced; all of them must be known."""
        return _PLACE.sub(lambda place: self._known[place[1]], text)

    def match(self, expected: str, found: str) -> bool:
        """Whether ``found`` is what was expected; new names are learned from it."""
        pattern = ""
        fresh: dict[str, str] = {}
        at = 0
        for place in _PLACE.finditer(expected):
            pattern += re.escape(expected[at : place.start()]) + self._pattern(place[1], fresh)
            at = place.end()
        matched = re.fullmatch(pattern + re.escape(expected[at:]), found, re.DOTALL)
        if matched is not None:
            self._known |= {name: matched[group] for name, group in fresh.items()}
        return matched is not None

    def _pattern(self, name: str, fresh: dict[str, str]) -> str:
        if name in _FORGOTTEN:
            return _FORGOTTEN[name]
        if name in self._known:
            return re.escape(self._known[name])
        if name in fresh:
            return f"(?P={fresh[name]})"
        fresh[name] = f"name{len(fresh)}"
        return f'(?P<{fresh[name]}>[^"\\\\]+)'
