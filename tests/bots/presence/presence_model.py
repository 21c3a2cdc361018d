"""A gateway's ledger as a model, with all that can happen to it, and a daemon that reads it and is killed."""

import random
from collections.abc import Iterator, Sequence

from msgspec import Struct

from bots.presence.changes import Changes
from bots.presence.projection import Projection
from bots.presence.reading import Answer, Reading
from bots.presence.records import Record
from bots.presence.stays import Cursor, Fact, FactKind, Gap, Key, Page, Stay
from bots.presence.timeline import Knowledge, status_at

ACCOUNTS = ("ann", "bob", "cat", "dan", "eve")
CHANNELS = ("", "lobby", "room")


class Truth(Struct):
    """Who was where, and since when: the oracle."""

    changes: list[tuple[int, frozenset[Key]]]

    def take_back(self, count: int) -> None:
        """The latest ``count`` changes were told to nobody, and are undone."""
        del self.changes[len(self.changes) - count :]

    def at(self, ms: int) -> frozenset[Key]:
        """Who was where when all was done that happened at ``ms``."""
        there = frozenset[Key]()
        for when, state in self.changes:
            if when > ms:
                break
            there = state
        return there


class ModelGateway:
    """People come and go; events are numbered, kept, trimmed, and taken back by a crash if they were not committed."""

    def __init__(self, chance: random.Random, people: Sequence[str] = ACCOUNTS) -> None:
        self.chance, self.people = chance, people
        self.ms, self.epoch, self.last, self.committed, self.oldest = 1_000, "e0", 0, 0, 1
        self.facts: dict[int, Fact] = {}
        self.there: dict[str, str] = {}
        self.truth = Truth([(0, frozenset())])

    def happen(self) -> None:
        """Somebody does something."""
        self.ms += self.chance.choice((0, 1, 7, 500))
        account = self.chance.choice(self.people)
        if account not in self.there:
            self.there[account] = ""
            self._tell("online", account)
            return
        wanted = self.chance.choice((*CHANNELS, "gone"))
        if self.there[account] and wanted != self.there[account]:
            channel, self.there[account] = self.there[account], ""
            self._tell("left", account, channel, "leave")
        if wanted == "gone":
            del self.there[account]
            self._tell("offline", account, reason="logout")
        elif wanted and self.there[account] != wanted:
            self.there[account] = wanted
            self._tell("joined", account, wanted)

    def commit(self) -> None:
        """What happened is on disk now, and shown."""
        self.committed = self.last

    def something_else(self) -> None:
        """An event that is not about presence takes a number."""
        self._tell(None, "ann")

    def trim(self) -> None:
        """The oldest events are forgotten; the newest stays."""
        self.oldest = self.chance.randint(self.oldest, max(self.oldest, self.committed))

    def crash(self) -> None:
        """It is killed, and starts again with what was committed; the others have to log in."""
        self.ms += self.chance.choice((1, 3_000))
        self.truth.take_back(self.last - self.committed)
        self.last = self.committed
        for seq in [seq for seq in self.facts if seq > self.last]:
            del self.facts[seq]
        self.there = self._committed_state()
        self._note()
        for account, channel in list(self.there.items()):
            if self.chance.random() < 0.5:
                del self.there[account]
                if channel:
                    self._tell("left", account, channel, "crashed")
                self._tell("offline", account, reason="crashed")
        self.commit()

    def forget_all(self) -> None:
        """It starts without its past: another epoch."""
        self.ms += self.chance.choice((1, 3_000))
        self.epoch = f"e{int(self.epoch[1:]) + 1}"
        self.facts, self.there, self.last, self.committed, self.oldest = {}, {}, 0, 0, 1
        self._note()

    def read(self, cursor: Cursor, limit: int) -> Answer:
        """Events behind the cursor, as the gateway answers."""
        foreign = cursor.epoch not in ("", self.epoch) or cursor.seq > self.last
        after = 0 if foreign else cursor.seq
        first = max(after + 1, self.oldest)
        facts = [self.facts[seq] for seq in range(first, self.committed + 1)][:limit]
        missing = foreign or first > after + 1
        before = (facts[0].seq if facts else first) if missing else None
        return Answer(epoch=self.epoch, last=self.last, facts=facts, before=before, ms=self.ms)

    def snapshot(self) -> Iterator[Page]:
        """Who is there, in pages of at most two accounts; something may happen between them."""
        after, more = "", True
        while more:
            accounts = sorted(account for account in self.there if account > after)
            page, more = accounts[:2], len(accounts) > 2
            present = {(account, ""): 7 for account in page}
            present |= {(account, self.there[account]): 7 for account in page if self.there[account]}
            last = page[-1] if more else None
            yield Page(after=after, last=last, ms=self.ms, epoch=self.epoch, seq=self.last, present=present)
            after = last or ""
            if self.chance.random() < 0.5:
                self.happen()

    def keys(self) -> frozenset[Key]:
        """Who is where now."""
        members = {(account, channel) for account, channel in self.there.items() if channel}
        return frozenset({(account, "") for account in self.there} | members)

    def _committed_state(self) -> dict[str, str]:
        there = dict[str, str]()
        for seq in sorted(self.facts):
            fact = self.facts[seq]
            match fact.kind:
                case "online" | "left":
                    there[fact.account] = ""
                case "joined":
                    there[fact.account] = fact.channel
                case "offline":
                    there.pop(fact.account, None)
        return there

    def _tell(self, kind: FactKind | None, account: str, channel: str = "", reason: str = "") -> None:
        self.last += 1
        self.facts[self.last] = Fact(
            kind=kind,
            account=account,
            uid=7,
            ms=self.ms,
            epoch=self.epoch,
            seq=self.last,
            channel=channel,
            reason=reason,
        )
        self._note()
        if self.chance.random() < 0.8:
            self.commit()

    def _note(self) -> None:
        self.truth.changes.append((self.ms, self.keys()))


class Disk:
    """What survives the daemon: the columns of its database, as values."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.stays: dict[int, Stay] = {}
        self.gaps: dict[int, Gap] = {}
        self._numbers = (0, 0, 0)
        self._cursor: Cursor | None = None
        self.known_ms: int | None = None

    def commit(self, changes: Changes, reading: Reading) -> None:
        """All of a step, or nothing."""
        self.records += changes.records
        self.stays |= changes.stays
        self.gaps |= changes.gaps
        self._numbers = reading.projection.numbers
        self._cursor, self.known_ms = reading.cursor, reading.known_ms

    def load(self) -> Reading:
        """A daemon's start."""
        last_n, last_stay, latest_ms = self._numbers
        projection = Projection(
            last_n=last_n,
            last_stay=last_stay,
            latest_ms=latest_ms,
            stays=[stay for stay in self.stays.values() if stay.state != "closed"],
            gap=next((gap for gap in self.gaps.values() if gap.to_ms is None), None),
        )
        return Reading(projection, lambda _: False, cursor=self._cursor, known_ms=self.known_ms)


class ModelDaemon:
    """Reads the model as the follower reads the gateway."""

    def __init__(self, gateway: ModelGateway) -> None:
        self.gateway, self.disk = gateway, Disk()
        self.reading = self.disk.load()

    def kill(self) -> None:
        """What is not on disk is gone."""
        self.reading = self.disk.load()

    def lose_connection(self) -> None:
        """As the follower does when it meets another connection."""
        self.reading.forget_snapshot()

    def read(self, limit: int) -> bool:
        """One answer; whether it has caught up."""
        reading = self.reading
        if reading.cursor is None and not reading.begin(self.gateway.read(Cursor("", 0), 1000)):
            return False
        assert reading.cursor is not None
        return reading.take(self.gateway.read(reading.cursor, limit))

    def look(self) -> None:
        """A snapshot, if one is wanted."""
        if self.reading.wants_snapshot:
            self.reading.take_snapshot(list(self.gateway.snapshot()))

    def keep(self) -> None:
        """Write it down."""
        self.disk.commit(self.reading.projection.take_changes(), self.reading)

    def settle(self) -> None:
        """All is quiet: read until all is known."""
        self.gateway.commit()
        self.read(1000)
        for _ in range(100):
            self.look()
            caught_up = self.read(1000)
            self.keep()
            if caught_up and self.reading.projection.gap is None:
                return
            self.gateway.commit()
        raise AssertionError("it never gets to know all")


def walk(seed: int, steps: int = 40) -> ModelDaemon:
    """A whole life, by its seed. Raises ``AssertionError`` where the daemon is silently wrong."""
    chance = random.Random(seed)
    gateway = ModelGateway(chance)
    daemon = ModelDaemon(gateway)
    for _ in range(steps):
        match chance.choices(range(10), (30, 4, 10, 30, 10, 20, 4, 2, 2, 4))[0]:
            case 0:
                gateway.happen()
            case 1:
                gateway.something_else()
            case 2:
                gateway.commit()
            case 3:
                daemon.read(chance.choice((1, 2, 1000)))
            case 4 if daemon.reading.cursor is not None:
                daemon.look()
            case 5 if daemon.reading.cursor is not None:
                daemon.keep()
            case 6:
                daemon.kill()
            case 7:
                gateway.crash()
                daemon.lose_connection()
            case 8:
                gateway.forget_all()
                daemon.lose_connection()
            case 9:
                gateway.trim()
        check_now(daemon)
    daemon.settle()
    check_now(daemon)
    assert {stay.key for stay in daemon.reading.projection.stays()} == gateway.keys()
    check_history(daemon)
    return daemon


def check_now(daemon: ModelDaemon) -> None:
    """What it says now was true when the gateway was at the daemon's cursor, or it says that it does not know."""
    projection, cursor, gateway = daemon.reading.projection, daemon.reading.cursor, daemon.gateway
    if cursor != Cursor(gateway.epoch, gateway.last):
        return  # of the past: that is checked when all is over
    truth = gateway.keys()
    for account in ACCOUNTS:
        for channel in CHANNELS:
            said = projection.status(account, channel)
            is_there = (account, channel) in truth
            assert said == "unknown" or (said == "online") == is_there, (account, channel, said, is_there)
            assert said != "unknown" or projection.gap is not None


def check_history(daemon: ModelDaemon) -> None:
    """At no time in the past does it say what was not so."""
    disk, truth = daemon.disk, daemon.gateway.truth
    assert disk.known_ms is not None
    knowledge = Knowledge(from_ms=0, known_ms=disk.known_ms, gaps=list(disk.gaps.values()))
    stays: dict[Key, list[Stay]] = {}
    for stay in disk.stays.values():
        stays.setdefault(stay.key, []).append(stay)
    for ms in sorted({when + after for when, _ in truth.changes for after in (-1, 0, 1)}):
        there = truth.at(ms)
        for account in ACCOUNTS:
            for channel in CHANNELS:
                said = status_at(stays.get((account, channel), ()), knowledge, ms)
                assert said == "unknown" or (said == "online") == ((account, channel) in there), (account, channel, ms)
