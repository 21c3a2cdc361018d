"""How long an actor with much to do, and whoever tells it, go on before others run; a cancel is seen at once."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.actor.actor import Actor, actor_child
from botkit.actor.mailbox import LOOKS_PER_TURN, MESSAGES_PER_LOOK, PUTS_PER_TURN, TURN_SECONDS, Mailbox, OverflowPolicy
from botkit.actor.ref import ActorRef
from botkit.actor.supervisor import Supervisor

TURN = LOOKS_PER_TURN * MESSAGES_PER_LOOK


class Listener(Actor[int]):
    """Writes down what it is told, and does ``step`` with it."""

    def __init__(self, heard: list[int], step: Callable[["Listener", int], None]) -> None:
        self.heard, self.step = heard, step

    async def on_receive(self, message: int) -> None:
        self.heard.append(message)
        self.step(self, message)


@asynccontextmanager
async def listening(
    heard: list[int], step: Callable[[Listener, int], None], capacity: int = 10 * TURN
) -> AsyncIterator[ActorRef[int]]:
    child = actor_child("listener", lambda: Listener(heard, step), capacity=capacity)
    async with trio.open_nursery() as nursery:
        await nursery.start(Supervisor("test", [child.spec]).run)
        yield child.ref
        nursery.cancel_scope.cancel()


async def most_between_turns(heard: list[int], count: int) -> int:
    """How many messages are handled at most before this task runs again: two turns, where it is last and then first."""
    most = before = 0
    while len(heard) < count:
        await trio.lowlevel.checkpoint()
        most, before = max(most, len(heard) - before), len(heard)
    return most


async def test_quick_messages_are_handled_in_turns_of_a_bound(autojump_clock: MockClock) -> None:
    heard: list[int] = []
    async with listening(heard, lambda _actor, _message: None) as ref:
        for number in range(3 * TURN):
            ref.tell_nowait(number)
        assert await most_between_turns(heard, 3 * TURN) <= 2 * TURN
    assert heard == list(range(3 * TURN))


async def test_a_turn_of_slow_messages_is_short(autojump_clock: MockClock) -> None:
    heard: list[int] = []
    async with listening(heard, lambda _actor, _message: autojump_clock.jump(0.001)) as ref:
        for number in range(TURN):
            ref.tell_nowait(number)
        assert await most_between_turns(heard, TURN) <= 4 * MESSAGES_PER_LOOK


async def test_who_stops_in_a_message_hears_no_further_one() -> None:
    heard: list[int] = []
    async with listening(heard, lambda actor, message: actor.stop() if message == 3 else None) as ref:
        for number in range(10):
            ref.tell_nowait(number)
        await wait_all_tasks_blocked()
        assert heard == [0, 1, 2, 3]
        assert ref.statistics().waiting == 6, "they are for the next life"


class Sleeper(Actor[trio.Event]):
    """Waits for what it is told, and for nothing else meanwhile, not even for a cancel."""

    def __init__(self) -> None:
        self.handled = 0

    async def on_receive(self, message: trio.Event) -> None:
        with trio.CancelScope(shield=True):
            await message.wait()
        self.handled += 1


async def test_who_is_cancelled_while_it_is_shielded_hears_no_further_message() -> None:
    actor, event = Sleeper(), trio.Event()
    child = actor_child("sleeper", lambda: actor)
    async with trio.open_nursery() as nursery:
        await nursery.start(Supervisor("test", [child.spec]).run)
        for _ in range(5):
            child.ref.tell_nowait(event)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await wait_all_tasks_blocked()
        event.set()
    assert actor.handled == 1


async def test_a_turn_has_a_bound_and_ends_early_when_it_took_its_time(autojump_clock: MockClock) -> None:
    mailbox = Mailbox[int]("m", 10 * TURN)
    for number in range(10 * TURN):
        mailbox.put_nowait(number)
    assert list(mailbox.at_hand()) == list(range(TURN))
    slow = 0
    for _ in mailbox.at_hand():
        autojump_clock.jump(TURN_SECONDS)
        slow += 1
    assert slow == 2 * MESSAGES_PER_LOOK


async def test_messages_at_hand_that_nobody_asked_for_stay() -> None:
    mailbox = Mailbox[int]("m", 2)
    await mailbox.put(1)
    await mailbox.put(2)
    mailbox.put_notice(3)
    messages = mailbox.at_hand()
    assert next(messages) == 1
    assert (mailbox.statistics().taken, mailbox.statistics().waiting) == (1, 2)
    assert list(messages) == [2, 3]
    assert (mailbox.statistics().taken, mailbox.statistics().waiting) == (3, 0)
    await mailbox.put(4)
    assert await mailbox.get() == 4


@pytest.mark.parametrize("policy", OverflowPolicy)
async def test_a_reader_gets_its_turn_before_a_mailbox_overflows(policy: OverflowPolicy) -> None:
    mailbox = Mailbox[int]("m", 2, policy)
    read: list[int] = []

    async def read_all() -> None:
        while True:
            read.append(await mailbox.get())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_all)
        await wait_all_tasks_blocked()
        for number in range(10):
            assert await mailbox.put(number)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert read == list(range(10))
    assert mailbox.statistics().dropped == 0


async def test_others_run_beside_somebody_who_puts_without_end() -> None:
    mailbox = Mailbox[int]("m", 1000)
    turns = 0

    async def run_beside() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_beside)
        for number in range(10 * PUTS_PER_TURN):
            await mailbox.put(number)
        nursery.cancel_scope.cancel()
    assert turns >= 5


async def test_who_is_cancelled_puts_nothing_more() -> None:
    mailbox = Mailbox[int]("m", 1000)
    with trio.CancelScope() as scope:
        for number in range(10):
            await mailbox.put(number)
            if number == 3:
                scope.cancel()
    assert mailbox.statistics().waiting == 4
