"""A ban is final for its session: told once, with the moderator's reason, and never fought."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from botkit.errors import ErrorCode, LoginFailed, SessionEnded
from botkit.events import ChannelLeft, LoggedIn, LoggedOut, Reconnected, Reconnecting
from botkit.gateway.server import Gateway
from botkit.signaling import LoginSession, Signal
from botkit.stores.gateway import MemoryGatewayStore
from botkit.testing import TEST_APP, open_test_gateway
from botkit.types import Account
from botkit.wire.frames import Close
from botkit.wire.states import LoginStatus
from tests.signaling.scripted import ScriptedGateway, next_event, refused, waiting_events
from tests.vendor_api.lines import Lines

BANNED = LoggedOut(account=Account("ann"), code=ErrorCode.LOGOUT_E_OTHER, reason="banned: spam")


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Gateway, LoginSession, LoginSession, Lines]]:
    """A gateway, a moderator, and ann, whose lines can be cut."""
    async with open_test_gateway() as gateway:
        lines = Lines(gateway.connector)
        async with (
            Signal(TEST_APP, gateway.connector).open_session("server") as moderator,
            Signal(TEST_APP, lines.connect).open_session("ann") as ann,
        ):
            yield gateway, moderator, ann, lines


async def check_over(ann: LoginSession, gateway: Gateway) -> None:
    """The session is over for good: it says why, and leaves the gateway alone."""
    with pytest.raises(SessionEnded) as ended:
        await ann.receive_event()
    assert (ended.value.code, ended.value.reason) == (100, "banned: spam")
    assert ann.status is LoginStatus.LOGGED_OUT
    with pytest.raises(SessionEnded, match="banned: spam"):
        await ann.send_instant("bob", "let me in")
    connections, logins = gateway.counters.connections.value, gateway.counters.logins.value
    await trio.sleep(1000)
    assert (gateway.counters.connections.value, gateway.counters.logins.value) == (connections, logins)


@pytest.mark.row("C05", "D04")
async def test_a_live_session_that_is_banned_is_logged_out_by_the_server(autojump_clock: MockClock) -> None:
    async with world() as (gateway, moderator, ann, _):
        await ann.join("lobby")
        await waiting_events(ann)
        await moderator.ban("ann", reason="spam")
        left, out = await waiting_events(ann)
        assert isinstance(left, ChannelLeft)
        assert left.code == 603
        assert out == BANNED
        await check_over(ann, gateway)


@pytest.mark.row("C05", "D04")
@pytest.mark.parametrize("away", [1, 20, 100])
async def test_a_session_that_is_banned_while_it_is_away_is_over_when_it_comes_back(
    autojump_clock: MockClock, away: float
) -> None:
    async with world() as (gateway, moderator, ann, lines):
        lines.cut = True
        await lines.drop()
        await trio.sleep(away)
        await moderator.ban("ann", seconds=100_000, reason="spam")
        lines.cut = False
        await trio.sleep(30)
        events = await waiting_events(ann)
        assert [type(event) for event in events if not isinstance(event, Reconnecting)] == [LoggedIn, LoggedOut]
        assert events[-1] == BANNED
        assert gateway.counters.logins.values["LOGIN_E_FAILED"] == 1
        await check_over(ann, gateway)


@pytest.mark.row("D08")
async def test_a_ban_that_the_gateway_remembers_is_as_final_after_its_restart(autojump_clock: MockClock) -> None:
    store = MemoryGatewayStore()
    async with open_test_gateway(store=store) as first:
        lines = Lines(first.connector)
        async with Signal(TEST_APP, lines.connect).open_session("ann") as ann:
            lines.cut = True
            await lines.drop()
            async with Signal(TEST_APP, first.connector).open_session("server") as moderator:
                await moderator.ban("ann", reason="spam")
            async with open_test_gateway(store=store) as second:
                lines.gateway, lines.cut = second.connector, False
                assert await next_event(ann, LoggedOut) == BANNED
                await check_over(ann, second)


@pytest.mark.row("C06", "D04")
async def test_a_banned_account_is_told_so_at_its_first_login(autojump_clock: MockClock) -> None:
    async with world() as (gateway, moderator, _, _):
        await moderator.ban("eve", reason="spam")
        before = gateway.counters.logins.value
        begin = trio.current_time()
        with pytest.raises(LoginFailed) as failed:
            async with Signal(TEST_APP, gateway.connector).open_session("eve", retry_seconds=3600, retry_count=100):
                pytest.fail("it is logged in")
        assert (failed.value.code, failed.value.reason) == (202, "banned: spam")
        assert trio.current_time() == begin
        assert gateway.counters.logins.value == before + 1


@pytest.mark.row("D04")
async def test_who_is_let_in_again_logs_in_anew(autojump_clock: MockClock) -> None:
    async with world() as (gateway, moderator, ann, _):
        await moderator.ban("ann", seconds=60)
        assert (await next_event(ann, LoggedOut)).reason == "banned"
        await trio.sleep(60)
        async with Signal(TEST_APP, gateway.connector).open_session("ann") as again:
            await again.send_instant("server", "sorry")


@pytest.mark.parametrize("text", ["banned", "banned: ", "banned: spam", "banned: banned"])
async def test_what_counts_as_a_ban(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, text: str
) -> None:
    gateway.login = lambda _: refused(text, 202)
    await gateway.peer.drop()
    out = await next_event(session, LoggedOut)
    assert (out.code, out.reason) == (100, text)


@pytest.mark.parametrize(
    ("text", "code"), [("too many logins", 202), ("banned for a minute", 202), ("Banned", 202), ("banned", 200)]
)
async def test_other_refusals_pass_with_time(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, text: str, code: int
) -> None:
    """A limit of logins is 202, too."""
    let_in = gateway.login
    gateway.login = lambda _: refused(text, code)
    await gateway.peer.drop()
    for _ in range(5):
        await next_event(session, Reconnecting)
    gateway.login = let_in
    assert not (await next_event(session, Reconnected)).resumed
    assert session.status is LoginStatus.LOGGED_IN


async def test_a_ban_between_two_requests(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    """Who waits for the connection is told why it never comes."""
    gateway.login = lambda _: refused("banned: spam", 202)
    await gateway.peer.drop()
    with pytest.raises(SessionEnded, match="banned: spam"):
        await session.send_instant("bob", "hello?")


async def test_a_ban_while_logging_in(signal: Signal, gateway: ScriptedGateway) -> None:
    gateway.login = lambda _: Close("banned: spam")
    with pytest.raises(LoginFailed) as failed:
        async with signal.open_session("ann"):
            pytest.fail("it is logged in")
    assert (failed.value.code, failed.value.reason) == (202, "banned: spam")
