"""Random trees of supervisors, with children that do anything, and an end at any moment: what must hold even so."""

import random
from collections import Counter
from contextlib import suppress

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit.actor.actor import Actor, ActorChild, actor_child
from botkit.actor.child import ChildSpec, Lifetime, Restart
from botkit.actor.mailbox import OverflowPolicy
from botkit.actor.quarantine import Quarantine, QuarantineSettings
from botkit.actor.ref import Question
from botkit.actor.registry import Registry
from botkit.actor.restarts import RestartBudget, Strategy
from botkit.actor.supervisor import Supervisor
from botkit.backoff import Backoff
from botkit.errors import ActorDead, MailboxFull

MOST_STOP_SECONDS = 5.0
MOST_CHILDREN = 60
"""Of a tree: no more than 4 below each supervisor, and two levels of those below the root."""

WAYS = ("run", "run", "raise", "return", "exit", "cancel itself", "start late", "fail to start", "stop late", "overrun")


class Order(Question[str]):
    """What an actor is to do."""

    def __init__(self, what: str) -> None:
        self.what = what


class Puppet(Actor[Order]):
    """Does what it is told; starts and stops as slowly as its tree wants."""

    def __init__(self, start_seconds: float, stop_seconds: float) -> None:
        self.start_seconds, self.stop_seconds = start_seconds, stop_seconds

    async def on_start(self) -> None:
        await trio.sleep(self.start_seconds)

    async def on_receive(self, message: Order) -> str:
        match message.what:
            case "raise":
                raise RuntimeError("as ordered")
            case "stop":
                self.stop()
            case "dawdle":
                await trio.sleep(1)
        return message.what

    async def on_stop(self) -> None:
        await trio.sleep(self.stop_seconds)


class Walk:
    """One tree, and what happens to it."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.lives = Counter[str]()
        self.twice: list[str] = []
        """Children with two lives at a time."""
        self.registry = Registry()
        self.actors: list[ActorChild[Order]] = []

    def task(self, name: str) -> ChildSpec:
        """A child that is no actor."""
        way, seconds = self.dice.choice(WAYS), self.dice.choice((0.0, 0.1, 1.0, 5.0, 30.0))

        async def run(lifetime: Lifetime) -> None:
            self.lives[name] += 1
            if self.lives[name] > 1:
                self.twice.append(name)
            try:
                if way == "fail to start" and self.dice.random() < 0.3:
                    raise LookupError("cannot start")
                await trio.sleep(seconds if way == "start late" else 0)
                lifetime.started()
                with lifetime.work:
                    await self._work(way, seconds, lifetime)
                await trio.sleep({"stop late": 0.5, "overrun": 1000.0}.get(way, 0.0))
            finally:
                self.lives[name] -= 1

        return ChildSpec(name=name, run=run, restart=self.any_restart(), stop_seconds=self.any_stop_seconds())

    async def _work(self, way: str, seconds: float, lifetime: Lifetime) -> None:
        if way in ("raise", "return", "exit", "cancel itself"):
            await trio.sleep(seconds)
        match way:
            case "raise":
                raise RuntimeError("by itself")
            case "exit":
                raise SystemExit
            case "cancel itself":
                lifetime.work.cancel()
        if way != "return":
            await trio.sleep_forever()

    def actor(self, name: str) -> ChildSpec:
        """A child that is one."""
        start_seconds, stop_seconds = self.dice.choice((0.0, 0.2)), self.dice.choice((0.0, 0.3))
        child = actor_child(
            name,
            lambda: Puppet(start_seconds, stop_seconds),
            capacity=self.dice.choice((1, 3)),
            policy=self.dice.choice(list(OverflowPolicy)),
            restart=self.any_restart(),
            stop_seconds=self.any_stop_seconds(),
        )
        self.actors.append(child)
        return child.spec

    def supervisor(self, name: str = "root", depth: int = 0) -> Supervisor:
        """A supervisor with anything below it."""
        children: list[ChildSpec] = []
        for number in range(self.dice.randint(1, 4)):
            below, kind = f"{name}/{number}", self.dice.random()
            if depth < 2 and kind < 0.3:
                children.append(self.supervisor(below, depth + 1).as_child(self.any_restart()))
            else:
                children.append(self.actor(below) if kind < 0.65 else self.task(below))
        return Supervisor(
            name,
            children,
            strategy=self.dice.choice(list(Strategy)),
            budget=RestartBudget(self.dice.choice((0, 2, 5)), self.dice.choice((5.0, 60.0))),
            backoff=Backoff(initial=0.1, maximum=2.0),
            stop_together=self.dice.random() < 0.3,
            registry=self.registry,
            fraction=self.dice.random,
        )

    def any_restart(self) -> Restart:
        return self.dice.choice(list(Restart))

    def any_stop_seconds(self) -> float:
        return self.dice.choice((0.0, 1.0, MOST_STOP_SECONDS))

    async def poke(self) -> None:
        """Tell, ask, link and unlink actors, whatever they are at."""
        while True:
            await trio.sleep(self.dice.choice((0.05, 0.3, 1.0)))
            one, other = self.dice.choice(self.actors).ref, self.dice.choice(self.actors).ref
            order = Order(self.dice.choice(("raise", "stop", "dawdle", "nothing")))
            with suppress(ActorDead, MailboxFull, trio.WouldBlock, trio.TooSlowError):
                match self.dice.randrange(5):
                    case 0:
                        one.tell_nowait(order)
                    case 1:
                        with trio.move_on_after(0.5):
                            await one.tell(order)
                    case 2:
                        assert await one.ask(order, timeout=2) == order.what
                    case 3:
                        one.link(other)
                    case 4:
                        one.unlink(other)

    async def run(self) -> None:
        """Until it ends by itself, or is cancelled at any moment."""
        supervisor = self.supervisor()
        quarantined = self.dice.random() < 0.3
        settings = QuarantineSettings(probe_after=3, longest=20, give_up_after=self.dice.choice((0, 2, None)))
        async with trio.open_nursery() as nursery:
            if self.actors:
                nursery.start_soon(self.poke)
            until = trio.current_time() + self.dice.choice((0.0, 0.05, 1.0, 20.0, 200.0))
            with trio.move_on_at(until), suppress(Exception):
                if quarantined:
                    await Quarantine(supervisor, settings, fraction=self.dice.random).run()
                else:
                    await supervisor.run()
            assert trio.current_time() <= until + MOST_CHILDREN * MOST_STOP_SECONDS
            self.check(supervisor)
            nursery.cancel_scope.cancel()

    def check(self, supervisor: Supervisor) -> None:
        """Nothing is left of it: no life, no name, and nobody who would wait for an answer that will not come."""
        assert not +self.lives
        assert not self.twice
        assert {child.state for child in supervisor.statistics()} == {"ended"}
        for actor in self.actors:
            assert actor.ref.ended
            assert self.registry.find(actor.ref.name) is None
            with pytest.raises(ActorDead):
                actor.ref.tell_nowait(Order("nothing"))
        assert len(self.registry) == 0


@pytest.mark.row("A03", "A06")
@pytest.mark.parametrize("seeds", [range(25), pytest.param(range(25, 1000), marks=pytest.mark.slow)], ids=str)
def test_whatever_happens_nothing_is_left_of_a_tree_that_ended(seeds: range) -> None:
    for seed in seeds:
        with capture_logs():
            walk = Walk(seed)
            trio.run(walk.run, clock=MockClock(autojump_threshold=0))
        assert not +walk.lives, f"seed {seed}: something still lives"
        assert all(actor.ref.ended for actor in walk.actors), f"seed {seed}: an actor has not ended"
