"""Death watch and links: who is told of an actor's end, how often, and who ends with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.actor.actor import Actor, ActorChild, actor_child
from botkit.actor.child import Restart
from botkit.actor.exits import Exit, Terminated
from botkit.actor.mailbox import OverflowPolicy
from botkit.actor.restarts import RestartBudget
from botkit.actor.supervisor import Supervisor
from botkit.errors import ActorError, LinkBroken, RestartBudgetSpent

NEVER_AGAIN = RestartBudget(0, 60.0)


class Mortal(Actor[str]):
    """Ends as it is told."""

    def __init__(self, log: list[str] | None = None) -> None:
        self.log = [] if log is None else log

    async def on_start(self) -> None:
        self.log.append("up")

    async def on_receive(self, message: str) -> object:
        match message:
            case "raise":
                raise RuntimeError("as told")
            case "stop":
                self.stop()
        return None

    async def on_stop(self) -> None:
        self.log.append("down")


class Widow(Actor[str | Terminated]):
    """Watches, and writes down what it is told."""

    def __init__(self, told: list[str | Terminated]) -> None:
        self.told = told

    async def on_receive(self, message: str | Terminated) -> object:
        if message == "sleep":
            await trio.sleep(100)
        self.told.append(message)
        return None


@asynccontextmanager
async def running(*children: ActorChild[str], budget: RestartBudget = RestartBudget()) -> AsyncIterator[None]:  # noqa: B008
    """Each under a supervisor of its own, which may give up without a word."""

    async def run(child: ActorChild[str], *, task_status: trio.TaskStatus[None]) -> None:
        try:
            await Supervisor(f"of {child.ref.name}", [child.spec], budget=budget).run(task_status=task_status)
        except RestartBudgetSpent:
            pass

    with capture_logs():
        async with trio.open_nursery() as nursery:
            for child in children:
                await nursery.start(run, child)
            yield
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def widow(capacity: int = 8) -> AsyncIterator[tuple[ActorChild[str | Terminated], list[str | Terminated]]]:
    told: list[str | Terminated] = []
    child = actor_child("widow", lambda: Widow(told), capacity=capacity, policy=OverflowPolicy.DROP_NEWEST)
    async with trio.open_nursery() as nursery:
        await nursery.start(Supervisor("of widow", [child.spec]).run)
        yield child, told
        nursery.cancel_scope.cancel()


@pytest.mark.row("A07")
async def test_a_watcher_is_told_once_with_the_reason(autojump_clock: MockClock) -> None:
    child = actor_child("mortal", Mortal)
    async with widow() as (watcher, told), running(child, budget=NEVER_AGAIN):
        watcher.ref.watch(child.ref)
        watcher.ref.watch(child.ref)
        await child.ref.tell("raise")
        await trio.sleep(60)
        (end,) = told
        assert isinstance(end, Terminated)
        assert (end.actor, end.exit, repr(end.error)) == ("mortal", Exit.RAISED, "RuntimeError('as told')")
        with pytest.raises(AttributeError):
            end.actor = "another"  # type: ignore[misc]


@pytest.mark.row("A07")
async def test_a_restart_is_no_end(autojump_clock: MockClock) -> None:
    child = actor_child("mortal", Mortal)
    async with widow() as (watcher, told):
        async with running(child):
            watcher.ref.watch(child.ref)
            await child.ref.tell("raise")
            await trio.sleep(60)
            assert told == []
        await wait_all_tasks_blocked()
        assert told == [Terminated(actor="mortal", exit=Exit.STOPPED)]


@pytest.mark.row("A07")
@pytest.mark.parametrize(
    ("restart", "message", "exit"),
    [(Restart.TRANSIENT, "stop", Exit.RETURNED), (Restart.TEMPORARY, "raise", Exit.RAISED)],
)
async def test_who_watches_the_dead_is_told_at_once(
    autojump_clock: MockClock, restart: Restart, message: str, exit: Exit
) -> None:
    child = actor_child("mortal", Mortal, restart=restart)
    async with widow() as (watcher, told), running(child):
        await child.ref.tell(message)
        await trio.sleep(1)
        before = trio.current_time()
        watcher.ref.watch(child.ref)
        await wait_all_tasks_blocked()
        assert trio.current_time() == before
        assert [(end.actor, end.exit) for end in told if isinstance(end, Terminated)] == [("mortal", exit)]


@pytest.mark.row("A07")
async def test_a_killed_actor_is_said_to_be_killed(autojump_clock: MockClock) -> None:
    class Slow(Mortal):
        async def on_stop(self) -> None:
            await trio.sleep(1000)

    child = actor_child("slow", Slow, stop_seconds=1)
    async with widow() as (watcher, told):
        async with running(child):
            watcher.ref.watch(child.ref)
        await wait_all_tasks_blocked()
        assert told == [Terminated(actor="slow", exit=Exit.KILLED)]


@pytest.mark.row("A07")
async def test_a_full_mailbox_takes_the_notice_in_its_place(autojump_clock: MockClock) -> None:
    child = actor_child("mortal", Mortal)
    async with widow(capacity=2) as (watcher, told):
        async with running(child):
            watcher.ref.watch(child.ref)
            await watcher.ref.tell("sleep")
            await wait_all_tasks_blocked()
            for number in range(10):
                await watcher.ref.tell(str(number))
        assert watcher.ref.statistics().waiting == 3
        assert not await watcher.ref.tell("too late")
        await trio.sleep(200)
        await watcher.ref.tell("later")
        await wait_all_tasks_blocked()
        assert told == ["sleep", "0", "1", Terminated(actor="mortal", exit=Exit.STOPPED), "later"]


async def test_who_watches_no_more_is_not_told(autojump_clock: MockClock) -> None:
    child = actor_child("mortal", Mortal)
    async with widow() as (watcher, told):
        async with running(child):
            watcher.ref.watch(child.ref)
            watcher.ref.unwatch(child.ref)
        await wait_all_tasks_blocked()
        assert told == []


async def test_a_dead_watcher_troubles_nobody(autojump_clock: MockClock) -> None:
    child = actor_child("mortal", Mortal)
    async with running(child), widow() as (watcher, told):
        watcher.ref.watch(child.ref)
    assert told == []


LINKS = [
    # One of the two …       the other one then …
    ("raises", "broken"),
    ("is killed", "broken"),
    ("is stopped", "stopped"),
    ("stops itself", "unharmed"),
]


@pytest.mark.row("A07")
@pytest.mark.parametrize("direction", ["there", "back"])
@pytest.mark.parametrize(("what", "becomes"), LINKS)
async def test_links_end_both(autojump_clock: MockClock, what: str, becomes: str, direction: str) -> None:
    log: list[str] = []
    slow = what == "is killed"

    class First(Mortal):
        async def on_stop(self) -> None:
            await trio.sleep(1000 if slow else 0)

    one = actor_child("one", First, restart=Restart.TRANSIENT, stop_seconds=1)
    two = actor_child("two", lambda: Mortal(log), restart=Restart.TRANSIENT)
    async with widow() as (watcher, told), running(two, budget=NEVER_AGAIN):
        watcher.ref.watch(two.ref)
        async with running(one, budget=NEVER_AGAIN):
            if direction == "there":
                one.ref.link(two.ref)
            else:
                two.ref.link(one.ref)
            if what == "raises":
                await one.ref.tell("raise")
            elif what == "stops itself":
                await one.ref.tell("stop")
            await wait_all_tasks_blocked()
        await trio.sleep(60)
        ends = [end for end in told if isinstance(end, Terminated)]
        if becomes == "unharmed":
            assert ends == []
        elif becomes == "stopped":
            assert ends == [Terminated(actor="two", exit=Exit.RETURNED)]
        else:
            (end,) = ends
            assert isinstance(end.error, LinkBroken)
            assert (end.error.actor, end.error.other) == ("two", "one")
            assert repr(end.error.__cause__) == ("RuntimeError('as told')" if what == "raises" else "None")
        assert log == (["up"] if becomes == "unharmed" else ["up", "down"])


async def test_both_are_restarted_by_their_supervisors_and_begin_without_links(autojump_clock: MockClock) -> None:
    logs: list[list[str]] = [[], []]
    one, two = actor_child("one", lambda: Mortal(logs[0])), actor_child("two", lambda: Mortal(logs[1]))
    async with running(one, two):
        one.ref.link(two.ref)
        await one.ref.tell("raise")
        await trio.sleep(30)
        assert logs == [["up", "down", "up"], ["up", "down", "up"]]
        await one.ref.tell("raise")
        await trio.sleep(30)
        assert logs == [["up", "down", "up", "down", "up"], ["up", "down", "up"]]


async def test_a_normal_end_unties_the_two(autojump_clock: MockClock) -> None:
    log: list[str] = []
    one, two = actor_child("one", lambda: Mortal(log)), actor_child("two", Mortal)
    async with running(one, two):
        one.ref.link(two.ref)
        await one.ref.tell("stop")  # it is permanent: another life begins
        await trio.sleep(30)
        await two.ref.tell("raise")
        await trio.sleep(30)
        assert log == ["up", "down", "up"]


async def test_unlinked_they_keep_to_themselves(autojump_clock: MockClock) -> None:
    log: list[str] = []
    one, two = actor_child("one", Mortal), actor_child("two", lambda: Mortal(log))
    async with running(one, two):
        one.ref.link(two.ref)
        two.ref.unlink(one.ref)
        await one.ref.tell("raise")
        await trio.sleep(30)
        assert log == ["up"]


@pytest.mark.parametrize("dead_is_asked", [True, False])
async def test_who_links_to_the_dead_is_ended(autojump_clock: MockClock, dead_is_asked: bool) -> None:
    dead, alive = actor_child("dead", Mortal), actor_child("alive", Mortal)
    async with running(dead):
        pass
    async with widow() as (watcher, told), running(alive, budget=NEVER_AGAIN):
        watcher.ref.watch(alive.ref)
        if dead_is_asked:
            dead.ref.link(alive.ref)
        else:
            alive.ref.link(dead.ref)
        await trio.sleep(1)
        (end,) = told
        assert isinstance(end, Terminated)
        assert str(end.error) == "alive ends with dead, to which it is linked"


async def test_an_actor_that_something_inside_of_it_cancels_has_failed(autojump_clock: MockClock) -> None:
    class Suicidal(Mortal):
        async def on_start(self) -> None:
            self.start_soon(self.cancel_my_nursery)

        async def cancel_my_nursery(self) -> None:
            nursery = trio.lowlevel.current_task().parent_nursery
            assert nursery is not None
            nursery.cancel_scope.cancel()

    child = actor_child("suicidal", Suicidal, restart=Restart.TRANSIENT)
    async with widow() as (watcher, told), running(child, budget=NEVER_AGAIN):
        watcher.ref.watch(child.ref)
        await trio.sleep(1)
        (end,) = told
        assert isinstance(end, Terminated)
        assert isinstance(end.error, ActorError)
        assert "something inside of the actor cancelled it" in str(end.error)
