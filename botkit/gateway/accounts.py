"""Accounts of an app: their uids, attributes and message allowance. They outlive sessions."""

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.journal import Journal
from botkit.gateway.limits import RateWindow
from botkit.gateway.session import new_rate
from botkit.stores.changes import AccountSeen, UserAttributeSet
from botkit.types import Account, AppId, Uid

MAX_ATTRIBUTES = 100
"""How many attributes one user or one channel may have; the vendor names no number, but everything is bounded."""


class Accounts:
    """All accounts that ever logged in to one app."""

    def __init__(self, app: AppId, journal: Journal, uids: dict[Account, Uid], changes_per_second: int) -> None:
        self._app, self._journal = app, journal
        self._uids = uids
        self._next_uid = max(uids.values(), default=0) + 1
        self._attributes: dict[Account, dict[str, str]] = {}
        self._rates: dict[Account, RateWindow] = {}
        self._changes: dict[Account, RateWindow] = {}
        self._changes_per_second = changes_per_second

    def load_attributes(self, account: Account, attributes: dict[str, str]) -> None:
        """Take over what the store had."""
        self._attributes[account] = attributes

    def uid_of(self, account: Account) -> Uid:
        """The account's number; 0 for one that never logged in."""
        return self._uids.get(account, Uid(0))

    def see(self, account: Account) -> Uid:
        """The account's number, a new one at its first login."""
        uid = self._uids.get(account)
        if uid is None:
            uid = Uid(self._next_uid)
            self._journal.append(AccountSeen(app=self._app, account=account, uid=uid))
            self._next_uid += 1
            self._uids[account] = uid
        return uid

    def rate_of(self, account: Account) -> RateWindow:
        """The account's message allowance: it does not start anew with a new login."""
        return self._rates.setdefault(account, new_rate())

    def changes_of(self, account: Account) -> RateWindow:
        """The account's allowance of changes to channels, attributes and calls."""
        rate = self._changes.get(account)
        if rate is None:
            rate = self._changes[account] = RateWindow(self._changes_per_second)
        return rate

    def forget_idle_rates(self, now: float) -> None:
        """Drop allowances that nobody has used lately."""
        for rates in (self._rates, self._changes):
            for account in [account for account, rate in rates.items() if rate.idle(now)]:
                del rates[account]

    def attributes_of(self, account: Account) -> dict[str, str]:
        """A user's attributes, perhaps none. Do not change it."""
        return self._attributes.get(account, {})

    def set_attribute(self, account: Account, name: str, value: str) -> None:
        """Set a user attribute. Raises ``SignalingError`` beyond 100 of them."""
        attributes = self._attributes.setdefault(account, {})
        if name not in attributes and len(attributes) >= MAX_ATTRIBUTES:
            raise SignalingError(ErrorCode.GENERAL_E_LARGE_PARAM, f"a user has at most {MAX_ATTRIBUTES} attributes")
        self._journal.append(UserAttributeSet(app=self._app, account=account, name=name, value=value))
        attributes[name] = value
