"""What bots do before they are stopped: they finish what they are at, while everything goes on."""

import itertools

import pytest
import trio
from msgspec import Struct
from trio.testing import MockClock

from botkit import Bot, BotPlacement, ChannelMessage, Context, Router
from botkit.cli.draining import DrainingStop
from botkit.errors import HandlerError
from botkit.testing import open_world


class Settings(Struct, frozen=True):
    """How long it takes to finish."""

    seconds: float = 10


def make_bot() -> tuple[Bot, list[str]]:
    """A bot that takes its time to finish, and what it did."""
    bot, done = Bot("slow", settings=Settings), list[str]()

    @bot.on_drain(timeout=60)
    async def finish(settings: Settings) -> None:
        done.append("begins")
        await trio.sleep(settings.seconds)
        done.append("finished")

    @bot.on_channel_message()
    async def echo(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply(f"you said {message.text}")

    return bot, done


async def test_a_bot_goes_on_while_it_drains(autojump_clock: MockClock) -> None:
    bot, done = make_bot()
    async with open_world() as world, world.running(bot) as app, trio.open_nursery() as nursery:
        assert app.has_drains
        ann = await world.user("ann", channel="lobby")
        nursery.start_soon(app.drain)
        await trio.sleep(5)
        assert done == ["begins"]
        await ann.say("hello")
        await ann.expect_text("you said hello")
        await trio.sleep(10)
        assert done == ["begins", "finished"]
        await ann.say("again")
        await ann.expect_text("you said again")


async def test_all_bots_and_routers_drain_at_the_same_time(autojump_clock: MockClock) -> None:
    bot, done = make_bot()
    part = Router("part")

    @part.on_drain()
    async def finish_too(ctx: Context) -> None:
        done.append(f"{ctx.bot.account} too")

    bot.include(part)
    placements = [BotPlacement(bot=bot, account=name, settings=Settings(seconds=10)) for name in ("a", "b")]
    async with open_world() as world, world.running(*placements) as app:
        began = trio.current_time()
        await app.drain()
        assert trio.current_time() - began == pytest.approx(10)
    assert sorted(done) == ["a too", "b too", "begins", "begins", "finished", "finished"]


async def test_who_takes_too_long_or_fails_keeps_nobody(autojump_clock: MockClock) -> None:
    forgetful, failing = Bot("forgetful"), Bot("failing")

    @forgetful.on_drain(timeout=30)
    async def forget() -> None:
        await trio.sleep_forever()

    @failing.on_drain()
    async def fail() -> None:
        raise LookupError("lost")

    async with open_world(expect_failures=True) as world, world.running(forgetful, failing) as app:
        began = trio.current_time()
        await app.drain()
        assert trio.current_time() - began == pytest.approx(30)
        assert world.metric("botkit_bot_handler_timeouts_total", bot="forgetful") == 1
        assert world.metric("botkit_bot_handler_errors_total", bot="failing") == 1


async def test_a_bot_that_a_reload_stops_drains_first(autojump_clock: MockClock) -> None:
    bot, done = make_bot()
    other = Bot("other")
    async with open_world() as world, world.running(bot, other) as app:
        began = trio.current_time()
        await app.apply([BotPlacement(bot=other, account="other", channels=("lobby",))])
        assert done == ["begins", "finished"]
        assert trio.current_time() - began >= 10
        assert not app.has_drains


def test_what_it_asks_for_is_checked() -> None:
    bot = Bot("wrong")
    with pytest.raises(HandlerError, match="test_draining"):

        @bot.on_drain()
        async def wrong(settings: Settings) -> None:
            """Asks for what nobody provides."""

    with pytest.raises(ValueError, match="timeout"):
        bot.on_drain(timeout=0)


async def test_the_stop_waits_for_it_and_puts_the_deadline_off(autojump_clock: MockClock) -> None:
    bot, done = make_bot()
    put_off = list[float]()
    async with open_world() as world, world.running(bot) as app:
        stop = DrainingStop([app])
        with stop.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stop.run, lambda: put_off.append(trio.current_time()))
                await trio.sleep(1)
                stop.ask()
                await trio.sleep_forever()
        assert stop.scope.cancelled_caught
        assert done == ["begins", "finished"]
        assert len(put_off) >= 10
        assert max(later - before for before, later in itertools.pairwise(put_off)) <= 1.01


async def test_what_has_nothing_to_finish_is_stopped_at_once(autojump_clock: MockClock) -> None:
    async with open_world() as world, world.running(Bot("quick")) as app:
        stop = DrainingStop([app])
        with stop.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stop.run, lambda: None)
                await trio.sleep(1)
                stop.ask()
                await trio.lowlevel.checkpoint()
                await trio.sleep_forever()
        assert stop.scope.cancelled_caught


async def test_what_is_not_up_yet_is_stopped_at_once(autojump_clock: MockClock) -> None:
    bot, _ = make_bot()
    async with open_world() as world, world.running(bot) as app:
        stop = DrainingStop([app])
        stop.ask()
        assert stop.scope.cancel_called
