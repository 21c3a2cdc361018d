"""Deadlines: in order, once, never early, and none left behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from botkit.gateway.timers import Timer, Timers
from botkit.observability.metrics import Meters


@asynccontextmanager
async def running(flushes: list[float] | None = None) -> AsyncIterator[Timers]:
    """Timers that run; each flush after call-backs is noted with its time."""
    timers = Timers(Meters().counter("timer_errors_total", "errors"))

    async def flush() -> None:
        if flushes is not None:
            flushes.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run, flush)
        yield timers
        nursery.cancel_scope.cancel()


def cancel_all(timers: list[Timer]) -> None:
    for timer in timers:
        timer.cancel()


async def test_deadlines_fire_in_their_order_at_their_time(autojump_clock: trio.testing.MockClock) -> None:
    fired: list[tuple[str, float]] = []

    def note(name: str) -> None:
        fired.append((name, trio.current_time()))

    flushes: list[float] = []
    async with running(flushes) as timers:
        timers.after(3, lambda: note("third"))
        timers.after(1, lambda: note("first"))
        timers.after(1, lambda: note("second"))
        timers.at(0.5, lambda: note("by the clock"))
        await trio.sleep(2)
        timers.after(0.25, lambda: note("later, but sooner"))
        timers.at(1.0, lambda: note("in the past"))
        await trio.sleep(2)
    assert fired == [
        ("by the clock", 0.5),
        ("first", 1),
        ("second", 1),
        ("in the past", 2),
        ("later, but sooner", 2.25),
        ("third", 3),
    ]
    assert flushes == [0.5, 1, 2, 2.25, 3]


async def test_a_cancelled_timer_never_fires(autojump_clock: trio.testing.MockClock) -> None:
    fired: list[str] = []
    flushes: list[float] = []
    async with running(flushes) as timers:
        kept = timers.after(1, lambda: fired.append("kept"))
        dropped = timers.after(0.5, lambda: fired.append("dropped"))
        dropped.cancel()
        dropped.cancel()
        assert [timer.pending for timer in (kept, dropped)] == [True, False]
        await trio.sleep(2)
        assert not kept.pending
        kept.cancel()
    assert fired == ["kept"]
    assert flushes == [1]


async def test_one_callback_may_cancel_another_that_is_due(autojump_clock: trio.testing.MockClock) -> None:
    fired: list[str] = []
    async with running() as timers:
        timers.after(1, lambda: cancel_all(others))
        others = [timers.after(1, lambda: fired.append("other"))]
        await trio.sleep(2)
    assert fired == []


async def test_a_callback_may_set_timers_that_are_due_at_once(autojump_clock: trio.testing.MockClock) -> None:
    fired: list[float] = []

    def again() -> None:
        fired.append(trio.current_time())
        if len(fired) < 3:
            timers.after(0, again)

    async with running() as timers:
        timers.after(1, again)
        await trio.sleep(2)
    assert fired == [1, 1, 1]


async def test_every_keeps_its_beat(autojump_clock: trio.testing.MockClock) -> None:
    beats: list[float] = []
    async with running() as timers:
        timers.every(5, lambda: beats.append(trio.current_time()))
        await trio.sleep(21)
    assert beats == [5, 10, 15, 20]


async def test_cancelled_timers_take_no_room_for_long(autojump_clock: trio.testing.MockClock) -> None:
    """Channels set a timer of two hours whenever they run empty: a peer may not pile them up."""
    fired: list[int] = []
    async with running() as timers:
        for number in range(20_000):
            timer = timers.after(7200 - number / 20_000, partial(fired.append, number))
            if number % 10:
                timer.cancel()
        assert 2_000 <= timers.waiting <= 5_000
        await trio.sleep(7201)
        assert timers.waiting == 0
    assert fired == list(range(19_990, -1, -10))


async def test_a_callback_that_fails_is_counted_and_stops_no_other(autojump_clock: trio.testing.MockClock) -> None:
    failed = Meters().counter("timer_errors_total", "errors")
    timers = Timers(failed)
    fired: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    async def flush() -> None:
        fired.append("flush")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run, flush)
        timers.after(1, fail)
        timers.after(1, lambda: fired.append("other"))
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert fired == ["other", "flush"]
    assert failed.value == 1
