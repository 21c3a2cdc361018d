"""The end of a session: by logout, with the body, by a cancel, by the gateway."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ErrorCode, SendFailed, SessionEnded
from botkit.events import CallEnded, ChannelLeft, LoggedOut
from botkit.signaling import LoginSession, Signal
from botkit.wire.requests import Logout
from botkit.wire.states import LoginStatus
from tests.signaling.scripted import ScriptedGateway, next_event, waiting_events


async def _remaining(session: LoginSession) -> list[object]:
    return [event async for event in session.events()]


@pytest.mark.row("M09", "C05", "C12")
async def test_logout_tells_what_ends_and_ends_it(gateway: ScriptedGateway, session: LoginSession) -> None:
    await session.join("room")
    await session.invite("room", "bob")
    await waiting_events(session)
    await session.logout()
    await wait_all_tasks_blocked()
    assert len(gateway.asked(Logout)) == 1
    assert gateway.peer.closed
    assert session.status is LoginStatus.LOGGED_OUT
    kinds = [type(event) for event in await _remaining(session)]
    assert kinds == [CallEnded, ChannelLeft, LoggedOut]


async def test_the_codes_of_a_logout(session: LoginSession) -> None:
    await session.join("room")
    await session.logout()
    assert (await next_event(session, ChannelLeft)).code == 603
    assert (await next_event(session, LoggedOut)).code == 101
    with pytest.raises(SessionEnded) as caught:
        await session.receive_event()
    assert caught.value.code == 101


@pytest.mark.row("M09", "C05")
async def test_a_second_logout_is_108(session: LoginSession) -> None:
    await session.logout()
    with pytest.raises(SessionEnded) as caught:
        await session.logout()
    assert caught.value.code is ErrorCode.LOGOUT_E_ALREADY_LOGOUT


async def test_verbs_after_the_end(gateway: ScriptedGateway, session: LoginSession) -> None:
    channel = await session.join("room")
    await session.logout()
    before = len(gateway.requests)
    with pytest.raises(SessionEnded):
        await session.send_instant("bob", "late")
    with pytest.raises(SessionEnded):
        await session.join("other")
    with pytest.raises(SendFailed, match="left"):
        await channel.send("late")
    await channel.leave()
    assert len(gateway.requests) == before


async def test_the_end_of_the_body_logs_out(gateway: ScriptedGateway, signal: Signal) -> None:
    async with signal.open_session("ann") as session:
        pass
    assert len(gateway.asked(Logout)) == 1
    assert gateway.peer.closed
    assert isinstance((await _remaining(session))[-1], LoggedOut)


@pytest.mark.row("M03b")
async def test_logout_then_login_without_waiting(gateway: ScriptedGateway, signal: Signal) -> None:
    async with signal.open_session("ann") as first:
        await first.logout()
        async with signal.open_session("ann") as second:
            assert second.status is LoginStatus.LOGGED_IN
        assert (await next_event(first, LoggedOut)).code == 101
    assert gateway.attempts == 2


async def test_a_cancel_logs_out(gateway: ScriptedGateway, signal: Signal) -> None:
    with trio.CancelScope() as scope:
        async with signal.open_session("ann") as session:
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert len(gateway.asked(Logout)) == 1
    assert gateway.peer.closed
    assert session.status is LoginStatus.LOGGED_OUT


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_gateway_that_does_not_answer_is_left_after_two_seconds(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock, cancelled: bool
) -> None:
    gateway.answer(Logout, None)
    with trio.CancelScope() as scope:
        async with signal.open_session("ann"):
            start = trio.current_time()
            if cancelled:
                scope.cancel()
    assert trio.current_time() - start == pytest.approx(2, abs=0.01)
    assert gateway.peer.closed


async def test_the_bodys_exception_comes_out_bare_after_the_logout(gateway: ScriptedGateway, signal: Signal) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with signal.open_session("ann"):
            raise KeyError("mine")
    assert len(gateway.asked(Logout)) == 1


async def test_a_logout_while_the_connection_is_lost(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock
) -> None:
    async with signal.open_session("ann") as session:
        gateway.down = True
        await gateway.peer.drop()
        assert session.status is LoginStatus.CONNECTING
        await session.logout()
        assert (await next_event(session, LoggedOut)).code == 101
        attempts = gateway.attempts
        await trio.sleep(60)
        assert gateway.attempts == attempts


async def test_the_connection_lost_instead_of_an_answer_to_the_logout(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    gateway.answer(Logout, None)
    async with signal.open_session("ann") as session:
        nursery.start_soon(session.logout)
        await wait_all_tasks_blocked()
        await gateway.peer.drop()
        assert (await next_event(session, LoggedOut)).code == 101
        await trio.sleep(60)
    assert gateway.attempts == 1


async def test_a_cancelled_logout_ends_the_session_all_the_same(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.answer(Logout, None)
    with trio.move_on_after(0.5):
        await session.logout()
    assert session.status is LoginStatus.LOGGED_OUT
    await wait_all_tasks_blocked()
    assert gateway.peer.closed
