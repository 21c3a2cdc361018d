"""Reads the gateway's ledger to its end, again and again, and keeps what it says.

The feeds' events only ring a bell: what happened is read from the ledger, by the cursor that is on disk with what came
of it. So nothing depends on what a connection or a mailbox has lost.
"""

from collections.abc import Callable

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit import SPECIAL_CHANNELS, LoginSession, Meters, SignalingError, SqlValue, WallClock
from bots.presence.progress import Progress
from bots.presence.reading import Answer, Reading
from bots.presence.stays import Cursor, Fact, FactKind, Key, Page
from bots.presence.store import PresenceStore

POLL_SECONDS = 1.0
"""How often the ledger is asked when no bell rings."""

PAGE = 1000
"""Events in one answer: what a gateway gives at most."""

COMMIT_SECONDS = 0.05
"""When the ledger has numbered events that it cannot show yet: how long until it is asked for them again."""

KEEP_TIME_MS = 2_000
"""How old the time on disk may get up to which all is known, while nothing happens."""

_KINDS: dict[str, FactKind] = {
    "user_online": "online",
    "user_offline": "offline",
    "channel_join": "joined",
    "channel_leave": "left",
}

_log: FilteringBoundLogger = structlog.get_logger("botkit.presence")


class Follower:
    """Follows the ledger with whatever session there is. ``run`` is its task."""

    def __init__(
        self, reading: Reading, store: PresenceStore, progress: Progress, meters: Meters, *, log_events: bool = False
    ) -> None:
        self._reading, self._store, self._progress = reading, store, progress
        self._log_events = log_events
        self._clock = WallClock()
        self._session: LoginSession | None = None
        self._bell = trio.Event()
        self._connection: object = None
        self._kept_ms = 0
        self._complaint = ""
        self._gaps = meters.counter("presence_gaps", "Gaps in what the presence bot knows")
        self._failures = meters.counter("presence_read_failures", "Times that the gateway did not tell who is there")
        self._records = meters.counter("presence_records", "Records that the presence bot has written", "event")

    def use(self, session: LoginSession) -> None:
        """Ask over this session from now on."""
        self._session = session

    def ring(self) -> None:
        """There may be something to read."""
        self._bell.set()

    async def run(self) -> None:
        """Follow, until cancelled. Raises ``StoreError`` when what was read cannot be kept."""
        while True:
            self._bell = trio.Event()
            if self._session is not None:
                await self._follow(self._session)
            with trio.move_on_after(POLL_SECONDS):
                await self._bell.wait()

    async def _follow(self, session: LoginSession) -> None:
        try:
            while not await self._read_once(session):
                pass
        except SignalingError as error:
            self._complain(error, session)
        else:
            self._complaint = ""

    async def _read_once(self, session: LoginSession) -> bool:
        """One answer of the ledger, and a snapshot if one is wanted; whether all is known now."""
        reading = self._reading
        self._note_connection(session)
        if reading.cursor is None and not await self._begin(session):
            await trio.sleep(COMMIT_SECONDS)
            return False
        before = reading.cursor
        assert before is not None
        answer = await _ask(session, before)
        self._note_connection(session)
        caught_up = reading.take(answer)
        await self._keep()
        if reading.wants_snapshot:
            pages = await _read_snapshot(session, reading.is_ignored)
            if self._note_connection(session):
                reading.take_snapshot(pages)
                await self._keep()
        if caught_up and not reading.projection.gap:
            return True
        if reading.cursor == before and not answer.facts:
            await trio.sleep(COMMIT_SECONDS)
        return False

    async def _begin(self, session: LoginSession) -> bool:
        newest = await _ask(session, Cursor("", 0), limit=1)
        return self._reading.begin(await _ask(session, Cursor(newest.epoch, max(0, newest.last - PAGE))))

    def _note_connection(self, session: LoginSession) -> bool:
        """Whether it is the same as at the last look. A gateway that was killed may take back what it said before."""
        connection = (id(session), session.statistics().connections)
        same, self._connection = connection == self._connection, connection
        if not same:
            self._reading.forget_snapshot()
        return same

    async def _keep(self) -> None:
        reading = self._reading
        changes = reading.projection.take_changes()
        known_ms = reading.known_ms or 0
        cursor = reading.cursor or Cursor("", 0)
        last_n, last_stay, latest_ms = reading.projection.numbers
        if changes.records or changes.stays or known_ms - self._kept_ms >= KEEP_TIME_MS:
            state: dict[str, SqlValue] = {
                "epoch": cursor.epoch,
                "seq": cursor.seq,
                "known_ms": reading.known_ms,
                "read_ms": self._clock.ms(),
                "last_n": last_n,
                "last_stay": last_stay,
                "latest_ms": latest_ms,
            }
            await self._store.commit(changes, state)
            self._kept_ms = known_ms
        for record in changes.records:
            self._records.add_for(record.event)
            if record.event == "gap":
                self._gaps.add()
                _log.warning("presence is unknown from here on", cause=record.reason, accounts=record.count)
            elif record.event == "snapshot":
                _log.info("presence is known", online=record.count, found=record.found, gone=record.gone)
            elif self._log_events:
                facts = {"channel": record.channel, "reason": record.reason}
                _log.info(record.event, who=record.account, **{name: fact for name, fact in facts.items() if fact})
        self._progress.advance(last_n, known_ms, changes.records)

    def _complain(self, error: SignalingError, session: LoginSession) -> None:
        self._failures.add()
        if str(error) != self._complaint:
            self._complaint = str(error)
            hint = (
                f"is {session.account} in the gateway's server_accounts?" if "server" in str(error) else "asked again"
            )
            _log.warning("the gateway does not tell who is there", error=str(error), hint=hint)


async def _ask(session: LoginSession, cursor: Cursor, limit: int = PAGE) -> Answer:
    page = await session.read_ledger(cursor.epoch, cursor.seq, limit=limit)
    facts = [
        Fact(
            kind=_KINDS.get(event.event),
            account=event.account,
            uid=event.uid,
            ms=event.ms,
            epoch=event.epoch,
            seq=event.seq,
            channel=event.channel,
            reason=event.reason,
        )
        for event in page.events
    ]
    before = None if page.gap is None else page.gap.before
    return Answer(epoch=page.epoch, last=page.last, facts=facts, before=before, ms=page.ms)


async def _read_snapshot(session: LoginSession, is_ignored: Callable[[str], bool]) -> list[Page]:
    pages, last, more = list[Page](), "", True
    while more:
        answer = await session.read_online(last)
        after, more = last, answer.more and bool(answer.sessions)
        last = answer.sessions[-1].account if answer.sessions else last
        present = dict[Key, int]()
        for online in answer.sessions:
            if not is_ignored(online.account):
                present[online.account, ""] = online.uid
                if online.channel and online.channel not in SPECIAL_CHANNELS:
                    present[online.account, online.channel] = online.uid
        pages.append(
            Page(
                after=after,
                last=last if more else None,
                ms=answer.ms,
                epoch=answer.epoch,
                seq=answer.seq,
                present=present,
            )
        )
    return pages
