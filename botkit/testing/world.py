"""A world for one test: a real gateway in memory, bots on it, and people who talk to them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
from trio.testing import MockClock

from botkit.app.app import DEFAULT_GOVERNOR, App
from botkit.app.bot import Bot
from botkit.app.effect_log import EffectSink
from botkit.app.placement import BotPlacement
from botkit.clock import WallClock
from botkit.errors import ActorError
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.observability.metrics import Meters
from botkit.signaling import GovernorSettings, LoginSession, Signal, SignalSettings
from botkit.stores.conversations import ConversationStore, MemoryConversationStore
from botkit.testing.gateway import TEST_APP
from botkit.testing.host import GatewayHost
from botkit.testing.road import Road, Roads
from botkit.testing.user import User
from botkit.transport.background import open_background
from botkit.types import Account
from botkit.wire.limits import NO_TOKEN
from botkit.wire.tokens import Role, make_role_token

ADMIN = "botkit-test-admin"
"""The server account that the world kicks with; no bot and no user may have it."""

DEFAULT_CHANNEL = "lobby"
DEFAULT_SERVER_ACCOUNTS = ("botkit-feed-*",)
FAILURES = ("botkit_bot_handler_errors_total", "botkit_bot_filter_errors_total", "botkit_bots_given_up_total")


class World:
    """What ``open_world`` gives: ``user`` makes people; the rest of it is what goes wrong."""

    def __init__(self, host: GatewayHost, roads: Roads, nursery: trio.Nursery, credentials: AppCredentials) -> None:
        self.host = host
        """The gateway, and how to stop and start it."""
        self.meters = Meters()
        """What bots count."""
        self.token_seconds = 86_400.0
        """How long tokens are good for that are made from now on."""
        self.failures: list[str] = []
        """Ends of apps that nobody asked for."""
        self.app_id = credentials.id
        self.connector = roads.connector
        self.signal = Signal(credentials.id, roads.connector)
        """Opens further sessions, for what no word of ``User`` says."""
        self.conversations = MemoryConversationStore()
        """What bots remember of talks, from one app to the next."""
        self._roads, self._nursery, self._credentials = roads, nursery, credentials
        self._clock = WallClock()

    async def user(self, account: str, *, channel: str = "") -> User:
        """Somebody who logs in as ``account``, enters ``channel`` if named, and stays until the end of the world.

        Raises ``LoginFailed`` and ``JoinFailed``.
        """
        user = User(await self._nursery.start(self._stay, account))
        if channel:
            await user.join(channel)
        return user

    @asynccontextmanager
    async def visitor(self, account: str, *, channel: str = "") -> AsyncIterator[User]:
        """Like ``user``; logs out at the end of the block."""
        async with self.signal.open_session(account, lambda: self.token_for(Account(account))) as session:
            user = User(session)
            if channel:
                await user.join(channel)
            yield user

    @asynccontextmanager
    async def running(
        self,
        *bots: Bot | BotPlacement,
        stop_seconds: float = 4.0,
        signal_settings: SignalSettings | None = None,
        canary_seconds: float | None = None,
        conversations: ConversationStore | None = None,
        governor: GovernorSettings | None = DEFAULT_GOVERNOR,
        effect_sink: EffectSink | None = None,
    ) -> AsyncIterator[App]:
        """Further bots, as an app of their own, started; stopped at the end of the block, as Ctrl-C would.

        The rest is as in ``App``, but for ``conversations``: those of a world outlive its apps. What the bots did is in
        the app's ``effects``.
        """
        app = App(
            self.app_id,
            self.connector,
            [place(bot) for bot in bots],
            token_for=self.token_for,
            meters=self.meters,
            stop_seconds=stop_seconds,
            signal_settings=signal_settings,
            canary_seconds=canary_seconds,
            conversations=conversations or self.conversations,
            governor=governor,
            effect_sink=effect_sink,
        )
        async with open_background() as nursery:
            await nursery.start(self._run, app)
            yield app

    def token_for(self, account: Account) -> str:
        """A token for a login now; good for ``token_seconds``, where the world has a certificate."""
        app = self._credentials
        if not app.certificate:
            return NO_TOKEN
        role = Role.SERVER if app.is_server(account) else Role.USER
        return make_role_token(app.id, app.certificate, account, int(self._clock.seconds() + self.token_seconds), role)

    def metric(self, name: str, **labels: str) -> float:
        """What a scrape would tell of the bots: the sum of all samples ``name`` with these ``labels``.

        ``botkit_bot_handler_errors_total``, for example, for one ``bot="…"`` or for all. 0 when there are none.
        """
        return sum(
            sample.value
            for family in self.meters.registry.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    # What goes wrong.

    def road(self, account: str) -> Road:
        """The way between an account and the gateway: ``cut``, ``block``, ``drop_next``, ``weather`` …"""
        return self._roads.of(account)

    async def restart_gateway(self, *, down_seconds: float = 0.0, crash: bool = False) -> None:
        """Stop the gateway, wait, and start it with what its store holds.

        With ``crash`` all connections break at once before it, as when its machine goes; without, each client is told.
        """
        if crash:
            self._roads.cut_all()
        await self.host.stop()
        await trio.sleep(down_seconds)
        await self.host.start()

    async def kick(self, account: str, channel: str, *, reason: str = "kicked by a test") -> None:
        """Kick somebody from a channel (601), as an administrator does. Raises ``RequestFailed``."""
        async with self.signal.open_session(ADMIN, lambda: self.token_for(Account(ADMIN))) as admin:
            await admin.kick(account, channel=channel, reason=reason)

    async def ban(self, account: str, *, seconds: int = 0, reason: str = "banned by a test") -> None:
        """Ban somebody from the app, for a time or (0) until it is lifted. Raises ``RequestFailed``."""
        async with self.signal.open_session(ADMIN, lambda: self.token_for(Account(ADMIN))) as admin:
            await admin.ban(account, seconds=seconds, reason=reason)

    async def displace(self, account: str) -> None:
        """Log in elsewhere as ``account``, for a moment: its session is kicked (103)."""
        other = Signal(self.app_id, self.connector)
        async with other.open_session(account, lambda: self.token_for(Account(account))):
            pass

    def jump(self, seconds: float) -> None:
        """Let so many seconds pass in one go, as for a process that was suspended: all that was due is overdue.

        For tests under a virtual clock. Raises ``RuntimeError`` elsewhere.
        """
        clock = trio.lowlevel.current_clock()
        if not isinstance(clock, MockClock):
            raise RuntimeError("time jumps only under a virtual clock: take autojump_clock as a parameter of the test")
        clock.jump(seconds)

    def blame(self) -> list[str]:
        """What went wrong with bots: handlers and filters that raised, bots and apps that ended."""
        counts = {name: self.metric(name) for name in FAILURES}
        return [f"{name} is {count:g}" for name, count in counts.items() if count] + self.failures

    async def _stay(self, account: str, *, task_status: trio.TaskStatus[LoginSession]) -> None:
        async with self.signal.open_session(account, lambda: self.token_for(Account(account))) as session:
            task_status.started(session)
            await trio.sleep_forever()

    async def _run(self, app: App, *, task_status: trio.TaskStatus[None]) -> None:
        try:
            await app.run(task_status=task_status)
        except ActorError as error:
            self.failures.append(str(error))


@asynccontextmanager
async def open_world(
    *bots: Bot | BotPlacement,
    server_accounts: Sequence[str] = (),
    certificate: str = "",
    gateway: GatewaySettings | None = None,
    seed: int = 0,
    expect_failures: bool = False,
) -> AsyncIterator[World]:
    """A real gateway in memory and ``bots`` on it, started; all is stopped at the end of the block.

    A bare ``Bot`` runs under its own name in the channel ``lobby``; a ``BotPlacement`` says more. ``server_accounts``
    are patterns of accounts that may moderate and read special channels, besides the feeds. With a ``certificate``
    the app wants tokens, and everybody here gets them. ``gateway`` gives limits. ``seed`` decides what the weather on
    the roads does. Take ``autojump_clock`` as a parameter of the test, and waiting costs nothing.

    At the end the block fails with ``AssertionError`` when a handler or a filter raised, or a bot was given up,
    unless ``expect_failures``.
    """
    credentials = AppCredentials(
        id=TEST_APP,
        certificate=certificate,
        server_accounts=(*DEFAULT_SERVER_ACCOUNTS, ADMIN, *server_accounts),
    )
    async with open_background() as background:
        host = GatewayHost(credentials, gateway, background)
        await host.start()
        roads = Roads(host.connector, background, seed)
        async with open_background() as people:
            world = World(host, roads, people, credentials)
            if not bots:
                yield world
            else:
                async with world.running(*bots):
                    yield world
    if not expect_failures and (blame := world.blame()):
        raise AssertionError(f"bots failed in this test (see the log): {'; '.join(blame)}")


def place(bot: Bot | BotPlacement) -> BotPlacement:
    """A placement as it is; a bare bot under its own name in the channel ``lobby``."""
    if isinstance(bot, BotPlacement):
        return bot
    return BotPlacement(bot=bot, account=bot.name, channels=(DEFAULT_CHANNEL,))
