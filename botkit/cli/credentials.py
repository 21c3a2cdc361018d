"""Tokens for whoever a command logs in."""

import time
from collections.abc import Callable

from botkit.types import Account
from botkit.wire.limits import NO_TOKEN
from botkit.wire.tokens import make_token

TOKEN_SECONDS = 86_400


def account_tokens(app_id: str, certificate: str) -> Callable[[Account], str]:
    """Makes a token for an account: a fresh one with the app's certificate, else ``_no_need_token``."""

    def token_for(account: Account) -> str:
        if not certificate:
            return NO_TOKEN
        return make_token(app_id, certificate, account, int(time.time()) + TOKEN_SECONDS)

    return token_for
