"""Whatever an application passes, it is told; nothing is raised later, and the session goes on."""

from collections.abc import Callable

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from botkit.signaling.vendor import Call, LoginSession, Signal
from tests.vendor_api.people import Person, Recorder, log_in, open_world

ODD = ["", " ", "\ud800", "\0", "\n", "x" * 70_000, "\u202e", "{", "\U0001f600" * 3000]

Action = Callable[[LoginSession, Call, Recorder, str], object]

ACTIONS: list[Action] = [
    lambda session, _, cb, odd: session.messageInstantSend(odd, odd, cb),
    lambda session, _, cb, odd: session.messageInstantSend("bob", odd, 10**12, cb),
    lambda session, _, cb, odd: session.channelInviteUser2(odd, odd, odd, cb),
    lambda session, _, cb, odd: session.channelInviteUser2("room", "bob", odd, cb),
    lambda session, _, cb, odd: session.channelJoin(odd, cb).messageChannelSend(odd),
    lambda session, _, cb, odd: session.channelJoin("room", cb).channelSetAttr(odd, odd),
    lambda session, _, cb, odd: session.channelJoin("room", cb).channelDelAttr(odd),
    lambda session, _, cb, odd: session.userSetAttr(odd, odd, cb),
    lambda session, _, cb, odd: session.userGetAttr(odd, odd, cb),
    lambda session, _, cb, odd: session.userGetAttrAll(odd, cb),
    lambda session, _, cb, odd: session.channelQueryUserNum(odd, cb),
    lambda session, _, cb, odd: session.invoke(odd, {odd: odd}, lambda err, ret: cb.note("invoked", (err, ret))),
    lambda session, _, cb, odd: session.invoke(
        "channel_set_attr", {"channel": odd, "name": odd, "value": odd}, lambda err, ret: cb.note("invoked", (err, ret))
    ),
    lambda _session, call, _cb, odd: call.channelInviteAccept(odd),
    lambda _session, call, _cb, odd: call.channelInviteDTMF(odd),
    lambda _session, call, _cb, odd: call.channelInviteRefuse(odd),
    lambda _session, call, _cb, odd: call.channelInviteEnd(odd),
]


async def _is_alive(person: Person) -> bool:
    person.session.messageInstantSend(person.session.account, "alive", person.heard)
    while (await person.heard.next("onMessageInstantReceive"))[2] != "alive":
        pass
    return True


@pytest.mark.row("C09")
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
async def test_odd_texts_everywhere(signal: Signal, autojump_clock: MockClock, odd: str) -> None:
    ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
    _, call = await bob.invite(ann, "calls")
    for action in ACTIONS:
        action(ann.session, call, ann.heard, odd)
        await trio.sleep(1)
    assert await _is_alive(ann)
    assert await _is_alive(bob)
    assert not ann.heard.all("onLogout", "onReconnecting")


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, len(ACTIONS) - 1), st.text(max_size=20)), max_size=30))
def test_any_calls_in_any_order(steps: list[tuple[int, str]]) -> None:
    """Sessions survive what an application makes up, and each join, send and invitation has one outcome."""

    async def live() -> None:
        async with open_world() as world, world.open() as signal:
            ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
            _, call = await bob.invite(ann, "calls")
            for number, text in steps:
                ACTIONS[number](ann.session, call, ann.heard, text)
            await trio.sleep(61)
            assert await _is_alive(ann)
            asked = [number for number, _ in steps]
            joins = sum(number in (4, 5, 6) for number in asked)
            assert len(ann.heard.all("onChannelJoined", "onChannelJoinFailed")) == joins
            assert len(ann.heard.all("onMessageSendSuccess", "onMessageSendError")) == 1 + sum(
                number in (0, 1, 4) for number in asked
            )
            invitations = sum(number in (2, 3) for number in asked)
            assert len(ann.heard.all("onInviteFailed")) == invitations  # nobody answers those that get through

    trio.run(live, clock=MockClock(autojump_threshold=0))
