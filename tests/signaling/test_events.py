"""The way of events to the application: bounded, in order, told when something is missing."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ErrorCode, SessionEnded
from botkit.events import Event, EventsLost, InstantMessage, LoggedOut
from botkit.signaling import Signal, SignalSettings
from botkit.signaling.buffer import EVENTS_PER_TURN, EventBuffer, EventIterator
from botkit.signaling.statistics import Counters
from botkit.types import Account, Uid
from tests.signaling.scripted import ScriptedGateway

ENDED = SessionEnded(ErrorCode.LOGOUT_E_USER)


def _message(number: int) -> InstantMessage:
    return InstantMessage(account=Account("bob"), uid=Uid(8), text=str(number), ms=number)


def _last() -> LoggedOut:
    return LoggedOut(account=Account("ann"), code=ErrorCode.LOGOUT_E_USER)


async def test_events_come_in_order() -> None:
    buffer = EventBuffer(10, Counters())
    events = [_message(number) for number in range(5)]
    for event in events:
        buffer.put(event)
    assert [await buffer.receive() for _ in events] == events
    assert len(buffer) == 0


async def test_what_a_full_buffer_drops_is_told_in_its_place() -> None:
    counters = Counters()
    buffer = EventBuffer(2, counters)
    for number in range(5):
        buffer.put(_message(number))
    assert await buffer.receive() == _message(0)
    buffer.put(_message(5))
    received: list[Event] = [await buffer.receive() for _ in range(3)]
    assert received[0] == _message(1)
    assert isinstance(received[1], EventsLost)
    assert received[1].count == 3
    assert received[2] == _message(5)
    assert counters.events_dropped == 3


async def test_what_is_missing_at_the_end_is_told_when_the_rest_was_read() -> None:
    buffer = EventBuffer(1, Counters())
    buffer.put(_message(0))
    buffer.put(_message(1))
    assert await buffer.receive() == _message(0)
    lost = await buffer.receive()
    assert isinstance(lost, EventsLost)
    assert lost.count == 1


async def test_the_last_event_finds_room_in_a_full_buffer() -> None:
    buffer = EventBuffer(1, Counters())
    buffer.put(_message(0))
    buffer.put(_message(1))
    buffer.end(_last(), ENDED)
    kinds = [type(event) async for event in EventIterator(buffer)]
    assert kinds == [InstantMessage, EventsLost, LoggedOut]
    with pytest.raises(SessionEnded) as caught:
        await buffer.receive()
    assert caught.value.code == 101


async def test_a_waiting_receiver_is_woken(nursery: trio.Nursery) -> None:
    buffer = EventBuffer(10, Counters())
    received: list[Event] = []

    async def receive_all() -> None:
        received.extend([event async for event in EventIterator(buffer)])

    nursery.start_soon(receive_all)
    nursery.start_soon(receive_all)
    await wait_all_tasks_blocked()
    buffer.put(_message(0))
    buffer.put(_message(1))
    await wait_all_tasks_blocked()
    buffer.end(_last(), ENDED)
    await wait_all_tasks_blocked()
    assert received.count(_last()) == 1
    assert len(received) == 3


async def test_a_cancel_loses_no_event(autojump_clock: MockClock) -> None:
    buffer = EventBuffer(10, Counters())
    with trio.move_on_after(1):
        await buffer.receive()
    buffer.put(_message(0))
    with trio.CancelScope() as scope:
        scope.cancel()
        await buffer.receive()
    assert await buffer.receive() == _message(0)


async def test_a_session_that_nobody_listens_to_stays_logged_in(
    gateway: ScriptedGateway, autojump_clock: MockClock
) -> None:
    signal = Signal("app", gateway.connector, settings=SignalSettings(event_buffer=3))
    async with signal.open_session("ann") as session:
        for number in range(50):
            await gateway.put_message("instant", str(number))
        await trio.sleep(100)
        assert session.statistics().events_dropped == 48
        assert session.statistics().events_waiting == 3
        assert gateway.attempts == 1
        assert gateway.acknowledged == 50
    *_, lost, last = [event async for event in session.events()]
    assert isinstance(lost, EventsLost)
    assert isinstance(last, LoggedOut)


async def test_who_finds_events_lets_others_run(nursery: trio.Nursery) -> None:
    buffer = EventBuffer(1000, Counters())
    for number in range(10 * EVENTS_PER_TURN):
        buffer.put(_message(number))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    nursery.start_soon(count)
    for _ in range(10 * EVENTS_PER_TURN):
        await buffer.receive()
    assert 9 <= turns <= 11
    nursery.cancel_scope.cancel()
    with pytest.raises(trio.Cancelled):
        await buffer.receive()
