"""Who gets in: app id, account and token of a login, in the words that the vendor's SDKs map to their codes."""

from typing import NamedTuple

from botkit.errors import ErrorCode, LoginFailed
from botkit.gateway.settings import AppCredentials
from botkit.wire.frames import LoginArguments
from botkit.wire.limits import NO_TOKEN, account_violation
from botkit.wire.tokens import Role, TokenVerdict, judge_token


class LoginGrant(NamedTuple):
    """What a login gets: the server role or not, and when its token runs out (None: never)."""

    server: bool
    expires: int | None


_TOKEN_CODES = {
    TokenVerdict.EXPIRED: ErrorCode.LOGIN_E_TOKENEXPIRED,
    TokenVerdict.WRONG: ErrorCode.LOGIN_E_TOKENWRONG,
}


def check_login(login: LoginArguments, app: AppCredentials, now: float) -> LoginGrant:
    """What ``login`` gets in ``app`` at ``now`` (seconds since 1970).

    Raises ``LoginFailed`` with the text from which the vendor's SDKs derive their code.
    """
    violation = account_violation(login.account)
    if violation is not None:
        raise LoginFailed(ErrorCode.LOGIN_E_INVALID_USER, f"wrong account: {violation.reason}")
    named_server = app.is_server(login.account)
    if not app.certificate or (app.allow_no_token and login.token == NO_TOKEN):
        return LoginGrant(named_server, None)
    grant = judge_token(login.token, app.id, app.certificates_at(now), login.account, now, accept_v1=app.accept_v1)
    if grant.verdict is not TokenVerdict.VALID:
        raise LoginFailed(_TOKEN_CODES[grant.verdict], grant.verdict.value)
    return LoginGrant(named_server or grant.role is Role.SERVER, grant.expires)
