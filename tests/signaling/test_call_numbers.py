"""Calls of the same two in the same channel, told apart by the gateway's numbers; and two that call each other."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ErrorCode, InviteFailed
from botkit.events import CallAccepted, CallEnded, CallInvited, CallRinging
from botkit.signaling import LoginSession
from botkit.testing import open_world
from botkit.wire import requests
from botkit.wire.frames import encode
from botkit.wire.messages import CallContent, call_text
from botkit.wire.replies import Failure, Invited, encode_reply, failure
from botkit.wire.states import CallState
from tests.signaling.scripted import ScriptedGateway, next_event, waiting_events

TAKEN: Failure = failure(ErrorCode.INVITE_E_REINVITE, "there is an open call")


async def tell(gateway: ScriptedGateway, kind: str, number: int) -> None:
    """A message about the gateway's call of this number with bob in the room."""
    content = CallContent(channel="room", peer="bob", extra="", peeruid=8, call=number)
    await gateway.put_message(kind, call_text(content), flag="-")


async def test_every_request_about_a_call_names_it(gateway: ScriptedGateway, session: LoginSession) -> None:
    await tell(gateway, "voip_invite", 5)
    call = session.call((await next_event(session, CallInvited)).call)
    assert call is not None
    await call.accept()
    await call.press("1")
    await call.end()
    await tell(gateway, "voip_invite", 6)
    call = session.call((await next_event(session, CallInvited)).call)
    assert call is not None
    await call.refuse()
    named = [(type(ask).function, ask.call) for ask in gateway.requests if isinstance(ask, requests.CallRequest)]
    assert named == [
        ("voip_invite_ack", 5),
        ("voip_invite_accept", 5),
        ("voip_invite_msg", 5),
        ("voip_invite_bye", 5),
        ("voip_invite_ack", 6),
        ("voip_invite_refuse", 6),
    ]


async def test_an_acceptance_of_the_call_before_is_none_of_this_one(
    gateway: ScriptedGateway, session: LoginSession
) -> None:
    gateway.answer(requests.Invite, Invited(call=1))
    await (await session.invite("room", "bob")).end()
    gateway.answer(requests.Invite, Invited(call=2))
    call = await session.invite("room", "bob")
    await waiting_events(session)
    for kind in ("voip_invite_ack", "voip_invite_accept", "voip_invite_refuse", "voip_invite_bye"):
        await tell(gateway, kind, 1)
    assert await waiting_events(session) == []
    assert call.state is CallState.INVITED
    assert session.statistics().call_messages_ignored == 4
    await tell(gateway, "voip_invite_accept", 2)
    assert isinstance(await session.receive_event(), CallAccepted)


async def test_an_invitation_that_is_withdrawn_unanswered_is_named_as_the_sessions_own(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.answer(requests.Invite, None)
    with trio.move_on_after(1):
        await session.invite("room", "bob")
    await wait_all_tasks_blocked()
    assert [end.call for end in gateway.asked(requests.EndCall)] == [requests.OWN_CALL]


@pytest.mark.parametrize(
    ("messages", "answer", "codes", "told"),
    [
        ([("voip_invite", 7)], TAKEN, [701], [CallInvited]),
        ([("voip_invite", 7), ("voip_invite_bye", 7)], TAKEN, [701], []),
        ([("voip_invite", 6), ("voip_invite_bye", 6), ("voip_invite", 7)], TAKEN, [701], [CallInvited]),
        ([("voip_invite", 7)], Invited(call=8), [], []),
        ([("voip_invite", 7)], None, [702], [CallInvited]),
    ],
)
async def test_of_two_that_call_each_other_the_first_is_told_to_the_other(
    gateway: ScriptedGateway,
    session: LoginSession,
    autojump_clock: MockClock,
    *,
    messages: Sequence[tuple[str, int]],
    answer: Invited | Failure | None,
    codes: list[int],
    told: list[type],
) -> None:
    gateway.answer(requests.Invite, None)
    failures = list[ErrorCode]()

    async def invite() -> None:
        try:
            await session.invite("room", "bob")
        except InviteFailed as error:
            failures.append(error.code)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(invite)
        await wait_all_tasks_blocked()
        asked = gateway.call_ids[-1]
        for kind, number in messages:
            await tell(gateway, kind, number)
        assert await waiting_events(session) == []
        if answer is not None:
            await gateway.peer.send_raw(encode(encode_reply(asked, answer)))
    assert failures == codes
    assert [type(event) for event in await waiting_events(session)] == told
    assert session.statistics().calls_open == len(told) + (not codes)


async def test_two_who_call_each_other_at_once_are_in_one_call(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ann, bob = await world.user("ann"), await world.user("bob")
        codes = list[ErrorCode]()

        async def invite(one: LoginSession, other: str) -> None:
            try:
                await one.invite("room", other)
            except InviteFailed as error:
                codes.append(error.code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(invite, ann.session, "bob")
            nursery.start_soon(invite, bob.session, "ann")
        assert codes == [701]
        invited = {user: await user.heard(CallInvited) for user in (ann, bob)}
        late, first = (ann, bob) if invited[ann] else (bob, ann)
        [event] = [*invited[ann], *invited[bob]]
        call = late.session.call(event.call)
        assert call is not None
        await first.expect(CallRinging)
        await call.accept()
        await first.expect(CallAccepted)
        await call.end()
        await first.expect(CallEnded)
