"""A login that is cancelled, at the moments where it is delicate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from botkit.signaling import Signal
from botkit.transport.base import Transport
from botkit.wire.states import LoginStatus
from tests.signaling.scripted import ScriptedGateway


class _CancelWithTheAnswer:
    """A connection on which the application changes its mind in the very moment in which the answer comes."""

    def __init__(self, transport: Transport, scope: trio.CancelScope) -> None:
        self._transport, self._scope = transport, scope

    async def send(self, data: bytes) -> None:
        await self._transport.send(data)

    async def receive(self) -> bytes | str:
        answer = await self._transport.receive()
        self._scope.cancel()
        return answer

    async def aclose(self) -> None:
        await self._transport.aclose()


@pytest.mark.row("C06")
async def test_a_cancel_that_meets_the_answer_ends_the_login(
    gateway: ScriptedGateway, autojump_clock: MockClock
) -> None:
    scope = trio.CancelScope()

    @asynccontextmanager
    async def connect() -> AsyncIterator[Transport]:
        async with gateway.connector() as transport:
            yield _CancelWithTheAnswer(transport, scope)

    signal = Signal("app", connect)
    with trio.fail_after(60), scope:
        async with signal.open_session("ann"):
            pytest.fail("it is not logged in")
    assert scope.cancelled_caught
    assert gateway.peer.closed
    assert signal.status is LoginStatus.LOGIN_FAILED


@pytest.mark.row("M08")
async def test_the_status_of_a_signal(gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock) -> None:
    seen = [signal.status]
    gateway.login = lambda _: None
    async with trio.open_nursery() as nursery:

        async def log_in() -> None:
            async with signal.open_session("ann"):
                pytest.fail("it is not logged in")

        nursery.start_soon(log_in)
        await trio.sleep(1)
        seen.append(signal.status)
        nursery.cancel_scope.cancel()
    seen.append(signal.status)
    assert seen == [4, 1, 3]
