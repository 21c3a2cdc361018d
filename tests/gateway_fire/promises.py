"""What the gateway promised to whom, under a load of everything, and whether it holds."""

import random
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field

import trio

from botkit.backoff import Backoff
from botkit.errors import SignalingError, TransportError
from botkit.events import FeedEvent, InstantMessage
from botkit.signaling import Channel, LoginSession, Signal, SignalSettings
from botkit.testing import Refusal, WirePeer
from botkit.transport.websocket import websocket_connector
from botkit.types import Account
from botkit.wire.admin import LedgerPage
from botkit.wire.ledger import LedgerEvent
from tests.gateway_fire.process import APP

SETTINGS = SignalSettings(reconnect=Backoff(0.05, 0.5), message_ttl=3600)
BOARD = "board"
OFFLINE = tuple(Account(f"offline-{number}") for number in range(3))


def open_signal(url: str) -> Signal:
    """A client that comes back soon."""
    return Signal(APP, url, settings=SETTINGS)


@dataclass
class Register:
    """The values that one name had, was promised to have, and may have since."""

    promised: str = ""
    attempts: set[str] = field(default_factory=set)

    async def set(self, value: str, setting: Awaitable[None]) -> bool:
        """Note an attempt, and whether it was acknowledged."""
        self.attempts.add(value)
        try:
            await setting
        except SignalingError:
            return False  # it may have been carried out
        self.promised, self.attempts = value, set()
        return True

    def allows(self, value: str) -> bool:
        """Whether it may have this value now."""
        return value == self.promised or value in self.attempts


class Witness:
    """What somebody saw of the ledger: the event behind each number, for ever the same."""

    def __init__(self) -> None:
        self.events: dict[int, tuple[str, str, str, int]] = {}
        self.epoch = ""
        self.sightings = 0

    def see_event(self, event: LedgerEvent) -> None:
        """An event that was read."""
        self._see(event.epoch, event.seq, (event.event, event.account, event.channel, event.ms))

    def see_feed(self, event: FeedEvent) -> None:
        """An event that a special channel told."""
        names = {
            "UserOnline": "user_online",
            "UserOffline": "user_offline",
            "MemberJoined": "channel_join",
            "MemberLeft": "channel_leave",
        }
        channel = getattr(event, "channel", "")
        self._see(event.epoch, event.seq, (names[type(event).__name__], event.account, channel, event.ms))

    def _see(self, epoch: str, seq: int, event: tuple[str, str, str, int]) -> None:
        self.epoch = self.epoch or epoch
        assert epoch == self.epoch, "a gateway that has its past begins no new epoch"
        assert self.events.setdefault(seq, event) == event, f"number {seq} was used twice"
        self.sightings += 1


class Gate:
    """Lets a crowd work, and waits until it rests."""

    def __init__(self) -> None:
        self._opened = trio.Event()
        self._at_work = 0
        self._rest = trio.Event()

    def open(self) -> None:
        """Let them work."""
        self._opened.set()

    async def close(self) -> None:
        """Wait until everybody has finished what they were at."""
        self._opened = trio.Event()
        while self._at_work:
            self._rest = trio.Event()
            await self._rest.wait()

    async def enter(self) -> None:
        """Wait until work may be done; then ``leave``."""
        while not self._opened.is_set():
            await self._opened.wait()
        self._at_work += 1

    def leave(self) -> None:
        """One piece of work is done."""
        self._at_work -= 1
        self._rest.set()


class Talker:
    """A client that does a bit of everything and remembers what it was promised."""

    def __init__(self, session: LoginSession, peers: list[str], rng: random.Random) -> None:
        self.session, self._peers, self._rng = session, peers, rng
        self._count = 0
        self.attributes: dict[str, Register] = {}
        self.room = Register()
        self.rooms_joined: list[str] = []
        self.sent: dict[str, set[str]] = {}
        self.promised: dict[str, set[str]] = {}
        self.received: Counter[str] = Counter()
        self.unanswered = 0
        self._more = trio.Event()

    async def listen(self) -> None:
        """Count the messages that come."""
        async for event in self.session.events():
            if isinstance(event, InstantMessage):
                self.received[event.text] += 1
                self._more.set()

    async def wait_received(self, texts: set[str]) -> None:
        """Return when all ``texts`` have come."""
        while not texts <= self.received.keys():
            self._more = trio.Event()
            await self._more.wait()

    async def work(self, gate: Gate) -> None:
        """Do one thing after the other while the gate is open."""
        while True:
            await gate.enter()
            try:
                if not await self._rng.choice([self._tell, self._tell, self._tell, self._set, self._move])():
                    self.unanswered += 1
            finally:
                gate.leave()
            await trio.sleep(self._rng.uniform(0.002, 0.03))

    def _next(self) -> int:
        self._count += 1
        return self._count

    async def _tell(self) -> bool:
        peer = self._rng.choice(self._peers)
        text = f"{self.session.account} {self._next()}"
        self.sent.setdefault(peer, set()).add(text)
        try:
            await self.session.send_instant(peer, text)
        except SignalingError:
            return False
        self.promised.setdefault(peer, set()).add(text)
        return True

    async def _set(self) -> bool:
        number = self._next()
        name, value = f"a{number % 50}", str(number)
        register = self.attributes.setdefault(name, Register())
        return await register.set(value, self.session.set_user_attribute(name, value))

    async def _move(self) -> bool:
        channel = self.session.channel
        if channel is not None and self._rng.random() < 0.3:
            return await self._leave(channel)
        name = f"room {self.session.account} {self._next()}"
        done = await self.room.set(name, self._join(name))
        if done:
            self.rooms_joined.append(name)
        return done

    async def _leave(self, channel: Channel) -> bool:
        before = self.room.attempts
        done = await self.room.set("", channel.leave())
        if done:  # out of that one; a join before it that was not answered may have been carried out all the same
            self.room.attempts = before - {channel.name}
        return done

    async def _join(self, name: str) -> None:
        await self.session.join(name)


class Moderator:
    """A server that mutes, bans, lifts, and writes on the board of a channel."""

    def __init__(self, session: LoginSession, rng: random.Random) -> None:
        self.session, self._rng = session, rng
        self._count = 0
        self.sanctions: dict[tuple[str, str], Register] = {}
        self.board: dict[str, Register] = {}
        self.reasons: list[str] = []

    async def work(self, gate: Gate) -> None:
        """Do one thing after the other while the gate is open."""
        while True:
            await gate.enter()
            try:
                await self._rng.choice([self._sanction, self._write])()
            finally:
                gate.leave()
            await trio.sleep(self._rng.uniform(0.002, 0.03))

    async def _sanction(self) -> None:
        self._count += 1
        kind, target = self._rng.choice(["mute", "ban"]), f"target-{self._rng.randrange(8)}"
        register = self.sanctions.setdefault((kind, target), Register())
        if register.promised and self._rng.random() < 0.4:
            lift = self.session.unmute if kind == "mute" else self.session.unban
            await register.set("", lift(target))
            return
        impose = self.session.mute if kind == "mute" else self.session.ban
        reason = f"reason {self._count}"
        if await register.set(reason, impose(target, reason=reason)):
            self.reasons.append(reason)

    async def _write(self) -> None:
        self._count += 1
        channel, name = self.session.channel, f"k{self._count % 20}"
        if channel is not None:
            register = self.board.setdefault(name, Register())
            await register.set(str(self._count), channel.set_attribute(name, str(self._count)))


async def follow_ledger(session: LoginSession, witness: Witness) -> None:
    """Read the ledger on from a cursor, for ever; every gap would be a loss."""
    after = 0
    while True:
        try:
            page = await session.read_ledger(witness.epoch, after, limit=200)
        except SignalingError:
            continue  # the gateway is down
        assert page.gap is None
        for event in page.events:
            assert event.seq == after + 1, "a hole"
            after = event.seq
            witness.see_event(event)
        await trio.sleep(0.02)


async def follow_feed(session: LoginSession, witness: Witness) -> None:
    """Note what a special channel tells."""
    async for event in session.events():
        if isinstance(event, FeedEvent):
            witness.see_feed(event)


async def visit_as_vendor(url: str, account: str, logins: Counter[str]) -> None:
    """A vendor's client that knows no resume: it logs in anew whenever its connection is lost."""
    connector = websocket_connector(url)
    while True:
        try:
            async with WirePeer.connect(connector, account) as peer:
                logins[account] += 1
                await peer.request("channel_join", name="vendors")
                while True:
                    await peer.receive()
        except (TransportError, Refusal):
            await trio.sleep(0.1)


async def read_all(session: LoginSession) -> list[LedgerEvent]:
    """The whole ledger."""
    events: list[LedgerEvent] = []
    page: LedgerPage | None = None
    while page is None or (page.events and events[-1].seq < page.last):
        page = await session.read_ledger("", events[-1].seq if events else 0, limit=1000)
        events.extend(page.events)
    return events
