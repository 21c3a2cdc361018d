"""Messages and joins of an IRC log, in the format of the public #ubuntu logs, which ``botkit replay`` plays, too.

Messages carry a minute; those of one minute are spread evenly over it, for rules that count.
"""

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from bots.moderation.rules import Fact, Joined, Message

HALF_DAY = 12 * 60
MINUTE_MS = 60_000

_SAID = re.compile(r"\[(\d\d):(\d\d)\] (?:<(?P<nick>[^>]+)> ?|  ?\* (?P<actor>\S+) ?)(?P<text>.*)")
_JOINED = re.compile(r"=== (?P<nick>\S.*?) *\[[^\]\s]*@[^\]\s]*\] +has joined\b.*")


def read_irc_log(file: BinaryIO, channel: str, advance: Callable[[int], None]) -> Iterator[Fact]:
    """The messages and joins of a log; its other lines are passed over. Times begin at the epoch."""
    minute, last = 0, None
    waiting: list[tuple[str, str | None]] = []
    for line in file:
        advance(len(line))
        text = _decode(line.rstrip(b"\r\n"))
        if said := _SAID.fullmatch(text):
            time = int(said[1]) * 60 + int(said[2])
            # The clock may have 12 hours; a time that goes back a little is a line out of place.
            step = 0 if last is None else (time - last) % HALF_DAY
            last = time
            if 0 < step < HALF_DAY - 60:
                yield from _spread(waiting, minute, channel)
                waiting, minute = [], minute + step
            waiting.append((said["nick"] or said["actor"], said["text"]))
        elif joined := _JOINED.fullmatch(text):
            waiting.append((joined["nick"].replace("] ", "]"), None))
    yield from _spread(waiting, minute, channel)


def _spread(waiting: list[tuple[str, str | None]], minute: int, channel: str) -> Iterator[Fact]:
    for number, (nick, text) in enumerate(waiting):
        ms = minute * MINUTE_MS + number * MINUTE_MS // len(waiting)
        if text is None:
            yield Joined(channel=channel, account=nick, ms=ms)
        else:
            yield Message(channel=channel, account=nick, text=text, ms=ms)


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
