"""A command line as words, with where each of them begins."""

import re
from typing import NamedTuple

_BLANKS = re.compile(r"\s*")
_PLAIN = re.compile(r"\S+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|$)', re.DOTALL)
_ESCAPED = re.compile(r"\\([\"\\])")


class BadLine(ValueError):
    """A line that cannot be read; the text says to its writer why."""


class Word(NamedTuple):
    """One word without its quotes, and the place of its first character in the line."""

    text: str
    begin: int


def first_word(line: str) -> str:
    """What comes before the first blank."""
    match = _PLAIN.match(line)
    return "" if match is None else match[0]


def read_word(line: str, at: int) -> tuple[Word | None, int]:
    """The next word from ``at`` on, None at the end of the line, and the place behind it.

    Raises ``BadLine`` for a quote that is not closed, or that something else follows at once.
    """
    blanks = _BLANKS.match(line, at)
    begin = at if blanks is None else blanks.end()
    if begin == len(line):
        return None, begin
    if line[begin] != '"':
        plain = _PLAIN.match(line, begin)
        assert plain is not None
        return Word(plain[0], begin), plain.end()
    quoted = _QUOTED.match(line, begin)
    if quoted is None:
        raise BadLine('a double quote needs another one, and a blank behind that; a quote inside is written \\"')
    return Word(_ESCAPED.sub(r"\1", quoted[1]), begin), quoted.end()
