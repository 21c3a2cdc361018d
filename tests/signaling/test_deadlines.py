"""Each request gives up at its own time, by one task for all, and what comes later is not lost for that."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ErrorCode, SendFailed
from botkit.signaling import LoginSession
from botkit.wire import requests
from tests.signaling.scripted import ScriptedGateway

TIMEOUT = 5.0


async def give_up(session: LoginSession, ends: list[float]) -> None:
    with pytest.raises(SendFailed) as caught:
        await session.send_instant("bob", "hello")
    assert caught.value.code is ErrorCode.SENDMESSAGE_E_TIMEOUT
    assert "no answer within 5 s" in caught.value.reason
    ends.append(trio.current_time())


async def test_each_gives_up_at_its_own_time(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.answer(requests.SendMessage, None)
    begin = trio.current_time()
    ends: list[float] = []
    async with trio.open_nursery() as nursery:
        for seconds in (0.0, 0.0, 1.5, 1.5, 30.0):
            await trio.sleep(seconds)
            nursery.start_soon(give_up, session, ends)
    assert [end - begin for end in ends] == pytest.approx([5, 5, 6.5, 8, 38])
    assert session.statistics().requests_timed_out == 5


async def test_who_is_answered_is_not_disturbed_by_those_who_are_not(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.answer(requests.SendMessage, None)
    ends: list[float] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(give_up, session, ends)
        for _ in range(20):
            await trio.sleep(1)
            await session.set_user_attribute("name", "value")
    assert len(ends) == 1
    assert session.statistics().requests_waiting == 1  # its answer may still come


async def test_a_deadline_goes_on_over_a_lost_connection(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    """What waits for the next connection has the rest of its time for the answer."""
    gateway.down = True
    await gateway.peer.drop()
    gateway.answer(requests.SendMessage, None)
    begin = trio.current_time()
    ends: list[float] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(give_up, session, ends)
        await wait_all_tasks_blocked()
        gateway.down = False
    assert gateway.texts() == ["hello"]
    assert [end - begin for end in ends] == pytest.approx([TIMEOUT])
