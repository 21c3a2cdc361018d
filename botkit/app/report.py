"""What an app says about itself: what it will run, and how that is doing."""

from msgspec import Struct

from botkit.app.placement import AppPlan, BotPlan
from botkit.types import Account, AppId, ChannelName


class BotDescription(Struct, frozen=True, kw_only=True):
    """One bot: where it runs, and what it listens to: types of events, beats (seconds), feeds.

    ``patterns`` stand for all channels that match, in at most ``max_channels`` at a time (0 without patterns).
    """

    name: str
    account: Account
    channels: tuple[ChannelName, ...]
    patterns: tuple[str, ...]
    max_channels: int
    sessions: tuple[Account, ...]
    handlers: int
    events: tuple[str, ...]
    every: tuple[float, ...]
    feeds: tuple[str, ...]
    dry_run: bool


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
    in_channel: bool
    """Whether it is there now; true without a channel."""
    status: str
    restarts: int
    expected: bool = True
    """Whether it should be in: a pool's session that has just begun may still be on its way."""


class BotStatus(Struct, frozen=True, kw_only=True):
    """One bot, now. ``state``: ``starting``, ``running``, ``waiting`` (for its restart), ``quarantined``, ``ended``."""

    name: str
    account: Account
    state: str
    restarts: int
    last_error: Exception | None
    sessions: tuple[SessionStatus, ...]


def describe_app(app_id: AppId, plan: AppPlan) -> AppDescription:
    """The description of this plan."""
    return AppDescription(
        app_id=app_id,
        bots=tuple(describe_bot(bot) for bot in plan.bots),
        feeds=tuple(FeedDescription(name=one.name, account=one.account, channel=one.channel) for one in plan.feeds),
    )


def describe_bot(plan: BotPlan) -> BotDescription:
    """The description of one plan."""
    registrations = plan.bot.registrations
    return BotDescription(
        name=plan.bot.name,
        account=plan.info.account,
        channels=tuple(session.channel for session in plan.sessions if session.channel is not None),
        patterns=plan.info.patterns,
        max_channels=0 if plan.pool is None else len(plan.pool.accounts),
        sessions=tuple(session.account for session in plan.sessions),
        handlers=len(registrations) + len(plan.bot.beats),
        events=tuple(dict.fromkeys(one.event_type.__name__ for one in registrations)),
        every=tuple(beat.seconds for beat in plan.bot.beats),
        feeds=tuple(feed.name for feed in plan.feeds),
        dry_run=plan.dry_run,
    )
