"""``Signal``: made without a network, worlds apart by app, traced on demand, with a status (M01, M02, M08, P02)."""

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ConfigError
from botkit.gateway.settings import AppCredentials
from botkit.signaling.vendor import LoginCallback, Signal, open_signal
from botkit.wire.tokens import make_token
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import TEST_APP, Recorder, World, failed_login, log_in, open_world


@pytest.mark.row("M01")
async def test_a_signal_needs_no_network(world: World) -> None:
    lines = Lines(world.gateway.connector)
    lines.cut = True
    Signal("any app")
    async with world.over(lines) as signal:
        await wait_all_tasks_blocked()
        assert signal.getStatus() == 4
    assert lines.opened == 0


@pytest.mark.row("M01")
async def test_apps_are_worlds_apart() -> None:
    apps = (AppCredentials(id="one"), AppCredentials(id="two"))
    async with open_world("loopback", apps=apps) as world, world.open(app="one") as one, world.open(app="two") as two:
        first, second, friend = await log_in(one, "ann"), await log_in(two, "ann"), await log_in(one, "bob")
        for person in (first, second):
            await person.join("room")
        friend.session.messageInstantSend("ann", "hello", friend.heard)
        assert (await first.heard.next("onMessageInstantReceive"))[0] == "bob"
        assert not second.heard.all("onMessageInstantReceive", "onLogout", "onChannelUserJoined")


async def test_a_signal_that_is_not_open_says_what_to_do() -> None:
    signal = Signal("app")
    for call in (lambda: signal.login("ann", "", LoginCallback()), lambda: signal.userGetAttrAll("ann", Recorder())):
        with pytest.raises(RuntimeError, match="open_signal"):
            call()
    with pytest.raises(ConfigError):
        async with open_signal("app", "nonsense"):
            pytest.fail("there is no such gateway")


@pytest.mark.row("M02")
@pytest.mark.parametrize("alias", ["setDoLog", "set_do_log"])
async def test_frames_are_logged_on_demand(alias: str) -> None:
    apps = (AppCredentials(id=TEST_APP, certificate="0123456789abcdef"),)
    async with open_world(apps=apps) as world, world.open() as signal:
        token = make_token(TEST_APP, "0123456789abcdef", "ann", int(world.gateway.clock.seconds()) + 60)
        with capture_logs() as logs:
            ann = await log_in(signal, "ann", token)
            assert logs == []
            getattr(signal, alias)(True)
            ann.session.messageInstantSend("ann", "to myself", ann.heard)
            await ann.heard.next("onMessageInstantReceive")
            ann.session.logout()
            await ann.heard.next("onLogout")
            ann = await log_in(signal, "ann", token)
            texts = [str(entry["frame"]) for entry in logs if entry["log_level"] == "debug"]
            getattr(signal, alias)(False)
            logs.clear()
            await ann.join("room")
            assert logs == []
    assert any("to myself" in text for text in texts)
    assert any('"login"' in text for text in texts)
    assert not any(token in text or token.rpartition(":")[2] in text for text in texts)


@pytest.mark.row("M08", "0.6")
async def test_the_status_of_a_login_that_succeeds(wired_signal: Signal) -> None:
    walk = [wired_signal.getStatus()]
    heard = Recorder()
    session = wired_signal.login("ann", "_no_need_token", heard)
    walk.append(wired_signal.getStatus())
    await heard.next("onLoginSuccess")
    walk.append(wired_signal.get_status())
    session.logout()
    await heard.next("onLogout")
    walk.append(wired_signal.getStatus())
    assert walk == [4, 1, 2, 0]


@pytest.mark.row("M08", "0.6")
async def test_the_status_of_a_login_that_fails(wired_signal: Signal) -> None:
    walk = [wired_signal.getStatus()]
    heard = Recorder()
    wired_signal.login("a b", "_no_need_token", heard)
    walk.append(wired_signal.getStatus())
    await heard.next("onLoginFailed")
    walk.append(wired_signal.getStatus())
    assert walk == [4, 1, 3]


@pytest.mark.row("M08", "0.6")
async def test_the_status_while_the_connection_is_lost(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal:
        ann = await log_in(signal, "ann")
        lines.cut = True
        await lines.drop()
        await ann.heard.next("onReconnecting")
        assert signal.getStatus() == 1
        lines.cut = False
        await ann.heard.next("onReconnected")
        assert signal.getStatus() == 2


@pytest.mark.row("P02")
async def test_two_signals_with_fifty_sessions_each(wired: World) -> None:
    async with wired.open() as odd, wired.open() as even:
        people = [await log_in((even, odd)[number % 2], f"user-{number}") for number in range(100)]
        for number, person in enumerate(people):
            person.session.messageInstantSend(f"user-{(number + 1) % 100}", f"from {number}", person.heard)
        for number, person in enumerate(people):
            before = (number - 1) % 100
            told = await person.heard.next("onMessageInstantReceive")
            assert told == (f"user-{before}", people[before].uid, f"from {before}")
        for person in people:
            assert len(person.heard.all("onMessageInstantReceive")) == 1
            assert person.heard.sessions == {person.session}


@pytest.mark.row("P02")
async def test_leaving_the_body_logs_everybody_out(wired: World) -> None:
    async with wired.open() as signal:
        people = [await log_in(signal, f"user-{number}") for number in range(5)]
    assert [person.heard.all("onLogout") for person in people] == [[(101,)]] * 5
    assert wired.gateway.sessions == 0


@pytest.mark.row("W05")
async def test_login2_tries_until_the_first_limit(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    lines.cut = True
    async with world.over(lines) as signal:
        heard = Recorder()
        signal.login2("ann", "_no_need_token", 30, 2, heard)
        assert await heard.next("onLoginFailed") == (201,)
        start = trio.current_time()
        signal.login2("ann", "_no_need_token", 3, 1000, heard)
        assert await heard.next("onLoginFailed") == (201,)
        assert trio.current_time() - start <= 3
        signal.login2("ann", "_no_need_token", 30, 1000, heard)
        await trio.sleep(2)
        lines.cut = False
        await heard.next("onLoginSuccess")
        assert await failed_login(signal, "b b") == 209
