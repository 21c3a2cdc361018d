"""One line for many channels: a session in each live one that matches, as they appear and vanish."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import trio
from trio.testing import MockClock

from botkit import App, Bot, BotPlacement, ChannelMessage, Context, LoginSession
from tests.app.world import World, open_world, until

SERVERS = ("botkit-feed-*", "moderator")


def place(bot: Bot, *channels: str, account: str = "bot", most: int = 500, linger: float = 30.0) -> BotPlacement:
    return BotPlacement(bot=bot, account=account, channels=channels, max_channels=most, linger_seconds=linger)


def parrot(name: str = "parrot") -> Bot:
    """Says in a channel what it hears there, and under which account."""
    bot = Bot(name)

    @bot.on_channel_message()
    async def repeat(message: ChannelMessage, ctx: Context) -> None:
        await ctx.channel.send(f"{ctx.session.account} in {ctx.channel.name}: {message.text}")

    return bot


def where(app: App, bot: int = 0) -> dict[str, str]:
    """The channels of a bot's sessions that are logged in, by account."""
    sessions = app.statistics()[bot].sessions
    return {one.account: one.channel or "" for one in sessions if one.status == "logged_in"}


@asynccontextmanager
async def people(world: World, *places: str) -> AsyncIterator[list[LoginSession]]:
    """Somebody in each of these channels."""
    async with AsyncExitStack() as stack:
        sessions = []
        for number, channel in enumerate(places):
            session = await stack.enter_async_context(world.signal.open_session(f"user{number}"))
            await session.join(channel)
            sessions.append(session)
        yield sessions


async def test_channels_appear_and_vanish_and_a_session_comes_and_goes(autojump_clock: MockClock) -> None:
    async with open_world() as world, world.running(place(parrot(), "room-*", "lobby")) as app:
        assert where(app) == {"bot": "lobby"}
        async with people(world, "room-1", "hall", "room-2"):
            await until(lambda: len(where(app)) == 3)
            assert where(app) == {"bot": "lobby", "bot~2": "room-1", "bot~3": "room-2"}
            await trio.sleep(60)
            assert len(where(app)) == 3
        await trio.sleep(29)
        assert len(where(app)) == 3
        await trio.sleep(2)
        assert where(app) == {"bot": "lobby"}
        async with people(world, "room-3"):
            await until(lambda: where(app) == {"bot": "lobby", "bot~2": "room-3"})
