"""Logging out, and every other end of a session (M09, C05)."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.gateway.settings import AppCredentials
from botkit.signaling import SignalSettings
from botkit.signaling.vendor import Signal
from botkit.wire.tokens import make_token
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import TEST_APP, World, log_in, open_world


@pytest.mark.row("M09", "C05", "C12", "C14")
async def test_logging_out_leaves_the_channel(wired: World, wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    channel = await ann.join("room")
    await bob.join("room")
    ann.session.logout()
    assert await ann.heard.next("onChannelLeaved") == (channel, 603)
    assert await ann.heard.next("onLogout") == (101,)
    assert (await bob.heard.next("onChannelUserLeaved"))[1:] == ("ann", ann.uid)
    assert wired.gateway.sessions == 1
    assert wired_signal.getStatus() == 2  # of the one that came last


@pytest.mark.row("M09", "C05")
async def test_logging_out_twice(wired_signal: Signal) -> None:
    ann = await log_in(wired_signal, "ann")
    ann.session.logout()
    ann.session.logout()
    assert await ann.heard.next("onLogout") == (101,)
    assert await ann.heard.next("onLogout") == (108,)
    ann.session.logout()
    assert await ann.heard.next("onLogout") == (108,)
    assert ann.heard.names() == ["onLoginSuccess", "onLogout", "onLogout", "onLogout"]


@pytest.mark.row("M09")
async def test_what_was_asked_before_is_done_before(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    for number in range(50):
        ann.session.messageInstantSend("bob", str(number), ann.heard)
    ann.session.logout()
    await ann.heard.next("onLogout")
    assert len(ann.heard.all("onMessageSendSuccess")) == 50
    for number in range(50):
        assert (await bob.heard.next("onMessageInstantReceive"))[2] == str(number)


@pytest.mark.row("C05", "C06")
async def test_100_another_reason(autojump_clock: MockClock) -> None:
    """The session is gone with its gateway, and the token is not taken any more."""
    old, new = "0123456789abcdef", "fedcba9876543210"
    async with (
        open_world(apps=(AppCredentials(id=TEST_APP, certificate=old),)) as before,
        open_world(apps=(AppCredentials(id=TEST_APP, certificate=new),)) as after,
    ):
        lines = Lines(before.gateway.connector)
        async with before.over(lines) as signal:
            token = make_token(TEST_APP, old, "ann", int(before.gateway.clock.seconds()) + 6000)
            ann = await log_in(signal, "ann", token)
            lines.gateway = after.gateway.connector
            await lines.drop()
            assert await ann.heard.next("onLogout") == (100,)
            assert signal.getStatus() == 0


@pytest.mark.row("C05", "C12")
async def test_102_the_connection_is_lost_for_good(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines, settings=SignalSettings(reconnect_attempts=3)) as signal:
        ann = await log_in(signal, "ann")
        channel = await ann.join("room")
        lines.cut = True
        await lines.drop()
        assert await ann.heard.next("onChannelLeaved") == (channel, 604)
        assert await ann.heard.next("onLogout") == (102,)
        assert ann.heard.all("onReconnecting") == [(1,), (2,), (3,)]
        await trio.sleep(300)
        assert ann.heard.names()[-2:] == ["onChannelLeaved", "onLogout"]


@pytest.mark.row("C05")
async def test_100_the_gateway_ends_the_session(world: World, signal: Signal, autojump_clock: MockClock) -> None:
    ann, moderator = await log_in(signal, "ann"), await log_in(signal, "server-1")
    await moderator.client.ban("ann", seconds=60)
    assert await ann.heard.next("onLogout") == (100,)
    await trio.sleep(300)
    assert ann.heard.names() == ["onLoginSuccess", "onLogout"]


@pytest.mark.row("C05")
async def test_100_banned_while_it_was_away(world: World, signal: Signal, autojump_clock: MockClock) -> None:
    moderator = await log_in(signal, "server-1")
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as far:
        ann = await log_in(far, "ann")
        lines.cut = True
        await lines.drop()
        await moderator.client.ban("ann")
        lines.cut = False
        assert await ann.heard.next("onLogout") == (100,)
        opened = lines.opened
        await trio.sleep(600)
        assert lines.opened == opened, "it does not try for ever"
        assert ann.heard.names()[-1] == "onLogout"


@pytest.mark.row("C05")
async def test_108_after_any_end(world: World, signal: Signal, autojump_clock: MockClock) -> None:
    ann = await log_in(signal, "ann")
    async with world.open() as elsewhere:
        await log_in(elsewhere, "ann")
        assert await ann.heard.next("onLogout") == (103,)
    ann.session.logout()
    assert await ann.heard.next("onLogout") == (108,)
    await wait_all_tasks_blocked()
    assert ann.heard.all("onLogout", "onError") == [(103,), (108,)]
