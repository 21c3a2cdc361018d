"""Whatever a bot does wrong, in a handler, a beat, a filter or a resource, it is named and counted, and hurts it alone.

The bots are at a real gateway in memory; ``ill`` does what a test orders, ``well`` is beside it in the same app.
"""

import asyncio
import sys
import traceback
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, BotPlacement, Context, InstantMessage, Signal, UserOnline
from botkit import filters as f
from botkit.app.apps import run_apps
from tests.app.world import APP_ID, next_event, open_world, until


def cancel_what_runs_this() -> None:
    """What a bot has no business to do: cancel the nursery that its code happens to run in."""
    nursery = trio.lowlevel.current_task().parent_nursery
    assert nursery is not None
    nursery.cancel_scope.cancel()


def leave() -> None:
    sys.exit("from a bot")


def fail() -> None:
    raise RuntimeError("as ordered")


def cancel_asyncio() -> None:
    raise asyncio.CancelledError  # from a library for another loop: no Exception


DEEDS: dict[str, Callable[[], None]] = {
    "raises": fail,
    "calls sys.exit": leave,
    "cancels what it runs in": cancel_what_runs_this,
    "raises asyncio's CancelledError": cancel_asyncio,
}


class Order:
    """What ``ill`` is to do, once, and where."""

    def __init__(self, where: str, deed: str) -> None:
        self.where, self.deed = where, deed
        self.given = self.done = False

    def obey(self, where: str) -> None:
        if self.given and not self.done and where == self.where:
            self.done = True
            DEEDS[self.deed]()


def ill_bot(order: Order) -> Bot:
    bot = Bot("ill")

    @bot.resource
    async def patience() -> AsyncIterator[trio.Nursery]:
        async def wait_for_order() -> None:
            while True:
                await trio.sleep(0.1)
                order.obey("resource")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_for_order)
            yield nursery
            nursery.cancel_scope.cancel()

    @bot.every(seconds=0.1)
    async def beat() -> None:
        order.obey("beat")

    def judge(_message: InstantMessage) -> bool:
        order.obey("filter")
        return True

    @bot.on_message(f.where(InstantMessage, judge))
    async def echo(message: InstantMessage, ctx: Context) -> None:
        order.obey("handler")
        await ctx.reply(f"ill: {message.text}")

    return bot


def named(name: str) -> Bot:
    bot = Bot(name)

    @bot.on_message()
    async def echo(message: InstantMessage, ctx: Context) -> None:
        await ctx.reply(f"{name}: {message.text}")

    return bot


def well_bot() -> Bot:
    return named("well")


def place(bot: Bot) -> BotPlacement:
    return BotPlacement(bot=bot, account=bot.name)


EXIT = "raised SystemExit, which ends nothing but this child"
CANCELLED = "raised CancelledError, which ends nothing but this child"

OUTCOMES = [
    # where       what it does                       what of the bot that costs, and what is said of it
    ("handler", "raises", "", "handler failed"),
    ("handler", "raises asyncio's CancelledError", "", "handler failed"),
    ("handler", "calls sys.exit", "bot", EXIT),
    ("handler", "cancels what it runs in", "bot", "a handler has cancelled the nursery that all handlers of its bot"),
    ("beat", "raises", "", "handler failed"),
    ("beat", "raises asyncio's CancelledError", "", "handler failed"),
    ("beat", "calls sys.exit", "bot", EXIT),
    ("beat", "cancels what it runs in", "bot", "something inside of the actor cancelled it"),
    ("filter", "raises", "", "filter failed"),
    ("filter", "raises asyncio's CancelledError", "session", CANCELLED),
    ("filter", "calls sys.exit", "session", EXIT),
    ("filter", "cancels what it runs in", "bot", "was cancelled by something that runs below it"),
    ("resource", "raises", "bot", "as ordered"),
    ("resource", "raises asyncio's CancelledError", "bot", CANCELLED),
    ("resource", "calls sys.exit", "bot", EXIT),
    ("resource", "cancels what it runs in", "bot", "something inside of the actor cancelled it"),
]


@pytest.mark.row("A09")
@pytest.mark.parametrize(("where", "deed", "costs", "said"), OUTCOMES)
async def test_it_hurts_its_own_bot_alone_and_is_told(
    autojump_clock: MockClock, where: str, deed: str, costs: str, said: str
) -> None:
    order = Order(where, deed)
    with capture_logs() as logs:
        async with (
            open_world() as world,
            world.signal.open_session("ann") as ann,
            world.running(place(ill_bot(order)), place(well_bot())) as app,
        ):
            order.given = True
            await ann.send_instant("ill", "first")
            await until(lambda: order.done)
            await trio.sleep(30)
            ill, well = app.statistics()
            assert (well.state, well.restarts, well.last_error, well.sessions[0].restarts) == ("running", 0, None, 0)
            assert (ill.state, ill.restarts, ill.sessions[0].restarts) == (
                "running",
                costs == "bot",
                costs == "session",
            )
            for name in ("ill", "well"):
                await ann.send_instant(name, "still there?")
                while (await next_event(ann, InstantMessage)).text != f"{name}: still there?":
                    pass
            assert world.meters.counter("unplanned_ends", "", "kind").values == ({costs: 1} if costs else {})
    told = [line for line in logs if line["log_level"] == "error"]
    assert any(said in f"{line['event']} {line.get('error', '')}" for line in told), told
    if deed == "calls sys.exit":
        assert any("leave" in str(trace_of(line)) for line in told), told


def trace_of(line: MutableMapping[str, Any]) -> list[str]:
    """The functions in the traceback of a line's error, and of its causes."""
    functions: list[str] = []
    error = line.get("exc_info")
    while isinstance(error, BaseException):
        functions += [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        error = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__
    return functions


@pytest.mark.row("A09")
async def test_sessions_that_others_end_are_counted(autojump_clock: MockClock) -> None:
    bot = well_bot()

    @bot.on_user_online()
    async def see(event: UserOnline) -> None:
        """Makes the app need a feed."""

    def counts() -> dict[str, int]:
        return dict(world.meters.counter("unplanned_ends", "", "kind").values)

    with capture_logs() as logs:
        async with open_world() as world, world.running(place(bot), place(Bot("other"))) as app:
            world.dismiss("well")  # its token has expired, say
            await trio.sleep(10)
            assert counts() == {"session": 1}
            async with world.signal.open_session("well"):
                await until(lambda: app.statistics()[0].state == "ended")
                assert counts() == {"session": 2}
            feed = app.tree().children[0].children[0].name
            async with world.signal.open_session(feed):
                await trio.sleep(10)
                assert counts() == {"session": 2, "feed": 1}
    over = [line["account"] for line in logs if line["event"] == "session over, and not opened again"]
    assert over == ["well", feed]


@pytest.mark.row("A09")
async def test_a_bot_that_is_killed_at_its_stop_is_counted(autojump_clock: MockClock) -> None:
    bot = Bot("slow")

    @bot.resource
    async def stubborn() -> AsyncIterator[int]:
        yield 1
        await trio.sleep(1000)

    with capture_logs() as logs:
        async with open_world() as world:
            async with world.running(place(bot)):
                pass
            assert world.count("unplanned_ends", "bot") == 1
    assert [line["child"] for line in logs if line["event"] == "child passed its stop deadline"] == ["slow"]


@pytest.mark.row("B10")
async def test_of_two_hundred_bots_in_one_loop_one_crash_affects_one(autojump_clock: MockClock) -> None:
    """Half of them are in another app of the same process."""
    order = Order("resource", "raises")
    first = [place(ill_bot(order)), *(place(named(f"bot-{number}")) for number in range(99))]
    second = [place(named(f"bot-{number}")) for number in range(100)]
    with capture_logs():
        async with open_world(other_apps=["other"]) as world, trio.open_nursery() as nursery:
            one, two = world.app(*first), world.app(*second, app_id="other")
            await nursery.start(run_apps, [one, two])
            assert world.gateway.sessions == 200
            order.given = True
            await until(lambda: one.statistics()[0].restarts == 1)
            await until(lambda: one.statistics()[0].state == "running")
            for app_id in (APP_ID, "other"):
                signal = Signal(app_id, world.gateway.connector)
                async with signal.open_session("ann") as ann:
                    for number in range(99):
                        await ann.send_instant(f"bot-{number}", "you?")
                        await trio.sleep(0.02)  # a user may send 60 in a second
                    heard = {(await next_event(ann, InstantMessage)).text for _ in range(99)}
                assert heard == {f"bot-{number}: you?" for number in range(99)}
            others = [*one.statistics()[1:], *two.statistics()]
            assert len(others) == 199
            assert {(bot.state, bot.restarts, bot.sessions[0].restarts) for bot in others} == {("running", 0, 0)}
            assert world.gateway.sessions == 200
            nursery.cancel_scope.cancel()
