"""Logging in: what is sent, and what each way of failing means."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

from botkit.errors import ConfigError, ErrorCode, LoginFailed
from botkit.events import LoggedIn
from botkit.signaling import Signal
from botkit.wire.frames import Close, GatewayFrame, Kick, LoginResult, LoginResultBody, Pong
from botkit.wire.requests import GetMessages
from botkit.wire.states import LoginStatus
from tests.signaling.scripted import ScriptedGateway, accepted, waiting_events


async def _login_code(signal: Signal, account: str = "ann") -> ErrorCode:
    with pytest.raises(LoginFailed) as caught:
        async with signal.open_session(account):
            pytest.fail("it is not logged in")
    return caught.value.code


@pytest.mark.row("C04")
async def test_a_login_says_who_it_is_and_fetches_the_inbox(gateway: ScriptedGateway, signal: Signal) -> None:
    async with signal.open_session("ann", "secret") as session:
        events = await waiting_events(session)
        arguments = gateway.peer.logins[0].arguments
        assert (arguments.vid, arguments.account, arguments.token) == ("app", "ann", "secret")
        assert (arguments.device, arguments.uid) == ("botkit", 0)
        assert (session.account, session.uid, session.status) == ("ann", 7, LoginStatus.LOGGED_IN)
        assert events == [LoggedIn(account=session.account, uid=session.uid)]
        assert gateway.asked(GetMessages)[0].ver_clear == 0
        assert gateway.call_ids[0] == 1


async def test_an_app_without_a_certificate_needs_no_token(gateway: ScriptedGateway, signal: Signal) -> None:
    async with signal.open_session("ann"):
        assert gateway.peer.logins[0].arguments.token == "_no_need_token"


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_function_makes_the_token(gateway: ScriptedGateway, signal: Signal, asynchronous: bool) -> None:
    async def slowly() -> str:
        await trio.lowlevel.checkpoint()
        return "made"

    source: Callable[[], str] | Callable[[], Awaitable[str]] = slowly if asynchronous else lambda: "made"
    async with signal.open_session("ann", source):
        assert gateway.peer.logins[0].arguments.token == "made"


async def test_what_the_tokens_function_raises_comes_out(signal: Signal) -> None:
    def fail() -> str:
        raise KeyError("vault")

    with pytest.raises(KeyError, match="vault"):
        async with signal.open_session("ann", fail):
            pytest.fail("it is not logged in")


@pytest.mark.row("C06")
@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (("kick", 0), 207),
        (("TokenErrorExpired", 0), 204),
        (("TokenErrorWrong", 0), 206),
        (("TokenErrorExpired2", 0), 206),
        (("wrong account: has a blank", 0), 209),
        (("banned until tomorrow", 202), 202),
        (("network trouble", 201), 201),
        (("whatever", 0), 202),
        (("whatever", 999), 202),
        (("kick", 206), 207),
    ],
)
@pytest.mark.parametrize("form", ["error", "reason"])
async def test_refusals(
    gateway: ScriptedGateway, signal: Signal, refusal: tuple[str, int], code: int, form: str
) -> None:
    text, number = refusal

    def refuse(_: object) -> GatewayFrame:
        if form == "error":
            return LoginResult(LoginResultBody(text, f'{{"code":{number}}}'))
        return LoginResult(LoginResultBody("", f'{{"result":"failed","reason":"{text}","code":{number}}}'))

    gateway.login = refuse
    assert await _login_code(signal) == code
    assert gateway.peer.closed
    assert gateway.attempts == 1


@pytest.mark.row("C06")
@pytest.mark.parametrize(
    ("frame", "code"),
    [(Kick("elsewhere"), 207), (Close("not now"), 202), (Pong(1), 200), (accepted(line=""), 200)],
)
async def test_other_answers(gateway: ScriptedGateway, signal: Signal, frame: GatewayFrame, code: int) -> None:
    gateway.login = lambda _: frame
    assert await _login_code(signal) == code


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"uid":7}'])
@pytest.mark.parametrize("error", ["", "refused"])
async def test_a_result_that_is_none(gateway: ScriptedGateway, signal: Signal, text: str, error: str) -> None:
    gateway.login = lambda _: LoginResult(LoginResultBody(error, text))
    code = await _login_code(signal)
    assert code == (202 if error and text == '{"uid":7}' else 200)


@pytest.mark.row("C06")
async def test_a_gateway_that_cannot_be_reached(gateway: ScriptedGateway, signal: Signal) -> None:
    gateway.down = True
    assert await _login_code(signal) == 201


async def test_a_gateway_that_does_not_answer(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock
) -> None:
    gateway.login = lambda _: None
    assert await _login_code(signal) == 201
    assert trio.current_time() == pytest.approx(5, abs=0.01)


async def test_a_gateway_that_hangs_up(gateway: ScriptedGateway, signal: Signal, nursery: trio.Nursery) -> None:
    gateway.login = lambda _: None

    async def hang_up() -> None:
        await trio.testing.wait_all_tasks_blocked()
        await gateway.peer.drop()

    nursery.start_soon(hang_up)
    assert await _login_code(signal) == 201


@pytest.mark.row("M03", "C06")
@pytest.mark.parametrize("account", ["", "a b", "a" * 129, "\u00e9" * 65, "line\nbreak"])
async def test_what_can_be_no_account_is_refused_here(gateway: ScriptedGateway, signal: Signal, account: str) -> None:
    assert await _login_code(signal, account) == 209
    assert gateway.attempts == 0


@pytest.mark.row("M03")
@pytest.mark.parametrize("account", ["a" * 128, "\u00e9" * 64])
async def test_the_longest_accounts(signal: Signal, account: str) -> None:
    async with signal.open_session(account) as session:
        assert session.account == account


@pytest.mark.row("M03a", "C06")
async def test_a_second_login_of_an_account_is_ignored(gateway: ScriptedGateway, signal: Signal) -> None:
    async with signal.open_session("ann") as session:
        assert await _login_code(signal) == 208
        assert session.status is LoginStatus.LOGGED_IN
    assert gateway.attempts == 1
    async with signal.open_session("ann"):
        assert gateway.attempts == 2


async def test_a_failed_login_does_not_block_the_next(gateway: ScriptedGateway, signal: Signal) -> None:
    gateway.down = True
    assert await _login_code(signal) == 201
    gateway.down = False
    async with signal.open_session("ann") as session:
        assert session.uid == 7


@pytest.mark.row("M01", "P02")
async def test_several_signals_with_several_sessions(autojump_clock: MockClock) -> None:
    worlds = [ScriptedGateway(), ScriptedGateway()]
    signals = [Signal(f"app-{number}", world.connector) for number, world in enumerate(worlds)]
    async with (
        signals[0].open_session("ann") as first,
        signals[1].open_session("ann") as second,
        signals[1].open_session("bob") as third,
    ):
        assert {each.status for each in (first, second, third)} == {LoginStatus.LOGGED_IN}
        assert [world.attempts for world in worlds] == [1, 2]


async def test_a_cancel_while_logging_in_leaves_no_connection(
    gateway: ScriptedGateway, signal: Signal, autojump_clock: MockClock
) -> None:
    gateway.login = lambda _: None
    with trio.move_on_after(1):
        async with signal.open_session("ann"):
            pytest.fail("it is not logged in")
    assert gateway.peer.closed


def test_a_wrong_url_is_refused_at_once() -> None:
    with pytest.raises(ConfigError):
        Signal("app", "ftp://127.0.0.1/")


def test_a_signal_touches_no_network() -> None:
    signal = Signal("app", "ws://127.0.0.1:1/")
    assert signal.app_id == "app"
