"""Accounts that botkit makes up: those of the feeds, and those of a bot's further sessions."""

import hashlib
from collections.abc import Iterable, Iterator

from botkit.types import Account
from botkit.wire.limits import account_violation

FEED_PREFIX = "botkit-feed-"
"""What the accounts of all feeds begin with, those of other processes included; a bot's may not."""


def feed_account(feed: str, owner: str) -> Account:
    """The account that reads ``feed`` for the app whose first bot is ``owner``.

    Two processes that run bots of one app run different ones, or those would log each other out: so do their feeds.
    """
    account = f"{FEED_PREFIX}{feed}-{owner}"
    if account_violation(account) is not None:  # too long
        account = f"{FEED_PREFIX}{feed}-{hashlib.blake2b(owner.encode(), digest_size=8).hexdigest()}"
    return Account(account)


def canary_account(owner: str) -> Account:
    """The account of the canary of the app whose first bot is ``owner``; to bots it is one of the feeds'."""
    return feed_account("canary", owner)


def derived_accounts(account: str, numbers: Iterable[int]) -> Iterator[Account]:
    """The accounts of a bot's sessions by their numbers: number 1 is the bot's own, then ``account~2`` and so on."""
    return (Account(account if number == 1 else f"{account}~{number}") for number in numbers)


class OwnAccounts:
    """Accounts of sessions that botkit opens: those given, and every feed's, which always belong to them."""

    def __init__(self, accounts: Iterable[str] = ()) -> None:
        self._accounts = frozenset(accounts)

    def add(self, accounts: Iterable[str]) -> None:
        """Further ones, of sessions that are about to be opened. None is ever taken out: what is told of a session
        may come after its end."""
        self._accounts |= frozenset(accounts)

    def __contains__(self, account: str) -> bool:
        return account in self._accounts or account.startswith(FEED_PREFIX)
