"""Logging in (M03, C04): who may be an account, twice, elsewhere, again at once."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ParameterError
from botkit.gateway.settings import AppCredentials
from botkit.signaling.vendor import LoginSession, Signal
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import TEST_APP, Recorder, World, failed_login, log_in, open_world


@pytest.mark.row("M03", "C04")
@pytest.mark.parametrize("account", ["a", "x" * 128, "\u96ea" * 42 + "ab", "\U0001f600" * 32, "a,b;c:\"'\\"])
async def test_accounts_that_may_log_in(wired_signal: Signal, account: str) -> None:
    heard = Recorder()
    session = wired_signal.login(account, "_no_need_token", heard)
    assert heard.told == []
    (uid,) = await heard.next("onLoginSuccess")
    assert isinstance(uid, int)
    assert uid > 0
    assert session.account == account
    assert heard.names() == ["onLoginSuccess"]
    assert heard.sessions == {session}


@pytest.mark.row("M03", "C06")
@pytest.mark.parametrize(
    "account", ["", "x" * 129, "\u96ea" * 42 + "abc", "\U0001f600" * 32 + "x", "a b", " ", "a\u3000b", "a\nb", "\ud800"]
)
async def test_what_can_be_no_account(world: World, signal: Signal, account: str) -> None:
    assert await failed_login(signal, account) == 209
    assert world.gateway.sessions == 0


@pytest.mark.row("C04")
async def test_the_uid_is_the_one_that_others_see(wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    assert ann.uid != bob.uid
    await bob.join("room")
    await ann.join("room")
    assert (await bob.heard.next("onChannelUserJoined"))[1:] == ("ann", ann.uid)
    ann.session.messageInstantSend("bob", "hello", ann.heard)
    assert (await bob.heard.next("onMessageInstantReceive"))[:2] == ("ann", ann.uid)
    ann.session.logout()
    await ann.heard.next("onLogout")
    again = await log_in(wired_signal, "ann")
    assert again.uid == ann.uid
    assert again.heard.names() == ["onLoginSuccess"]


@pytest.mark.row("M03a", "C06")
async def test_a_login_while_logged_in_is_ignored(wired: World) -> None:
    lines = Lines(wired.gateway.connector)
    async with wired.over(lines) as signal:
        ann = await log_in(signal, "ann")
        again = Recorder()
        assert signal.login("ann", "_no_need_token", again) is ann.session
        assert await again.next("onLoginFailed") == (208,)
        assert again.names() == ["onLoginFailed"]
        assert ann.heard.names() == ["onLoginSuccess"]
        assert lines.opened == 1
        assert signal.getStatus() == 2
        bob = await log_in(signal, "bob")
        bob.session.messageInstantSend("ann", "still there?", bob.heard)
        await ann.heard.next("onMessageInstantReceive")


@pytest.mark.row("M03a")
async def test_a_login_while_logging_in_is_ignored(wired: World) -> None:
    lines = Lines(wired.gateway.connector)
    async with wired.over(lines) as signal:
        heard, again = Recorder(), Recorder()
        session = signal.login("ann", "_no_need_token", heard)
        assert signal.login("ann", "_no_need_token", again) is session
        await heard.next("onLoginSuccess")
        assert again.names() == ["onLoginFailed"]
        assert lines.opened == 1


@pytest.mark.row("M03b", "C05")
async def test_logout_and_login_without_waiting(wired: World, wired_signal: Signal) -> None:
    ann, bob = await log_in(wired_signal, "ann"), await log_in(wired_signal, "bob")
    for _ in range(5):
        before = ann
        ann.session.logout()
        ann = await log_in(wired_signal, "ann")
        assert ann.session is not before.session
        assert before.heard.all("onLogout", "onLoginFailed") == [(101,)]
        assert ann.heard.names() == ["onLoginSuccess"]
    bob.session.messageInstantSend("ann", "hello", bob.heard)
    await ann.heard.next("onMessageInstantReceive")
    assert wired.gateway.sessions == 2


@pytest.mark.row("M03c", "C05")
async def test_a_login_elsewhere_ends_the_first_session(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as here, world.open() as elsewhere:
        first = await log_in(here, "ann")
        await first.join("room")
        second = await log_in(elsewhere, "ann")
        assert await first.heard.next("onLogout") == (103,)
        await trio.sleep(300)
        assert lines.opened == 1
        assert first.heard.names()[-2:] == ["onChannelLeaved", "onLogout"]
        assert second.heard.names() == ["onLoginSuccess"]
        assert world.gateway.sessions == 1
        assert (here.getStatus(), elsewhere.getStatus()) == (0, 2)


@pytest.mark.row("M03c")
async def test_a_login_elsewhere_over_sockets(wired: World) -> None:
    async with wired.open() as here, wired.open() as elsewhere:
        first = await log_in(here, "ann")
        await log_in(elsewhere, "ann")
        assert await first.heard.next("onLogout") == (103,)


@pytest.mark.row("M03", "C06")
async def test_exactly_one_outcome_of_many_logins_at_once(wired_signal: Signal) -> None:
    heard = [Recorder() for _ in range(40)]
    for number, each in enumerate(heard):
        wired_signal.login(f"user-{number}" if number % 4 else f"user {number}", "_no_need_token", each)
    for number, each in enumerate(heard):
        await each.next("onLoginSuccess" if number % 4 else "onLoginFailed")
    await wait_all_tasks_blocked()
    assert [len(each.told) for each in heard] == [1] * 40


class _Again(Recorder):
    """Logs in again, twice, as soon as it hears that it is out."""

    def __init__(self, signal: Signal) -> None:
        super().__init__()
        self._signal = signal

    def onLogout(self, session: LoginSession, ecode: int) -> None:
        self.note("onLogout", (ecode,))
        if len(self.all("onLogout")) < 3:
            self.session = self._signal.login(session.account, "_no_need_token", self)


@pytest.mark.row("M03a", "M03b", "C05")
async def test_logging_in_again_from_the_callback(world: World, autojump_clock: MockClock) -> None:
    async with world.open() as signal, world.open() as elsewhere:
        again = _Again(signal)
        signal.login("ann", "_no_need_token", again)
        await again.next("onLoginSuccess")
        thief = await log_in(elsewhere, "ann")
        assert await again.next("onLogout") == (103,)
        await again.next("onLoginSuccess")
        assert await thief.heard.next("onLogout") == (103,)
        again.session.logout()
        assert await again.next("onLogout") == (101,)
        await again.next("onLoginSuccess")
        await trio.sleep(60)
        assert again.names() == ["onLoginSuccess", "onLogout"] * 2 + ["onLoginSuccess"]
        assert len(again.sessions) == 3
        assert world.gateway.sessions == 1


@pytest.mark.row("M03", "M03d")
@pytest.mark.parametrize("token", ["\ud800", "x" * 100_000, "a\0b"])
async def test_what_can_be_no_token(token: str) -> None:
    apps = (AppCredentials(id=TEST_APP, certificate="0123456789abcdef"),)
    async with open_world(apps=apps) as world, world.open() as signal:
        assert await failed_login(signal, "ann", token) in (201, 206)


@pytest.mark.row("W05")
async def test_limits_of_login2_that_cannot_be(signal: Signal) -> None:
    for seconds, count in ((0, 3), (-1, 3), (30, -1)):
        with pytest.raises(ParameterError):
            signal.login2("ann", "_no_need_token", seconds, count, Recorder())
    await log_in(signal, "ann")
