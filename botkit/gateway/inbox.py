"""One account's inbox: a row of numbered message lines, counted in what they take."""

from collections import deque
from typing import NamedTuple

from botkit.gateway.quota import NOBODY, Quota
from botkit.stores.changes import InboxSnapshot

MAX_VERSION = 2**52
"""No client is believed to have seen a newer one: numbers on the wire end soon after."""

MESSAGE_BYTES = 200
"""What a message takes in memory besides its line."""


class Waiting(NamedTuple):
    """One message in an inbox; worthless from ``expires_ms`` on. ``sender`` answers for it in the quota.

    One about a ``call`` is of use to the session of now only; all others are in the store.
    """

    version: int
    line: str
    expires_ms: int
    sender: str = NOBODY
    call: object | None = None


class Inbox:
    """One account's messages. Versions rise by one and are never used again."""

    __slots__ = ("_next_expiry", "_quota", "acknowledged", "handed_out", "last", "messages")

    def __init__(self, quota: Quota, snapshot: InboxSnapshot | None = None) -> None:
        snapshot = snapshot or InboxSnapshot()
        self._quota = quota
        self.acknowledged = snapshot.acknowledged
        self.last = max([snapshot.last, snapshot.acknowledged, *(version for version, _, _ in snapshot.messages)])
        self.handed_out = self.acknowledged
        self.messages = deque(Waiting(version, line, expires_ms) for version, line, expires_ms in snapshot.messages)
        self._next_expiry = min((message.expires_ms for message in self.messages), default=0)
        for message in self.messages:
            quota.take(message.sender, size_of(message.line))

    def add(self, line: str, expires_ms: int, sender: str = NOBODY, call: object | None = None) -> int:
        """Append a message under the next version, and return that."""
        self.last += 1
        self._next_expiry = min(self._next_expiry, expires_ms) if self.messages else expires_ms
        self.messages.append(Waiting(self.last, line, expires_ms, sender, call))
        self._quota.take(sender, size_of(line))
        return self.last

    def see(self, version: int) -> None:
        """A client says that it has seen ``version``: later messages get higher ones."""
        self.last = max(self.last, min(version, MAX_VERSION))

    def acknowledge(self, version: int) -> bool:
        """Forget messages up to ``version``; whether any of them was in the store."""
        self.acknowledged = version
        in_store = False
        while self.messages and self.messages[0].version <= version:
            message = self.messages.popleft()
            self._quota.take(message.sender, -size_of(message.line))
            in_store |= message.call is None
        return in_store

    def expire(self, now_ms: int) -> int:
        """Forget what has waited too long, and return how many messages that were."""
        if not self.messages or now_ms < self._next_expiry:
            return 0
        before = len(self.messages)
        self._keep([message for message in self.messages if message.expires_ms > now_ms])
        self._next_expiry = min((message.expires_ms for message in self.messages), default=0)
        return before - len(self.messages)

    def withdraw_call(self, call: object) -> None:
        """Take back what has not been handed out about ``call``."""
        seen = self.handed_out
        self._keep([message for message in self.messages if message.call is not call or message.version <= seen])

    def forget_calls(self) -> None:
        """Forget the messages about calls: their session is over."""
        self._keep([message for message in self.messages if message.call is None])

    def _keep(self, kept: list[Waiting]) -> None:
        if len(kept) == len(self.messages):
            return
        for message in self.messages:
            self._quota.take(message.sender, -size_of(message.line))
        self.messages = deque(kept)
        for message in kept:
            self._quota.take(message.sender, size_of(message.line))


def size_of(line: str) -> int:
    """The bytes that a message line takes."""
    return len(line.encode()) + MESSAGE_BYTES
