"""``onError`` (C09): calls that are wrong in themselves, and failures that have no callback of their own."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from botkit.errors import RequestFailed
from botkit.signaling.vendor import Call, LoginSession, Signal, acts
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import Recorder, World, log_in

Action = Callable[[LoginSession, Recorder], object]

ACTIONS: dict[str, tuple[Action, str | None]] = {
    "messageInstantSend": (lambda session, cb: session.messageInstantSend("bob", "hello", cb), "onMessageSendError"),
    "channelInviteUser2": (lambda session, cb: session.channelInviteUser2("room", "bob", "", cb), "onInviteFailed"),
    "channelJoin": (lambda session, cb: session.channelJoin("room", cb), "onChannelJoinFailed"),
    "channelSetAttr": (lambda session, cb: session.channelJoin("room", cb).channelSetAttr("n", "v"), None),
    "userSetAttr": (lambda session, cb: session.userSetAttr("n", "v", cb), "onUserSetAttr"),
    "userGetAttr": (lambda session, cb: session.userGetAttr("bob", "n", cb), "onUserGetAttr"),
    "userGetAttrAll": (lambda session, cb: session.userGetAttrAll("bob", cb), "onUserGetAttrAll"),
    "channelQueryUserNum": (lambda session, cb: session.channelQueryUserNum("room", cb), "onChannelQueryUserNum"),
}


@pytest.mark.row("C09")
@pytest.mark.parametrize("action", ACTIONS)
async def test_1003_before_the_login_is_done(signal: Signal, autojump_clock: MockClock, action: str) -> None:
    heard = Recorder()
    session = signal.login("ann", "_no_need_token", heard)
    call, callback = ACTIONS[action]
    call(session, heard)
    code, reason = await heard.next("onError")
    assert (code, reason) == (1003, "not logged in")
    if callback is not None:
        assert len(heard.all(callback)) == 1
    await heard.next("onLoginSuccess")
    await trio.sleep(10)
    assert heard.names()[-1] == "onLoginSuccess"  # nothing of it is made up for


@pytest.mark.row("C09")
@pytest.mark.parametrize("action", ACTIONS)
async def test_1003_after_the_session_is_over(signal: Signal, autojump_clock: MockClock, action: str) -> None:
    ann = await log_in(signal, "ann")
    ann.session.logout()
    await ann.heard.next("onLogout")
    call, callback = ACTIONS[action]
    call(ann.session, ann.heard)
    assert (await ann.heard.next("onError"))[0] == 1003
    if callback is not None:
        assert len(ann.heard.all(callback)) == 1


@pytest.mark.row("C09", "C24")
async def test_1003_for_a_call_of_a_session_that_is_over(signal: Signal, autojump_clock: MockClock) -> None:
    ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
    _, incoming = await ann.invite(bob)
    bob.session.logout()
    await bob.heard.next("onLogout")
    assert isinstance(incoming, Call)
    incoming.channelInviteRefuse()  # over already: nothing to do
    incoming.channelInviteAccept()
    assert (await bob.heard.next("onError"))[0] in (700, 1003)


@pytest.mark.row("C09")
async def test_1002_no_answer(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal:
        ann = await log_in(signal, "ann")
        channel = await ann.join("room")
        lines.silent = True
        channel.channelSetAttr("n", "v")
        channel.channelDelAttr("n")
        channel.channelClearAttr()
        for _ in range(3):
            code, reason = await ann.heard.next("onError")
            assert code == 1002
            assert "may have been carried out" in str(reason)


@pytest.mark.row("C09")
async def test_600_a_leave_without_an_answer(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal:
        ann = await log_in(signal, "ann")
        channel = await ann.join("room")
        lines.silent = True
        channel.channelLeave()
        assert (await ann.heard.next("onError"))[0] == 600


@pytest.mark.row("C09")
async def test_every_reason_has_words(signal: Signal, autojump_clock: MockClock) -> None:
    ann = await log_in(signal, "ann")
    channel = await ann.join("room")
    channel.channelSetAttr("_channel_ttl", "soon")
    channel.channelSetAttr("n" * 129, "v")
    channel.channelLeave()
    channel.channelSetAttr("n", "v")
    reasons = [str((await ann.heard.next("onError"))[1]) for _ in range(3)]
    for words in ("whole number", "129 bytes", "left 'room'"):
        assert len([reason for reason in reasons if words in reason]) == 1


@pytest.mark.row("C09")
async def test_too_many_calls_under_way(
    signal: Signal, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "MAX_ACTS", 50)
    ann = await log_in(signal, "ann")
    for _ in range(50):
        ann.session.messageInstantSend("bob", "hello", ann.heard)
    with pytest.raises(RequestFailed, match="50 calls of this session are under way"):
        ann.session.messageInstantSend("bob", "hello", ann.heard)
    await trio.sleep(1)
    assert len(ann.heard.all("onMessageSendSuccess")) == 50
    ann.session.messageInstantSend("bob", "again", ann.heard)
    await ann.heard.next("onMessageSendSuccess")
