"""Keeping inside the protocol's rates: by the gateway's own window, with a margin for the way there."""

from collections import defaultdict

from botkit.gateway.limits import RateWindow
from botkit.types import Account
from botkit.wire.limits import CHANNEL_MESSAGES_PER_SECOND, USER_MESSAGES_PER_SECOND

MARGIN = 0.9
"""What is sent evenly may arrive bunched; a tenth less leaves room for that."""


class Pacer:
    """Says when the next message may go. ``per_user`` and ``per_channel`` are messages in any one second."""

    def __init__(
        self,
        per_user: int = int(USER_MESSAGES_PER_SECOND * MARGIN),
        per_channel: int = int(CHANNEL_MESSAGES_PER_SECOND * MARGIN),
    ) -> None:
        self._channel = RateWindow(per_channel)
        self._users: defaultdict[Account, RateWindow] = defaultdict(lambda: RateWindow(per_user))

    def free_at(self, account: Account, now: float) -> float:
        """The moment from which ``account`` may send: ``now`` or later."""
        return max(self._channel.free_at(now), self._users[account].free_at(now))

    def take(self, account: Account, now: float) -> None:
        """Count a message that is sent now."""
        self._channel.take(now)
        self._users[account].take(now)
