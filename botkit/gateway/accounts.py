"""Accounts of an app: their uids, attributes and message allowance. They outlive sessions."""

from botkit.gateway.attribute_set import AttributeRoom, AttributeSet
from botkit.gateway.journal import Journal
from botkit.gateway.limits import RateWindow
from botkit.gateway.session import new_rate
from botkit.stores.changes import AccountSeen, UserAttributeSet
from botkit.types import Account, AppId, Uid


class Accounts:
    """All accounts that ever logged in to one app."""

    def __init__(
        self, app: AppId, journal: Journal, uids: dict[Account, Uid], room: AttributeRoom, changes_per_second: int
    ) -> None:
        self._app, self._journal = app, journal
        self._uids = uids
        self._next_uid = max(uids.values(), default=0) + 1
        self._room, self._none = room, AttributeSet(room)
        self._attributes: dict[Account, AttributeSet] = {}
        self._rates: dict[Account, RateWindow] = {}
        self._changes: dict[Account, RateWindow] = {}
        self._changes_per_second = changes_per_second

    def load_attributes(self, account: Account, attributes: dict[str, str]) -> None:
        """Take over what the store had."""
        self._attributes[account] = AttributeSet(self._room, attributes)

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

    def attributes_of(self, account: Account) -> AttributeSet:
        """A user's attributes, perhaps none. Do not change them."""
        return self._attributes.get(account, self._none)

    def set_attribute(self, account: Account, name: str, value: str) -> None:
        """Set a user attribute. Raises ``SignalingError`` (1005) when they are too many, or too large."""
        attributes = self._attributes.get(account)
        if attributes is None:
            attributes = self._attributes[account] = AttributeSet(self._room)
        attributes.check_room(name, value)
        self._journal.append(UserAttributeSet(app=self._app, account=account, name=name, value=value))
        attributes.put(name, value)
