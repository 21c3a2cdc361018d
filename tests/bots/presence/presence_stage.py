"""A world with the presence bot in it, and what the gateway itself knows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from botkit import BotPlacement, Database, WallClock, open_database
from botkit.app.app import App
from botkit.gateway.settings import GatewaySettings
from botkit.testing import TEST_APP, World, open_world
from bots.presence import bot
from bots.presence.queries import Picture, Queries
from bots.presence.records import Record
from bots.presence.settings import PresenceSettings
from bots.presence.store import SCHEMA, PresenceStore

DATABASE = "sqlite://presence_stage"
WATCHERS = ("presence", "botkit-feed-online-presence", "botkit-feed-channels-presence", "botkit-test-admin")


class Stage:
    """The world, the daemon's database, and the oracle."""

    def __init__(self, world: World, database: Database) -> None:
        self.world, self.database = world, database
        self.queries = Queries(database)
        self._clock = WallClock()

    @asynccontextmanager
    async def daemon(self, **settings: object) -> AsyncIterator[App]:
        """The bot, until the end of the block."""
        placement = BotPlacement(bot=bot, account="presence", settings=settings_for(**settings))
        async with self.world.running(placement) as app:
            yield app

    async def records(self, *events: str) -> list[Record]:
        """What it has written down, all or some kinds of it."""
        records = await PresenceStore(self.database).read(0, 100_000)
        return [record for record in records if not events or record.event in events]

    async def told(self) -> list[tuple[str, str, str, str]]:
        """The presence in it: what happened to whom, where, and why."""
        return [(record.event, record.account, record.channel, record.reason) for record in await self.records()]

    def truth(self) -> dict[str, str]:
        """Who is online at the gateway, and in which channel; without the watchers."""
        hub = self.world.host.gateway.hubs[TEST_APP]
        sessions = {account: hub.session_of(account) for account in hub.sessions.accounts()}
        return {
            str(account): str(session.channel or "")
            for account, session in sessions.items()
            if session is not None and account not in WATCHERS
        }

    async def now(self) -> Picture:
        """What the daemon's database says of now."""
        return await self.queries.now(self._clock.ms())

    async def believed(self) -> dict[str, str]:
        """Who is online, and in which channel, as the daemon says; raises where it does not know."""
        picture = await self.now()
        assert not picture.unknown
        assert all(one.status == "online" for one in picture.people)
        return {one.account: one.channel for one in picture.people}


def settings_for(**settings: object) -> PresenceSettings:
    """Settings that write to the stage's database, and nowhere else."""
    return PresenceSettings(**({"database": DATABASE, "sinks": ()} | settings))  # type: ignore[arg-type]


@asynccontextmanager
async def open_stage(
    *,
    runs: bool = True,
    gateway: GatewaySettings | None = None,
    certificate: str = "",
    seed: int = 0,
    **settings: object,
) -> AsyncIterator[Stage]:
    """A world with the daemon in it, unless told otherwise."""
    async with (
        open_database(DATABASE, SCHEMA) as database,
        open_world(server_accounts=("presence",), gateway=gateway, certificate=certificate, seed=seed) as world,
    ):
        stage = Stage(world, database)
        if runs:
            async with stage.daemon(**settings):
                yield stage
        else:
            yield stage
