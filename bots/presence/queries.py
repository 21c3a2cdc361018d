"""Questions to the daemon's database: who is there, who was, what happened, and how that is known.

They read only, so any process may ask while the daemon runs.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from botkit import Database, SqlValue
from bots.presence.courses import Course, course_of
from bots.presence.projection import IN_GAP, Status
from bots.presence.records import Record, decode_record
from bots.presence.stays import Gap, Stay
from bots.presence.store import GAP_COLUMNS, STAY_COLUMNS, gap_of, number, stay_of
from bots.presence.timeline import Exactness, Knowledge, covers, lasted_at, status_at, time_there

MAX_RECORDS = 10_000
"""Of one answer."""

EVIDENCE_BEFORE = 4
"""Records before the time that is asked for, besides the one that decides."""

SILENCE_MS = 30_000
"""When the daemon has not heard the gateway for so long, nobody knows who is there now: half of the time after which
whoever is gone without a word has to be gone in every answer."""


class Whereabouts(Struct, frozen=True, kw_only=True):
    """One account at a time: whether it is online, and in which channel (empty: in none, or unknown).

    ``since_ms`` is when that login began; None if nobody saw it.
    """

    account: str
    status: Status
    channel: str = ""
    channel_status: Status = "offline"
    session: str = ""
    since_ms: int | None = None


class Picture(Struct, frozen=True, kw_only=True):
    """Who was there at ``ms``: those online, and those of whom nobody knows. Nobody else was, unless ``unknown`` says
    why that is not known; then there may have been others.
    """

    ms: int
    people: Sequence[Whereabouts]
    unknown: str = ""

    def sizes(self) -> dict[str, int]:
        """How many are online (under the empty name), and in each channel, of those that are known to be there."""
        sizes = {"": 0}
        for one in self.people:
            if one.status == "online":
                sizes[""] += 1
            if one.channel_status == "online":
                sizes[one.channel] = sizes.get(one.channel, 0) + 1
        return sizes


class Explanation(Struct, frozen=True, kw_only=True):
    """What an account was at ``ms``, and by what that is known: ``evidence`` are the records before and after it.

    ``confidence``: ``certain`` when the gateway told it, ``inferred`` when a snapshot showed it, ``none`` for what
    nobody knows; ``why`` has the words.
    """

    account: str
    ms: int
    status: Status
    channel: str
    confidence: str
    why: str
    evidence: Sequence[Record]


class Account(Struct, frozen=True, kw_only=True):
    """How long an account was online (``channel`` is empty) or in a channel, between two times."""

    account: str
    channel: str
    time: Exactness


class Queries:
    """Answers from a daemon's database. All methods raise ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def knowledge(self) -> Knowledge:
        """What can be known at all."""
        keys = "'known_ms', 'floor_ms', 'read_ms'"
        rows = await self._database.fetch(f"SELECT key, value FROM state WHERE key IN ({keys})")
        state = {str(key): number(value) for key, value in rows}
        gaps = await self._database.fetch(f"SELECT {GAP_COLUMNS} FROM gaps ORDER BY n")
        return Knowledge(
            from_ms=state.get("floor_ms", 0),
            known_ms=state.get("known_ms", 0),
            gaps=[gap_of(row) for row in gaps],
            read_ms=state.get("read_ms", 0),
        )

    async def now(self, clock_ms: int) -> Picture:
        """Who is there, as of the last that was read: ``ms`` says when that was.

        ``clock_ms`` is the time on this machine. When the daemon had last heard the gateway ``SILENCE_MS`` before it,
        everybody is unknown.
        """
        knowledge = await self.knowledge()
        stays = await self._stays("state <> 'closed'")
        silence_ms = clock_ms - knowledge.read_ms
        if not knowledge.known_ms:
            unknown = "the daemon has not read anything yet"
        elif silence_ms >= SILENCE_MS:
            seconds = silence_ms // 1000
            unknown = f"nothing was read for {seconds} s: does the bot run, and does the gateway answer it?"
            return Picture(ms=knowledge.known_ms, people=_people([], stays), unknown=unknown)
        else:
            unknown = next((gap.cause for gap in knowledge.gaps if gap.to_ms is None), "")
        return Picture(ms=knowledge.known_ms, people=_people(stays, []), unknown=unknown)

    async def at(self, ms: int) -> Picture:
        """Who was there at ``ms``, in milliseconds since 1970."""
        knowledge = await self.knowledge()
        if ms >= knowledge.known_ms:
            there = await self._stays("state <> 'closed'")
            return Picture(ms=ms, people=_people([], there), unknown=knowledge.why_unknown(ms))
        there = await self._stays("start_ms <= ? AND (end_ms IS NULL OR end_ms > ?)", ms, ms)
        gap = next((gap for gap in knowledge.gaps if covers(gap, ms)), None)
        before = [] if gap is None else await self._cut_off(gap, ms)
        return Picture(ms=ms, people=_people(there, before), unknown=knowledge.why_unknown(ms))

    async def status(self, account: str, channel: str, ms: int) -> Status:
        """Whether an account was online, or in a channel, at ``ms``."""
        knowledge = await self.knowledge()
        return status_at(await self._stays("account = ? AND channel = ?", account, channel), knowledge, ms)

    async def history(self, account: str, *, from_ms: int = 0, to_ms: int = 2**62) -> list[Record]:
        """What happened to an account, and the gaps in it, in their order; the latest ``MAX_RECORDS``."""
        return await self._records(account, from_ms, to_ms, latest=MAX_RECORDS)

    async def explain(self, account: str, ms: int) -> Explanation:
        """What an account was at ``ms``, and how that is known."""
        knowledge = await self.knowledge()
        stays = await self._stays("account = ?", account)
        services = [stay for stay in stays if not stay.channel]
        status = status_at(services, knowledge, ms)
        member = next((stay for stay in stays if stay.channel and status == "online" and lasted_at(stay, ms)), None)
        before = await self._records(account, 0, ms + 1, latest=EVIDENCE_BEFORE)
        after = await self._records(account, ms + 1, 2**62, first=1)
        decisive = await self._decisive(account, ms)
        if decisive is not None and decisive not in before:
            before = [decisive, *before]
        stay = next((stay for stay in services if lasted_at(stay, ms)), None)
        confidence, why = _confidence(status, stay, decisive, knowledge.why_unknown(ms))
        return Explanation(
            account=account,
            ms=ms,
            status=status,
            channel="" if member is None else member.channel,
            confidence=confidence,
            why=why,
            evidence=[*before, *after],
        )

    async def accounts(self, from_ms: int, to_ms: int, account: str = "") -> list[Account]:
        """How long whoever was there between the two was online, and in each channel."""
        knowledge = await self.knowledge()
        where = "start_ms < ? AND (end_ms IS NULL OR end_ms > ?)"
        who = ("AND account = ?", account) if account else ("",)
        stays = await self._stays(f"{where} {who[0]}", to_ms, from_ms, *who[1:])
        by_key: dict[tuple[str, str], list[Stay]] = {}
        for stay in stays:
            by_key.setdefault(stay.key, []).append(stay)
        return [
            Account(account=one, channel=channel, time=time_there(found, knowledge, from_ms, to_ms))
            for (one, channel), found in sorted(by_key.items())
        ]

    async def course(self, from_ms: int, to_ms: int, channels: int) -> Course:
        """How many were online, and in the largest ``channels``, over time: as far as it is known and kept."""
        knowledge = await self.knowledge()
        ((first,),) = await self._database.fetch("SELECT min(start_ms) FROM stays")
        from_ms = max(from_ms, knowledge.from_ms, min(number(first) or knowledge.known_ms, knowledge.known_ms))
        to_ms = max(from_ms, min(to_ms, knowledge.known_ms))
        stays = await self._stays("start_ms < ? AND (end_ms IS NULL OR end_ms > ?)", to_ms, from_ms)
        return course_of(stays, knowledge, from_ms, to_ms, channels)

    async def _records(
        self, account: str, from_ms: int, to_ms: int, *, first: int = 0, latest: int = 0
    ) -> list[Record]:
        """What happened to an account, and the gaps, in their order: the ``first`` or the ``latest`` so many."""
        # The plus keeps SQLite from going through all records of that time.
        order, limit = ("ASC", first) if first else ("DESC", latest)
        part = f"AND +ms >= ?2 AND +ms < ?3 ORDER BY n {order} LIMIT ?4"
        rows = await self._database.fetch(
            f"""
            SELECT json FROM (
                SELECT * FROM (SELECT n, json FROM records WHERE account = ?1 {part}) UNION ALL
                SELECT * FROM (SELECT n, json FROM records WHERE event IN ('gap', 'snapshot') {part})
            ) ORDER BY n {order} LIMIT ?4
            """,
            (account, from_ms, to_ms, limit),
        )
        return [decode_record(str(text)) for (text,) in (rows if first else reversed(rows))]

    async def _decisive(self, account: str, ms: int) -> Record | None:
        """The latest record that says whether an account is online."""
        rows = await self._database.fetch(
            "SELECT json FROM records WHERE account = ? AND event IN ('online', 'offline') AND +ms <= ?"
            " ORDER BY n DESC LIMIT 1",
            (account, ms),
        )
        return decode_record(str(rows[0][0])) if rows else None

    async def _stays(self, where: str, *values: SqlValue) -> list[Stay]:
        rows = await self._database.fetch(f"SELECT {STAY_COLUMNS} FROM stays WHERE {where} ORDER BY id", values)
        return [stay_of(row) for row in rows]

    async def _cut_off(self, gap: Gap, ms: int) -> list[Stay]:
        """The stays that the gap has cut off, as far as nobody knows at ``ms`` whether they went on."""
        return await self._stays(
            "reason = ? AND end_ms >= ? AND end_ms <= ? AND end_n >= ?", IN_GAP, gap.from_ms or 0, ms, gap.number
        )


def _people(there: Iterable[Stay], before: Iterable[Stay]) -> list[Whereabouts]:
    """Those who are there, and those who were before a gap; an account that is in both is there."""
    people: dict[str, Whereabouts] = {}
    for stays, open_status in ((list(before), "unknown"), (list(there), "online")):
        for stay in sorted(stays, key=lambda stay: stay.channel):
            status: Status = "unknown" if stay.state == "held" or open_status == "unknown" else "online"
            known = people.get(stay.account)
            if stay.channel and known is not None:
                people[stay.account] = _in_channel(known, stay.channel, status)
            elif not stay.channel:
                people[stay.account] = Whereabouts(
                    account=stay.account,
                    status=status,
                    session=stay.session,
                    since_ms=stay.start_ms if stay.start_known else None,
                )
    return sorted(people.values(), key=lambda one: one.account)


def _in_channel(one: Whereabouts, channel: str, status: Status) -> Whereabouts:
    return Whereabouts(
        account=one.account,
        status=one.status,
        channel=channel,
        channel_status=status,
        session=one.session,
        since_ms=one.since_ms,
    )


def _confidence(status: Status, stay: Stay | None, told: Record | None, why_unknown: str) -> tuple[str, str]:
    if status == "unknown":
        return "none", f"nobody knows: {why_unknown}"
    if status == "online" and stay is not None and not stay.start_known:
        return "inferred", f"a snapshot showed it; record {stay.start_n} is where that is known from"
    if told is not None and told.uncertain:
        return "inferred", f"record {told.n} was inferred from a snapshot"
    if told is not None:
        return "certain", f"the gateway told it: {told.event} is event {told.seq} of {told.epoch}"
    return "certain", "nothing was told of it, and there is no gap"
