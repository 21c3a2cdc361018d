"""The watchdog on a loop that really does not turn: noticed while it lasts, once, and counted."""

import re
import threading
import time
from collections.abc import MutableMapping
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from botkit import Bot, BotPlacement, InstantMessage
from botkit.app.culprit import Culprit
from botkit.app.watchdog import Watchdog
from botkit.observability.metrics import Meters
from tests.app.world import World, open_world, until

pytestmark = pytest.mark.slow

BLOCKED = ("a bot blocks the loop", "the loop is blocked")


def watchdogs() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "botkit watchdog"]


def reports(logs: list[MutableMapping[str, Any]], *events: str) -> list[MutableMapping[str, Any]]:
    return [line for line in logs if line["event"] in (events or BLOCKED)]


def blocks(world: World) -> dict[str, int]:
    return dict(world.meters.counter("loop_blocks", "", "bot").values)


def sleepy_bot(name: str = "sleepy") -> Bot:
    bot = Bot(name)

    @bot.on_message()
    async def doze(message: InstantMessage) -> None:
        time.sleep(float(message.text))  # noqa: ASYNC251 - that is what this is about

    return bot


async def test_a_block_is_reported_while_it_lasts_and_counted() -> None:
    noticed: list[bool] = []
    bot = Bot("sleepy")

    @bot.on_message()
    async def doze(message: InstantMessage) -> None:
        deadline = time.monotonic() + 10
        while not reports(logs) and time.monotonic() < deadline:
            time.sleep(0.01)  # noqa: ASYNC251 - that is what this is about
        noticed.append(bool(reports(logs)))

    with capture_logs() as logs:
        async with (
            open_world() as world,
            world.running(BotPlacement(bot=bot, account="sleepy")),
            world.signal.open_session("ann") as ann,
        ):
            await ann.send_instant("sleepy", "1")
            await until(lambda: bool(blocks(world)))
            assert blocks(world) == {"sleepy": 1}
            assert world.meters.histogram("loop_blocked_seconds", "", (0.5, 1, 2, 5, 10, 30, 60)).count == 1
    assert noticed == [True]
    (report,) = reports(logs)
    assert (report["bot"], report["handler"].rpartition(".")[2], report["file"]) == ("sleepy", "doze", __file__)
    assert "time.sleep(0.01)" in report["stack"] or "reports(logs)" in report["stack"]
    (end,) = reports(logs, "the loop turns again")
    assert (end["bot"], end["handler"]) == ("sleepy", report["handler"])


async def test_each_block_is_reported_once() -> None:
    with capture_logs() as logs:
        async with (
            open_world() as world,
            world.running(BotPlacement(bot=sleepy_bot(), account="sleepy")),
            world.signal.open_session("ann") as ann,
        ):
            for number in range(2):
                await ann.send_instant("sleepy", "1.5")
                await until(lambda number=number: blocks(world) == {"sleepy": number + 1})  # type: ignore[misc]
    assert len(reports(logs)) == len(reports(logs, "the loop turns again")) == 2


async def test_what_holds_pythons_lock_is_named_afterwards() -> None:
    bot = Bot("greedy")

    @bot.on_message()
    async def backtrack(message: InstantMessage) -> None:
        text, begin = "a" * 20, time.monotonic()
        while time.monotonic() - begin < 1.5:  # the last match of these takes that long, in one call
            text, begin = text + "a", time.monotonic()
            re.match(r"(a+)+$", text + "b")

    with capture_logs() as logs:
        async with (
            open_world() as world,
            world.running(BotPlacement(bot=bot, account="greedy")),
            world.signal.open_session("ann") as ann,
        ):
            await ann.send_instant("greedy", "hello")
            await until(lambda: bool(blocks(world)), 60)
    assert [report["bot"] for report in reports(logs)] == ["greedy"]


async def test_a_loop_that_is_just_busy_is_not_reported() -> None:
    """A thousand tasks that take a millisecond each: nobody blocks anybody, and there is nobody to blame."""

    async def work() -> None:
        for _ in range(3):
            time.sleep(0.001)  # noqa: ASYNC251 - a stand-in for computing
            await trio.lowlevel.checkpoint()

    with capture_logs() as logs:
        async with Watchdog(Meters()).watching(), trio.open_nursery() as nursery:
            for _ in range(1000):
                nursery.start_soon(work)
    assert reports(logs) == []


async def test_what_no_bot_does_is_reported_without_one() -> None:
    meters = Meters()
    with capture_logs() as logs:
        async with Watchdog(meters).watching():
            time.sleep(1.5)  # noqa: ASYNC251 - that is what this is about
            await until(lambda: bool(meters.counter("loop_blocks", "", "bot").values))
    (report,) = reports(logs)
    assert "bot" not in report
    assert "handler" not in report or report["handler"] == "test_what_no_bot_does_is_reported_without_one"
    assert report["blocked_at"].startswith(f"{__file__}:")
    assert meters.counter("loop_blocks", "", "bot").values == {"none": 1}


async def test_apps_share_one_thread_and_it_ends_with_the_last() -> None:
    watchdog = Watchdog(Meters())
    assert watchdogs() == []
    async with watchdog.watching():
        async with watchdog.watching():
            assert len(watchdogs()) == 1
        assert len(watchdogs()) == 1
    assert watchdogs() == []


async def test_the_thread_ends_with_the_app_whatever_ends_it() -> None:
    async with open_world() as world:
        async with world.running(BotPlacement(bot=sleepy_bot(), account="sleepy")):
            assert len(watchdogs()) == 1
        assert watchdogs() == []
        with trio.move_on_after(0):
            await world.app(BotPlacement(bot=sleepy_bot(), account="sleepy")).run()
        assert watchdogs() == []


async def test_a_stop_at_any_moment_ends_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the moment at which the thread is about to ask."""
    monkeypatch.setattr("botkit.app.watchdog.ASK_SECONDS", 0.0005)
    with capture_logs() as logs:
        for number in range(2000):
            async with Watchdog(Meters()).watching():
                await trio.sleep(number % 17 * 0.0001)
            assert watchdogs() == []
    assert logs == []


async def test_a_block_that_cannot_be_explained_is_no_end_of_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_frame: object) -> Culprit:
        raise ValueError("a frame that cannot be read")

    with capture_logs() as logs:
        async with Watchdog(Meters()).watching():
            with monkeypatch.context() as patched:
                patched.setattr("botkit.app.watchdog.find_culprit", fail)
                time.sleep(1.5)  # noqa: ASYNC251 - that is what this is about
                await until(lambda: bool(logs))
            time.sleep(1.5)  # noqa: ASYNC251
            await until(lambda: bool(reports(logs)))
    assert logs[0]["event"] == "the watchdog cannot say what blocks the loop"
