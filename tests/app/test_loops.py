"""Bots that answer one another stop; people who chat with them are not taken for bots."""

import random

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, BotPlacement, ChannelMessage, Context, InstantMessage, LoopLimits
from tests.app.world import next_event, open_world, until

TURNS = LoopLimits().turns
MOST = 2000
heard: list[str] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    heard.clear()


def echo(name: str, loops: LoopLimits | None = None) -> Bot:
    """A bot that answers whatever it is told, where it is told."""
    bot = Bot(name, loops=loops)

    @bot.on_channel_message()
    async def in_channel(message: ChannelMessage, ctx: Context) -> None:
        await note_and_reply(name, ctx)

    @bot.on_message()
    async def in_private(message: InstantMessage, ctx: Context) -> None:
        await note_and_reply(name, ctx)

    return bot


async def note_and_reply(name: str, ctx: Context) -> None:
    heard.append(name)
    if len(heard) < MOST:  # where no loop is broken, the test fails instead of going on for ever
        await ctx.reply("echo")


def place(bot: Bot) -> BotPlacement:
    return BotPlacement(bot=bot, account=bot.name, channels=("lobby",))


@pytest.mark.row("B17")
async def test_two_echo_bots_in_a_channel_stop(autojump_clock: MockClock) -> None:
    with capture_logs() as logs:
        async with (
            open_world() as world,
            world.running(place(echo("one")), place(echo("two"))),
            world.signal.open_session("ann") as ann,
        ):
            await (await ann.join("lobby")).send("go")
            await trio.sleep(30)
            assert 2 * TURNS <= len(heard) <= 4 * TURNS + 4
            broken = {name: world.count("bot_loops_broken", name) for name in ("one", "two")}
            assert sum(broken.values()) >= 1
            assert sum(world.count("bot_loop_messages", name) for name in broken) >= 1
            # The person who is in the channel, too, is still answered by both.
            before = len(heard)
            await ann.send_instant("one", "still there?")
            await ann.send_instant("two", "still there?")
            await until(lambda: len(heard) == before + 2)
    breaks = [line for line in logs if line["event"].startswith("a loop is broken")]
    assert len(breaks) == sum(broken.values())
    assert {(line["bot"], line["loop_with"]) for line in breaks} <= {("one", "two"), ("two", "one")}


@pytest.mark.row("B17")
async def test_two_echo_bots_in_private_stop_and_may_talk_again_after_the_pause(autojump_clock: MockClock) -> None:
    loops = LoopLimits(turns=5, pause_seconds=10)
    with capture_logs():
        async with (
            open_world() as world,
            world.running(place(echo("one", loops)), BotPlacement(bot=talker("one"), account="talker")),
            world.signal.open_session("ann") as ann,
        ):
            await ann.send_instant("talker", "go")
            await trio.sleep(5)
            first = len(heard)
            assert 5 <= first <= 7
            await trio.sleep(10)
            assert len(heard) == first
            await ann.send_instant("talker", "go")
            await trio.sleep(5)
            assert first < len(heard) <= 2 * first


def talker(whom: str) -> Bot:
    """A bot that says something to another one whenever it is told something, and breaks no loop itself."""
    bot = Bot("talker", loops=LoopLimits(turns=0))

    @bot.on_message()
    async def talk(message: InstantMessage, ctx: Context) -> None:
        if len(heard) < MOST:
            await ctx.session.send_instant(whom, "hello")

    return bot


@pytest.mark.row("B17")
async def test_a_ring_of_three_bots_stops(autojump_clock: MockClock) -> None:
    bots = []
    for name, following in (("one", "two"), ("two", "three"), ("three", "one")):

        def declare(bot: Bot, following: str) -> Bot:
            @bot.on_message()
            async def hand_on(message: InstantMessage, ctx: Context) -> None:
                heard.append(bot.name)
                if len(heard) < MOST:
                    await ctx.session.send_instant(following, message.text)

            return bot

        bots.append(place(declare(Bot(name), following)))
    with capture_logs():
        async with open_world() as world, world.running(*bots), world.signal.open_session("ann") as ann:
            await ann.send_instant("one", "rumour")
            await trio.sleep(30)
            assert 3 * TURNS <= len(heard) <= 3 * (TURNS + 2)


@pytest.mark.row("B17")
async def test_somebody_who_chats_fast_is_answered_each_time(autojump_clock: MockClock) -> None:
    dice = random.Random(7)
    async with (
        open_world() as world,
        world.running(place(echo("one"))),
        world.signal.open_session("ann") as ann,
        world.signal.open_session("bob") as bob,
    ):
        lobby, also = await ann.join("lobby"), await bob.join("lobby")
        for _ in range(200):
            await trio.sleep(dice.uniform(0.1, 0.5) if dice.random() < 0.33 else dice.uniform(0.6, 2))
            await lobby.send("quick")
            if dice.random() < 0.5:
                await also.send("me too")
        await trio.sleep(1)
        assert world.count("bot_loops_broken", "one") == 0
        assert len(heard) == world.count("bot_events", "one") - world.count("bot_events_unhandled", "one")


async def test_it_can_be_switched_off(autojump_clock: MockClock) -> None:
    off = LoopLimits(turns=0)
    bots = place(echo("one", off)), place(echo("two", off))
    async with open_world() as world, world.running(*bots), world.signal.open_session("ann") as ann:
        await (await ann.join("lobby")).send("go")
        await until(lambda: len(heard) > 20 * TURNS, 60)
        assert world.count("bot_loops_broken", "one") == 0


async def test_answers_of_the_bot_reach_whom_they_are_for(autojump_clock: MockClock) -> None:
    async with open_world() as world, world.running(place(echo("one"))), world.signal.open_session("ann") as ann:
        for _ in range(TURNS):
            await ann.send_instant("one", "hi")
            assert (await next_event(ann, InstantMessage)).text == "echo"
