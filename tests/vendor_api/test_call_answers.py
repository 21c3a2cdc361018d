"""What becomes of a call (M19 to M24, C22, C23, C25, C26, C27)."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.signaling.vendor import Call, CallCallback, LoginCallback, LoginSession, Signal
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import Recorder, World, log_in

EXTRAS = ['{"media": "audio"}', '"\u96ea \U0001f600"', "[]", "0", '"' + "x" * 8190 + '"']


@pytest.mark.row("M19", "M20", "C22")
@pytest.mark.parametrize("extra", [None, "", *EXTRAS])
async def test_accepting(wired_signal: Signal, extra: str | None) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    outgoing, incoming = await ann.invite(bob)
    if extra is None:
        incoming.channelInviteAccept()
    else:
        incoming.channel_invite_accept(extra)
    assert await ann.heard.next("onInviteAcceptedByPeer") == (outgoing, extra or "")
    incoming.channelInviteRefuse()  # too late
    assert (await bob.heard.next("onError"))[0] == 700
    incoming.channelInviteAccept()
    assert (await bob.heard.next("onError"))[0] == 700
    outgoing.channelInviteEnd()
    await bob.heard.next("onInviteEndByPeer")
    assert [name for name in ann.heard.names() if name.startswith("onInvite")] == [
        "onInviteReceivedByPeer",
        "onInviteAcceptedByPeer",
        "onInviteEndByMyself",
    ]


@pytest.mark.row("M21", "M22", "C23")
@pytest.mark.parametrize("extra", [None, "", *EXTRAS])
async def test_refusing(wired_signal: Signal, extra: str | None) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    outgoing, incoming = await ann.invite(bob)
    if extra is None:
        incoming.channelInviteRefuse()
    else:
        incoming.channel_invite_refuse(extra)
    assert await ann.heard.next("onInviteRefusedByPeer") == (outgoing, extra or "")
    for call in (incoming, outgoing):  # it is over: nothing happens, or is told
        call.channelInviteRefuse()
        call.channelInviteEnd()
    incoming.channelInviteAccept()
    assert (await bob.heard.next("onError"))[0] == 700
    assert ann.heard.names() == ["onLoginSuccess", "onInviteReceivedByPeer", "onInviteRefusedByPeer"]
    assert bob.heard.names() == ["onLoginSuccess", "onInviteReceived", "onError"]


@pytest.mark.row("M23", "M24", "C25", "C26")
@pytest.mark.parametrize("extra", [None, "", *EXTRAS])
@pytest.mark.parametrize("by", ["caller", "callee"])
async def test_ending(wired_signal: Signal, extra: str | None, by: str) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    outgoing, incoming = await ann.invite(bob)
    incoming.channelInviteAccept()
    await ann.heard.next("onInviteAcceptedByPeer")
    ender, other = (ann, bob) if by == "caller" else (bob, ann)
    ending, ended = (outgoing, incoming) if by == "caller" else (incoming, outgoing)
    if extra is None:
        ending.channelInviteEnd()
    else:
        ending.channel_invite_end(extra)
    assert await ender.heard.next("onInviteEndByMyself") == (ending, extra or "")
    assert await other.heard.next("onInviteEndByPeer") == (ended, extra or "")
    for call in (ending, ended):
        call.channelInviteEnd('"again"')
    again, _ = await ann.invite(bob)
    assert again is not outgoing
    for person in (ann, bob):
        assert len(person.heard.all("onInviteEndByMyself", "onInviteEndByPeer")) == 1
        assert not person.heard.all("onInviteFailed", "onError")


@pytest.mark.row("M23", "C25", "C26")
@pytest.mark.parametrize("at_once", [True, False])
async def test_withdrawing(wired_signal: Signal, at_once: bool) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    call = ann.session.channelInviteUser2("room", "bob", "", ann.heard)
    if not at_once:
        await bob.heard.next("onInviteReceived")
    call.channelInviteEnd('"sorry"')
    assert await ann.heard.next("onInviteEndByMyself") == (call, '"sorry"')
    ann.session.messageInstantSend("bob", "that was it", ann.heard)
    await bob.heard.next("onMessageInstantReceive")
    received = len(bob.heard.all("onInviteReceived"))
    assert [extra for _, extra in bob.heard.all("onInviteEndByPeer")] == ['"sorry"'] * received
    assert received == 1 or at_once
    assert not ann.heard.all("onInviteFailed", "onInviteEndByPeer")


@pytest.mark.row("M20", "M22", "M24", "C09")
@pytest.mark.parametrize(
    ("extra", "code"), [("no JSON", 1004), ("{", 1004), ('"' + "x" * 8191 + '"', 1005), ("\ud800", 1004)]
)
async def test_an_extra_that_is_none(signal: Signal, extra: str, code: int) -> None:
    ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
    outgoing, incoming = await ann.invite(bob)
    for step in (incoming.channelInviteAccept, incoming.channelInviteRefuse, incoming.channelInviteEnd):
        step(extra)
        assert (await bob.heard.next("onError"))[0] == code
    incoming.channelInviteAccept()  # nothing has happened to the call
    assert await ann.heard.next("onInviteAcceptedByPeer") == (outgoing, "")


@pytest.mark.row("C22", "C23")
async def test_only_the_invited_side_answers(signal: Signal) -> None:
    ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
    outgoing, incoming = await ann.invite(bob)
    outgoing.channelInviteAccept()
    outgoing.channelInviteRefuse()
    for _ in range(2):
        assert (await ann.heard.next("onError"))[0] == 700
    incoming.channelInviteAccept()
    await ann.heard.next("onInviteAcceptedByPeer")


@pytest.mark.row("C27", "0.15")
async def test_digits_arrive_in_order_and_once(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    outgoing, incoming = await ann.invite(bob)
    incoming.channelInviteAccept()
    await ann.heard.next("onInviteAcceptedByPeer")
    pressed = ["0123456789*#", *"0123456789*#" * 3, "1" * 128]
    for digits in pressed:
        outgoing.channelInviteDTMF(digits)
    incoming.channel_invite_dtmf("7")
    assert await ann.heard.next("onInviteMsg") == (outgoing, '{"msgtype":"dtmf","msgdata":"7"}')
    while len(bob.heard.all("onInviteMsg")) < len(pressed):
        await bob.heard.next("onInviteMsg")
    wanted = [(incoming, f'{{"msgtype":"dtmf","msgdata":"{digits}"}}') for digits in pressed]
    assert bob.heard.all("onInviteMsg") == wanted
    for wrong in ("", "a", "1" * 129, "1 2"):
        outgoing.channelInviteDTMF(wrong)
        assert (await ann.heard.next("onError"))[0] == 1004
    await bob.client.call(1).send_message('{"msgtype":"other"}')  # type: ignore[union-attr]
    assert await ann.heard.next("onInviteMsg") == (outgoing, '{"msgtype":"other"}')


@pytest.mark.row("C27")
async def test_no_digit_is_lost_over_a_loss_of_the_connection(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.open() as signal, world.over(lines) as far:
        ann, bob = await log_in(signal, "ann"), await log_in(far, "bob")
        outgoing, incoming = await ann.invite(bob)
        incoming.channelInviteAccept()
        await ann.heard.next("onInviteAcceptedByPeer")
        for number, digit in enumerate("0123456789*#"):
            outgoing.channelInviteDTMF(digit)
            await trio.sleep(3)
            if number % 5 == 1:
                lines.hush()
            if number % 5 == 3:
                await lines.drop()
        await trio.sleep(60)
        assert [str(extra)[-3] for _, extra in bob.heard.all("onInviteMsg")] == [*"0123456789*#"]
        assert not bob.heard.all("onInviteEndByPeer", "onInviteEndByMyself")


@pytest.mark.row("C25", "C26")
async def test_a_peer_that_logs_out_has_ended_it(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    outgoing, incoming = await ann.invite(bob)
    incoming.channelInviteAccept()
    await ann.heard.next("onInviteAcceptedByPeer")
    bob.session.logout()
    assert await ann.heard.next("onInviteEndByPeer") == (outgoing, "")
    assert await bob.heard.next("onInviteEndByMyself") == (incoming, "")
    assert await bob.heard.next("onLogout") == (101,)


@pytest.mark.row("C25")
async def test_a_peer_that_is_lost_has_ended_it_after_a_grace(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.open() as signal, world.over(lines) as far:
        ann, bob = await log_in(signal, "ann"), await log_in(far, "bob")
        outgoing, incoming = await ann.invite(bob)
        incoming.channelInviteAccept()
        await ann.heard.next("onInviteAcceptedByPeer")
        start = trio.current_time()
        lines.cut = True
        await lines.drop()
        assert await ann.heard.next("onInviteEndByPeer") == (outgoing, "")
        assert 30 <= trio.current_time() - start < 32
        await trio.sleep(300)
        assert len(bob.heard.all("onInviteEndByMyself", "onInviteEndByPeer", "onInviteFailed")) == 1


class _Quiet(LoginCallback):
    """Follows an incoming call with an object of its own, or does not."""

    def __init__(self, heard: CallCallback | None) -> None:
        self.heard = heard

    def onInviteReceived(self, session: LoginSession, call: Call) -> None:
        if self.heard is not None:
            session.setCallCallback(call, self.heard)
        call.channelInviteAccept()


@pytest.mark.row("C08", "C25", "C27")
@pytest.mark.parametrize("follows", [True, False])
async def test_who_is_told_of_an_incoming_call(signal: Signal, follows: bool) -> None:
    ann, heard = await log_in(signal, "ann"), Recorder()
    signal.login("bob", "_no_need_token", _Quiet(heard if follows else None))
    await wait_all_tasks_blocked()
    call = ann.session.channelInviteUser2("room", "bob", "", ann.heard)
    await ann.heard.next("onInviteAcceptedByPeer")
    call.channelInviteDTMF("5")
    call.channelInviteEnd()
    await ann.heard.next("onInviteEndByMyself")
    await wait_all_tasks_blocked()
    assert heard.names() == (["onInviteMsg", "onInviteEndByPeer"] if follows else [])
