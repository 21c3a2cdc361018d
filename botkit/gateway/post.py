"""What goes from one account to another: instant messages and messages about calls, through inboxes."""

from botkit.clock import WallClock
from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.accounts import Accounts
from botkit.gateway.counters import Counters
from botkit.gateway.journal import Journal
from botkit.gateway.mailboxes import Mailboxes
from botkit.gateway.quota import NOBODY
from botkit.gateway.session import Session
from botkit.gateway.sessions import Sessions
from botkit.types import Account, Uid
from botkit.wire.frames import InboxNotice, Notify, encode
from botkit.wire.messages import INSTANT, PLACEHOLDER, CallContent, MessageLine, call_text, format_line
from botkit.wire.requests import flag_of

ONLINE_MESSAGE_SECONDS = 120
"""How long a message to a peer that is online waits at least to be fetched: web clients may take 60 s."""


class Post:
    """Puts messages into the inboxes of one app and tells the peers who are online.

    With ``keeps`` messages wait for peers that are offline, too, until their ttl is over.
    """

    def __init__(
        self,
        mailboxes: Mailboxes,
        sessions: Sessions,
        accounts: Accounts,
        *,
        keeps: bool,
        journal: Journal,
        counters: Counters,
        clock: WallClock,
    ) -> None:
        self._mailboxes, self._sessions, self._accounts = mailboxes, sessions, accounts
        self._keeps, self._journal, self._counters, self._clock = keeps, journal, counters, clock

    def session_of(self, account: Account) -> Session | None:
        """The session of an account that is online."""
        return self._sessions.get(account)

    def uid_of(self, account: Account) -> Uid:
        """The account's number, 0 when it never logged in."""
        return self._accounts.uid_of(account)

    def send_instant(self, sender: Session, peer: Account, text: str, ttl: int) -> None:
        """Put a message into the inbox of ``peer``. Raises ``SignalingError`` (400)."""
        receiver = self._sessions.get(peer)
        if receiver is None and not (ttl and self._keeps):
            raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, f"{peer} is offline and the message may not wait")
        now_ms = self._clock.ms()
        line = MessageLine(sender.account, peer, flag_of(ttl, sender.uid), INSTANT, now_ms, text)
        lifetime = ttl if receiver is None else max(ttl, ONLINE_MESSAGE_SECONDS)
        answers_for_it = NOBODY if sender.server else sender.account
        version = self._mailboxes.put(peer, format_line(line), now_ms + lifetime * 1000, now_ms, answers_for_it)
        self._counters.instant_messages.add()
        if receiver is not None:
            self._notify(receiver, version)

    def deliver_call(self, to: Session, call: object, kind: str, content: CallContent) -> int:
        """Put a message about ``call`` into the session's inbox; returns its version there."""
        line = MessageLine(content.peer, to.account, PLACEHOLDER, kind, self._clock.ms(), call_text(content))
        version = self._mailboxes.put_call(to.account, format_line(line), call)
        self._notify(to, version)
        return version

    def was_fetched(self, account: Account, version: int) -> bool:
        """Whether the account's session has fetched a message."""
        return self._mailboxes.was_handed_out(account, version)

    def withdraw_call(self, account: Account, call: object) -> None:
        """Take back what the account's session has not fetched about ``call``."""
        self._mailboxes.withdraw_call(account, call)

    def has_room(self, account: Account) -> bool:
        """Whether the account's inbox is not full."""
        return self._mailboxes.has_room(account, self._clock.ms())

    def announce(self, session: Session) -> None:
        """Tell a peer of what waits for it, if anything does."""
        newest = self._mailboxes.newest(session.account)
        if newest:
            self._notify(session, newest)

    def announce_rest(self, session: Session) -> None:
        """Tell a peer that fetched a page of what that left behind.

        The Python SDK never asks again after a page of 30 unless it is told once more, behind the answer.
        """
        if self._mailboxes.has_more(session.account):
            self._notify(session, self._mailboxes.newest(session.account))

    def _notify(self, session: Session, newest: int) -> None:
        """Tell a peer that its inbox has messages up to ``newest``, as soon as no crash can take them back."""
        session.send(encode(Notify(InboxNotice(newest))))
        if session.connection is not None:
            self._journal.hold(session.connection.outbox)
