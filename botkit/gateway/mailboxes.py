"""Inboxes: per account a row of numbered message lines, kept until acknowledged or expired.

Instant messages and call messages go through here. The peer is told that there is something (``notify msg``) and
fetches it; what it has seen it acknowledges with its next fetch.
"""

from collections.abc import Callable

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.counters import Counters
from botkit.gateway.inbox import Inbox, size_of
from botkit.gateway.journal import Journal
from botkit.gateway.quota import NOBODY, Quota
from botkit.stores.changes import InboxAdvanced, InboxSnapshot, MessagesAcknowledged, MessagesExpired, MessageStored
from botkit.types import Account, AppId
from botkit.wire.limits import INBOX_PAGE
from botkit.wire.replies import Messages, fitting

NEVER_MS = 2**63 - 1

MAX_STRANGERS = 10_000
"""Accounts that never logged in and that messages wait for; anybody can make such names up."""


class Mailboxes:
    """All inboxes of an app: at most ``limit`` messages in each, and ``quota`` for what waits in all of them.

    A page has at most ``page_bytes`` in its answer.
    """

    def __init__(
        self,
        app: AppId,
        journal: Journal,
        counters: Counters,
        *,
        limit: int,
        quota: Quota,
        page_bytes: int,
        known: Callable[[Account], bool],
    ) -> None:
        self._app, self._journal, self._counters = app, journal, counters
        self._limit, self._quota, self._page_bytes = limit, quota, page_bytes
        self._known = known
        self._inboxes: dict[Account, Inbox] = {}
        self._strangers: set[Account] = set()

    def load(self, account: Account, snapshot: InboxSnapshot) -> None:
        """Take over what the store had."""
        self._inboxes[account] = Inbox(self._quota, snapshot)
        if not self._known(account):
            self._strangers.add(account)

    def newest(self, account: Account) -> int:
        """The newest version that waits for ``account``; 0 when nothing does."""
        inbox = self._inboxes.get(account)
        return inbox.messages[-1].version if inbox is not None and inbox.messages else 0

    def put(self, account: Account, line: str, expires_ms: int, now_ms: int, sender: str = NOBODY) -> int:
        """Add a message for which ``sender`` answers, and return its version.

        Raises ``SignalingError`` (400) when the inbox is full, or all of them together are, or those of the sender.
        """
        self._check_room(account, line, now_ms, sender)
        if account not in self._inboxes and not self._known(account):
            self._take_in(account)
        inbox = self._open(account)
        self._journal.append(
            MessageStored(app=self._app, account=account, version=inbox.last + 1, line=line, expires_ms=expires_ms)
        )
        return inbox.add(line, expires_ms, sender)

    def put_call(self, account: Account, line: str, call: object) -> int:
        """Add a message about ``call``, and return its version. It has no ttl but goes with the account's session.

        A full inbox takes it too, for a call has to end at both sides: before anything that may come often, look at
        ``has_room``.
        """
        inbox = self._open(account)
        # Not kept, but its number is: one that came after a restart must not get a number that was shown.
        self._journal.append(InboxAdvanced(app=self._app, account=account, version=inbox.last + 1))
        return inbox.add(line, NEVER_MS, call=call)

    def has_room(self, account: Account, now_ms: int) -> bool:
        """Whether neither the inbox is full nor all of them together are."""
        return self._is_below_limit(account, now_ms) and self._quota.passed(NOBODY, 1, 0) is None

    def fetch(self, account: Account, acknowledged: int, most: int, now_ms: int) -> Messages:
        """Acknowledge up to a version and return the page after it.

        ``ver_clear`` of the page is the version before its first message, or the newest one that there ever was:
        never less than what was acknowledged, or web clients poll for ever. A client may have seen more than we know
        of, from before a restart; it will take nothing but newer versions than that.
        """
        inbox = self._open(account)
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
            inbox.withdraw_call(call)

    def start_session(self, account: Account) -> None:
        """A fresh client starts at version 0: everything stored that waits will be handed out (again)."""
        inbox = self._inboxes.get(account)
        if inbox is not None:
            inbox.handed_out = inbox.acknowledged

    def end_session(self, account: Account) -> None:
        """What was said about calls was for this session only, and would keep them and both their sides."""
        inbox = self._inboxes.get(account)
        if inbox is not None:
            inbox.forget_calls()

    def catch_up(self, account: Account, seen: int) -> None:
        """A client came back that saw versions up to ``seen``: later messages get higher ones, and are new to it."""
        inbox = self._open(account)
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

    def _open(self, account: Account) -> Inbox:
        inbox = self._inboxes.get(account)
        if inbox is None:
            inbox = self._inboxes[account] = Inbox(self._quota)
        return inbox

    def _is_below_limit(self, account: Account, now_ms: int) -> bool:
        inbox = self._inboxes.get(account)
        if inbox is None:
            return True
        self._expire(inbox, now_ms)
        return len(inbox.messages) < self._limit

    def _check_room(self, account: Account, line: str, now_ms: int, sender: str) -> None:
        if not self._is_below_limit(account, now_ms):
            self._counters.full_inboxes.add_for("inbox")
            raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, f"inbox full: {self._limit} messages wait")
        size = size_of(line)
        passed = self._quota.passed(sender, size, size)
        if passed is not None:
            self._counters.full_inboxes.add_for(passed)
            whose, most = "all inboxes", self._quota.together
            if passed == "by account":
                whose, most = f"what {sender} sent", self._quota.by_account
            raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, f"too much waits: at most {most} bytes of {whose}")

    def _take_in(self, account: Account) -> None:
        if len(self._strangers) >= MAX_STRANGERS:
            self._counters.refused_strangers.add()
            reason = f"messages wait for {MAX_STRANGERS} accounts that never logged in already"
            raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, reason)
        self._strangers.add(account)

    def _acknowledge(self, account: Account, inbox: Inbox, version: int) -> None:
        if version <= inbox.acknowledged:
            return
        if inbox.acknowledge(version):
            # A promise, because a client that knows of it forgets what it has seen.
            self._journal.append(MessagesAcknowledged(app=self._app, account=account, version=version))

    def _expire(self, inbox: Inbox, now_ms: int) -> None:
        self._counters.expired_messages.add(inbox.expire(now_ms))
