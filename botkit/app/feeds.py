"""Feeds: the special channels that an app's bots need, each read by one session that all of them share."""

from collections.abc import Sequence

from msgspec import Struct

from botkit.app.accounts import feed_account
from botkit.app.bot import Bot
from botkit.events import Event, FeedEvent, MemberJoined, MemberLeft, UserOffline, UserOnline
from botkit.types import Account, ChannelName
from botkit.wire.ledger import Stream
from botkit.wire.limits import CHANNEL_EVENT_CHANNEL, USER_ONLINE_CHANNEL

ONLINE, CHANNELS = "online", "channels"


class Feed(Struct, frozen=True, kw_only=True):
    """A special channel, the account that reads it, the ledger's stream that it carries, and its events."""

    name: str
    account: Account
    channel: ChannelName
    stream: Stream
    events: tuple[type[Event], ...]


def make_feeds(owner: str) -> tuple[Feed, ...]:
    """The feeds of an app whose first bot has the account ``owner``."""
    return (
        Feed(
            name=ONLINE,
            account=feed_account(ONLINE, owner),
            channel=ChannelName(USER_ONLINE_CHANNEL),
            stream="presence",
            events=(UserOnline, UserOffline),
        ),
        Feed(
            name=CHANNELS,
            account=feed_account(CHANNELS, owner),
            channel=ChannelName(CHANNEL_EVENT_CHANNEL),
            stream="membership",
            events=(MemberJoined, MemberLeft),
        ),
    )


def feeds_of(bot: Bot, feeds: Sequence[Feed]) -> tuple[Feed, ...]:
    """Those of ``feeds`` that the bot's handlers need. A handler of all events takes what comes, and needs none."""
    wanted = [one.event_type for one in bot.registrations if issubclass(one.event_type, FeedEvent)]
    return tuple(feed for feed in feeds if any(issubclass(event, kind) for event in feed.events for kind in wanted))
