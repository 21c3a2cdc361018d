"""A hundred bots lose the same thing at the same time, and no two of them come back within the same 50 ms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import App, Bot, BotPlacement, InstantMessage
from botkit.backoff import SLOT_SECONDS
from botkit.errors import ConnectFailed
from botkit.transport.base import Transport
from tests.app.world import APP_ID, World, open_world, until

BOTS = 100


class Road:
    """The way to a gateway that comes and goes; it writes down when somebody takes it."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.taken: list[float] = []

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[Transport]:
        self.taken.append(trio.current_time())
        if self.world is None:
            raise ConnectFailed("memory", "nobody is there")
        async with self.world.gateway.connector() as transport:
            yield transport

    def in_a_slot_each(self) -> bool:
        return all(later - earlier >= SLOT_SECONDS - 1e-9 for earlier, later in pairwise(sorted(self.taken)))


def place(number: int, bot: Bot) -> BotPlacement:
    return BotPlacement(bot=bot, account=f"bot-{number}")


def quiet_bot(name: str) -> Bot:
    bot = Bot(name)

    @bot.on_message()
    async def hear(message: InstantMessage) -> None:
        """Does nothing."""

    return bot


@pytest.mark.row("A05")
async def test_after_a_restart_of_the_gateway(autojump_clock: MockClock) -> None:
    road = Road()
    app = App(APP_ID, road.connector, [place(number, quiet_bot(f"bot-{number}")) for number in range(BOTS)])
    with capture_logs():
        async with trio.open_nursery() as nursery:
            async with open_world() as road.world:
                await nursery.start(app.run)
                assert not road.in_a_slot_each()  # the start of all is in nobody's way
            road.world = None
            road.taken.clear()
            await trio.sleep(8)
            async with open_world() as world:
                road.world = world
                await until(lambda: world.gateway.sessions == BOTS, 30)
                assert len(road.taken) > 2 * BOTS
                assert road.in_a_slot_each()
                assert {status.restarts for status in app.statistics()} == {0}
                nursery.cancel_scope.cancel()


@pytest.mark.row("A05")
async def test_when_the_gateway_comes_up_after_the_bots(autojump_clock: MockClock) -> None:
    road = Road()
    app = App(APP_ID, road.connector, [place(number, quiet_bot(f"bot-{number}")) for number in range(BOTS)])
    with capture_logs():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(app.run)
            await trio.sleep(0.01)
            road.taken.clear()
            await trio.sleep(20)
            async with open_world() as world:
                road.world = world
                await until(lambda: world.gateway.sessions == BOTS, 60)
                assert road.in_a_slot_each()
                nursery.cancel_scope.cancel()


@pytest.mark.row("A05")
async def test_after_a_crash_of_them_all(autojump_clock: MockClock) -> None:
    """What they all rely on is gone: each supervisor restarts its bot, and each bot logs in anew."""
    blown = [trio.Event()]

    def fragile_bot(name: str) -> Bot:
        bot = quiet_bot(name)

        @bot.resource
        async def fuse() -> AsyncIterator[trio.Event]:
            async def watch() -> None:
                await blown[0].wait()
                raise OSError("the database is gone")

            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch)
                yield blown[0]
                nursery.cancel_scope.cancel()

        return bot

    road = Road()
    app = App(APP_ID, road.connector, [place(number, fragile_bot(f"bot-{number}")) for number in range(BOTS)])
    with capture_logs():
        async with open_world() as world, trio.open_nursery() as nursery:
            road.world = world
            await nursery.start(app.run)
            road.taken.clear()
            blown[0].set()
            blown[0] = trio.Event()
            await until(lambda: world.gateway.sessions == 0)
            await until(lambda: world.gateway.sessions == BOTS)
            assert len(road.taken) == BOTS
            assert road.in_a_slot_each()
            assert {status.restarts for status in app.statistics()} == {1}
            nursery.cancel_scope.cancel()
