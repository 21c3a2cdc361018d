"""Random walks: connections break, gateways restart and forget, bots are slow; nobody is ever silently wrong."""

import random
from collections.abc import Callable

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot
from botkit.actor.mailbox import OverflowPolicy
from botkit.actor.ref import ActorRef
from botkit.app import feed_reader
from botkit.app.subscriber import Subscriber
from botkit.events import Event, FeedEvent
from tests.app.feeding import Feeding, Notebook, judge, open_feeding
from tests.app.world import until

STEPS = 40


class SlowBot:
    """A bot with a small mailbox, and a handler that takes its time."""

    def __init__(self, feeding: Feeding, chance: random.Random) -> None:
        bot = Bot("slow")

        @bot.on(FeedEvent)
        async def note(event: FeedEvent) -> None: ...

        self.ref = ActorRef[Event]("slow", 8, OverflowPolicy.DROP_NEWEST)
        self.subscriber = Subscriber(bot, self.ref, feeding.meters)
        self.told: list[Event] = []
        self._chance = chance

    async def run(self) -> None:
        """Take one message after the other, as ``BotActor`` does."""
        while True:
            event = await self.ref.mailbox.get()
            assert isinstance(event, Event)
            self.subscriber.taken()
            self.told.append(event)
            await trio.sleep(self._chance.choice([0, 0, 0.1, 2, 8]))


class Walk:
    """What may happen, at random."""

    def __init__(self, feeding: Feeding, chance: random.Random, *, may_forget: bool) -> None:
        self._feeding, self._chance = feeding, chance
        self._visitors = 0
        moves = [self.visit, self.visit, self.visit, self.crowd, self.cut, self.absent, self.restart, self.wait]
        self._moves = [*moves, self.forget] if may_forget else moves

    async def step(self) -> None:
        """One move."""
        await self._chance.choice(self._moves)()

    async def visit(self) -> None:
        self._visitors += 1
        await self._feeding.visit(f"user{self._visitors % 10}")

    async def crowd(self) -> None:
        for _ in range(self._chance.randrange(30)):
            await self.visit()

    async def cut(self) -> None:
        self._feeding.road.cut()
        if self._chance.random() < 0.5:
            await self.crowd()

    async def absent(self) -> None:
        self._feeding.road.block()
        if self._chance.random() < 0.7:
            self._feeding.road.cut()
        await self.crowd()
        await trio.sleep(self._chance.choice([1, 20, 45, 130]))
        self._feeding.road.open()

    async def restart(self) -> None:
        if self._chance.random() < 0.5:
            self._feeding.roads.cut_all()
        await self._feeding.host.stop()
        await trio.sleep(self._chance.choice([0, 1, 40]))
        await self._feeding.host.start()

    async def forget(self) -> None:
        await self._feeding.host.stop()
        self._feeding.host.forget()
        await self._feeding.host.start()

    async def wait(self) -> None:
        await trio.sleep(self._chance.choice([0.01, 1, 20]))


SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 24))]


@pytest.mark.parametrize("seed", SEEDS)
async def test_whoever_follows_is_told_each_event_once_or_that_some_are_lost(
    seed: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    may_forget, keeps = seed % 3 == 0, 1_000_000 if seed % 3 else 20
    monkeypatch.setattr(feed_reader, "PAGE", chance.choice([3, 10, 1000]))
    with capture_logs():
        async with (
            open_feeding(seed, ledger_events=keeps, commit_seconds=chance.choice([0, 0, 0.05])) as feeding,
            trio.open_nursery() as nursery,
        ):
            notebook, slow = Notebook(), SlowBot(feeding, chance)
            nursery.start_soon(slow.run)
            async with feeding.feed_to(notebook, slow.subscriber, event_buffer=chance.choice([4, 50, 4096])):
                walk = Walk(feeding, chance, may_forget=may_forget)
                for _ in range(STEPS):
                    await walk.step()
                await trio.sleep(120)
                await feeding.visit("last")
                await until(ends_with(notebook.told, feeding), 300)
                await until(lambda: slow.ref.statistics().waiting == 0, 300)
                await trio.sleep(10)
            nursery.cancel_scope.cancel()
    verdict = judge(notebook.told, feeding.happened)
    if keeps > 20:
        assert verdict == (len(feeding.happened), 0, 0)  # what a ledger keeps is never lost
    judge(slow.told, feeding.happened)


def ends_with(told: list[Event], feeding: Feeding) -> Callable[[], bool]:
    last = feeding.happened[-1]
    return lambda: bool(told) and isinstance(event := told[-1], FeedEvent) and (event.epoch, event.seq) == last
