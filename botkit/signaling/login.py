"""Logging in over a fresh connection."""

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import NamedTuple, TypeAlias

import msgspec
import trio
from msgspec import Struct

from botkit.errors import ErrorCode, LoginFailed, ProtocolError, TransportClosed
from botkit.signaling.trace import AccountTrace
from botkit.transport.base import Transport
from botkit.types import Account, AppId, Line, Uid
from botkit.wire import frames
from botkit.wire.frames import LineLogin, Login, LoginArguments, LoginOutcome, LoginResultBody, ResumeArguments
from botkit.wire.limits import NO_TOKEN, account_violation
from botkit.wire.tokens import TokenVerdict

TokenSource: TypeAlias = str | Callable[[], str] | Callable[[], Awaitable[str]]
"""A token, or a function that makes a fresh one for each login. What the function raises ends the session."""

DEVICE = "botkit"
VERSION = version("botkit")


class Credentials(NamedTuple):
    """Who logs in where, and with what."""

    app_id: AppId
    account: Account
    token: TokenSource = NO_TOKEN


class LoginAnswer(NamedTuple):
    """What a gateway says to a login that it accepts.

    ``boot`` is the gateway's life, empty when it cannot resume sessions. Of a session that was resumed, ``channel``
    is where it is now, and ``lost`` how many of the channel's notices are gone (-1: nobody knows). ``multi``: it takes
    several frames in one.
    """

    uid: Uid
    line: Line
    boot: str = ""
    resumed: bool = False
    channel: str = ""
    lost: int = 0
    multi: bool = False


def check_account(account: str) -> None:
    """Raises ``LoginFailed`` (209) for what can be no account."""
    violation = account_violation(account)
    if violation is not None:
        raise LoginFailed(ErrorCode.LOGIN_E_INVALID_USER, violation.reason)


async def log_in(transport: Transport, credentials: Credentials, *, timeout: float, trace: AccountTrace) -> LoginAnswer:
    """Log in; the gateway has ``timeout`` seconds to answer, the token's function as long as it needs.

    Raises ``LoginFailed``. After a cancel the gateway may have a session that waits for this client for 30 s.
    """
    token = await _fetch(credentials.token)
    _check_encodable(credentials.app_id, ErrorCode.LOGIN_E_FAILED, "the app id")
    _check_encodable(token, ErrorCode.LOGIN_E_TOKENWRONG, "the token")
    arguments = LoginArguments(
        vid=credentials.app_id,
        account=credentials.account,
        token=token,
        device=DEVICE,
        ver=VERSION,
        resume=True,
        multi=True,
    )
    return await _enter(transport, Login(arguments), timeout, trace)


async def resume(
    transport: Transport, seen: ResumeArguments, *, timeout: float, trace: AccountTrace
) -> LoginAnswer | None:
    """Come back to the session that ``seen`` names; None when the gateway has it no more. Raises ``LoginFailed``."""
    try:
        return await _enter(transport, LineLogin(seen), timeout, trace)
    except LoginFailed as error:
        if error.code is ErrorCode.LOGIN_E_OTHER:
            return None
        raise


async def _enter(transport: Transport, frame: Login | LineLogin, timeout: float, trace: AccountTrace) -> LoginAnswer:
    try:
        with trio.fail_after(timeout):
            data = frames.encode(frame)
            trace.sent(data)
            await transport.send(data)
            answer = await transport.receive()
    except trio.TooSlowError:
        raise LoginFailed(ErrorCode.LOGIN_E_NET, f"no answer within {timeout:g} s") from None
    except TransportClosed as error:
        raise LoginFailed(ErrorCode.LOGIN_E_NET, str(error)) from error
    trace.received(answer)
    try:
        return _read_answer(answer)
    except ProtocolError as error:
        raise LoginFailed(ErrorCode.LOGIN_E_OTHER, f"the gateway sent what cannot be read: {error}") from error


def _check_encodable(text: str, code: ErrorCode, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LoginFailed(code, f"{what} is not valid UTF-8") from None


async def _fetch(token: TokenSource) -> str:
    if isinstance(token, str):
        return token
    made = token()
    return made if isinstance(made, str) else await made


def _read_answer(data: bytes | str) -> LoginAnswer:
    match frames.decode_gateway_frame(data):
        case frames.LoginResult(body=body):
            outcome = _read_outcome(body)
        case frames.Kick(reason=reason):
            raise LoginFailed(ErrorCode.LOGIN_E_TOKEN_KICKED, reason)
        case frames.Close(reason=reason):
            raise LoginFailed(ErrorCode.LOGIN_E_FAILED, reason)
        case other:
            raise ProtocolError(f"{type(other).__name__} before login_ret")
    if not outcome.line:
        raise ProtocolError("empty", field="login_ret.line")
    return LoginAnswer(
        Uid(outcome.uid),
        Line(outcome.line),
        outcome.boot,
        outcome.resumed,
        outcome.channel,
        outcome.lost,
        outcome.multi,
    )


class _Refusal(Struct, frozen=True):
    code: int = 0
    reason: str = ""


def _read_outcome(body: LoginResultBody) -> LoginOutcome:
    try:
        if body.error:
            raise refusal(body.error, msgspec.json.decode(body.result, type=_Refusal).code)
        outcome = msgspec.json.decode(body.result, type=LoginOutcome)
    except msgspec.MsgspecError as error:
        raise frames.protocol_error(error) from None
    if outcome.result != "ok":
        raise refusal(outcome.reason, outcome.code)
    return outcome


def refusal(text: str, number: int) -> LoginFailed:
    """What a refused login means: the vendor's SDKs read it from the text, botkit's gateway also sends the number."""
    code = _code_of_text(text)
    if code is None:
        code = ErrorCode(number) if number in _LOGIN_CODES else ErrorCode.LOGIN_E_FAILED
    return LoginFailed(code, text)


_LOGIN_CODES = frozenset(int(code) for code in ErrorCode if 200 <= code <= 209)


def _code_of_text(text: str) -> ErrorCode | None:
    if text == "kick":
        return ErrorCode.LOGIN_E_TOKEN_KICKED
    if text == TokenVerdict.EXPIRED.value:
        return ErrorCode.LOGIN_E_TOKENEXPIRED
    if text.startswith("TokenError"):
        return ErrorCode.LOGIN_E_TOKENWRONG
    if text.startswith("wrong account"):
        return ErrorCode.LOGIN_E_INVALID_USER
    return None
