"""Inviting (M12, C08, C21, C24): what reaches the peer, and every way to fail."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.signaling import SignalSettings
from botkit.signaling.vendor import Call, Signal
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import World, log_in

BIG = '"' + "x" * 8190 + '"'
BIG_CJK = '"' + "\u96ea" * 2730 + '"'


@pytest.mark.row("M12", "M12d", "C08", "C21")
@pytest.mark.parametrize(
    ("channel", "extra"),
    [
        ("room", ""),
        ("c" * 128, '{"destMediaUid": 123, "srcNum": "+123456789", "own": [1, {"deep": null}]}'),
        ("\u96ea" * 42 + "ab", BIG),
        ("with blanks", BIG_CJK),
        ("room", '{"_require_peer_online":1,"_timeout":30,  "spaced" : 1.0}'),
    ],
    ids=["plain", "media", "big", "cjk", "options"],
)
async def test_an_invitation_arrives_as_it_was(wired_signal: Signal, channel: str, extra: str) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    outgoing = ann.session.channelInviteUser2(channel, "bob", extra, ann.heard)
    (incoming,) = await bob.heard.next("onInviteReceived")
    assert isinstance(incoming, Call)
    assert (incoming.channel, incoming.peer, incoming.extra) == (channel, "ann", extra)
    assert (outgoing.channel, outgoing.peer, outgoing.extra) == (channel, "bob", extra)
    assert await ann.heard.next("onInviteReceivedByPeer") == (outgoing,)  # its client says so by itself
    assert bob.heard.names() == ["onLoginSuccess", "onInviteReceived"]
    assert ann.heard.names() == ["onLoginSuccess", "onInviteReceivedByPeer"]
    ann.session.channelQueryUserNum(channel, ann.heard)
    assert await ann.heard.next("onChannelQueryUserNum") == ("", 0)  # nobody has joined by that


@pytest.mark.row("M12", "M12c", "C09", "C24", "0.7")
@pytest.mark.parametrize(
    ("channel", "peer", "extra", "code"),
    [
        ("c" * 129, "bob", "", 1005),
        ("\u96ea" * 42 + "abc", "bob", "", 1005),
        ("", "bob", "", 1004),
        ("room", "b" * 129, "", 1005),
        ("room", "b b", "", 1004),
        ("room", "bob", "no JSON", 1004),
        ("room", "bob", '{"unfinished": ', 1004),
        ("room", "bob", BIG[:-1] + 'y"', 1005),
        ("room", "bob", BIG_CJK[:-1] + 'y"', 1005),
        ("room", "bob", '{"_timeout":31}', 1004),
        ("room", "bob", '{"_timeout":-1}', 1004),
        ("room", "bob", '{"_timeout":"30"}', 1004),
        ("room", "bob", '{"_require_peer_online":2}', 1004),
    ],
)
async def test_an_invitation_that_is_wrong_in_itself(
    signal: Signal, channel: str, peer: str, extra: str, code: int
) -> None:
    ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
    call = ann.session.channelInviteUser2(channel, peer, extra, ann.heard)
    assert await ann.heard.next("onInviteFailed") == (call, 700)
    assert (await ann.heard.next("onError"))[0] == code
    await wait_all_tasks_blocked()
    assert not bob.heard.all("onInviteReceived")


@pytest.mark.row("M12", "C24")
async def test_701_one_open_call_by_peer_and_channel(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    first, incoming = await ann.invite(bob)
    second = ann.session.channelInviteUser2("room", "bob", "", ann.heard)
    assert await ann.heard.next("onInviteFailed") == (second, 701)
    other, _ = await ann.invite(bob, "another room")
    incoming.channelInviteRefuse()
    assert await ann.heard.next("onInviteRefusedByPeer") == (first, "")
    third, _ = await ann.invite(bob)
    assert len({first, second, other, third}) == 4
    assert ann.heard.all("onInviteFailed") == [(second, 701)]


@pytest.mark.row("M12", "C24")
async def test_701_two_at_once(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    calls = [ann.session.channelInviteUser2("room", "bob", "", ann.heard) for _ in range(3)]
    await ann.heard.next("onInviteReceivedByPeer")
    assert ann.heard.all("onInviteReceivedByPeer") == [(calls[0],)]
    assert ann.heard.all("onInviteFailed") == [(calls[1], 701), (calls[2], 701)]
    calls[0].channelInviteEnd()
    await bob.heard.next("onInviteEndByPeer")


@pytest.mark.row("C24")
async def test_700_nobody_calls_themselves(wired_signal: Signal) -> None:
    ann = await log_in(wired_signal, "ann")
    call = ann.session.channelInviteUser2("room", "ann", "", ann.heard)
    assert await ann.heard.next("onInviteFailed") == (call, 700)
    assert ann.heard.names() == ["onLoginSuccess", "onInviteFailed"]


@pytest.mark.row("C24")
async def test_702_no_answer(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.open() as signal, world.over(lines) as far:
        ann, bob = await log_in(far, "ann"), await log_in(signal, "bob")
        lines.hush()
        call = ann.session.channelInviteUser2("room", "bob", "", ann.heard)
        assert await ann.heard.next("onInviteFailed") == (call, 702)
        await bob.heard.next("onInviteEndByPeer")  # it was withdrawn
        await trio.sleep(300)
        assert ann.heard.all("onInviteFailed", "onInviteEndByMyself") == [(call, 702)]


@pytest.mark.row("C24")
async def test_702_the_connection_is_lost(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.open() as signal, world.over(lines) as far:
        ann, bob = await log_in(far, "ann"), await log_in(signal, "bob")
        call, _ = await ann.invite(bob)
        lines.cut = True
        await lines.drop()
        assert await ann.heard.next("onInviteFailed") == (call, 702)
        await trio.sleep(300)
        assert len(ann.heard.all("onInviteFailed", "onInviteEndByPeer", "onInviteEndByMyself")) == 1


@pytest.mark.row("C24")
async def test_702_once_when_the_invitation_and_the_session_are_lost_together(
    world: World, autojump_clock: MockClock
) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines, settings=SignalSettings(reconnect_attempts=0)) as far:
        ann = await log_in(far, "ann")
        lines.hush()
        call = ann.session.channelInviteUser2("room", "bob", "", ann.heard)
        await trio.sleep(1)
        await lines.drop()
        assert await ann.heard.next("onInviteFailed") == (call, 702)
        assert await ann.heard.next("onLogout") == (102,)
        await trio.sleep(60)
        assert len(ann.heard.all("onInviteFailed")) == 1


@pytest.mark.row("M12a", "C24", "0.9")
async def test_703_at_once_for_a_peer_that_must_be_online(world: World, autojump_clock: MockClock) -> None:
    async with world.open() as signal:
        ann = await log_in(signal, "ann")
        start = trio.current_time()
        call = ann.session.channelInviteUser2("room", "bob", '{"_require_peer_online":1}', ann.heard)
        assert await ann.heard.next("onInviteFailed") == (call, 703)
        assert call.extra == '{"_require_peer_online":1}'
        assert trio.current_time() - start < 1


@pytest.mark.row("M12b", "C24")
@pytest.mark.parametrize("extra", ["", '{"_require_peer_online":0}', '{"own":1}', "[]"])
async def test_703_after_20_s_otherwise(signal: Signal, autojump_clock: MockClock, extra: str) -> None:
    ann = await log_in(signal, "ann")
    start = trio.current_time()
    call = ann.session.channelInviteUser2("room", "bob", extra, ann.heard)
    assert await ann.heard.next("onInviteFailed") == (call, 703)
    assert 20 <= trio.current_time() - start < 21
    bob = await log_in(signal, "bob")
    await trio.sleep(60)
    assert not bob.heard.all("onInviteReceived")


@pytest.mark.row("M12b")
async def test_a_peer_that_comes_at_19_s_gets_it(signal: Signal, autojump_clock: MockClock) -> None:
    ann = await log_in(signal, "ann")
    call = ann.session.channelInviteUser2("room", "bob", "", ann.heard)
    await trio.sleep(19)
    bob = await log_in(signal, "bob")
    (incoming,) = await bob.heard.next("onInviteReceived")
    assert isinstance(incoming, Call)
    await trio.sleep(10)
    incoming.channelInviteAccept()
    assert await ann.heard.next("onInviteAcceptedByPeer") == (call, "")
    assert not ann.heard.all("onInviteFailed")


@pytest.mark.row("M12c", "C24", "0.7")
@pytest.mark.parametrize("seconds", [1, 5, 30])
async def test_704_after_the_timeout(signal: Signal, autojump_clock: MockClock, seconds: int) -> None:
    ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
    start = trio.current_time()
    call = ann.session.channelInviteUser2("room", "bob", f'{{"_timeout":{seconds}}}', ann.heard)
    (incoming,) = await bob.heard.next("onInviteReceived")
    assert await ann.heard.next("onInviteFailed") == (call, 704)
    assert seconds <= trio.current_time() - start < seconds + 1
    assert await bob.heard.next("onInviteEndByPeer") == (incoming, "")
    assert isinstance(incoming, Call)
    incoming.channelInviteAccept()
    assert (await bob.heard.next("onError"))[0] == 700
    await trio.sleep(60)
    assert ann.heard.names() == ["onLoginSuccess", "onInviteReceivedByPeer", "onInviteFailed"]


@pytest.mark.row("M12c")
@pytest.mark.parametrize("seconds", [1, 15])
async def test_who_comes_after_the_timeout_never_gets_it(
    signal: Signal, autojump_clock: MockClock, seconds: int
) -> None:
    ann = await log_in(signal, "ann")
    call = ann.session.channelInviteUser2("room", "bob", f'{{"_timeout":{seconds}}}', ann.heard)
    assert await ann.heard.next("onInviteFailed") == (call, 704)
    bob = await log_in(signal, "bob")
    await trio.sleep(60)
    assert bob.heard.names() == ["onLoginSuccess"]


@pytest.mark.row("M12c", "0.7")
async def test_a_timeout_of_0_is_no_waiting_at_all(signal: Signal, autojump_clock: MockClock) -> None:
    ann, bob = await log_in(signal, "ann"), await log_in(signal, "bob")
    start = trio.current_time()
    call = ann.session.channelInviteUser2("room", "carol", '{"_timeout":0}', ann.heard)
    assert await ann.heard.next("onInviteFailed") == (call, 703)
    assert trio.current_time() == start
    await ann.invite(bob, extra='{"_timeout":0}')
