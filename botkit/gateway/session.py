"""A login session: one account on one connection."""

import secrets

from botkit.gateway.connection import Connection
from botkit.gateway.limits import RateWindow
from botkit.gateway.timers import Timer
from botkit.types import Account, AppId, ChannelName, Line, Uid
from botkit.wire.limits import USER_MESSAGES_PER_SECOND


class Session:
    """What the gateway knows of a logged-in peer.

    ``channel`` is the one channel that it is in. ``line`` is its secret name on the wire. ``server`` is the role
    that special channels and admin calls need; ``botkit`` says that the client understands what is ours.
    """

    __slots__ = ("account", "app", "botkit", "channel", "connection", "expiry", "line", "rate", "server", "uid")

    def __init__(
        self, connection: Connection, app: AppId, account: Account, uid: Uid, *, server: bool, rate: RateWindow
    ) -> None:
        self.connection = connection
        self.app = app
        self.account, self.uid = account, uid
        self.line = Line(secrets.token_urlsafe(18))
        self.server = server
        self.rate = rate
        self.channel: ChannelName | None = None
        self.botkit = False
        self.expiry: Timer | None = None

    def send(self, payload: bytes) -> None:
        """Queue one text message for the peer."""
        self.connection.send(payload)


def new_rate() -> RateWindow:
    """An account's allowance of messages, instant and in channels together."""
    return RateWindow(USER_MESSAGES_PER_SECOND)
