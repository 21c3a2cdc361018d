"""Inboxes: per account a row of numbered message lines, kept until acknowledged or expired.

Instant messages and call messages go through here. The peer is told that there is something (``notify msg``) and
fetches it; what it has seen it acknowledges with its next fetch.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.counters import Counters
from botkit.gateway.journal import Journal
from botkit.stores.changes import InboxAdvanced, InboxSnapshot, MessagesAcknowledged, MessagesExpired, MessageStored
from botkit.types import Account, AppId
from botkit.wire.limits import INBOX_PAGE
from botkit.wire.replies import Messages, fitting

MAX_VERSION = 2**52
"""No client is believed to have seen a newer one: numbers on the wire end soon after."""

NEVER_MS = 2**63 - 1

MAX_STRANGERS = 10_000
"""Accounts that never logged in and that messages wait for; anybody can make such names up."""


class Waiting(NamedTuple):
    """One message in an inbox; worthless from ``expires_ms`` on.

    One about a ``call`` is of use to the session of now only; all others are in the store.
    """

    version: int
    line: str
    expires_ms: int
    call: object | None = None


class Inbox:
    """One account's messages. Versions rise by one and are never used again."""

    __slots__ = ("acknowledged", "handed_out", "last", "messages", "next_expiry")

    def __init__(self, snapshot: InboxSnapshot | None = None) -> None:
        snapshot = snapshot or InboxSnapshot()
        self.acknowledged = snapshot.acknowledged
        self.last = max([snapshot.last, snapshot.acknowledged, *(version for version, _, _ in snapshot.messages)])
        self.handed_out = self.acknowledged
        self.messages = deque(Waiting(version, line, expires_ms) for version, line, expires_ms in snapshot.messages)
        self.next_expiry = min((message.expires_ms for message in self.messages), default=0)

    def add(self, line: str, expires_ms: int, call: object | None = None) -> int:
        """Append a message under the next version."""
        self.last += 1
        self.next_expiry = min(self.next_expiry, expires_ms) if self.messages else expires_ms
        self.messages.append(Waiting(self.last, line, expires_ms, call))
        return self.last

    def see(self, version: int) -> None:
        """A client says that it has seen ``version``: later messages get higher ones."""
        self.last = max(self.last, min(version, MAX_VERSION))


class Mailboxes:
    """All inboxes of an app, at most ``limit`` messages in each; a page has at most ``page_bytes`` in its answer."""

    def __init__(
        self,
        app: AppId,
        journal: Journal,
        counters: Counters,
        limit: int,
        *,
        page_bytes: int,
        known: Callable[[Account], bool],
    ) -> None:
        self._app, self._journal, self._counters = app, journal, counters
        self._limit, self._page_bytes = limit, page_bytes
        self._known = known
        self._inboxes: dict[Account, Inbox] = {}
        self._strangers: set[Account] = set()

    def load(self, account: Account, snapshot: InboxSnapshot) -> None:
        """Take over what the store had."""
        self._inboxes[account] = Inbox(snapshot)
        if not self._known(account):
            self._strangers.add(account)

    def newest(self, account: Account) -> int:
        """The newest version that waits for ``account``; 0 when nothing does."""
        inbox = self._inboxes.get(account)
        return inbox.messages[-1].version if inbox is not None and inbox.messages else 0

    def put(self, account: Account, line: str, expires_ms: int, now_ms: int) -> int:
        """Add a message and return its version. Raises ``SignalingError`` (400) when the inbox is full."""
        if not self.has_room(account, now_ms):
            raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, f"inbox full: {self._limit} messages wait")
        if account not in self._inboxes and not self._known(account):
            self._take_in(account)
        inbox = self._inboxes.setdefault(account, Inbox())
        self._journal.append(
            MessageStored(app=self._app, account=account, version=inbox.last + 1, line=line, expires_ms=expires_ms)
        )
        return inbox.add(line, expires_ms)

    def put_call(self, account: Account, line: str, call: object) -> int:
        """Add a message about ``call``, and return its version. It has no ttl but goes with the account's session.

        A full inbox takes it too, for a call has to end at both sides: before anything that may come often, look at
        ``has_room``.
        """
        inbox = self._inboxes.setdefault(account, Inbox())
        # Not kept, but its number is: one that came after a restart must not get a number that was shown.
        self._journal.append(InboxAdvanced(app=self._app, account=account, version=inbox.last + 1))
        return inbox.add(line, NEVER_MS, call)

    def has_room(self, account: Account, now_ms: int) -> bool:
        """Whether the inbox is not full."""
        inbox = self._inboxes.get(account)
        if inbox is None:
            return True
        self._expire(inbox, now_ms)
        return len(inbox.messages) < self._limit

    def fetch(self, account: Account, acknowledged: int, most: int, now_ms: int) -> Messages:
        """Acknowledge up to a version and return the page after it.

        ``ver_clear`` of the page is the version before its first message, or the newest one that there ever was:
        never less than what was acknowledged, or web clients poll for ever. A client may have seen more than we know
        of, from before a restart; it will take nothing but newer versions than that.
        """
        inbox = self._inboxes.setdefault(account, Inbox())
        inbox.see(acknowledged)
        self._acknowledge(account, inbox, min(acknowledged, inbox.last))
        self._expire(inbox, now_ms)
        most = max(1, min(most, INBOX_PAGE))
        page = tuple((message.version, message.line) for message, _ in zip(inbox.messages, range(most), strict=False))
        if not page:
            return Messages(ver_clear=inbox.last, msgs=())
        page = fitting(page, self._page_bytes)
        inbox.handed_out = max(inbox.handed_out, page[-1][0])
        return Messages(ver_clear=page[0][0] - 1, msgs=page)

    def has_more(self, account: Account) -> bool:
        """Whether messages wait that were not handed out yet."""
        inbox = self._inboxes.get(account)
        return inbox is not None and self.newest(account) > inbox.handed_out

    def was_handed_out(self, account: Account, version: int) -> bool:
        """Whether the account's session has fetched a message."""
        inbox = self._inboxes.get(account)
        return inbox is not None and version <= inbox.handed_out

    def withdraw_call(self, account: Account, call: object) -> None:
        """Take back what the account's session has not fetched about ``call``."""
        inbox = self._inboxes.get(account)
        if inbox is not None:
            seen = inbox.handed_out
            inbox.messages = deque(
                message for message in inbox.messages if message.call is not call or message.version <= seen
            )

    def start_session(self, account: Account) -> None:
        """A fresh client starts at version 0: everything stored that waits will be handed out (again)."""
        inbox = self._inboxes.get(account)
        if inbox is not None:
            inbox.handed_out = inbox.acknowledged
            inbox.messages = deque(message for message in inbox.messages if message.call is None)

    def catch_up(self, account: Account, seen: int) -> None:
        """A client came back that saw versions up to ``seen``: later messages get higher ones, and are new to it."""
        inbox = self._inboxes.setdefault(account, Inbox())
        inbox.see(seen)
        inbox.handed_out = max(inbox.acknowledged, min(seen, inbox.last))

    def expire(self, now_ms: int) -> None:
        """Drop what has waited too long, in all inboxes and in the store."""
        for inbox in self._inboxes.values():
            self._expire(inbox, now_ms)
        for account in list(self._strangers):
            if self._known(account):
                self._strangers.discard(account)
            elif not self._inboxes[account].messages:
                self._strangers.discard(account)
                del self._inboxes[account]
        self._journal.append(MessagesExpired(ms=now_ms), promise=False)

    def _take_in(self, account: Account) -> None:
        if len(self._strangers) >= MAX_STRANGERS:
            self._counters.refused_strangers.add()
            reason = f"messages wait for {MAX_STRANGERS} accounts that never logged in already"
            raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, reason)
        self._strangers.add(account)

    def _acknowledge(self, account: Account, inbox: Inbox, version: int) -> None:
        if version <= inbox.acknowledged:
            return
        inbox.acknowledged = version
        in_store = False
        while inbox.messages and inbox.messages[0].version <= version:
            in_store |= inbox.messages.popleft().call is None
        if in_store:
            # A promise, because a client that knows of it forgets what it has seen.
            self._journal.append(MessagesAcknowledged(app=self._app, account=account, version=version))

    def _expire(self, inbox: Inbox, now_ms: int) -> None:
        if not inbox.messages or now_ms < inbox.next_expiry:
            return
        kept = deque(message for message in inbox.messages if message.expires_ms > now_ms)
        self._counters.expired_messages.add(len(inbox.messages) - len(kept))
        inbox.messages = kept
        inbox.next_expiry = min((message.expires_ms for message in kept), default=0)
