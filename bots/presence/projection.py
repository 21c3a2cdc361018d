"""Who is online and who is in which channel, by the ledger's events in their order. Pure: no I/O, no clock.

Never silently wrong. Where events are missing a gap begins: all stays are held, and everybody is unknown but for those
of whom a later event tells that they are there. A snapshot of the gateway ends the gap: it is folded in at its own
place among the events, and what it shows to be different is recorded as such, ``uncertain``.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from bots.presence.changes import ChangeLog, Changes, Who, unsure
from bots.presence.records import VERSION, Record
from bots.presence.stays import Cursor, Fact, Gap, Page, Stay

Status: TypeAlias = Literal["online", "offline", "unknown"]

IN_GAP = "gap"
"""The reason of a stay that a gap has cut off."""


class _Person(Struct):
    """An account's stay in the service, and the one in its channel: the service lets a session be in one at a time."""

    service: Stay | None = None
    member: Stay | None = None

    def stays(self) -> list[Stay]:
        """Out of the channel before out of the service."""
        return [stay for stay in (self.member, self.service) if stay is not None]

    def put(self, stay: Stay) -> None:
        if stay.channel:
            self.member = stay
        else:
            self.service = stay

    def drop(self, stay: Stay) -> None:
        if stay is self.member:
            self.member = None
        elif stay is self.service:
            self.service = None


class Projection:
    """Who is where, as far as is known. Steps come in the ledger's order; ``take_changes`` has what they changed.

    It is as large as the gateway's own state: two stays at most for each session.
    """

    def __init__(
        self,
        *,
        last_n: int = 0,
        last_stay: int = 0,
        latest_ms: int = 0,
        stays: Iterable[Stay] = (),
        gap: Gap | None = None,
    ) -> None:
        self.gap = gap
        self._log = ChangeLog(last_n=last_n, last_stay=last_stay, latest_ms=latest_ms)
        self._people: dict[str, _Person] = {}
        self._found = self._gone = 0
        for stay in stays:
            self._person(stay.account).put(stay)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The number of the newest record and of the newest stay, and the latest time of any."""
        return self._log.last_n, self._log.last_stay, self._log.latest_ms

    def take_changes(self) -> Changes:
        """What has changed since the last time."""
        return self._log.take()

    def status(self, account: str, channel: str = "") -> Status:
        """Whether an account is online, or in a channel."""
        person = self._people.get(account)
        stay = None if person is None else (person.member if channel else person.service)
        if stay is not None and stay.state == "open" and stay.channel == channel:
            return "online"
        return "offline" if self.gap is None else "unknown"

    def stays(self) -> Iterator[Stay]:
        """All stays that last (``open``), and those of which nobody knows it (``held``)."""
        return (stay for person in self._people.values() for stay in person.stays())

    def apply(self, fact: Fact) -> None:
        """The next event of the ledger."""
        person, at = self._person(fact.account), Cursor(fact.epoch, fact.seq)
        match fact.kind:
            case "online":
                self._end_unseen(person, person.stays(), fact.ms, at)
                who = Who(fact.account, fact.uid, "", f"{fact.epoch}-{fact.seq}")
                person.service = self._log.began(who, fact.ms, at)
            case "joined":
                session = self._be_there(Who(fact.account, fact.uid), fact.ms, at).session  # whether its login was seen
                self._end_unseen(person, [] if person.member is None else [person.member], fact.ms, at)
                who = Who(fact.account, fact.uid, fact.channel, session)
                person.member = self._log.began(who, fact.ms, at)
            case "left":
                self._end(person, person.member, fact, at)
            case "offline":
                self._end_unseen(person, [] if person.member is None else [person.member], fact.ms, at)
                self._end(person, person.service, fact, at)
        self._tidy(fact.account, person)

    def lose(self, at: Cursor, cause: str, *, from_ms: int | None, now_ms: int = 0) -> None:
        """Events behind ``at`` are missing; ``from_ms`` is the time up to which all was known, None for never.

        Then ``now_ms`` is when that is told.
        """
        if self.gap is not None:
            from_ms = self.gap.from_ms
        there = list(self.stays())
        told = self._log.tell(
            Record(
                v=VERSION,
                id=f"{at.epoch}-{at.seq}-gap",
                n=0,
                event="gap",
                ms=from_ms or now_ms,
                reason=cause,
                epoch=at.epoch,
                seq=at.seq,
                from_seq=at.seq,
                from_ms=from_ms,
                scope="all",
                count=sum(not stay.channel for stay in there),
            )
        )
        if self.gap is None:
            gap = Gap(number=told.n, cause=cause, epoch=at.epoch, seq=at.seq, from_ms=from_ms)
            self.gap = self._log.note_gap(gap)
            self._found = self._gone = 0
        for stay in there:
            if stay.state == "open":
                end_ms = max(stay.start_ms, from_ms or 0)
                held = replace(stay, state="held", end_ms=end_ms, end_n=told.n, reason=IN_GAP)
                self._person(stay.account).put(self._log.note(held))

    def take(self, page: Page) -> None:
        """A page of a snapshot, at its place among the events; the last page of one ends the gap."""
        at = Cursor(page.epoch, page.seq)
        for account, person in [(account, person) for account, person in self._people.items() if page.covers(account)]:
            gone = [stay for stay in person.stays() if stay.key not in page.present]
            self._end_unseen(person, gone, page.ms, at)
            self._gone += len(gone)
            self._tidy(account, person)
        for (account, channel), uid in sorted(page.present.items()):  # into the service before into the channel
            self._be_there(Who(account, uid, channel), page.ms, at)
        if page.last is None and self.gap is not None:
            self._end_gap(self.gap, page)

    def _be_there(self, who: Who, ms: int, at: Cursor) -> Stay:
        """It is certain now: either it was known, or it goes on after a gap, or nobody saw it begin."""
        person = self._person(who.account)
        stay = person.member if who.channel else person.service
        if stay is not None and stay.state == "open":
            return stay
        if stay is not None:
            now = self._log.went_on(stay, ms)
        else:
            session = f"{at.epoch}-{at.seq}-{who.account}?" if person.service is None else person.service.session
            now = self._log.found(replace(who, session=session), ms, at)
            self._found += 1
        person.put(now)
        return now

    def _end(self, person: _Person, stay: Stay | None, fact: Fact, at: Cursor) -> None:
        if stay is not None and stay.channel != fact.channel:
            self._end_unseen(person, [stay], fact.ms, at)
            stay = None
        service = stay or person.service
        session = "" if service is None else service.session
        if service is not None and service.state == "held":
            session = unsure(session)
        who = Who(fact.account, fact.uid, fact.channel, session)
        self._log.ended(who, fact.ms, at, reason=fact.reason, stay=stay)
        if stay is not None:
            person.drop(stay)

    def _end_unseen(self, person: _Person, stays: Iterable[Stay], ms: int, at: Cursor) -> None:
        for stay in stays:
            self._log.ended_unseen(stay, ms, at)
            person.drop(stay)

    def _end_gap(self, gap: Gap, page: Page) -> None:
        told = self._log.tell(
            Record(
                v=VERSION,
                id=f"{page.epoch}-{page.seq}-snapshot",
                n=0,
                event="snapshot",
                ms=page.ms,
                epoch=page.epoch,
                seq=page.seq,
                from_ms=gap.from_ms,
                to_ms=self._log.time(page.ms),
                count=sum(person.service is not None for person in self._people.values()),
                found=self._found,
                gone=self._gone,
            )
        )
        self._log.note_gap(replace(gap, to_ms=told.ms))
        self.gap = None

    def _person(self, account: str) -> _Person:
        return self._people.setdefault(account, _Person())

    def _tidy(self, account: str, person: _Person) -> None:
        if person.service is None and person.member is None:
            self._people.pop(account, None)
