"""Reads one special channel by a cursor, so that nothing is told twice and what is missing is fetched, or told.

While the connection holds, the special channel tells each event, and the cursor follows. Where events may be missing
(a lost connection, a session that was opened anew, another start of the gateway, a buffer that was full) the ledger is
read from the cursor on. Meanwhile live events wait in the session's own buffer, which is bounded: those that the ledger
has told already are left out afterwards, and those that it had no room for make it read again.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import trio

from botkit.app.accounts import OwnAccounts
from botkit.app.asking import Asking
from botkit.app.canary import Canary
from botkit.app.feeds import Feed
from botkit.app.live_channels import LiveChannels
from botkit.app.meters import AppMeters
from botkit.errors import RequestFailed
from botkit.events import ChannelJoined, ChannelLeft, Event, EventsLost, FeedEvent, LoggedIn, Reconnected
from botkit.signaling import LoginSession
from botkit.signaling.feed import feed_event
from botkit.wire.admin import LedgerPage
from botkit.wire.ledger import STREAM_OF
from botkit.wire.states import LoginStatus

PAGE = 1000
"""Events of the ledger in one answer: what a gateway gives at most."""

ROOM_SECONDS = 10.0
"""How long one catch-up waits, in all, for bots that are slow; after that their full mailboxes drop."""

COMMIT_SECONDS = 0.1
"""When the ledger has numbered events that it cannot show yet: how long until it is asked for them again."""

MOST_EMPTY_PAGES = 20
"""How often it is asked again before these events count as lost."""

_REMEMBERED_EPOCHS = 8


class Follower(Protocol):
    """Somebody whom a feed tells its events."""

    def tell(self, event: Event) -> None:
        """Take a ``FeedEvent`` or an ``EventsLost``. Never waits."""

    async def wait_for_room(self, count: int) -> None:
        """Wait until there is room for ``count`` events, or about as much as there ever is."""


class FeedReader:
    """Hands the events of one feed to its followers: in order, each once, and ``EventsLost`` where some are missing.

    It outlives the feed's sessions. ``live`` is a follower, too, that asks for a snapshot between two events.
    """

    def __init__(
        self,
        feed: Feed,
        followers: Sequence[Follower],
        meters: AppMeters,
        *,
        service: OwnAccounts,
        live: LiveChannels | None = None,
        canary: Canary | None = None,
    ) -> None:
        self._feed, self._meters, self._service, self._live = feed, meters, service, live
        self._canary = canary
        self._followers = tuple(followers) if live is None else (live, *followers)
        self._asking = Asking("ledger", "what the feed misses from now on is lost, and told as such")
        self._epoch, self._seq = "", 0
        self._left_epochs = deque[str](maxlen=_REMEMBERED_EPOCHS)
        self._loss_told = False
        self._late = self._put_out = self._given_up = False
        self._turn = trio.Lock()

    def bots_go_ahead(self) -> None:
        """The bots start without this feed: once it is in, it tells them that it was not."""
        self._late = True

    def follow(self, followers: Sequence[Follower]) -> None:
        """From the next event on, tell it to these instead. New ones of a feed that is given up are told that."""
        before = self._followers
        self._followers = tuple(followers) if self._live is None else (self._live, *followers)
        if self._given_up:
            for follower in self._followers:
                if follower not in before:
                    follower.tell(self._lost("its feed is given up"))

    async def prepare(self, session: LoginSession) -> None:
        """Note where the ledger is, before the first ``session`` enters the special channel: what follows is ours."""
        if self._epoch:
            return
        try:
            page = await self._asking.ask(session, lambda: session.read_ledger(limit=1))
        except RequestFailed:
            return  # no ledger: told live, from the first event on
        self._epoch, self._seq = page.epoch, page.last

    async def on_event(self, event: Event, session: LoginSession) -> None:
        """Take an event of the feed's session. What the session tells of itself is nobody's business, but for losses.

        Raises ``SessionEnded``. A cancel leaves the rest to be read in the session that follows.
        """
        try:
            self._turn.acquire_nowait()  # to wait for it would let other tasks run after each event
        except trio.WouldBlock:
            await self._turn.acquire()
        try:
            await self._follow_up(event, session)
        finally:
            self._turn.release()

    async def look(self, session: LoginSession) -> None:
        """Have the live channels be asked for now if that is wanted, between two events. Raises ``SessionEnded``."""
        async with self._turn:
            await self._look_if_unsure(session)

    async def _follow_up(self, event: Event, session: LoginSession) -> None:
        match event:
            case FeedEvent():
                if self._misses(event):
                    await self._catch_up(session, "a hole")
                self._take(event)
            case LoggedIn():
                if self._late:
                    self._late = False
                    self._lose("its feed began late", located=False)
            case ChannelLeft():
                self._put_out = True
            case ChannelJoined():
                put_out, self._put_out = self._put_out, False
                await self._catch_up(session, "its feed was put out of it" if put_out else "")
            case Reconnected(resumed=resumed):
                await self._catch_up(session, "" if resumed else "the connection was lost")
            case EventsLost(cause=cause):
                await self._catch_up(session, cause.removeprefix(f"{self._feed.channel}: "))
        await self._look_if_unsure(session)

    async def _look_if_unsure(self, session: LoginSession) -> None:
        if self._live is not None and self._live.unsure:
            await self._live.look(session)

    def give_up(self) -> None:
        """Tell all followers that nothing more comes from this feed."""
        self._given_up = True
        self._lose("its feed is given up")

    def _misses(self, event: FeedEvent) -> bool:
        """Whether there was something before a live event that was neither told nor told to be lost."""
        if self._loss_told or not self._epoch:
            return False
        return event.prev > self._seq if event.epoch == self._epoch else event.epoch not in self._left_epochs

    def _take(self, event: FeedEvent) -> None:
        """Tell a live event, unless it was told when the ledger was read, or will be when that can be read again."""
        if self._misses(event) or event.epoch in self._left_epochs:
            return
        if event.epoch != self._epoch:
            self._begin_epoch(event.epoch)
        if event.seq > self._seq:
            self._tell(event)

    async def _catch_up(self, session: LoginSession, cause: str) -> None:
        """Read the ledger from the cursor up to where it is now.

        If that cannot be and something is missing, for ``cause``, that is told; without a cause nothing is known to be.
        """
        if not self._epoch:
            if cause:
                self._lose(cause)
            return
        if session.status is not LoginStatus.LOGGED_IN:
            return  # it comes back here with Reconnected, or in another session
        patience = trio.current_time() + ROOM_SECONDS
        end: int | None = None
        empty = 0
        while end is None or self._seq < end:
            try:
                page = await self._asking.ask(session, self._page_of(session))
            except RequestFailed:
                if cause and session.status is LoginStatus.LOGGED_IN:
                    self._lose(cause)
                return
            if page.epoch != self._epoch:
                end = None
            end = page.last if end is None else end
            self._read(page)
            empty = 0 if page.events else empty + 1
            if empty > MOST_EMPTY_PAGES:
                self._lose("the ledger does not show all that it has")
                return
            await self._pause(COMMIT_SECONDS if empty and self._seq < end else 0.0, patience)

    def _page_of(self, session: LoginSession) -> Callable[[], Awaitable[LedgerPage]]:
        epoch, seq = self._epoch, self._seq
        return lambda: session.read_ledger(epoch, seq, limit=PAGE)

    def _read(self, page: LedgerPage) -> None:
        if page.epoch != self._epoch:
            self._lose("a new epoch began")
            self._begin_epoch(page.epoch)
        elif page.last < self._seq:
            self._lose("the ledger was set back")
            self._seq = page.last
            return
        hole = page.gap is not None
        for told in page.events:
            if STREAM_OF[told.event] == self._feed.stream:
                if hole and told.prev > self._seq:
                    self._lose("the ledger no longer has all", before=told.seq)
                hole = False
                self._tell(feed_event(told))
        if page.gap is not None and hole:  # of what is gone, some may have been ours
            self._lose("the ledger no longer has all", before=page.gap.before)
        if page.events:
            self._seq = page.events[-1].seq
        elif page.gap is not None:
            self._seq = max(self._seq, page.gap.before - 1)

    async def _pause(self, seconds: float, patience: float) -> None:
        """Between two pages: let slow bots make room."""
        await trio.sleep(seconds)
        with trio.move_on_at(patience):
            for follower in self._followers:
                await follower.wait_for_room(PAGE)

    def _begin_epoch(self, epoch: str) -> None:
        if self._epoch:
            self._left_epochs.append(self._epoch)
        self._epoch, self._seq = epoch, 0

    def _tell(self, event: FeedEvent) -> None:
        self._seq = event.seq
        if event.account in self._service:
            if self._canary is not None and event.account == self._canary.account:
                self._canary.heard_by_feed(self._feed.name)
            return
        self._loss_told = False
        self._meters.feed_events.add_for(self._feed.name)
        for follower in self._followers:
            follower.tell(event)

    def _lose(self, cause: str, *, before: int | None = None, located: bool = True) -> None:
        """Tell that events are missing behind the cursor; once, until there is another event to tell."""
        if self._loss_told:
            return
        self._loss_told = True
        self._meters.feed_losses.add_for(self._feed.name)
        lost = self._lost(cause, before=before, located=located)
        for follower in self._followers:
            follower.tell(lost)

    def _lost(self, cause: str, *, before: int | None = None, located: bool = True) -> EventsLost:
        cause = f"{self._feed.channel}: {cause}"
        if located and self._epoch:
            return EventsLost(cause=cause, epoch=self._epoch, after=self._seq, before=before)
        return EventsLost(cause=cause)
