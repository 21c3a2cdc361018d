"""The channels of an app that are kept although nobody may be in them, because they have attributes.

Everybody is in one channel at most, so that those with members are bounded by the sessions; these have bounds of their
own, for the app and for each account that set a channel's first attribute. Who that was is forgotten at a restart.
"""

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.quota import NOBODY
from botkit.observability.metrics import Counter
from botkit.types import ChannelName


class KeptChannels:
    """At most ``together`` channels, ``by_account`` of each account; ``refused`` counts."""

    def __init__(self, *, together: int, by_account: int, refused: Counter) -> None:
        self._together, self._by_account, self._refused = together, by_account, refused
        self._keepers: dict[ChannelName, str] = {}
        self._kept_by: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._keepers)

    def check(self, channel: ChannelName, account: str) -> None:
        """Raises ``SignalingError`` (1001) when ``account`` may not have one more channel kept, as this would be."""
        if channel in self._keepers:
            return
        if len(self._keepers) >= self._together:
            self._refused.add_for("channels together")
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, f"{self._together} channels have attributes already")
        if account and self._kept_by.get(account, 0) >= self._by_account:
            self._refused.add_for("channels by account")
            reason = f"{self._by_account} channels have attributes of {account} already; clear those of one, or wait"
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, reason)

    def add(self, channel: ChannelName, account: str = NOBODY) -> None:
        """A channel has attributes; if it had none before, ``account`` is whose it is."""
        if channel not in self._keepers:
            self._keepers[channel] = account
            if account:
                self._kept_by[account] = self._kept_by.get(account, 0) + 1

    def remove(self, channel: ChannelName) -> None:
        """A channel has no attributes any more, or is destroyed; it may have had none before."""
        account = self._keepers.pop(channel, NOBODY)
        if account:
            self._kept_by[account] -= 1
            if not self._kept_by[account]:
                del self._kept_by[account]
