"""Questions that wait too long, and what is left of those that do not."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from botkit.actor.actor import Actor, actor_child
from botkit.actor.ref import ActorRef, Question
from botkit.actor.supervisor import Supervisor
from botkit.actor.timeouts import Timeouts, of_this_run


class Answer(Question[float]):
    """Wants an answer after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Slow(Actor[Answer]):
    async def on_receive(self, message: Answer) -> float:
        await trio.sleep(message.seconds)
        return message.seconds


@asynccontextmanager
async def slow_ones(count: int = 1, capacity: int = 1024) -> AsyncIterator[list[ActorRef[Answer]]]:
    children = [actor_child(f"slow-{number}", Slow, capacity=capacity) for number in range(count)]
    async with trio.open_nursery() as nursery:
        await nursery.start(Supervisor("test", [child.spec for child in children]).run)
        yield [child.ref for child in children]
        nursery.cancel_scope.cancel()


async def test_an_answer_in_time_and_one_too_late(autojump_clock: trio.abc.Clock) -> None:
    async with slow_ones() as [ref]:
        began = trio.current_time()
        assert await ref.ask(Answer(2.9), timeout=3) == 2.9
        with pytest.raises(trio.TooSlowError):
            await ref.ask(Answer(3.1), timeout=3)
        assert trio.current_time() - began == pytest.approx(5.9)
        assert await ref.ask(Answer(1)) == 1, "the answer that came too late is nobody's"


@pytest.mark.parametrize("seed", range(20))
async def test_each_waits_for_its_own_time(seed: int, autojump_clock: trio.abc.Clock) -> None:
    chance = random.Random(seed)
    came: list[tuple[float, float, bool]] = []

    async def ask(ref: ActorRef[Answer], begin: float, takes: float, timeout: float) -> None:
        await trio.sleep(begin)
        began = trio.current_time()
        try:
            await ref.ask(Answer(takes), timeout=timeout)
        except trio.TooSlowError:
            assert takes > timeout
            assert trio.current_time() - began == pytest.approx(timeout)
        else:
            assert takes < timeout
            assert trio.current_time() - began == pytest.approx(takes)
        came.append((begin, takes, takes > timeout))

    async with slow_ones(40) as refs:
        async with trio.open_nursery() as nursery:
            for ref in refs:
                times = chance.uniform(0, 3), chance.uniform(0.01, 9), chance.choice([0.5, 1, 2, 5, chance.random()])
                nursery.start_soon(ask, ref, *times)
        assert len(of_this_run()) == 0
    assert len(came) == 40
    assert {too_late for _, _, too_late in came} == {False, True}


async def test_a_shorter_one_beside_longer_ones(autojump_clock: trio.abc.Clock) -> None:
    async with slow_ones(2) as [first, second], trio.open_nursery() as nursery:
        nursery.start_soon(first.ask, Answer(8))
        await wait_all_tasks_blocked()
        began = trio.current_time()
        with pytest.raises(trio.TooSlowError):
            await second.ask(Answer(8), timeout=0.25)
        assert trio.current_time() - began == pytest.approx(0.25)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
async def test_no_time_at_all_sends_nothing(timeout: float) -> None:
    async with slow_ones() as [ref]:
        with pytest.raises(trio.TooSlowError):
            await ref.ask(Answer(0), timeout=timeout)
        assert ref.statistics().taken == ref.statistics().waiting == 0


async def test_the_wait_for_room_counts(autojump_clock: trio.abc.Clock) -> None:
    async with slow_ones(capacity=1) as [ref], trio.open_nursery() as nursery:
        await ref.tell(Answer(2))
        await wait_all_tasks_blocked()
        await ref.tell(Answer(2))
        began = trio.current_time()
        with pytest.raises(trio.TooSlowError):
            await ref.ask(Answer(0), timeout=1)
        assert trio.current_time() - began == pytest.approx(1)
        assert ref.statistics().waiting == 1, "nothing was put in"
        with pytest.raises(trio.TooSlowError):
            await ref.ask(Answer(0), timeout=2.5)
        assert trio.current_time() - began == pytest.approx(3.5)
        nursery.cancel_scope.cancel()


async def test_who_is_cancelled_waits_no_more(autojump_clock: trio.abc.Clock) -> None:
    async with slow_ones() as [ref]:
        with trio.move_on_after(1):
            await ref.ask(Answer(100), timeout=50)
        assert len(of_this_run()) == 0


async def test_the_task_ends_when_nobody_waits(autojump_clock: trio.abc.Clock) -> None:
    before = trio.lowlevel.current_statistics().tasks_living
    async with slow_ones() as [ref]:
        for _ in range(10):
            await ref.ask(Answer(0.1))
        present = trio.lowlevel.current_statistics().tasks_living
        await trio.sleep(6)
        assert trio.lowlevel.current_statistics().tasks_living == present - 1
        assert await ref.ask(Answer(0.1)) == 0.1, "and begins again"
    await trio.sleep(6)
    assert trio.lowlevel.current_statistics().tasks_living == before


def test_each_run_has_its_own() -> None:
    async def ask() -> tuple[float, Timeouts]:
        async with slow_ones() as [ref]:
            return await ref.ask(Answer(0)), of_this_run()

    (first, one), (second, other) = trio.run(ask), trio.run(ask)
    assert first == second == 0
    assert one is not other
