"""Every code of ``onLoginFailed``, and tokens (C06, M03d)."""

import pytest
import trio
from trio.testing import MockClock

from botkit.gateway.settings import AppCredentials
from botkit.signaling.vendor import LoginSession, Signal
from botkit.wire.tokens import make_token
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import TEST_APP, Recorder, World, failed_login, log_in, open_world

CERTIFICATE = "5CFd2fd1755d40ecb72977518be15d3b"
GUARDED = (AppCredentials(id=TEST_APP, certificate=CERTIFICATE),)

# account, app id, certificate, expiry, MD5: the vendor's unit test, and its two documents that agree with it
VECTORS = [
    (
        "2882341273",
        "970CA35de60c44645bbae8a215061b33",
        "5CFd2fd1755d40ecb72977518be15d3b",
        1514219634,
        "82539e1f3973bcfe3f0d0c8993e6c051",
    ),
    (
        "test@agora.io",
        "C5D15F8FD394285DA5227B533302A518",
        "fe1a0437bf217bdd34cd65053fb0fe1d",
        1546271999,
        "2d572d6e3a75ebde5a06626f40fe9684",
    ),
    (
        "TestAccount",
        "970ca35de60c44645bbae8a215061b33",
        "5cfd2fd1755d40ecb72977518be15d3b",
        1446455471,
        "4815d52c4fd440bac35b981c12798774",
    ),
]


@pytest.mark.row("M03d")
@pytest.mark.parametrize(("account", "app", "certificate", "expires", "digest"), VECTORS)
async def test_known_tokens(account: str, app: str, certificate: str, expires: int, digest: str) -> None:
    assert make_token(app, certificate, account, expires) == f"1:{app}:{expires}:{digest}"
    apps = (AppCredentials(id=app, certificate=certificate),)
    async with open_world(apps=apps) as world, world.open(app=app) as signal:
        # Known, but long ago; had the digest been another, it would be wrong.
        assert await failed_login(signal, account, f"1:{app}:{expires}:{digest}") == 204
        assert await failed_login(signal, account, f"1:{app}:{expires}:{digest[::-1]}") == 206
        assert await failed_login(signal, account, f"1:{app}:{expires + 1}:{digest}") == 206
        assert await failed_login(signal, account.swapcase() + "x", f"1:{app}:{expires}:{digest}") == 206


@pytest.mark.row("M03d", "C06")
@pytest.mark.parametrize("kind", ["memory", "loopback"])
async def test_tokens_that_are_taken_and_refused(kind: str) -> None:
    async with open_world(kind, apps=GUARDED) as world, world.open() as signal:
        now = int(world.gateway.clock.seconds())
        good = make_token(TEST_APP, CERTIFICATE, "ann", now + 60)
        await log_in(signal, "ann", good)
        for wrong in ("", "_no_need_token", "1:", good[:-1], good + "0", good.upper(), good.replace("1:", "2:", 1)):
            assert await failed_login(signal, "bob", wrong) == 206
        assert await failed_login(signal, "bob", good) == 206  # somebody else's
        assert await failed_login(signal, "bob", make_token("other-app", CERTIFICATE, "bob", now + 60)) == 206
        assert await failed_login(signal, "bob", make_token(TEST_APP, "another", "bob", now + 60)) == 206
        assert await failed_login(signal, "bob", make_token(TEST_APP, CERTIFICATE, "bob", now - 1)) == 204


@pytest.mark.row("M03d")
@pytest.mark.parametrize(
    ("certificate", "debug", "taken"), [("", False, True), (CERTIFICATE, True, True), (CERTIFICATE, False, False)]
)
async def test_when_no_token_is_needed(certificate: str, debug: bool, taken: bool) -> None:
    apps = (AppCredentials(id=TEST_APP, certificate=certificate, allow_no_token=debug),)
    async with open_world(apps=apps) as world, world.open() as signal:
        if taken:
            await log_in(signal, "ann")
        else:
            assert await failed_login(signal, "ann") == 206


@pytest.mark.row("M03d", "C05")
async def test_a_token_that_expires_in_the_session(autojump_clock: MockClock) -> None:
    async with open_world(apps=GUARDED) as world, world.open() as signal:
        token = make_token(TEST_APP, CERTIFICATE, "ann", int(world.gateway.clock.seconds()) + 100)
        ann = await log_in(signal, "ann", token)
        start = trio.current_time()
        assert await ann.heard.next("onLogout") == (105,)
        assert trio.current_time() - start == pytest.approx(100, abs=1.5)
        await trio.sleep(300)
        assert ann.heard.names() == ["onLoginSuccess", "onLogout"]
        assert await failed_login(signal, "ann", token) == 204


@pytest.mark.row("C06")
async def test_201_the_gateway_cannot_be_reached(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    async with world.over(lines) as signal:
        lines.cut = True
        assert await failed_login(signal, "ann") == 201
        lines.cut, lines.silent = False, True
        start = trio.current_time()
        assert await failed_login(signal, "ann") == 201
        assert trio.current_time() - start == pytest.approx(5)


@pytest.mark.row("C06")
async def test_202_refused_by_the_gateway(world: World, signal: Signal, autojump_clock: MockClock) -> None:
    async with world.open(app="unknown") as unknown:
        assert await failed_login(unknown, "ann") == 202
    moderator = await log_in(signal, "server-1")
    await moderator.client.ban("ann", seconds=60)
    assert await failed_login(signal, "ann") == 202
    await trio.sleep(61)
    await log_in(signal, "ann")


@pytest.mark.row("C06", "M08")
@pytest.mark.parametrize("delay", [0, 1])
async def test_203_cancelled(world: World, autojump_clock: MockClock, delay: float) -> None:
    lines = Lines(world.gateway.connector)
    lines.silent = True
    async with world.over(lines) as signal:
        heard = Recorder()
        session = signal.login("ann", "_no_need_token", heard)
        await trio.sleep(delay)
        session.logout()
        assert await heard.next("onLoginFailed") == (203,)
        assert signal.getStatus() == 3
        lines.silent = False
        await log_in(signal, "ann")
        assert heard.names() == ["onLoginFailed"]


@pytest.mark.row("C06", "M03b")
async def test_203_cancelled_in_the_moment_of_the_answer(world: World, autojump_clock: MockClock) -> None:
    lines = Lines(world.gateway.connector)
    session: list[LoginSession] = []

    def cancel_at_login(text: str) -> str:
        if "login_ret" in text:
            session.pop().logout()
        return text

    lines.garbled = cancel_at_login
    async with world.over(lines) as signal:
        heard = Recorder()
        session.append(signal.login("ann", "_no_need_token", heard))
        assert await heard.next("onLoginFailed") == (203,)
        lines.garbled = lambda text: text
        await log_in(signal, "ann")
        assert heard.names() == ["onLoginFailed"]


@pytest.mark.row("C06")
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("kick", 207),
        ("TokenErrorExpired", 204),
        ("TokenErrorWrong", 206),
        ("TokenErrorOther", 206),
        ("wrong account: too odd", 209),
    ],
)
async def test_the_reasons_that_vendor_clients_know(reason: str, code: int) -> None:
    """The gateway refuses with ``TokenErrorWrong``; the line makes another reason of it."""
    async with open_world(apps=GUARDED) as world:
        lines = Lines(world.gateway.connector)
        lines.garbled = lambda text: text.replace("TokenErrorWrong", reason)
        async with world.over(lines) as signal:
            assert await failed_login(signal, "ann") == code


@pytest.mark.row("C06")
@pytest.mark.parametrize("answer", ["nonsense", '["pong",1]', '["login_ret",["","{}"]]'])
async def test_200_an_answer_that_cannot_be_read(world: World, answer: str) -> None:
    lines = Lines(world.gateway.connector)
    lines.garbled = lambda _: answer
    async with world.over(lines) as signal:
        assert await failed_login(signal, "ann") == 200
