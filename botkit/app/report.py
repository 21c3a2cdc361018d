"""What an app says about itself: what it will run, and how that is doing."""

from collections.abc import Sequence

from msgspec import Struct

from botkit.app.feeds import FEEDS
from botkit.app.placement import BotPlan
from botkit.types import Account, AppId, ChannelName


class BotDescription(Struct, frozen=True, kw_only=True):
    """One bot: where it runs, and what it listens to: types of events, beats (seconds), feeds."""

    name: str
    account: Account
    channels: tuple[ChannelName, ...]
    sessions: tuple[Account, ...]
    handlers: int
    events: tuple[str, ...]
    every: tuple[float, ...]
    feeds: tuple[str, ...]


class FeedDescription(Struct, frozen=True, kw_only=True):
    """One feed: the special channel, and the account that reads it."""

    name: str
    account: Account
    channel: ChannelName


class AppDescription(Struct, frozen=True, kw_only=True):
    """All that an app runs."""

    app_id: AppId
    bots: tuple[BotDescription, ...]
    feeds: tuple[FeedDescription, ...]


class SessionStatus(Struct, frozen=True, kw_only=True):
    """One session of a bot. ``status`` is the vendor's ``getStatus`` in words, e.g. ``logged_in``."""

    account: Account
    channel: ChannelName | None
    status: str
    restarts: int


class BotStatus(Struct, frozen=True, kw_only=True):
    """One bot, now. ``state``: ``starting``, ``running``, ``waiting`` (for its restart) or ``ended``."""

    name: str
    account: Account
    state: str
    restarts: int
    last_error: Exception | None
    sessions: tuple[SessionStatus, ...]


def describe_app(app_id: AppId, plans: Sequence[BotPlan]) -> AppDescription:
    """The description of these plans."""
    needed = [feed for feed in FEEDS if any(feed in plan.feeds for plan in plans)]
    return AppDescription(
        app_id=app_id,
        bots=tuple(describe_bot(plan) for plan in plans),
        feeds=tuple(FeedDescription(name=one.name, account=one.account, channel=one.channel) for one in needed),
    )


def describe_bot(plan: BotPlan) -> BotDescription:
    """The description of one plan."""
    registrations = plan.bot.registrations
    return BotDescription(
        name=plan.bot.name,
        account=plan.info.account,
        channels=plan.info.channels,
        sessions=tuple(session.account for session in plan.sessions),
        handlers=len(registrations) + len(plan.bot.beats),
        events=tuple(dict.fromkeys(one.event_type.__name__ for one in registrations)),
        every=tuple(beat.seconds for beat in plan.bot.beats),
        feeds=tuple(feed.name for feed in plan.feeds),
    )
