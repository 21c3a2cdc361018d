"""Which bot runs where: one line of the configuration, checked, and the sessions that it comes to."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from botkit.app.accounts import FEED_PREFIX, OwnAccounts, derived_accounts
from botkit.app.bot import Bot
from botkit.app.commands.roles import Roles
from botkit.app.context import BotInfo, Settings
from botkit.app.feeds import CHANNELS, Feed, feeds_of, make_feeds
from botkit.app.patterns import ChannelPatterns, is_pattern
from botkit.app.wiring import Wiring
from botkit.errors import ConfigError, HandlerError
from botkit.routing.loops import LoopLimits
from botkit.routing.runner import RunnerLimits
from botkit.types import Account, ChannelName
from botkit.wire.limits import SPECIAL_CHANNELS, account_violation, channel_violation

MAX_CHANNELS = 500
LINGER_SECONDS = 30.0


class BotPlacement(Struct, frozen=True, kw_only=True):
    """A bot, the account that it runs under, the channels that it is in, and its settings.

    Each channel gets a session of its own, since a session is in one channel at a time: the first one under
    ``account``, the others under ``account~2``, ``account~3``, … Without channels there is one session.

    A channel with a ``*``, ``?`` or ``[…]`` in it is a pattern, and stands for all channels that match it as long as
    somebody is in them. They get sessions under further accounts of that kind, in at most ``max_channels`` (1 or more)
    at a time, and each is left when it has been empty for ``linger_seconds`` (0 or more). The bots of the same ``App``
    do not count as somebody; those of another process, of which this one knows nothing, do.

    With ``dry_run`` its sessions log in, join and hear, but do nothing to others: see ``botkit.signaling.Gate``.
    """

    bot: Bot
    account: str
    channels: tuple[str, ...] = ()
    max_channels: int = MAX_CHANNELS
    linger_seconds: float = LINGER_SECONDS
    settings: Settings | None = None
    dry_run: bool = False
    limits: RunnerLimits | None = None
    """How much is handled at a time and may wait; None: what the bot itself says."""
    loops: LoopLimits | None = None
    """When a loop with another bot is broken; None: what the bot itself says."""
    roles: Mapping[str, Sequence[str]] = {}
    """Who may use the commands that are for a role: accounts, or shell patterns of them, by role."""


class SessionPlan(Struct, frozen=True, kw_only=True):
    """One session of a bot: its account, and the channel that it joins."""

    account: Account
    channel: ChannelName | None


class PoolPlan(Struct, frozen=True, kw_only=True):
    """The sessions for the channels that match a bot's patterns: their accounts, and how long an empty one is kept."""

    account: Account
    """The bot's own, of which the accounts are derived."""
    patterns: ChannelPatterns
    accounts: tuple[Account, ...]
    linger: float


class BotPlan(Struct, frozen=True, kw_only=True):
    """A checked placement: all that starting the bot needs."""

    key: str
    """Where the placement stands, for complaints about it: ``bots[i]``."""
    bot: Bot
    info: BotInfo
    settings: Settings | None
    sessions: tuple[SessionPlan, ...]
    pool: PoolPlan | None
    feeds: tuple[Feed, ...]
    """Those that its handlers need."""
    limits: RunnerLimits
    loops: LoopLimits
    roles: Roles
    wiring: Wiring
    dry_run: bool
    """Whether what it does to others is held back."""

    @property
    def title(self) -> str:
        """The bot's name, and its account where that is another word."""
        return self.bot.name if self.bot.name == self.info.account else f"{self.bot.name} ({self.info.account})"

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts that it may log in with."""
        return (*(session.account for session in self.sessions), *(() if self.pool is None else self.pool.accounts))


class AppPlan(Struct, frozen=True, kw_only=True):
    """The checked placements of an app, and what they share."""

    bots: tuple[BotPlan, ...]
    feeds: tuple[Feed, ...]
    """Those that handlers or pools need."""
    service: OwnAccounts
    """The accounts that no bot is told of."""
    patterns: ChannelPatterns
    """Those of all pools."""

    @property
    def accounts(self) -> OwnAccounts:
        """All accounts that the app may log in with."""
        return OwnAccounts(account for plan in self.bots for account in plan.accounts)

    @property
    def pool_accounts(self) -> Iterator[Account]:
        """Those for patterns of channels."""
        return (account for plan in self.bots if plan.pool is not None for account in plan.pool.accounts)


def plan_app(
    placements: Sequence[BotPlacement],
    *,
    keys: Sequence[str] | None = None,
    owner: str = "",
    service: OwnAccounts | None = None,
) -> AppPlan:
    """Check the placements of one app, one by one and against each other.

    An app that runs already has an ``owner``, whose feeds it reads (else the first bot), and knows its ``service``
    accounts, which whoever starts the bots adds those of their pools to.

    Raises ``ConfigError`` with a key below the placement's own of ``keys``, ``bots[i]`` for want of others.
    """
    if keys is None:
        keys = [f"bots[{index}]" for index in range(len(placements))]
    pools = [_pool_plan(placement, key) for placement, key in zip(placements, keys, strict=True)]
    if service is None:
        service = OwnAccounts(account for pool in pools if pool is not None for account in pool.accounts)
    feeds = make_feeds(owner or placements[0].account) if placements else ()
    plans = tuple(
        _bot_plan(placement, key, pool, service, feeds)
        for placement, pool, key in zip(placements, pools, keys, strict=True)
    )
    _check_accounts(plans)
    needed = {feed.name for plan in plans for feed in plan.feeds} | {CHANNELS for pool in pools if pool is not None}
    globs = [glob for placement in placements for glob in placement.channels if is_pattern(glob)]
    return AppPlan(
        bots=plans,
        feeds=tuple(feed for feed in feeds if feed.name in needed),
        service=service,
        patterns=ChannelPatterns(globs),
    )


def make_plans(placements: Sequence[BotPlacement], *, keys: Sequence[str] | None = None) -> tuple[BotPlan, ...]:
    """The bots of :func:`plan_app` alone."""
    return plan_app(placements, keys=keys).bots


def _check_accounts(plans: Sequence[BotPlan]) -> None:
    taken: dict[str, str] = {}
    for plan in plans:
        for account in plan.accounts:
            if account in taken:
                raise ConfigError(
                    f"account {account} is used by {taken[account]} already",
                    key=f"{plan.key}.account",
                    hint="each session needs an account of its own, or they log each other out",
                )
            taken[account] = plan.key


def _pool_plan(placement: BotPlacement, key: str) -> PoolPlan | None:
    globs = [channel for channel in placement.channels if is_pattern(channel)]
    if not globs:
        return None
    if placement.max_channels < 1:
        raise ConfigError("1 or more expected", key=f"{key}.max_channels", hint=f"leave it out for {MAX_CHANNELS}")
    if not placement.linger_seconds >= 0:
        raise ConfigError("0 or more expected", key=f"{key}.linger_seconds", hint=f"leave it out for {LINGER_SECONDS}")
    names = [channel for channel in placement.channels if not is_pattern(channel)]
    first = max(1, len(names)) + 1
    return PoolPlan(
        account=Account(placement.account),
        patterns=ChannelPatterns(globs, leave_out=names),
        accounts=tuple(derived_accounts(placement.account, range(first, first + placement.max_channels))),
        linger=placement.linger_seconds,
    )


def _bot_plan(
    placement: BotPlacement, key: str, pool: PoolPlan | None, service: OwnAccounts, feeds: Sequence[Feed]
) -> BotPlan:
    _check_channels(placement.channels, f"{key}.channels")
    names = tuple(ChannelName(channel) for channel in placement.channels if not is_pattern(channel))
    accounts = tuple(derived_accounts(placement.account, range(1, max(1, len(names)) + 1)))
    last = accounts[-1] if pool is None else pool.accounts[-1]
    for account in (placement.account, last):
        _check_account(account, f"{key}.account")
    sessions = [
        SessionPlan(account=account, channel=name) for account, name in zip(accounts, names or (None,), strict=True)
    ]
    roles = _roles(placement, f"{key}.roles")
    return BotPlan(
        key=key,
        bot=placement.bot,
        info=BotInfo(
            name=placement.bot.name,
            account=Account(placement.account),
            channels=names,
            patterns=tuple(channel for channel in placement.channels if is_pattern(channel)),
            service=service,
            roles=roles,
            dry_run=placement.dry_run,
        ),
        settings=_settings(placement, f"{key}.settings"),
        sessions=tuple(sessions),
        pool=pool,
        feeds=feeds_of(placement.bot, feeds),
        limits=placement.limits or placement.bot.limits,
        loops=placement.loops or placement.bot.loops,
        roles=roles,
        wiring=_wiring(placement.bot, f"{key}.bot"),
        dry_run=placement.dry_run,
    )


def _roles(placement: BotPlacement, key: str) -> Roles:
    bot = placement.bot
    for role in placement.roles:
        if role not in bot.roles:
            hint = f"known here: {', '.join(sorted(bot.roles))}" if bot.roles else "leave it out"
            raise ConfigError(f"no command of bot {bot.name} is for this role", key=f"{key}.{role}", hint=hint)
    return Roles(placement.roles)


def _wiring(bot: Bot, key: str) -> Wiring:
    try:
        return bot.wire()
    except (HandlerError, ValueError) as error:
        raise ConfigError(f"bot {bot.name} cannot start: {error}", key=key) from error


def _check_account(account: str, key: str) -> None:
    violation = account_violation(account)
    if violation is not None:
        raise ConfigError(violation.reason, key=key, hint="1 to 128 bytes of visible characters")
    if account.startswith(FEED_PREFIX):
        raise ConfigError(f"{account} is for botkit's own feeds", key=key, hint=f"do not begin with {FEED_PREFIX}")


def _check_channels(channels: Sequence[str], key: str) -> None:
    for index, channel in enumerate(channels):
        _check_channel(channel, f"{key}[{index}]")
        if channel in channels[:index]:
            raise ConfigError(f"{channel} is named twice", key=f"{key}[{index}]")


def _check_channel(channel: str, key: str) -> None:
    violation = channel_violation(channel)
    if violation is not None:
        raise ConfigError(violation.reason, key=key, hint="1 to 128 bytes of visible characters")
    if channel in SPECIAL_CHANNELS:
        raise ConfigError(
            f"{channel} is read by botkit's own feeds", key=key, hint="leave it out and use on_user_online and the like"
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
