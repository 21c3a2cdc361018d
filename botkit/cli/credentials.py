"""Tokens for whoever a command logs in."""

import time
from collections.abc import Callable

from botkit.gateway.settings import AppCredentials
from botkit.types import Account
from botkit.wire.limits import NO_TOKEN
from botkit.wire.tokens import Role, make_role_token

TOKEN_SECONDS = 86_400


def account_tokens(app: AppCredentials) -> Callable[[Account], str]:
    """Makes a token for an account: a fresh one with the app's certificate, else ``_no_need_token``.

    It is one of ours, which every gateway of ours takes, whatever it thinks of the vendor's; and it gives the app's
    ``server_accounts`` their role at a gateway that does not know their names.
    """

    def token_for(account: Account) -> str:
        if not app.certificate:
            return NO_TOKEN
        role = Role.SERVER if app.is_server(account) else Role.USER
        return make_role_token(app.id, app.certificate, account, int(time.time()) + TOKEN_SECONDS, role)

    return token_for
