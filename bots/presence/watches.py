"""What people want to hear of, beyond who comes and goes. Pure: each watch is a function of the records it is given.

A watch tells a record of the event ``watch`` when its state changes. In a gap nothing that rests on somebody's absence
is told: after it, when all is known again, the watch says where it stands.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from msgspec.structs import replace

from bots.presence.pipeline import Needs, Start, matches
from bots.presence.records import VERSION, Place, Record


class Watch(ABC):
    """The base of all watches: it knows who is where, and numbers what it tells."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.needs = Needs(there=True)
        self.online: set[str] = set()
        self.channel_of: dict[str, str] = {}
        self.in_gap = False

    def seed(self, start: Start) -> None:
        """Begin with who was there."""
        self.online = {stay.account for stay in start.there if not stay.channel}
        self.channel_of = {stay.account: stay.channel for stay in start.there if stay.channel}
        self.in_gap = start.in_gap

    def take(self, record: Record) -> list[Record]:
        """See ``Interest.take``. Gaps and snapshots go on to the subscriber as they are."""
        passed = [record] if record.event in ("gap", "snapshot", "outage") else []
        match record.event:
            case "online":
                self.online.add(record.account)
            case "offline":
                self.online.discard(record.account)
                self.channel_of.pop(record.account, None)
            case "joined":
                self.channel_of[record.account] = record.channel
            case "left":
                if self.channel_of.get(record.account) == record.channel:
                    del self.channel_of[record.account]
            case "gap":
                self.in_gap = True
            case "snapshot":
                self.in_gap = False
        told = self.changed(record)
        place = record.cursor or (record.ms, record.n, 0)
        return [
            replace(one, cursor=(place[0], place[1], place[2] * 1000 + number))
            for number, one in enumerate([*passed, *told])
        ]

    @abstractmethod
    def changed(self, record: Record) -> list[Record]:
        """What the watch tells of ``record``, after who is where was brought up to it."""

    def advance(self, _ms: int) -> list[Record]:
        """Nothing by time alone."""
        return []

    def due_ms(self) -> int | None:
        """Never."""
        return None

    def is_about(self, _account: str, _channel: str) -> bool:
        """What a watch tells is no list of who is there."""
        return False

    def tell(
        self, record: Record, state: str, *, account: str = "", channel: str = "", count: int | None = None
    ) -> Record:
        """The watch is in ``state`` by ``record``."""
        return Record(
            v=VERSION,
            id=f"{record.id}-watch-{self.name}-{state}-{account}-{channel}",
            n=record.n,
            event="watch",
            ms=record.ms,
            account=account,
            channel=channel,
            session=record.session if account else "",
            reason=record.reason,
            uncertain=record.uncertain,
            count=count,
            watch=self.name,
            state=state,
        )

    def members(self, channel: str) -> set[str]:
        """Who is in a channel; with an empty name, who is online."""
        return self.online if not channel else {one for one, where in self.channel_of.items() if where == channel}


class AccountsWatch(Watch):
    """Some accounts, by name or pattern: each time one is ``online`` or ``offline``."""

    def __init__(self, name: str, accounts: Sequence[str]) -> None:
        super().__init__(name)
        self._accounts = accounts

    def changed(self, record: Record) -> list[Record]:
        """See ``Watch``."""
        if record.event in ("online", "offline") and matches(record.account, self._accounts):
            return [self.tell(record, record.event, account=record.account)]
        return []


class ChannelWatch(Watch):
    """Some channels, by name or pattern: each time somebody has ``joined`` or ``left`` one."""

    def __init__(self, name: str, channels: Sequence[str]) -> None:
        super().__init__(name)
        self._channels = channels

    def changed(self, record: Record) -> list[Record]:
        """See ``Watch``."""
        if record.event in ("joined", "left") and matches(record.channel, self._channels):
            return [self.tell(record, record.event, account=record.account, channel=record.channel)]
        return []


class _Sizes(Watch):
    """The base of watches that go by how many are in a channel (the empty one: online)."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._sizes: dict[str, int] = {}

    def seed(self, start: Start) -> None:
        """Begin with who was there."""
        super().seed(start)
        self._sizes = {"": len(self.online)}
        for channel in self.channel_of.values():
            self._sizes[channel] = self._sizes.get(channel, 0) + 1

    def changed(self, record: Record) -> list[Record]:
        """See ``Watch``."""
        step = {"online": 1, "joined": 1, "offline": -1, "left": -1}.get(record.event, 0)
        if not step:
            return []
        before = self._sizes.get(record.channel, 0)
        after = max(0, before + step)
        if after or not record.channel:
            self._sizes[record.channel] = after
        else:
            self._sizes.pop(record.channel, None)
        return self.crossed(record, before, after)

    @abstractmethod
    def crossed(self, record: Record, before: int, after: int) -> list[Record]:
        """What is told when a size goes from one number to another."""


class OccupiedWatch(_Sizes):
    """Some channels: ``occupied`` when the first comes in, ``vacated`` when the last has left."""

    def __init__(self, name: str, channels: Sequence[str]) -> None:
        super().__init__(name)
        self._channels = channels

    def crossed(self, record: Record, before: int, after: int) -> list[Record]:
        """See ``Watch``."""
        if not record.channel or not matches(record.channel, self._channels) or (before > 0) == (after > 0):
            return []
        state = "occupied" if after else "vacated"
        return [self.tell(record, state, account=record.account, channel=record.channel, count=after)]


class CountWatch(_Sizes):
    """How many are in a channel, or online: ``reached`` at ``at_least``, ``below`` under it."""

    def __init__(self, name: str, channel: str, at_least: int) -> None:
        super().__init__(name)
        self._channel, self._at_least = channel, at_least

    def crossed(self, record: Record, before: int, after: int) -> list[Record]:
        """See ``Watch``."""
        if record.channel != self._channel or (before >= self._at_least) == (after >= self._at_least):
            return []
        state = "reached" if after >= self._at_least else "below"
        return [self.tell(record, state, channel=record.channel, count=after)]


class EveryoneWatch(Watch):
    """Whether all of some accounts are in a channel, or online: ``complete``, ``incomplete``."""

    def __init__(self, name: str, accounts: Sequence[str], channel: str) -> None:
        super().__init__(name)
        self._accounts, self._channel = frozenset(accounts), channel
        self._complete = False

    def seed(self, start: Start) -> None:
        """Begin with who was there."""
        super().seed(start)
        self._complete = self._accounts <= self.members(self._channel)

    def changed(self, record: Record) -> list[Record]:
        """See ``Watch``."""
        if record.account not in self._accounts:
            return []
        complete = self._accounts <= self.members(self._channel)
        if complete == self._complete:
            return []
        self._complete = complete
        state = "complete" if complete else "incomplete"
        count = len(self._accounts & self.members(self._channel))
        return [self.tell(record, state, account=record.account, channel=self._channel, count=count)]


class AbsentWatch(Watch):
    """Some accounts, by name: ``absent`` when one was away for ``ms``, and ``back`` when it comes after that.

    Who was never seen is away since the watch began. In a gap nobody can be said to be absent; for who is away when all
    is known again, the time begins then.
    """

    def __init__(self, name: str, accounts: Sequence[str], ms: int) -> None:
        super().__init__(name)
        self._accounts, self._ms = frozenset(accounts), ms
        self.needs = Needs(there=True, gone=self._accounts)
        self._since: dict[str, int] = {}
        self._told: set[str] = set()

    def seed(self, start: Start) -> None:
        """Begin with who was there, and since when the others are gone."""
        super().seed(start)
        left = {stay.account: stay.end_ms or start.ms for stay in start.gone}
        if start.ms:
            self._since = {account: left.get(account, start.ms) for account in self._accounts - self.online}
        self._told = {account for account, since in self._since.items() if since + self._ms <= start.ms}

    def changed(self, record: Record) -> list[Record]:
        """See ``Watch``."""
        if record.event == "snapshot":  # whoever is away may have been there in the gap
            self._since |= dict.fromkeys(self._accounts - self.online - self._told, record.ms)
        if record.account not in self._accounts:
            return []
        if record.event == "offline":
            self._since[record.account] = record.ms
        elif record.event == "online":
            self._since.pop(record.account, None)
            if record.account in self._told:
                self._told.discard(record.account)
                return [self.tell(record, "back", account=record.account)]
        return []

    def due_ms(self) -> int | None:
        """When the next one has been away for long enough."""
        if self.in_gap:
            return None
        return min((since + self._ms for one, since in self._since.items() if one not in self._told), default=None)

    def advance(self, ms: int) -> list[Record]:
        """Who has been away for long enough."""
        told = list[Record]()
        while (due := self.due_ms()) is not None and due <= ms:
            waiting = sorted(self._since.keys() - self._told)
            account = next(one for one in waiting if self._since[one] + self._ms == due)
            self._told.add(account)
            told.append(self._absent(account, due, (due, 0, len(told))))
        return told

    def _absent(self, account: str, ms: int, cursor: Place) -> Record:
        return Record(
            v=VERSION,
            id=f"watch-{self.name}-absent-{account}-{ms}",
            n=0,
            event="watch",
            ms=ms,
            account=account,
            since_ms=self._since[account],
            watch=self.name,
            state="absent",
            cursor=cursor,
        )
