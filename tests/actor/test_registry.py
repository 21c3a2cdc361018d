"""Actors are found by name, kind and tag, before and after a crash, and no longer than they live."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit.actor.actor import Actor, ActorChild, actor_child
from botkit.actor.child import Restart
from botkit.actor.kinds import Kind
from botkit.actor.ref import Question
from botkit.actor.registry import Registry
from botkit.actor.supervisor import Supervisor
from botkit.errors import NameTaken


class Lives(Question[int]):
    """Which life of the actor is this?"""


class Cat(Actor[str | Lives]):
    """Crashes when told anything."""

    lives = 0

    async def on_start(self) -> None:
        type(self).lives += 1

    async def on_receive(self, message: str | Lives) -> object:
        if isinstance(message, Lives):
            return self.lives
        if message == "go":
            self.stop()
            return None
        raise RuntimeError(message)


CAT = Kind[str | Lives]("cat")
DOG = Kind[str | Lives]("dog")


def cat(name: str, kind: Kind[str | Lives] = CAT, *tags: str) -> ActorChild[str | Lives]:
    return actor_child(name, Cat, kind=kind, tags=tags, restart=Restart.TRANSIENT)


@asynccontextmanager
async def living(registry: Registry, *children: ActorChild[str | Lives]) -> AsyncIterator[None]:
    with capture_logs():
        async with trio.open_nursery() as nursery:
            supervisor = Supervisor("zoo", [child.spec for child in children], registry=registry)
            await nursery.start(supervisor.run)
            yield
            nursery.cancel_scope.cancel()


@pytest.mark.row("A08")
async def test_a_name_finds_the_live_actor_before_and_after_a_crash(autojump_clock: MockClock) -> None:
    registry, child = Registry(), cat("tom")
    Cat.lives = 0
    async with living(registry, child):
        ref = registry.find("tom", CAT)
        assert ref is child.ref
        assert await ref.ask(Lives()) == 1
        await ref.tell("crash")
        await trio.sleep(0.001)
        waiting = registry.find("tom", CAT)
        assert waiting is child.ref
        assert await waiting.ask(Lives()) == 2  # it waits for the restart
        await trio.sleep(60)
        again = registry.find("tom", CAT)
        assert again is not None
        assert await again.ask(Lives()) == 2
    assert registry.find("tom") is None


@pytest.mark.row("A08")
async def test_kinds_and_tags(autojump_clock: MockClock) -> None:
    registry = Registry()
    tom, kitty, rex = cat("tom", CAT, "male", "grey"), cat("kitty", CAT, "grey"), cat("rex", DOG, "male")
    async with living(registry, tom, kitty, rex):
        assert registry.of_kind(CAT) == (kitty.ref, tom.ref)
        assert registry.of_kind(DOG) == (rex.ref,)
        assert registry.of_kind(CAT, tag="male") == (tom.ref,)
        assert registry.tagged("male") == (rex.ref, tom.ref)
        assert registry.tagged("none") == ()
        assert registry.find("rex", CAT) is None
        assert registry.find("rex") is rex.ref
        assert len(registry) == 3
        await tom.ref.tell("crash")
        await kitty.ref.tell("go")
        await trio.sleep(60)
        assert registry.of_kind(CAT) == (tom.ref,)
        assert registry.find("kitty") is None
        assert registry.tagged("grey") == (tom.ref,)
        assert len(registry) == 2
    assert len(registry) == 0


@pytest.mark.row("A08")
async def test_two_supervisors_cannot_give_one_name_twice(autojump_clock: MockClock) -> None:
    registry = Registry()
    async with living(registry, cat("tom")):
        with pytest.raises(NameTaken, match="'tom'"):
            await Supervisor("other zoo", [cat("rex").spec, cat("tom").spec], registry=registry).run()
        assert registry.find("rex") is None
    async with living(registry, cat("tom")):
        assert registry.find("tom") is not None


async def test_registries_know_nothing_of_each_other(autojump_clock: MockClock) -> None:
    one, two = Registry(), Registry()
    async with living(one, cat("tom")), living(two, cat("tom")):
        assert one.find("tom") is not two.find("tom")
