"""Bytes of something that accounts may make the gateway keep: all together, and each of them."""

from typing import Literal

NOBODY = ""
"""Who something is kept for when no account answers for it: the gateway itself, a server account, nobody knows."""

Bound = Literal["together", "by account"]


class Quota:
    """At most ``together`` bytes, of which each account answers for at most ``by_account``, and ``NOBODY`` for any."""

    def __init__(self, together: int, by_account: int) -> None:
        self.together, self.by_account = together, by_account
        self.used = 0
        self._used_by: dict[str, int] = {}

    def used_by(self, account: str) -> int:
        """The bytes that ``account`` answers for."""
        return self._used_by.get(account, 0)

    def passed(self, account: str, more: int, more_of_account: int) -> Bound | None:
        """Which bound ``more`` bytes would pass, with ``more_of_account`` for the one who answers for them.

        What takes less than before passes none.
        """
        if more > 0 and self.used + more > self.together:
            return "together"
        if account and more_of_account > 0 and self.used_by(account) + more_of_account > self.by_account:
            return "by account"
        return None

    def take(self, account: str, size: int) -> None:
        """``size`` bytes more are kept that ``account`` answers for (or, when negative, less)."""
        self.used += size
        if account:
            self._used_by[account] = self.used_by(account) + size
            if not self._used_by[account]:
                del self._used_by[account]
