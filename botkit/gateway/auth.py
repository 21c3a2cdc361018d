"""Who gets in: app id, account and token of a login, in the words that the vendor's SDKs map to their codes."""

from typing import NamedTuple

from botkit.errors import ErrorCode
from botkit.gateway.settings import AppCredentials
from botkit.wire.frames import LoginArguments
from botkit.wire.limits import account_violation
from botkit.wire.tokens import TokenVerdict, check_token


class LoginRefusal(NamedTuple):
    """Why a login is refused: the vendor's number and the text from which their SDKs derive theirs."""

    code: ErrorCode
    text: str


_TOKEN_CODES = {
    TokenVerdict.EXPIRED: ErrorCode.LOGIN_E_TOKENEXPIRED,
    TokenVerdict.WRONG: ErrorCode.LOGIN_E_TOKENWRONG,
}


def check_login(login: LoginArguments, app: AppCredentials | None, now: float) -> LoginRefusal | None:
    """Why ``login`` may not enter ``app`` (None: no such app here) at ``now``; None when it may."""
    if app is None:
        return LoginRefusal(ErrorCode.LOGIN_E_FAILED, "unknown app id")
    violation = account_violation(login.account)
    if violation is not None:
        return LoginRefusal(ErrorCode.LOGIN_E_INVALID_USER, f"wrong account: {violation.reason}")
    if not app.certificate:
        return None
    verdict = check_token(login.token, app.id, app.certificate, login.account, now)
    if verdict is TokenVerdict.VALID:
        return None
    return LoginRefusal(_TOKEN_CODES[verdict], verdict.value)
