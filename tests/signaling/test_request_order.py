"""Requests that wait for a connection go out in the order in which they were asked, and not at all when given up."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import SendFailed
from botkit.signaling import LoginSession
from botkit.wire import requests
from tests.signaling.scripted import ScriptedGateway


async def test_requests_that_wait_keep_their_order(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.down = True
    await gateway.peer.drop()
    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(session.send_instant, "bob", str(number))
            await wait_all_tasks_blocked()
        gateway.down = False
    assert [message.content for message in gateway.asked(requests.SendMessage)] == [str(number) for number in range(50)]


async def test_what_was_cancelled_while_it_waited_is_not_sent(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.down = True
    await gateway.peer.drop()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.send_instant, "bob", "never")
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    gateway.down = False
    await session.send_instant("bob", "hello")
    assert [message.content for message in gateway.asked(requests.SendMessage)] == ["hello"]


async def test_what_waited_too_long_is_not_sent_later(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.down = True
    await gateway.peer.drop()
    with pytest.raises(SendFailed, match="nothing was sent"):
        await session.send_instant("bob", "never")
    gateway.down = False
    await trio.sleep(30)
    assert gateway.asked(requests.SendMessage) == []
