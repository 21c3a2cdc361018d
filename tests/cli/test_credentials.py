import time

from botkit.cli.credentials import TOKEN_SECONDS, account_tokens
from botkit.gateway.settings import AppCredentials
from botkit.types import Account
from botkit.wire.limits import NO_TOKEN
from botkit.wire.tokens import Role, TokenVerdict, judge_token


def test_an_app_without_a_certificate_needs_no_token() -> None:
    assert account_tokens(AppCredentials(id="app", server_accounts=("*",)))(Account("ann")) == NO_TOKEN


def test_tokens_give_servers_their_role_and_hold_for_a_day() -> None:
    token_for = account_tokens(AppCredentials(id="app", certificate="c", server_accounts=("mod-*",)))
    now = int(time.time())
    for account, role in (("ann", Role.USER), ("mod-1", Role.SERVER)):
        grant = judge_token(token_for(Account(account)), "app", ["c"], account, now, accept_v1=False)
        assert (grant.verdict, grant.role) == (TokenVerdict.VALID, role)
        assert now + TOKEN_SECONDS <= grant.expires <= time.time() + TOKEN_SECONDS
