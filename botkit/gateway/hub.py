"""The hub: one app's world, and how sessions come into it and go.

It owns what is between sessions (accounts, channels, inboxes, calls, sanctions, presence) and keeps the order of
events at login, logout and loss, so that everybody is told everything exactly once.
"""

import secrets

import trio

from botkit.errors import ErrorCode, LoginFailed, SignalingError
from botkit.gateway.auth import LoginGrant, prove_session
from botkit.gateway.calls import Calls
from botkit.gateway.channel_attributes import ChannelAttributes
from botkit.gateway.channels import Channel
from botkit.gateway.connection import CLOSE_NORMAL, Connection
from botkit.gateway.holds import Holds
from botkit.gateway.parts import open_accounts, open_channels, open_ledger, open_mailboxes
from botkit.gateway.post import Post
from botkit.gateway.presence import Presence
from botkit.gateway.sanctions import Sanctions
from botkit.gateway.session import Session
from botkit.gateway.sessions import Sessions
from botkit.gateway.settings import AppCredentials
from botkit.gateway.shared import Shared
from botkit.stores.changes import Snapshot
from botkit.types import Account, AppId, ChannelName, Uid
from botkit.wire.admin import ban_text
from botkit.wire.frames import Close, ExpelledNotice, Kick, Notify, ResumeArguments, encode
from botkit.wire.limits import RESUME_SECONDS, SPECIAL_CHANNELS
from botkit.wire.tokens import TokenVerdict

MAX_UNHEARD_RETURNS = 3
"""A client that came back so often in a row without a word has 30 s in all for the next time, and not each time."""


class Hub:
    """All sessions of one app. Everything here is synchronous; frames are queued, not sent."""

    def __init__(self, app: AppCredentials, shared: Shared, snapshot: Snapshot) -> None:
        self.app, self.settings, self.clock, self.counters = app, shared.settings, shared.clock, shared.counters
        self._timers = timers = shared.timers
        app_id, journal, counters, clock = AppId(app.id), shared.journal, shared.counters, shared.clock
        self.boot = secrets.token_urlsafe(6)
        self.sessions = Sessions(app_id, journal=journal, timers=timers, clock=clock, expired=self._expire)
        self.sanctions = Sanctions(app_id, journal, clock)
        self.accounts = open_accounts(app_id, shared, snapshot)
        self.channels = open_channels(app_id, shared)
        self.mailboxes = open_mailboxes(app_id, shared, known=lambda account: bool(self.uid_of(account)))
        self.post = Post(
            self.mailboxes,
            self.sessions,
            self.accounts,
            keeps=self.settings.offline_messages,
            journal=journal,
            counters=counters,
            clock=clock,
        )
        self.ledger = open_ledger(app_id, shared, snapshot)
        self.attributes = ChannelAttributes(
            app_id, self.channels, self.ledger, journal=journal, counters=counters, timers=timers
        )
        self.calls = Calls(self.post, self.ledger, timers, counters, self.settings.ring_timeout)
        self.presence = Presence(self.channels, self.ledger, journal)
        self.holds = Holds(
            app_id, self.channels, journal=journal, counters=counters, timers=timers, session_of=self.session_of
        )

    def tidy(self) -> None:
        """Once a minute: let go of what is past its time."""
        self.mailboxes.expire(self.clock.ms())
        self.ledger.trim()
        now = trio.current_time()
        self.sessions.tidy(now)
        self.sanctions.tidy()
        self.accounts.forget_idle_rates(now)

    def session_of(self, account: Account) -> Session | None:
        """The session of an account that is online."""
        return self.sessions.get(account)

    def uid_of(self, account: Account) -> Uid:
        """The account's number, 0 when it never logged in."""
        return self.accounts.uid_of(account)

    def check_changes(self, account: Account) -> None:
        """Count one change that a user makes. Raises ``SignalingError`` (1001) over the rate."""
        if not self.accounts.changes_of(account).allow(trio.current_time()):
            self.counters.fast_changes.add()
            reason = f"too fast: at most {self.settings.changes_per_second} changes per second and user"
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, reason)

    def login(
        self, connection: Connection, account: Account, grant: LoginGrant, *, botkit: bool, resume: bool
    ) -> Session:
        """Start a session on ``connection``; one that the account has elsewhere is kicked first (103).

        Raises ``LoginFailed`` (202) when the account is banned.
        """
        self.sanctions.check_login(account)
        elsewhere = self.sessions.get(account)
        if elsewhere is not None:
            self._replace(elsewhere)
        session = Session(AppId(self.app.id), account, self.accounts.see(account), self.accounts.rate_of(account))
        session.server, session.botkit, session.resumable = grant.server, botkit, botkit and resume
        self.sessions.open(session, grant.expires, prove_session(self.app, session.line, grant))
        session.attach(connection)
        self.mailboxes.start_session(account)
        return session

    def announce(self, session: Session) -> None:
        """Tell of a session whose login has been answered: nothing may reach its peer before that answer."""
        self.presence.online(session.account, session.uid)
        self.calls.session_started(session)
        self.post.announce(session)

    def lose(self, session: Session, reason: str) -> None:
        """The session's connection is gone: wait for the client to come back, if it is one that does, or end it."""
        session.detach(gone=True)
        if not session.resumable:
            self.end(session, reason)
            return
        self.await_return(session)

    def await_return(self, session: Session) -> None:
        """End a session whose client does not come back within 30 s, or comes back again and again but is not heard."""
        if session.return_by is None or session.unheard_returns <= MAX_UNHEARD_RETURNS:
            session.return_by = trio.current_time() + RESUME_SECONDS
        session.grace = self._timers.at(session.return_by, lambda: self.end(session, "disconnected"))

    def resume(self, connection: Connection, account: Account, line: str) -> Session:
        """Continue a session on another connection.

        Raises ``LoginFailed``: 207 when the account logged in elsewhere meanwhile, 200 when there is no such session.
        """
        session = self.sessions.by_line(line)
        if self.sessions.was_replaced(line):
            raise LoginFailed(ErrorCode.LOGIN_E_TOKEN_KICKED, "kick")
        if session is None or session.account != account or not session.resumable:
            raise LoginFailed(ErrorCode.LOGIN_E_OTHER, "no such session: log in")
        before = session.detach()
        if before is not None:
            before.abort()  # half-open: the client is here
        session.attach(connection)
        session.unheard_returns += 1
        return session

    def replay(self, session: Session, seen: ResumeArguments) -> tuple[list[bytes], int]:
        """What a session that came back has missed in its channel: framed notices, and how many are lost.

        -1 lost means that nobody knows: the gateway was started anew, and all that was told since then is new to the
        client; or it was in another channel.
        """
        self.mailboxes.catch_up(session.account, seen.inbox)
        channel = self.channels.get(session.channel) if session.channel else None
        if channel is not None and seen.channel != channel.name:
            return [], -1
        if channel is None:
            return [], 0 if seen.boot == self.boot else -1
        # What was told before it joined was never the client's to see.
        after = max(seen.message_id if seen.boot == self.boot else 0, session.joined_after)
        frames, lost = channel.history.since(after, channel.last_message_id)
        return frames, lost if seen.boot == self.boot else -1

    def end(self, session: Session, reason: str) -> None:
        """End a session, for ``reason``; the others are told that it left its channel, its calls, and the app."""
        if not self.sessions.close(session):
            return
        session.detach()
        self.calls.session_ended(session)
        self.mailboxes.end_session(session.account)
        self.leave(session, reason)
        self.presence.offline(session.account, session.uid, reason)
        self.counters.logouts.add_for(reason)

    def join(self, session: Session, name: ChannelName) -> Channel:
        """Move ``session`` into a channel, out of the one before. Raises ``SignalingError`` (300)."""
        if name in SPECIAL_CHANNELS and not session.server:
            raise SignalingError(ErrorCode.JOINCHANNEL_E_OTHER, f"{name} is for server accounts only")
        if session.channel != name:
            self.channels.check_room(name)  # before leaving: a refused join leaves the session where it was
            self.leave(session, "moved")
            channel = self.channels.join(session, name)
            self.sessions.moved(session)
            if not channel.special:
                self.presence.joined(session.account, session.uid, name)
            return channel
        return self.channels.open(name)

    def leave(self, session: Session, reason: str) -> None:
        """Take ``session`` out of its channel, if it is in one."""
        name = self.channels.leave(session)
        if name is None:
            return
        self.sessions.moved(session)
        if name not in SPECIAL_CHANNELS:
            self.presence.left(session.account, session.uid, name, reason)

    def expel(self, session: Session, reason: str) -> None:
        """Put a session out of its channel (601). Vendor clients know no notice for it: they just hear nothing more."""
        name = session.channel
        self.leave(session, "kicked")
        if name is not None and session.botkit:
            notice = ExpelledNotice(name, int(ErrorCode.LEAVECHANNEL_E_KICKED), reason)
            session.send(encode(Notify(notice)))

    def close_channel(self, name: ChannelName, reason: str) -> int:
        """Put everybody out of a channel and destroy it; returns how many that were."""
        channel = self.channels.get(name)
        if channel is None:
            return 0
        members = list(channel.members.values())
        for member in members:
            self.expel(member, reason)
        self.channels.destroy(channel)
        return len(members)

    def banish(self, account: Account, reason: str) -> None:
        """End the session of an account that was banned, if it has one."""
        session = self.sessions.get(account)
        if session is not None:
            self._dismiss(session, "banned", ban_text(reason))

    def _replace(self, session: Session) -> None:
        """The account logs in elsewhere (103); a client that was gone already is just gone, and hears of it later."""
        self.sessions.replaced(session)
        if session.connection is None:
            self.end(session, "disconnected")
            return
        session.send(encode(Kick("logged in elsewhere")))
        self._dismiss(session, "replaced", "kick")

    def _expire(self, session: Session) -> None:
        """The token ran out within the session (105)."""
        self._dismiss(session, "expired", TokenVerdict.EXPIRED.value)

    def _dismiss(self, session: Session, reason: str, close: str) -> None:
        """End a session of our own accord: ``close`` with its text, then the socket's end.

        Without the first the web SDK reconnects for ever.
        """
        connection = session.connection
        self.end(session, reason)
        if connection is not None:
            connection.send(encode(Close(close)))
            connection.close(CLOSE_NORMAL, close, trio.current_time())
