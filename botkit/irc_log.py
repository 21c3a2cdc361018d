"""IRC logs, read line by line.

The format is that of the public #ubuntu logs::

    [09:03] <nick> text
    [09:03]  * nick action
    === nick action
    === nick [user@host]  has joined #channel
    === nick [user@host]  has left #channel ["reason"]
    === nick [user@host]  has quit [reason]
    === old is now known as new
    === mode/#channel [+o nick]  by nick

Only messages carry a time; the clock has 12 or 24 hours. The logger wrote a blank behind each ``]``, so that a nick
like ``[B]bob`` stands as ``[B] bob`` in the lines that begin with ``===``.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct


class LogLine(Struct, frozen=True, kw_only=True):
    """The base of all lines. ``number`` counts from 1; ``minute`` counts from the log's first time, or is 0."""

    number: int
    minute: int


class Said(LogLine, frozen=True, kw_only=True):
    """A message of ``nick``, or (``action``) something that it does: the text then tells it in the third person."""

    nick: str
    text: str
    action: bool = False


class Joined(LogLine, frozen=True, kw_only=True):
    """``nick`` came into the channel."""

    nick: str


class Left(LogLine, frozen=True, kw_only=True):
    """``nick`` left the channel."""

    nick: str


class Quit(LogLine, frozen=True, kw_only=True):
    """``nick`` left the network."""

    nick: str


class Renamed(LogLine, frozen=True, kw_only=True):
    """``nick`` goes on as ``new_nick``."""

    nick: str
    new_nick: str


class ModeChanged(LogLine, frozen=True, kw_only=True):
    """The channel's mode changed: the signaling service has nothing like it."""


class Unknown(LogLine, frozen=True, kw_only=True):
    """A line that is none of these; ``text`` is the whole line."""

    text: str


Line: TypeAlias = Said | Joined | Left | Quit | Renamed | ModeChanged | Unknown

HALF_DAY = 12 * 60

_TIMED = re.compile(r"\[(\d\d):(\d\d)\] (?:<(?P<nick>[^>]+)> ?|  ?\* (?P<actor>\S+) ?)(?P<text>.*)")
_MOVED = re.compile(r"=== (?P<nick>\S.*?) *\[[^\]\s]*@[^\]\s]*\] +has (?P<move>joined|left|quit)\b.*")
_RENAMED = re.compile(r"=== (?P<nick>\S.*?) +is now known as (?P<new>\S.*?) *")
_MOVES: dict[str, type[Joined | Left | Quit]] = {"joined": Joined, "left": Left, "quit": Quit}
_MODE = re.compile(r"=== mode/\S+ .*")
_ACTION = re.compile(r"=== (?P<nick>[A-Za-z\[\]\\`_^{|}][\w\[\]\\`^{|}-]*) (?P<text>.*)", re.ASCII)


def read_log(lines: Iterable[bytes]) -> Iterator[Line]:
    """Every line of a log (of an open binary file, say), typed.

    A line that is no UTF-8 is read as Latin-1, as IRC clients do.
    """
    clock = _Clock()
    for number, line in enumerate(lines, start=1):
        yield _read_line(_decode(line.removesuffix(b"\n").removesuffix(b"\r")), number, clock)


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _read_line(line: str, number: int, clock: "_Clock") -> Line:
    if timed := _TIMED.fullmatch(line):
        minute = clock.read(int(timed[1]), int(timed[2]))
        nick, actor = timed["nick"], timed["actor"]
        return Said(number=number, minute=minute, nick=nick or actor, text=timed["text"], action=actor is not None)
    minute = clock.minute
    if moved := _MOVED.fullmatch(line):
        return _MOVES[moved["move"]](number=number, minute=minute, nick=_nick(moved["nick"]))
    if renamed := _RENAMED.fullmatch(line):
        return Renamed(number=number, minute=minute, nick=_nick(renamed["nick"]), new_nick=_nick(renamed["new"]))
    if _MODE.fullmatch(line):
        return ModeChanged(number=number, minute=minute)
    if action := _ACTION.fullmatch(line):
        return Said(number=number, minute=minute, nick=action["nick"], text=action["text"], action=True)
    return Unknown(number=number, minute=minute, text=line)


def _nick(written: str) -> str:
    return written.replace("] ", "]").strip()


class _Clock:
    """Minutes since the first time, past noon and midnight, on a clock of 12 or of 24 hours."""

    def __init__(self) -> None:
        self.minute = 0
        self._last: int | None = None

    def read(self, hour: int, minute: int) -> int:
        time = hour * 60 + minute
        if self._last is not None:
            step = (time - self._last) % HALF_DAY
            # A time that goes back a little is a line out of place, not half a day of silence.
            self.minute += step if step < HALF_DAY - 60 else 0
        self._last = time
        return self.minute
