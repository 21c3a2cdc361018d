"""Who gets in: app id, account and token of a login, in the words that the vendor's SDKs map to their codes."""

from typing import NamedTuple

from botkit.errors import ErrorCode, LoginFailed
from botkit.gateway.settings import AppCredentials
from botkit.types import Account, Line
from botkit.wire.frames import LoginArguments
from botkit.wire.limits import NO_TOKEN, account_violation
from botkit.wire.tokens import Role, TokenVerdict, judge_token, make_role_token


class LoginGrant(NamedTuple):
    """What a login gets: the server role or not, and when its token runs out (None: never).

    ``role`` is what the token itself gives, ``certificate`` what it was made with; empty when there is no token.
    """

    server: bool
    expires: int | None
    role: Role = Role.USER
    certificate: str = ""

    def __repr__(self) -> str:
        return f"LoginGrant(server={self.server}, expires={self.expires}, role={self.role})"


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
    certificates = app.certificates_at(now)
    grant = judge_token(login.token, app.id, certificates, login.account, now, accept_v1=app.accept_v1)
    if grant.verdict is not TokenVerdict.VALID:
        raise LoginFailed(_TOKEN_CODES[grant.verdict], grant.verdict.value)
    server = named_server or grant.role is Role.SERVER
    return LoginGrant(server, grant.expires, grant.role, certificates[grant.signer])


def prove_session(app: AppCredentials, line: Line, grant: LoginGrant) -> str:
    """What shows after a restart that a token let the session ``line`` in, and its role; empty when none did.

    It is a token itself, but of a name that no account can have.
    """
    if grant.expires is None:
        return ""
    return make_role_token(app.id, grant.certificate, _subject(line), grant.expires, grant.role)


def check_session(app: AppCredentials, account: Account, line: Line, proof: str, now: float) -> bool | None:
    """Whether ``account`` in its session ``line`` of before a restart has the server role; None when it is not let in.

    As of ``now`` (seconds since 1970), and of what the app's certificates and names of servers are today.
    """
    grant = judge_token(proof, app.id, app.certificates_at(now), _subject(line), now, accept_v1=False)
    by_token = bool(app.certificate) and grant.verdict is TokenVerdict.VALID
    if not by_token and app.certificate and not (app.allow_no_token and not proof):
        return None
    return app.is_server(account) or (by_token and grant.role is Role.SERVER)


def _subject(line: Line) -> str:
    return f"session {line}"
