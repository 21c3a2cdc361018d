"""``login2``: a first login that does not reach the gateway is tried again, until whichever limit comes first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from botkit.backoff import Backoff
from botkit.errors import ConnectFailed, ErrorCode, LoginFailed, ParameterError
from botkit.events import LoggedIn
from botkit.signaling import Signal, SignalSettings
from botkit.testing import TEST_APP, open_test_gateway
from botkit.transport.base import Transport
from botkit.transport.memory import memory_transport_pair
from botkit.wire.states import LoginStatus
from tests.signaling.scripted import ScriptedGateway, refused, waiting_events

pytestmark = pytest.mark.row("W05")

EACH_SECOND = SignalSettings(reconnect=Backoff(1.0, 1.0, jitter=0.0))


@pytest.fixture
def signal(gateway: ScriptedGateway) -> Signal:
    """A ``Signal`` that waits one second between attempts."""
    return Signal("app", gateway.connector, settings=EACH_SECOND)


async def failed_login(
    signal: Signal, *, retry_seconds: float | None = None, retry_count: int | None = None
) -> tuple[LoginFailed, float]:
    """How the login failed, and after how long."""
    began = trio.current_time()
    with pytest.raises(LoginFailed) as caught:
        async with signal.open_session("ann", retry_seconds=retry_seconds, retry_count=retry_count):
            pytest.fail("it is not logged in")
    return caught.value, trio.current_time() - began


async def test_without_a_limit_there_is_one_attempt(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock
) -> None:
    gateway.down = True
    error, took = await failed_login(signal)
    assert (error.code, gateway.attempts, took) == (ErrorCode.LOGIN_E_NET, 1, 0)


@pytest.mark.parametrize(
    ("limits", "attempts", "took"),
    [
        ((30, 3), 4, 3.0),  # the vendor's defaults: here the count comes first
        ((2.5, 3), 3, 2.5),  # the time comes first
        ((2.5, None), 3, 2.5),
        ((None, 2), 3, 2.0),
        ((30, 0), 1, 0.0),
    ],
)
async def test_whichever_limit_comes_first(
    gateway: ScriptedGateway,
    signal: Signal,
    autojump_clock: MockClock,
    *,
    limits: tuple[float | None, int | None],
    attempts: int,
    took: float,
) -> None:
    gateway.down = True
    error, waited = await failed_login(signal, retry_seconds=limits[0], retry_count=limits[1])
    assert error.code is ErrorCode.LOGIN_E_NET
    assert "down" in error.reason
    assert gateway.attempts == attempts
    assert waited == pytest.approx(took)


async def test_the_time_ends_an_attempt_that_is_under_way(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock
) -> None:
    gateway.deaf = True  # no answer to a login: each attempt takes 5 s
    error, took = await failed_login(signal, retry_seconds=8)
    assert error.code is ErrorCode.LOGIN_E_NET
    assert len(gateway.peers) == 2
    assert took == pytest.approx(8)
    assert all(peer.closed for peer in gateway.peers)
    error, took = await failed_login(signal, retry_seconds=2)
    assert took == pytest.approx(2)
    assert "no answer" in error.reason


async def test_a_gateway_that_comes_late(gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock) -> None:
    gateway.down = True
    tokens = iter(["first", "second", "third"])

    async def start_later() -> None:
        await trio.sleep(1.5)
        gateway.down = False

    async with trio.open_nursery() as nursery:
        nursery.start_soon(start_later)
        async with signal.open_session("ann", lambda: next(tokens), retry_seconds=30, retry_count=3) as session:
            assert await waiting_events(session) == [LoggedIn(account=session.account, uid=session.uid)]
            assert gateway.attempts == 3
            assert gateway.peer.logins[0].arguments.token == "first", "a token is fetched for a connection that is open"
            await trio.sleep(60)
            assert session.status is LoginStatus.LOGGED_IN, "the limit is for the login alone"
            await session.send_instant("bob", "hi")


@pytest.mark.parametrize("text", ["TokenErrorExpired", "TokenErrorWrong", "kick", "no"])
async def test_a_refusal_is_final(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock, text: str
) -> None:
    gateway.login = lambda _: refused(text)
    error, took = await failed_login(signal, retry_seconds=30, retry_count=3)
    assert (error.reason, gateway.attempts, took) == (text, 1, 0)


async def test_an_answer_at_the_very_deadline_is_too_late(autojump_clock: MockClock) -> None:
    """Whichever of the two is first in that instant: there is a session or a failure, never both."""

    @asynccontextmanager
    async def connect() -> AsyncIterator[Transport]:
        near, far = memory_transport_pair()
        async with trio.open_nursery() as nursery:

            async def answer() -> None:
                await trio.sleep(2)
                await far.send(b'["login_ret",["","{\\"result\\":\\"ok\\",\\"uid\\":7,\\"line\\":\\"l\\"}"]]')

            nursery.start_soon(answer)
            yield near
            nursery.cancel_scope.cancel()

    error, took = await failed_login(Signal("app", connect), retry_seconds=2)
    assert error.code is ErrorCode.LOGIN_E_NET
    assert took == pytest.approx(2)


async def test_a_cancel_while_waiting_leaves_nothing_behind(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock
) -> None:
    gateway.down = True
    with trio.move_on_after(10) as scope:
        async with signal.open_session("ann", retry_seconds=30):
            pytest.fail("it is not logged in")
    assert scope.cancelled_caught
    gateway.down = False
    async with signal.open_session("ann") as session:
        assert session.status is LoginStatus.LOGGED_IN


@pytest.mark.parametrize(
    ("seconds", "count", "parameter"),
    [(0, None, "retry_seconds"), (-1, 3, "retry_seconds"), (float("nan"), 3, "retry_seconds"), (30, -1, "retry_count")],
)
async def test_limits_that_cannot_be(
    gateway: ScriptedGateway, signal: Signal, seconds: float | None, count: int | None, parameter: str
) -> None:
    with pytest.raises(ParameterError) as wrong:
        async with signal.open_session("ann", retry_seconds=seconds, retry_count=count):
            pytest.fail("it is not logged in")
    assert wrong.value.parameter == parameter
    assert gateway.attempts == 0


@pytest.mark.row("P05")
async def test_the_gateway_itself_comes_late(autojump_clock: MockClock) -> None:
    async with open_test_gateway() as gateway:
        opens_at = trio.current_time() + 5

        @asynccontextmanager
        async def connect() -> AsyncIterator[Transport]:
            if trio.current_time() < opens_at:
                raise ConnectFailed("memory", "not yet")
            async with gateway.connector() as transport:
                yield transport

        signal = Signal(TEST_APP, connect, settings=EACH_SECOND)
        error, _ = await failed_login(signal, retry_seconds=30, retry_count=3)
        assert error.code is ErrorCode.LOGIN_E_NET
        async with signal.open_session("ann", retry_seconds=30, retry_count=3) as session:
            assert await session.is_online("ann")
