"""Several apps in one process: they start together, keep to themselves, and none ends another."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import structlog
import trio
from structlog.testing import LogCapture
from trio.testing import MockClock

from botkit import App, Bot, BotPlacement, ChannelMessage, Context, Signal, UserOnline
from botkit.app.apps import run_apps
from botkit.errors import ActorError
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.types import Account
from tests.app.world import next_event, until

SHOP, DESK = "shop", "desk"


@asynccontextmanager
async def open_gateway() -> AsyncIterator[Gateway]:
    apps = tuple(AppCredentials(id=name, server_accounts=("botkit-feed-*",)) for name in (SHOP, DESK))
    async with trio.open_nursery() as nursery:
        yield await nursery.start(serve_gateway, GatewaySettings(apps=apps))
        nursery.cancel_scope.cancel()


def greeter(greeting: str) -> Bot:
    """Answers everybody, and tells in the log who comes online."""
    bot = Bot("greeter")

    @bot.on_channel_message()
    async def greet(message: ChannelMessage, ctx: Context) -> None:
        if message.text == "leave":
            await ctx.session.logout()
        else:
            await ctx.reply(greeting)

    @bot.on_user_online()
    async def tell(event: UserOnline, ctx: Context) -> None:
        ctx.log.info("seen", who=event.account)

    return bot


def apps_at(gateway: Gateway) -> list[App]:
    return [
        App(
            name,
            gateway.connector,
            [BotPlacement(bot=greeter(f"hello from {name}"), account="bot", channels=("lobby",))],
        )
        for name in (SHOP, DESK)
    ]


async def ask(gateway: Gateway, app: str, text: str = "hello") -> str:
    """What ann hears in this app's lobby."""
    async with Signal(app, gateway.connector).open_session(f"ann-of-{app}") as ann:
        await (await ann.join("lobby")).send(text)
        while (heard := await next_event(ann, ChannelMessage)).account != "bot":
            pass
        return heard.text


async def send_away(gateway: Gateway, app: str) -> None:
    """Tells the bot of this app to leave, and waits until it has."""
    async with Signal(app, gateway.connector).open_session("boss") as boss:
        await (await boss.join("lobby")).send("leave")
        await until(lambda: gateway.hubs[app].sessions.get(Account("bot")) is None)


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """What is logged, with what is bound to the task that logs it."""
    capture = LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture
    structlog.reset_defaults()


async def test_each_app_hears_its_own_people_only(autojump_clock: MockClock, log: LogCapture) -> None:
    async with open_gateway() as gateway:
        async with trio.open_nursery() as nursery:
            await nursery.start(run_apps, apps_at(gateway))
            assert gateway.sessions == 4
            assert [await ask(gateway, name) for name in (SHOP, DESK)] == ["hello from shop", "hello from desk"]
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
        assert gateway.sessions == 0
    seen = [(entry["app"], entry["who"]) for entry in log.entries if entry["event"] == "seen"]
    assert sorted(seen) == [("desk", "ann-of-desk"), ("desk", "bot"), ("shop", "ann-of-shop"), ("shop", "bot")]


async def test_the_last_app_alone_ends_them_all(autojump_clock: MockClock, log: LogCapture) -> None:
    async with open_gateway() as gateway, trio.open_nursery() as nursery:

        async def send_all_away() -> None:
            await until(lambda: gateway.sessions == 4)
            await send_away(gateway, SHOP)
            assert await ask(gateway, DESK) == "hello from desk"
            await send_away(gateway, DESK)

        nursery.start_soon(send_all_away)
        with pytest.raises(ActorError) as caught, trio.fail_after(60):
            await run_apps(apps_at(gateway))
    end = "no bot is left: greeter (bot): its sessions have ended"
    assert str(caught.value) == f"app shop: {end}; app desk: {end}"
    assert [entry["app"] for entry in log.entries if entry["event"] == "an app has ended"] == ["shop", "desk"]


async def test_one_app_is_as_if_it_ran_by_itself(autojump_clock: MockClock, log: LogCapture) -> None:
    async with open_gateway() as gateway, trio.open_nursery() as nursery:

        async def send_it_away() -> None:
            await until(lambda: gateway.sessions == 2)
            assert await ask(gateway, SHOP) == "hello from shop"
            await send_away(gateway, SHOP)

        nursery.start_soon(send_it_away)
        with pytest.raises(ActorError, match=r"^no bot is left: greeter \(bot\): its sess"), trio.fail_after(60):
            await run_apps(apps_at(gateway)[:1])
    assert not any("app" in entry for entry in log.entries)
