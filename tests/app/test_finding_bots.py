"""Bots of an app find each other by name, kind and tag, before and after a crash; one in quarantine is not there."""

from collections.abc import AsyncIterator

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import BOT, Bot, BotPlacement, Context, InstantMessage, Registry
from botkit.errors import ActorDead
from botkit.events import Event
from tests.app.world import next_event, open_world, until


class Errand(Event, frozen=True, kw_only=True):
    """What the boss tells the worker."""

    text: str


def boss() -> Bot:
    bot = Bot("boss")

    @bot.on_message()
    async def delegate(message: InstantMessage, ctx: Context, bots: Registry) -> None:
        worker = bots.find("worker", BOT)
        if worker is None:
            await ctx.reply("there is no worker")
        else:
            await worker.tell(Errand(text=message.text))

    return bot


def worker(done: list[str]) -> Bot:
    bot = Bot("worker")

    @bot.resource
    async def bench(bots: Registry) -> AsyncIterator[trio.Event]:
        assert bots.find("boss", BOT) is not None
        broken = trio.Event()

        async def hold() -> None:
            await broken.wait()
            raise RuntimeError("the bench broke")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold)
            yield broken
            nursery.cancel_scope.cancel()

    @bot.on(Errand)
    async def work(errand: Errand, bench: trio.Event) -> None:
        if errand.text == "break":
            bench.set()
        else:
            done.append(errand.text)

    return bot


@pytest.mark.row("A08")
async def test_a_bot_is_found_before_and_after_a_crash(autojump_clock: MockClock) -> None:
    done: list[str] = []
    bots = [BotPlacement(bot=boss(), account="boss"), BotPlacement(bot=worker(done), account="worker")]
    with capture_logs():
        async with open_world() as world, world.running(*bots) as app, world.signal.open_session("ann") as ann:
            ref = app.registry.find("worker", BOT)
            assert ref is not None
            await ann.send_instant("boss", "one")
            await until(lambda: done == ["one"])
            await ann.send_instant("boss", "break")
            await until(lambda: app.statistics()[1].state == "waiting")
            await ann.send_instant("boss", "two")  # waits in the mailbox for the restart
            await until(lambda: done == ["one", "two"])
            assert app.registry.find("worker", BOT) is ref
            for _ in range(5):
                await until(lambda: app.statistics()[1].state == "running")
                await ann.send_instant("boss", "break")
                await until(lambda: app.statistics()[1].state != "running")
            await until(lambda: app.statistics()[1].state == "quarantined")
            await ann.send_instant("boss", "three")
            assert (await next_event(ann, InstantMessage)).text == "there is no worker"
            with pytest.raises(ActorDead):
                await ref.tell(Errand(text="four"))
            await until(lambda: app.statistics()[1].state == "running", 60)
            assert app.registry.find("worker", BOT) is ref
            await ann.send_instant("boss", "five")
            await until(lambda: done == ["one", "two", "five"])


@pytest.mark.row("A08")
async def test_all_that_run_under_a_name_are_found_by_it(autojump_clock: MockClock) -> None:
    bot = Bot("twin")
    bots = [BotPlacement(bot=bot, account="left"), BotPlacement(bot=bot, account="right")]
    async with open_world() as world, world.running(*bots, BotPlacement(bot=boss(), account="boss")) as app:
        assert [ref.name for ref in app.registry.of_kind(BOT)] == ["boss", "twin (left)", "twin (right)"]
        assert [ref.name for ref in app.registry.of_kind(BOT, tag="twin")] == ["twin (left)", "twin (right)"]
    assert app.registry.of_kind(BOT) == ()
