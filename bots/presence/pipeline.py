"""What a sink is told of the log: one or more streams, each through a view of its own, in one order. Pure."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from bots.presence.records import PRESENCE, Record
from bots.presence.stays import Stay
from bots.presence.views import View

MAX_STREAMS = 64
"""Of one sink; the last number of a cursor says which one."""


class Start(Struct, frozen=True, kw_only=True):
    """Where a pipeline begins: with the record behind ``n``, at ``ms``.

    ``there`` are the stays of who was there then, ``gone`` the latest ones of who was not. ``in_gap``: not all was
    known.
    """

    n: int
    ms: int
    there: Sequence[Stay] = ()
    gone: Sequence[Stay] = ()
    in_gap: bool = False


class Needs(Struct, frozen=True, kw_only=True):
    """What of a ``Start`` an interest looks at: who is ``there``, and since when these accounts are ``gone``."""

    there: bool = False
    gone: frozenset[str] = frozenset()


class Interest(Protocol):
    """What becomes of a view's records on their way to a subscriber. Pure, and a function of what it was given."""

    needs: Needs

    def seed(self, start: Start, /) -> None:
        """Begin there."""

    def take(self, record: Record) -> list[Record]:
        """The next record of the view; what is told of it, with cursors."""

    def advance(self, ms: int, /) -> list[Record]:
        """Nothing else happened before ``ms``: what is told by then."""

    def due_ms(self) -> int | None:
        """When there is something to tell next, if nothing happens."""

    def is_about(self, account: str, channel: str) -> bool:
        """Whether it is told who is there: an account in the service, or in a channel."""


class Selection:
    """The records about some accounts and channels; gaps, snapshots and outages concern everybody."""

    needs = Needs()

    def __init__(self, accounts: Sequence[str] = (), channels: Sequence[str] = ()) -> None:
        self._accounts, self._channels = accounts, channels

    def seed(self, _start: Start) -> None:
        """It has no state."""

    def take(self, record: Record) -> list[Record]:
        """See ``Interest.take``."""
        if record.event not in PRESENCE or self.is_about(record.account, record.channel):
            return [record]
        return []

    def is_about(self, account: str, channel: str) -> bool:
        """See ``Interest.is_about``. With channels named, the service is of no interest."""
        wanted = matches(account, self._accounts)
        if self._channels:
            wanted = wanted and bool(channel) and matches(channel, self._channels)
        return wanted

    def advance(self, _ms: int) -> list[Record]:
        """Nothing is told by time alone."""
        return []

    def due_ms(self) -> int | None:
        """Never."""
        return None


class Stream:
    """A view, and what of it is of interest."""

    def __init__(self, view: View, interest: Interest) -> None:
        self.view, self.interest = view, interest

    def take(self, record: Record) -> list[Record]:
        """The next record of the log."""
        return self._pass_on(self.view.take(record), record.ms)

    def advance(self, ms: int) -> list[Record]:
        """All before ``ms`` has been taken."""
        return self._pass_on(self.view.advance(ms), ms)

    def due_ms(self) -> int | None:
        """When it has something to tell next, if nothing happens."""
        return min((due for due in (self.view.due_ms(), self.interest.due_ms()) if due is not None), default=None)

    def _pass_on(self, records: Sequence[Record], ms: int) -> list[Record]:
        told = list[Record]()
        for record in records:
            assert record.cursor is not None
            told += self.interest.advance(record.cursor[0])
            told += self.interest.take(record)
        return told + self.interest.advance(ms)


class Pipeline:
    """The streams of one sink, merged by their cursors."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.streams = streams

    @property
    def reach_ms(self) -> int:
        """How far back in the log its output depends on, but for what ``seed`` gives."""
        return max(stream.view.reach_ms for stream in self.streams)

    @property
    def needs(self) -> Needs:
        """What its streams look at."""
        all_needs = [stream.interest.needs for stream in self.streams]
        gone = frozenset[str]().union(*(needs.gone for needs in all_needs))
        return Needs(there=any(needs.there for needs in all_needs), gone=gone)

    def seed(self, start: Start) -> None:
        """Begin there."""
        for stream in self.streams:
            stream.interest.seed(start)

    def take(self, record: Record) -> list[Record]:
        """The next record of the log; what is told of it."""
        return self._merged([stream.take(record) for stream in self.streams])

    def advance(self, ms: int) -> list[Record]:
        """All before ``ms`` has been taken: what is told by then."""
        return self._merged([stream.advance(ms) for stream in self.streams])

    def due_ms(self) -> int | None:
        """When there is something to tell next, if nothing happens."""
        return min((due for stream in self.streams if (due := stream.due_ms()) is not None), default=None)

    @staticmethod
    def _merged(told: Sequence[Sequence[Record]]) -> list[Record]:
        merged = list[Record]()
        for number, records in enumerate(told):
            for record in records:
                assert record.cursor is not None
                ms, n, k = record.cursor
                merged.append(replace(record, cursor=(ms, n, k * MAX_STREAMS + number)))
        return sorted(merged, key=lambda record: record.cursor or (0, 0, 0))


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether ``name`` is one of ``patterns``; without any, all are."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
