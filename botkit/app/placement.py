"""Which bot runs where: one line of the configuration, checked, and the sessions that it comes to."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from botkit.app.bot import Bot
from botkit.app.context import BotInfo, Settings
from botkit.app.feeds import FEEDS, Feed, feeds_of
from botkit.errors import ConfigError
from botkit.types import Account, ChannelName
from botkit.wire.limits import SPECIAL_CHANNELS, account_violation, channel_violation

_GLOB_CHARACTERS = frozenset("*?[")


class BotPlacement(Struct, frozen=True, kw_only=True):
    """A bot, the account that it runs under, the channels that it is in, and its settings.

    Each channel gets a session of its own, since a session is in one channel at a time: the first one under
    ``account``, the others under ``account~2``, ``account~3``, … Without channels there is one session.
    """

    bot: Bot
    account: str
    channels: tuple[str, ...] = ()
    settings: Settings | None = None


class SessionPlan(Struct, frozen=True, kw_only=True):
    """One session of a bot: its account, and the channel that it joins."""

    account: Account
    channel: ChannelName | None


class BotPlan(Struct, frozen=True, kw_only=True):
    """A checked placement: all that starting the bot needs."""

    key: str
    """Where the placement stands, for complaints about it: ``bots[i]``."""
    bot: Bot
    info: BotInfo
    settings: Settings | None
    sessions: tuple[SessionPlan, ...]
    feeds: tuple[Feed, ...]

    @property
    def title(self) -> str:
        """The bot's name, and its account where that is another word."""
        return self.bot.name if self.bot.name == self.info.account else f"{self.bot.name} ({self.info.account})"


def make_plans(placements: Sequence[BotPlacement], *, keys: Sequence[str] | None = None) -> tuple[BotPlan, ...]:
    """Check the placements of one app, one by one and against each other.

    Raises ``ConfigError`` with a key below the placement's own of ``keys``, ``bots[i]`` for want of others.
    """
    if keys is None:
        keys = [f"bots[{index}]" for index in range(len(placements))]
    plans = tuple(_make_plan(placement, key) for placement, key in zip(placements, keys, strict=True))
    taken: dict[str, str] = {feed.account: f"the feed of {feed.channel}" for feed in FEEDS}
    for plan, key in zip(plans, keys, strict=True):
        for session in plan.sessions:
            if session.account in taken:
                raise ConfigError(
                    f"account {session.account} is used by {taken[session.account]} already",
                    key=f"{key}.account",
                    hint="each session needs an account of its own, or they log each other out",
                )
            taken[session.account] = key
    return plans


def _make_plan(placement: BotPlacement, key: str) -> BotPlan:
    channels = placement.channels
    for index, channel in enumerate(channels):
        _check_channel(channel, f"{key}.channels[{index}]")
        if channel in channels[:index]:
            raise ConfigError(f"{channel} is named twice", key=f"{key}.channels[{index}]")
    accounts = [placement.account, *(f"{placement.account}~{number}" for number in range(2, len(channels) + 1))]
    for account in accounts:
        violation = account_violation(account)
        if violation is not None:
            raise ConfigError(violation.reason, key=f"{key}.account", hint="1 to 128 bytes of visible characters")
    names: list[ChannelName | None] = [*map(ChannelName, channels)] or [None]
    sessions = [
        SessionPlan(account=Account(account), channel=channel) for account, channel in zip(accounts, names, strict=True)
    ]
    return BotPlan(
        key=key,
        bot=placement.bot,
        info=BotInfo(
            name=placement.bot.name,
            account=Account(placement.account),
            channels=tuple(ChannelName(channel) for channel in channels),
        ),
        settings=_settings(placement, f"{key}.settings"),
        sessions=tuple(sessions),
        feeds=feeds_of(placement.bot),
    )


def _check_channel(channel: str, key: str) -> None:
    violation = channel_violation(channel)
    if violation is not None:
        raise ConfigError(violation.reason, key=key, hint="1 to 128 bytes of visible characters")
    if channel in SPECIAL_CHANNELS:
        raise ConfigError(
            f"{channel} is read by botkit's own feeds", key=key, hint="leave it out and use on_user_online and the like"
        )
    if _GLOB_CHARACTERS.intersection(channel):
        raise ConfigError(
            f"{channel!r} is a pattern; a bot takes channels by name", key=key, hint="write each channel out"
        )


def _settings(placement: BotPlacement, key: str) -> Settings | None:
    expected = placement.bot.settings_type
    if placement.settings is None and expected is not None:
        try:
            return msgspec.convert({}, expected)
        except msgspec.ValidationError as error:
            raise ConfigError(f"bot {placement.bot.name} needs settings: {error}", key=key) from None
    if placement.settings is not None and expected is None:
        raise ConfigError(f"bot {placement.bot.name} takes no settings", key=key, hint="leave them out")
    if expected is not None and not isinstance(placement.settings, expected):
        got = type(placement.settings).__name__
        raise ConfigError(f"bot {placement.bot.name} takes {expected.__name__}, not {got}", key=key)
    return placement.settings
