"""What makes up a session, and the moves of its whole: logged in, connection lost, over."""

from typing import NamedTuple

from botkit.errors import ErrorCode, SessionEnded
from botkit.events import Event, LoggedIn, LoggedOut, MessageHeld, Reconnected
from botkit.signaling.buffer import EventBuffer
from botkit.signaling.calls import Calls
from botkit.signaling.channels import Channels
from botkit.signaling.connection import Connection, Notice
from botkit.signaling.inbox_reader import InboxReader
from botkit.signaling.login import LoginAnswer
from botkit.signaling.outgoing import Gate, Outgoing
from botkit.signaling.requests import Requests
from botkit.signaling.settings import SignalSettings
from botkit.signaling.statistics import Counters
from botkit.types import Account, AppId, ChannelName, Line, Uid
from botkit.wire.frames import ChannelNotice, ExpelledNotice, HeldNotice, InboxNotice, ResumeArguments
from botkit.wire.states import LoginStatus


class Return(NamedTuple):
    """How a session comes back: as the same or as a new one, and which channel it has to join (again), if any."""

    resumed: bool
    channel: ChannelName | None


class SessionCore:
    """The parts of one session. They live as long as the session, over all of its connections."""

    def __init__(self, account: Account, settings: SignalSettings, gate: Gate) -> None:
        self.account = account
        self.settings = settings
        self.counters = Counters()
        self.events = EventBuffer(settings.event_buffer, self.counters)
        self.requests = Requests(settings, self.counters)
        self.outgoing = Outgoing(account, self.requests, gate)
        tell = self._tell_channel_event if self.outgoing.listens else self.events.put
        self.channels = Channels(self.outgoing, tell, self.counters, feed_events=settings.feed_events)
        self.calls = Calls(self.outgoing, self.events.put, settings, self.counters)
        self.inbox = InboxReader(self.calls, self.events.put, self.counters)
        self.status = LoginStatus.INITIAL
        self.uid = Uid(0)
        self.connection: Connection | None = None
        self.ended: SessionEnded | None = None
        self._line = Line("")
        self._boot = ""

    def logged_in(self, answer: LoginAnswer, connection: Connection) -> Return | None:
        """The gateway let this session in: it is complete, or has to return to its channel first."""
        first = self.counters.connections == 0
        self.counters.connections += 1
        self.status = LoginStatus.LOGGED_IN
        self.uid = answer.uid
        self.connection = connection
        if answer.boot != self._boot:
            self._lose_calls()  # a gateway's calls end with it, also where the session goes on
        self._line, self._boot = answer.line, answer.boot
        if first:
            self.events.put(LoggedIn(account=self.account, uid=answer.uid))
            self.requests.open(connection)
            self.inbox.start(connection)
            return None
        how = self._resumed(answer, connection) if answer.resumed else self._logged_in_again(connection)
        if how.channel is None:
            self.returned(connection, how, None)
            return None
        return how

    def returned(self, connection: Connection, how: Return, rejoined: ChannelName | None) -> None:
        """The session is complete again: tell, and let the requests through that have waited."""
        self.events.put(Reconnected(account=self.account, resumed=how.resumed, rejoined=rejoined))
        self.requests.open(connection)

    def _resumed(self, answer: LoginAnswer, connection: Connection) -> Return:
        self.requests.resume(connection)
        self.inbox.resume(connection)
        return Return(True, self.channels.resumed(answer.channel, answer.lost))

    def _logged_in_again(self, connection: Connection) -> Return:
        self._lose_calls()
        self.inbox.start(connection)
        current = self.channels.current
        return Return(False, current.name if current is not None else None)

    def resumption(self, app_id: AppId) -> ResumeArguments | None:
        """How to name this session to a gateway that may still have it; None when it cannot."""
        if not self._boot:
            return None
        channel, message_id = self.channels.seen()
        return ResumeArguments(
            vid=app_id,
            account=self.account,
            line=self._line,
            boot=self._boot,
            channel=channel,
            message_id=message_id,
            inbox=self.inbox.last,
            multi=True,
        )

    def on_notice(self, notice: Notice) -> None:
        """What the gateway tells unasked. Raises ``ProtocolError``."""
        match notice:
            case ChannelNotice():
                self.channels.on_notice(notice)
            case InboxNotice():
                self.inbox.on_notice(notice)
            case ExpelledNotice():
                self.channels.on_expelled(notice)
            case HeldNotice():
                self.events.put(_held(notice))

    def lost(self) -> None:
        """The connection is gone; the session may come back. Its calls can only with a gateway that resumes it."""
        if self.ended is not None:
            return
        if self.connection is not None:
            self.counters.connections_lost += 1
        self.connection = None
        self.status = LoginStatus.CONNECTING
        self.requests.close()
        if not self._boot:
            self.calls.lose_all()

    def end(self, ended: SessionEnded) -> None:
        """The session is over. The first reason counts."""
        if self.ended is not None:
            return
        self.ended = ended
        self.status = LoginStatus.LOGGED_OUT
        self.requests.end(ended)
        self.outgoing.end()
        if ended.code is ErrorCode.LOGOUT_E_NET:
            self.calls.lose_all()
            self.channels.leave(ErrorCode.LEAVECHANNEL_E_DISCONN)
        else:
            self.calls.end_all()
            self.channels.leave(ErrorCode.LEAVECHANNEL_E_LOGOUT)
        self.events.end(LoggedOut(account=self.account, code=ended.code, reason=ended.reason), ended)

    def _lose_calls(self) -> None:
        """The gateway has ended them, and knows nothing of what was posted about them."""
        self.calls.lose_all()
        self.requests.forget_posted()

    def _tell_channel_event(self, event: Event) -> None:
        self.outgoing.heard(event)
        self.events.put(event)


def _held(notice: HeldNotice) -> MessageHeld:
    return MessageHeld(
        number=notice.number,
        channel=ChannelName(notice.channel),
        account=Account(notice.account),
        uid=Uid(notice.uid),
        text=notice.text,
        budget_ms=notice.budget_ms,
    )
