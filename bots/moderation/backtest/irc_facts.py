"""Messages and joins of an IRC log, in the format that ``botkit replay`` plays, too (``botkit.irc_log``).

Messages carry a minute; those of one minute are spread evenly over it, for rules that count.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from botkit import irc_log
from bots.moderation.rules import Fact, Joined, Message

MINUTE_MS = 60_000


def read_irc_log(lines: Iterable[bytes], channel: str, advance: Callable[[int], None]) -> Iterator[Fact]:
    """The messages and joins of a log; its other lines are passed over. Times begin at the epoch."""
    told = (
        line for line in irc_log.read_log(_counted(lines, advance)) if isinstance(line, irc_log.Said | irc_log.Joined)
    )
    for minute, group in groupby(told, attrgetter("minute")):
        those = list(group)
        for number, line in enumerate(those):
            yield _fact(line, channel, minute * MINUTE_MS + number * MINUTE_MS // len(those))


def _fact(line: irc_log.Said | irc_log.Joined, channel: str, ms: int) -> Fact:
    if isinstance(line, irc_log.Joined):
        return Joined(channel=channel, account=line.nick, ms=ms)
    return Message(channel=channel, account=line.nick, text=line.text, ms=ms)


def _counted(lines: Iterable[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    for line in lines:
        advance(len(line))
        yield line
