"""What makes up a session, and the moves of its whole: logged in, connection lost, over."""

from botkit.errors import ErrorCode, SessionEnded
from botkit.events import LoggedIn, LoggedOut
from botkit.signaling.buffer import EventBuffer
from botkit.signaling.calls import Calls
from botkit.signaling.channels import Channels
from botkit.signaling.connection import Connection, Notice
from botkit.signaling.inbox_reader import InboxReader
from botkit.signaling.requests import Requests
from botkit.signaling.settings import SignalSettings
from botkit.signaling.statistics import Counters
from botkit.types import Account, Uid
from botkit.wire.frames import ChannelNotice, ExpelledNotice, InboxNotice
from botkit.wire.states import LoginStatus


class SessionCore:
    """The parts of one session. They live as long as the session, over all of its connections."""

    def __init__(self, account: Account, settings: SignalSettings) -> None:
        self.account = account
        self.settings = settings
        self.counters = Counters()
        self.events = EventBuffer(settings.event_buffer, self.counters)
        self.requests = Requests(settings, self.counters)
        self.channels = Channels(self.requests, self.events.put, self.counters)
        self.calls = Calls(self.requests, self.events.put, settings, self.counters)
        self.inbox = InboxReader(self.calls, self.events.put, self.counters)
        self.status = LoginStatus.INITIAL
        self.uid = Uid(0)
        self.connection: Connection | None = None
        self.ended: SessionEnded | None = None

    def logged_in(self, uid: Uid, connection: Connection) -> None:
        """The gateway let this session in, for the first time or again."""
        first = self.counters.connections == 0
        self.counters.connections += 1
        self.status = LoginStatus.LOGGED_IN
        self.uid = uid
        self.connection = connection
        if first:
            self.events.put(LoggedIn(account=self.account, uid=uid))
            self.requests.open(connection)
        self.inbox.start(connection)

    def on_notice(self, notice: Notice) -> None:
        """What the gateway tells unasked. Raises ``ProtocolError``."""
        match notice:
            case ChannelNotice():
                self.channels.on_notice(notice)
            case InboxNotice():
                self.inbox.on_notice(notice)
            case ExpelledNotice():
                self.channels.on_expelled(notice)

    def lost(self) -> None:
        """The connection is gone; the session may come back, its calls do not."""
        if self.ended is not None:
            return
        if self.connection is not None:
            self.counters.connections_lost += 1
        self.connection = None
        self.status = LoginStatus.CONNECTING
        self.requests.close()
        self.calls.lose_all()

    def end(self, ended: SessionEnded) -> None:
        """The session is over. The first reason counts."""
        if self.ended is not None:
            return
        self.ended = ended
        self.status = LoginStatus.LOGGED_OUT
        self.requests.end(ended)
        if ended.code is ErrorCode.LOGOUT_E_NET:
            self.calls.lose_all()
            self.channels.leave(ErrorCode.LEAVECHANNEL_E_DISCONN)
        else:
            self.calls.end_all()
            self.channels.leave(ErrorCode.LEAVECHANNEL_E_LOGOUT)
        self.events.end(LoggedOut(account=self.account, code=ended.code), ended)
