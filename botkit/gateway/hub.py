"""The hub: one app's world, and how sessions come into it and go.

It owns what is between sessions (accounts, channels, inboxes, calls, sanctions, presence) and keeps the order of
events at login, logout and loss, so that everybody is told everything exactly once.
"""

from collections.abc import Iterable

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.accounts import Accounts
from botkit.gateway.auth import LoginGrant
from botkit.gateway.calls import Calls
from botkit.gateway.channel_attributes import ChannelAttributes
from botkit.gateway.channels import Channel, Channels
from botkit.gateway.clock import WallClock
from botkit.gateway.connection import CLOSE_NORMAL, Connection
from botkit.gateway.counters import Counters
from botkit.gateway.journal import Journal
from botkit.gateway.mailboxes import Mailboxes
from botkit.gateway.presence import Presence
from botkit.gateway.sanctions import Sanctions
from botkit.gateway.session import Session
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.gateway.timers import Timers
from botkit.stores.changes import Snapshot
from botkit.types import Account, AppId, ChannelName
from botkit.wire.frames import Close, ExpelledNotice, InboxNotice, Kick, Notify, encode
from botkit.wire.limits import SPECIAL_CHANNELS
from botkit.wire.messages import INSTANT, PLACEHOLDER, CallContent, MessageLine, call_text, format_line
from botkit.wire.requests import flag_of
from botkit.wire.tokens import TokenVerdict

BOTKIT_DEVICE = "botkit"
"""The ``device`` of clients that understand what is ours."""

ONLINE_MESSAGE_SECONDS = 120
"""How long a message to a peer that is online waits at least to be fetched: web clients may take 60 s."""


class Hub:
    """All sessions of one app. Everything here is synchronous; frames are queued, not sent."""

    def __init__(
        self,
        app: AppCredentials,
        settings: GatewaySettings,
        *,
        snapshot: Snapshot,
        journal: Journal,
        counters: Counters,
        timers: Timers,
        clock: WallClock,
    ) -> None:
        self.app, self.settings, self.clock, self.counters = app, settings, clock, counters
        app_id = AppId(app.id)
        uids = {account: uid for (owner, account), uid in snapshot.accounts.items() if owner == app_id}
        self.accounts = Accounts(app_id, journal, uids)
        self.channels = Channels(app_id, journal=journal, counters=counters, timers=timers, clock=clock)
        self.attributes = ChannelAttributes(app_id, self.channels, journal=journal, counters=counters, timers=timers)
        self.mailboxes = Mailboxes(app_id, journal, counters, settings.inbox_limit)
        self.sanctions = Sanctions(app_id, journal, clock)
        self.calls = Calls(self, timers, counters, settings.ring_timeout)
        self._timers = timers
        self.presence = Presence(self.channels, clock)
        self._sessions: dict[Account, Session] = {}
        self._load(app_id, snapshot)

    @property
    def online(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    def accounts_online(self) -> Iterable[Account]:
        """The accounts that have a session."""
        return self._sessions.keys()

    def session_of(self, account: Account) -> Session | None:
        """The session of an account that is online."""
        return self._sessions.get(account)

    def uid_of(self, account: Account) -> int:
        """The account's number, 0 when it never logged in."""
        return self.accounts.uid_of(account)

    def login(self, connection: Connection, account: Account, grant: LoginGrant, device: str) -> Session:
        """Start a session on ``connection``; one that the account has elsewhere is kicked first (103).

        Raises ``LoginFailed`` (202) when the account is banned.
        """
        self.sanctions.check_login(account)
        uid = self.accounts.see(account)
        elsewhere = self._sessions.get(account)
        if elsewhere is not None:
            self._kick(elsewhere)
        rate = self.accounts.rate_of(account)
        session = Session(connection, AppId(self.app.id), account, uid, server=grant.server, rate=rate)
        session.botkit = device == BOTKIT_DEVICE
        if grant.expires is not None:
            remaining = grant.expires - self.clock.seconds()
            session.expiry = self._timers.after(remaining, lambda: self._expire(session))
        self._sessions[account] = session
        connection.session = session
        self.mailboxes.start_session(account)
        return session

    def announce(self, session: Session) -> None:
        """Tell of a session whose login has been answered: nothing may reach its peer before that answer."""
        self.presence.online(session)
        self.calls.session_started(session)
        newest = self.mailboxes.newest(session.account)
        if newest:
            self.notify_inbox(session, newest)

    def end(self, session: Session, reason: str) -> None:
        """End a session, for ``reason``; the others are told that it left its channel, its calls, and the app."""
        if self._sessions.get(session.account) is not session:
            return
        del self._sessions[session.account]
        session.connection.session = None
        if session.expiry is not None:
            session.expiry.cancel()
        self.calls.session_ended(session)
        self.leave(session, reason)
        self.presence.offline(session, reason)
        self.counters.logouts.add_for(reason)

    def join(self, session: Session, name: ChannelName) -> Channel:
        """Move ``session`` into a channel, out of the one before. Raises ``SignalingError`` (300)."""
        if name in SPECIAL_CHANNELS and not session.server:
            raise SignalingError(ErrorCode.JOINCHANNEL_E_OTHER, f"{name} is for server accounts only")
        if session.channel != name:
            self.channels.check_room(name)  # before leaving: a refused join leaves the session where it was
            self.leave(session, "moved")
            channel = self.channels.join(session, name)
            if not channel.special:
                self.presence.joined(session, name)
            return channel
        return self.channels.open(name)

    def leave(self, session: Session, reason: str) -> None:
        """Take ``session`` out of its channel, if it is in one."""
        name = self.channels.leave(session)
        if name is not None and name not in SPECIAL_CHANNELS:
            self.presence.left(session, name, reason)

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
        session = self._sessions.get(account)
        if session is not None:
            self.end(session, "banned")
            self._dismiss(session.connection, f"banned: {reason}" if reason else "banned")

    def send_instant(self, sender: Session, peer: Account, text: str, ttl: int) -> None:
        """Put a message into the inbox of ``peer``. Raises ``SignalingError`` (400)."""
        receiver = self._sessions.get(peer)
        if receiver is None and not (ttl and self.settings.offline_messages):
            raise SignalingError(ErrorCode.SENDMESSAGE_E_OTHER, f"{peer} is offline and the message may not wait")
        now_ms = self.clock.ms()
        line = MessageLine(sender.account, peer, flag_of(ttl, sender.uid), INSTANT, now_ms, text)
        lifetime = ttl if receiver is None else max(ttl, ONLINE_MESSAGE_SECONDS)
        expires_ms = now_ms + lifetime * 1000
        version = self.mailboxes.put(peer, format_line(line), expires_ms, now_ms)
        self.counters.instant_messages.add()
        if receiver is not None:
            self.notify_inbox(receiver, version)

    def deliver_call(self, to: Session, call: object, kind: str, content: CallContent) -> int:
        """Put a message about ``call`` into the session's inbox; returns its version there."""
        now_ms = self.clock.ms()
        line = MessageLine(content.peer, to.account, PLACEHOLDER, kind, now_ms, call_text(content))
        expires_ms = now_ms + ONLINE_MESSAGE_SECONDS * 1000
        version = self.mailboxes.put_call(to.account, format_line(line), expires_ms, call)
        self.notify_inbox(to, version)
        return version

    def was_fetched(self, account: Account, version: int) -> bool:
        """Whether the account's session has fetched a message."""
        return self.mailboxes.was_handed_out(account, version)

    def withdraw_call(self, account: Account, call: object) -> None:
        """Take back what the account's session has not fetched about ``call``."""
        self.mailboxes.withdraw_call(account, call)

    def has_room(self, account: Account) -> bool:
        """Whether the account's inbox is not full."""
        return self.mailboxes.has_room(account, self.clock.ms())

    def notify_inbox(self, session: Session, newest: int) -> None:
        """Tell a peer that its inbox has messages up to ``newest``."""
        session.send(encode(Notify(InboxNotice(newest))))

    def _kick(self, session: Session) -> None:
        """The three steps that every vendor SDK understands: kick, close, and the socket's end."""
        connection = session.connection
        self.end(session, "replaced")
        connection.send(encode(Kick("logged in elsewhere")))
        self._dismiss(connection, "kick")

    def _expire(self, session: Session) -> None:
        """The token ran out within the session (105)."""
        self.end(session, "expired")
        self._dismiss(session.connection, TokenVerdict.EXPIRED.value)

    def _dismiss(self, connection: Connection, why: str) -> None:
        """``close``, then the socket's end: without the first the web SDK reconnects for ever."""
        connection.send(encode(Close(why)))
        connection.close(CLOSE_NORMAL, why, connection.last_received)

    def _load(self, app_id: AppId, snapshot: Snapshot) -> None:
        for (owner, account), values in snapshot.user_attributes.items():
            if owner == app_id:
                self.accounts.load_attributes(account, values)
        for (owner, channel), values in snapshot.channel_attributes.items():
            if owner == app_id:
                loaded = self.channels.load(channel, values, snapshot.emptied.get((owner, channel), 0))
                self.attributes.resume(loaded)
        for (owner, account), inbox in snapshot.inboxes.items():
            if owner == app_id:
                self.mailboxes.load(account, inbox)
        for sanction in snapshot.sanctions:
            if sanction.app == app_id:
                self.sanctions.load(sanction)
