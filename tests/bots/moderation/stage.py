"""The moderation bot in a world of its own, and what its database says afterwards."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

import trio

from botkit import App, BotPlacement, Database, InstantMessage, SqlValue, open_database
from botkit.testing import User, World, open_world
from bots.moderation import bot
from bots.moderation.cases.schema import SCHEMA
from bots.moderation.rules.settings import AnyRule, WordsRule
from bots.moderation.settings import ModerationSettings

SPAM = WordsRule(id="spam", words=("spam",))
SERVERS = ("moderator", "moderator~*")
_numbers = count()


class Stage:
    """A world with the bot in it, and its database."""

    def __init__(self, world: World, database: Database, settings: ModerationSettings) -> None:
        self.world, self.database, self.settings = world, database, settings
        self.linger = 30.0

    async def user(self, account: str, channel: str = "lobby") -> User:
        """Somebody in a moderated channel; the bot has heard of it."""
        user = await self.world.user(account, channel=channel)
        await trio.sleep(0.1)
        return user

    async def rows(self, query: str) -> list[tuple[SqlValue, ...]]:
        """What a query says, once all that is under way is written."""
        await trio.sleep(1)
        return await self.database.fetch(query)

    async def acts(self, lane: str = "live") -> list[tuple[SqlValue, ...]]:
        """All acts: rule, verb, on whom or where, and what became of it."""
        return await self.rows(
            "SELECT rule, verb, CASE acts.account WHEN '' THEN acts.channel ELSE acts.account END, outcome"
            f" FROM acts JOIN cases ON cases.id = case_id WHERE acts.lane = '{lane}' ORDER BY case_id, seq"
        )

    def placement(self, channels: Sequence[str] = ("lobby",), *, dry_run: bool = False) -> BotPlacement:
        """The bot, as a configuration places it."""
        return BotPlacement(
            bot=bot,
            account="moderator",
            channels=tuple(channels),
            settings=self.settings,
            roles={"moderator": ["mod-*"], "helper": ["help-*"]},
            linger_seconds=self.linger,
            dry_run=dry_run,
        )

    @asynccontextmanager
    async def running(self, *channels: str, dry_run: bool = False) -> AsyncIterator[App]:
        """The bot, from now to the end of the block."""
        async with self.world.running(self.placement(channels or ("lobby",), dry_run=dry_run)) as app:
            await trio.sleep(0.1)
            yield app
            await trio.sleep(1)


@asynccontextmanager
async def stage(
    *rules: AnyRule,
    channels: Sequence[str] = ("lobby",),
    servers: Sequence[str] = SERVERS,
    run: bool = True,
    dry_run: bool = False,
    expect_failures: bool = False,
    linger: float = 30.0,
    **settings: object,
) -> AsyncIterator[Stage]:
    """A world with the bot in ``channels``; ``settings`` are those of the bot."""
    url = f"sqlite://moderation_{next(_numbers)}"
    made = ModerationSettings(rules=rules or (SPAM,), database=url, **settings)  # type: ignore[arg-type]
    async with (
        open_database(url, SCHEMA) as database,
        open_world(server_accounts=servers, expect_failures=expect_failures) as world,
    ):
        at = Stage(world, database, made)
        at.linger = linger
        if not run:
            yield at
            return
        async with at.running(*channels, dry_run=dry_run):
            yield at


async def told(user: User) -> str:
    """What the bot tells somebody."""
    return (await user.expect(InstantMessage, account="moderator")).text
