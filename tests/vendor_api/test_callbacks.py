"""Callbacks may take their time, wait, or fail, and the session goes on (P05, P03)."""

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.signaling import SignalSettings
from botkit.signaling.vendor import LoginCallback, LoginSession, Signal
from tests.vendor_api.people import Recorder, World, log_in


class _Slow(Recorder):
    """Sleeps in every callback about a message, a minute unless told otherwise."""

    seconds = 60

    async def onMessageInstantReceive(self, session: LoginSession, account: str, uid: int, msg: str) -> None:
        self.note("begin", (msg,))
        await trio.sleep(self.seconds)
        self.note("end", (msg,))


@pytest.mark.row("P05")
async def test_a_slow_callback_costs_nothing_but_its_own_time(
    world: World, signal: Signal, autojump_clock: MockClock
) -> None:
    slow, bob = _Slow(), await log_in(signal, "bob")
    ann = signal.login("ann", "_no_need_token", slow)
    await slow.next("onLoginSuccess")
    start = trio.current_time()
    for text in ("one", "two", "three"):
        bob.session.messageInstantSend("ann", text, bob.heard)
    await slow.next("begin")
    ann.messageInstantSend("bob", "meanwhile", slow)
    assert (await bob.heard.next("onMessageInstantReceive"))[2] == "meanwhile"
    assert trio.current_time() == start
    await slow.next("onMessageSendSuccess")
    assert trio.current_time() - start == 180  # behind the three others
    assert slow.all("begin", "end") == [(text,) for text in ("one", "one", "two", "two", "three", "three")]
    assert slow.names()[1] == "begin"
    assert not slow.all("onLogout", "onReconnecting")
    assert world.gateway.sessions == 2


class _Failing(LoginCallback):
    """Fails, once at once and once later."""

    async def onLoginSuccess(self, session: LoginSession, uid: int) -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError("not my day")

    def onMessageInstantReceive(self, session: LoginSession, account: str, uid: int, msg: str) -> None:
        raise KeyError(msg)


@pytest.mark.row("P05")
async def test_a_callback_that_raises_is_logged_and_counted(signal: Signal, autojump_clock: MockClock) -> None:
    bob = await log_in(signal, "bob")
    with capture_logs() as logs:
        session = signal.login("ann", "_no_need_token", _Failing())
        await wait_all_tasks_blocked()
        bob.session.messageInstantSend("ann", "hello", bob.heard)
        await bob.heard.next("onMessageSendSuccess")
        await trio.sleep(60)
    assert session.callback_errors == 2
    failures = [entry for entry in logs if entry["event"] == "a callback failed"]
    assert [type(entry["exc_info"]) for entry in failures] == [ValueError, KeyError]
    assert {entry["account"] for entry in failures} == {"ann"}
    session.messageInstantSend("bob", "still here", bob.heard)
    assert (await bob.heard.next("onMessageInstantReceive"))[2] == "still here"


@pytest.mark.row("P05", "C09")
async def test_what_a_callback_is_too_slow_for_is_counted(world: World, autojump_clock: MockClock) -> None:
    slow = _Slow()
    slow.seconds = 5
    async with world.open(settings=SignalSettings(event_buffer=10)) as signal:
        bob = await log_in(signal, "bob")
        signal.login("ann", "_no_need_token", slow)
        await slow.next("onLoginSuccess")
        for number in range(400):
            bob.session.messageInstantSend("ann", str(number), bob.heard)
            if number % 50 == 49:
                await trio.sleep(1)
        assert len(bob.heard.all("onMessageSendSuccess")) == 400
        code, reason = await slow.next("onError", patience=10_000)
    assert code == 1000
    assert len(slow.all("onError")) == 1
    heard = [str(text) for (text,) in slow.all("end")]
    assert heard == [str(number) for number in range(len(heard))]
    assert f"({400 - len(heard)})" in str(reason)


@pytest.mark.row("P03", "C12", "C14")
async def test_one_channel_by_session(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    await bob.join("a")
    first = await ann.join("a")
    await bob.heard.next("onChannelUserJoined")
    second = await ann.join("b")
    assert (await bob.heard.next("onChannelUserLeaved"))[1:] == ("ann", ann.uid)
    told = [told for told in ann.heard.told if told.name in ("onChannelJoined", "onChannelLeaved")]
    assert [(name, arguments[0]) for name, arguments in told] == [
        ("onChannelJoined", first),
        ("onChannelLeaved", first),
        ("onChannelJoined", second),
    ]
    assert told[1].arguments == (first, 602)


class _Channels(LoginCallback):
    def __init__(self) -> None:
        self.mirrored: list[str] = []

    def onChannelJoined(self, *_: object) -> None:
        self.mirrored.append("joined")

    def onChannelJoinFailed(self, *_: object) -> None:
        self.mirrored.append("failed")

    def onChannelLeaved(self, *_: object) -> None:
        self.mirrored.append("left")


@pytest.mark.row("C10", "C11", "C12", "0.11")
async def test_joining_and_leaving_is_mirrored_to_the_session(wired_signal: Signal) -> None:
    login, heard = _Channels(), Recorder()
    session = wired_signal.login("ann", "_no_need_token", login)
    await log_in(wired_signal, "bob")
    session.channelJoin("c" * 129, heard)
    await heard.next("onChannelJoinFailed")
    session.channelJoin("room", heard).channelLeave()
    await heard.next("onChannelLeaved")
    await log_in(wired_signal, "carol")
    assert login.mirrored == ["failed", "joined", "left"]
    own = [name for name in heard.names() if name in ("onChannelJoined", "onChannelJoinFailed", "onChannelLeaved")]
    assert own == ["onChannelJoinFailed", "onChannelJoined", "onChannelLeaved"]
