"""Feeds: one session in each special channel that a handler needs, shared by all bots of the app."""

from collections.abc import Sequence

from msgspec import Struct

from botkit.actor.ref import ActorRef
from botkit.app.bot import Bot
from botkit.app.meters import AppMeters
from botkit.errors import ActorDead
from botkit.events import (
    Event,
    EventsLost,
    FeedEvent,
    LoggedIn,
    MemberJoined,
    MemberLeft,
    Reconnected,
    UserOffline,
    UserOnline,
)
from botkit.signaling import LoginSession
from botkit.types import Account, ChannelName
from botkit.wire.limits import CHANNEL_EVENT_CHANNEL, USER_ONLINE_CHANNEL


class Feed(Struct, frozen=True, kw_only=True):
    """A special channel, the account that reads it, and the events that come from it."""

    name: str
    account: Account
    channel: ChannelName
    events: tuple[type[Event], ...]


FEEDS = (
    Feed(
        name="online",
        account=Account("botkit-feed-online"),
        channel=ChannelName(USER_ONLINE_CHANNEL),
        events=(UserOnline, UserOffline),
    ),
    Feed(
        name="channels",
        account=Account("botkit-feed-channels"),
        channel=ChannelName(CHANNEL_EVENT_CHANNEL),
        events=(MemberJoined, MemberLeft),
    ),
)


FEED_ACCOUNTS = frozenset(feed.account for feed in FEEDS)
"""The feeds' own accounts; no bot is told of their coming and going."""


def feeds_of(bot: Bot) -> tuple[Feed, ...]:
    """The feeds that the bot's handlers need. A handler of all events takes what comes, and needs none."""
    wanted = [one.event_type for one in bot.registrations if issubclass(one.event_type, FeedEvent)]
    return tuple(feed for feed in FEEDS if any(issubclass(event, kind) for event in feed.events for kind in wanted))


class Subscriber:
    """A bot that a feed tells its events. What the bot's full mailbox does not take is counted, and told later."""

    def __init__(self, bot: Bot, ref: ActorRef[Event], meters: AppMeters) -> None:
        self._bot, self._ref, self._meters = bot, ref, meters
        self._missing = 0
        self._takes: dict[type[Event], bool] = {}

    def tell(self, event: Event) -> None:
        """Put the event in the bot's mailbox, if a handler wants it and there is room."""
        event_type = type(event)
        takes = self._takes.get(event_type)
        if takes is None:
            takes = self._takes[event_type] = event_type is EventsLost or self._bot.wants(event_type)
        if not takes:
            return
        try:
            if self._missing and self._ref.tell_nowait(
                EventsLost(cause=f"the mailbox of {self._bot.name} was full", count=self._missing)
            ):
                self._missing = 0
            if self._missing or not self._ref.tell_nowait(event):
                self._missing += 1
                self._meters.feed_events_dropped.add_for(self._bot.name)
        except ActorDead:
            pass  # the bot has ended for good, which its supervisor has logged: nobody is there to miss it


class FeedHub:
    """Hands the events of one feed to the bots that want them; never waits for any of them."""

    def __init__(self, feed: Feed, subscribers: Sequence[Subscriber], meters: AppMeters) -> None:
        self._feed, self._subscribers, self._meters = feed, subscribers, meters
        self._late = False

    def bots_go_ahead(self) -> None:
        """The bots start without this feed: once it is in, it tells them that it was not."""
        self._late = True

    async def publish(self, event: Event, _session: LoginSession) -> None:
        """Tell an event of the feed to all subscribers. What the feeds' own sessions do is nobody's business.

        A first session that the bots did not wait for, or a new one after a lost connection, may have missed
        something, whether or not more events come that show it: so it is told at once.
        """
        match event:
            case FeedEvent():
                if event.account not in FEED_ACCOUNTS:
                    self._tell(event)
            case EventsLost():
                self._tell(event)
            case LoggedIn() if self._late:
                self._late = False
                self._tell(EventsLost(cause=f"{self._feed.channel}: its feed began late"))
            case Reconnected(resumed=False):
                self._tell(EventsLost(cause=f"{self._feed.channel}: the connection was lost"))
            case _:
                pass

    def give_up(self) -> None:
        """Tell all subscribers that nothing more comes from this feed."""
        self._tell(EventsLost(cause=f"{self._feed.channel}: its feed is given up"))

    def _tell(self, event: Event) -> None:
        self._meters.feed_events.add_for(self._feed.name)
        for subscriber in self._subscribers:
            subscriber.tell(event)
