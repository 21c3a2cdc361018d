"""Calls, from both sides."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ErrorCode, InviteFailed, InviteRefused, ParameterError
from botkit.events import (
    CallAccepted,
    CallEnded,
    CallFailed,
    CallInvited,
    CallMessageReceived,
    CallRefused,
    CallRinging,
    DigitsPressed,
    Event,
)
from botkit.signaling import Call, LoginSession, Signal, SignalSettings
from botkit.wire import replies, requests
from botkit.wire.messages import dtmf_extra
from botkit.wire.replies import failure
from botkit.wire.states import CallState
from tests.signaling.scripted import ScriptedGateway, next_event, waiting_events


async def _invited(gateway: ScriptedGateway, session: LoginSession, extra: str = "", peer: str = "bob") -> Call:
    await gateway.put_call("voip_invite", extra, peer=peer)
    call = session.call((await next_event(session, CallInvited)).call)
    assert call is not None
    return call


async def _connected(gateway: ScriptedGateway, session: LoginSession) -> Call:
    call = await _invited(gateway, session)
    await call.accept()
    return call


@pytest.mark.row("M12", "C08")
async def test_an_invitation_is_acknowledged_by_itself(gateway: ScriptedGateway, session: LoginSession) -> None:
    await gateway.put_call("voip_invite", '{"media":"audio"}')
    event = await next_event(session, CallInvited)
    assert (event.channel, event.peer, event.uid, event.extra, event.ms) == (
        "room",
        "bob",
        8,
        '{"media":"audio"}',
        1001,
    )
    call = session.call(event.call)
    assert call is not None
    assert (call.id, call.channel, call.peer, call.extra) == (event.call, "room", "bob", '{"media":"audio"}')
    assert call.incoming
    assert call.state is CallState.RINGING
    [acknowledgement] = gateway.asked(requests.AcknowledgeInvite)
    assert (acknowledgement.channel, acknowledgement.peer, acknowledgement.extra) == ("room", "bob", "")
    assert session.channel is None
    assert session.call(4711) is None


@pytest.mark.row("M12", "M12d", "C21", "C22")
async def test_an_outgoing_call(gateway: ScriptedGateway, session: LoginSession, nursery: trio.Nursery) -> None:
    call = await session.invite("room", "bob", {"srcNum": "1", "own": [1]})
    assert gateway.asked(requests.Invite)[0].extra == '{"srcNum":"1","own":[1]}'
    assert (call.incoming, call.state, session.call(call.id)) == (False, CallState.INVITED, call)
    answers: list[str] = []

    async def wait() -> None:
        answers.append(await call.wait_answer())

    nursery.start_soon(wait)
    await gateway.put_call("voip_invite_ack")
    assert await next_event(session, CallRinging) == CallRinging(call=call.id, channel=call.channel, peer=call.peer)
    await gateway.put_call("voip_invite_accept", '"yes"')
    assert (await next_event(session, CallAccepted)).extra == '"yes"'
    assert answers == ['"yes"']
    assert call.state is CallState.CONNECTED
    await gateway.put_call("voip_invite_bye", '"bye"')
    ended = await next_event(session, CallEnded)
    assert (ended.by_peer, ended.extra) == (True, '"bye"')
    await call.wait_ended()
    assert await call.wait_answer() == '"yes"'


@pytest.mark.row("C23")
async def test_refused_by_the_peer(gateway: ScriptedGateway, session: LoginSession) -> None:
    call = await session.invite("room", "bob")
    await gateway.put_call("voip_invite_refuse", '"busy"')
    assert (await next_event(session, CallRefused)).extra == '"busy"'
    with pytest.raises(InviteRefused) as caught:
        await call.wait_answer()
    assert caught.value.extra == '"busy"'
    assert call.state is CallState.REFUSED


@pytest.mark.row("C24", "M12c")
@pytest.mark.parametrize(
    ("extra", "number", "code"),
    [
        ("", 704, 704),
        ("703", 0, 703),
        ('{"code":703,"reason":"offline"}', 0, 703),
        ('{"code":"x"}', 0, 700),
        ("nonsense", 0, 700),
        ("", 0, 700),
        ("12", 0, 700),
        ("", 12, 700),
    ],
)
async def test_a_failed_invitation(
    gateway: ScriptedGateway, session: LoginSession, *, extra: str, number: int, code: int
) -> None:
    call = await session.invite("room", "bob")
    await gateway.put_call("voip_invite_failed", extra, code=number)
    event = await next_event(session, CallFailed)
    assert (event.code, event.extra) == (code, extra)
    with pytest.raises(InviteFailed) as caught:
        await call.wait_answer()
    assert caught.value.code == code
    assert call.state is CallState.FAILED


@pytest.mark.row("C24", "M12a")
@pytest.mark.parametrize(("number", "code"), [(703, 703), (701, 701), (1001, 700), (400, 700)])
async def test_an_invitation_that_the_gateway_refuses(
    gateway: ScriptedGateway, session: LoginSession, number: int, code: int
) -> None:
    gateway.answer(requests.Invite, failure(ErrorCode(number), "no"))
    with pytest.raises(InviteFailed, match="no") as caught:
        await session.invite("room", "bob")
    assert caught.value.code == code
    assert await waiting_events(session) == []
    assert session.statistics().calls_open == 0
    assert gateway.asked(requests.EndCall) == []
    gateway.answer(requests.Invite, replies.OK)
    assert (await session.invite("room", "bob")).state is CallState.INVITED


@pytest.mark.row("M12", "C24")
async def test_a_second_invitation_to_an_open_call_is_701(gateway: ScriptedGateway, session: LoginSession) -> None:
    await session.invite("room", "bob")
    with pytest.raises(InviteFailed) as caught:
        await session.invite("room", "bob")
    assert caught.value.code == 701
    assert len(gateway.asked(requests.Invite)) == 1
    await session.invite("room", "carol")
    await session.invite("hall", "bob")


@pytest.mark.parametrize("way", ["cancel", "timeout"])
async def test_an_invitation_without_an_answer_is_withdrawn(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, way: str
) -> None:
    gateway.answer(requests.Invite, None)
    if way == "cancel":
        with trio.move_on_after(1):
            await session.invite("room", "bob")
    else:
        with pytest.raises(InviteFailed) as caught:
            await session.invite("room", "bob")
        assert caught.value.code == 702
    await wait_all_tasks_blocked()
    assert len(gateway.asked(requests.EndCall)) == 1
    assert session.statistics().calls_open == 0
    assert await waiting_events(session) == []


@pytest.mark.row("M19", "M20")
async def test_accepting(gateway: ScriptedGateway, session: LoginSession) -> None:
    call = await _invited(gateway, session)
    await call.accept({"media": "audio"})
    [request] = gateway.asked(requests.AcceptInvite)
    assert (request.channel, request.peer, request.extra) == ("room", "bob", '{"media":"audio"}')
    assert call.state is CallState.CONNECTED
    with pytest.raises(InviteFailed, match="connected"):
        await call.accept()
    with pytest.raises(InviteFailed, match="connected"):
        await call.refuse()


@pytest.mark.row("M21", "M22")
async def test_refusing(gateway: ScriptedGateway, session: LoginSession) -> None:
    call = await _invited(gateway, session)
    await call.refuse('"full"')
    await call.refuse()
    [request] = gateway.asked(requests.RefuseInvite)
    assert request.extra == '"full"'
    assert call.state is CallState.REFUSED
    assert await waiting_events(session) == []
    assert session.call(call.id) is call
    again = await _invited(gateway, session)
    assert again.id != call.id


@pytest.mark.row("M20", "M22", "M24")
async def test_an_extra_must_be_json(gateway: ScriptedGateway, session: LoginSession) -> None:
    call = await _invited(gateway, session)
    for verb in (
        call.accept("no"),
        call.refuse("no"),
        call.end("no"),
        call.send_message("no"),
        call.accept("x" * 8193),
    ):
        with pytest.raises(ParameterError):
            await verb
    assert call.state is CallState.RINGING


@pytest.mark.row("M23", "M24", "C26")
@pytest.mark.parametrize("connected", [False, True])
async def test_ending_is_told_once(gateway: ScriptedGateway, session: LoginSession, connected: bool) -> None:
    call = await session.invite("room", "bob")
    if connected:
        await gateway.put_call("voip_invite_accept")
    await waiting_events(session)
    await call.end('"enough"')
    await call.end()
    [request] = gateway.asked(requests.EndCall)
    assert request.extra == '"enough"'
    [event] = await waiting_events(session)
    assert event == CallEnded(call=call.id, channel=call.channel, peer=call.peer, by_peer=False, extra='"enough"')
    await call.wait_ended()
    if not connected:
        with pytest.raises(InviteFailed, match="ended before"):
            await call.wait_answer()


async def test_an_end_that_the_peer_was_faster_with(gateway: ScriptedGateway, session: LoginSession) -> None:
    call = await _connected(gateway, session)
    gateway.answer(requests.EndCall, failure(ErrorCode.INVITE_E_OTHER, "no such call"))
    await call.end()
    assert call.state is CallState.ENDED


async def test_an_end_that_is_not_answered(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    call = await _connected(gateway, session)
    gateway.answer(requests.EndCall, None)
    with pytest.raises(InviteFailed) as caught:
        await call.end()
    assert caught.value.code == 702
    assert call.state is CallState.ENDED


@pytest.mark.parametrize("kind", ["ack", "accept", "refuse", "bye", "msg", "failed"])
async def test_messages_about_calls_that_are_over_or_unknown_are_counted(
    gateway: ScriptedGateway, session: LoginSession, kind: str
) -> None:
    call = await session.invite("room", "bob")
    await call.end()
    await waiting_events(session)
    await gateway.put_call(f"voip_invite_{kind}")
    await gateway.put_call(f"voip_invite_{kind}", peer="stranger")
    assert await waiting_events(session) == []
    assert session.statistics().call_messages_ignored == 2


@pytest.mark.row("C21", "C22")
async def test_illegal_messages_are_counted(gateway: ScriptedGateway, session: LoginSession) -> None:
    incoming = await _invited(gateway, session)
    for kind in ("ack", "accept", "refuse"):
        await gateway.put_call(f"voip_invite_{kind}")
    assert incoming.state is CallState.RINGING
    outgoing = await session.invite("room", "carol")
    await gateway.put_call("voip_invite_accept", peer="carol")
    for kind in ("ack", "refuse", "failed"):
        await gateway.put_call(f"voip_invite_{kind}", peer="carol")
    assert outgoing.state is CallState.CONNECTED
    assert session.statistics().call_messages_ignored == 6


async def test_a_new_invitation_ends_the_one_before(gateway: ScriptedGateway, session: LoginSession) -> None:
    first = await _connected(gateway, session)
    await waiting_events(session)
    await gateway.put_call("voip_invite")
    ended, invited = await waiting_events(session)
    assert isinstance(ended, CallEnded)
    assert (ended.call, ended.by_peer) == (first.id, True)
    assert isinstance(invited, CallInvited)
    assert invited.call != first.id


async def test_an_invitation_that_crosses_ones_own_is_ignored(gateway: ScriptedGateway, session: LoginSession) -> None:
    call = await session.invite("room", "bob")
    await gateway.put_call("voip_invite")
    assert await waiting_events(session) == []
    assert call.state is CallState.INVITED
    assert gateway.asked(requests.AcknowledgeInvite) == []
    assert session.statistics().call_messages_ignored == 1


async def test_calls_are_bounded(gateway: ScriptedGateway) -> None:
    signal = Signal("app", gateway.connector, settings=SignalSettings(max_calls=2, ended_calls=1))
    async with signal.open_session("ann") as session:
        first = await session.invite("room", "bob")
        await _invited(gateway, session, peer="carol")
        await gateway.put_call("voip_invite", peer="dave")
        assert [request.peer for request in gateway.asked(requests.RefuseInvite)] == ["dave"]
        assert session.statistics().calls_refused == 1
        with pytest.raises(InviteFailed, match="2 calls are open"):
            await session.invite("room", "erin")
        await first.end()
        assert session.call(first.id) is first
        second = await session.invite("room", "frank")
        await second.end()
        assert session.call(first.id) is None
        assert session.call(second.id) is second


@pytest.mark.row("C27")
async def test_digits_and_other_messages(gateway: ScriptedGateway, session: LoginSession) -> None:
    call = await _connected(gateway, session)
    await gateway.put_call("voip_invite_msg", dtmf_extra("12#"))
    await gateway.put_call("voip_invite_msg", '{"msgtype":"mood"}')
    await gateway.put_call("voip_invite_msg", dtmf_extra("99"))
    digits, other, more = await waiting_events(session)
    assert digits == DigitsPressed(call=call.id, channel=call.channel, peer=call.peer, digits="12#")
    assert isinstance(other, CallMessageReceived)
    assert other.extra == '{"msgtype":"mood"}'
    assert isinstance(more, DigitsPressed)
    assert await call.gather_dtmf(5) == "12#99"


async def test_pressing_and_saying(gateway: ScriptedGateway, session: LoginSession) -> None:
    call = await _connected(gateway, session)
    await call.press("1*#")
    await call.send_message({"mood": "fine"})
    await call.say("hello")
    assert [request.extra for request in gateway.asked(requests.CallMessage)] == [
        dtmf_extra("1*#"),
        '{"mood":"fine"}',
    ]
    [message] = gateway.asked(requests.SendMessage)
    assert (message.peer, message.content) == ("bob", "hello")
    for digits in ("", "a", "1" * 129):
        with pytest.raises(ParameterError):
            await call.press(digits)
    await call.end()
    with pytest.raises(InviteFailed, match="ended"):
        await call.press("1")


@pytest.mark.parametrize(
    ("pressed", "count", "finish", "gathered", "left"),
    [
        ("1", 1, "", "1", ""),
        ("123", 2, "", "12", "3"),
        ("12#4", 9, "#", "12", "4"),
        ("#", 1, "#", "", ""),
        ("12", 3, "", "12", ""),
        ("", 1, "", "", ""),
    ],
)
async def test_gathering_digits(
    gateway: ScriptedGateway,
    session: LoginSession,
    autojump_clock: MockClock,
    *,
    pressed: str,
    count: int,
    finish: str,
    gathered: str,
    left: str,
) -> None:
    call = await _connected(gateway, session)
    if pressed:
        await gateway.put_call("voip_invite_msg", dtmf_extra(pressed))
    assert await call.gather_dtmf(count, timeout=3, finish=finish) == gathered
    assert await call.gather_dtmf(9, timeout=0.1) == left


async def test_the_time_to_press_starts_anew_with_every_digit(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    call = await _connected(gateway, session)

    async def press() -> None:
        for digit in "123":
            await trio.sleep(8)
            await gateway.put_call("voip_invite_msg", dtmf_extra(digit))

    nursery.start_soon(press)
    start = trio.current_time()
    assert await call.gather_dtmf(4, timeout=10) == "123"
    assert trio.current_time() - start == pytest.approx(34, abs=0.01)


async def test_a_cancel_puts_the_digits_back(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    call = await _connected(gateway, session)
    await gateway.put_call("voip_invite_msg", dtmf_extra("12"))
    with trio.move_on_after(1):
        await call.gather_dtmf(3)
    assert await call.gather_dtmf(2) == "12"


async def test_gathering_ends_with_the_call(
    gateway: ScriptedGateway, session: LoginSession, nursery: trio.Nursery
) -> None:
    call = await _connected(gateway, session)
    gathered: list[str] = []

    async def gather() -> None:
        gathered.append(await call.gather_dtmf(4))

    nursery.start_soon(gather)
    await gateway.put_call("voip_invite_msg", dtmf_extra("1"))
    await gateway.put_call("voip_invite_bye")
    assert gathered == ["1"]


async def test_digits_that_nobody_gathers_are_bounded(gateway: ScriptedGateway) -> None:
    signal = Signal("app", gateway.connector, settings=SignalSettings(digit_buffer=3))
    async with signal.open_session("ann") as session:
        call = await _connected(gateway, session)
        await gateway.put_call("voip_invite_msg", dtmf_extra("12345"))
        await gateway.put_call("voip_invite_msg", dtmf_extra("6"))
        assert session.statistics().digits_dropped == 3
        assert await call.gather_dtmf(3) == "123"


@pytest.mark.parametrize("arguments", [(0, 1.0, ""), (1, -1.0, ""), (1, 1.0, "a")])
async def test_gathering_needs_sensible_parameters(
    gateway: ScriptedGateway, session: LoginSession, arguments: tuple[int, float, str]
) -> None:
    call = await _connected(gateway, session)
    with pytest.raises(ParameterError):
        await call.gather_dtmf(*arguments)


async def test_accepted_ends_the_call_with_its_body(gateway: ScriptedGateway, session: LoginSession) -> None:
    call = await _invited(gateway, session)
    async with call.accepted('"welcome"') as same:
        assert same is call
        assert same.state is CallState.CONNECTED
    assert call.state is CallState.ENDED
    assert gateway.asked(requests.AcceptInvite)[0].extra == '"welcome"'
    assert len(gateway.asked(requests.EndCall)) == 1


async def test_the_end_of_the_call_cancels_the_body(
    gateway: ScriptedGateway, session: LoginSession, nursery: trio.Nursery
) -> None:
    call = await _invited(gateway, session)
    nursery.start_soon(_end_when_connected, gateway, call)
    went_on = False
    async with call.accepted():
        await trio.sleep(3600)
        went_on = True
    assert not went_on
    assert call.state is CallState.ENDED
    assert gateway.asked(requests.EndCall) == []


async def _end_when_connected(gateway: ScriptedGateway, call: Call) -> None:
    while call.state is not CallState.CONNECTED:
        await wait_all_tasks_blocked()
    await gateway.put_call("voip_invite_bye")


async def test_ending_the_call_inside_of_the_body_ends_the_body(
    gateway: ScriptedGateway, session: LoginSession
) -> None:
    call = await _invited(gateway, session)
    went_on = False
    async with call.accepted():
        await call.end('"done"')
        went_on = True
    assert not went_on
    await wait_all_tasks_blocked()
    assert [request.extra for request in gateway.asked(requests.EndCall)] == ['"done"']


async def test_an_exception_in_the_body_ends_the_call_and_comes_out(
    gateway: ScriptedGateway, session: LoginSession
) -> None:
    call = await _invited(gateway, session)
    with pytest.raises(KeyError, match="mine"):
        async with call.accepted():
            raise KeyError("mine")
    assert len(gateway.asked(requests.EndCall)) == 1


async def test_a_cancel_of_the_body_ends_the_call(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    call = await _invited(gateway, session)
    gateway.answer(requests.EndCall, None)
    start = trio.current_time()
    with trio.move_on_after(1) as scope:
        async with call.accepted():
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() - start == pytest.approx(3, abs=0.01)
    assert len(gateway.asked(requests.EndCall)) == 1


async def test_a_cancel_while_accepting_ends_the_call(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    call = await _invited(gateway, session)
    gateway.answer(requests.AcceptInvite, None)
    with trio.move_on_after(1):
        async with call.accepted():
            pytest.fail("it is not accepted")
    assert call.state is CallState.ENDED
    assert len(gateway.asked(requests.EndCall)) == 1


async def test_an_acceptance_that_comes_too_late(gateway: ScriptedGateway, session: LoginSession) -> None:
    call = await _invited(gateway, session)
    gateway.answer(requests.AcceptInvite, failure(ErrorCode.INVITE_E_OTHER, "no open call"))
    with pytest.raises(InviteFailed, match="no open call"):
        async with call.accepted():
            pytest.fail("it is not accepted")
    await gateway.put_call("voip_invite_bye")
    with pytest.raises(InviteFailed):
        await call.accept()


@pytest.mark.parametrize("connected", [False, True])
async def test_calls_do_not_survive_the_connection(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, connected: bool
) -> None:
    call = await _invited(gateway, session)
    if connected:
        await call.accept()
    await waiting_events(session)
    await gateway.peer.drop()
    events: list[Event] = [await session.receive_event()]
    if connected:
        assert isinstance(events[0], CallEnded)
        assert not events[0].by_peer
    else:
        assert isinstance(events[0], CallFailed)
        assert events[0].code == 702
    assert call.state.terminal
    await call.end()
    assert gateway.asked(requests.EndCall) == []


async def test_how_a_call_shows_itself(gateway: ScriptedGateway, session: LoginSession) -> None:
    call = await _invited(gateway, session)
    assert repr(call) == "<Call 1 from 'bob' in 'room', ringing>"


@pytest.mark.parametrize("verb", [lambda call: call.accept(), lambda call: call.refuse()], ids=["accept", "refuse"])
async def test_the_caller_cannot_answer_for_the_callee(
    session: LoginSession, verb: Callable[[Call], Awaitable[None]]
) -> None:
    call = await session.invite("room", "bob")
    with pytest.raises(InviteFailed, match="outgoing"):
        await verb(call)
