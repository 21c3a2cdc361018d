"""A feed on a gateway that breaks and comes back, whoever listens to it, and what the gateway really told."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import trio

from botkit import EventsLost, Signal
from botkit.app.accounts import FEED_PREFIX, OwnAccounts
from botkit.app.feed_keeper import FeedKeeper
from botkit.app.feed_reader import Follower
from botkit.app.feeds import make_feeds
from botkit.app.meters import AppMeters
from botkit.app.sessions import SessionOpener
from botkit.events import Event, FeedEvent
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.observability.metrics import Meters
from botkit.signaling import SignalSettings
from botkit.stores.changes import Change, LedgerAppended
from botkit.stores.gateway_memory import MemoryGatewayStore
from botkit.testing.host import GatewayHost
from botkit.testing.road import Road, Roads
from botkit.wire.ledger import decode_event
from botkit.wire.limits import NO_TOKEN

APP_ID = "fed"
Place = tuple[str, int]
"""Of an event: its epoch and its number."""


class Witness(MemoryGatewayStore):
    """A store that remembers every event of the presence stream that was ever committed, in order."""

    def __init__(self, told: list[Place], commit_seconds: float) -> None:
        super().__init__()
        self._told, self._commit_seconds = told, commit_seconds
        self.durable = commit_seconds > 0

    async def commit(self, changes: Sequence[Change]) -> None:
        """See ``GatewayStore.commit``."""
        await trio.sleep(self._commit_seconds)
        await super().commit(changes)
        for change in changes:
            if isinstance(change, LedgerAppended) and change.stream == "presence":
                event = decode_event(change.text)
                if not event.account.startswith(FEED_PREFIX):
                    self._told.append((event.epoch, event.seq))


class Notebook:
    """A follower that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Event] = []

    def tell(self, event: Event) -> None:
        """See ``Follower.tell``."""
        self.told.append(event)

    async def wait_for_room(self, count: int) -> None:
        """There always is."""


class Feeding:
    """The feed of presence under test, and the world around it."""

    def __init__(self, nursery: trio.Nursery, seed: int, ledger_events: int, commit_seconds: float) -> None:
        self.happened: list[Place] = []
        """Every event of the stream, of all epochs, in order."""
        self.meters = AppMeters(Meters())
        app = AppCredentials(id=APP_ID, server_accounts=("botkit-feed-*", "moderator"))
        settings = GatewaySettings(apps=(), ledger_events=ledger_events, logins_per_account=10_000)
        self.host = GatewayHost(app, settings, nursery, new_store=lambda: Witness(self.happened, commit_seconds))
        self.roads = Roads(self.host.connector, nursery, seed)
        self.people = Signal(APP_ID, self.host.connector)
        (self.feed, _) = make_feeds("bot")

    @property
    def road(self) -> Road:
        """The feed's way to the gateway."""
        return self.roads.of(self.feed.account)

    @asynccontextmanager
    async def feed_to(
        self, *followers: Follower, event_buffer: int = 4096, reconnect_attempts: int | None = None
    ) -> AsyncIterator[FeedKeeper]:
        """Run the feed for these followers."""
        settings = SignalSettings(event_buffer=event_buffer, reconnect_attempts=reconnect_attempts)
        signal = Signal(APP_ID, self.roads.connector, settings=settings)
        opener = SessionOpener(signal, lambda _account: NO_TOKEN)
        keeper = FeedKeeper(self.feed, followers, opener, self.meters, service=OwnAccounts())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.run)
            await keeper.starting.wait()
            yield keeper
            nursery.cancel_scope.cancel()

    async def visit(self, account: str) -> None:
        """Somebody logs in and out again."""
        async with self.people.open_session(account):
            pass


@asynccontextmanager
async def open_feeding(
    seed: int = 0, *, ledger_events: int = 1_000_000, commit_seconds: float = 0.0
) -> AsyncIterator[Feeding]:
    """A gateway, started, and a feed that is not."""
    async with trio.open_nursery() as nursery:
        feeding = Feeding(nursery, seed, ledger_events, commit_seconds)
        await feeding.host.start()
        yield feeding
        nursery.cancel_scope.cancel()


class Verdict(NamedTuple):
    """What somebody was told, held against what happened."""

    told: int
    lost: int
    losses: int


def judge(told: Sequence[Event], happened: Sequence[Place]) -> Verdict:
    """Each event once and in order, none that never happened, and an ``EventsLost`` in every hole: or it fails.

    ``happened`` begins with the first event that had to be told.
    """
    order = {place: index for index, place in enumerate(happened)}
    next_index = missing = losses = 0
    here: list[EventsLost] = []  # the losses that were told since the last event
    for event in told:
        if isinstance(event, EventsLost):
            here.append(event)
            losses += 1
            continue
        assert isinstance(event, FeedEvent)
        index = order[event.epoch, event.seq]
        assert index >= next_index, f"{event} was told again, or too late"
        hole = happened[next_index:index]
        unsaid = [place for place in hole if not any(_covers(loss, place) for loss in here)]
        assert not unsaid, f"{unsaid} are missing before {event}, and nobody said so: {here}"
        missing += len(hole)
        next_index, here = index + 1, []
    rest = happened[next_index:]
    assert not rest or here, f"{rest} were never told, nor that they are lost"
    return Verdict(told=next_index - missing, lost=missing + len(rest), losses=losses)


def _covers(loss: EventsLost, place: Place) -> bool:
    if loss.after is None or loss.before is None:
        return True
    epoch, seq = place
    return epoch == loss.epoch and loss.after < seq < loss.before
