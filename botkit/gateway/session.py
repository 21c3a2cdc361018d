"""A login session: one account, on one connection at a time."""

import secrets
from typing import Protocol

import trio

from botkit.gateway.fanout import Fanout
from botkit.gateway.limits import RateWindow
from botkit.gateway.outbox import Outbox
from botkit.gateway.timers import Timer
from botkit.types import Account, AppId, ChannelName, Line, Uid
from botkit.wire.limits import USER_MESSAGES_PER_SECOND


class Peer(Protocol):
    """What a session needs of the connection that it lives on (``botkit.gateway.connection.Connection``)."""

    outbox: Outbox
    session: "Session | None"
    sessionless_since: float

    def send(self, payload: bytes) -> None:
        """Queue one message."""
        ...

    def send_framed(self, data: bytes) -> None:
        """Queue a message that is framed already."""
        ...

    def close(self, code: int, reason: str, now: float) -> None:
        """Start the closing handshake."""
        ...

    def abort(self) -> None:
        """Drop the peer at once."""
        ...


class Session:
    """What the gateway knows of a logged-in account.

    ``connection`` is None while a ``resumable`` session waits for its client to come back. ``channel`` is the one
    channel that it is in, ``fanout`` what is told there, ``joined_after`` the channel's newest notice when it joined.
    ``line`` is its secret name on the wire. ``server`` is the role that special channels and admin calls need;
    ``botkit`` says that the client understands what is ours. ``expiry`` ends it with its token, ``grace`` when nobody
    came back: at ``return_by``, which is put off when its client comes back, but not for ever by ``unheard_returns``,
    after which it said nothing.
    """

    __slots__ = (
        "account",
        "app",
        "botkit",
        "channel",
        "connection",
        "expiry",
        "fanout",
        "grace",
        "joined_after",
        "line",
        "rate",
        "resumable",
        "return_by",
        "server",
        "uid",
        "unheard_returns",
    )

    def __init__(self, app: AppId, account: Account, uid: Uid, rate: RateWindow, line: Line | None = None) -> None:
        self.app, self.account, self.uid = app, account, uid
        self.rate = rate
        self.line = line or Line(secrets.token_urlsafe(18))
        self.connection: Peer | None = None
        self.channel: ChannelName | None = None
        self.fanout: Fanout | None = None
        self.joined_after = 0
        self.server = False
        self.botkit = False
        self.resumable = False
        self.expiry: Timer | None = None
        self.grace: Timer | None = None
        self.return_by: float | None = None
        self.unheard_returns = 0

    def attach(self, connection: Peer) -> None:
        """Live on ``connection`` from now on."""
        self.connection = connection
        connection.session = self
        if self.fanout is not None:
            self.fanout.add(connection.outbox)
        if self.grace is not None:
            self.grace.cancel()
            self.grace = None

    def detach(self, *, gone: bool = False) -> Peer | None:
        """Let go of the connection, which knows nothing of this session any more, and return it.

        Where it is ``gone``, nothing more is sent there.
        """
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.session = None
            if self.fanout is not None:
                self.fanout.remove(connection.outbox, gone=gone)
            connection.sessionless_since = trio.current_time()
        return connection

    def enter(self, name: ChannelName, fanout: Fanout, newest: int) -> None:
        """Be in a channel, whose newest notice is ``newest``, and hear what is told there."""
        self.channel, self.fanout, self.joined_after = name, fanout, newest
        if self.connection is not None:
            fanout.add(self.connection.outbox)

    def leave(self) -> ChannelName | None:
        """Be in no channel; returns the name of the one that it was in."""
        name, self.channel = self.channel, None
        fanout, self.fanout = self.fanout, None
        if fanout is not None and self.connection is not None:
            fanout.remove(self.connection.outbox)
        return name

    def stop_timers(self) -> None:
        """The session is over: nothing may happen to it later."""
        for timer in (self.expiry, self.grace):
            if timer is not None:
                timer.cancel()

    def send(self, payload: bytes) -> None:
        """Queue one message; dropped while nobody is there (what must not be lost is kept elsewhere)."""
        if self.connection is not None:
            self.connection.send(payload)


def new_rate() -> RateWindow:
    """An account's allowance of messages, instant and in channels together."""
    return RateWindow(USER_MESSAGES_PER_SECOND)
