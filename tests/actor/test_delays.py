"""When restarts come: later each time, at random, anew after a stable life, and never a crowd at once."""

import random
from collections import defaultdict
from itertools import pairwise

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.actor.child import ChildSpec, Lifetime
from botkit.actor.exits import Exit
from botkit.actor.restarts import RestartBudget
from botkit.actor.supervisor import ChildExit, Supervisor
from botkit.backoff import SLOT_SECONDS, Backoff, Slots
from tests.actor.puppets import Puppet

CHILDREN = 500
ATTEMPTS = 5


@pytest.mark.row("A05")
async def test_delays_grow_and_begin_anew_after_a_stable_life(autojump_clock: MockClock) -> None:
    exits: list[ChildExit] = []
    puppet = Puppet("a", [])
    supervisor = Supervisor(
        "top",
        [puppet.spec],
        budget=RestartBudget(10, 60.0),
        backoff=Backoff(initial=1.0, maximum=4.0),
        on_exit=exits.append,
        fraction=lambda: 0.0,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        for life in (1, 1, 1, 1, 70, 1):
            await trio.sleep(life)
            puppet.end("raise")
            await wait_all_tasks_blocked()
            delay = exits[-1].delay
            assert delay is not None
            await trio.sleep(delay + 0.001)
        nursery.cancel_scope.cancel()
    assert [exit.delay for exit in exits] == pytest.approx([1, 2, 4, 4, 1, 2])
    assert {(exit.supervisor, exit.child, exit.exit) for exit in exits} == {("top", "a", Exit.RAISED)}


@pytest.mark.row("A05")
async def test_delays_are_spread_evenly_over_their_share(autojump_clock: MockClock) -> None:
    """Each of 500 children, one supervisor each, crashes five times: how long until it is up again?"""
    chance = random.Random(5)
    delays: dict[int, list[float]] = defaultdict(list)

    async def crash_five_times() -> None:
        crashes: list[float] = []

        async def child(lifetime: Lifetime) -> None:
            if crashes:
                delays[len(crashes)].append(trio.current_time() - crashes[-1])
            crashes.append(trio.current_time())
            with lifetime.work:
                lifetime.started()
                if len(crashes) > ATTEMPTS:
                    await trio.sleep_forever()
                raise RuntimeError

        await Supervisor(
            "top",
            [ChildSpec(name="child", run=child)],
            budget=RestartBudget(ATTEMPTS, 60.0),
            backoff=Backoff(initial=1.0, maximum=8.0, jitter=0.5),
            fraction=chance.random,
        ).run()

    with capture_logs(), trio.move_on_after(60):
        async with trio.open_nursery() as nursery:
            for _ in range(CHILDREN):
                nursery.start_soon(crash_five_times)
    for attempt, full in zip(range(1, ATTEMPTS + 1), (1.0, 2.0, 4.0, 8.0, 8.0), strict=True):
        shares = [(delay / full - 0.5) / 0.5 for delay in delays[attempt]]
        assert len(shares) == CHILDREN
        assert -1e-9 <= min(shares) < 0.05
        assert 0.95 < max(shares) <= 1 + 1e-9
        tenths = [sum(tenth <= share * 10 < tenth + 1 for share in shares) for tenth in range(10)]
        assert all(25 <= count <= 80 for count in tenths), tenths
        assert sum(shares) / CHILDREN == pytest.approx(0.5, abs=0.06)


@pytest.mark.row("A05")
async def test_a_hundred_supervisors_restart_their_children_in_moments_of_their_own(autojump_clock: MockClock) -> None:
    back: list[float] = []

    async def fall_once(lifetime: Lifetime) -> None:
        with lifetime.work:
            lifetime.started()
            if trio.current_time() == 0:
                await trio.sleep(1)
                raise ConnectionError
            back.append(trio.current_time())
            await trio.sleep_forever()

    slots = Slots()
    with capture_logs(), trio.move_on_after(40):
        async with trio.open_nursery() as nursery:
            for number in range(100):
                supervisor = Supervisor(f"of {number}", [ChildSpec(name="child", run=fall_once)], slots=slots)
                nursery.start_soon(supervisor.run)
    assert len(back) == 100
    back.sort()
    assert min(later - earlier for earlier, later in pairwise(back)) >= SLOT_SECONDS - 1e-9
    assert back[-1] <= 1 + 0.2 + 100 * SLOT_SECONDS
