"""The watchdog on a loop that really does not turn: noticed while it lasts, once, and counted."""

import re
import sys
import threading
import time
from collections.abc import Callable, MutableMapping
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.lowlevel
from structlog.testing import capture_logs

from botkit import Bot, BotPlacement, InstantMessage
from botkit.app import watchdog
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


def block_until(condition: Callable[[], bool]) -> bool:
    """Let nothing else run in this thread until something has happened; whether it has."""
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)  # that is what this is about
    return condition()


def of(bot: str, logs: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    """The reports that name a bot. The machine, too, may stop everything for a while, and that is reported as well."""
    return [report for report in reports(logs) if report.get("bot") == bot]


async def test_a_block_is_reported_while_it_lasts_and_counted() -> None:
    noticed: list[bool] = []
    bot = Bot("sleepy")

    @bot.on_message()
    async def doze(message: InstantMessage) -> None:
        noticed.append(block_until(lambda: bool(of("sleepy", logs))))

    with capture_logs() as logs:
        async with (
            open_world() as world,
            world.running(BotPlacement(bot=bot, account="sleepy")),
            world.signal.open_session("ann") as ann,
        ):
            await ann.send_instant("sleepy", "1")
            await until(lambda: "sleepy" in blocks(world))
            assert blocks(world)["sleepy"] == 1
            counted = world.meters.histogram("loop_blocked_seconds", "", (0.5, 1, 2, 5, 10, 30, 60)).count
            assert counted == sum(blocks(world).values())
    assert noticed == [True]
    (report,) = of("sleepy", logs)
    assert (report["bot"], report["handler"].rpartition(".")[2], report["file"]) == ("sleepy", "doze", __file__)
    assert "block_until(lambda" in report["stack"]
    (end,) = [line for line in reports(logs, "the loop turns again") if line.get("bot") == "sleepy"]
    assert end["handler"] == report["handler"]


async def test_each_block_is_reported_once() -> None:
    bot, begun = Bot("sleepy"), list[int]()

    @bot.on_message()
    async def doze(message: InstantMessage) -> None:
        begun.append(1)
        block_until(lambda: len(of("sleepy", logs)) == len(begun))
        time.sleep(0.5)  # noqa: ASYNC251 - as long as it would take to be noticed once more

    with capture_logs() as logs:
        async with (
            open_world() as world,
            world.running(BotPlacement(bot=bot, account="sleepy")),
            world.signal.open_session("ann") as ann,
        ):
            for number in range(2):
                await ann.send_instant("sleepy", "hello")
                await until(lambda number=number: blocks(world).get("sleepy") == number + 1)  # type: ignore[misc]
    ends = [line for line in reports(logs, "the loop turns again") if line.get("bot") == "sleepy"]
    assert len(of("sleepy", logs)) == len(ends) == 2


@pytest.mark.row("A13")
@pytest.mark.parametrize("busy_before", [False, True])
async def test_the_schedule_names_what_blocks_within_a_second(
    busy_before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of the test's own, from the last moment at which nobody had asked the loop yet."""
    now = 100.0

    class NoSign(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal now
            now += timeout or 0
            return timeout is None  # it turns when it has been reported

    looks = iter([object()] if busy_before else [])
    step = sys._getframe()
    monkeypatch.setattr(watchdog, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(watchdog, "task_frame", lambda _: next(looks, step))
    thread = watchdog._WatchThread(trio.lowlevel.current_trio_token(), lambda _: None)
    thread._turned = NoSign()
    with capture_logs() as logs:
        thread._wait_for_turn(now)
    assert [line["event"] for line in logs] == ["the loop is blocked", "the loop turns again"]
    assert now - 100 + watchdog.ASK_SECONDS < 1.0


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
            await until(lambda: "greedy" in blocks(world))
    assert len(of("greedy", logs)) == 1


async def test_a_loop_that_is_just_busy_is_not_reported() -> None:
    """A thousand tasks that take a millisecond each: nobody blocks anybody, and there is nobody to blame."""
    longest = 0.0

    async def work() -> None:
        nonlocal longest
        for _ in range(3):
            begin = time.monotonic()
            time.sleep(0.001)  # noqa: ASYNC251 - a stand-in for computing
            longest = max(longest, time.monotonic() - begin)
            await trio.lowlevel.checkpoint()

    for _ in range(10):
        longest = 0.0
        with capture_logs() as logs:
            async with Watchdog(Meters()).watching(), trio.open_nursery() as nursery:
                for _ in range(1000):
                    nursery.start_soon(work)
        if not reports(logs):
            return
        assert longest > watchdog.LOOK_SECONDS / 2, "reported, and not because the machine stood still"


async def test_what_no_bot_does_is_reported_without_one() -> None:
    meters = Meters()
    with capture_logs() as logs:
        async with Watchdog(meters).watching():
            block_until(lambda: bool(reports(logs)))
            await until(lambda: bool(meters.counter("loop_blocks", "", "bot").values))
    report = reports(logs)[0]
    assert "bot" not in report
    assert "handler" not in report or report["handler"] == "test_what_no_bot_does_is_reported_without_one"
    assert report["blocked_at"].startswith(f"{__file__}:")
    assert meters.counter("loop_blocks", "", "bot").values == {"none": len(reports(logs))}


async def test_apps_share_one_thread_and_it_ends_with_the_last() -> None:
    shared = Watchdog(Meters())
    assert watchdogs() == []
    async with shared.watching():
        async with shared.watching():
            assert len(watchdogs()) == 1
        assert len(watchdogs()) == 1
    assert watchdogs() == []


async def test_the_thread_ends_with_the_app_whatever_ends_it() -> None:
    async with open_world() as world:
        async with world.running(BotPlacement(bot=Bot("sleepy"), account="sleepy")):
            assert len(watchdogs()) == 1
        assert watchdogs() == []
        with trio.move_on_after(0):
            await world.app(BotPlacement(bot=Bot("sleepy"), account="sleepy")).run()
        assert watchdogs() == []


async def test_a_stop_at_any_moment_ends_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the moment at which the thread is about to ask."""
    monkeypatch.setattr("botkit.app.watchdog.ASK_SECONDS", 0.0005)
    with capture_logs() as logs:
        for number in range(2000):
            async with Watchdog(Meters()).watching():
                await trio.sleep(number % 17 * 0.0001)
            assert watchdogs() == []
    assert {line["event"] for line in logs} <= {
        "the loop is blocked",
        "the loop turns again",
    }  # the machine stood still


async def test_a_block_that_cannot_be_explained_is_no_end_of_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_frame: object) -> Culprit:
        raise ValueError("a frame that cannot be read")

    with capture_logs() as logs:
        async with Watchdog(Meters()).watching():
            with monkeypatch.context() as patched:
                patched.setattr("botkit.app.watchdog.find_culprit", fail)
                assert block_until(lambda: bool(logs))
            await trio.lowlevel.checkpoint()  # the loop turns
            assert block_until(lambda: bool(reports(logs)))
    assert logs[0]["event"] == "the watchdog cannot say what blocks the loop"
