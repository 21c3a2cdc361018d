"""What the steps of the projection change, with the numbers that records and stays get. Pure."""

from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from bots.presence.records import UNKNOWN, VERSION, Record
from bots.presence.stays import Cursor, Gap, Stay


class Changes(Struct):
    """Records to tell, and stays and gaps as they are now, by their numbers."""

    records: list[Record] = field(default_factory=list)
    stays: dict[int, Stay] = field(default_factory=dict)
    gaps: dict[int, Gap] = field(default_factory=dict)


class Who(Struct, frozen=True):
    """Somebody somewhere, in a login: what the records and stays of one key have in common."""

    account: str
    uid: int
    channel: str = ""
    session: str = ""


class ChangeLog:
    """Collects changes; gives records and stays their numbers, and keeps their times from running backwards."""

    def __init__(self, *, last_n: int = 0, last_stay: int = 0, latest_ms: int = 0) -> None:
        self.last_n, self.last_stay, self.latest_ms = last_n, last_stay, latest_ms
        self._changes = Changes()

    def take(self) -> Changes:
        """What has changed since the last time."""
        changes, self._changes = self._changes, Changes()
        return changes

    def time(self, ms: int) -> int:
        """``ms``, or the latest time so far where a gateway's clock was set back."""
        self.latest_ms = max(self.latest_ms, ms)
        return self.latest_ms

    def tell(self, record: Record) -> Record:
        """Add a record, as the next one, and return it as it is told."""
        self.last_n += 1
        told = replace(record, v=VERSION, n=self.last_n, ms=self.time(record.ms))
        self._changes.records.append(told)
        return told

    def began(self, who: Who, ms: int, at: Cursor) -> Stay:
        """The ledger told of a beginning."""
        told = self.tell(_record("joined" if who.channel else "online", who, ms, at, f"{at.epoch}-{at.seq}"))
        return self._open(who, told.ms, known=True)

    def found(self, who: Who, ms: int, at: Cursor) -> Stay:
        """Somebody is there whose beginning nobody saw."""
        name = f"{at.epoch}-{at.seq}-found-{who.account}-{who.channel}"
        told = self.tell(replace(_record("joined" if who.channel else "online", who, ms, at, name), uncertain=True))
        return self._open(who, told.ms, known=False)

    def ended(self, who: Who, ms: int, at: Cursor, *, reason: str, stay: Stay | None) -> None:
        """The ledger told of an end: of ``stay``, or of one that nobody saw begin."""
        seen = stay is not None and stay.state == "open"
        since = stay.start_ms if stay is not None and seen and stay.start_known else None
        record = _record("left" if who.channel else "offline", who, ms, at, f"{at.epoch}-{at.seq}")
        told = self.tell(replace(record, reason=reason, since_ms=since))
        if stay is None:
            return
        if seen:
            stay = replace(stay, end_ms=told.ms, end_n=told.n, end_known=True, reason=reason)
        self.note(replace(stay, state="closed"))

    def ended_unseen(self, stay: Stay, ms: int, at: Cursor) -> None:
        """``stay`` is over, and nobody told when: its end is missing."""
        who = Who(stay.account, stay.uid, stay.channel, unsure(stay.session) if stay.state == "held" else stay.session)
        name = f"{at.epoch}-{at.seq}-end-{who.account}-{who.channel}"
        record = _record("left" if who.channel else "offline", who, ms, at, name)
        told = self.tell(replace(record, reason=UNKNOWN, uncertain=True))
        if stay.state == "open":
            stay = replace(stay, end_ms=told.ms, end_n=told.n, reason=UNKNOWN)
        self.note(replace(stay, state="closed"))

    def went_on(self, stay: Stay, ms: int) -> Stay:
        """``stay``, which a gap had cut off, goes on: nobody is told, and from now on it is a new one."""
        self.note(replace(stay, state="closed"))
        who = Who(stay.account, stay.uid, stay.channel, unsure(stay.session))
        return self._open(who, self.time(ms), known=False)

    def note(self, stay: Stay) -> Stay:
        """A stay as it is now."""
        self._changes.stays[stay.id] = stay
        return stay

    def note_gap(self, gap: Gap) -> Gap:
        """A gap as it is now."""
        self._changes.gaps[gap.number] = gap
        return gap

    def _open(self, who: Who, ms: int, *, known: bool) -> Stay:
        self.last_stay += 1
        return self.note(
            Stay(
                id=self.last_stay,
                account=who.account,
                channel=who.channel,
                uid=who.uid,
                session=who.session,
                start_ms=ms,
                start_n=self.last_n,
                start_known=known,
            )
        )


def unsure(session: str) -> str:
    """A session that a gap lies in."""
    return session if session.endswith("?") else f"{session}?"


def _record(event: Literal["online", "offline", "joined", "left"], who: Who, ms: int, at: Cursor, name: str) -> Record:
    return Record(
        v=VERSION,
        id=name,
        n=0,
        event=event,
        ms=ms,
        account=who.account,
        uid=who.uid,
        channel=who.channel,
        session=who.session,
        epoch=at.epoch,
        seq=at.seq,
    )
