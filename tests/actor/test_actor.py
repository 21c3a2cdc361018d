"""Actors under a supervisor: messages, questions, helpers, and what a crash leaves behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from botkit.actor.actor import Actor, actor_child
from botkit.actor.child import ChildSpec, Lifetime, Restart
from botkit.actor.mailbox import OverflowPolicy
from botkit.actor.ref import Question
from botkit.actor.supervisor import Supervisor
from botkit.errors import ActorDead, MailboxFull


@dataclass(frozen=True)
class Add:
    number: int


@dataclass(frozen=True)
class Total(Question[int]):
    pass


@dataclass(frozen=True)
class Sleep:
    seconds: float


@dataclass(frozen=True)
class Crash:
    pass


@dataclass(frozen=True)
class CrashWhenAsked(Question[None]):
    pass


class Adder(Actor[Add | Total | Sleep | Crash | CrashWhenAsked]):
    """Adds numbers up and writes down what happens to it."""

    def __init__(self, log: list[str]) -> None:
        self.log, self.total = log, 0

    async def on_start(self) -> None:
        self.log.append("start")

    async def on_receive(self, message: Add | Total | Sleep | Crash | CrashWhenAsked) -> object:
        match message:
            case Add(number):
                self.total += number
            case Sleep(seconds):
                await trio.sleep(seconds)
            case Total():
                return self.total
            case Crash() | CrashWhenAsked():
                raise RuntimeError("boom")
        return None

    async def on_stop(self) -> None:
        self.log.append("stop")


@asynccontextmanager
async def running(*children: ChildSpec) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor("test", children)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        yield supervisor
        nursery.cancel_scope.cancel()


@pytest.mark.row("A06")
async def test_tell_and_ask_in_order() -> None:
    log: list[str] = []
    child = actor_child("adder", lambda: Adder(log))
    async with running(child.spec):
        for number in range(10):
            assert await child.ref.tell(Add(number))
        assert await child.ref.ask(Total()) == 45
        assert log == ["start"]
    assert log == ["start", "stop"]
    assert child.ref.statistics().taken == 11


@pytest.mark.row("A06")
async def test_ask_a_dead_actor_fails_at_once(autojump_clock: trio.testing.MockClock) -> None:
    child = actor_child("adder", lambda: Adder([]))
    async with running(child.spec):
        pass
    with pytest.raises(ActorDead, match="adder has stopped"):
        await child.ref.ask(Total(), timeout=3600)
    with pytest.raises(ActorDead):
        await child.ref.tell(Add(1))
    assert trio.current_time() == 0


@pytest.mark.row("A06")
async def test_ask_an_actor_that_never_came_to_its_turn_fails_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """The supervisor that has it was not started, since a sibling before it could not."""
    child = actor_child("adder", lambda: Adder([]))

    async def fail(_lifetime: Lifetime) -> None:
        raise LookupError("cannot start")

    below = Supervisor("below", [child.spec])
    inner = Supervisor("inner", [ChildSpec(name="faulty", run=fail), below.as_child()])
    with pytest.raises(LookupError):
        await Supervisor("outer", [inner.as_child()]).run()
    with pytest.raises(ActorDead):
        await child.ref.ask(Total(), timeout=3600)
    assert trio.current_time() == 0


@pytest.mark.row("A06")
async def test_questions_in_the_mailbox_of_a_stopped_actor_fail() -> None:
    child = actor_child("adder", lambda: Adder([]))

    async def ask() -> None:
        with pytest.raises(ActorDead):
            await child.ref.ask(Total())

    async with trio.open_nursery() as nursery, running(child.spec):
        await child.ref.tell(Sleep(1000))
        nursery.start_soon(ask)
        await wait_all_tasks_blocked()


@pytest.mark.row("A06")
async def test_ask_gives_up_after_its_timeout(autojump_clock: trio.testing.MockClock) -> None:
    child = actor_child("adder", lambda: Adder([]))
    async with running(child.spec):
        await child.ref.tell(Sleep(10))
        with pytest.raises(trio.TooSlowError):
            await child.ref.ask(Total(), timeout=2)
        assert trio.current_time() == 2
        assert await child.ref.ask(Total(), timeout=20) == 0


async def test_the_asker_gets_the_crash_as_cause_and_the_ref_survives(autojump_clock: trio.testing.MockClock) -> None:
    log: list[str] = []
    child = actor_child("adder", lambda: Adder(log))
    async with running(child.spec):
        await child.ref.tell(Add(5))
        with pytest.raises(ActorDead) as caught:
            await child.ref.ask(CrashWhenAsked())
        assert repr(caught.value.__cause__) == "RuntimeError('boom')"
        assert await child.ref.ask(Total()) == 0  # waits for the restart; the state is a new one
        assert log == ["start", "stop", "start"]


async def test_messages_wait_for_the_restart(autojump_clock: trio.testing.MockClock) -> None:
    child = actor_child("adder", lambda: Adder([]))
    async with running(child.spec):
        await child.ref.tell(Crash())
        await child.ref.tell(Add(1))
        await child.ref.tell(Add(2))
        assert await child.ref.ask(Total()) == 3


@pytest.mark.parametrize("policy", [OverflowPolicy.DROP_NEWEST, OverflowPolicy.DROP_OLDEST, OverflowPolicy.FAIL])
async def test_a_dropped_question_fails_at_once(autojump_clock: trio.testing.MockClock, policy: OverflowPolicy) -> None:
    child = actor_child("adder", lambda: Adder([]), capacity=1, policy=policy)
    failed: list[MailboxFull] = []

    async def ask() -> None:
        try:
            await child.ref.ask(Total(), timeout=100)
        except MailboxFull as error:
            failed.append(error)

    async with running(child.spec):
        await child.ref.tell(Sleep(1))
        await wait_all_tasks_blocked()
        before = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            assert len(failed) == 1
            assert trio.current_time() == before


class Helped(Actor[str]):
    """Has helpers beside its message loop."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def on_start(self) -> None:
        self.start_soon(self.help, "early")
        self.log.append("started")

    async def on_receive(self, message: str) -> object:
        match message:
            case "help":
                self.start_soon(self.help, "late")
            case "stop":
                self.stop()
            case "fail":
                self.start_soon(self.fail)
        return None

    async def help(self, name: str) -> None:
        self.log.append(name)
        try:
            await trio.sleep_forever()
        finally:
            self.log.append(f"{name} over")

    async def fail(self) -> None:
        raise RuntimeError("helper")

    async def on_stop(self) -> None:
        self.log.append("stopped")


async def test_helpers_run_until_the_actor_stops() -> None:
    log: list[str] = []
    child = actor_child("helped", lambda: Helped(log))
    async with running(child.spec):
        await child.ref.tell("help")
        await wait_all_tasks_blocked()
        assert log == ["started", "early", "late"]
    assert log[-1] == "stopped"
    assert sorted(log[3:5]) == ["early over", "late over"]


async def test_an_actor_stops_itself_normally() -> None:
    log: list[str] = []
    child = actor_child("helped", lambda: Helped(log), restart=Restart.TRANSIENT)
    supervisor = Supervisor("test", [child.spec])
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        await child.ref.tell("stop")
    assert log == ["started", "early", "early over", "stopped"]
    assert supervisor.statistics()[0].last_error is None


async def test_a_helper_that_raises_ends_the_actor(autojump_clock: trio.testing.MockClock) -> None:
    log: list[str] = []
    child = actor_child("helped", lambda: Helped(log))
    async with running(child.spec) as supervisor:
        await child.ref.tell("fail")
        await trio.sleep(5)
        status = supervisor.statistics()[0]
        assert status.restarts == 1
        assert repr(status.last_error) == "RuntimeError('helper')"
        assert log == ["started", "early", "early over", "stopped", "started", "early"]


async def test_on_stop_is_cut_at_its_deadline(autojump_clock: trio.testing.MockClock) -> None:
    class Slow(Actor[str]):
        async def on_receive(self, message: str) -> None:
            log.append(message)

        async def on_stop(self) -> None:
            try:
                await trio.sleep(1)
                log.append("saved")
                await trio.sleep(1000)
            finally:
                log.append(f"cut at {trio.current_time()}")

    log: list[str] = []
    child = actor_child("slow", Slow, stop_seconds=3)
    async with running(child.spec):
        pass
    assert log == ["saved", "cut at 3.0"]


async def test_an_actor_that_does_not_say_what_it_receives_does_not_start() -> None:
    child = actor_child("silent", Actor[str])
    with pytest.RaisesGroup(pytest.RaisesExc(TypeError, match="on_receive"), flatten_subgroups=True):
        async with running(child.spec):
            pass
